//! Host endpoints, profiles, and settings of Calico's agent.

use std::net::IpAddr;

use super::{CalicoRule, Net};
use crate::cluster::{Direction, Labels, Protocol};

/// Ports that stay open without settings, into a host.
pub const INBOUND: [(Protocol, u16); 9] = [
    (Protocol::Tcp, 22),
    (Protocol::Udp, 68),
    (Protocol::Tcp, 179),
    (Protocol::Tcp, 2379),
    (Protocol::Tcp, 2380),
    (Protocol::Tcp, 5473),
    (Protocol::Tcp, 6443),
    (Protocol::Tcp, 6666),
    (Protocol::Tcp, 6667),
];
/// The same, out of a host.
pub const OUTBOUND: [(Protocol, u16); 9] = [
    (Protocol::Udp, 53),
    (Protocol::Udp, 67),
    (Protocol::Tcp, 179),
    (Protocol::Tcp, 2379),
    (Protocol::Tcp, 2380),
    (Protocol::Tcp, 5473),
    (Protocol::Tcp, 6443),
    (Protocol::Tcp, 6666),
    (Protocol::Tcp, 6667),
];

/// A HostEndpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostEndpoint {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.labels`.
    pub labels: Labels,
    /// `node`.
    pub node: String,
    /// `interfaceName`.
    pub interface: Option<String>,
    /// `expectedIPs`.
    pub addresses: Vec<IpAddr>,
    /// `profiles`.
    pub profiles: Vec<String>,
}

/// A Profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// `metadata.name`.
    pub name: String,
    /// `labelsToApply`.
    pub labels: Labels,
    /// `ingress`.
    pub ingress: Vec<CalicoRule>,
    /// `egress`.
    pub egress: Vec<CalicoRule>,
}

/// A FelixConfiguration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Felix {
    /// `metadata.name`: `default`, or `node.NAME`.
    pub name: String,
    /// `failsafeInboundHostPorts`.
    pub inbound: Option<Vec<Failsafe>>,
    /// `failsafeOutboundHostPorts`.
    pub outbound: Option<Vec<Failsafe>>,
    /// `defaultEndpointToHostAction`.
    pub to_host: Option<ToHost>,
}

/// A port that stays open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failsafe {
    /// Its protocol.
    pub protocol: Protocol,
    /// The port.
    pub port: u16,
    /// From or to where; none: anywhere.
    pub net: Option<Net>,
}

/// `defaultEndpointToHostAction`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of Calico")]
pub enum ToHost {
    Accept,
    Drop,
}

impl Profile {
    /// Its rules of a direction.
    pub fn rules(&self, direction: Direction) -> &[CalicoRule] {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }
}

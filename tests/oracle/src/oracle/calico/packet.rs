//! What a flow carries, as rules see it.

use std::collections::BTreeSet;

use super::super::rules::Traffic;
use super::super::world::World;
use crate::cluster::calico::{CalicoPolicy, CalicoPort, number_of};
use crate::cluster::{Cluster, Protocol};

/// What is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried {
    /// A port of a protocol that has some.
    Ported(Traffic),
    /// Any protocol without ports: which one is not said.
    Portless,
    /// A packet of which everything is known.
    Exactly(Packet),
}

impl Carried {
    /// The port that is asked about, if it is one of a protocol that has some.
    pub fn traffic(self) -> Option<Traffic> {
        match self {
            Self::Ported(traffic) => Some(traffic),
            Self::Portless => None,
            Self::Exactly(packet) => {
                let mut all = Protocol::ALL.into_iter();
                let protocol = all.find(|protocol| number_of(*protocol) == packet.protocol)?;
                Some(Traffic { protocol, port: packet.destination? })
            }
        }
    }
}

/// A packet of which everything is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// The number of its protocol.
    pub protocol: u8,
    /// Its source port, if the protocol has ports.
    pub source: Option<u16>,
    /// Its destination port, if the protocol has ports.
    pub destination: Option<u16>,
}

const ICMP: u8 = 1;
const ICMP_V6: u8 = 58;
const UDP_LITE: u8 = 136;

/// Every packet that is meant, one of those that no rule tells apart at least.
pub fn packets(cluster: &Cluster, world: &World, carried: Carried) -> Vec<Packet> {
    match carried {
        Carried::Ported(traffic) => {
            let protocol = number_of(traffic.protocol);
            let with =
                |source| Packet { protocol, source: Some(source), destination: Some(traffic.port) };
            source_ports(cluster, world).into_iter().map(with).collect()
        }
        Carried::Exactly(packet) => vec![packet],
        Carried::Portless => {
            let with = |protocol| Packet { protocol, source: None, destination: None };
            portless(cluster, world).into_iter().map(with).collect()
        }
    }
}

/// Source ports on either side of the ends of all ranges that rules ask for, and those that have a
/// name in the source.
fn source_ports(cluster: &Cluster, world: &World) -> BTreeSet<u16> {
    let mut ports = BTreeSet::from([u16::MAX]);
    for port in cluster.calico.source_ports() {
        match port {
            CalicoPort::Range(first, last) => {
                ports.extend([first - 1, *first, *last, last.saturating_add(1)]);
            }
            CalicoPort::Named(_) => {
                let pod = world.source.pod.iter();
                ports.extend(pod.flat_map(|pod| &pod.ports).map(|(_, _, number)| *number));
            }
        }
    }
    ports.remove(&0);
    ports
}

/// ICMP of the family, one that no rule mentions, and all that some do.
fn portless(cluster: &Cluster, world: &World) -> BTreeSet<u8> {
    let rules = cluster.calico.policies.iter().flat_map(CalicoPolicy::all_rules);
    let asked = rules.flat_map(|rule| [rule.protocol, rule.not_protocol]).flatten();
    let asked: BTreeSet<u8> =
        asked.filter(|protocol| !protocol.has_ports()).map(|protocol| protocol.number).collect();
    let (own, other) = if world.family() == 4 { (ICMP, ICMP_V6) } else { (ICMP_V6, ICMP) };
    let unasked = (100..=255).find(|number| !asked.contains(number) && *number != UDP_LITE);
    let mut all: BTreeSet<u8> = asked.into_iter().chain([own]).chain(unasked).collect();
    all.remove(&other);
    all
}

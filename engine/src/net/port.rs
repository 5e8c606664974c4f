//! Transport protocols and their ports.

use enum_map::Enum;
use serde::{Deserialize, Serialize};

use super::interval::IntervalSet;

/// A transport protocol that NetworkPolicy speaks of.
///
/// # Shape
/// Ordered by name, which is the order of every listing.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Enum, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum Protocol {
    /// SCTP.
    Sctp,
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Protocol {
    /// All of them, in order.
    pub const ALL: [Self; 3] = [Self::Sctp, Self::Tcp, Self::Udp];

    /// Its name as Kubernetes writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sctp => "SCTP",
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
        }
    }

    /// The protocol of exactly this name, or none.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|protocol| protocol.name() == name)
    }
}

impl std::fmt::Display for Protocol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of ports from 1 to 65535 of one protocol.
pub type PortSet = IntervalSet<u16>;

/// Every port: 1–65535.
pub fn all_ports() -> PortSet {
    PortSet::range(1, u16::MAX)
}

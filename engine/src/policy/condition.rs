//! What rules of Calico's policies ask of a flow besides peers and ports.

use super::{BlockId, BlockPair, PolicyRule, RulePeer, SetId};
use crate::manifest::calico::{CalicoProtocol, IcmpMatch};
use crate::manifest::{Direction, PortEntry, PortMatch};
use crate::net::{ConnSet, Conns, Family};

/// An end of a flow, seen from a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Seat {
    /// The end whose policies are asked.
    Subject,
    /// The other one.
    Peer,
}

/// One thing that must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// What stands at an end's address matches: a pod of the set, or a set of addresses. If
    /// `negated`, nothing that stands there may.
    Items {
        /// Which end.
        seat: Seat,
        /// Whether nothing may match.
        negated: bool,
        /// Pods that match.
        pods: SetId,
        /// Addresses of sets that match.
        sets: BlockPair,
    },
    /// The end's address is in a block.
    Net {
        /// Which end.
        seat: Seat,
        /// The block.
        block: BlockId,
    },
    /// The flow is one of these.
    Flows {
        /// Those that it is about.
        flows: Conns,
        /// Why it is open for those of which it is not certain.
        doubt: Doubt,
        /// The family that alone has what it is about, and whether it is about all but that.
        family: Option<(Family, bool)>,
        /// What packets are asked for: where they are seen, nothing of it is open.
        packets: PacketMatch,
    },
    /// The source's port is one of these; or, if `negated`, none of them. Nobody says which it is.
    SourcePorts {
        /// Whether it must be none of them.
        negated: bool,
        /// Ports by number.
        numbers: ConnSet,
        /// Ports by name.
        names: Vec<PortEntry>,
        /// The pods whose names they are; none: of any pod.
        of: Option<SetId>,
        /// Which end the source is.
        seat: Seat,
    },
    /// The destination's port is one of these; or, if `negated`, none of them.
    Ports {
        /// Whether it must be none of them.
        negated: bool,
        /// Ports by number.
        numbers: ConnSet,
        /// Ports by name.
        names: Vec<PortEntry>,
        /// The pods whose names they are; none: of any pod.
        of: Option<SetId>,
    },
    /// The destination, which is the peer, is behind a Service, and the port is one of its pods'.
    Service {
        /// Pods behind it.
        pods: SetId,
        /// Their ports by number.
        numbers: ConnSet,
        /// Their ports by name.
        names: Vec<PortEntry>,
    },
    /// It cannot be known.
    Open(Doubt),
}

/// What a rule asks of packets, besides addresses and ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketMatch {
    /// They are of this protocol; or, if the flag is set, of another.
    Protocol(CalicoProtocol, bool),
    /// They are such messages of ICMP; or, if the flag is set, other packets.
    Icmp(IcmpMatch, bool),
    /// They are of the flows, of which nothing is open.
    OfFlows,
}

/// Why it cannot be known whether a rule is about a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Doubt {
    /// The source's port decides, and nobody says which it is.
    SourcePort,
    /// Which of the protocols without ports it is decides, and nobody says that.
    Protocol,
    /// A Service decides that is not in the input.
    Service,
    /// A Profile decides that is not in the input.
    Profile,
}

impl Condition {
    /// The end that it is about, if it is about who one is.
    pub fn seat(&self) -> Option<Seat> {
        match self {
            Self::Items { seat, .. } | Self::Net { seat, .. } => Some(*seat),
            Self::Service { .. } => Some(Seat::Peer),
            Self::SourcePorts { seat, names, .. } => (!names.is_empty()).then_some(*seat),
            Self::Flows { .. } | Self::Ports { .. } | Self::Open(_) => None,
        }
    }

    /// Sets of pods that it asks for.
    pub fn sets(&self) -> Option<SetId> {
        match self {
            Self::Items { pods, .. } | Self::Service { pods, .. } => Some(*pods),
            Self::Ports { of, .. } | Self::SourcePorts { of, .. } => *of,
            Self::Net { .. } | Self::Flows { .. } | Self::Open(_) => None,
        }
    }

    /// Blocks that it asks for.
    pub fn blocks(&self) -> impl Iterator<Item = BlockId> + use<> {
        let [first, second] = match self {
            Self::Items { sets, .. } => [Some(sets.certain), Some(sets.possible)],
            Self::Net { block, .. } => [Some(*block), None],
            Self::Flows { .. }
            | Self::SourcePorts { .. }
            | Self::Ports { .. }
            | Self::Service { .. }
            | Self::Open(_) => [None, None],
        };
        first.into_iter().chain(second)
    }

    /// Names of ports that it asks for.
    pub fn names(&self) -> &[PortEntry] {
        match self {
            Self::Ports { names, .. }
            | Self::SourcePorts { names, .. }
            | Self::Service { names, .. } => names,
            _ => &[],
        }
    }
}

impl PolicyRule {
    /// Sets of pods that it asks for, of whatever end; the same may come twice.
    pub fn sets(&self) -> impl Iterator<Item = SetId> + '_ {
        let peers = self.peers.iter().filter_map(|peer: &RulePeer| peer.pods());
        peers.chain(self.conditions.iter().filter_map(Condition::sets))
    }

    /// Blocks that it asks for, of whatever end; the same may come twice.
    pub fn blocks(&self) -> impl Iterator<Item = BlockId> + '_ {
        let peers = self.peers.iter().flat_map(|peer| peer.blocks());
        peers.chain(self.conditions.iter().flat_map(Condition::blocks))
    }

    /// Ports that it asks for by name.
    pub fn named_ports(&self) -> impl Iterator<Item = &PortEntry> {
        let all = self.ports.iter().chain(self.conditions.iter().flat_map(Condition::names));
        all.filter(|port| matches!(port.ports, PortMatch::Named(_)))
    }

    /// Whether it matters which family flows are of, besides addresses.
    pub fn asks_family(&self) -> bool {
        let is_of_family =
            |one: &Condition| matches!(one, Condition::Flows { family: Some(_), .. });
        self.conditions.iter().any(is_of_family)
    }

    /// Whether it asks for ports of the source by name.
    pub fn names_source_ports(&self) -> bool {
        self.conditions
            .iter()
            .any(|one| matches!(one, Condition::SourcePorts { names, .. } if !names.is_empty()))
    }

    /// Whether it asks who the end is whose policies are asked, of those in a direction: also by
    /// whose ports have names.
    pub fn asks_subject(&self, direction: Direction) -> bool {
        self.conditions.iter().any(|one| match one {
            Condition::Ports { names, .. } => direction == Direction::Ingress && !names.is_empty(),
            other => other.seat() == Some(Seat::Subject),
        })
    }
}

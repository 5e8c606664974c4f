//! A program of the kernel's packet filter, as data.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::budget::Budget;
pub use super::members::{AddressSet, Members, PORT_SETS, PortMember, SetKind};
use super::wiring::Interface;
use crate::cluster::EndpointId;
use crate::manifest::{Direction, Mode};
use crate::net::{ByFamily, Cidr, Family, Protocol};
use crate::policy::{PolicyId, ProgramId};

/// A chain's name: 28 bytes at most.
pub type ChainName = Arc<str>;
/// A set's name: 31 bytes at most.
pub type SetName = Arc<str>;

/// What one node's packet filter must hold.
///
/// # Shape
/// Chains of kind [`ChainKind::Content`] never change: their names are made from what they hold,
/// so another content is another chain. Chains of kind [`ChainKind::Fixed`] end in a rule without
/// matches, so that a new list of rules put before the old one takes effect at once and whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterProgram {
    /// Each family's part.
    pub families: ByFamily<FamilyProgram>,
    /// What could not be enforced as written, and is closed instead.
    pub notes: Vec<Note>,
}

/// What one family's tables must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FamilyProgram {
    /// The family.
    pub family: Family,
    /// Where the kernel's own chains enter ours.
    pub hooks: Vec<Hook>,
    /// Chains by name.
    pub chains: BTreeMap<ChainName, Arc<Chain>>,
    /// Sets by name.
    pub sets: BTreeMap<SetName, Arc<AddressSet>>,
    /// What the chains of classes stand for, by name.
    pub classes: BTreeMap<ChainName, Class>,
    /// The set of the addresses of local pods, which is filled after the rules are in force.
    pub local: SetName,
}

/// A jump from one of the kernel's own chains, which stands first there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hook {
    /// `FORWARD`, `INPUT` or `OUTPUT`.
    pub from: &'static str,
    /// The chain of ours.
    pub to: ChainName,
}

/// A chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Its name.
    pub name: ChainName,
    /// What may change about it.
    pub kind: ChainKind,
    /// Its rules, in order.
    pub rules: Vec<FilterRule>,
}

/// What may change about a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChainKind {
    /// Its rules do, its name does not.
    Fixed,
    /// Nothing: it is named by what it holds.
    Content,
}

/// A rule: what all its matches agree on undergoes its action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterRule {
    /// Conditions; none: every packet.
    pub matches: Vec<Match>,
    /// What happens.
    pub action: Action,
    /// The policy's rule that it comes from, if it comes from one; not part of what it does.
    pub origin: Option<RuleOrigin>,
}

/// Where a rule comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleOrigin {
    /// The policy.
    pub policy: PolicyId,
    /// The direction.
    pub direction: Direction,
    /// The rule's place in the policy's list of that direction.
    pub rule: usize,
    /// The peer's place in the rule's list; none if the rule names no peers.
    pub peer: Option<usize>,
}

/// A condition of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Match {
    /// The source address is in a block.
    Source(Cidr),
    /// The destination address is in a block.
    Destination(Cidr),
    /// The source address is in a set.
    SourceIn(SetName),
    /// The source address is in no member of a set.
    SourceNotIn(SetName),
    /// The destination address is in a set.
    DestinationIn(SetName),
    /// The destination address is in no member of a set.
    DestinationNotIn(SetName),
    /// Destination address, protocol and destination port are a member of a set.
    DestinationPortIn(SetName),
    /// They are none of a set.
    DestinationPortNotIn(SetName),
    /// Source address, protocol and source port are a member of a set.
    SourcePortIn(SetName),
    /// They are none of a set.
    SourcePortNotIn(SetName),
    /// The protocol.
    Protocol(L4),
    /// Another protocol.
    OtherProtocol(L4),
    /// The source port is in one of these ranges; as [`Self::DestinationPorts`].
    SourcePorts(Vec<(u16, u16)>),
    /// The destination port is in one of these ranges, 15 numbers at most; only after a protocol
    /// that has ports.
    DestinationPorts(Vec<(u16, u16)>),
    /// The destination port is a member of a set; only after a protocol of [`PORT_SETS`].
    PortIn(SetName),
    /// The connection's state is one of these.
    State(States),
    /// All these bits of the connection's mark are set.
    ConnectionMark(u32),
    /// The type of an ICMPv6 message; only after that protocol.
    Icmpv6Type(u8),
    /// A message of the family's ICMP; only after that protocol.
    Icmp(IcmpMessage),
    /// The hop limit of an IPv6 packet.
    HopLimit(u8),
    /// It comes in at one of these devices; of a frame that a bridge forwards, at that bridge.
    Enters(Interface),
    /// It goes out at one of these devices; of a frame that a bridge forwards, at that bridge.
    Leaves(Interface),
    /// The source is an address of the node itself.
    SourceIsNode,
    /// The connection's destination has been translated.
    Translated,
    /// The connection's destination was in a block before it was translated, if it was.
    OriginalDestination(Cidr),
    /// The connection's destination port was in a range before it was translated, if it was; only
    /// after a protocol that has ports.
    OriginalPorts(u16, u16),
    /// No more than so many packets a second, and so many at once.
    Limit(u32, u32),
}

/// A protocol of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum L4 {
    /// TCP, UDP or SCTP.
    Ports(Protocol),
    /// ICMPv6.
    Icmpv6,
    /// Another, by its number, which is that of none of these.
    Other(u8),
}

/// What a message of ICMP is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IcmpMessage {
    /// The type, 0 to 254.
    pub kind: u8,
    /// The code; none: any.
    pub code: Option<u8>,
    /// Whether it must be another message.
    pub is_other: bool,
}

impl L4 {
    /// The protocol of a number.
    pub fn of_number(number: u8) -> Self {
        let known = Protocol::ALL.map(Self::Ports).into_iter().chain([Self::Icmpv6]);
        { known }.find(|one| one.number() == number).unwrap_or(Self::Other(number))
    }

    /// Its number, as IANA has it.
    pub fn number(self) -> u8 {
        match self {
            Self::Ports(Protocol::Tcp) => 6,
            Self::Ports(Protocol::Udp) => 17,
            Self::Icmpv6 => 58,
            Self::Ports(Protocol::Sctp) => 132,
            Self::Other(number) => number,
        }
    }

    /// The family's ICMP.
    pub fn icmp(family: Family) -> Self {
        match family {
            Family::IPv4 => Self::Other(1),
            Family::IPv6 => Self::Icmpv6,
        }
    }
}

/// States of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum States {
    /// Of an admitted connection, or belonging to one.
    EstablishedOrRelated,
    /// Of no connection.
    Invalid,
}

/// What happens to a packet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// It walks another chain, and on from here when it returns.
    Jump(ChainName),
    /// It walks another chain; when it returns, it does so to where this chain was jumped at.
    Goto(ChainName),
    /// It goes back to where the chain was jumped at.
    Return,
    /// It is accepted.
    Accept,
    /// It disappears.
    Drop,
    /// It is refused.
    Reject(RejectWith),
    /// It is logged, and walks on.
    Log {
        /// The group of NFLOG.
        group: u16,
        /// What the log says: 64 bytes at most.
        prefix: Arc<str>,
    },
}

/// How a packet is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RejectWith {
    /// ICMP "port unreachable".
    PortUnreachable,
    /// A TCP reset; only after that protocol.
    TcpReset,
}

/// What the chain of a class stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    /// The direction, seen from the pods.
    pub direction: Direction,
    /// Whether the chain decides, or says what would be.
    pub mode: Mode,
    /// What applies to the pods.
    pub program: ProgramId,
    /// Their addresses on this node, ascending.
    pub subjects: Vec<IpAddr>,
}

/// Something that could not be enforced as written, and is closed instead.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Note {
    /// It is not known whether this policy selects pods of the node: a NetworkPolicy isolates them
    /// and admits nothing; of another policy, rules that accept do nothing, and those that deny or
    /// pass deny what they may match.
    SubjectUnknown(PolicyId),
    /// It is not known which pods a peer of this policy names: those are not accepted by it, and
    /// denied where it would deny them or pass them on.
    PeersUnknown(PolicyId),
    /// It is not known which addresses the nodes have that a peer of this policy names.
    NodesUnknown(PolicyId),
    /// It is not known what the domain names resolve to that a peer of this policy names.
    NamesUnknown(PolicyId),
    /// A rule of this policy asks for what the packet filter cannot look up, or what is not in the
    /// input: it accepts and passes nothing, and denies what else it matches if it denies or passes.
    NotExpressed(PolicyId),
    /// More tiers apply to pods than packets can be led through, or their rules pass on too much:
    /// what comes to the tier of this policy is denied.
    TooManyTiers(PolicyId),
    /// This policy asks for more than one policy may: it isolates, accepts nothing, and where it
    /// would deny or pass, denies everything.
    OverLimits(PolicyId),
    /// This policy is one of the largest of those that together ask for more than they may: it is
    /// closed in the same way.
    OverBudget(PolicyId, Budget),
    /// These policies have the same priority and rules of different actions. The API defines no
    /// order between them: the first, by name, is taken first.
    Tie(PolicyId, PolicyId),
    /// A pod of the node that has no address: there is nothing to enforce at.
    NoAddress(EndpointId),
}

impl FilterProgram {
    /// One family's part.
    pub fn family(&self, family: Family) -> &FamilyProgram {
        &self.families[family]
    }
}

impl FamilyProgram {
    /// One that asks for nothing.
    pub fn nothing(family: Family) -> Self {
        Self {
            family,
            hooks: Vec::new(),
            chains: BTreeMap::new(),
            sets: BTreeMap::new(),
            classes: BTreeMap::new(),
            local: "".into(),
        }
    }

    /// How many rules there are.
    pub fn rule_count(&self) -> usize {
        self.chains.values().map(|chain| chain.rules.len()).sum()
    }

    /// How many members all sets have together.
    pub fn member_count(&self) -> usize {
        self.sets.values().map(|set| set.members.len()).sum()
    }
}

impl FilterRule {
    /// A rule that comes from no policy.
    pub fn new(matches: impl Into<Vec<Match>>, action: Action) -> Self {
        Self { matches: matches.into(), action, origin: None }
    }

    /// Whether it does the same as another one, wherever the two come from.
    pub fn does_same(&self, other: &Self) -> bool {
        self.matches == other.matches && self.action == other.action
    }

    /// Its matches as kernels list them: addresses, devices and the protocol first, as they look at
    /// them first.
    pub fn listed_matches(&self) -> impl Iterator<Item = &Match> {
        let mut matches: Vec<&Match> = self.matches.iter().collect();
        matches.sort_by_key(|condition| match condition {
            Match::Source(_) => 0,
            Match::Destination(_) => 1,
            Match::Enters(_) => 2,
            Match::Leaves(_) => 3,
            Match::Protocol(_) | Match::OtherProtocol(_) => 4,
            _ => 5,
        });
        matches.into_iter()
    }
}

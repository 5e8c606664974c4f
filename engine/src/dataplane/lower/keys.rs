//! What sets of addresses are made from.

use std::borrow::Cow;
use std::sync::Arc;

use super::super::program::AddressSet;
use crate::cluster::GroupId;
use crate::net::{IntervalSet, Protocol};
use crate::policy::{BlockId, BlockPair, PeerSet, RulePeer, SetId};

/// How much of what a peer names a set holds, where the input leaves open what that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Extent {
    /// Whatever is named for certain: for rules that accept or pass.
    Certain,
    /// Whatever may be named: for rules that deny.
    Possible,
}

/// What a set of pods is made from. Where nothing is in doubt, its extent is the certain one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PodsKey {
    /// The pods.
    pub pods: SetId,
    /// How much of them.
    pub extent: Extent,
}

/// What a rule asks of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AskedPeer {
    /// The peer; none for anybody.
    pub peer: Option<RulePeer>,
    /// How much of it.
    pub extent: Extent,
}

/// What a set of named ports depends on, but for the pods.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NamedKey {
    /// Whose ports.
    pub asked: AskedPeer,
    /// Their names.
    pub names: Vec<(Protocol, Arc<str>)>,
}

/// A set that rules use, by what it is made from.
#[derive(Clone, Debug)]
pub enum Use {
    /// Pods.
    Pods(PodsKey),
    /// All pods.
    AllPods,
    /// Ports of pods by name.
    Named(NamedKey),
    /// What is written in policies: blocks of addresses, or ports.
    Written(Arc<AddressSet>),
}

/// Port names that one rule asks of destinations.
pub type Names = [(Protocol, Arc<str>)];

impl Extent {
    /// The block of this extent.
    pub fn of(self, pair: BlockPair) -> BlockId {
        match self {
            Self::Certain => pair.certain,
            Self::Possible => pair.possible,
        }
    }

    /// Whether a set of this extent has the pods of a group.
    pub fn has(self, pods: &PeerSet, group: GroupId) -> bool {
        pods.certain.contains(group) || (self == Self::Possible && pods.unknown.contains(group))
    }

    /// Groups whose pods are in a set of this extent.
    pub fn groups(self, pods: &PeerSet) -> Cow<'_, IntervalSet<GroupId>> {
        match self {
            Self::Certain => Cow::Borrowed(&pods.certain),
            Self::Possible => Cow::Owned(pods.certain.union(&pods.unknown)),
        }
    }
}

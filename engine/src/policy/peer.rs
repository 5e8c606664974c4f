//! Whom a rule names.

use super::{BlockId, SetId};
use crate::selector::Match;

/// A peer of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RulePeer {
    /// Pods.
    Pods(SetId),
    /// Addresses.
    Block(BlockId),
    /// Addresses of nodes, which are never those of pods with a network of their own; and whether a
    /// host is meant whose address is not that of a node of the input.
    Nodes(BlockPair, Match),
    /// Addresses that names resolve to, whoever has them.
    Names(BlockPair),
}

/// Addresses of which the input may know only a part.
///
/// # Shape
/// Those that are meant for certain are among those that may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BlockPair {
    /// Addresses that are meant for certain.
    pub certain: BlockId,
    /// Addresses that may be meant; all others are not.
    pub possible: BlockId,
}

impl RulePeer {
    /// The pods that it names, if it names pods.
    pub fn pods(self) -> Option<SetId> {
        match self {
            Self::Pods(id) => Some(id),
            Self::Block(_) | Self::Nodes(..) | Self::Names(_) => None,
        }
    }

    /// The addresses that it names, if it names addresses.
    pub fn addresses(self) -> Option<BlockPair> {
        match self {
            Self::Pods(_) => None,
            Self::Block(id) => Some(BlockPair { certain: id, possible: id }),
            Self::Nodes(pair, _) | Self::Names(pair) => Some(pair),
        }
    }

    /// Numbers of all blocks that it asks for; the same may come twice.
    pub fn blocks(self) -> impl Iterator<Item = BlockId> {
        self.addresses().into_iter().flat_map(|pair| [pair.certain, pair.possible])
    }
}

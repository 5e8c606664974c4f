//! Addresses that the policies' blocks do not tell apart.

use std::collections::BTreeSet;
use std::net::IpAddr;

use rustc_hash::FxHashMap;

use super::{BlockId, PolicySet};
use crate::net::{AddrSet, Family};
use crate::shared::{Id, Table};

/// The number of a set of blocks.
pub type SignatureId = Id<[BlockId]>;

/// The signature of addresses that are in no block.
const NOWHERE: SignatureId = SignatureId::new(0);

/// A line of addresses, cut wherever a block begins or ends.
#[derive(Clone, Debug, Default)]
pub struct Atoms {
    /// First addresses of the pieces, ascending, by family; the first is zero.
    starts: [Vec<u128>; 2],
    /// The blocks that each piece is in.
    signature: [Vec<SignatureId>; 2],
    /// Blocks of a signature, ascending. [`NOWHERE`] is in no block.
    signatures: Table<Vec<BlockId>, [BlockId]>,
}

impl Atoms {
    /// The pieces that some blocks cut.
    ///
    /// # Cost
    /// Sorting the blocks' ranges, and the depth to which they nest.
    pub fn new(set: &PolicySet, used: &[BlockId]) -> Self {
        let mut atoms = Self { signatures: [Vec::new()].into_iter().collect(), ..Self::default() };
        let mut ids: FxHashMap<Vec<BlockId>, SignatureId> = FxHashMap::default();
        ids.insert(Vec::new(), NOWHERE);
        for family in Family::BOTH {
            let (starts, signatures) = atoms.sweep(events(set, used, family), &mut ids);
            let slot = family as usize;
            if let (Some(s), Some(g)) = (atoms.starts.get_mut(slot), atoms.signature.get_mut(slot))
            {
                (*s, *g) = (starts, signatures);
            }
        }
        atoms
    }

    fn sweep(
        &mut self,
        events: Vec<(u128, bool, BlockId)>,
        ids: &mut FxHashMap<Vec<BlockId>, SignatureId>,
    ) -> (Vec<u128>, Vec<SignatureId>) {
        let (mut starts, mut pieces) = (vec![0], vec![NOWHERE]);
        let mut inside: BTreeSet<BlockId> = BTreeSet::new();
        let mut events = events.into_iter().peekable();
        while let Some((at, enters, block)) = events.next() {
            if enters {
                inside.insert(block)
            } else {
                inside.remove(&block)
            };
            if events.peek().is_some_and(|(next, ..)| *next == at) {
                continue;
            }
            let blocks: Vec<BlockId> = inside.iter().copied().collect();
            let signatures = &mut self.signatures;
            let id =
                *ids.entry(blocks).or_insert_with_key(|blocks| signatures.push(blocks.clone()));
            if at == 0 {
                (starts, pieces) = (vec![0], vec![id]);
            } else if pieces.last() != Some(&id) {
                starts.push(at);
                pieces.push(id);
            }
        }
        (starts, pieces)
    }

    /// The signature of an address.
    ///
    /// # Cost
    /// Logarithmic in the pieces.
    pub fn of(&self, address: IpAddr) -> SignatureId {
        let (family, point) = match address {
            IpAddr::V4(v4) => (Family::IPv4, u128::from(u32::from(v4))),
            IpAddr::V6(v6) => (Family::IPv6, u128::from(v6)),
        };
        let Some(starts) = self.starts.get(family as usize) else {
            return NOWHERE;
        };
        let piece = starts.partition_point(|start| *start <= point).saturating_sub(1);
        let signatures = self.signature.get(family as usize);
        signatures.and_then(|signatures| signatures.get(piece)).copied().unwrap_or(NOWHERE)
    }

    /// Blocks of a signature, ascending.
    pub fn blocks(&self, id: SignatureId) -> &[BlockId] {
        self.signatures.get(id).map_or(&[], Vec::as_slice)
    }

    /// The pieces of a family, ascending: their addresses and signatures.
    pub fn pieces(&self, family: Family) -> Vec<(AddrSet, SignatureId)> {
        let empty = (Vec::new(), Vec::new());
        let starts = self.starts.get(family as usize).unwrap_or(&empty.0);
        let signatures = self.signature.get(family as usize).unwrap_or(&empty.1);
        let lasts = starts.iter().skip(1).map(|start| start - 1);
        let lasts = lasts.chain(std::iter::once(last_of(family)));
        let pieces = starts.iter().zip(lasts).zip(signatures);
        pieces.map(|((first, last), id)| (piece(family, *first, last), *id)).collect()
    }
}

fn last_of(family: Family) -> u128 {
    match family {
        Family::IPv4 => u128::from(u32::MAX),
        Family::IPv6 => u128::MAX,
    }
}

fn piece(family: Family, first: u128, last: u128) -> AddrSet {
    use crate::net::IntervalSet;
    let mut set = AddrSet::default();
    match family {
        Family::IPv4 => {
            let cut = |point: u128| u32::try_from(point).unwrap_or(u32::MAX);
            set.v4 = IntervalSet::range(cut(first), cut(last));
        }
        Family::IPv6 => set.v6 = IntervalSet::range(first, last),
    }
    set
}

/// Where blocks begin and where they have ended, ascending.
fn events(set: &PolicySet, used: &[BlockId], family: Family) -> Vec<(u128, bool, BlockId)> {
    let mut events = Vec::new();
    for &id in used {
        let Some(block) = set.block(id) else { continue };
        let mut range = |first: u128, last: u128| {
            events.push((first, true, id));
            if last < last_of(family) {
                events.push((last + 1, false, id));
            }
        };
        match family {
            Family::IPv4 => block.v4.ranges().iter().for_each(|&(a, b)| range(a.into(), b.into())),
            Family::IPv6 => block.v6.ranges().iter().for_each(|&(a, b)| range(a, b)),
        }
    }
    events.sort_unstable();
    events
}

//! Addresses that the policies' blocks do not tell apart.

use std::collections::BTreeSet;
use std::net::IpAddr;

use rustc_hash::FxHashMap;

use super::{BlockId, PolicySet};
use crate::net::{AddrSet, ByFamily, Family};
use crate::shared::{Id, Table};

/// The number of a set of blocks.
pub type SignatureId = Id<[BlockId]>;

/// The signature of addresses that are in no block.
const NOWHERE: SignatureId = SignatureId::new(0);

/// A line of addresses, cut wherever a block begins or ends.
#[derive(Clone, Debug, Default)]
pub struct Atoms {
    /// INVARIANT: ascending, and the first begins at zero, so that every address is in one.
    pieces: ByFamily<Vec<Piece>>,
    /// Blocks of a signature, ascending. [`NOWHERE`] is in no block.
    signatures: Table<Vec<BlockId>, [BlockId]>,
}

/// Addresses up to the next piece.
#[derive(Clone, Copy, Debug)]
struct Piece {
    first: u128,
    signature: SignatureId,
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
            atoms.pieces[family] = atoms.sweep(events(set, used, family), &mut ids);
        }
        atoms
    }

    fn sweep(
        &mut self,
        events: Vec<(u128, bool, BlockId)>,
        ids: &mut FxHashMap<Vec<BlockId>, SignatureId>,
    ) -> Vec<Piece> {
        let mut pieces = vec![Piece { first: 0, signature: NOWHERE }];
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
            let signature =
                *ids.entry(blocks).or_insert_with_key(|blocks| signatures.push(blocks.clone()));
            let piece = Piece { first: at, signature };
            if at == 0 {
                pieces = vec![piece];
            } else if pieces.last().is_none_or(|last| last.signature != signature) {
                pieces.push(piece);
            }
        }
        pieces
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
        let pieces = &self.pieces[family];
        let after = pieces.partition_point(|piece| piece.first <= point);
        let piece = after.checked_sub(1).and_then(|at| pieces.get(at));
        piece.map_or(NOWHERE, |piece| piece.signature)
    }

    /// Blocks of a signature, ascending.
    pub fn blocks(&self, id: SignatureId) -> &[BlockId] {
        self.signatures.get(id).map_or(&[], Vec::as_slice)
    }

    /// The pieces of a family, ascending: their addresses and signatures.
    pub fn pieces(&self, family: Family) -> Vec<(AddrSet, SignatureId)> {
        let pieces = &self.pieces[family];
        let lasts = pieces.iter().skip(1).map(|next| next.first - 1);
        let lasts = lasts.chain(std::iter::once(last_of(family)));
        let of = |(one, last): (&Piece, u128)| (addresses(family, one.first, last), one.signature);
        pieces.iter().zip(lasts).map(of).collect()
    }
}

fn last_of(family: Family) -> u128 {
    match family {
        Family::IPv4 => u128::from(u32::MAX),
        Family::IPv6 => u128::MAX,
    }
}

fn addresses(family: Family, first: u128, last: u128) -> AddrSet {
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

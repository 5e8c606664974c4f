//! Addresses that pods may have, of each kind that blocks distinguish.

use std::net::IpAddr;

use super::mentioned::Mentioned;
use crate::net::{AddrSet, Cidr, Family};
use crate::session::Session;

/// Addresses that nobody has, by kind: those of one are in the same blocks.
#[derive(Clone, Debug, Default)]
pub struct Free {
    kinds: Vec<Kind>,
    /// Addresses of kinds that have too few for all pods; no pod has one.
    pub left_out: AddrSet,
    is_asked: bool,
}

#[derive(Clone, Debug)]
struct Kind {
    all: AddrSet,
    /// Ranges, and how many addresses of them are taken.
    ranges: Vec<(IpAddr, u128)>,
    taken: u128,
}

impl Free {
    /// None: pods' addresses are not known.
    pub fn unknown() -> Self {
        Self::default()
    }

    /// Those that policies of some sessions distinguish, in the blocks that pods get theirs from
    /// if these are given.
    pub fn new(sessions: &[&Session], mentioned: &Mentioned) -> Self {
        let mut pieces = vec![space(sessions)];
        for (v4, v6) in &mentioned.blocks {
            let block = AddrSet {
                v4: crate::net::IntervalSet::from_ranges(v4.iter().copied()),
                v6: crate::net::IntervalSet::from_ranges(v6.iter().copied()),
            };
            let both =
                pieces.iter().flat_map(|one| [one.intersection(&block), one.difference(&block)]);
            pieces = both.filter(|piece| !piece.is_empty()).collect();
        }
        let families =
            pieces.iter().flat_map(|one| Family::BOTH.map(|family| one.of_family(family)));
        let kinds = families.filter(|one| !one.is_empty()).map(Kind::new);
        Self {
            kinds: kinds.collect(),
            left_out: AddrSet::default(),
            is_asked: !mentioned.blocks.is_empty(),
        }
    }

    /// Kinds that have an address for so many pods; one without any where addresses play no part.
    pub fn kinds(&mut self, count: usize) -> Vec<Option<usize>> {
        if !self.is_asked {
            return vec![None];
        }
        let mut found = Vec::new();
        for (at, kind) in self.kinds.iter().enumerate() {
            if kind.size() >= kind.taken.saturating_add(count as u128) {
                found.push(Some(at));
            } else {
                self.left_out = self.left_out.union(&kind.all);
            }
        }
        found
    }

    /// An address of a kind that no other pod has.
    pub fn next(&mut self, kind: usize) -> Option<IpAddr> {
        let kind = self.kinds.get_mut(kind)?;
        let at = kind.taken;
        kind.taken += 1;
        kind.get(at)
    }
}

impl Kind {
    fn new(all: AddrSet) -> Self {
        let v4 = all
            .v4
            .ranges()
            .iter()
            .map(|(first, last)| (IpAddr::V4((*first).into()), u128::from(last - first) + 1));
        let v6 =
            all.v6.ranges().iter().map(|(first, last)| {
                (IpAddr::V6((*first).into()), (last - first).saturating_add(1))
            });
        let ranges = v4.chain(v6).collect();
        Self { all, ranges, taken: 0 }
    }

    fn size(&self) -> u128 {
        self.ranges.iter().fold(0, |sum, (_, size)| sum.saturating_add(*size))
    }

    fn get(&self, mut at: u128) -> Option<IpAddr> {
        for (first, size) in &self.ranges {
            if at < *size {
                return Some(match first {
                    IpAddr::V4(own) => {
                        IpAddr::V4((u32::from(*own) + u32::try_from(at).ok()?).into())
                    }
                    IpAddr::V6(own) => IpAddr::V6((u128::from(*own) + at).into()),
                });
            }
            at -= size;
        }
        None
    }
}

/// Addresses that no pod has for others: of this host, of the link, of many.
const NOBODYS: &[&str] =
    &["0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4", "::/127", "fe80::/10", "ff00::/8"];

/// Where pods' addresses are that the input does not give, without those that somebody has.
fn space(sessions: &[&Session]) -> AddrSet {
    let nobody = NOBODYS.iter().filter_map(|text| Cidr::parse(text).ok());
    let mut space = AddrSet::full().difference(&AddrSet::from_cidrs(nobody));
    for session in sessions {
        let own = session.options().pod_cidrs.iter().map(|net| match net {
            ipnet::IpNet::V4(net) => Cidr::V4(*net),
            ipnet::IpNet::V6(net) => Cidr::V6(*net),
        });
        let own = AddrSet::from_cidrs(own);
        if !own.is_empty() {
            space = space.intersection(&own);
        }
        let model = session.model();
        let nodes = model.nodes.iter().flat_map(|node| node.addresses.iter().copied());
        let taken = model.by_address.keys().copied().chain(nodes);
        space = space.difference(&AddrSet::from_addresses(taken));
        space = Family::BOTH
            .into_iter()
            .filter(|family| model.space.asks_for(*family))
            .fold(AddrSet::default(), |all, family| all.union(&space.of_family(family)));
    }
    space
}

//! Lines between the ends of bundles.

use rustc_hash::FxHashMap;

use super::ends::{End, Ends};
use super::gather::Bundle;
use super::members::{Member, Units};
use crate::manifest::Direction;
use crate::net::AddrSet;
use crate::shared::{Id, Table};

/// A source, a destination and what is said of them.
pub type Line<U, F> = (End<U>, End<U>, F);

/// Finds the lines that say what bundles do.
pub struct Lines<'l, U> {
    /// The ends that have been named so far.
    pub ends: Ends<'l, U>,
    /// Addresses that are listed with some workloads, by whether these are sources (egress).
    listed: FxHashMap<(Direction, Units<U>), AddrSet>,
    /// Ends of units that have been named.
    named: FxHashMap<Units<U>, Vec<End<U>>>,
}

impl<'l, U> Lines<'l, U> {
    pub fn new(members: &'l Table<Member, U>) -> Self {
        Self { ends: Ends::new(members), listed: FxHashMap::default(), named: FxHashMap::default() }
    }

    /// From here on, `all workloads` are those of some members.
    pub fn among(&mut self, is_there: impl Fn(Id<U>) -> bool) {
        self.ends.among(is_there);
        self.named.clear();
        self.listed.clear();
    }

    /// The lines of bundles and of single units with themselves, in order, which among those of the
    /// same ends is that of a key; with each workload for itself if they are to be expanded.
    pub fn of<F: Copy, K: Ord>(
        &mut self,
        bundles: &[Bundle<U, F>],
        own: &[(Id<U>, F)],
        (expand, key): (bool, impl Fn(&F) -> K),
    ) -> Vec<Line<U, F>> {
        let mut lines: Vec<Line<U, F>> = Vec::new();
        if !expand {
            self.list_addresses(bundles);
        }
        for bundle in bundles {
            let (from, to) = match expand {
                true => (self.expanded(&bundle.from), self.expanded(&bundle.to)),
                false => self.named(bundle),
            };
            let pairs = from.iter().flat_map(|from| to.iter().map(|to| (*from, *to)));
            // A group's members reach each other, a single one not itself.
            let own = |from, to| from == to && matches!(from, End::One(_));
            let different = pairs.filter(|(from, to)| !own(*from, *to));
            lines.extend(different.map(|(from, to)| (from, to, bundle.flow)));
        }
        lines.extend(own.iter().map(|(unit, flow)| (End::One(*unit), End::One(*unit), *flow)));
        let ends = &self.ends;
        lines
            .sort_by_cached_key(|(from, to, flow)| (ends.order(*from), ends.order(*to), key(flow)));
        lines
    }

    fn expanded(&mut self, units: &Units<U>) -> Vec<End<U>> {
        if self.ends.is_workloads(units) { Ends::each(units) } else { self.ends.ranges(units) }
    }

    fn named<F>(&mut self, bundle: &Bundle<U, F>) -> (Vec<End<U>>, Vec<End<U>>) {
        let Bundle { from, to, .. } = bundle;
        match (self.ends.is_workloads(from), self.ends.is_workloads(to)) {
            (true, true) => (self.workloads(from), self.workloads(to)),
            (true, false) => (self.workloads(from), self.addresses(to, (Direction::Egress, from))),
            (false, _) => (self.addresses(from, (Direction::Ingress, to)), self.workloads(to)),
        }
    }

    fn workloads(&mut self, units: &Units<U>) -> Vec<End<U>> {
        if let Some(known) = self.named.get(units) {
            return known.clone();
        }
        let ends = self.ends.workloads(units);
        self.named.insert(units.clone(), ends.clone());
        ends
    }

    fn addresses(
        &mut self,
        units: &Units<U>,
        (direction, others): (Direction, &Units<U>),
    ) -> Vec<End<U>> {
        let none = AddrSet::default();
        let listed = self.listed.get(&(direction, others.clone())).unwrap_or(&none);
        self.ends.addresses(units, listed)
    }

    fn list_addresses<F>(&mut self, bundles: &[Bundle<U, F>]) {
        for Bundle { from, to, .. } in bundles {
            let (key, addresses) = match (self.ends.is_workloads(from), self.ends.is_workloads(to))
            {
                (true, true) => continue,
                (true, false) => ((Direction::Egress, from.clone()), to),
                (false, _) => ((Direction::Ingress, to.clone()), from),
            };
            let addresses = self.ends.set(addresses);
            let listed = self.listed.entry(key).or_default();
            *listed = listed.union(&addresses);
        }
    }
}

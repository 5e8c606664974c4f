//! From pairs of parts to bundles: all of some units to all of others.
//!
//! Units that are alike as sources or as destinations are one *part*. What passes between two parts
//! is gathered at one of them, which is the *anchor*: by the destination between workloads, by the
//! workload where the other end is addresses. So what an anchor has is a list of others for each
//! flow, and anchors with the same list and flow make a bundle: all of the ones to all of the
//! others.

use std::hash::Hash;

use rustc_hash::FxHashMap;

use super::members::Units;
use super::part::sorted;
use crate::manifest::Direction;
use crate::shared::Id;

/// What is said of each of some units and each of others, but of none and itself.
pub struct Bundle<U, F> {
    /// The sources: all workloads or all addresses.
    pub from: Units<U>,
    /// The destinations: all workloads or all addresses.
    pub to: Units<U>,
    /// What is said of them.
    pub flow: F,
}

impl<U, F: Copy> Bundle<U, F> {
    /// The same, with the same units.
    pub fn share(&self) -> Self {
        Self { from: Units::clone(&self.from), to: Units::clone(&self.to), flow: self.flow }
    }
}

/// Pairs of parts `P` with what is said of them.
pub struct Gathered<P, F> {
    between: Anchored<P, F>,
    to_addresses: Anchored<P, F>,
    from_addresses: Anchored<P, F>,
}

/// What is gathered at anchors, in the order in which it was found first.
struct Anchored<P, F> {
    others: Vec<(Id<P>, F, Vec<Id<P>>)>,
    index: FxHashMap<(Id<P>, F), usize>,
}

impl<P, F: Copy + Eq + Hash> Gathered<P, F> {
    /// No pairs.
    pub fn new() -> Self {
        Self {
            between: Anchored::new(),
            to_addresses: Anchored::new(),
            from_addresses: Anchored::new(),
        }
    }

    /// Adds a source and a destination, given whether they are workloads.
    pub fn add(&mut self, (from, to): (Id<P>, Id<P>), workloads: (bool, bool), flow: F) {
        match workloads {
            (true, true) => self.between.add((to, flow), from),
            (true, false) => self.to_addresses.add((from, flow), to),
            (false, _) => self.from_addresses.add((to, flow), from),
        }
    }

    /// All pairs as bundles, and bundles of single units that were found elsewhere. `units` are
    /// those of some parts of sources (egress) or of destinations.
    pub fn bundles<U>(
        self,
        units: impl Fn(Direction, &[Id<P>]) -> Units<U>,
        single: Vec<Bundle<U, F>>,
    ) -> Vec<Bundle<U, F>> {
        let from = |parts: &[Id<P>]| units(Direction::Egress, parts);
        let to = |parts: &[Id<P>]| units(Direction::Ingress, parts);
        let at_destination = |(to, from, flow)| Bundle { from, to, flow };
        let at_source = |(from, to, flow)| Bundle { from, to, flow };
        let between = self.between.joined(to, from).into_iter().map(at_destination);
        let to_addresses = self.to_addresses.joined(from, to).into_iter().map(at_source);
        let mut bundles = same_destinations(between.chain(to_addresses).chain(single).collect());
        let from_addresses = self.from_addresses.joined(to, from);
        bundles.extend(from_addresses.into_iter().map(at_destination));
        bundles
    }
}

/// A bundle, and more sources of it.
type Growing<U, F> = (Bundle<U, F>, Vec<Id<U>>);

/// Bundles to the same destinations are one.
fn same_destinations<U, F: Copy + Eq + Hash>(bundles: Vec<Bundle<U, F>>) -> Vec<Bundle<U, F>> {
    let mut index: FxHashMap<(Units<U>, F), usize> = FxHashMap::default();
    let mut joined: Vec<Growing<U, F>> = Vec::new();
    for bundle in bundles {
        let next = joined.len();
        let at = *index.entry((bundle.to.clone(), bundle.flow)).or_insert(next);
        match joined.get_mut(at) {
            Some((_, more)) => more.extend(bundle.from.iter()),
            None => joined.push((bundle, Vec::new())),
        }
    }
    let whole = joined.into_iter().map(|(bundle, more)| match more.as_slice() {
        [] => bundle,
        more => Bundle { from: sorted(bundle.from.iter().chain(more).copied()), ..bundle },
    });
    whole.collect()
}

impl<P, F: Copy + Eq + Hash> Anchored<P, F> {
    fn new() -> Self {
        Self { others: Vec::new(), index: FxHashMap::default() }
    }

    fn add(&mut self, (anchor, flow): (Id<P>, F), other: Id<P>) {
        let next = self.others.len();
        let at = *self.index.entry((anchor, flow)).or_insert(next);
        match self.others.get_mut(at) {
            Some((.., others)) => others.push(other),
            None => self.others.push((anchor, flow, vec![other])),
        }
    }

    /// Anchors that have the same others for a flow, and these.
    fn joined<U>(
        self,
        anchors: impl Fn(&[Id<P>]) -> Units<U>,
        others: impl Fn(&[Id<P>]) -> Units<U>,
    ) -> Vec<(Units<U>, Units<U>, F)> {
        let mut index: FxHashMap<(Vec<Id<P>>, F), usize> = FxHashMap::default();
        let mut joined: Vec<Vec<Id<P>>> = Vec::new();
        for (anchor, flow, mut of) in self.others {
            of.sort_unstable();
            let at = *index.entry((of, flow)).or_insert(joined.len());
            match joined.get_mut(at) {
                Some(anchors) => anchors.push(anchor),
                None => joined.push(vec![anchor]),
            }
        }
        let mut lists: Vec<_> = index.into_iter().collect();
        lists.sort_unstable_by_key(|(_, at)| *at);
        let whole = lists
            .into_iter()
            .zip(joined)
            .map(|(((of, flow), _), anchor)| (anchors(&anchor), others(&of), flow));
        whole.collect()
    }
}

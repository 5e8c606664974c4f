//! Who is treated alike: from passages between classes to bundles of connections.
//!
//! Units that are alike as sources or as destinations are one *part*; `gather` brings pairs of them
//! together.

use rustc_hash::FxHashMap;

use super::ListFilter;
use super::focus::Focus;
use super::gather::{self, Gathered};
use super::part::{Part, PartId, Side};
use crate::manifest::{ByDirection, Direction};
use crate::net::{ConnId, Family, PortSet};
use crate::reach::{ClassId, NoteKey, Passage, Reach, Target, Unit, UnitId};
use crate::report::types::Why;
use crate::report::why::Explained;
use crate::shared::Table;

/// What passes, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flow {
    /// What is allowed for certain.
    pub allowed: ConnId,
    /// What is not known.
    pub unknown: ConnId,
    /// The family that this holds for, where the two differ.
    pub family: Option<Family>,
    /// Why, if that is asked.
    pub why: Option<Why>,
}

/// What passes from each of some units to each of others, but from none to itself.
pub type Bundle = gather::Bundle<Unit, Flow>;

/// All that is to be listed.
pub struct Woven {
    /// Between different units; each pair in one bundle, or in one for each family.
    pub bundles: Vec<Bundle>,
    /// Between pods of one unit, ascending.
    pub own: Vec<(UnitId, Flow)>,
    /// How many pairs of units each note leaves open.
    pub counts: Table<u32, NoteKey>,
}

pub struct Weaver<'w, 'm> {
    reach: &'w mut Reach<'m>,
    filter: &'w ListFilter,
    focus: &'w Focus,
    explained: &'w mut Explained,
    sides: ByDirection<Side>,
    /// Units that two parts have in common.
    common: FxHashMap<(PartId, PartId), Vec<UnitId>>,
    gathered: Gathered<Part, Flow>,
    /// From units that may each reach something else.
    single: Vec<Bundle>,
    woven: Woven,
}

impl<'w, 'm> Weaver<'w, 'm> {
    pub fn new(
        reach: &'w mut Reach<'m>,
        (filter, focus): (&'w ListFilter, &'w Focus),
        explained: &'w mut Explained,
    ) -> Self {
        let side = |direction| Side::new(reach, focus, direction);
        let sides = ByDirection::from_fn(side);
        let mut common: FxHashMap<_, Vec<UnitId>> = FxHashMap::default();
        for unit in reach.units().ids() {
            let part = |direction| sides[direction].of.get(unit).copied().flatten();
            let parts = part(Direction::Egress).zip(part(Direction::Ingress));
            parts.into_iter().for_each(|parts| common.entry(parts).or_default().push(unit));
        }
        Self {
            reach,
            filter,
            focus,
            explained,
            sides,
            common,
            gathered: Gathered::new(),
            single: Vec::new(),
            woven: Woven { bundles: Vec::new(), own: Vec::new(), counts: Table::default() },
        }
    }

    /// Everything that is to be listed.
    pub fn weave(mut self) -> Woven {
        for speaker in in_order(self.reach.sources(), |one| self.reach.units_from(one)) {
            let parts = self.sides[Direction::Egress].by_speaker.get(&speaker).cloned();
            let Some(parts) = parts else { continue };
            if self.reach.is_host(speaker) {
                parts.iter().for_each(|part| self.add_unit(*part));
            } else {
                let mut passages = self.reach.passages(speaker);
                // Reasons are numbered as they come.
                if self.filter.explain {
                    passages.sort_by_key(|one| self.reach.units_to(one.to).first().copied());
                }
                passages.iter().for_each(|passage| self.add(&parts, passage));
            }
        }
        self.bundle()
    }

    fn add(&mut self, sources: &[PartId], passage: &Passage) {
        let part = |weaver: &Self, number: usize| {
            weaver.sides[Direction::Ingress].by_speaker.get(&passage.to)?.get(number).copied()
        };
        let mut number = 0;
        while let Some(to) = part(self, number) {
            for from in sources {
                self.add_parts((*from, to), passage);
            }
            number += 1;
        }
    }

    fn add_parts(&mut self, parts: (PartId, PartId), passage: &Passage) {
        let Some((source, destination)) = self.part_from(parts.0).zip(self.part_to(parts.1)) else {
            return;
        };
        let ends = source.units.first().copied().zip(destination.units.first().copied());
        let there = self.focus.has((source.inside, destination.inside))
            && self.has_port(passage, destination.ports.as_ref());
        let Some(ends) = ends.filter(|_| there) else { return };
        let common = self.common.get(&parts).map_or(&[][..], Vec::as_slice);
        let pairs = source.units.len() * destination.units.len() - common.len();
        let several = |unit: &&UnitId| self.filter.siblings && !self.reach.is_one_pod(**unit);
        let own: Vec<UnitId> = common.iter().filter(several).copied().collect();
        if pairs + own.len() == 0 {
            return;
        }
        self.count(passage, pairs + own.len());
        let Some(flow) = self.flow(ends, passage) else { return };
        self.woven.own.extend(own.into_iter().map(|unit| (unit, flow)));
        if pairs > 0 {
            self.gather(parts, ends, flow);
        }
    }

    fn gather(&mut self, (from, to): (PartId, PartId), ends: (UnitId, UnitId), flow: Flow) {
        let is_workload = |unit| self.reach.units().get(unit).is_some_and(Unit::is_workload);
        self.gathered.add((from, to), (is_workload(ends.0), is_workload(ends.1)), flow);
    }

    fn part_from(&self, part: PartId) -> Option<&Part> {
        self.sides[Direction::Egress].parts.get(part)
    }

    fn part_to(&self, part: PartId) -> Option<&Part> {
        self.sides[Direction::Ingress].parts.get(part)
    }

    fn count(&mut self, passage: &Passage, pairs: usize) {
        for note in passage.notes.iter() {
            if let Some(count) = self.woven.counts.or_default(*note) {
                *count = count.saturating_add(u32::try_from(pairs).unwrap_or(u32::MAX));
            }
        }
    }

    /// What is listed of a passage; none if it is to be left out.
    fn flow(&mut self, (from, to): (UnitId, UnitId), passage: &Passage) -> Option<Flow> {
        let Passage { allowed, unknown, family, .. } = *passage;
        if self.filter.certain_only && !self.is_listed(allowed, self.focus.ports(to)) {
            return None;
        }
        let why = self.filter.explain.then(|| {
            let notes = passage.notes.clone();
            let target = Target { unit: to, allowed, unknown, family, notes };
            self.explained.add(self.reach.why(from, &target))
        });
        Some(Flow { allowed, unknown, family, why })
    }

    fn has_port(&self, passage: &Passage, asked: Option<&PortSet>) -> bool {
        self.is_listed(passage.allowed, asked) || self.is_listed(passage.unknown, asked)
    }

    /// Whether a set has anything, and some of the ports that are asked for.
    fn is_listed(&self, id: ConnId, asked: Option<&PortSet>) -> bool {
        match (&self.filter.port, asked) {
            (Some((protocol, _)), Some(asked)) => {
                !self.reach.conn(id).ports(*protocol).intersection(asked).is_empty()
            }
            _ => id != ConnId::NONE,
        }
    }

    /// From a unit on its node's network, which may reach something else than its like.
    fn add_unit(&mut self, part: PartId) {
        let Some(source) = self.part_from(part) else { return };
        let (inside, Some(&from)) = (source.inside, source.units.first()) else { return };
        let mut flows: Vec<Flow> = Vec::new();
        let mut by_flow: FxHashMap<Flow, Vec<UnitId>> = FxHashMap::default();
        for Target { unit, allowed, unknown, family, notes } in self.reach.targets(from) {
            let skipped = unit == from && !self.filter.siblings;
            let there = self.focus.has((inside, self.focus.is_inside(unit)));
            let passage = Passage { to: ClassId::MAX, allowed, unknown, family, notes };
            if skipped || !there || !self.has_port(&passage, self.focus.ports(unit)) {
                continue;
            }
            self.count(&passage, 1);
            match self.flow((from, unit), &passage) {
                Some(flow) if unit == from => self.woven.own.push((unit, flow)),
                Some(flow) => by_flow
                    .entry(flow)
                    .or_insert_with(|| {
                        flows.push(flow);
                        Vec::new()
                    })
                    .push(unit),
                None => {}
            }
        }
        for flow in flows {
            let units = by_flow.remove(&flow).unwrap_or_default();
            self.add_single(from, &units, flow);
        }
    }

    fn add_single(&mut self, from: UnitId, units: &[UnitId], flow: Flow) {
        let is_workload =
            |unit: &UnitId| self.reach.units().get(*unit).is_some_and(Unit::is_workload);
        let (addresses, workloads) =
            units.split_at(units.partition_point(|unit| !is_workload(unit)));
        let some = [addresses, workloads].into_iter().filter(|units| !units.is_empty());
        self.single.extend(some.map(|to| Bundle { from: [from].into(), to: to.into(), flow }));
    }

    fn bundle(mut self) -> Woven {
        let units = |direction, parts: &[PartId]| self.sides[direction].units(parts);
        let mut bundles = self.gathered.bundles(units, self.single);
        // Groups are numbered as they come where they have the same name.
        bundles
            .sort_by(|a, b| (&a.from, &a.to, a.flow.family).cmp(&(&b.from, &b.to, b.flow.family)));
        self.woven.own.sort_by_key(|(unit, flow)| (*unit, flow.family));
        Woven { bundles, ..self.woven }
    }
}

/// Speakers by the first of their units.
fn in_order<'u>(
    mut speakers: Vec<ClassId>,
    units: impl Fn(ClassId) -> &'u [UnitId],
) -> Vec<ClassId> {
    speakers.sort_by_key(|one| units(*one).first().copied());
    speakers
}

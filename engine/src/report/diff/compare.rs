//! Compares what two sides say, part by part, and brings together what differs in the same way.

use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::flows::{Flow, differing};
use super::joint::{Joint, JointId, Joints};
use super::parts::{Part, PartId, Role};
use super::side::{Row, Rows, Said, Sided};
use super::types::{BySide, DiffSide, DiffSummary};
use crate::manifest::{ByDirection, Direction};
use crate::net::{ConnTable, PortSet};
use crate::reach::{ClassId, NoteKey, UnitId};
use crate::report::list::ListFilter;
use crate::report::list::gather::{Bundle, Gathered};
use crate::report::list::members::Member;
use crate::report::types::Verdict;
use crate::shared::Table;

/// All that differs.
pub struct Compared {
    /// Between different ends.
    pub bundles: Vec<Bundle<Joint, Flow>>,
    /// Between pods of one end.
    pub own: Vec<(JointId, Flow)>,
    /// How many pairs of ends; workloads that one side has are not counted yet.
    pub summary: DiffSummary,
    /// How many pairs each note of the new side leaves open that were not so.
    pub notes: Table<u32, NoteKey>,
}

pub struct Comparer<'c, 'm> {
    joints: &'c Joints,
    sides: &'c mut BySide<Sided<'m>>,
    conns: &'c mut ConnTable,
    filter: &'c ListFilter,
    roles: ByDirection<Role>,
    /// Ends that two parts have in common.
    common: FxHashMap<(PartId, PartId), Vec<JointId>>,
    rows: Rows,
    gathered: Gathered<Part, Flow>,
    /// From ends that may each reach something else.
    single: Vec<Bundle<Joint, Flow>>,
    /// Workloads of which something outside is counted.
    outside: FxHashSet<(Kind, Direction, JointId)>,
    found: Compared,
}

/// What a summary counts pairs by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Kind {
    Opened,
    Closed,
    Uncertain,
}

impl Kind {
    /// What it is of a flow; none of one of which a side does not have both ends.
    fn of(flow: &Flow) -> Option<Self> {
        match (flow.before?, flow.after?) {
            (Verdict::Deny, Verdict::Allow) => Some(Self::Opened),
            (Verdict::Allow, Verdict::Deny) => Some(Self::Closed),
            (Verdict::Unknown, _) | (_, Verdict::Unknown) => Some(Self::Uncertain),
            _ => None,
        }
    }
}

/// How many pairs of ends flows are of.
enum Pairs<'u> {
    /// Of workloads.
    Many(usize),
    /// Of each of these and something outside, which is one end, however others divide it.
    Outside(Direction, &'u [JointId]),
}

/// A source and a destination, and what both sides say of them.
struct Pair<'p> {
    parts: (PartId, PartId),
    said: BySide<Option<&'p Said>>,
}

impl<'c, 'm> Comparer<'c, 'm> {
    pub fn new(
        joints: &'c Joints,
        sides: &'c mut BySide<Sided<'m>>,
        conns: &'c mut ConnTable,
        filter: &'c ListFilter,
    ) -> Self {
        let roles = ByDirection::from_fn(|direction| Role::new(joints, sides, direction));
        let mut common: FxHashMap<_, Vec<JointId>> = FxHashMap::default();
        for id in joints.all.ids() {
            let part = |direction| roles[direction].of.get(id).copied().flatten();
            let parts = part(Direction::Egress).zip(part(Direction::Ingress));
            parts.into_iter().for_each(|parts| common.entry(parts).or_default().push(id));
        }
        let found = Compared {
            bundles: Vec::new(),
            own: Vec::new(),
            summary: DiffSummary::default(),
            notes: Table::default(),
        };
        let (rows, gathered, single) = (Rows::default(), Gathered::new(), Vec::new());
        let outside = FxHashSet::default();
        Self { joints, sides, conns, filter, roles, common, rows, gathered, single, outside, found }
    }

    /// Everything that differs.
    pub fn compare(mut self) -> Compared {
        for source in self.roles[Direction::Egress].parts.ids() {
            let Some(part) = self.part(Direction::Egress, source) else { continue };
            match (part.is_host, part.units.first()) {
                (true, Some(&unit)) => self.compare_host(source, unit),
                _ => self.compare_part(source),
            }
        }
        let units = |direction, parts: &[PartId]| self.roles[direction].units(parts);
        let mut bundles = self.gathered.bundles(units, self.single);
        // Groups are numbered as they come where they have the same name.
        let key = |flow: &Flow| (flow.family, flow.before, flow.after, flow.ports);
        bundles.sort_by(|a, b| (&a.from, &a.to, key(&a.flow)).cmp(&(&b.from, &b.to, key(&b.flow))));
        self.found.own.sort_by_key(|(unit, flow)| (*unit, key(flow)));
        for (kind, ..) in &self.outside {
            add(self.found.summary.of(*kind), 1);
        }
        Compared { bundles, ..self.found }
    }

    fn part(&self, direction: Direction, part: PartId) -> Option<&Part> {
        self.roles[direction].parts.get(part)
    }

    fn compare_part(&mut self, source: PartId) {
        let rows = self.rows_of(source);
        let row = |side: DiffSide| rows[side].as_deref();
        let roles = &self.roles[Direction::Ingress];
        let mut destinations: Vec<PartId> = Vec::new();
        for (side, row) in &rows {
            let speakers = row.iter().flat_map(|row| row.keys());
            destinations.extend(speakers.flat_map(|one| roles.spoken_for(side, *one)).copied());
        }
        destinations.sort_unstable();
        destinations.dedup();
        for destination in destinations {
            let Some(part) = self.part(Direction::Ingress, destination) else { continue };
            let speaker = part.speaker;
            let said = BySide::from_fn(|side| row(side)?.get(&speaker[side]?));
            self.compare_pair(&Pair { parts: (source, destination), said });
        }
    }

    fn rows_of(&mut self, source: PartId) -> BySide<Option<Rc<Row<ClassId>>>> {
        let mut rows = BySide::default();
        let role = &self.roles[Direction::Egress];
        let Some(part) = role.parts.get(source) else { return rows };
        for (side, speaker) in part.speaker {
            if let Some(speaker) = speaker {
                let sources = role.spoken_for(side, speaker).len();
                let row = self.rows.of((side, speaker, sources), self.sides, self.conns);
                rows[side] = Some(row);
            }
        }
        rows
    }

    fn compare_pair(&mut self, pair: &Pair<'_>) {
        let Some(flows) = self.flows(pair) else { return };
        let Some((source, destination)) = self.ends(pair.parts) else { return };
        let ends = source.units.first().copied().zip(destination.units.first().copied());
        let common = self.common.get(&pair.parts).map_or(&[][..], Vec::as_slice);
        let pairs = source.units.len().saturating_mul(destination.units.len()) - common.len();
        let several = |unit: &&JointId| self.filter.siblings && !self.is_one_pod(**unit);
        let own: Vec<JointId> = common.iter().filter(several).copied().collect();
        let Some((from, to)) = ends else { return };
        let workloads = (self.is_workload(from), self.is_workload(to));
        let (sources, destinations) = (source.units.clone(), destination.units.clone());
        let counted = match workloads {
            (false, true) => Pairs::Outside(Direction::Ingress, &destinations),
            (true, false) => Pairs::Outside(Direction::Egress, &sources),
            _ => Pairs::Many(pairs + own.len()),
        };
        self.count(&flows, &counted);
        self.note(&flows, pair.said[DiffSide::New], pairs + own.len());
        for flow in flows {
            self.found.own.extend(own.iter().map(|unit| (*unit, flow)));
            if pairs > 0 {
                self.gathered.add(pair.parts, workloads, flow);
            }
        }
    }

    /// What differs and is asked for; none if nothing does.
    fn flows(&mut self, pair: &Pair<'_>) -> Option<Vec<Flow>> {
        let (source, destination) = self.ends(pair.parts)?;
        let focus = &self.sides[DiffSide::New].focus;
        if !focus.has((source.inside, destination.inside)) {
            return None;
        }
        let state = BySide::from_fn(|side| {
            let there = source.speaker[side].is_some() && destination.speaker[side].is_some();
            there.then(|| pair.said[side].map(|said| said.state).unwrap_or_default())
        });
        let asked = destination.ports.clone();
        let mut flows = differing(state[DiffSide::Old], state[DiffSide::New], self.conns);
        flows.retain(|flow| self.is_asked(flow, asked.as_ref()));
        (!flows.is_empty()).then_some(flows)
    }

    fn ends(&self, parts: (PartId, PartId)) -> Option<(&Part, &Part)> {
        self.part(Direction::Egress, parts.0).zip(self.part(Direction::Ingress, parts.1))
    }

    fn is_asked(&self, flow: &Flow, asked: Option<&PortSet>) -> bool {
        match (&self.filter.port, asked) {
            (Some((protocol, _)), Some(asked)) => {
                !self.conns.get(flow.ports).ports(*protocol).intersection(asked).is_empty()
            }
            _ => true,
        }
    }

    fn is_workload(&self, unit: JointId) -> bool {
        self.joints.members.get(unit).is_some_and(Member::is_workload)
    }

    /// Whether it is one pod on a side: that has no siblings, and reaches itself.
    fn is_one_pod(&self, unit: JointId) -> bool {
        let there = self.joints.all.get(unit).into_iter().flat_map(|joint| joint.unit.iter());
        let mut there = there.filter_map(|(side, unit)| Some((side, (*unit)?)));
        there.any(|(side, unit)| self.sides[side].reach.is_one_pod(unit))
    }

    fn count(&mut self, flows: &[Flow], pairs: &Pairs<'_>) {
        let mut kinds: Vec<Kind> = flows.iter().filter_map(Kind::of).collect();
        kinds.sort_unstable();
        kinds.dedup();
        for kind in kinds {
            match pairs {
                Pairs::Many(pairs) => add(self.found.summary.of(kind), *pairs),
                Pairs::Outside(direction, units) => {
                    self.outside.extend(units.iter().map(|unit| (kind, *direction, *unit)));
                }
            }
        }
    }

    /// Counts what is unknown now, by the reason.
    fn note(&mut self, flows: &[Flow], new: Option<&Said>, pairs: usize) {
        if flows.iter().any(|flow| flow.after == Some(Verdict::Unknown)) {
            let notes = new.and_then(|said| said.notes.as_deref()).unwrap_or_default();
            for note in notes {
                let count = self.found.notes.or_default(*note);
                count.into_iter().for_each(|count| add(count, pairs));
            }
        }
    }

    /// From an end that uses its node's network on a side, and so may reach something else than its
    /// like.
    fn compare_host(&mut self, source: PartId, unit: JointId) {
        let Some(joint) = self.joints.all.get(unit) else { return };
        let mut rows: BySide<Row<UnitId>> = BySide::default();
        for (side, unit) in joint.unit {
            if let Some(unit) = unit {
                rows[side] = self.sides[side].unit_row(unit, self.conns);
            }
        }
        let mut order: Vec<Flow> = Vec::new();
        let mut by_flow: FxHashMap<Flow, Vec<JointId>> = FxHashMap::default();
        for (to, joint) in self.joints.all.iter() {
            let said = BySide::from_fn(|side| rows[side].get(&joint.unit[side]?));
            let skipped = to == unit && (!self.filter.siblings || self.is_one_pod(unit));
            let destination = self.roles[Direction::Ingress].of.get(to).copied().flatten();
            let Some(destination) = destination.filter(|_| !skipped) else { continue };
            if said.values().all(Option::is_none) {
                continue;
            }
            let pair = Pair { parts: (source, destination), said };
            let Some(flows) = self.flows(&pair) else { continue };
            let from = [unit];
            let counted = match self.is_workload(to) {
                true => Pairs::Many(1),
                false => Pairs::Outside(Direction::Egress, &from),
            };
            self.count(&flows, &counted);
            self.note(&flows, said[DiffSide::New], 1);
            for flow in flows {
                if to == unit {
                    self.found.own.push((to, flow));
                } else {
                    let known = by_flow.entry(flow).or_default();
                    if known.is_empty() {
                        order.push(flow);
                    }
                    known.push(to);
                }
            }
        }
        for flow in order {
            let units = by_flow.remove(&flow).unwrap_or_default();
            self.add_single(unit, &units, flow);
        }
    }

    fn add_single(&mut self, from: JointId, units: &[JointId], flow: Flow) {
        let (addresses, workloads) =
            units.split_at(units.partition_point(|unit| !self.is_workload(*unit)));
        let some = [addresses, workloads].into_iter().filter(|units| !units.is_empty());
        self.single.extend(some.map(|to| Bundle { from: [from].into(), to: to.into(), flow }));
    }
}

impl DiffSummary {
    fn of(&mut self, kind: Kind) -> &mut u32 {
        match kind {
            Kind::Opened => &mut self.opened,
            Kind::Closed => &mut self.closed,
            Kind::Uncertain => &mut self.uncertain,
        }
    }
}

fn add(count: &mut u32, more: usize) {
    *count = count.saturating_add(u32::try_from(more).unwrap_or(u32::MAX));
}

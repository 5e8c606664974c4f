//! The answer of `diff`: what two states of a cluster allow differently.
//!
//! `joint` finds what both sides have in common, `parts` who of it is alike on both, and `compare`
//! looks at each pair of parts once: only what differs is kept. `flows` says what of a pair does,
//! `cause` which lines of policies make it so. What is alike is named together as in a list, by the
//! same code; `side` has what each of the two says.

mod cause;
pub(super) mod compare;
pub(super) mod flows;
pub(super) mod joint;
mod parts;
pub(super) mod side;
mod types;

use std::collections::BTreeSet;

use super::list::connections::Texts;
use super::list::gather::Bundle;
use super::list::lines::{Line, Lines};
use super::list::{ListFilter, note};
use super::place;
use super::types::EndpointKind;
use crate::net::ConnTable;
use crate::reach::{Unit, UnitKind};
use crate::report::list::members::{Member, MemberKind};
use crate::session::Session;
use cause::Causes;
use compare::{Compared, Comparer};
use flows::Flow;
use joint::{Joint, JointId, Joints};
use side::Sided;

pub use types::{BySide, DiffCause, DiffChange, DiffEndpoint, DiffReport, DiffSide, DiffSummary};

/// Between which ends flows are: changes are listed section by section.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    /// Ends that both sides have.
    Both,
    /// Ends of which a side alone has one.
    Only(DiffSide),
}

impl Session {
    /// The filter with members in place of groups that a list of either side names.
    #[must_use]
    pub fn with_members_of_both(&self, new: &Self, filter: &ListFilter) -> ListFilter {
        let mut focus: Vec<String> = Vec::new();
        for word in &filter.focus {
            let alone = ListFilter { focus: vec![word.clone()], ..filter.clone() };
            let sides = [self, new].map(|side| side.with_members(&alone).focus);
            let groups = sides.into_iter().filter(|members| *members != alone.focus);
            let members: Vec<String> = groups.flatten().collect();
            let members = if members.is_empty() { alone.focus } else { members };
            focus.extend(members);
        }
        focus.sort_unstable();
        focus.dedup();
        ListFilter { focus, ..filter.clone() }
    }

    /// What a new state allows that this one does not, and the other way round. Of the filter,
    /// `certain_only` and `explain` are not looked at.
    ///
    /// # Cost
    /// Two reaches, and linear in the pairs of parts that policies of either let talk; what is
    /// written is linear in what differs.
    pub fn diff(&self, new: &Self, filter: &ListFilter) -> DiffReport {
        let filter = &self.with_members_of_both(new, filter);
        let mut sides = BySide::from_array([self, new]).map(|_, one| Sided::new(one, filter));
        let joints = Joints::new(BySide::from_fn(|side| &sides[side].reach));
        let mut conns = ConnTable::default();
        let mut compared = Comparer::new(&joints, &mut sides, &mut conns, filter).compare();
        let one_sided = one_sided(&joints, &sides);
        for id in &one_sided {
            match joints.all.get(*id).and_then(|joint| joint.only_in()) {
                Some(DiffSide::Old) => compared.summary.removed += 1,
                _ => compared.summary.added += 1,
            }
        }
        let notes = note::notes(new, &sides[DiffSide::New].reach, &compared.notes);
        let mut lines = Lines::new(&joints.members);
        let found = all_lines(&joints, &compared, &mut lines, filter.expand);
        let mut texts = Texts::default();
        let mut causes = Causes::new(&joints, &mut sides, &conns);
        let mut named: BTreeSet<JointId> = one_sided.into_iter().collect();
        let changes = found.into_iter().map(|(from, to, flow)| {
            named.extend([from, to].into_iter().flat_map(|end| lines.ends.units(end)));
            let (causes, more_causes) = causes.of(&lines.ends, (from, to), &flow);
            DiffChange {
                from: lines.ends.id_of(from),
                to: lines.ends.id_of(to),
                before: flow.before,
                after: flow.after,
                ports: texts.of(flow.ports, conns.get(flow.ports)).unwrap_or_default(),
                family: flow.family,
                causes,
                more_causes,
            }
        });
        let changes = changes.collect();
        let causes = causes.into_all();
        DiffReport {
            endpoints: named.into_iter().map(|id| endpoint(&joints, id, &sides)).collect(),
            groups: lines.ends.into_groups(),
            changes,
            port_sets: texts.port_sets(|id| conns.get(id)),
            causes,
            notes,
            summary: compared.summary,
            old: self.summary(),
            new: new.summary(),
        }
    }
}

/// Workloads in focus that one side alone has.
fn one_sided(joints: &Joints, sides: &BySide<Sided<'_>>) -> Vec<JointId> {
    let is_workload = |id| joints.members.get(id).is_some_and(Member::is_workload);
    let is_one_sided = |(id, joint): &(JointId, &Joint)| {
        joint.only_in().is_some() && is_workload(*id) && parts::is_inside(joint, sides)
    };
    joints.all.iter().filter(is_one_sided).map(|(id, _)| id).collect()
}

/// All lines, section by section.
fn all_lines(
    joints: &Joints,
    compared: &Compared,
    lines: &mut Lines<'_, Joint>,
    expand: bool,
) -> Vec<Line<Joint, Flow>> {
    let mut found = Vec::new();
    for section in [Section::Both, Section::Only(DiffSide::New), Section::Only(DiffSide::Old)] {
        let is_there = |id| joints.all.get(id).is_some_and(|joint| section.has(joint));
        lines.among(is_there);
        let bundles = compared.bundles.iter().filter(|bundle| Section::of(&bundle.flow) == section);
        let bundles: Vec<Bundle<Joint, Flow>> = bundles.map(Bundle::share).collect();
        let own = compared.own.iter().filter(|(_, flow)| Section::of(flow) == section);
        let own: Vec<(JointId, Flow)> = own.copied().collect();
        let key = |flow: &Flow| (flow.family, flow.before, flow.after, flow.ports);
        found.extend(lines.of(&bundles, &own, (expand, key)));
    }
    found
}

impl Section {
    fn of(flow: &Flow) -> Self {
        match (flow.before, flow.after) {
            (None, _) => Self::Only(DiffSide::New),
            (_, None) => Self::Only(DiffSide::Old),
            _ => Self::Both,
        }
    }

    /// Whether its flows can have an end.
    fn has(self, joint: &Joint) -> bool {
        match self {
            Self::Both => joint.only_in().is_none(),
            Self::Only(side) => joint.unit[side].is_some(),
        }
    }
}

fn endpoint(joints: &Joints, id: JointId, sides: &BySide<Sided<'_>>) -> DiffEndpoint {
    let mut report = DiffEndpoint {
        id: "".into(),
        kind: EndpointKind::Workload,
        only_in: None,
        namespace: None,
        name: None,
        workload_kind: None,
        pods: Vec::new(),
        addresses: Vec::new(),
        old_location: None,
        new_location: None,
    };
    let (Some(joint), Some(member)) = (joints.all.get(id), joints.members.get(id)) else {
        return report;
    };
    report.id = member.id.clone();
    report.only_in = joint.only_in();
    if let MemberKind::Outside(addresses) = &member.kind {
        report.kind = EndpointKind::Addresses;
        report.addresses = addresses.cidrs();
        return report;
    }
    let pods = joints.pods.get(id).map_or(&[][..], Vec::as_slice);
    report.pods = pods.iter().map(ToString::to_string).collect();
    for (side, unit) in joint.unit {
        let unit = unit.and_then(|unit| sides[side].reach.units().get(unit));
        unit.into_iter().for_each(|unit| fill(&mut report, &sides[side], (side, unit)));
    }
    report
}

fn fill(report: &mut DiffEndpoint, sided: &Sided<'_>, (side, unit): (DiffSide, &Unit)) {
    let UnitKind::Workload { workload, endpoints, .. } = &unit.kind else { return };
    let model = sided.session.model();
    let Some(workload) = model.workloads.get(*workload) else { return };
    report.namespace = Some(model.namespace_name(workload.namespace).to_owned());
    report.name = Some(workload.name.to_string());
    report.workload_kind = Some(workload.kind.to_string());
    let first = endpoints.first().and_then(|id| model.endpoints.get(*id));
    let object = workload.object.as_ref().or(first.and_then(|first| first.object.as_ref()));
    let location = object.and_then(|object| place::of_object(sided.session, object, object.span));
    match side {
        DiffSide::Old => report.old_location = location,
        DiffSide::New => report.new_location = location,
    }
}

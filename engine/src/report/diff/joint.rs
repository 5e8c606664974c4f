//! What two sides have in common: ranges of addresses, workloads, and parts of these.
//!
//! Addresses are divided wherever policies of a side divide them. A workload is the same if its
//! namespace, kind and name are; its pods come and go. Where a side distinguishes pods of a
//! workload, its parts are paired by the names of their pods, and else by their labels.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::types::{BySide, DiffSide};
use crate::cluster::ClusterModel;
use crate::manifest::LabelList;
use crate::net::{AddrSet, Family, IntervalSet};
use crate::reach::{Reach, Unit, UnitId, UnitKind};
use crate::report::list::members::{Member, MemberKind};
use crate::shared::{Id, Table};

/// What is one end of flows on both sides, or on one.
#[derive(Clone, Copy, Debug)]
pub struct Joint {
    /// What it is a unit of, or lies in one of.
    pub unit: BySide<Option<UnitId>>,
}

/// The number of a [`Joint`].
pub type JointId = Id<Joint>;

/// All of them: addresses first, then workloads by namespace, name and kind.
#[derive(Default)]
pub struct Joints {
    pub all: Table<Joint>,
    pub members: Table<Member, Joint>,
    /// Names of pods of those that are parts of a workload, sorted.
    pub pods: Table<Vec<Arc<str>>, Joint>,
}

impl Joint {
    /// The only side that has it.
    pub fn only_in(self) -> Option<DiffSide> {
        match self.unit.as_slice() {
            [Some(_), None] => Some(DiffSide::Old),
            [None, Some(_)] => Some(DiffSide::New),
            _ => None,
        }
    }
}

/// Namespace, name and kind of a workload.
type Name = (Arc<str>, Arc<str>, Arc<str>);

impl Joints {
    /// What two reaches have in common.
    ///
    /// # Cost
    /// Linear in the units of both, and logarithmic in their names.
    pub fn new(sides: BySide<&Reach<'_>>) -> Self {
        let mut joints = Self::default();
        joints.add_addresses(sides);
        let mut workloads: BTreeMap<Name, BySide<Vec<UnitId>>> = BTreeMap::new();
        for (side, reach) in sides {
            for (id, unit) in reach.units().iter() {
                if let Some(name) = name_of(reach.model(), unit) {
                    workloads.entry(name).or_default()[side].push(id);
                }
            }
        }
        for (number, (name, units)) in (0..).zip(workloads) {
            joints.add_workload((number, &name), (sides, &units));
        }
        joints
    }

    fn add_addresses(&mut self, sides: BySide<&Reach<'_>>) {
        let v4 = sides.map(|_, reach| outside(reach, Family::IPv4, |own| own.v4.ranges()));
        for (unit, range) in common(&v4) {
            let v4 = IntervalSet::from_ranges([range]);
            self.add_range(unit, AddrSet { v4, ..AddrSet::default() });
        }
        let v6 = sides.map(|_, reach| outside(reach, Family::IPv6, |own| own.v6.ranges()));
        for (unit, range) in common(&v6) {
            let v6 = IntervalSet::from_ranges([range]);
            self.add_range(unit, AddrSet { v6, ..AddrSet::default() });
        }
    }

    fn add_range(&mut self, unit: BySide<Option<UnitId>>, addresses: AddrSet) {
        let id = addresses.range_texts().join(",").into();
        self.add(unit, (Member { id, kind: MemberKind::Outside(addresses) }, Vec::new()));
    }

    fn add(&mut self, unit: BySide<Option<UnitId>>, (member, pods): (Member, Vec<Arc<str>>)) {
        self.all.push(Joint { unit });
        self.members.push(member);
        self.pods.push(pods);
    }

    fn add_workload(
        &mut self,
        (workload, (namespace, name, kind)): (u32, &Name),
        (sides, units): (BySide<&Reach<'_>>, &BySide<Vec<UnitId>>),
    ) {
        let id = format!("{namespace}/{name}[{kind}]");
        let pairs = pairs(sides, units);
        let is_one = pairs.all.len() == 1;
        let mut ids = BTreeSet::new();
        for unit in &pairs.all {
            let unit = *unit;
            let pods = if is_one { Vec::new() } else { pairs.pods(sides, unit) };
            let mut text = if is_one { id.clone() } else { format!("{id}{{{}}}", few(&pods)) };
            // Parts that are paired by their labels may share a first pod.
            while !ids.insert(text.clone()) {
                text.push('\'');
            }
            let kind = MemberKind::Workload { namespace: namespace.clone(), workload };
            self.add(unit, (Member { id: text.into(), kind }, pods));
        }
    }
}

fn name_of(model: &ClusterModel, unit: &Unit) -> Option<Name> {
    let UnitKind::Workload { workload, .. } = &unit.kind else { return None };
    let workload = model.workloads.get(*workload)?;
    let namespace = model.namespaces.get(workload.namespace)?;
    Some((namespace.name.clone(), workload.name.clone(), workload.kind.clone()))
}

/// A first and a last address.
type Range<T> = (T, T);

/// Ranges of one family, ascending.
fn outside<'r, T: Copy + 'r>(
    reach: &'r Reach<'_>,
    family: Family,
    ranges: impl Fn(&'r AddrSet) -> &'r [Range<T>],
) -> Vec<(UnitId, Range<T>)> {
    let mut found = Vec::new();
    for (id, unit) in reach.units().iter() {
        match &unit.kind {
            UnitKind::Outside(of, addresses) if *of == family => {
                found.extend(ranges(addresses).iter().map(|range| (id, *range)));
            }
            _ => {}
        }
    }
    found
}

/// Every range of either side, divided where the other one divides it, ascending.
fn common<T: Copy + Ord>(
    sides: &BySide<Vec<(UnitId, Range<T>)>>,
) -> Vec<(BySide<Option<UnitId>>, Range<T>)> {
    let (old, new) = (&sides[DiffSide::Old], &sides[DiffSide::New]);
    let pair = |old, new| BySide::from_array([old, new]);
    if old.is_empty() || new.is_empty() {
        let alone = old.iter().map(|(id, range)| (pair(Some(*id), None), *range));
        let other = new.iter().map(|(id, range)| (pair(None, Some(*id)), *range));
        return alone.chain(other).collect();
    }
    let mut found = Vec::with_capacity(old.len().max(new.len()));
    let (mut olds, mut news) = (old.iter().peekable(), new.iter().peekable());
    while let (Some((a, one)), Some((b, other))) = (olds.peek(), news.peek()) {
        let range = (one.0.max(other.0), one.1.min(other.1));
        if range.0 <= range.1 {
            found.push((pair(Some(*a), Some(*b)), range));
        }
        match one.1.cmp(&other.1) {
            std::cmp::Ordering::Less => drop(olds.next()),
            std::cmp::Ordering::Greater => drop(news.next()),
            std::cmp::Ordering::Equal => drop((olds.next(), news.next())),
        }
    }
    found
}

// --- parts of workloads

/// A part on each side.
type Pair = BySide<Option<UnitId>>;

/// The parts of one workload, paired.
#[derive(Default)]
struct Pairs {
    all: BTreeSet<Pair>,
    /// Those of them that have a pod on both sides.
    named: BTreeSet<Pair>,
}

impl Pairs {
    /// Whether a part has a pod that the other side has too.
    fn is_named(&self, side: DiffSide, unit: Option<UnitId>) -> bool {
        unit.is_some() && self.named.iter().any(|one| one[side] == unit)
    }

    /// The pods that a pair is about: those of both sides; else those that only one side has, of the
    /// new one if both have such.
    fn pods(&self, sides: BySide<&Reach<'_>>, unit: Pair) -> Vec<Arc<str>> {
        let names = unit.map(|side, unit| {
            let names = unit.map(|unit| pod_names(sides[side], unit)).unwrap_or_default();
            names.into_iter().collect::<BTreeSet<_>>()
        });
        let (old, new) = (&names[DiffSide::Old], &names[DiffSide::New]);
        let both: Vec<Arc<str>> = old.intersection(new).cloned().collect();
        let only_old = self.is_named(DiffSide::New, unit[DiffSide::New])
            && !self.is_named(DiffSide::Old, unit[DiffSide::Old])
            && !old.is_empty();
        match both.is_empty() {
            false => both,
            true if only_old || new.is_empty() => old.iter().cloned().collect(),
            true => new.iter().cloned().collect(),
        }
    }
}

fn pairs(sides: BySide<&Reach<'_>>, units: &BySide<Vec<UnitId>>) -> Pairs {
    let (old, new) = (&units[DiffSide::Old], &units[DiffSide::New]);
    let pair = |old: Option<UnitId>, new: Option<UnitId>| BySide::from_array([old, new]);
    if old.len().max(new.len()) == 1 {
        let only = pair(old.first().copied(), new.first().copied());
        return Pairs { all: BTreeSet::from([only]), ..Pairs::default() };
    }
    let by_name = names(sides[DiffSide::Old], old);
    let named: BTreeSet<Pair> = names(sides[DiffSide::New], new)
        .into_iter()
        .filter_map(|(name, unit)| Some(pair(Some(*by_name.get(&name)?), Some(unit))))
        .collect();
    let mut pairs = Pairs { all: named.clone(), named };
    for (side, other) in [(DiffSide::New, DiffSide::Old), (DiffSide::Old, DiffSide::New)] {
        let alone = units[side].iter().filter(|unit| !pairs.is_named(side, Some(**unit)));
        let alone: Vec<UnitId> = alone.copied().collect();
        for unit in alone {
            let like = like(sides, (side, unit), (other, &units[other]));
            let mut one = BySide::from_array([None, None]);
            (one[side], one[other]) = (Some(unit), like);
            pairs.all.insert(one);
        }
    }
    pairs
}

/// Units by the names of their pods.
fn names(reach: &Reach<'_>, units: &[UnitId]) -> BTreeMap<Arc<str>, UnitId> {
    let names = |unit: &UnitId| {
        let unit = *unit;
        pod_names(reach, unit).into_iter().map(move |name| (name, unit))
    };
    units.iter().flat_map(names).collect()
}

fn pod_names(reach: &Reach<'_>, unit: UnitId) -> Vec<Arc<str>> {
    let Some(UnitKind::Workload { endpoints, .. }) = reach.units().get(unit).map(|u| &u.kind)
    else {
        return Vec::new();
    };
    let endpoints = endpoints.iter().filter_map(|id| reach.model().endpoints.get(*id));
    endpoints.map(|endpoint| endpoint.name.clone()).collect()
}

/// The unit of the other side that stands for one whose pods have no namesake there: the only one,
/// or the first with the same labels.
fn like(
    sides: BySide<&Reach<'_>>,
    (side, unit): (DiffSide, UnitId),
    (other, units): (DiffSide, &[UnitId]),
) -> Option<UnitId> {
    if let [one] = units {
        return Some(*one);
    }
    let own = labels(sides[side], unit);
    units.iter().copied().find(|unit| labels(sides[other], *unit) == own)
}

/// The labels of a unit's pods; none of pods on the host's network.
fn labels<'m>(reach: &Reach<'m>, unit: UnitId) -> Option<&'m LabelList> {
    let Some(UnitKind::Workload { endpoints, .. }) = reach.units().get(unit).map(|u| &u.kind)
    else {
        return None;
    };
    let model = reach.model();
    let group = model.endpoints.get(*endpoints.first()?)?.group?;
    Some(&model.groups.get(group)?.labels)
}

/// `web-0 and 2 more`.
fn few(pods: &[Arc<str>]) -> String {
    match pods {
        [] => String::new(),
        [one] => one.to_string(),
        [first, more @ ..] => format!("{first} and {} more", more.len()),
    }
}

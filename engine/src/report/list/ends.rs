//! Names for the ends of bundles: single endpoints, or groups of endpoints that are treated alike.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::members::{Member, MemberKind, Units};
use super::ranges::{self, Named};
use crate::net::{AddrSet, IntervalSet};
use crate::report::types::{EndpointKind, GroupReport};
use crate::shared::{Id, Table};

/// Fewer workloads than this are named one by one.
const FEWEST: usize = 3;
/// So many names are written for a set of workloads at most, each in a line of its own; a set that
/// needs more is one group.
const MOST_NAMES: usize = 3;
/// So many workloads are named as left out of a group at most.
const MOST_LEFT_OUT: usize = 2;

/// The end of a connection.
pub enum End<U> {
    /// An endpoint alone.
    One(Id<U>),
    /// A group, by its place in [`Ends::groups`], and its first unit.
    Group(usize, Id<U>),
}

// Not derived: whatever `U` is, the number of one can be copied and compared.
impl<U> Clone for End<U> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<U> Copy for End<U> {}

impl<U> PartialEq for End<U> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::One(a), Self::One(b)) => a == b,
            (Self::Group(a, _), Self::Group(b, _)) => a == b,
            _ => false,
        }
    }
}

/// The ends that have been named so far.
pub struct Ends<'e, U> {
    members: &'e Table<Member, U>,
    /// All workloads that there are, to say which of them are left out.
    workloads: Vec<Id<U>>,
    /// The workloads of each namespace, ascending.
    namespaces: FxHashMap<Arc<str>, Vec<Id<U>>>,
    groups: Vec<(GroupReport, Units<U>)>,
    by_members: FxHashMap<Units<U>, usize>,
    /// How many groups have a name.
    names: FxHashMap<String, usize>,
}

impl<'e, U> Ends<'e, U> {
    pub fn new(members: &'e Table<Member, U>) -> Self {
        let mut ends = Self {
            members,
            workloads: Vec::new(),
            namespaces: FxHashMap::default(),
            groups: Vec::new(),
            by_members: FxHashMap::default(),
            names: FxHashMap::default(),
        };
        ends.among(|_| true);
        ends
    }

    /// From here on, `all workloads` are those of some members.
    pub fn among(&mut self, is_there: impl Fn(Id<U>) -> bool) {
        self.workloads.clear();
        self.namespaces.clear();
        for (unit, member) in self.members.iter().filter(|(unit, _)| is_there(*unit)) {
            if let Some(namespace) = member.namespace() {
                self.workloads.push(unit);
                self.namespaces.entry(namespace.clone()).or_default().push(unit);
            }
        }
    }

    /// Each workload for itself.
    pub fn each(units: &[Id<U>]) -> Vec<End<U>> {
        units.iter().map(|unit| End::One(*unit)).collect()
    }

    /// Few names for some workloads: all, those of a namespace, or single ones.
    pub fn workloads(&mut self, units: &Units<U>) -> Vec<End<U>> {
        if units.len() < FEWEST {
            return Self::each(units);
        }
        let mut terms = Vec::new();
        for of in units.chunk_by(|a, b| self.namespace(*a) == self.namespace(*b)) {
            self.add_terms(of, &mut terms);
        }
        let all = self.but("all workloads", &self.workloads, units);
        if let Some(name) = all.filter(|_| terms.len() > 1 || units.len() == self.workloads.len()) {
            return vec![self.group(name, units)];
        }
        if terms.len() > MOST_NAMES {
            return vec![self.group(self.first_names(&terms, units.len()), units)];
        }
        let end = |(name, units): (Option<String>, &[Id<U>])| match (name, units) {
            (None, [one]) => End::One(*one),
            (name, units) => self.group(name.unwrap_or_default(), &units.into()),
        };
        terms.into_iter().map(end).collect()
    }

    /// Names for some workloads of one namespace.
    fn add_terms<'u>(&self, units: &'u [Id<U>], terms: &mut Vec<(Option<String>, &'u [Id<U>])>) {
        let name = (units.len() >= FEWEST).then(|| {
            let namespace = self.namespace(*units.first()?)?;
            self.but(&format!("{namespace}/*"), self.namespaces.get(namespace)?, units)
        });
        match name.flatten() {
            Some(name) => terms.push((Some(name), units)),
            None => terms.extend(units.chunks(1).map(|one| (None, one))),
        }
    }

    /// `shop/*`, or `shop/* except shop/db[Deployment]`, if no more than a few are left out.
    fn but(&self, name: &str, all: &[Id<U>], units: &[Id<U>]) -> Option<String> {
        let left_out = all.len().saturating_sub(units.len());
        if left_out == 0 {
            return Some(name.to_owned());
        }
        if left_out > MOST_LEFT_OUT || units.len() <= left_out + 1 {
            return None;
        }
        let is_out = |unit: &&Id<U>| units.binary_search(unit).is_err();
        let names: Vec<&str> = all.iter().filter(is_out).map(|unit| self.id(*unit)).collect();
        Some(format!("{name} except {}", names.join(", ")))
    }

    /// `shop/api[Deployment], shop/db[Deployment] and 10 more`.
    fn first_names(&self, terms: &[(Option<String>, &[Id<U>])], all: usize) -> String {
        let first = terms.iter().take(MOST_NAMES - 1);
        let named: usize = first.clone().map(|(_, units)| units.len()).sum();
        let names: Vec<&str> = first
            .filter_map(|(name, units)| Some(name.as_deref().unwrap_or(self.id(*units.first()?))))
            .collect();
        format!("{} and {} more", names.join(", "), all - named)
    }

    /// Few names for some addresses, given those that are listed with the same other end.
    pub fn addresses(&mut self, units: &Units<U>, listed: &AddrSet) -> Vec<End<U>> {
        let named = ranges::names(&self.set(units), listed);
        self.address_ends(units, named)
    }

    /// Each range of some addresses.
    pub fn ranges(&mut self, units: &Units<U>) -> Vec<End<U>> {
        let named = ranges::ranges(&self.set(units));
        self.address_ends(units, named)
    }

    fn address_ends(&mut self, units: &Units<U>, named: Vec<Named>) -> Vec<End<U>> {
        if let [Named { name, .. }] = named.as_slice() {
            return vec![self.one_or_group(name.clone(), units)];
        }
        let mut left: &[Id<U>] = units;
        let mut ends = Vec::with_capacity(named.len());
        for Named { name, addresses } in named {
            // Names come in the order of units, and no unit is in two.
            let is_in = |unit: &Id<U>| self.first_address(*unit, &addresses);
            let (own, rest) = left.split_at(left.partition_point(is_in));
            left = rest;
            ends.push(self.one_or_group(name, &own.into()));
        }
        ends
    }

    fn first_address(&self, unit: Id<U>, addresses: &AddrSet) -> bool {
        match self.members.get(unit).map(|unit| &unit.kind) {
            Some(MemberKind::Outside(own)) => {
                own.first().is_some_and(|first| addresses.contains(first))
            }
            _ => false,
        }
    }

    fn one_or_group(&mut self, name: String, units: &Units<U>) -> End<U> {
        match **units {
            [one] if self.id(one) == name => End::One(one),
            _ => self.group(name, units),
        }
    }

    /// All addresses of some units.
    pub fn set(&self, units: &[Id<U>]) -> AddrSet {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for unit in units {
            if let Some(Member { kind: MemberKind::Outside(own), .. }) = self.members.get(*unit) {
                v4.extend_from_slice(own.v4.ranges());
                v6.extend_from_slice(own.v6.ranges());
            }
        }
        AddrSet { v4: IntervalSet::from_ranges(v4), v6: IntervalSet::from_ranges(v6) }
    }

    fn group(&mut self, name: String, units: &Units<U>) -> End<U> {
        let first = units.first().copied().unwrap_or(Id::MAX);
        if let Some(known) = self.by_members.get(units) {
            return End::Group(*known, first);
        }
        let report = self.report(name, units);
        let next = self.groups.len();
        self.groups.push((report, units.clone()));
        self.by_members.insert(units.clone(), next);
        End::Group(next, first)
    }

    fn report(&mut self, name: String, units: &[Id<U>]) -> GroupReport {
        let same = self.names.entry(name.clone()).or_default();
        *same += 1;
        let id = if *same == 1 { name.clone() } else { format!("{name} #{same}") };
        let count = units.chunk_by(|a, b| self.workload(*a) == self.workload(*b)).count();
        let (kind, name) = match self.workload(units.first().copied().unwrap_or(Id::MAX)) {
            None => (EndpointKind::Addresses, name),
            _ if name.starts_with("all workloads") => {
                (EndpointKind::Workload, format!("{name} ({count})"))
            }
            _ => (EndpointKind::Workload, format!("{name} ({count} workloads)")),
        };
        let members = units.iter().filter_map(|unit| self.members.get(*unit));
        let members = members.map(|member| member.id.clone()).collect();
        GroupReport { id: id.into(), name: name.into(), kind, members }
    }

    /// How an end is called.
    pub fn id_of(&self, end: End<U>) -> Arc<str> {
        let id = match end {
            End::One(unit) => self.members.get(unit).map(|member| &member.id),
            End::Group(group, _) => self.groups.get(group).map(|(report, _)| &report.id),
        };
        id.cloned().unwrap_or_default()
    }

    /// In which order ends are listed: by their first endpoint, larger ones first.
    pub fn order(&self, end: End<U>) -> (Id<U>, std::cmp::Reverse<usize>) {
        match end {
            End::One(unit) => (unit, std::cmp::Reverse(1)),
            End::Group(group, first) => {
                let size = self.groups.get(group).map_or(0, |(_, units)| units.len());
                (first, std::cmp::Reverse(size))
            }
        }
    }

    /// All groups, in the order in which they were named.
    pub fn into_groups(self) -> Vec<GroupReport> {
        let mut groups = self.groups;
        groups.sort_by(|(_, a), (_, b)| a.first().cmp(&b.first()).then(b.len().cmp(&a.len())));
        groups.into_iter().map(|(report, _)| report).collect()
    }

    /// The units of an end, ascending.
    pub fn units(&self, end: End<U>) -> Vec<Id<U>> {
        match end {
            End::One(unit) => vec![unit],
            End::Group(group, _) => {
                self.groups.get(group).map_or_else(Vec::new, |(_, units)| units.to_vec())
            }
        }
    }

    /// Whether some units are workloads: all or none are.
    pub fn is_workloads(&self, units: &[Id<U>]) -> bool {
        let first = units.first().and_then(|one| self.members.get(*one));
        first.is_some_and(Member::is_workload)
    }

    fn id(&self, unit: Id<U>) -> &str {
        self.members.get(unit).map_or("", |member| &member.id)
    }

    fn workload(&self, unit: Id<U>) -> Option<u32> {
        self.members.get(unit)?.workload()
    }

    fn namespace(&self, unit: Id<U>) -> Option<&Arc<str>> {
        self.members.get(unit)?.namespace()
    }
}

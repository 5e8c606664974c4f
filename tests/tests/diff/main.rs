//! What differs between two states is what each of them says of every flow, compared.
//!
//! Tried on random clusters after random edits: against evaluating flow by flow, and against lists
//! of all pairs, which say it of all ports and of both families.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "test code")]

mod ends;

use std::collections::{BTreeMap, BTreeSet};

use ends::{Who, everybody};
use portcullis_engine::report::{
    DiffChange, DiffReport, Family, FlowQuery, ListReport, PortRange, Protocol, Verdict,
};
use portcullis_engine::{ListFilter, Options, Session};
use portcullis_tests::random::{Cluster, PORTS, Random, hold_with_calico};

fn filter(expand: bool) -> ListFilter {
    ListFilter { siblings: true, expand, ..ListFilter::default() }
}

/// A state and what it was before some edits.
fn states(cluster: &Cluster, seed: u64) -> (Cluster, Cluster) {
    let mut rng = Random::new(seed ^ 0xd1ff);
    let mut new = cluster.clone();
    for _ in 0..1 + rng.below(3) {
        let other = Cluster::of(rng.number());
        new = new.edited(&mut rng, &other);
    }
    (cluster.clone(), new)
}

/// What both states are read with: the same, whatever the edit.
fn session(cluster: &Cluster, family: Option<Family>) -> Session {
    let options = Options { family, ..cluster.options.options().unwrap() };
    let file = portcullis_engine::SourceFile::new("case.yaml", cluster.yaml().as_bytes());
    Session::new(options).apply(vec![portcullis_engine::Change::Put(file)])
}

// --- what a difference says

/// A change of one pair.
type Pair<'r> = (&'r str, &'r str, Option<Verdict>, Option<Verdict>, Option<Family>, &'r str);

fn members<'r>(report: &'r DiffReport, id: &'r str) -> Vec<&'r str> {
    let group = report.groups.iter().find(|group| *group.id == *id);
    group.map_or_else(|| vec![id], |group| group.members.iter().map(|one| &**one).collect())
}

fn pairs_of<'r>(report: &'r DiffReport, change: &'r DiffChange) -> Vec<(&'r str, &'r str)> {
    let (from, to) = (members(report, &change.from), members(report, &change.to));
    let own = from == to && from.len() == 1;
    let all = from.into_iter().flat_map(|from| to.iter().map(move |to| (from, *to)));
    all.filter(|(from, to)| own || from != to).collect()
}

fn pairs(report: &DiffReport) -> BTreeSet<Pair<'_>> {
    let mut all = BTreeSet::new();
    for change in &report.changes {
        for (from, to) in pairs_of(report, change) {
            let DiffChange { before, after, family, ports, .. } = change;
            assert!(
                all.insert((from, to, *before, *after, *family, &**ports)),
                "twice: {change:?}"
            );
        }
    }
    all
}

/// What is said of a flow before and after.
type Said = (Option<Verdict>, Option<Verdict>);

/// Changes by pair of endpoints.
struct Changes<'r> {
    report: &'r DiffReport,
    by_pair: BTreeMap<(&'r str, &'r str), Vec<&'r DiffChange>>,
}

impl<'r> Changes<'r> {
    fn new(report: &'r DiffReport) -> Self {
        let mut by_pair: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for change in &report.changes {
            for pair in pairs_of(report, change) {
                by_pair.entry(pair).or_default().push(change);
            }
        }
        Self { report, by_pair }
    }

    /// The changes of a pair.
    fn of(&self, (from, to): (&Who, &Who)) -> &[&'r DiffChange] {
        let find = |who: &Who| self.report.endpoints.iter().find(|one| who.is(one));
        let changes =
            find(from).zip(find(to)).and_then(|(from, to)| self.by_pair.get(&(&*from.id, &*to.id)));
        changes.map_or(&[], Vec::as_slice)
    }

    /// How a flow of a pair changes; none if it does not.
    fn at(&self, changes: &[&DiffChange], (protocol, port, family): At) -> Vec<Said> {
        let changes = changes.iter().filter(|change| {
            change.family.is_none_or(|own| own == family)
                && has(&self.report.port_sets[&change.ports], protocol, port)
        });
        changes.map(|change| (change.before, change.after)).collect()
    }
}

fn has(ranges: &[PortRange], protocol: Protocol, port: u16) -> bool {
    ranges.iter().any(|r| r.protocol == protocol && (r.port..=r.end_port).contains(&port))
}

/// A port and the family of the addresses.
type At = (Protocol, u16, Family);

/// What a side says of the flows of a pair; nothing if it does not have both ends.
type Says<'s> = Box<dyn Fn(At) -> Option<Verdict> + 's>;

/// Holds changes against what each side says of every flow.
fn compare<'s>(
    report: &DiffReport,
    everybody: &'s BTreeSet<Who>,
    says: [&dyn Fn(&'s Who, &'s Who) -> Says<'s>; 2],
    families: &[Family],
) -> Result<(), String> {
    let changes = Changes::new(report);
    let pairs = everybody.iter().flat_map(|from| everybody.iter().map(move |to| (from, to)));
    let asked = |(from, to): &(&Who, &Who)| from != to && !(from.is_address() && to.is_address());
    for (from, to) in pairs.filter(asked) {
        let (own, says) = (changes.of((from, to)), says.map(|says| says(from, to)));
        for (port, family) in PORTS.iter().flat_map(|p| families.iter().map(move |f| (p, *f))) {
            let at = (port.0, port.1, family);
            let said = [0, 1].map(|side| says[side](at));
            let expected = match (said[0], said[1]) {
                (before, after) if before == after => vec![],
                (None, Some(Verdict::Deny)) | (Some(Verdict::Deny), None) => vec![],
                said => vec![said],
            };
            let found = changes.at(own, at);
            if found != expected {
                return Err(format!(
                    "{from:?} -> {to:?} {at:?}: {found:?} for {expected:?}: {:?}",
                    report.changes
                ));
            }
        }
    }
    Ok(())
}

// --- the properties

#[test]
fn a_difference_is_that_of_evaluating_every_flow() {
    hold_with_calico("diff and evaluate", |cluster, seed| {
        let (old, new) = states(cluster, seed);
        // Of one family, so that an answer is not about two that differ.
        let family = if seed % 2 == 0 { Family::IPv4 } else { Family::IPv6 };
        let edited = new.yaml();
        let [old, new] = [old, new].map(|one| session(&one, Some(family)));
        let lists = [&old, &new].map(|one| one.list(&filter(false)));
        let report = old.diff(&new, &filter(true));
        let everybody = everybody([&lists[0], &lists[1]], [&old, &new]);
        let says = [(&old, &lists[0]), (&new, &lists[1])]
            .map(|(session, list)| move |from, to| evaluated((session, list), from, to));
        compare(&report, &everybody, [&says[0], &says[1]], &[family])
            .map_err(|why| format!("{why}\n--- after the edits:\n{edited}---"))
    });
}

fn evaluated<'s>(
    (session, list): (&'s Session, &ListReport),
    from: &'s Who,
    to: &'s Who,
) -> Says<'s> {
    let is_there = |who: &Who| list.endpoints.iter().any(|one| who.is_in(one));
    let both = is_there(from) && is_there(to);
    let (from, to) = (from.asked_of(list), to.asked_of(list));
    let pairs = from.iter().flat_map(|from| to.iter().map(move |to| (from.clone(), to.clone())));
    let pairs: Vec<(String, String)> = pairs.filter(|(from, to)| from != to).collect();
    Box::new(move |(protocol, port, _)| {
        // Refused where they have no family in common: then nothing is allowed.
        let verdict = |(from, to): &(String, String)| {
            let (from, to) = (from.clone(), to.clone());
            let query = FlowQuery { from, to, protocol, port: port.into() };
            session.evaluate(&query).map_or(Verdict::Deny, |report| report.verdict)
        };
        let mut said: Vec<Verdict> = pairs.iter().map(verdict).collect();
        said.dedup();
        let all = match said.as_slice() {
            [one] => *one,
            _ => Verdict::Unknown,
        };
        both.then_some(all)
    })
}

#[test]
fn a_difference_is_that_of_two_lists() {
    hold_with_calico("diff and lists", |cluster, seed| {
        let (old, new) = states(cluster, seed);
        let [old, new] = [old, new].map(|one| session(&one, None));
        let lists = [&old, &new].map(|one| one.list(&filter(true)).in_pairs());
        let report = old.diff(&new, &filter(true));
        let everybody = everybody([&lists[0], &lists[1]], [&old, &new]);
        let says = [&lists[0], &lists[1]].map(|list| move |from, to| listed(list, from, to));
        compare(&report, &everybody, [&says[0], &says[1]], &Family::BOTH)
    });
}

fn listed<'s>(list: &'s ListReport, from: &Who, to: &Who) -> Says<'s> {
    let find = |who: &Who| list.endpoints.iter().find(|one| who.is_in(one));
    let Some((from, to)) = find(from).zip(find(to)) else { return Box::new(|_| None) };
    let own = list.connections.iter().filter(|one| one.from == from.id && one.to == to.id);
    let own: Vec<_> = own.collect();
    Box::new(move |(protocol, port, family)| {
        let ports = |set: &Option<std::sync::Arc<str>>| {
            set.as_ref().is_some_and(|set| has(&list.port_sets[set], protocol, port))
        };
        let of_family = own.iter().filter(|one| one.family.is_none_or(|own| own == family));
        let verdicts = of_family.map(|one| match (ports(&one.allowed), ports(&one.unknown)) {
            (true, _) => Verdict::Allow,
            (false, true) => Verdict::Unknown,
            (false, false) => Verdict::Deny,
        });
        Some(verdicts.max().unwrap_or(Verdict::Deny))
    })
}

#[test]
fn nothing_differs_from_itself() {
    hold_with_calico("diff with itself", |cluster, _| {
        let (one, other) = (session(cluster, None), session(cluster, None));
        let report = one.diff(&other, &filter(false));
        match report.is_different() || !report.endpoints.is_empty() {
            true => Err(format!("{report:?}")),
            false => Ok(()),
        }
    });
}

/// Pairs with parts of workloads without the names of pods: what is new gives these, if a part has no
/// pod on both sides.
fn of_workloads<'r>(pairs: impl Iterator<Item = Pair<'r>>) -> Vec<Pair<'r>> {
    let whole = |id: &'r str| id.split_once('{').map_or(id, |(workload, _)| workload);
    let mut all: Vec<Pair<'_>> = pairs
        .map(|(from, to, before, after, family, ports)| {
            (whole(from), whole(to), before, after, family, ports)
        })
        .collect();
    all.sort_unstable();
    all
}

#[test]
fn the_other_way_round_opened_is_closed() {
    hold_with_calico("diff both ways", |cluster, seed| {
        let (old, new) = states(cluster, seed);
        let [old, new] = [old, new].map(|one| session(&one, None));
        let (there, back) = (old.diff(&new, &filter(false)), new.diff(&old, &filter(false)));
        let swapped = pairs(&back).into_iter();
        let swapped =
            swapped.map(|(from, to, b, a, family, ports)| (from, to, a, b, family, ports));
        let (swapped, pairs) = (of_workloads(swapped), of_workloads(pairs(&there).into_iter()));
        let counts = |one: &DiffReport| (one.summary.opened, one.summary.added);
        let swapped_counts = |one: &DiffReport| (one.summary.closed, one.summary.removed);
        if pairs != swapped || counts(&there) != swapped_counts(&back) {
            return Err(format!("{:?}\n{:?}", there.changes, back.changes));
        }
        Ok(())
    });
}

#[test]
fn groups_say_what_pairs_say() {
    hold_with_calico("groups of a diff", |cluster, seed| {
        let (old, new) = states(cluster, seed);
        let [old, new] = [old, new].map(|one| session(&one, None));
        let (grouped, expanded) = (old.diff(&new, &filter(false)), old.diff(&new, &filter(true)));
        let same = pairs(&grouped) == pairs(&expanded) && grouped.summary == expanded.summary;
        same.then_some(()).ok_or_else(|| format!("{:?}", grouped.changes))
    });
}

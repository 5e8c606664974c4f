//! A range of ports: which of them differ.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use super::{Judged, deciding, hosts, question};
use crate::manifest::{Direction, PortEntry, PortMatch};
use crate::net::PortSet;
use crate::policy::PolicyId;
use crate::reach;
use crate::report::case::Case;
use crate::report::port::PortQuery;
use crate::report::query::QueryError;
use crate::report::types::{EndState, FlowQuery, Verdict};
use crate::session::Session;
use crate::verdict::{Party, Record, judge};

/// More questions than these, one for each pair of ends and each part of a range, are not asked.
const MOST: usize = 100_000;

/// Nor is it where they would look at more entries of ports than these, some of them thrice: that
/// takes seconds.
const MOST_ENTRIES: usize = 10_000_000;

/// Cases of a range, each once for all ports that are alike in verdicts and in what decides; others
/// as they are.
///
/// # Errors
/// If that would take very long.
pub fn differing<'m>(
    session: &'m Session,
    query: &FlowQuery,
    cases: Vec<Case<'m>>,
) -> Result<Vec<Case<'m>>, QueryError> {
    let PortQuery::Range(first, last) = query.port else { return Ok(cases) };
    let pieces = pieces(session, query, &cases, (first, last));
    let questions = pieces.len().saturating_mul(cases.len());
    let entries = cases.iter().map(|case| entries(session, case)).sum::<usize>();
    if questions > MOST || pieces.len().saturating_mul(entries) > MOST_ENTRIES {
        return Err(QueryError::new(format!(
            "policies distinguish {} parts of the ports {first}-{last} and many pairs of pods: ask for fewer ports, or for single pods",
            pieces.len()
        )));
    }
    let mut alike: Vec<Alike<'m>> = Vec::new();
    let mut known: FxHashMap<Answer, usize> = FxHashMap::default();
    for (from, to) in pieces {
        let here: Vec<Case<'m>> =
            cases.iter().map(|case| Case { port: from, ..case.clone() }).collect();
        let answer = Answer::new(session, query, &here);
        let at = *known.entry(answer).or_insert(alike.len());
        match alike.get_mut(at) {
            Some((ranges, _)) => ranges.push((from, to)),
            None => alike.push((vec![(from, to)], here)),
        }
    }
    let alike = alike.into_iter().map(|(ranges, cases)| (PortSet::from_ranges(ranges), cases));
    Ok(by_pair(alike.collect()))
}

/// Ranges of ports that are alike, and their cases.
type Alike<'m> = (Vec<(u16, u16)>, Vec<Case<'m>>);

/// All cases of a pair together: its ports in their order.
fn by_pair(alike: Vec<(PortSet, Vec<Case<'_>>)>) -> Vec<Case<'_>> {
    let (count, are_one) = (alike.len(), alike.len() == 1);
    let each = (0..).zip(alike).flat_map(|(number, (ports, cases))| {
        let ports = (!are_one).then_some(ports);
        cases.into_iter().map(move |case| {
            let pair = case.pair * count + number;
            Case { ports: ports.clone(), pair, ..case }
        })
    });
    let mut all: Vec<Case<'_>> = each.collect();
    all.sort_by_key(|case| case.pair);
    all
}

/// What makes ports differ.
#[derive(PartialEq, Eq, Hash)]
struct Answer {
    verdicts: Vec<Verdict>,
    decided_by: Vec<(Verdict, EndState, Vec<Deciding>)>,
}

/// A rule that decides, by its policy and its place there, and the places of the port entries that
/// match as well as all of it does.
type Deciding = (PolicyId, usize, Vec<usize>);

impl Answer {
    fn new(session: &Session, query: &FlowQuery, cases: &[Case<'_>]) -> Self {
        let judged = cases.iter().map(|case| Judged::new(session, query, case));
        let judged: Vec<Judged> = judged.collect();
        let verdicts: Vec<Verdict> = judged.iter().map(Judged::verdict).collect();
        let (verdict, _) = super::conclude(&judged);
        let shown = deciding(&judged, cases, verdict).map(|(_, case)| {
            Direction::BOTH.map(|direction| decided_by(session, query, (case, direction)))
        });
        Self { verdicts, decided_by: shown.into_iter().flatten().collect() }
    }
}

fn decided_by(
    session: &Session,
    query: &FlowQuery,
    (case, direction): (&Case<'_>, Direction),
) -> (Verdict, EndState, Vec<Deciding>) {
    let mut record = Record::default();
    let end = judge(session.policies(), question(query, case, direction), &mut record);
    let mut deciding = Vec::new();
    for policy in record.tiers.iter().flat_map(|tier| &tier.policies) {
        let rules = policy.rules.iter().enumerate().filter(|(_, rule)| rule.decides);
        deciding.extend(rules.map(|(place, rule)| {
            let ports = rule.ports.iter().enumerate();
            let matching = ports.filter(|(_, matches)| Some(**matches) >= rule.matches);
            (policy.policy.policy, place, matching.map(|(place, _)| place).collect())
        }));
    }
    (end.verdict, end.state, deciding)
}

/// How many entries of ports the rules of both ends have.
fn entries(session: &Session, case: &Case<'_>) -> usize {
    let set = session.policies();
    let of = |(direction, party): (Direction, &Party<'_>)| {
        let rules =
            party.group.map(|(group, _)| set.rules_of(set.program_id(group, direction), direction));
        rules.into_iter().flatten().map(|rule| rule.ports.len()).sum::<usize>()
    };
    of((Direction::Egress, &case.source)) + of((Direction::Ingress, &case.destination))
}

/// The range in pieces of ports that no rule tells apart.
pub fn pieces(
    session: &Session,
    query: &FlowQuery,
    cases: &[Case<'_>],
    (first, last): (u16, u16),
) -> Vec<(u16, u16)> {
    let mut starts: BTreeSet<u16> =
        cases.iter().flat_map(|case| starts(session, query, case)).collect();
    starts.retain(|start| (first..=last).contains(start));
    starts.insert(first);
    let ends = starts.iter().skip(1).map(|next| next - 1).chain([last]);
    starts.iter().copied().zip(ends).collect()
}

/// Ports at which something may begin or have ended.
fn starts(session: &Session, query: &FlowQuery, case: &Case<'_>) -> Vec<u16> {
    let (model, set) = (session.model(), session.policies());
    let mut starts = Vec::new();
    let mut add =
        |first: u16, last: u16| starts.extend([Some(first), last.checked_add(1)].iter().flatten());
    for (direction, party) in
        [(Direction::Egress, &case.source), (Direction::Ingress, &case.destination)]
    {
        let Some((group, _)) = party.group else { continue };
        let rules = set.rules_of(set.program_id(group, direction), direction);
        let entries = rules.flat_map(|rule| &rule.ports);
        for entry in entries.filter(|entry| entry.protocol == query.protocol) {
            numbers(entry, &case.destination).iter().for_each(|(first, last)| add(*first, *last));
        }
    }
    if hosts::concern(session, case) {
        let ports = hosts::ports(session, query.protocol, &case.destination);
        ports.iter().for_each(|(first, last)| add(*first, *last));
    }
    // Programs of other labels that a pod may have.
    let conns = reach::pair(model, set, &case.source, &case.destination);
    for conns in [&conns.certain, &conns.possible] {
        let ranges = conns.ports(query.protocol).ranges();
        ranges.iter().for_each(|(first, last)| add(*first, *last));
    }
    starts
}

/// Ports that an entry means, as ranges.
pub fn numbers(entry: &PortEntry, destination: &Party<'_>) -> Vec<(u16, u16)> {
    match &entry.ports {
        PortMatch::Any => Vec::new(),
        PortMatch::Range(first, last) => vec![(*first, *last)],
        PortMatch::Named(name) => {
            let group = destination.group.map(|(_, group)| group.named_ports(name, entry.protocol));
            group.map_or_else(Vec::new, |ports| ports.ranges().to_vec())
        }
    }
}

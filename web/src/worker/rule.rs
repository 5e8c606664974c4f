//! Which edges a rule admits, found by asking about each and reading its evidence.

use portcullis_engine::manifest::Body;
use portcullis_engine::report::{
    EndReport, EntryEvidence, Location, Match, PolicyEvidence, PortRange, RuleEvidence,
};
use portcullis_engine::{FlowQuery, Session};

use super::desk::first_line;
use super::message::{Edge, RuleFlows};
use super::scene::Atlas;

/// More edges than this are not asked about one by one.
const EDGES: usize = 600;
/// Ranges of ports of an edge that are asked about.
const RANGES: usize = 4;

/// The rule at a line, with the edges that it admits.
pub fn at(session: &Session, atlas: &Atlas, file: &str, line: u32) -> Option<RuleFlows> {
    if atlas.scene.edges.len() > EDGES || !in_policy(session, file, line) {
        return None;
    }
    let mut found: Option<RuleFlows> = None;
    for edge in &atlas.scene.edges {
        let Some((policy, path, location)) = admitted_at(session, atlas, *edge, (file, line))
        else {
            continue;
        };
        let rule = found.get_or_insert(RuleFlows { policy, path, location, edges: Vec::new() });
        rule.edges.extend(atlas.ends(*edge));
    }
    found
}

/// Most lines of most files are none of a policy's; nothing needs to be asked about those.
fn in_policy(session: &Session, file: &str, line: u32) -> bool {
    let Some(file) = session.files().iter().find(|known| *known.name == *file) else {
        return false;
    };
    let starts_before = |offset| first_line(file, offset) <= line;
    let part = file.parts.iter().rev().find(|part| starts_before(part.range.start));
    part.is_some_and(|part| {
        part.document.objects.iter().any(|object| matches!(object.body, Body::Policy(_)))
    })
}

type Place = (String, String, Location);

fn admitted_at(session: &Session, atlas: &Atlas, edge: Edge, at: (&str, u32)) -> Option<Place> {
    let (from, to) = atlas.asks(edge)?;
    let ranges = atlas.ranges(edge.allowed?);
    ranges.iter().take(RANGES).find_map(|range| {
        let report = session.evaluate(&query(from, to, range)).ok()?;
        let ends = [&report.evidence.egress, &report.evidence.ingress];
        ends.into_iter().find_map(|end| in_end(end, at))
    })
}

fn query(from: &str, to: &str, range: &PortRange) -> FlowQuery {
    FlowQuery { from: from.into(), to: to.into(), protocol: range.protocol, port: range.port }
}

fn in_end(end: &EndReport, at: (&str, u32)) -> Option<Place> {
    end.policies.iter().find_map(|policy| in_policy_evidence(policy, at))
}

fn in_policy_evidence(policy: &PolicyEvidence, at: (&str, u32)) -> Option<Place> {
    let rules = policy.rules.iter().filter(|rule| rule.matches == Match::Yes);
    let (path, location) = rules.into_iter().find_map(|rule| in_rule(rule, at))?;
    let path = path.trim_start_matches("spec.").to_owned();
    Some((policy.policy.name.clone(), path, location))
}

/// The entry at the line, if it matches, or the rule, if the line is none of an entry's.
fn in_rule(rule: &RuleEvidence, at: (&str, u32)) -> Option<(String, Location)> {
    let location = rule.location.as_ref().filter(|location| covers(location, at))?;
    let mut entries = rule.peers.iter().chain(&rule.ports);
    let here = |entry: &&EntryEvidence| entry.location.as_ref().is_some_and(|l| covers(l, at));
    match entries.find(here) {
        Some(entry) if entry.matches != Match::Yes => None,
        Some(entry) => Some((entry.path.clone(), entry.location.clone()?)),
        None => Some((rule.path.clone(), location.clone())),
    }
}

fn covers(location: &Location, (file, line): (&str, u32)) -> bool {
    *location.file == *file && location.line <= line && line <= location.end_line
}

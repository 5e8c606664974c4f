//! Which edges a rule accepts or passes on: those that the explained list says it decides.

use portcullis_engine::report::{
    Action, Connection, Direction, FlowReport, Match, PortRange, RuleAt, RulePart,
};
use portcullis_engine::{FlowQuery, Session};

use super::message::{Edge, RuleFlows};
use super::scene::Atlas;

/// Of more edges than this it is not found out what decides them.
const EDGES: u64 = 5_000;
/// Edges of a rule, and ranges of ports of one, that are asked about for one entry of its ports.
const ASKED: usize = 300;
const RANGES: usize = 4;

/// The rule at a line, with the edges that it accepts or passes on.
pub fn at(session: &Session, atlas: &Atlas, file: &str, line: u32) -> Option<RuleFlows> {
    if atlas.scene.flows.count(|_| true) > EDGES {
        return None;
    }
    let rule = session.rule_at(file, line)?;
    let mut edges = decided_by(session, atlas, &rule);
    if rule.part == RulePart::Port {
        edges.truncate(ASKED);
        edges.retain(|edge| has_port(session, atlas, *edge, &rule));
    }
    // What a rule denies is in no list.
    if edges.is_empty() && rule.action != Action::Deny {
        return None;
    }
    Some(RuleFlows {
        policy: rule.policy.name,
        path: rule.path.trim_start_matches("spec.").to_owned(),
        action: rule.action,
        location: rule.location,
        edges: edges.into_iter().filter_map(|edge| atlas.ends(edge)).collect(),
    })
}

/// Edges of which the rule, or the peer if it is one that stands at the line, decides something.
fn decided_by(session: &Session, atlas: &Atlas, rule: &RuleAt) -> Vec<Edge> {
    let list = atlas.explained(session);
    let inside = |path: &str| match rule.part {
        RulePart::Peer => path == rule.path,
        RulePart::Whole | RulePart::Port => path.strip_prefix(&*rule.rule).is_some_and(is_end),
    };
    let numbers = (0u32..).zip(&list.admissions).filter(|(_, one)| {
        one.policy == rule.policy && one.matches == Match::Yes && inside(&one.path)
    });
    let numbers: Vec<u32> = numbers.map(|(number, _)| number).collect();
    let explanations = list.explanations.iter();
    let decided: Vec<bool> =
        explanations.map(|one| one.rules.iter().any(|rule| numbers.contains(rule))).collect();
    let is_decided = |connection: &&Connection| {
        let why = connection.why.map(|why| match rule.direction {
            Direction::Egress => why.egress,
            Direction::Ingress => why.ingress,
        });
        why.is_some_and(|why| decided.get(why as usize) == Some(&true))
    };
    atlas.edges(list.connections.iter().filter(is_decided))
}

/// Whether a path ends here or goes on to a peer: `[1]` is not the start of `[10]`.
fn is_end(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with('.')
}

/// Whether the entry of ports at the line is one by which the rule decides an edge.
fn has_port(session: &Session, atlas: &Atlas, edge: Edge, rule: &RuleAt) -> bool {
    let Some(((from, to), allowed)) = atlas.asks(edge).zip(edge.allowed) else {
        return false;
    };
    let ask = |range: &PortRange| session.evaluate(&query(from, to, range)).ok();
    let ranges = atlas.ranges(allowed).iter().take(RANGES);
    ranges.filter_map(ask).any(|report| names_port(&report, rule))
}

fn query(from: &str, to: &str, range: &PortRange) -> FlowQuery {
    FlowQuery {
        from: from.into(),
        to: to.into(),
        protocol: range.protocol,
        port: range.port.into(),
    }
}

fn names_port(report: &FlowReport, rule: &RuleAt) -> bool {
    let end = match rule.direction {
        Direction::Egress => &report.evidence.egress,
        Direction::Ingress => &report.evidence.ingress,
    };
    let policies = end.policies.iter().filter(|policy| policy.policy == rule.policy);
    let mut rules = policies.flat_map(|policy| &policy.rules).filter(|one| one.decides);
    rules.any(|one| {
        one.ports.iter().any(|port| port.path == rule.path && port.matches == Match::Yes)
    })
}

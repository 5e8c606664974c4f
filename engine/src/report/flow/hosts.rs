//! What host endpoints change of how answers about flows are found.

use super::{Judged, question};
use crate::manifest::Direction;
use crate::net::{ConnSet, PortSet};
use crate::policy::{CompiledPolicy, Condition, Program};
use crate::report::case::Case;
use crate::report::types::{EndState, FlowQuery, Protocol, Verdict};
use crate::selector::Match;
use crate::session::Session;
use crate::verdict::{EndVerdict, NoTrace, Party, Question, judge};

/// Whether host endpoints may decide about a flow between these ends.
pub fn concern(session: &Session, case: &Case<'_>) -> bool {
    let hosts = session.policies().hosts();
    let is_host = [&case.source, &case.destination].iter().any(|party| party.host != Match::No);
    !hosts.is_empty() && (hosts.forwards() || is_host)
}

/// Whether policies of hosts may see a flow to a Service before its address is translated, or see
/// it at the node that is dialled: which address and port that is no policy is asked.
pub fn are_dialled(session: &Session, case: &Case<'_>, ends: [EndVerdict; 2]) -> bool {
    let hosts = session.policies().hosts();
    let is_seen = hosts.is_before_dnat() || (case.dialled.is_some() && hosts.forwards());
    let is_denied =
        |end: EndVerdict| end.verdict == Verdict::Deny && end.state != EndState::HostEndpoint;
    case.is_translated && is_seen && !ends.into_iter().any(is_denied)
}

/// Everything that is allowed for certain in every case, asked port by port as far as anything
/// distinguishes them.
pub fn allowed(session: &Session, query: &FlowQuery, cases: &[Case<'_>]) -> ConnSet {
    let mut all = ConnSet::none();
    for protocol in Protocol::ALL {
        let query = FlowQuery { protocol, ..query.clone() };
        for (first, last) in super::ranges::pieces(session, &query, cases, (1, u16::MAX)) {
            let is_allowed = |case: &Case<'_>| {
                let case = Case { port: first, ..case.clone() };
                Judged::new(session, &query, &case).verdict() == Verdict::Allow
            };
            if cases.iter().all(is_allowed) {
                all.add(protocol, &PortSet::range(first, last));
            }
        }
    }
    let is_allowed = |case: &Case<'_>| {
        Direction::BOTH.into_iter().all(|direction| {
            let asked = Question { protocol: None, port: 0, ..question(query, case, direction) };
            judge(session.policies(), asked, &mut NoTrace).verdict == Verdict::Allow
        })
    };
    if cases.iter().all(is_allowed) { all.union(&ConnSet::portless()) } else { all }
}

/// Ports of a protocol that programs of host endpoints ask for, of a destination where they have
/// names, as ranges.
pub fn ports(session: &Session, protocol: Protocol, destination: &Party<'_>) -> Vec<(u16, u16)> {
    let set = session.policies();
    let programs = set.hosts().iter().flat_map(|host| host.programs());
    let policies = programs.flat_map(|id| {
        let program: &Program = set.program(id);
        program.policies().filter_map(|one| set.policy(one.policy))
    });
    let rules = policies.flat_map(|policy| CompiledPolicy::all_rules(policy));
    let mut ranges = Vec::new();
    for condition in rules.flat_map(|rule| &rule.conditions) {
        for entry in condition.names().iter().filter(|entry| entry.protocol == protocol) {
            ranges.extend(super::ranges::numbers(entry, destination));
        }
        let ports: &PortSet = match condition {
            Condition::Ports { numbers, .. } | Condition::Service { numbers, .. } => {
                numbers.ports(protocol)
            }
            Condition::Flows { flows, .. } => flows.possible.ports(protocol),
            _ => continue,
        };
        ranges.extend(ports.ranges().iter().copied());
    }
    ranges
}

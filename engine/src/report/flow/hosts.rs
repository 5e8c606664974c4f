//! What host endpoints change of how answers about flows are found.

use crate::net::PortSet;
use crate::policy::{Condition, Program};
use crate::report::case::Case;
use crate::report::types::{Protocol, UnknownReason, Verdict};
use crate::selector::Match;
use crate::session::Session;

/// Whether host endpoints may decide about a flow between these ends.
pub fn concern(session: &Session, case: &Case<'_>) -> bool {
    let hosts = session.policies().hosts();
    let is_host = [&case.source, &case.destination].iter().any(|party| party.host != Match::No);
    !hosts.is_empty() && (hosts.forwards() || is_host)
}

/// What is said of a flow to a Service, where policies see what it dials before that is translated:
/// which of a Service's addresses and ports it is no policy is asked.
pub fn before_dnat(
    session: &Session,
    case: &Case<'_>,
    settled: Option<(Verdict, Option<UnknownReason>)>,
) -> Option<(Verdict, Option<UnknownReason>)> {
    let is_seen = case.is_translated && session.policies().hosts().is_before_dnat();
    let open = (Verdict::Unknown, Some(UnknownReason::Translation));
    if is_seen { Some(open) } else { settled }
}

/// Ports of a protocol that programs of host endpoints ask for, as ranges.
pub fn ports(session: &Session, protocol: Protocol) -> Vec<(u16, u16)> {
    let set = session.policies();
    let programs = set.hosts().iter().flat_map(|host| host.programs());
    let policies = programs.flat_map(|id| {
        let program: &Program = set.program(id);
        program.policies().filter_map(|one| set.policy(one.policy))
    });
    let rules = policies.flat_map(|policy| policy.all_rules());
    let mut ranges = Vec::new();
    for condition in rules.flat_map(|rule| &rule.conditions) {
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

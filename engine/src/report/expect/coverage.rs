//! Which rules decide what is expected.

use std::collections::{BTreeMap, BTreeSet};

use super::plan::{Check, CheckQuestion};
use super::run::{Answer, Tested};
use super::types::{CoverageReport, PartCoverage, PolicyCoverage};
use crate::manifest::{Action, Direction};
use crate::policy::CompiledPolicy;
use crate::report::types::{EndReport, Evidence, Location, ObjectRef};
use crate::report::{path, place};
use crate::session::Session;

/// Parts of policies: the policy and the path of a rule, or of a direction.
type Parts = BTreeMap<(ObjectRef, String), BTreeSet<usize>>;

/// Which rules of the policies in force decide some answer.
///
/// # Cost
/// That of an explanation of each answer.
pub fn coverage(session: &Session, tested: &[Tested]) -> CoverageReport {
    let mut decided = Parts::new();
    for (index, one) in tested.iter().enumerate() {
        for (check, answer) in one.checks().filter(|(_, answer)| *answer != Answer::Impossible) {
            add_check(session, (check, answer), index, &mut decided);
        }
    }
    let mut policies: Vec<PolicyCoverage> = session
        .policies()
        .in_force()
        .map(|(_, policy)| of_policy(session, policy, &decided))
        .collect();
    policies.sort_by(|a, b| a.policy.cmp(&b.policy));
    let parts = || policies.iter().flat_map(|policy| &policy.parts);
    let covered = parts().filter(|part| !part.expectations.is_empty()).count();
    CoverageReport { parts: parts().count(), covered, policies }
}

fn add_check(session: &Session, (check, answer): (&Check, Answer), index: usize, to: &mut Parts) {
    match &check.question {
        CheckQuestion::Flow { query, .. } => {
            let Ok(report) = session.evaluate(query) else { return };
            let parts = report.parts.iter().map(|part| &part.evidence);
            for Evidence { egress, ingress } in parts.chain([&report.evidence]) {
                add_end(egress, Direction::Egress, index, to);
                add_end(ingress, Direction::Ingress, index, to);
            }
        }
        CheckQuestion::Isolated { pods, direction } if answer == Answer::Met => {
            for policy in super::run::isolating(session, pods, *direction) {
                to.entry((policy, whole(*direction))).or_default().insert(index);
            }
        }
        CheckQuestion::Isolated { .. } => {}
    }
}

/// What decides at an end: rules, or that no rule admits what policies isolate from.
fn add_end(end: &EndReport, direction: Direction, index: usize, to: &mut Parts) {
    for policy in end.policies.iter().filter(|policy| policy.decides) {
        let rules = policy.rules.iter().filter(|rule| rule.decides).map(|rule| rule.path.clone());
        let mut paths: Vec<String> = rules.collect();
        if paths.is_empty() {
            paths.push(whole(direction));
        }
        for path in paths {
            to.entry((policy.policy.clone(), path)).or_default().insert(index);
        }
    }
}

/// The path of a direction.
fn whole(direction: Direction) -> String {
    format!("spec.{}", direction.field())
}

fn of_policy(session: &Session, policy: &CompiledPolicy, decided: &Parts) -> PolicyCoverage {
    let object = place::object_ref(session, &policy.object);
    let part = |path: String, location: Option<Location>| {
        let found = decided.get(&(object.clone(), path.clone()));
        let expectations = found.map(|all| all.iter().copied().collect()).unwrap_or_default();
        PartCoverage { path, location, expectations }
    };
    let at = |span| place::of_object(session, &policy.object, span);
    let mut parts = Vec::new();
    for direction in Direction::BOTH {
        if policy.rules(direction).is_none() {
            continue;
        }
        if policy.end() == Action::Deny {
            parts.push(part(whole(direction), at(policy.object.span)));
        }
        let rules = policy.written(direction).iter().enumerate();
        parts.extend(rules.map(|(i, rule)| part(path::rule(direction, i), at(rule.span))));
    }
    PolicyCoverage { policy: object, parts }
}

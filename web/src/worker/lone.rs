//! Policies without any workload: what they say is shown in place of flows.

use portcullis_engine::Session;
use portcullis_engine::manifest::{Body, Direction, NetworkPolicy, Object};
use portcullis_engine::report::{Describe, DescribeReport};

use super::message::{LonePolicy, LoneRule};

/// More policies than this are not read one by one.
const SHOWN: usize = 12;

/// What NetworkPolicies say, where there is no workload that they could be about.
pub fn lone(session: &Session) -> Vec<LonePolicy> {
    if !session.model().workloads.is_empty() {
        return Vec::new();
    }
    let parts = session.files().iter().flat_map(|file| &file.parts);
    let objects = parts.flat_map(|part| &part.document.objects);
    let policies = objects.filter_map(|object| match &object.body {
        Body::Policy(policy) => Some((object, policy)),
        _ => None,
    });
    policies.take(SHOWN).filter_map(|(object, policy)| one(session, object, policy)).collect()
}

fn one(session: &Session, object: &Object, policy: &NetworkPolicy) -> Option<LonePolicy> {
    let home = &session.options().default_namespace;
    let namespace = object.meta.namespace.as_deref().unwrap_or(home);
    let name = format!("{namespace}/{}", object.meta.name);
    let report = session.describe(Describe::Policy, &name).ok()?;
    let subject = (!policy.subject.is_empty()).then(|| policy.subject.text());
    Some(LonePolicy {
        name: object.meta.name.to_string(),
        namespace: namespace.to_owned(),
        subject,
        rules: rules(&report),
        closed: Direction::BOTH.map(|of| policy.isolates(of) && policy.rules(of).is_empty()),
        location: report.location,
    })
}

fn rules(report: &DescribeReport) -> Vec<LoneRule> {
    let rules = report.directions.iter().flat_map(|one| {
        let own =
            one.policies.iter().filter(|policy| Some(&policy.policy) == report.policy.as_ref());
        own.flat_map(|policy| &policy.rules).map(|rule| LoneRule {
            direction: one.direction,
            peers: rule.peers.clone(),
            ports: rule.ports.clone(),
        })
    });
    rules.collect()
}

//! Pods that are not in the input and that rules name: of what a policy is for, often not all is
//! there.

use crate::cluster::namespace_of;
use crate::manifest::{Direction, Object, PeerKind, PortMatch};
use crate::net::Protocol;
use crate::report::types::FlowQuery;
use crate::selector::{Match, Operator, Selector};
use crate::session::Session;

use super::suggest::One;

/// The label that says a namespace's name.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// Pods of the input that are asked about together with such pods.
pub const MOST_SUBJECTS: usize = 4;

/// Pods that the rules of a policy name in a direction, and pods that none names by its labels.
pub fn peers(session: &Session, policy: &Object, direction: Direction) -> Vec<String> {
    let default = &session.options().default_namespace;
    let own = policy.is_namespaced().then(|| namespace_of(policy, default).to_string());
    let peers = policy.rules(direction).iter().flat_map(|rule| &rule.peers);
    let mut all: Vec<String> = Vec::new();
    for peer in peers {
        let PeerKind::Pods { namespaces, pods } = &peer.kind else { continue };
        let named = namespaces.as_ref().and_then(|selector| named(session, selector));
        for namespace in named.iter().chain(&own) {
            let named = pods.as_ref().map(labels).unwrap_or_default();
            all.push(format!("{namespace}/{{{}}}", named.join(",")));
            let key = pods.as_ref().and_then(|pods| pods.requirements().first());
            all.push(other(namespace, key.map_or("name", |one| &one.key)));
        }
    }
    all.extend(own.map(|own| other(&own, "name")));
    all.dedup();
    all
}

/// A pod that no rule names by its labels.
fn other(namespace: &str, key: &str) -> String {
    format!("{namespace}/{{{key}=other}}")
}

/// A namespace that a selector matches: one of the input, or one that it names.
fn named(session: &Session, selector: &Selector) -> Option<String> {
    let mut known = session.model().namespaces.values();
    let known = known.find(|one| selector.matches(&one.labels()) == Match::Yes);
    let of_name = || {
        let mut requirements = selector.requirements().iter();
        let one =
            requirements.find(|one| &*one.key == NAME_LABEL && one.operator == Operator::In)?;
        one.values.first().map(ToString::to_string)
    };
    known.map(|one| one.name.to_string()).or_else(of_name)
}

/// Labels that a selector asks for.
fn labels(selector: &Selector) -> Vec<String> {
    let label = |key: &str, value: &str| format!("{key}={value}");
    let all = selector.requirements().iter().filter_map(|one| match one.operator {
        Operator::In => one.values.first().map(|value| label(&one.key, value)),
        Operator::Exists => Some(label(&one.key, "any")),
        Operator::NotIn | Operator::DoesNotExist => None,
    });
    all.collect()
}

/// Ports that may make a difference.
pub fn ports(policy: &Object, direction: Direction, subject: &One) -> Vec<(Protocol, u16)> {
    let entries = policy.rules(direction).iter().flat_map(|rule| &rule.ports);
    let numbers = entries.filter_map(|entry| match entry.ports {
        PortMatch::Range(first, _) => Some((entry.protocol, first)),
        PortMatch::Any => Some((entry.protocol, 80)),
        PortMatch::Named(_) => None,
    });
    let own = subject.ports.iter().copied().filter(|_| direction == Direction::Ingress);
    let mut all: Vec<_> = own.chain(numbers).chain([(Protocol::Tcp, 80)]).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// The flow between a pod of the input and one that is not in it.
pub fn flow(
    direction: Direction,
    subject: &One,
    peer: &str,
    (protocol, port): (Protocol, u16),
) -> Option<FlowQuery> {
    let (subject, peer, port) = (subject.names.first()?.clone(), peer.to_owned(), port.into());
    Some(match direction {
        Direction::Egress => FlowQuery { from: subject, to: peer, protocol, port },
        Direction::Ingress => FlowQuery { from: peer, to: subject, protocol, port },
    })
}

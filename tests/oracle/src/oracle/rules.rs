//! The rules, one function each, where everything is known.

use std::net::IpAddr;

use super::who::Identity;
use super::world::World;
use crate::cluster::{
    Cluster, Direction, Labels, Operator, Peer, Policy, Port, PortName, Protocol, Rule, Selector,
};

/// What a flow carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traffic {
    /// Protocol.
    pub protocol: Protocol,
    /// Destination port, as the destination sees it.
    pub port: u16,
}

/// One end of a flow in one world.
#[derive(Clone, Debug)]
pub struct Party {
    /// Who it is.
    pub identity: Identity,
    /// What selectors see of it, if it is a pod that policies know.
    pub pod: Option<PodFacts>,
    /// Its address.
    pub address: IpAddr,
}

/// What policies see of a pod.
#[derive(Clone, Debug)]
pub struct PodFacts {
    /// Its namespace.
    pub namespace: String,
    /// Its labels.
    pub labels: Labels,
    /// Its named ports.
    pub ports: Vec<(String, Protocol, u16)>,
}

/// §6: `allowed(flow) = self(flow) or (egress_ok(src) and ingress_ok(dst))`.
pub fn allowed(cluster: &Cluster, world: &World, traffic: &Traffic) -> bool {
    world.itself
        || (may(cluster, Direction::Egress, world, traffic)
            && may(cluster, Direction::Ingress, world, traffic))
}

/// §6: `dir_ok`.
fn may(cluster: &Cluster, direction: Direction, world: &World, traffic: &Traffic) -> bool {
    let (subject, peer) = world.ends(direction);
    if subject.pod.is_none() {
        return true;
    }
    if direction == Direction::Ingress && world.own_node {
        return true;
    }
    let selecting: Vec<&Policy> =
        cluster.policies.iter().filter(|policy| selected_by(policy, direction, subject)).collect();
    if selecting.is_empty() {
        return true;
    }
    let mut rules = selecting
        .iter()
        .flat_map(|policy| policy.rules(direction).iter().map(move |rule| (policy, rule)));
    rules.any(|(policy, rule)| {
        rule_matches(cluster, (policy, rule), (peer, &world.destination), traffic)
    })
}

/// §5: eligible pods of the policy's own namespace, in a direction that the policy lists.
pub fn selected_by(policy: &Policy, direction: Direction, subject: &Party) -> bool {
    subject.pod.as_ref().is_some_and(|pod| {
        pod.namespace == policy.namespace
            && policy.subject.as_ref().is_none_or(|s| selector_matches(s, &pod.labels))
            && types(policy).contains(&direction)
    })
}

/// §2: `policyTypes` as defaulted.
pub fn types(policy: &Policy) -> Vec<Direction> {
    match &policy.types {
        Some(types) if !types.is_empty() => types.clone(),
        _ if policy.rules(Direction::Egress).is_empty() => vec![Direction::Ingress],
        _ => vec![Direction::Ingress, Direction::Egress],
    }
}

/// §6: `(ports empty or any entry matches) and (peers empty or any peer matches)`.
fn rule_matches(
    cluster: &Cluster,
    (policy, rule): (&Policy, &Rule),
    (peer, destination): (&Party, &Party),
    traffic: &Traffic,
) -> bool {
    let ports = rule.ports.as_deref().unwrap_or_default();
    let peers = rule.peers.as_deref().unwrap_or_default();
    (ports.is_empty() || ports.iter().any(|port| port_matches(port, destination, traffic)))
        && (peers.is_empty() || peers.iter().any(|one| peer_matches(cluster, policy, one, peer)))
}

/// §9.
pub fn port_matches(port: &Port, destination: &Party, traffic: &Traffic) -> bool {
    let protocol = port.protocol.unwrap_or(Protocol::Tcp);
    protocol == traffic.protocol
        && match (&port.port, port.end) {
            (None, _) => true,
            (Some(PortName::Number(number)), None) => traffic.port == *number,
            (Some(PortName::Number(number)), Some(end)) => {
                *number <= traffic.port && traffic.port <= end
            }
            (Some(PortName::Name(name)), _) => destination
                .pod
                .as_ref()
                .is_some_and(|pod| pod.ports.contains(&(name.clone(), protocol, traffic.port))),
        }
}

/// §7 and §8.
pub fn peer_matches(cluster: &Cluster, policy: &Policy, peer: &Peer, party: &Party) -> bool {
    match peer {
        Peer::Block(cidr, except) => {
            cidr.contains(party.address)
                && !except.iter().flatten().any(|hole| hole.contains(party.address))
        }
        Peer::Pods(namespaces, pods) => party.pod.as_ref().is_some_and(|pod| {
            let namespace = match namespaces {
                None => pod.namespace == policy.namespace,
                Some(selector) => {
                    selector_matches(selector, &namespace_labels(cluster, &pod.namespace))
                }
            };
            namespace && pods.as_ref().is_none_or(|s| selector_matches(s, &pod.labels))
        }),
    }
}

/// §4: everything that is written must hold.
fn selector_matches(selector: &Selector, labels: &Labels) -> bool {
    let equal = selector.labels.iter().all(|(key, value)| labels.get(key) == Some(value));
    let expressions = selector.expressions.iter().all(|expression| {
        let value = labels.get(&expression.key);
        let listed = value.is_some_and(|value| expression.values.contains(value));
        match expression.operator {
            Operator::In => listed,
            Operator::NotIn => value.is_none() || !listed,
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
        }
    });
    equal && expressions
}

/// §4: the API server's own label overrides; a namespace that is not in the input has only that.
fn namespace_labels(cluster: &Cluster, name: &str) -> Labels {
    let declared = cluster.namespaces.iter().find(|one| one.declared && one.name == name);
    let mut labels = declared.map(|one| one.labels.clone()).unwrap_or_default();
    labels.insert("kubernetes.io/metadata.name".into(), name.into());
    labels
}

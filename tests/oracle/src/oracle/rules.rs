//! The rules, one function each, where everything is known.

use std::net::IpAddr;

use super::calico;
use super::who::Identity;
use super::world::World;
use crate::cluster::{
    Action, Cluster, ClusterTier, Direction, Labels, Operator, Peer, Policy, Port, PortName,
    Protocol, Rule, Selector,
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
    /// The labels of the node whose address it is; none if it is no node's. Made up for
    /// destinations only: no rule for ingress asks for nodes.
    pub node: Option<Labels>,
    /// Those domain names of policies that resolve to its address, as [`super::names`] writes
    /// them. Made up for destinations only.
    pub names: Vec<String>,
    /// Peers of rules of which it is assumed whether they name it, whatever its node and names
    /// are: see [`super::apart`].
    pub assumed: Vec<(super::apart::OpenPeer, bool)>,
}

/// What policies see of a pod.
#[derive(Clone, Debug)]
pub struct PodFacts {
    /// Its namespace.
    pub namespace: String,
    /// The namespace's labels: made up where the input does not have it.
    pub namespace_labels: Labels,
    /// Its labels.
    pub labels: Labels,
    /// The name of its ServiceAccount.
    pub account: String,
    /// Its named ports.
    pub ports: Vec<(String, Protocol, u16)>,
}

/// What may become of a flow in one world.
///
/// # Shape
/// Both only where policies of equal priority disagree: each order of them is legal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// It passes in some order.
    pub allow: bool,
    /// It is denied in some order.
    pub deny: bool,
}

impl Outcomes {
    /// In every order the same.
    pub(super) fn always(allow: bool) -> Self {
        Self { allow, deny: !allow }
    }

    /// What may become of one of two.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self { allow: self.allow || other.allow, deny: self.deny || other.deny }
    }

    /// Each answer that some order gives.
    pub fn answers(self) -> impl Iterator<Item = bool> {
        [(self.allow, true), (self.deny, false)]
            .into_iter()
            .filter_map(|(is, one)| is.then_some(one))
    }
}

/// NetworkPolicy §6: `allowed(flow) = self(flow) or (egress_ok(src) and ingress_ok(dst))`; each end
/// evaluates by itself, in an order of its own.
pub fn outcomes(cluster: &Cluster, world: &World, traffic: &Traffic) -> Outcomes {
    if !cluster.calico.is_absent() {
        return calico::outcomes(cluster, world, calico::Carried::Ported(*traffic));
    }
    if world.itself {
        return Outcomes::always(true);
    }
    let egress = at_end(cluster, Direction::Egress, world, traffic);
    let ingress = at_end(cluster, Direction::Ingress, world, traffic);
    Outcomes { allow: egress.allow && ingress.allow, deny: egress.deny || ingress.deny }
}

/// NetworkPolicy §6: `dir_ok`; ClusterNetworkPolicy §5: Admin, NetworkPolicy, Baseline, and what is
/// left is allowed.
fn at_end(cluster: &Cluster, direction: Direction, world: &World, traffic: &Traffic) -> Outcomes {
    let (subject, _) = world.ends(direction);
    if subject.pod.is_none() {
        return Outcomes::always(true);
    }
    if direction == Direction::Ingress && world.own_node {
        return Outcomes::always(true);
    }
    let admin = super::tiers::tier(cluster, (ClusterTier::Admin, direction), world, traffic);
    let rest = match admin.contains(&Action::Pass) {
        false => Outcomes::default(),
        true => match network_policies(cluster, direction, world, traffic) {
            Some(accepted) => Outcomes::always(accepted),
            None => {
                let tier = (ClusterTier::Baseline, direction);
                let baseline = super::tiers::tier(cluster, tier, world, traffic);
                Outcomes {
                    allow: baseline.iter().any(|action| *action != Action::Deny),
                    deny: baseline.contains(&Action::Deny),
                }
            }
        },
    };
    Outcomes {
        allow: rest.allow || admin.contains(&Action::Accept),
        deny: rest.deny || admin.contains(&Action::Deny),
    }
}

/// NetworkPolicy §6: whether any rule of those that select the pod matches; none if none selects.
pub fn network_policies(
    cluster: &Cluster,
    direction: Direction,
    world: &World,
    traffic: &Traffic,
) -> Option<bool> {
    let (subject, peer) = world.ends(direction);
    let selecting: Vec<&Policy> =
        cluster.policies.iter().filter(|policy| selected_by(policy, direction, subject)).collect();
    if selecting.is_empty() {
        return None;
    }
    let mut rules = selecting
        .iter()
        .flat_map(|policy| policy.rules(direction).iter().map(move |rule| (policy, rule)));
    Some(
        rules.any(|(policy, rule)| {
            rule_matches((policy, rule), (peer, &world.destination), traffic)
        }),
    )
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
pub fn rule_matches(
    (policy, rule): (&Policy, &Rule),
    (peer, destination): (&Party, &Party),
    traffic: &Traffic,
) -> bool {
    let ports = rule.ports.as_deref().unwrap_or_default();
    let peers = rule.peers.as_deref().unwrap_or_default();
    (ports.is_empty() || ports.iter().any(|port| port_matches(port, destination, traffic)))
        && (peers.is_empty() || peers.iter().any(|one| peer_matches(policy, one, peer)))
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
pub fn peer_matches(policy: &Policy, peer: &Peer, party: &Party) -> bool {
    match peer {
        Peer::Block(cidr, except) => {
            cidr.contains(party.address)
                && !except.iter().flatten().any(|hole| hole.contains(party.address))
        }
        Peer::Pods(namespaces, pods) => party.pod.as_ref().is_some_and(|pod| {
            let namespace = match namespaces {
                None => pod.namespace == policy.namespace,
                Some(selector) => selector_matches(selector, &pod.namespace_labels),
            };
            namespace && pods.as_ref().is_none_or(|s| selector_matches(s, &pod.labels))
        }),
    }
}

/// §4: everything that is written must hold.
pub fn selector_matches(selector: &Selector, labels: &Labels) -> bool {
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

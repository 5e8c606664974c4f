//! The tiers of policies for all namespaces, where everything is known.

use super::rules::{Party, Traffic, selector_matches};
use super::world::World;
use super::{names, rules};
use crate::cluster::{
    Action, Cluster, ClusterPolicy, ClusterTier, Direction, PodsOf, TierPeer, TierPort, TierRule,
};

/// §5: what a tier may do with a flow: by priority ascending, top down, the first match; `Pass`
/// where there is none.
///
/// # Shape
/// Several only where policies of one priority differ: any of them may come first.
pub fn tier(
    cluster: &Cluster,
    (tier, direction): (ClusterTier, Direction),
    world: &World,
    traffic: &Traffic,
) -> Vec<Action> {
    let first = first_matches(cluster, (tier, direction), world, traffic);
    let mut actions: Vec<Action> = Vec::new();
    for (_, rule) in first {
        if !actions.contains(&rule.action) {
            actions.push(rule.action);
        }
    }
    if actions.is_empty() { vec![Action::Pass] } else { actions }
}

/// The rules of a tier that decide in some order: the first match of each policy of the lowest
/// priority that has a match.
fn first_matches<'c>(
    cluster: &'c Cluster,
    (tier, direction): (ClusterTier, Direction),
    world: &World,
    traffic: &Traffic,
) -> Vec<(&'c ClusterPolicy, &'c TierRule)> {
    let (subject, _) = world.ends(direction);
    let policies = cluster.cluster_policies.iter();
    let selecting = policies.filter(|one| one.tier == tier && is_subject(&one.subject, subject));
    let matching: Vec<_> = selecting
        .filter_map(|policy| {
            let mut rules = policy.rules(direction).iter();
            let first = rules.find(|rule| tier_rule_matches((rule, direction), world, traffic))?;
            Some((policy, first))
        })
        .collect();
    let lowest = matching.iter().map(|(policy, _)| policy.priority).min();
    matching.into_iter().filter(|(policy, _)| Some(policy.priority) == lowest).collect()
}

/// A tier of any policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// Of policies for all namespaces.
    Cluster(ClusterTier),
    /// Of NetworkPolicies.
    NetworkPolicy,
}

/// Whether a tier is reached in some order. That of NetworkPolicies has no say, and lets all
/// through, where none selects the pod.
pub fn reaches(
    cluster: &Cluster,
    (tier, direction): (Tier, Direction),
    world: &World,
    traffic: &Traffic,
) -> bool {
    let (admin, own) = (Tier::Cluster(ClusterTier::Admin), Tier::NetworkPolicy);
    let passes =
        |tier| tier_actions(cluster, (tier, direction), world, traffic).contains(&Action::Pass);
    match tier {
        Tier::Cluster(ClusterTier::Admin) => true,
        Tier::NetworkPolicy => passes(admin),
        Tier::Cluster(ClusterTier::Baseline) => passes(admin) && passes(own),
    }
}

/// What a tier may do with a flow that reaches it.
pub fn tier_actions(
    cluster: &Cluster,
    (tier, direction): (Tier, Direction),
    world: &World,
    traffic: &Traffic,
) -> Vec<Action> {
    let Tier::Cluster(of) = tier else {
        return match rules::network_policies(cluster, direction, world, traffic) {
            None => vec![Action::Pass],
            Some(true) => vec![Action::Accept],
            Some(false) => vec![Action::Deny],
        };
    };
    self::tier(cluster, (of, direction), world, traffic)
}

/// Whether a rule decides in some order what becomes of a flow in its tier, and the tier is
/// reached.
pub fn may_decide(
    cluster: &Cluster,
    (rule, tier, direction): (&TierRule, ClusterTier, Direction),
    world: &World,
    traffic: &Traffic,
) -> bool {
    let first = first_matches(cluster, (tier, direction), world, traffic);
    reaches(cluster, (Tier::Cluster(tier), direction), world, traffic)
        && first.iter().any(|(_, one)| std::ptr::eq(*one, rule))
}

/// §2 and §3: pods on the host's network are never subjects.
pub fn is_subject(subject: &PodsOf, party: &Party) -> bool {
    let Some(pod) = &party.pod else { return false };
    let namespace = &pod.namespace_labels;
    match subject {
        PodsOf::Namespaces(namespaces) => selector_matches(namespaces, namespace),
        PodsOf::Pods(namespaces, pods) => {
            selector_matches(namespaces, namespace) && selector_matches(pods, &pod.labels)
        }
    }
}

/// §3, §4: any peer, and any port where there are some.
pub fn tier_rule_matches(
    (rule, direction): (&TierRule, Direction),
    world: &World,
    traffic: &Traffic,
) -> bool {
    let (_, peer) = world.ends(direction);
    let destination = &world.destination;
    rule.peers.iter().any(|one| cluster_peer_matches(one, peer))
        && rule.ports.as_ref().is_none_or(|ports| {
            ports.iter().any(|port| cluster_port_matches(port, destination, traffic))
        })
}

/// §3.
pub fn cluster_peer_matches(peer: &TierPeer, party: &Party) -> bool {
    if let Some((_, assumed)) = party.assumed.iter().find(|(open, _)| open.is(peer)) {
        return *assumed;
    }
    match peer {
        TierPeer::Pods(pods) => is_subject(pods, party),
        TierPeer::Nodes(selector) => {
            party.pod.is_none()
                && party.node.as_ref().is_some_and(|labels| selector_matches(selector, labels))
        }
        TierPeer::Networks(nets) => nets.iter().any(|net| net.contains(party.address)),
        TierPeer::DomainNames(all) => {
            all.iter().any(|name| party.names.contains(&names::written(name)))
        }
    }
}

/// §4: a name has no protocol of its own: the container's port says it.
pub fn cluster_port_matches(port: &TierPort, destination: &Party, traffic: &Traffic) -> bool {
    match port {
        TierPort::Number(protocol, number) => {
            *protocol == traffic.protocol && *number == traffic.port
        }
        TierPort::Range(protocol, first, last) => {
            *protocol == traffic.protocol && (*first..=*last).contains(&traffic.port)
        }
        TierPort::Named(name) => destination
            .pod
            .as_ref()
            .is_some_and(|pod| pod.ports.contains(&(name.clone(), traffic.protocol, traffic.port))),
    }
}

//! §6: the order of tiers and policies, and the walk through them.

use super::super::rules::{Outcomes, peer_matches, rule_matches, selected_by};
use super::super::tiers::{cluster_peer_matches, is_subject, tier_rule_matches};
use super::rule::applies;
use super::scene::{Matches, Scene};
use crate::cluster::calico::{CalicoAction, CalicoPolicy, Order, TierEnd};
use crate::cluster::{
    Action, Cluster, ClusterPolicy, ClusterTier, Direction, Policy, Rule, TierRule,
};

/// A tier, by what it is sorted by: those that the input does not have come last.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Tier<'c> {
    is_missing: bool,
    order: Order,
    name: &'c str,
    content: Content,
}

/// What a tier holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Content {
    /// ClusterNetworkPolicies of tier Admin.
    Admin,
    /// ClusterNetworkPolicies of tier Baseline.
    Baseline,
    /// Policies that deny what none of their rules matches.
    Denying,
    /// Policies that pass it on.
    Passing,
}

/// A policy of a tier that is not one of ClusterNetworkPolicies.
#[derive(Clone, Copy, Debug)]
enum Member<'c> {
    Calico(&'c CalicoPolicy),
    Kubernetes(&'c Policy),
}

/// The order that a tier has without one, which is that of `default`. [Calico §10.1]
const DEFAULT: Order = Order::whole(1_000_000);
/// The order of policies of Kubernetes.
const OF_KUBERNETES: Order = Order::whole(1_000);

/// What may become of a flow at one end.
pub fn at_end(scene: &Scene<'_>, direction: Direction, matches: &Matches<'_>) -> Outcomes {
    if scene.subject(direction).is_none() {
        return Outcomes::always(true);
    }
    // §6: a host to its own pod is not policed.
    if direction == Direction::Ingress && scene.world.own_node {
        return Outcomes::always(true);
    }
    let mut outcomes = Outcomes::default();
    for tier in tiers(scene.cluster) {
        let actions = actions(scene, &tier, direction, matches);
        outcomes.allow |= actions.contains(&Action::Accept);
        outcomes.deny |= actions.contains(&Action::Deny);
        if !actions.contains(&Action::Pass) {
            return outcomes;
        }
    }
    // The profile of its namespace allows what no tier decides.
    outcomes.or(Outcomes::always(true))
}

/// What may become of a packet in some tiers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Walk {
    /// It is accepted.
    pub accept: bool,
    /// It is denied.
    pub deny: bool,
    /// No tier decides.
    pub pass: bool,
}

impl Walk {
    /// What no policy is about.
    pub fn passing() -> Self {
        Self { pass: true, ..Self::default() }
    }
}

/// A policy in no namespace, for rules of profiles.
pub fn nobody() -> CalicoPolicy {
    CalicoPolicy {
        group: crate::cluster::calico::Group::Public,
        namespace: None,
        name: String::new(),
        annotation: None,
        staged: false,
        tier: None,
        order: None,
        selector: None,
        accounts: None,
        namespaces: None,
        stage: None,
        types: None,
        ingress: None,
        egress: None,
    }
}

/// A walk through the tiers of some policies of Calico's.
pub fn walk(
    cluster: &Cluster,
    policies: &[&CalicoPolicy],
    direction: Direction,
    matches: &Matches<'_>,
) -> Walk {
    walk_with(cluster, policies, direction, (matches, None))
}

/// The same where what no rule of a tier matches goes on.
pub fn walk_on(
    cluster: &Cluster,
    policies: &[&CalicoPolicy],
    direction: Direction,
    matches: &Matches<'_>,
) -> Walk {
    walk_with(cluster, policies, direction, (matches, Some(Action::Pass)))
}

fn walk_with(
    cluster: &Cluster,
    policies: &[&CalicoPolicy],
    direction: Direction,
    (matches, end): (&Matches<'_>, Option<Action>),
) -> Walk {
    let mut walk = Walk::passing();
    for tier in tiers(cluster) {
        let own = policies.iter().filter(|policy| policy.tier_name() == tier.name);
        let mut members: Vec<Member<'_>> = own.map(|policy| Member::Calico(policy)).collect();
        if members.is_empty() {
            continue;
        }
        members.sort_by_key(|member| {
            let order = member.order();
            (order.is_none(), order, member.tie())
        });
        let own_end = match tier.content {
            Content::Passing | Content::Admin | Content::Baseline => Action::Pass,
            Content::Denying => Action::Deny,
        };
        let actions = run(&members, direction, (matches, end.unwrap_or(own_end)));
        walk.accept |= actions.contains(&Action::Accept);
        walk.deny |= actions.contains(&Action::Deny);
        walk.pass = actions.contains(&Action::Pass);
        if !walk.pass {
            return walk;
        }
    }
    walk
}

fn run(
    members: &[Member<'_>],
    direction: Direction,
    (matches, end): (&Matches<'_>, Action),
) -> Vec<Action> {
    let mut actions = Vec::new();
    for member in members {
        let Member::Calico(policy) = member else { continue };
        if is_decided((policy, direction), matches, &mut actions) {
            return actions;
        }
    }
    actions.push(end);
    actions
}

/// All tiers in order.
fn tiers(cluster: &Cluster) -> Vec<Tier<'_>> {
    let built_in = [
        ("kube-admin", Order::whole(1_000), Content::Admin),
        ("default", DEFAULT, Content::Denying),
        ("kube-baseline", Order::whole(10_000_000), Content::Baseline),
    ];
    let tier = |(name, order, content)| Tier { is_missing: false, order, name, content };
    let mut all: Vec<Tier<'_>> = built_in.into_iter().map(tier).collect();
    for own in &cluster.calico.tiers {
        let content = match own.end {
            Some(TierEnd::Pass) => Content::Passing,
            Some(TierEnd::Deny) | None => Content::Denying,
        };
        if all.iter().all(|other| other.name != own.name) {
            all.push(tier((&own.name, own.order.unwrap_or(DEFAULT), content)));
        }
    }
    for policy in cluster.calico.policies.iter().filter(|policy| !policy.staged) {
        let name = policy.tier_name();
        if all.iter().all(|other| other.name != name) {
            let (order, content) = (DEFAULT, Content::Denying);
            all.push(Tier { is_missing: true, order, name, content });
        }
    }
    all.sort();
    all
}

/// What a tier may do; it passes on what it has no policy for.
fn actions(
    scene: &Scene<'_>,
    tier: &Tier<'_>,
    direction: Direction,
    matches: &Matches<'_>,
) -> Vec<Action> {
    let end = match tier.content {
        Content::Admin => return of_cluster(scene, ClusterTier::Admin, direction),
        Content::Baseline => return of_cluster(scene, ClusterTier::Baseline, direction),
        Content::Denying => Action::Deny,
        Content::Passing => Action::Pass,
    };
    let members = members(scene, tier.name, direction);
    if members.is_empty() {
        return vec![Action::Pass];
    }
    let mut actions = Vec::new();
    for member in members {
        match member {
            Member::Kubernetes(policy) => {
                if network_policy_matches(scene, policy, direction) {
                    actions.push(Action::Accept);
                    return actions;
                }
            }
            Member::Calico(policy) => {
                if is_decided((policy, direction), matches, &mut actions) {
                    return actions;
                }
            }
        }
    }
    actions.push(end);
    actions
}

/// Adds what a policy's rules may do; whether one of them does it for certain.
fn is_decided(
    (policy, direction): (&CalicoPolicy, Direction),
    matches: &Matches<'_>,
    actions: &mut Vec<Action>,
) -> bool {
    for rule in policy.rules(direction) {
        let Some(action) = decided(rule.action) else { continue };
        let maybe = matches(policy, rule);
        if maybe.yes {
            actions.push(action);
        }
        if !maybe.no {
            return true;
        }
    }
    false
}

/// What an action does with a flow; nothing, if it goes on to the next rule.
fn decided(action: CalicoAction) -> Option<Action> {
    match action {
        CalicoAction::Allow => Some(Action::Accept),
        CalicoAction::Deny => Some(Action::Deny),
        CalicoAction::Pass => Some(Action::Pass),
        CalicoAction::Log => None,
    }
}

/// The policies of a tier that apply to the subject, in order.
fn members<'c>(scene: &Scene<'c>, tier: &str, direction: Direction) -> Vec<Member<'c>> {
    let Some(item) = scene.subject(direction) else { return Vec::new() };
    let (subject, _) = scene.world.ends(direction);
    let own = scene.cluster.calico.policies.iter().filter(|policy| policy.tier_name() == tier);
    let own = own.filter(|policy| applies(policy, direction, &item.labels)).map(Member::Calico);
    let kubernetes = scene.cluster.policies.iter().filter(|_| tier == "default");
    let kubernetes = kubernetes.filter(|policy| selected_by(policy, direction, subject));
    let mut all: Vec<Member<'_>> = own.chain(kubernetes.map(Member::Kubernetes)).collect();
    all.sort_by_key(|member| {
        let order = member.order();
        (order.is_none(), order, member.tie())
    });
    all
}

impl Member<'_> {
    fn order(&self) -> Option<Order> {
        match self {
            Self::Calico(policy) => policy.order,
            Self::Kubernetes(_) => Some(OF_KUBERNETES),
        }
    }

    /// §6, §10.7, §10.8: what ties are broken by.
    fn tie(&self) -> String {
        match self {
            Self::Calico(policy) => {
                let namespace = policy.namespace.as_deref().unwrap_or_default();
                format!("{}/{namespace}/{}", policy.real_name(), policy.kind())
            }
            Self::Kubernetes(policy) => {
                format!("{}/{}/KubernetesNetworkPolicy", policy.name, policy.namespace)
            }
        }
    }
}

/// Whether a rule of a policy of Kubernetes matches: all of them allow. One that names no port
/// matches every protocol.
fn network_policy_matches(scene: &Scene<'_>, policy: &Policy, direction: Direction) -> bool {
    let (_, peer) = scene.world.ends(direction);
    let destination = &scene.world.destination;
    let matches = |rule: &Rule| match scene.carried.traffic() {
        Some(traffic) => rule_matches((policy, rule), (peer, destination), &traffic),
        None => {
            let peers = rule.peers.as_deref().unwrap_or_default();
            rule.ports.as_deref().unwrap_or_default().is_empty()
                && (peers.is_empty() || peers.iter().any(|one| peer_matches(policy, one, peer)))
        }
    };
    policy.rules(direction).iter().any(matches)
}

/// What a tier of ClusterNetworkPolicies may do: several things only where policies of one priority
/// differ.
fn of_cluster(scene: &Scene<'_>, tier: ClusterTier, direction: Direction) -> Vec<Action> {
    let (subject, _) = scene.world.ends(direction);
    let first = |policy: &ClusterPolicy| {
        let mut rules = policy.rules(direction).iter();
        let rule = rules.find(|rule| cluster_rule_matches(scene, rule, direction))?;
        Some((policy.priority, rule.action))
    };
    let policies = scene.cluster.cluster_policies.iter().filter(|policy| policy.tier == tier);
    let selecting = policies.filter(|policy| is_subject(&policy.subject, subject));
    let matching: Vec<(u16, Action)> = selecting.filter_map(first).collect();
    let Some(lowest) = matching.iter().map(|(priority, _)| *priority).min() else {
        return vec![Action::Pass];
    };
    let deciding = matching.into_iter().filter(|(priority, _)| *priority == lowest);
    deciding.map(|(_, action)| action).collect()
}

fn cluster_rule_matches(scene: &Scene<'_>, rule: &TierRule, direction: Direction) -> bool {
    let (_, peer) = scene.world.ends(direction);
    match scene.carried.traffic() {
        Some(traffic) => tier_rule_matches((rule, direction), scene.world, &traffic),
        None => {
            rule.ports.is_none() && rule.peers.iter().any(|one| cluster_peer_matches(one, peer))
        }
    }
}

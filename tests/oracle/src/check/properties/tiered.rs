//! Changes of policies for all namespaces.

use crate::cluster::{
    Action, Cluster, ClusterPolicy, ClusterTier, Direction, PolicyVersion, TierRule,
};
use crate::generate;
use crate::random::Random;

/// A rule more that denies, anywhere in a policy.
pub fn one_denial_more(cluster: &Cluster, random: &mut Random) -> Option<Cluster> {
    one_rule_more(cluster, random, Action::Deny)
}

/// A rule more that accepts, anywhere in a policy.
pub fn one_more(cluster: &Cluster, random: &mut Random) -> Option<Cluster> {
    one_rule_more(cluster, random, Action::Accept)
}

fn one_rule_more(cluster: &Cluster, random: &mut Random, action: Action) -> Option<Cluster> {
    let mut other = cluster.clone();
    let direction = *random.pick(&Direction::BOTH);
    let rule = generate::another_tier_rule(cluster, direction, random.number());
    let at = random.below(other.cluster_policies.len());
    let policy = other.cluster_policies.get_mut(at)?;
    // The one kind that a rule might not fit.
    policy.version = PolicyVersion::V1Beta1;
    let rules = policy.rules_mut(direction).get_or_insert_default();
    rules.insert(random.below(rules.len() + 1), TierRule { action, ..rule });
    Some(other)
}

/// All priorities of a tier greater by one number.
pub fn shifted_priorities(cluster: &Cluster, random: &mut Random) -> Option<Cluster> {
    let mut other = converted(cluster, random).unwrap_or_else(|| cluster.clone());
    let tier = *random.pick(&[ClusterTier::Admin, ClusterTier::Baseline]);
    let own = || cluster.cluster_policies.iter().filter(|policy| policy.tier == tier);
    let highest = own().map(|policy| policy.priority).max()?;
    let room = usize::from(1000_u16.checked_sub(highest)?);
    let by = u16::try_from(random.below(room + 1)).ok()?;
    for policy in other.cluster_policies.iter_mut().filter(|policy| policy.tier == tier) {
        policy.priority += by;
    }
    Some(other)
}

/// Policies of old versions as what replaces them.
pub fn converted(cluster: &Cluster, _: &mut Random) -> Option<Cluster> {
    let mut other = cluster.clone();
    let old = |policy: &ClusterPolicy| policy.kind() != "ClusterNetworkPolicy";
    if !other.cluster_policies.iter().any(old) {
        return None;
    }
    for (i, policy) in other.cluster_policies.iter_mut().enumerate() {
        if old(policy) {
            policy.version = PolicyVersion::V1Beta1;
            policy.name = format!("converted{i}");
        }
    }
    Some(other)
}

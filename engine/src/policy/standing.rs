//! The order in which policies of all kinds are evaluated.

use std::sync::Arc;

use super::{CompiledPolicy, TierKind};
use crate::manifest::Body;
use crate::manifest::calico::{BUILT_IN_TIERS, Order};

/// Where a policy stands among all others: by its tier, then in the tier.
///
/// # Shape
/// Ordered as policies are evaluated; NetworkPolicies, whose order changes nothing, by name.
///
/// # Source
/// Calico §6, §10.7; ClusterNetworkPolicy §5.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Standing {
    /// The order of its tier.
    pub tier_order: Order,
    /// The name that Calico has for its tier.
    pub tier_name: Arc<str>,
    /// Its order there.
    pub order: Order,
    /// What decides between policies of one order, where something does.
    pub name: String,
}

/// The order of a NetworkPolicy of Kubernetes' kind.
const OF_KUBERNETES: f64 = 1_000.0;

impl Standing {
    /// That of a policy.
    pub fn of(policy: &CompiledPolicy) -> Self {
        let object = &policy.object;
        let namespace = object.meta.namespace.as_deref().unwrap_or_default();
        let (name, kind) = match &object.body {
            Body::Policy(_) => (&object.meta.name, "KubernetesNetworkPolicy"),
            Body::CalicoPolicy(policy) => (&policy.name, policy.kind.enforced().name()),
            _ => (&object.meta.name, object.kind()),
        };
        let name = format!("{name}/{namespace}/{kind}");
        if let Some(place) = &policy.place {
            let (tier_order, tier_name) = (place.tier.order, place.tier.name.clone());
            return Self { tier_order, tier_name, order: place.order_or_last(), name };
        }
        let (tier, order) = match policy.tier {
            TierKind::Admin => ("kube-admin", f64::from(policy.priority)),
            TierKind::NetworkPolicy | TierKind::Calico => ("default", OF_KUBERNETES),
            TierKind::Baseline => ("kube-baseline", f64::from(policy.priority)),
        };
        let tier_order = BUILT_IN_TIERS.iter().find(|(name, ..)| *name == tier);
        let tier_order = Order(tier_order.map_or(f64::INFINITY, |(_, order, _)| *order));
        Self { tier_order, tier_name: tier.into(), order: Order(order), name }
    }
}

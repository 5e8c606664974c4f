//! Programs of groups, from the policies that select them.

use std::sync::Arc;

use super::{
    CalicoPlace, CompiledPolicy, PolicyId, PolicyRef, PolicySet, Program, ProgramId, Tier, TierKind,
};
use crate::cluster::GroupId;
use crate::manifest::calico::{BUILT_IN_TIERS, Order};
use crate::manifest::{Action, Body, Direction, Mode};

/// The programs of a group in a direction.
#[derive(Clone, Copy, Debug)]
pub struct Programs {
    /// Of policies in force.
    pub enforced: ProgramId,
    /// Of these and those that are audited.
    pub intended: ProgramId,
}

impl PolicySet {
    pub(super) fn set_programs(&mut self, group: GroupId, direction: Direction, ids: Programs) {
        if let Some(slot) = self.by_group[direction].get_mut(group) {
            *slot = ids.enforced;
        }
        if let Some(slot) = self.intended[direction].get_mut(group) {
            *slot = ids.intended;
        }
    }

    /// The programs of some policies, in whatever order they come.
    pub(super) fn intern_programs(&mut self, policies: Vec<PolicyRef>) -> Programs {
        let is_audited = |one: &PolicyRef| {
            self.policy(one.policy).is_some_and(|policy| policy.mode == Mode::Audit)
        };
        let enforced: Vec<PolicyRef> =
            policies.iter().copied().filter(|one| !is_audited(one)).collect();
        let all_enforced = enforced.len() == policies.len();
        let enforced = self.intern_program(enforced);
        let intended = if all_enforced { enforced } else { self.intern_program(policies) };
        Programs { enforced, intended }
    }

    fn intern_program(&mut self, policies: Vec<PolicyRef>) -> ProgramId {
        let tiers = self.tiers(policies);
        self.intern(Program { tiers })
    }

    fn tiers(&self, mut policies: Vec<PolicyRef>) -> Vec<Tier> {
        let is_placed =
            |one: &PolicyRef| self.policy(one.policy).is_some_and(|policy| policy.place.is_some());
        if policies.iter().any(is_placed) {
            return self.calico_tiers(policies);
        }
        type Order<'s> = (TierKind, u16, Option<(&'s str, &'static str)>, PolicyId);
        let order = |one: &PolicyRef| -> Order<'_> {
            let Some(policy) = self.policy(one.policy) else {
                return (TierKind::NetworkPolicy, 0, None, one.policy);
            };
            let object = &policy.object;
            let name = (!policy.tier.only_accepts()).then(|| (&*object.meta.name, object.kind()));
            (policy.tier, policy.priority, name, one.policy)
        };
        policies.sort_by_cached_key(order);
        let tier = |one: &PolicyRef| order(one).0;
        let tiers = policies.chunk_by(|a, b| tier(a) == tier(b));
        let tiers = tiers.filter_map(|own| Some((tier(own.first()?), own.to_vec())));
        tiers.map(|(kind, policies)| Tier::of(kind, policies)).collect()
    }

    /// Where Calico has policies, those of Kubernetes' kinds stand in its order of tiers, and a
    /// tier that has some of its own is one of Calico's.
    ///
    /// # Source
    /// Calico §6, §10.7.
    fn calico_tiers(&self, policies: Vec<PolicyRef>) -> Vec<Tier> {
        let mut placed: Vec<(Standing, PolicyRef)> = policies
            .into_iter()
            .filter_map(|one| Some((Standing::of(self.policy(one.policy)?, one.policy), one)))
            .collect();
        placed.sort_by(|a, b| a.0.cmp(&b.0));
        let tiers = placed.chunk_by(|a, b| a.0.tier_name == b.0.tier_name);
        let tiers = tiers.filter_map(|own| {
            let first = &own.first()?.0;
            let mut policies: Vec<PolicyRef> = own.iter().map(|(_, one)| *one).collect();
            let kinds = || own.iter().map(|(standing, _)| standing.kind);
            if kinds().any(|kind| kind == TierKind::Calico) {
                let (name, end) = (Some(first.tier_name.clone()), first.end);
                return Some(Tier { kind: TierKind::Calico, name, end, policies });
            }
            if first.kind.only_accepts() {
                policies.sort_by_key(|one| one.policy);
            }
            Some(Tier::of(first.kind, policies))
        });
        tiers.collect()
    }
}

/// Where a policy stands in Calico's order: of its tier, then in the tier.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Standing {
    tier_order: Order,
    tier_name: Arc<str>,
    order: Order,
    /// What decides between policies of one order.
    name: String,
    id: PolicyId,
    kind: TierKind,
    end: Action,
}

/// The order of a NetworkPolicy of Kubernetes' kind.
const OF_KUBERNETES: f64 = 1_000.0;

impl Standing {
    fn of(policy: &CompiledPolicy, id: PolicyId) -> Self {
        let object = &policy.object;
        let (kind, end) = (policy.tier, policy.tier.end());
        let namespace = object.meta.namespace.as_deref().unwrap_or_default();
        let (name, written) = match &object.body {
            Body::Policy(_) => (&object.meta.name, "KubernetesNetworkPolicy"),
            Body::CalicoPolicy(policy) => (&policy.name, policy.kind.name()),
            _ => (&object.meta.name, object.kind()),
        };
        let name = format!("{name}/{namespace}/{written}");
        if let Some(place @ CalicoPlace { tier, .. }) = &policy.place {
            return Self {
                tier_order: tier.order,
                tier_name: tier.name.clone(),
                order: place.order_or_last(),
                name,
                id,
                kind,
                end: tier.end,
            };
        }
        let (tier, order) = match policy.tier {
            TierKind::Admin => ("kube-admin", f64::from(policy.priority)),
            TierKind::NetworkPolicy | TierKind::Calico => ("default", OF_KUBERNETES),
            TierKind::Baseline => ("kube-baseline", f64::from(policy.priority)),
        };
        let tier_order = BUILT_IN_TIERS.iter().find(|(name, ..)| *name == tier);
        let tier_order = Order(tier_order.map_or(f64::INFINITY, |(_, order, _)| *order));
        Self { tier_order, tier_name: tier.into(), order: Order(order), name, id, kind, end }
    }
}

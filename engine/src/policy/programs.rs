//! Programs of groups, from the policies that select them.

use super::{
    CompiledPolicy, Considered, OPEN, PolicyId, PolicyRef, PolicySet, Program, ProgramId, Standing,
    Tier, TierKind,
};
use crate::cluster::GroupId;
use crate::manifest::{Direction, Mode};

/// The programs of somebody in a direction.
#[derive(Clone, Copy, Debug)]
pub struct Programs {
    /// Of policies in force.
    pub enforced: ProgramId,
    /// Of these and those that are audited.
    pub intended: ProgramId,
}

impl Programs {
    /// The one of policies that are considered so.
    pub(super) fn considering(self, considered: Considered) -> ProgramId {
        match considered {
            Considered::Enforced => self.enforced,
            Considered::AllWhereAudited if self.enforced == self.intended => OPEN,
            Considered::All | Considered::AllWhereAudited => self.intended,
            Considered::Nothing => OPEN,
        }
    }

    /// Both of them.
    pub(super) fn both(self) -> [ProgramId; 2] {
        [self.enforced, self.intended]
    }
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
        let of = |is_meant: &dyn Fn(&CompiledPolicy) -> bool| -> Vec<PolicyRef> {
            let own = |one: &&PolicyRef| self.policy(one.policy).is_none_or(|own| is_meant(own));
            policies.iter().filter(own).copied().collect()
        };
        let enforced = of(&|policy| policy.mode == Mode::Enforce);
        let intended = of(&|policy| policy.mode == Mode::Audit || !self.is_replaced(policy));
        let all_enforced = enforced == intended;
        let enforced = self.intern_program(enforced);
        let intended = if all_enforced { enforced } else { self.intern_program(intended) };
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
            .filter_map(|one| Some((Standing::of(self.policy(one.policy)?), one)))
            .collect();
        placed.sort();
        let tiers = placed.chunk_by(|a, b| a.0.tier_name == b.0.tier_name);
        let tiers = tiers.filter_map(|own| {
            let first = &own.first()?.0;
            let mut policies: Vec<PolicyRef> = own.iter().map(|(_, one)| *one).collect();
            let known = || policies.iter().filter_map(|one| self.policy(one.policy));
            let (kind, end) = known().next().map(|policy| (policy.tier, policy.end()))?;
            if known().any(|policy| policy.place.is_some()) {
                let name = Some(first.tier_name.clone());
                let (kind, stage) = (TierKind::Calico, None);
                return Some(Tier { kind, name, stage, end, policies });
            }
            if kind.only_accepts() {
                policies.sort_by_key(|one| one.policy);
            }
            Some(Tier::of(kind, policies))
        });
        tiers.collect()
    }
}

//! Policies of Calico's with everything that they can have.

use super::super::Maker;
use super::NAMES;
use super::expression::About;
use crate::cluster::Direction;
use crate::cluster::calico::{
    Annotation, CalicoPolicy, CalicoRule, Expression, Group, HostStage, Order,
};

/// A tier that no input has.
const MISSING: &str = "gone";

impl Maker {
    /// One more, if its name is not taken.
    pub(super) fn another_policy(&mut self) {
        let policy = self.calico_policy();
        let taken = |one: &CalicoPolicy| {
            let is = |one: &CalicoPolicy| {
                (one.namespace.clone(), one.written_kind(), one.real_name().to_owned())
            };
            let at =
                |one: &CalicoPolicy| (one.namespace.clone(), one.written_kind(), one.name.clone());
            is(one) == is(&policy) || at(one) == at(&policy)
        };
        if !self.cluster.calico.policies.iter().any(taken) {
            self.cluster.calico.policies.push(policy);
        }
    }

    fn calico_policy(&mut self) -> CalicoPolicy {
        const ORDERS: [Option<Order>; 7] = [
            None,
            Some(Order::whole(10)),
            Some(Order::whole(10)),
            Some(Order(21)),
            Some(Order::whole(1_000)),
            Some(Order::whole(1_000)),
            Some(Order::whole(2_000)),
        ];
        let group = if self.random.chance(60) { Group::Public } else { Group::Stored };
        let namespace = self.random.chance(45).then(|| self.namespace());
        let tier = self.calico_tier(group);
        let name = self.calico_name(tier.as_deref());
        let annotated = group == Group::Stored && self.random.chance(30);
        let global = namespace.is_none();
        let mut policy = CalicoPolicy {
            group,
            namespace,
            annotation: annotated.then(|| self.annotation()),
            name,
            staged: self.random.chance(6),
            tier,
            order: *self.random.pick(&ORDERS),
            selector: self.whom(),
            accounts: self.random.chance(15).then(|| self.expression_about(About::Accounts)),
            namespaces: (global && self.random.chance(40))
                .then(|| self.expression_about(About::Namespaces)),
            stage: (global && self.random.chance(8)).then(|| self.stage()),
            types: self.types(),
            ingress: self.calico_rules(),
            egress: self.calico_rules(),
        };
        if policy.stage == Some(HostStage::BeforeDnat) {
            policy.egress = None;
            policy.types = Some(vec![Direction::Ingress]);
        }
        policy
    }

    fn whom(&mut self) -> Option<Expression> {
        match self.random.below(10) {
            0..=2 => None,
            3 | 4 => Some(Expression::All),
            _ => Some(self.expression_about(About::Items)),
        }
    }

    fn stage(&mut self) -> HostStage {
        *self.random.pick(&[HostStage::Forward, HostStage::BeforeDnat, HostStage::Untracked])
    }

    /// Policies that only their names put into an order, and that often meet.
    pub(super) fn tie(&mut self) {
        for i in 0..self.cluster.calico.policies.len() {
            let (meet, order) = (self.random.chance(60), Some(Order::whole(1_000)));
            let Some(policy) = self.cluster.calico.policies.get_mut(i) else { continue };
            policy.order = order;
            if meet {
                (policy.selector, policy.namespaces, policy.accounts) = (None, None, None);
            }
        }
    }

    /// Only what is stored may be in a tier that is not there.
    fn calico_tier(&mut self, group: Group) -> Option<String> {
        let mut tiers: Vec<String> =
            self.cluster.calico.tiers.iter().map(|tier| tier.name.clone()).collect();
        tiers.push("default".into());
        if group == Group::Stored && self.random.chance(8) {
            return Some(MISSING.into());
        }
        self.random.chance(65).then(|| self.random.pick(&tiers).clone())
    }

    fn calico_name(&mut self, tier: Option<&str>) -> String {
        let name = *self.random.pick(&NAMES);
        if self.random.chance(20) {
            return format!("{}.{name}", tier.unwrap_or("default"));
        }
        name.into()
    }

    fn annotation(&mut self) -> Annotation {
        let name = self.random.chance(50).then(|| (*self.random.pick(&NAMES)).into());
        Annotation { name, ..Annotation::default() }
    }

    fn types(&mut self) -> Option<Vec<Direction>> {
        let types = [
            None,
            None,
            Some(vec![Direction::Ingress]),
            Some(vec![Direction::Egress]),
            Some(vec![Direction::Ingress, Direction::Egress]),
            Some(vec![Direction::Egress, Direction::Ingress]),
        ];
        self.random.pick(&types).clone()
    }

    fn calico_rules(&mut self) -> Option<Vec<CalicoRule>> {
        let count = match self.random.below(10) {
            0 | 1 => return None,
            2 => 0,
            3..=5 => 1,
            6..=8 => 2,
            _ => 4,
        };
        Some((0..count).map(|_| self.calico_rule()).collect())
    }
}

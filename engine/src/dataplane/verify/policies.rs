//! What policies admit for a pod, read from the policies alone.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::super::budget::OverBudget;
use super::super::expressible::{Reached, reached};
use super::super::limits::{Counted, Limits};
use super::decisions::{Decisions, Outcome, Step};
use super::packets::{Packets, every_port};
use super::places::{Places, Subject};
use super::pod_spaces::PodSpaces;
use super::space::{self, Admitted, Asked, Extent, PodsKey, Space};
use crate::cluster::{ClusterModel, Group, GroupId};
use crate::manifest::{Action, Direction, PortMatch};
use crate::net::{Family, PortSet, Protocol};
use crate::policy::{
    BlockId, CompiledPolicy, PolicyId, PolicyRef, PolicyRule, PolicySet, ProgramId, RulePeer,
    SetId, Standing, Tier, TierKind,
};
use crate::selector::Match;

/// Whether conditions hold of a pod: of those that ask who it is, in the order of the rules.
pub type Answers = Arc<[Match]>;

/// For whom policies are read.
#[derive(Clone, Copy)]
pub struct Selected<'g> {
    /// The direction.
    pub direction: Direction,
    /// The pod's group.
    pub group: &'g Group,
    /// Its number.
    pub id: GroupId,
    /// The pod's address.
    pub address: u128,
}

/// Reads policies for one family.
pub struct Policies<'i> {
    /// The cluster.
    pub model: &'i ClusterModel,
    /// The policies.
    pub policies: &'i PolicySet,
    /// How much one of them may ask for.
    pub limits: Limits,
    /// Which are closed since all of them ask for too much.
    pub over_budget: &'i OverBudget,
    /// The family.
    pub family: Family,
    /// Where pods are.
    pub places: &'i Places,
    /// What has been read of them.
    pub spaces: &'i mut PodSpaces,
}

impl Policies<'_> {
    /// What a program admits for pods of a group, where nothing is taken for granted: what is not
    /// known is accepted or passed on by no rule, and denied by those that deny or pass.
    ///
    /// # Source
    /// NetworkPolicy §6, ClusterNetworkPolicy §5.
    pub fn admitted(&mut self, id: ProgramId, direction: Direction, subject: &Subject) -> Admitted {
        let program = self.policies.program(id);
        let mut admitted = Admitted::default();
        let Some(subject) = selected(self.model, direction, subject) else {
            return admitted;
        };
        let [tier] = program.tiers.as_slice() else {
            return Admitted::of(&self.tiers(&program.tiers, subject), self.family);
        };
        if tier.kind != TierKind::NetworkPolicy {
            return Admitted::of(&self.tiers(&program.tiers, subject), self.family);
        }
        // A policy of which it is not known whether it selects the pods isolates them.
        for one in tier.policies.iter().filter(|one| one.certain) {
            let Some(policy) = self.policies.policy(one.policy) else { continue };
            if self.is_over((one.policy, policy), subject) {
                continue;
            }
            for rule in policy.rules(direction).unwrap_or_default() {
                for (peers, conns) in self.rule(rule, subject, Extent::Certain) {
                    admitted.add(peers, conns);
                }
            }
        }
        admitted
    }

    /// What rules of a program ask of a pod, answered in their order.
    pub fn answers(&self, id: ProgramId, direction: Direction, subject: &Subject) -> Answers {
        let Some(subject) = selected(self.model, direction, subject) else {
            return Answers::default();
        };
        let rules = self.policies.rules_of(id, direction);
        let conditions = rules.flat_map(|rule| &rule.conditions);
        conditions.filter_map(|one| self.answer(one, subject)).collect()
    }

    /// Whether pods of two groups may be admitted different things by a program: where names of
    /// ports are their own.
    pub fn depend_on_group(&self, id: ProgramId, direction: Direction) -> bool {
        let mut rules = self.policies.rules_of(id, direction);
        rules.any(|rule| {
            let mut named = rule.named_ports();
            rule.names_source_ports() || (direction == Direction::Ingress && named.next().is_some())
        })
    }

    /// What a program's first tier says, with what it passes on left open.
    pub fn before_next(
        &mut self,
        id: ProgramId,
        direction: Direction,
        subject: &Subject,
    ) -> Admitted {
        let first = self.policies.program(id).tiers.first();
        let Some((tier, subject)) = first.zip(selected(self.model, direction, subject)) else {
            return Admitted::default();
        };
        let decisions = self.tier(tier, &Outcome::Pass, subject);
        Admitted::of(&Outcome::of(decisions), self.family)
    }

    /// What tiers come to, the last one first: each needs to know what comes after it.
    fn tiers(&mut self, tiers: &[Tier], subject: Selected<'_>) -> Outcome {
        let mut in_order: Vec<Tier> = tiers.to_vec();
        in_order.sort_by_cached_key(|tier| {
            let first = tier.policies.first().and_then(|one| self.policies.policy(one.policy));
            let standing = first.map(|policy| Standing::of(policy));
            (standing.map(|standing| (standing.tier_order, standing.tier_name)), tier.kind)
        });
        let Reached { tiers, cut } = reached(self.policies, &in_order, subject.direction);
        // What no tier decides is allowed, if packets can be led through all.
        let mut next = if cut.is_some() { Outcome::Deny } else { Outcome::Admit };
        for tier in tiers.iter().rev() {
            next = Outcome::of(self.tier(tier, &next, subject));
        }
        next
    }

    fn tier(&mut self, tier: &Tier, next: &Outcome, subject: Selected<'_>) -> Decisions {
        let known = tier.policies.iter();
        let known = known.filter_map(|one| Some((one, self.policies.policy(one.policy)?)));
        let mut in_order: Vec<(&PolicyRef, &Arc<CompiledPolicy>)> = known.collect();
        if tier.kind == TierKind::Calico {
            in_order.sort_by_cached_key(|(_, policy)| {
                let Standing { order, name, .. } = Standing::of(policy);
                (order, name)
            });
        } else if tier.kind != TierKind::NetworkPolicy {
            in_order.sort_by_key(|(_, policy)| (policy.priority, policy.object.meta.name.clone()));
        }
        let mut steps = Vec::new();
        for (one, policy) in in_order {
            let rules = policy.rules(subject.direction).unwrap_or_default();
            if self.is_over((one.policy, policy), subject) {
                let denies = rules.iter().any(|rule| is_denying(rule.action));
                steps.extend(denies.then(|| self.denial()));
                continue;
            }
            for rule in rules {
                if one.certain && matches!(rule.action, Action::Accept | Action::Pass) {
                    let outcome = if rule.action == Action::Pass { next } else { &Outcome::Admit };
                    steps.extend(self.steps(rule, Extent::Certain, outcome, subject));
                }
                if is_denying(rule.action) {
                    let outcome = &Outcome::Deny;
                    steps.extend(self.steps(rule, Extent::Possible, outcome, subject));
                }
            }
        }
        let end = if tier.end == Action::Deny { &Outcome::Deny } else { next };
        Decisions::new(steps, end, self.family)
    }

    fn is_over(&self, (id, policy): (PolicyId, &CompiledPolicy), subject: Selected<'_>) -> bool {
        let (direction, subject) = (subject.direction, Some(subject.group));
        let policies = self.policies;
        self.over_budget.contains_key(&id)
            || self.limits.are_exceeded(policy, Counted { policies, direction, subject })
    }

    /// Whether a policy asks for too much of a host.
    pub(super) fn is_over_at_host(
        &self,
        (id, policy): (PolicyId, &CompiledPolicy),
        direction: Direction,
    ) -> bool {
        let (policies, subject) = (self.policies, None);
        self.over_budget.contains_key(&id)
            || self.limits.are_exceeded(policy, Counted { policies, direction, subject })
    }

    /// Everything is denied.
    fn denial(&self) -> Step {
        let peers = Asked::fixed(space::everywhere(self.family));
        Step { peers, conns: Packets::all(), outcome: Outcome::Deny }
    }

    fn steps(
        &mut self,
        rule: &PolicyRule,
        extent: Extent,
        outcome: &Outcome,
        subject: Selected<'_>,
    ) -> Vec<Step> {
        let decided = self.rule(rule, subject, extent).into_iter();
        let outcome = |(peers, conns)| Step { peers, conns, outcome: outcome.clone() };
        decided.map(outcome).collect()
    }

    /// §6: a rule's peers and ports form a full product.
    fn rule(
        &mut self,
        rule: &PolicyRule,
        subject: Selected<'_>,
        extent: Extent,
    ) -> Vec<(Arc<Asked>, Packets)> {
        if !rule.conditions.is_empty() {
            return self.conditional(rule, subject, extent);
        }
        let (conns, named) = connections(rule, subject);
        let mut parts = Vec::new();
        if rule.peers.is_empty() {
            let anywhere = Asked::fixed(space::everywhere(self.family));
            self.at(&anywhere, &conns, &named, &mut parts);
        }
        for peer in &rule.peers {
            let peers = self.peers(*peer, extent);
            // Nodes have no port names. [ClusterNetworkPolicy §4]
            let named = if matches!(peer, RulePeer::Nodes(..)) { &[][..] } else { &named };
            self.at(&peers, &conns, named, &mut parts);
        }
        parts
    }

    fn at(
        &self,
        peers: &Arc<Asked>,
        conns: &Packets,
        named: &[(Protocol, Arc<str>)],
        parts: &mut Vec<(Arc<Asked>, Packets)>,
    ) {
        parts.push((peers.clone(), conns.clone()));
        for ((protocol, port), addresses) in self.named(named) {
            let addresses = space::of_addresses(addresses.into_iter(), self.family);
            let conns = Packets::of(protocol, PortSet::range(port, port));
            let both = addresses.intersection(peers.space());
            parts.push((Asked::derived(both, &[&**peers]), conns));
        }
    }

    /// §9: names of egress are asked of each destination pod.
    fn named(&self, names: &[(Protocol, Arc<str>)]) -> BTreeMap<(Protocol, u16), Vec<IpAddr>> {
        let mut named: BTreeMap<(Protocol, u16), Vec<IpAddr>> = BTreeMap::new();
        if names.is_empty() {
            return named;
        }
        for (id, group) in self.places.groups() {
            for port in group.ports.iter() {
                let asked = |(protocol, name): &(Protocol, Arc<str>)| {
                    port.protocol == *protocol && port.name == *name
                };
                if names.iter().any(asked) {
                    let known = named.entry((port.protocol, port.port)).or_default();
                    known.extend(self.places.of(id, self.family));
                }
            }
        }
        named
    }

    /// §7, §8: selectors name pods, blocks whatever has an address in them; nodes, whatever has
    /// one of theirs, which pods with a network of their own never have.
    fn peers(&mut self, peer: RulePeer, extent: Extent) -> Arc<Asked> {
        match (peer, extent) {
            (RulePeer::Block(id), _) => Asked::fixed(self.block(id)),
            (RulePeer::Pods(id), _) => self.set(id, extent),
            (RulePeer::Nodes(pair, _) | RulePeer::Names(pair), Extent::Certain) => {
                Asked::fixed(self.block(pair.certain))
            }
            (RulePeer::Nodes(pair, _), Extent::Possible) if pair.certain != pair.possible => {
                let groups = self.places.groups();
                let pods = groups.flat_map(|(id, _)| self.places.of(id, self.family));
                let pods = space::of_addresses(pods, self.family);
                Asked::dependent(self.block(pair.possible).difference(&pods))
            }
            (RulePeer::Nodes(pair, _) | RulePeer::Names(pair), Extent::Possible) => {
                Asked::fixed(self.block(pair.possible))
            }
        }
    }

    pub(super) fn block(&self, id: BlockId) -> Space {
        let block = self.policies.block(id);
        block.map_or_else(Space::empty, |one| space::of_set(one, self.family))
    }

    pub(super) fn set(&mut self, id: SetId, extent: Extent) -> Arc<Asked> {
        let Some(pods) = self.policies.sets().get(id) else {
            return Asked::fixed(Space::empty());
        };
        // Where nobody is in doubt, it is one set of pods.
        let extent = if pods.unknown.is_empty() { Extent::Certain } else { extent };
        let (places, family, key) = (self.places, self.family, PodsKey { pods: id, extent });
        self.spaces.read(key, pods, places, family)
    }
}

fn selected<'m>(
    model: &'m ClusterModel,
    direction: Direction,
    subject: &Subject,
) -> Option<Selected<'m>> {
    let (id, address) = (subject.group, subject.address);
    Some(Selected { direction, group: model.groups.get(id)?, id, address })
}

/// Whether a rule denies what it may match without matching it for certain.
fn is_denying(action: Action) -> bool {
    matches!(action, Action::Deny | Action::Pass)
}

/// What a rule's ports say: connections, and for egress the names that destinations resolve.
fn connections(rule: &PolicyRule, subject: Selected<'_>) -> (Packets, Vec<(Protocol, Arc<str>)>) {
    if rule.ports.is_empty() {
        return (Packets::all(), Vec::new());
    }
    let (mut conns, mut named) = (Packets::none(), Vec::new());
    for entry in &rule.ports {
        match (&entry.ports, subject.direction) {
            (PortMatch::Any, _) => conns.add(entry.protocol, &every_port()),
            (PortMatch::Range(first, last), _) => {
                conns.add(entry.protocol, &PortSet::range(*first, *last));
            }
            (PortMatch::Named(name), Direction::Ingress) => {
                conns.add(entry.protocol, &subject.group.named_ports(name, entry.protocol));
            }
            (PortMatch::Named(name), Direction::Egress) => {
                named.push((entry.protocol, name.clone()));
            }
        }
    }
    (conns, named)
}

//! What is written for each policy on a node.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::expressible::reached;
use super::super::limits::{Ask, Counted, count};
use super::{AllAsked, Ground, Local};
use crate::cluster::{Group, GroupId};
use crate::manifest::{ByDirection, Direction, NamedPort, PortMatch};
use crate::net::{ByFamily, PortSet};
use crate::policy::{CompiledPolicy, PolicyId, PolicyRef, ProgramId, SetId, Tier, TierKind};

/// What one policy asks of the node.
#[derive(Debug)]
pub struct Asked<'g> {
    /// The policy.
    pub policy: &'g Arc<CompiledPolicy>,
    /// Rules of the kernel, with each class of pods that has them in a chain of its own.
    pub rules: usize,
    /// Sets of pods, ascending.
    pub pods: Vec<SetId>,
    members: ByDirection<usize>,
    /// Ports that have sets, each of which is written once, whichever classes of pods it is for.
    ports: FxHashSet<PortSet>,
    in_ports: usize,
    is_seen: ByDirection<bool>,
    counted: ByDirection<ByFamily<bool>>,
}

impl<'g> Asked<'g> {
    fn nothing(policy: &'g Arc<CompiledPolicy>) -> Self {
        let (members, is_seen) = (ByDirection::default(), ByDirection::default());
        let counted = ByDirection::default();
        let (rules, pods, ports, in_ports) = (0, Vec::new(), FxHashSet::default(), 0);
        Self { policy, rules, pods, members, ports, in_ports, is_seen, counted }
    }

    /// Members of sets for what is written in it.
    pub fn members(&self) -> usize {
        self.in_ports + self.members.values().sum::<usize>()
    }

    fn add(&mut self, ask: &Ask, direction: Direction, families: ByFamily<bool>) {
        // Which policies of the cluster pods are under together is for whoever labels pods to say:
        // that must not use up the cluster's budget, so that these count once.
        let is_of_cluster = self.policy.namespace.is_none();
        for (family, count) in ask.rules.iter().filter(|(family, _)| families[*family]) {
            let before = std::mem::replace(&mut self.counted[direction][family], true);
            if !(is_of_cluster && before) {
                self.rules += count;
            }
        }
        self.members[direction] = self.members[direction].max(ask.members);
        for ports in &ask.ports {
            if !self.ports.contains(ports) {
                self.in_ports += count(ports);
                self.ports.insert(ports.clone());
            }
        }
        if !std::mem::replace(&mut self.is_seen[direction], true) {
            self.pods.extend(&ask.pods);
            self.pods.sort_unstable();
            self.pods.dedup();
        }
    }
}

/// The ports that pods give names, where rules ask for them.
type Ports<'g> = Option<&'g Vec<NamedPort>>;

/// Pods that have the same chain.
#[derive(Clone, Copy)]
struct Class {
    group: GroupId,
    families: ByFamily<bool>,
}

impl Class {
    fn add(&mut self, families: ByFamily<bool>) {
        for (family, has) in families {
            self.families[family] |= has;
        }
    }
}

/// What is known of a policy.
#[derive(Clone, Debug)]
struct Known {
    policy: Arc<CompiledPolicy>,
    /// None if it is over its own limits.
    ask: Option<Arc<Ask>>,
    /// Whether what it asks for depends on what pods call their ports.
    is_named: bool,
}

/// For which pods it is, if it depends on them.
type Key = (PolicyId, Direction, Option<GroupId>);

/// Counts what policies ask for, and remembers it.
#[derive(Debug, Default)]
pub struct Asking {
    before: FxHashMap<Key, Known>,
    known: FxHashMap<Key, Known>,
}

impl Asking {
    /// What each policy asks of the node. A chain that several classes of pods share is written
    /// once, as it has its name from what it holds; so is the Admin tier of pods under the same one.
    pub fn all<'g>(&mut self, ground: Ground<'g>) -> AllAsked<'g> {
        self.before = std::mem::take(&mut self.known);
        let mut all = AllAsked::new();
        for direction in Direction::BOTH {
            for ((kind, tier, _), class) in self.chains(ground, direction) {
                for one in tier.iter().filter(|one| one.certain || !kind.only_accepts()) {
                    let Some(policy) = ground.policies.policy(one.policy) else { continue };
                    let known = self.known(ground, (one.policy, direction, Some(class.group)));
                    if let Some(ask) = known.and_then(|known| known.ask) {
                        let asked = all.entry(one.policy);
                        let asked = asked.or_insert_with(|| Asked::nothing(policy));
                        asked.add(&ask, direction, class.families);
                    }
                }
            }
        }
        all
    }

    /// The chains of tiers, by what they depend on.
    fn chains<'g>(
        &mut self,
        ground: Ground<'g>,
        direction: Direction,
    ) -> FxHashMap<(TierKind, &'g [PolicyRef], Ports<'g>), Class> {
        let mut chains = FxHashMap::default();
        for ((program, ports), class) in programs(ground, direction) {
            let tiers = &ground.policies.program(program).tiers;
            for tier in reached(ground.policies, tiers, direction).tiers {
                let named = ports.filter(|_| self.is_named(ground, tier, direction));
                let chain = chains.entry((tier.kind, &*tier.policies, named)).or_insert(class);
                chain.add(class.families);
            }
        }
        chains
    }

    /// Whether pods that call their ports otherwise have another chain. Policies of the cluster are
    /// counted without such ports: how pods call theirs must not use up their budget.
    fn is_named(&mut self, ground: Ground<'_>, tier: &Tier, direction: Direction) -> bool {
        tier.kind.only_accepts()
            && direction == Direction::Ingress
            && tier.policies.iter().any(|one| {
                self.known(ground, (one.policy, direction, None)).is_some_and(|one| one.is_named)
            })
    }

    fn known(&mut self, ground: Ground<'_>, (id, direction, group): Key) -> Option<Known> {
        let policy = ground.policies.policy(id)?;
        let any = self.known_for((id, direction, None), policy, ground)?;
        match group.filter(|_| any.is_named) {
            Some(group) => self.known_for((id, direction, Some(group)), policy, ground),
            None => Some(any),
        }
    }

    fn known_for(
        &mut self,
        key: Key,
        policy: &Arc<CompiledPolicy>,
        ground: Ground<'_>,
    ) -> Option<Known> {
        let same = |known: &&Known| Arc::ptr_eq(&known.policy, policy);
        let (_, direction, group) = key;
        if let Some(known) = self.known.get(&key).filter(same) {
            return Some(known.clone());
        }
        let known = self.before.get(&key).filter(same).cloned().unwrap_or_else(|| {
            let subject = group.and_then(|group| ground.model.groups.get(group));
            let counted = Counted { policies: ground.policies, direction, subject };
            let ask = ground.limits.asked(policy, counted).map(Arc::new);
            Known { policy: policy.clone(), ask, is_named: is_named(policy, direction) }
        });
        self.known.insert(key, known.clone());
        Some(known)
    }
}

/// The programs of the node's pods, each with the ports that pods give names.
fn programs<'g>(
    ground: Ground<'g>,
    direction: Direction,
) -> FxHashMap<(ProgramId, Ports<'g>), Class> {
    let mut programs = FxHashMap::default();
    let mut seen = FxHashSet::default();
    for Local { group, families } in ground.local.iter().copied() {
        if !seen.insert((group, families.into_array())) {
            continue;
        }
        let known: Option<&Group> = ground.model.groups.get(group);
        let ports = known.map(|known| &*known.ports).filter(|_| direction == Direction::Ingress);
        let program = ground.policies.program_id(group, direction);
        let class = programs.entry((program, ports)).or_insert(Class { group, families });
        class.add(families);
    }
    programs
}

/// Whether a NetworkPolicy names ports that are its pods' own.
fn is_named(policy: &CompiledPolicy, direction: Direction) -> bool {
    let mut ports = policy.rules(direction).unwrap_or_default().iter().flat_map(|rule| &rule.ports);
    direction == Direction::Ingress
        && policy.tier.only_accepts()
        && ports.any(|entry| matches!(entry.ports, PortMatch::Named(_)))
}

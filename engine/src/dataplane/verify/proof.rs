//! What was proved before, and on what grounds.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::program::{Chain, ChainName, SetName};
use super::policies::PodSpaces;
use super::reader::KnownSets;
use super::space::{Admitted, Asked, Origin};
use crate::cluster::GroupId;
use crate::manifest::{Direction, PortMatch};
use crate::net::{ConnSet, Family};
use crate::policy::{CompiledPolicy, PolicyRule, PolicySet, ProgramId, SetId};

/// What is proved: that a chain admits what a program does, for pods of a group.
pub type Claim = (Direction, ChainName, ProgramId, GroupId);

/// A set of the program and a set of pods that have the same members.
pub type Pair = (SetName, SetId);

/// What a proof hangs on, beside its chain.
///
/// That a rule asks a set where a policy means pods says the same whoever these are, as long as
/// both are the same: such a proof hangs on their being so, not on who they are.
#[derive(Debug)]
pub struct Grounds {
    /// They are kept, so that another one is never at the same place.
    policies: Vec<Arc<CompiledPolicy>>,
    /// Sets that must have the same members.
    pairs: Vec<Pair>,
    /// Sets that must have the members that they had.
    sets: Vec<SetName>,
    /// Pods that must be those that they were.
    peers: Vec<SetId>,
    /// Whether it hangs on what ports all pods have.
    everybody: bool,
}

/// What has changed.
#[derive(Debug, Default)]
pub struct Changed {
    /// Chains, or what they ask beside addresses.
    pub chains: FxHashSet<ChainName>,
    /// Sets.
    pub sets: FxHashSet<SetName>,
    /// Sets of pods.
    pub peers: FxHashSet<SetId>,
    /// Whether some pod is elsewhere.
    pub pods: bool,
}

impl Grounds {
    /// Grounds of a claim; without pairs it hangs on all members.
    pub fn new(
        chain: &Chain,
        policies: &PolicySet,
        claim: &Claim,
        pairs: Option<Vec<Pair>>,
    ) -> Self {
        let (direction, _, id, _) = claim;
        let own = policies_of(policies, *id);
        let rules: Vec<&PolicyRule> =
            own.iter().flat_map(|policy| policy.rules(*direction).unwrap_or_default()).collect();
        let everybody = *direction == Direction::Egress && rules.iter().any(|rule| names(rule));
        let peers = rules.iter().flat_map(|rule| &rule.peers).filter_map(|peer| peer.pods());
        let peers: Vec<SetId> = peers.filter(|_| pairs.is_none()).collect();
        let paired = pairs.unwrap_or_default();
        let sets =
            super::reader::asked_sets(chain).filter(|set| paired.iter().all(|p| p.0 != **set));
        let sets = sets.cloned().collect();
        Self { policies: own, pairs: paired, sets, peers, everybody }
    }

    /// Whether they still hold.
    pub fn hold(
        &self,
        claim: &Claim,
        (changed, equals): (&Changed, &Equals),
        policies: &PolicySet,
    ) -> bool {
        let otherwise = changed.chains.contains(&claim.1)
            || (self.everybody && changed.pods)
            || self.sets.iter().any(|set| changed.sets.contains(set))
            || self.peers.iter().any(|id| changed.peers.contains(id));
        !otherwise
            && (!equals.broken || self.pairs.iter().all(|pair| equals.known.contains_key(pair)))
            && same_policies(policies, claim.2, &self.policies)
    }

    /// Sets of pods that they are about.
    pub fn about(&self) -> impl Iterator<Item = SetId> {
        self.peers.iter().copied().chain(self.pairs.iter().map(|pair| pair.1))
    }

    /// Sets that must have the same members.
    pub fn pairs(&self) -> &[Pair] {
        &self.pairs
    }
}

fn names(rule: &PolicyRule) -> bool {
    rule.ports.iter().any(|port| matches!(port.ports, PortMatch::Named(_)))
}

fn policies_of(policies: &PolicySet, id: ProgramId) -> Vec<Arc<CompiledPolicy>> {
    let all = policies.program(id).tiers.iter().flat_map(|tier| &tier.policies);
    all.filter_map(|policy| policies.policy(policy.policy).cloned()).collect()
}

fn same_policies(policies: &PolicySet, id: ProgramId, known: &[Arc<CompiledPolicy>]) -> bool {
    let all = policies.program(id).tiers.iter().flat_map(|tier| &tier.policies);
    let mut now = all.filter_map(|policy| policies.policy(policy.policy));
    known.iter().all(|known| now.next().is_some_and(|now| Arc::ptr_eq(now, known)))
        && now.next().is_none()
}

/// Sets of the program that have the same members as sets of pods.
#[derive(Debug, Default)]
pub struct Equals {
    /// With both as they were when they were compared last.
    known: FxHashMap<Pair, (Arc<Asked>, Arc<Asked>)>,
    /// Whether some are no longer equal.
    broken: bool,
}

impl Equals {
    /// Compares again what has changed.
    ///
    /// # Cost
    /// Linear in what has changed of the sets that have.
    pub fn follow(&mut self, changed: &Changed, sets: &KnownSets, spaces: &PodSpaces) {
        let before = self.known.len();
        self.known.retain(|(name, id), known| {
            if !changed.sets.contains(name) && !changed.peers.contains(id) {
                return true;
            }
            let now = sets.get(name).map(|set| set.addresses()).zip(spaces.get(*id));
            let Some((set, pods)) = now.filter(|(set, _)| matches!(set.origin, Origin::Set(_)))
            else {
                return false;
            };
            // INVARIANT: they were equal, so they are if the same has changed of both.
            let same = known.0.members.difference(&set.members)
                == known.1.members.difference(&pods.members);
            *known = (set.clone(), pods.clone());
            same
        });
        self.broken = self.known.len() != before;
    }

    /// Forgets pairs on which nothing hangs.
    pub fn keep(&mut self, used: &FxHashSet<&Pair>) {
        self.known.retain(|pair, _| used.contains(pair));
    }

    /// The pairs by which a chain admits what policies do, whoever is in them; none if it may do so
    /// only for those who are in them now, or not at all.
    pub fn pairs(
        &mut self,
        found: &Admitted,
        expected: &Admitted,
        family: Family,
    ) -> Option<Vec<Pair>> {
        let (found, expected) = (found.by_origin(family)?, expected.by_origin(family)?);
        if found.everywhere != expected.everywhere
            || found.fixed != expected.fixed
            || found.asked.len() != expected.asked.len()
        {
            return None;
        }
        let mut left: Vec<_> = expected.asked.into_values().collect();
        let mut pairs = Vec::new();
        for (set, conns) in found.asked.into_values() {
            let mut agrees = |one: &(&Arc<Asked>, ConnSet)| one.1 == conns && self.same(set, one.0);
            let at = left.iter().position(&mut agrees)?;
            pairs.extend(pair(set, left.swap_remove(at).0));
        }
        Some(pairs)
    }

    /// Whether a set and pods are the same.
    fn same(&mut self, set: &Arc<Asked>, pods: &Arc<Asked>) -> bool {
        let Some(pair) = pair(set, pods) else { return false };
        if self.known.contains_key(&pair) {
            return true;
        }
        if set.members != pods.members {
            return false;
        }
        self.known.insert(pair, (set.clone(), pods.clone()));
        true
    }
}

fn pair(set: &Asked, pods: &Asked) -> Option<Pair> {
    match (&set.origin, &pods.origin) {
        (Origin::Set(set), Origin::Pods(pods)) => Some((set.clone(), *pods)),
        _ => None,
    }
}

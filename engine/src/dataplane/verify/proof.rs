//! What was proved before, and on what grounds.

use std::net::IpAddr;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::program::{Chain, ChainName, SetName};
use super::decisions::{By, Decisions, Outcome, Part, Run};
use super::pod_spaces::PodSpaces;
use super::policies::Answers;
use super::sets::KnownSets;
use super::space::{Admitted, Asked, Extent, Origin, PodsKey};
use crate::cluster::GroupId;
use crate::manifest::{Action, Direction};
use crate::net::Family;
use crate::policy::{
    CompiledPolicy, Condition, PolicyRule, PolicySet, ProgramId, RulePeer, Seat, SetId,
};

/// What is proved: that a chain admits what a program does, for pods of a group.
///
/// A chain that passes on is compared with the first tier alone: that it passes on what the tier
/// passes on, and decides the rest as the tier does. What comes after is another claim.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Claim {
    /// The direction.
    pub direction: Direction,
    /// The chain of the class.
    pub class: ChainName,
    /// The program.
    pub program: ProgramId,
    /// Whether the chain passes on.
    pub passes: bool,
    /// The group; none if it is proved for pods of whatever group.
    pub group: Option<GroupId>,
    /// What the policies' rules ask of the pods, answered.
    pub answers: Answers,
}

/// A proof of a claim.
#[derive(Debug)]
pub struct Proof {
    /// On what it rests.
    pub grounds: Grounds,
    /// The run in which it was asked for last.
    pub asked: u64,
}

/// A set of the program and a set of pods that have the same members.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pair {
    /// The set.
    pub set: SetName,
    /// The pods.
    pub pods: PodsKey,
}

/// What a proof depends on.
///
/// That a rule asks a set where a policy means pods says the same whoever these are, as long as
/// both are the same: such a proof hangs on their being so, not on who they are.
#[derive(Debug)]
pub struct Grounds {
    /// The chains that a packet of the class may walk.
    chains: Vec<ChainName>,
    /// They are kept, so that another one is never at the same place.
    policies: Vec<Arc<CompiledPolicy>>,
    /// Sets that must have the same members.
    pairs: Vec<Pair>,
    /// Sets that must have the members that they had.
    sets: Vec<SetName>,
    /// Pods that must be those that they were.
    peers: Vec<PodsKey>,
    /// Sets of pods of which it must be in doubt who belongs there, or not, as it was: where rules
    /// deny, those in doubt count.
    doubts: Vec<(SetId, bool)>,
    /// Whether it depends on where all pods are, and on what ports they have.
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
    pub peers: FxHashSet<PodsKey>,
    /// Whether some pod is elsewhere.
    pub pods: bool,
}

impl Grounds {
    /// Grounds of a claim; without pairs it depends on all members.
    pub fn new(
        chains: &[&Arc<Chain>],
        policies: &PolicySet,
        claim: &Claim,
        pairs: Option<Vec<Pair>>,
    ) -> Self {
        let direction = claim.direction;
        let own = policies_of(policies, claim.program);
        let rules: Vec<&PolicyRule> =
            own.iter().flat_map(|policy| policy.rules(direction).unwrap_or_default()).collect();
        let everybody = rules.iter().any(|rule| asks_all(rule, direction));
        let closing = rules.iter().filter(|rule| rule.action != Action::Accept);
        let doubts = closing.flat_map(|rule| &rule.peers).filter_map(|peer| peer.pods());
        // What must not be is meant the other way.
        let conditions = || rules.iter().flat_map(|rule| &rule.conditions);
        let doubts = doubts.chain(conditions().filter_map(Condition::sets));
        let doubts: Vec<_> = doubts.map(|id| (id, is_doubtful(policies, id))).collect();
        let peers = rules.iter().flat_map(|rule| rule.sets());
        let certain = peers.map(|pods| PodsKey { pods, extent: Extent::Certain });
        let possible = doubts.iter().filter(|(_, doubtful)| *doubtful);
        let possible = possible.map(|(pods, _)| PodsKey { pods: *pods, extent: Extent::Possible });
        let peers: Vec<PodsKey> = certain.chain(possible).filter(|_| pairs.is_none()).collect();
        let paired = pairs.unwrap_or_default();
        let sets = chains.iter().flat_map(|chain| super::reader::asked_sets(chain));
        let sets =
            sets.filter(|set| paired.iter().all(|pair| pair.set != **set)).cloned().collect();
        let chains = chains.iter().map(|chain| chain.name.clone()).collect();
        Self { chains, policies: own, pairs: paired, sets, peers, doubts, everybody }
    }

    /// Whether they still hold.
    pub fn hold(
        &self,
        claim: &Claim,
        changed: &Changed,
        equals: &Equals,
        policies: &PolicySet,
    ) -> bool {
        let otherwise = (!changed.chains.is_empty()
            && self.chains.iter().any(|chain| changed.chains.contains(chain)))
            || (self.everybody && changed.pods)
            || self.sets.iter().any(|set| changed.sets.contains(set))
            || self.peers.iter().any(|key| changed.peers.contains(key))
            || self.doubts.iter().any(|(id, doubtful)| is_doubtful(policies, *id) != *doubtful);
        !otherwise
            && (!equals.broken || self.pairs.iter().all(|pair| equals.known.contains_key(pair)))
            && same_policies(policies, claim.program, &self.policies)
    }

    /// Sets of pods that they are about.
    pub fn about(&self) -> impl Iterator<Item = PodsKey> {
        self.peers.iter().copied().chain(self.pairs.iter().map(|pair| pair.pods))
    }

    /// Whether they fall with any member of a set.
    #[cfg(test)]
    pub fn depend_on_members(&self) -> bool {
        !self.sets.is_empty() || !self.peers.is_empty() || self.everybody
    }

    /// Sets that must have the same members.
    pub fn pairs(&self) -> &[Pair] {
        &self.pairs
    }
}

/// Whether a rule asks for the port names of all pods, or for addresses that no pod has.
fn asks_all(rule: &PolicyRule, direction: Direction) -> bool {
    let of_source = |one: &Condition| matches!(one, Condition::SourcePorts { seat: Seat::Peer, names, .. } if !names.is_empty());
    if direction == Direction::Ingress {
        return rule.conditions.iter().any(of_source);
    }
    let named = rule.named_ports().next().is_some();
    let elsewhere = |peer: &RulePeer| match peer {
        RulePeer::Nodes(pair, _) => pair.certain != pair.possible,
        _ => false,
    };
    named || rule.peers.iter().any(elsewhere)
}

fn is_doubtful(policies: &PolicySet, id: SetId) -> bool {
    policies.set(id).is_some_and(|set| !set.unknown.is_empty())
}

fn policies_of(policies: &PolicySet, id: ProgramId) -> Vec<Arc<CompiledPolicy>> {
    policies.policies_of(id).map(|(_, policy)| policy.clone()).collect()
}

fn same_policies(policies: &PolicySet, id: ProgramId, known: &[Arc<CompiledPolicy>]) -> bool {
    let mut now = policies.policies_of(id).map(|(_, policy)| policy);
    known.iter().all(|known| now.next().is_some_and(|now| Arc::ptr_eq(now, known)))
        && now.next().is_none()
}

/// A set and pods that have the same members.
#[derive(Debug)]
struct Compared {
    set: Arc<Asked>,
    pods: Arc<Asked>,
}

/// Sets of the program that have the same members as sets of pods.
#[derive(Debug, Default)]
pub struct Equals {
    /// With both as they were when they were compared last.
    known: FxHashMap<Pair, Compared>,
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
        self.known.retain(|pair, known| {
            if !changed.sets.contains(&pair.set) && !changed.peers.contains(&pair.pods) {
                return true;
            }
            let now = sets.get(&pair.set).map(|set| set.addresses()).zip(spaces.get(pair.pods));
            let Some((set, pods)) = now.filter(|(set, _)| matches!(set.origin, Origin::Set(_)))
            else {
                return false;
            };
            // INVARIANT: they were equal, so they are if the same has changed of both.
            let same = known.set.members.difference(&set.members)
                == known.pods.members.difference(&pods.members);
            *known = Compared { set: set.clone(), pods: pods.clone() };
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
        let mut pairs = Vec::new();
        if found.is_ordered() || expected.is_ordered() {
            let (found, expected) = (found.decisions(family)?, expected.decisions(family)?);
            let mut comparison = Comparison { family, seen: Vec::new(), pairs };
            let same = self.in_order(&found, &expected, &mut comparison);
            return same.then_some(comparison.pairs);
        }
        let (found, expected) = (found.by_origin(family)?, expected.by_origin(family)?);
        if found.everywhere != expected.everywhere
            || found.fixed != expected.fixed
            || found.asked.len() != expected.asked.len()
        {
            return None;
        }
        let left = expected.asked.into_values().collect();
        self.matched(found.asked.into_values(), left, &mut pairs).then_some(pairs)
    }

    /// Finds for each set of the program the pods that it stands for.
    ///
    /// # Cost
    /// Linear in the parts, but for those of like members.
    fn matched<'a>(
        &mut self,
        found: impl Iterator<Item = Part<'a>>,
        expected: Vec<Part<'_>>,
        pairs: &mut Vec<Pair>,
    ) -> bool {
        let mut alike: FxHashMap<Ends, Vec<Part<'_>>> = FxHashMap::default();
        for part in expected {
            alike.entry(ends(part.0)).or_default().push(part);
        }
        for (set, conns) in found {
            let mut agrees = |one: &Part<'_>| one.1 == conns && self.same(set, one.0);
            let Some(alike) = alike.get_mut(&ends(set)) else { return false };
            let Some(at) = alike.iter().position(&mut agrees) else { return false };
            pairs.extend(pair(set, alike.swap_remove(at).0));
        }
        alike.values().all(Vec::is_empty)
    }

    /// Whether two lists of decisions are the same run by run, with sets for pods.
    fn in_order(&mut self, found: &Decisions, expected: &Decisions, to: &mut Comparison) -> bool {
        let both = [std::ptr::from_ref(found), std::ptr::from_ref(expected)];
        if to.seen.contains(&both) {
            return true;
        }
        to.seen.push(both);
        let found = found.runs(By::Origin, to.family);
        let Some((found, expected)) = found.zip(expected.runs(By::Origin, to.family)) else {
            return false;
        };
        if found.len() != expected.len() {
            return false;
        }
        for (one, two) in found.into_iter().zip(expected) {
            let onward = match (one.outcome, two.outcome) {
                (Outcome::Admit, Outcome::Admit)
                | (Outcome::Deny, Outcome::Deny)
                | (Outcome::Pass, Outcome::Pass) => true,
                (Outcome::Onward(a), Outcome::Onward(b)) => self.in_order(a, b, to),
                _ => false,
            };
            let same = onward && one.everywhere == two.everywhere;
            if !same || !self.same_parts(one, two, &mut to.pairs) {
                return false;
            }
        }
        true
    }

    /// Whether runs are of the same addresses as written, and of sets for pods.
    fn same_parts(&mut self, found: Run<'_>, expected: Run<'_>, pairs: &mut Vec<Pair>) -> bool {
        let (fixed, found) = found.split();
        let (written, expected) = expected.split();
        fixed == written && self.matched(found.into_iter(), expected, pairs)
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
        self.known.insert(pair, Compared { set: set.clone(), pods: pods.clone() });
        true
    }
}

/// Lists of decisions that are being compared.
struct Comparison {
    family: Family,
    /// Those that have been looked into.
    seen: Vec<[*const Decisions; 2]>,
    /// Sets that must be what pods are.
    pairs: Vec<Pair>,
}

/// How many members there are, the first and the last: the same where all are.
type Ends = (usize, Option<IpAddr>, Option<IpAddr>);

fn ends(asked: &Asked) -> Ends {
    let members = &asked.members;
    (members.len(), members.first().copied(), members.last().copied())
}

fn pair(set: &Asked, pods: &Asked) -> Option<Pair> {
    match (&set.origin, &pods.origin) {
        (Origin::Set(set), Origin::Pods(pods)) => Some(Pair { set: set.clone(), pods: *pods }),
        _ => None,
    }
}

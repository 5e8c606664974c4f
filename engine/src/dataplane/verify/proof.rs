//! What was proved before, and on what grounds.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::super::program::{Action, Chain, ChainKind, ChainName, FamilyProgram, Match};
use super::super::settings::Settings;
use super::policies::PodSpaces;
use super::reader::{KnownSets, Reader, SetSpaces};
use super::space::Space;
use crate::cluster::GroupId;
use crate::manifest::Direction;
use crate::policy::{CompiledPolicy, PeerSet, PolicySet, ProgramId, RulePeer, SetId};

/// What is proved: that a chain admits what a program does, for pods of a group.
pub type Claim = (Direction, ChainName, ProgramId, GroupId);

/// What a proof hangs on, but for where pods are. All is kept, so that nothing else is ever at its
/// place.
#[derive(Debug)]
pub struct Grounds {
    chain: Arc<Chain>,
    sets: Vec<Option<Arc<SetSpaces>>>,
    policies: Vec<Arc<CompiledPolicy>>,
    peers: Vec<(SetId, Arc<PeerSet>)>,
}

/// One family's proofs.
#[derive(Debug, Default)]
pub struct Memory {
    /// What sets hold.
    pub sets: KnownSets,
    /// What sets of pods are.
    pub spaces: PodSpaces,
    /// Proofs.
    pub proofs: FxHashMap<Claim, Arc<Grounds>>,
    /// The chains that all packets walk, and the local addresses, where they were right.
    pub frame: Option<(Vec<Arc<Chain>>, Space)>,
    /// The node's own addresses.
    pub own_node: Space,
}

impl Grounds {
    /// The grounds of a claim now.
    pub fn new(
        chain: &Arc<Chain>,
        reader: &Reader<'_>,
        policies: &PolicySet,
        claim: &Claim,
    ) -> Self {
        let (direction, _, id, _) = claim;
        let own = policies_of(policies, *id);
        let rules = own.iter().flat_map(|policy| policy.rules(*direction).unwrap_or_default());
        let peers = rules.flat_map(|rule| &rule.peers).filter_map(|peer| match peer {
            RulePeer::Pods(id) => Some((*id, policies.sets().get(*id as usize)?.clone())),
            RulePeer::Block(_) => None,
        });
        let (sets, peers) = (reader.sets_of(chain), peers.collect());
        Self { chain: chain.clone(), sets, peers, policies: own }
    }

    /// Whether they are the same now.
    pub fn hold(&self, reader: &Reader<'_>, policies: &PolicySet, claim: &Claim) -> bool {
        let (_, name, id, _) = claim;
        let chain = reader.program.chains.get(name);
        let same_set = |(a, b): (&Option<Arc<SetSpaces>>, &Option<Arc<SetSpaces>>)| match (a, b) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            _ => false,
        };
        let now = policies_of(policies, *id);
        chain.is_some_and(|chain| Arc::ptr_eq(chain, &self.chain))
            && now.len() == self.policies.len()
            && now.iter().zip(&self.policies).all(|(a, b)| Arc::ptr_eq(a, b))
            && self.sets.iter().zip(&reader.sets_of(&self.chain)).all(same_set)
            && self.peers.iter().all(|(id, set)| {
                policies.sets().get(*id as usize).is_some_and(|now| Arc::ptr_eq(now, set))
            })
    }
}

fn policies_of(policies: &PolicySet, id: ProgramId) -> Vec<Arc<CompiledPolicy>> {
    let all = policies.program(id).tiers.iter().flat_map(|tier| &tier.policies);
    all.filter_map(|policy| policies.policy(policy.policy).cloned()).collect()
}

/// The chains that all packets walk but for the two directions'; none if they lead elsewhere or
/// ask other sets than that of local addresses.
pub fn frame(program: &FamilyProgram, settings: &Settings) -> Option<Vec<Arc<Chain>>> {
    let roots = [Direction::Ingress, Direction::Egress].map(|direction| settings.root(direction));
    let fixed = program.chains.values().filter(|chain| chain.kind == ChainKind::Fixed);
    let frame: Vec<Arc<Chain>> =
        fixed.filter(|chain| !roots.contains(&chain.name)).cloned().collect();
    let within =
        |name: &ChainName| roots.contains(name) || frame.iter().any(|chain| chain.name == *name);
    let asks_others = |one: &Match| match one {
        Match::SourceIn(set)
        | Match::SourceNotIn(set)
        | Match::DestinationIn(set)
        | Match::DestinationNotIn(set)
        | Match::DestinationPortIn(set) => *set != program.local,
        _ => false,
    };
    let mut rules = frame.iter().flat_map(|chain| &chain.rules);
    let closed = rules.all(|rule| {
        let stays = match &rule.action {
            Action::Jump(to) | Action::Goto(to) => within(to),
            _ => true,
        };
        stays && !rule.matches.iter().any(asks_others)
    });
    closed.then_some(frame)
}

/// Proofs of before, and those that are in use.
pub struct Proofs<'k> {
    /// Of before.
    pub before: &'k FxHashMap<Claim, Arc<Grounds>>,
    /// In use.
    pub now: FxHashMap<Claim, Arc<Grounds>>,
}

impl Proofs<'_> {
    /// Whether a claim has been proved, on grounds that hold.
    pub fn holds(&mut self, reader: &Reader<'_>, policies: &PolicySet, claim: &Claim) -> bool {
        if self.now.contains_key(claim) {
            return true;
        }
        let known = self.before.get(claim);
        let Some(grounds) = known.filter(|one| one.hold(reader, policies, claim)) else {
            return false;
        };
        self.now.insert(claim.clone(), grounds.clone());
        true
    }
}

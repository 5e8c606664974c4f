//! One family's proofs, and what they hang on, kept from one program to the next.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::budget::{self, OverBudget};
use super::super::joined::joined;
use super::super::lower::Input;
use super::super::program::{Chain, ChainName, FamilyProgram};
use super::super::wiring::Wiring;
use super::hosts::KnownHosts;
use super::places::{Change, Places, Subject, addresses};
use super::pod_spaces::PodSpaces;
use super::proof::{Changed, Claim, Equals, Pair, Proof};
use super::reader::{Trouble, asked_sets};
use super::sets::{KnownSets, follow_sets};
use super::space::{Asked, Space};
use super::ways::{Way, Ways};
use crate::manifest::{ByDirection, Direction};
use crate::policy::PolicySet;

/// What is known of one family.
#[derive(Debug, Default)]
pub struct Memory {
    /// What sets hold.
    pub sets: KnownSets,
    chains: BTreeMap<ChainName, Arc<Chain>>,
    /// What sets of pods are.
    pub spaces: PodSpaces,
    /// Which of them are the same.
    pub equals: Equals,
    /// What has been proved.
    pub proofs: FxHashMap<Claim, Proof>,
    /// How pods come to their classes.
    pub ways: ByDirection<Ways>,
    /// Pods that may send to themselves what they must, and nothing else but for their class.
    pub itself: FxHashMap<(Direction, u128), (Arc<Way>, Arc<Asked>)>,
    /// The chains that all packets walk, where they were right.
    pub frame: Option<KnownFrame>,
    /// The chains of hosts, where they were right.
    pub hosts: Option<KnownHosts>,
    /// The node's own addresses.
    pub own_node: Arc<Space>,
    /// The addresses of local pods; none before they have been read.
    pub local: Option<Local>,
    /// Policies that were closed since all of them asked for too much.
    pub over_budget: OverBudget,
    /// Names of ports of hosts.
    host_ports: Vec<Arc<str>>,
    /// The number of this run.
    pub run: u64,
}

/// Chains that all packets walk, and for what they are right.
#[derive(Debug)]
pub struct KnownFrame {
    /// The chains.
    pub chains: Vec<Arc<Chain>>,
    /// The local addresses.
    pub local: Arc<Space>,
    /// How pods are attached.
    pub wiring: Wiring,
}

/// Local pods.
#[derive(Clone, Debug)]
pub struct Local {
    /// Their addresses, ascending.
    pub subjects: Arc<Vec<Subject>>,
    /// All of them.
    pub space: Arc<Space>,
}

impl Memory {
    /// Forgets what does not hold of a program and a cluster; what is left does.
    ///
    /// # Errors
    /// If a set cannot be read. Nothing is known then.
    ///
    /// # Cost
    /// Linear in the chains, the sets and the proofs, which costs little, and in what has changed.
    pub fn follow(
        &mut self,
        program: &FamilyProgram,
        input: Input<'_>,
        places: &Places,
        change: &Change,
    ) -> Result<Local, Trouble> {
        if change.afresh {
            *self = Self::default();
        }
        let changed = match self.changed(program, input, places, change) {
            Ok(changed) => changed,
            Err(trouble) => {
                *self = Self::default();
                return Err(trouble);
            }
        };
        self.equals.follow(&changed, &self.sets, &self.spaces);
        let (equals, policies) = (&self.equals, input.policies);
        self.proofs.retain(|claim, known| known.grounds.hold(claim, &changed, equals, policies));
        self.ways.values_mut().for_each(|ways| ways.forget(&changed.chains));
        self.run += 1;
        if change.local {
            self.local = None;
        }
        let local = self.local.get_or_insert_with(|| {
            let subjects = places.subjects(program.family);
            let space = Arc::new(addresses(&subjects));
            Local { subjects: Arc::new(subjects), space }
        });
        Ok(local.clone())
    }

    /// Forgets proofs where hosts have other names for their ports.
    pub fn follow_hosts(&mut self, policies: &PolicySet) {
        let now = policies.hosts().port_names();
        if now != self.host_ports {
            self.host_ports = now;
            self.proofs.clear();
        }
    }

    /// Forgets proofs about policies of which it is otherwise than before whether they are closed.
    pub fn follow_budgets(&mut self, now: &OverBudget, policies: &PolicySet) {
        let changed = budget::changed(&self.over_budget, now);
        self.proofs.retain(|claim, _| !budget::concerns(&changed, policies, claim.program));
        self.over_budget = now.clone();
    }

    fn changed(
        &mut self,
        program: &FamilyProgram,
        input: Input<'_>,
        places: &Places,
        change: &Change,
    ) -> Result<Changed, Trouble> {
        let sets = follow_sets(&mut self.sets, program)?;
        let mut chains = self.changed_chains(program);
        if !sets.other.is_empty() {
            let asks = |chain: &Chain| asked_sets(chain).any(|set| sets.other.contains(set));
            let asking = program.chains.values().filter(|chain| asks(chain));
            chains.extend(asking.map(|chain| chain.name.clone()));
        }
        let peers = self.spaces.follow(input.policies, places, change, program.family);
        Ok(Changed { chains, sets: sets.all, peers, pods: change.is_move() })
    }

    fn changed_chains(&mut self, program: &FamilyProgram) -> FxHashSet<ChainName> {
        let other = joined(&self.chains, &program.chains).filter(|(_, known, now)| {
            !matches!((known, now), (Some(known), Some(now)) if Arc::ptr_eq(known, now))
        });
        let changed: FxHashSet<ChainName> = other.map(|(name, ..)| name.clone()).collect();
        for name in &changed {
            match program.chains.get(name) {
                Some(chain) => drop(self.chains.insert(name.clone(), chain.clone())),
                None => drop(self.chains.remove(name)),
            }
        }
        changed
    }

    /// Forgets what was not asked for in this run; how many proofs were.
    pub fn keep_used(&mut self) -> usize {
        let run = self.run;
        let before = self.proofs.len();
        self.proofs.retain(|_, proof| proof.asked == run);
        let used = self.proofs.values();
        if self.proofs.len() != before || self.spaces.len() > used.len() * 8 {
            let about: FxHashSet<_> =
                used.clone().flat_map(|proof| proof.grounds.about()).collect();
            let pairs: FxHashSet<&Pair> = used.flat_map(|proof| proof.grounds.pairs()).collect();
            self.spaces.keep(&about);
            self.equals.keep(&pairs);
        }
        if let Some(local) = &self.local
            && self.itself.len() > local.subjects.len() * 2
        {
            let here = |address| local.space.contains(address);
            self.itself.retain(|(_, address), _| here(*address));
        }
        self.proofs.len()
    }
}

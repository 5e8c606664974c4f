//! What was made for the program before, and from what.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::super::program::{AddressSet, Chain, ChainName, Note, SetName};
use super::dispatch::Branch;
use super::sets::{NamedKey, Use};
use crate::cluster::GroupId;
use crate::manifest::Direction;
use crate::policy::{CompiledPolicy, PeerSet, PolicySet, ProgramId, SetId};

/// What the chain of a class hangs on, but for the policies' rules.
pub type ClassKey = (Direction, ProgramId, Option<GroupId>);

/// One family's program before.
#[derive(Debug, Default)]
pub struct Memory {
    /// Sets of pods, with what they were made from.
    pub pods: FxHashMap<SetId, (Arc<PeerSet>, Arc<AddressSet>)>,
    /// Sets of what pods call so.
    pub named: FxHashMap<NamedKey, (Option<Arc<PeerSet>>, Arc<AddressSet>)>,
    /// Classes.
    pub classes: FxHashMap<ClassKey, KnownClass>,
    /// Chains on the way to them, by where they lead.
    pub branches: FxHashMap<Vec<Branch>, Arc<Chain>>,
    /// All chains.
    pub chains: BTreeMap<ChainName, Arc<Chain>>,
    /// All sets.
    pub sets: BTreeMap<SetName, Arc<AddressSet>>,
}

/// A class, with what it was made from.
#[derive(Clone, Debug)]
pub struct KnownClass {
    /// The policies, which are kept so that another one is never at the same place.
    pub policies: Vec<Arc<CompiledPolicy>>,
    /// Sets that its rules use.
    pub uses: Vec<Use>,
    /// Its chain.
    pub chain: Arc<Chain>,
    /// What it leaves closed.
    pub notes: Vec<Note>,
}

/// The policies of a program.
pub fn ground(policies: &PolicySet, id: ProgramId) -> Vec<Arc<CompiledPolicy>> {
    let all = policies.program(id).tiers.iter().flat_map(|tier| &tier.policies);
    all.filter_map(|policy| policies.policy(policy.policy).cloned()).collect()
}

impl Memory {
    /// Forgets who is in sets.
    pub fn forget_addresses(&mut self) {
        self.pods.clear();
        self.named.clear();
    }

    /// A class, if its policies are the very same.
    pub fn class(&self, policies: &PolicySet, key: ClassKey) -> Option<&KnownClass> {
        let known = self.classes.get(&key)?;
        let mut now = policies.program(key.1).tiers.iter().flat_map(|tier| &tier.policies);
        let mut then = known.policies.iter();
        let same = { &mut now }.all(|policy| match (policies.policy(policy.policy), then.next()) {
            (Some(now), Some(then)) => Arc::ptr_eq(now, then),
            (now, then) => now.is_none() && then.is_none(),
        });
        (same && then.next().is_none()).then_some(known)
    }

    /// The chain; the one of before, if it is equal.
    pub fn chain(&self, chain: Chain) -> Arc<Chain> {
        match self.chains.get(&chain.name) {
            Some(known) if **known == chain => known.clone(),
            _ => Arc::new(chain),
        }
    }

    /// The set; the one of before, if it is equal.
    pub fn set(&self, set: AddressSet) -> Arc<AddressSet> {
        match self.sets.get(&set.name) {
            Some(known) if **known == set => known.clone(),
            _ => Arc::new(set),
        }
    }
}

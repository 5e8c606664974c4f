//! What was made for the program before, and from what.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::budget::concerns;
use super::super::expressible::Seen;
use super::super::program::{AddressSet, Chain, ChainName, Members, Note, PortMember, SetName};
use super::class::is_doubtful;
use super::credit::ChainCredit;
use super::dispatch::{Dispatch, Tree};
use super::keys::{Extent, NamedKey, Names, PodsKey, Use};
use super::pods::{Move, Moved, Place};
use super::subject::Answers;
use crate::cluster::{ClusterModel, GroupId};
use crate::manifest::Direction;
use crate::net::{AddrSet, Family};
use crate::policy::{CompiledPolicy, PeerSet, PolicyId, PolicySet, ProgramId, SetId};
use crate::shared::Sorted;

/// What the chain of a class depends on, but for the policies' rules.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClassKey {
    /// The direction.
    pub direction: Direction,
    /// The program.
    pub program: ProgramId,
    /// Whether its only tier, Admin, passes on to the tree after it.
    pub passes: bool,
    /// The pods' group, if their names of ports count.
    pub named: Option<GroupId>,
    /// What rules ask of the pods themselves.
    pub answers: Answers,
    /// What rules see of that end: a pod, or whoever passes the host.
    pub seen: Seen,
}

/// One family's program before.
#[derive(Debug, Default)]
pub struct Memory {
    /// Sets of pods, with what they were made from.
    pub pods: FxHashMap<PodsKey, (Arc<PeerSet>, Arc<AddressSet>)>,
    /// The set of all pods, if it was asked for.
    pub all_pods: Option<Arc<AddressSet>>,
    /// Sets of what pods call so.
    pub named: FxHashMap<NamedKey, (Peers, Arc<AddressSet>)>,
    /// Classes.
    pub classes: FxHashMap<ClassKey, KnownClass>,
    /// Chains on the way to them, of each tree.
    pub dispatches: Vec<(Tree, Arc<Dispatch>)>,
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
    /// Sets of pods that its rules name, each with whether it was in doubt who belongs there.
    pub doubts: Vec<(SetId, bool)>,
    /// Its chains; the first one is that of the class.
    pub chains: Vec<Arc<Chain>>,
    /// What it leaves closed.
    pub notes: Vec<Note>,
    /// For which policies packets count that its rules meet.
    pub credits: Arc<[ChainCredit]>,
}

impl KnownClass {
    /// The name of the class: that of its first chain.
    pub fn name(&self) -> ChainName {
        self.chains.first().map_or_else(|| "".into(), |chain| chain.name.clone())
    }
}

/// The policies of a program.
pub fn ground(policies: &PolicySet, id: ProgramId) -> Vec<Arc<CompiledPolicy>> {
    policies.policies_of(id).map(|(_, policy)| policy.clone()).collect()
}

/// Who may be in a set of named ports.
#[derive(Clone, Debug)]
pub enum Peers {
    /// Whoever has such a port.
    Anybody,
    /// Pods.
    Pods(Arc<PeerSet>, Extent),
    /// Whoever has an address in a block.
    Block(Arc<AddrSet>),
}

impl Peers {
    /// Whether it is the very same.
    pub fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Anybody, Self::Anybody) => true,
            (Self::Pods(a, one), Self::Pods(b, other)) => Arc::ptr_eq(a, b) && one == other,
            (Self::Block(a), Self::Block(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }

    fn has(&self, group: GroupId, address: IpAddr) -> bool {
        match self {
            Self::Anybody => true,
            Self::Pods(pods, extent) => extent.has(pods, group),
            Self::Block(block) => block.contains(address),
        }
    }
}

/// A set of named ports: those of its peers that are called so.
pub struct NamedPorts<'n> {
    /// Who may be in it.
    pub peers: &'n Peers,
    /// The names.
    pub names: &'n Names,
}

impl NamedPorts<'_> {
    /// The members that a pod at a place gives it.
    pub fn members(&self, model: &ClusterModel, place: &Place, family: Family) -> Vec<PortMember> {
        let ports = model.groups.get(place.group).into_iter().flat_map(|group| group.ports.iter());
        let called = ports.filter(|port| {
            let is = |(protocol, name): &(_, _)| port.protocol == *protocol && port.name == *name;
            self.names.iter().any(is)
        });
        let members = called.flat_map(|port| {
            let own = place.of(family);
            let here = own.filter(|address| self.peers.has(place.group, *address));
            here.map(|address| (address, port.protocol, port.port))
        });
        members.collect()
    }
}

/// The members after some moves, each of which takes away and gives what it is said to; none if
/// they are the same.
fn moved_members<T: Copy + Ord>(
    known: &Sorted<T>,
    moves: &[Move],
    of: &dyn Fn(&Place) -> Vec<T>,
) -> Option<Sorted<T>> {
    let all =
        |places: &mut dyn Iterator<Item = &Place>| -> Vec<T> { places.flat_map(of).collect() };
    let gone = all(&mut moves.iter().filter_map(|step| step.before.as_ref()));
    let come = all(&mut moves.iter().filter_map(|step| step.after.as_ref()));
    if gone.is_empty() && come.is_empty() {
        return None;
    }
    let mut now = known.clone();
    // All go before one comes: an address may be another pod's now.
    gone.iter().for_each(|member| {
        now.remove(member);
    });
    come.iter().for_each(|member| {
        now.insert(*member);
    });
    (now != *known).then_some(now)
}

fn replace(set: &mut Arc<AddressSet>, members: Members) {
    *set = Arc::new(AddressSet { name: set.name.clone(), members });
}

impl Memory {
    /// Has sets hold who is there now.
    ///
    /// # Cost
    /// For each pod that has moved, linear in the sets.
    pub fn follow(&mut self, moved: &Moved, model: &ClusterModel, family: Family) {
        let moves = match moved {
            Moved::All => {
                self.pods.clear();
                self.named.clear();
                self.all_pods = None;
                return;
            }
            Moved::Some(moves) => moves,
        };
        if moves.is_empty() {
            return;
        }
        if let Some(set) = &mut self.all_pods
            && let Members::Addresses(known) = &set.members
            && let Some(now) = moved_members(known, moves, &|place| place.of(family).collect())
        {
            replace(set, Members::Addresses(now));
        }
        for (key, (pods, set)) in &mut self.pods {
            let of = |place: &Place| -> Vec<IpAddr> {
                match key.extent.has(pods, place.group) {
                    true => place.of(family).collect(),
                    false => Vec::new(),
                }
            };
            if let Members::Addresses(known) = &set.members
                && let Some(now) = moved_members(known, moves, &of)
            {
                replace(set, Members::Addresses(now));
            }
        }
        for (key, (peers, set)) in &mut self.named {
            let ports = NamedPorts { peers, names: &key.names };
            let of = |place: &Place| ports.members(model, place, family);
            if let Members::Ports(known) = &set.members
                && let Some(now) = moved_members(known, moves, &of)
            {
                replace(set, Members::Ports(now));
            }
        }
    }

    /// Forgets classes that have one of these policies.
    pub fn forget_classes(&mut self, of: &FxHashSet<PolicyId>, policies: &PolicySet) {
        self.classes.retain(|key, _| !concerns(of, policies, key.program));
    }

    /// A tree's chains on the way to classes.
    pub fn dispatch(&self, tree: Tree) -> Option<&Arc<Dispatch>> {
        self.dispatches.iter().find(|(own, _)| *own == tree).map(|(_, known)| known)
    }

    /// A class, if its policies are the very same, and of the same sets it is in doubt who belongs
    /// there.
    pub fn class(&self, policies: &PolicySet, key: &ClassKey) -> Option<&KnownClass> {
        let known = self.classes.get(key)?;
        let same = |(id, doubtful): &(SetId, bool)| is_doubtful(policies, *id) == *doubtful;
        if !known.doubts.iter().all(same) {
            return None;
        }
        let mut now = policies.program(key.program).policies();
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

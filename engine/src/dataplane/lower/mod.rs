//! From policies to the program of one node's packet filter.
//!
//! For each family, pods of the node that policies select come in *classes*: those under the same
//! tiers share chains, those under the same Admin tier that tier's, whatever comes after it. `class`
//! makes a class's rules, of those with conditions by `conditions`, and `tier` a chain of them;
//! `subject` answers what rules ask of the pods themselves; `sets` makes the sets of addresses that rules
//! ask for, with whoever may be meant where a rule denies; `dispatch` leads from a packet's address
//! to the class, and to what comes after the Admin tier if pods share that (`sharing`); `entry` has the chains that every program
//! has. Chains of classes are named by what they hold (`identity`), so a change makes
//! new chains and never edits one that packets walk. `memory` keeps what was made, and from what, so
//! that only what a change concerns is made again.

mod audited;
mod class;
mod classes;
mod conditions;
mod credit;
mod dispatch;
mod entry;
pub(super) mod hosts;
mod identity;
mod keys;
mod line;
mod memory;
mod pods;
pub(super) mod ports;
mod sets;
mod sharing;
mod subject;
mod tier;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::budget::{self, Ground, Ledger, Local, OverBudget};
use super::program::{
    Chain, ChainKind, ChainName, Class, FamilyProgram, FilterProgram, FilterRule, Hook, Note,
};
use super::settings::Settings;
use super::wiring::Wiring;
use crate::cluster::{ClusterModel, GroupId};
use crate::manifest::Direction;
use crate::net::{ByFamily, Family};
use crate::policy::{Considered, PolicyId, PolicySet};
use audited::Audit;
use classes::AskedClass;
use dispatch::{Dispatch, Leaf, Place, Tree};
use entry::Entry;
pub use entry::dhcp_request;
use memory::{ClassKey, KnownClass, Memory};
use pods::{LocalPod, Moved, Pods};
use sets::Sets;

/// What a program is made from.
#[derive(Clone, Copy, Debug)]
pub struct Input<'i> {
    /// The cluster.
    pub model: &'i ClusterModel,
    /// Its policies.
    pub policies: &'i PolicySet,
    /// The node's name.
    pub node: &'i str,
    /// What the operator decides.
    pub settings: &'i Settings,
    /// How the node's pods are attached.
    pub wiring: &'i Wiring,
}

/// The program that makes a node's kernel admit what the policies admit.
///
/// # Shape
/// Only pods of the node are subjects, and only policies that select one of them are in it. What
/// cannot be known is closed: such policies isolate and admit nothing, and are noted.
///
/// # Cost
/// Linear in the endpoints of the cluster, and in the rules and the members of the sets of those
/// policies.
pub fn lower(input: Input<'_>) -> FilterProgram {
    Lowering::default().lower(input)
}

/// Makes one program after the other, anew only where what it is made from has changed.
#[derive(Debug, Default)]
pub struct Lowering {
    settings: Option<Settings>,
    pods: Pods,
    memories: ByFamily<Memory>,
    ledger: Ledger,
    over_budget: OverBudget,
    /// Names of ports of hosts.
    host_ports: Vec<Arc<str>>,
    audit: Option<Box<Audit>>,
}

impl Lowering {
    /// Pods of the node of the program that was made last: their groups and addresses, in the
    /// order of the model.
    pub fn local_pods(&self) -> impl Iterator<Item = (GroupId, &Arc<[IpAddr]>)> {
        self.pods.local().iter().map(|pod| (pod.group, &pod.addresses))
    }

    /// What [`lower`] gives.
    ///
    /// # Cost
    /// Of what is the same as in the program before: linear in the pods of the node and in the
    /// chains and sets; of what is not, as [`lower`]. Sets of which only members are others cost
    /// what has changed of them.
    pub fn lower(&mut self, input: Input<'_>) -> FilterProgram {
        if self.settings.as_ref() != Some(input.settings) {
            *self = Self { settings: Some(input.settings.clone()), ..Self::default() };
        }
        let considered = Considered::in_force(input.settings.mode);
        let mut program = match considered {
            Considered::Enforced => self.lower_in_force(input),
            other => {
                let policies = &input.policies.considering(other);
                self.lower_in_force(Input { policies, ..input })
            }
        };
        audited::add(&mut self.audit, &mut program, input);
        program
    }

    fn lower_in_force(&mut self, input: Input<'_>) -> FilterProgram {
        let moved = self.pods.update(input);
        let changed = self.follow_budgets(input, &moved);
        self.follow_hosts(input.policies);
        let mut notes: Vec<Note> = self.pods.notes().collect();
        let families = ByFamily::from_fn(|family| {
            let memory = &mut self.memories[family];
            memory.follow(&moved, input.model, family);
            memory.forget_classes(&changed, input.policies);
            let known = (&*memory, &self.over_budget);
            let mut lowering = FamilyLowering::new(input, &self.pods, family, known);
            let program = lowering.program(self.pods.local(), &mut notes);
            *memory = lowering.remember(&program);
            program
        });
        notes.sort_unstable();
        notes.dedup();
        FilterProgram { families, notes }
    }
}

impl Lowering {
    /// Forgets what depends on which ports hosts give names.
    fn follow_hosts(&mut self, policies: &PolicySet) {
        let now = policies.hosts().port_names();
        if now != self.host_ports {
            self.host_ports = now;
            self.memories.values_mut().for_each(|memory| memory.classes.clear());
        }
    }

    /// Finds out who is over a budget; the policies of which it is otherwise than before.
    fn follow_budgets(&mut self, input: Input<'_>, moved: &Moved) -> FxHashSet<PolicyId> {
        let Input { policies, model, settings, .. } = input;
        let local: Vec<Local> = self.pods.local().iter().map(LocalPod::counted).collect();
        let (pods, local) = (&self.pods, local.as_slice());
        let (limits, budgets) = (settings.limits, settings.budgets);
        let size_of = &|group| pods.size(group);
        let ground = Ground { policies, model, limits, budgets, local, size_of };
        let now = self.ledger.over_budget(ground, &moved.steps());
        let before = std::mem::replace(&mut self.over_budget, now);
        budget::changed(&before, &self.over_budget)
    }
}

/// Where the trees of a direction lead, ascending.
#[derive(Default)]
struct Leaves {
    first: Vec<Leaf>,
    /// None if no pod has an Admin tier.
    after_admin: Option<Vec<Leaf>>,
}

fn leaves_of<'a>(
    addresses: &'a [IpAddr],
    own: &'a Arc<[IpAddr]>,
    class: &'a ChainName,
) -> impl Iterator<Item = Leaf> + 'a {
    let leaf = |&address| Leaf { address, own: own.clone(), class: class.clone() };
    addresses.iter().map(leaf)
}

/// One family's program on its way.
struct FamilyLowering<'i> {
    input: Input<'i>,
    family: Family,
    sets: Sets<'i>,
    before: &'i Memory,
    over_budget: &'i OverBudget,
    chains: BTreeMap<ChainName, Arc<Chain>>,
    classes: BTreeMap<ChainName, Class>,
    /// Chains of programs; of those with port names of their own, per group that resolves them.
    known: FxHashMap<ClassKey, KnownClass>,
    dispatches: Vec<(Tree, Arc<Dispatch>)>,
}

impl<'i> FamilyLowering<'i> {
    fn new(
        input: Input<'i>,
        pods: &'i Pods,
        family: Family,
        (before, over_budget): (&'i Memory, &'i OverBudget),
    ) -> Self {
        Self {
            input,
            family,
            sets: Sets::new(input, pods, family, before),
            before,
            over_budget,
            chains: BTreeMap::new(),
            classes: BTreeMap::new(),
            known: FxHashMap::default(),
            dispatches: Vec::new(),
        }
    }

    fn remember(self, program: &FamilyProgram) -> Memory {
        Memory {
            pods: self.sets.known_pods,
            named: self.sets.known_named,
            all_pods: self.sets.all,
            classes: self.known,
            dispatches: self.dispatches,
            chains: program.chains.clone(),
            sets: program.sets.clone(),
        }
    }

    fn program(&mut self, pods: &[LocalPod], notes: &mut Vec<Note>) -> FamilyProgram {
        let local = self.local(pods);
        for direction in Direction::BOTH {
            let Leaves { first, after_admin } = self.leaves(pods, direction, notes);
            self.grow(Tree { direction, place: Place::First }, first);
            if let Some(leaves) = after_admin {
                self.grow(Tree { direction, place: Place::AfterAdmin }, leaves);
            }
        }
        let Input { settings, wiring, .. } = self.input;
        let services = wiring.services.as_ref().map(|services| self.sets.services(services));
        let (family, services) = (self.family, services.as_ref());
        let hosts = self.hosts(&local, notes);
        let entry = Entry { settings, wiring, family, local: &local, services, hosts };
        for (name, rules) in entry.chains() {
            self.put(name, ChainKind::Fixed, rules);
        }
        FamilyProgram {
            family: self.family,
            hooks: hooks(self.input, hosts),
            chains: std::mem::take(&mut self.chains),
            sets: std::mem::take(&mut self.sets.made),
            classes: std::mem::take(&mut self.classes),
            local,
        }
    }

    /// The set of the addresses of local pods.
    fn local(&mut self, pods: &[LocalPod]) -> super::SetName {
        let family = self.family;
        self.sets.local(pods.iter().flat_map(|pod| pod.of(family).iter()).copied())
    }

    fn grow(&mut self, tree: Tree, leaves: Vec<Leaf>) {
        let dispatch = dispatch::build(self, tree, leaves);
        self.dispatches.push((tree, dispatch));
    }

    fn leaves(&mut self, pods: &[LocalPod], direction: Direction, notes: &mut Vec<Note>) -> Leaves {
        let mut leaves = Leaves::default();
        let shares = self.shares_admin(pods, direction);
        for pod in pods {
            let policies = self.input.policies;
            let id = policies.program_id(pod.group, direction);
            let own = pod.of(self.family);
            if policies.program(id).is_open() || own.is_empty() {
                continue;
            }
            let split = policies
                .split(id)
                .filter(|split| shares && self.reaches_one_tier(split.after, direction));
            // Where rules ask who the pod is, each address is a pod of its own.
            let together = if subject::is_asked(policies, id, direction) { 1 } else { own.len() };
            for addresses in own.chunks(together) {
                let asked = AskedClass { direction, group: pod.group, addresses };
                let first = split.map_or(id, |split| split.admin);
                let class = self.class(asked, (first, split.is_some()), notes);
                leaves.first.extend(leaves_of(addresses, own, &class));
                let Some(split) = split else { continue };
                let behind = leaves.after_admin.get_or_insert_default();
                if !policies.program(split.after).is_open() {
                    let class = self.class(asked, (split.after, false), notes);
                    behind.extend(leaves_of(addresses, &Arc::default(), &class));
                }
            }
        }
        for class in self.classes.values_mut() {
            class.subjects.sort_unstable();
        }
        leaves.first.sort_unstable_by_key(|leaf| leaf.address);
        leaves.after_admin.iter_mut().for_each(|all| all.sort_unstable_by_key(|one| one.address));
        leaves
    }

    /// The name of what some rules do under the settings.
    fn digest(&self, rules: &[FilterRule]) -> String {
        self.digest_of(None, rules)
    }

    /// The name of what some rules do as a chain of some kind.
    fn digest_of(&self, kind: Option<&str>, rules: &[FilterRule]) -> String {
        identity::name(self.input.settings, kind, rules)
    }

    fn put(&mut self, name: ChainName, kind: ChainKind, rules: Vec<FilterRule>) {
        let chain = self.before.chain(Chain { name, kind, rules });
        // By its own name, of which there is one as long as the chain stays.
        self.chains.insert(chain.name.clone(), chain);
    }
}

fn hooks(Input { settings, wiring, .. }: Input<'_>, hosts: bool) -> Vec<Hook> {
    let forward = Hook { from: "FORWARD", to: settings.forward() };
    let input = Hook { from: "INPUT", to: settings.input() };
    let sends = hosts || wiring.services.is_some();
    let output = sends.then(|| Hook { from: "OUTPUT", to: settings.output() });
    [forward, input].into_iter().chain(output).collect()
}

//! Policies, compiled: for an endpoint and a direction, an ordered list of tiers.
//!
//! A tier holds policies in the order of their evaluation; the rules of each accept a flow, deny
//! it or pass it on to the next tier; its end says what becomes of what no rule matches. What is
//! left after the last tier is allowed. NetworkPolicy is the tier whose rules all accept and that
//! ends in denial once a pod is isolated: only then is it in the pod's program. [`fold`] walks the
//! tiers; nothing else may.

mod atoms;
mod calico;
mod compile;
mod condition;
mod considered;
pub mod fold;
mod grow;
mod host;
mod hosts;
mod peer;
mod program;
mod programs;
mod select;
mod split;
mod staged;
mod standing;
mod touched;

pub use atoms::{Atoms, SignatureId};
pub use calico::asks;
pub use compile::{PolicyChange, namespace_selectors, pod_selectors};
pub use condition::{Condition, Doubt, PacketMatch, Seat};
pub use considered::Considered;
pub use host::{CompiledHost, HostProgram, HostSet, HostStage};
pub use peer::{BlockPair, RulePeer};
pub use program::{PolicyRef, Program, Tier, TierKind};
pub use select::{PeerSet, Scope};
pub use split::Split;
pub use standing::Standing;

use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::cluster::{ClusterModel, Group, GroupId, NamespaceId, Node, TierPlace};
use crate::manifest::calico::Order;
use crate::manifest::{Action, ByDirection, Direction, Mode, Object, PortEntry, Rule};
use crate::net::AddrSet;
use crate::shared::{Id, PagedTable, Shards, Table};
use programs::Programs;
use select::SetKey;

/// Kind, namespace (empty if it has none) and name.
pub type Identity = (&'static str, Arc<str>, Arc<str>);

/// The number of a [`PeerSet`] in a [`PolicySet`].
pub type SetId = Id<PeerSet>;
/// The number of a block of addresses in a [`PolicySet`].
pub type BlockId = Id<AddrSet>;
/// The number of a policy in a [`PolicySet`], stable from one set to the next.
pub type PolicyId = Id<CompiledPolicy>;
/// The number of a [`Program`] in a [`PolicySet`].
pub type ProgramId = Id<Program>;

/// All policies of a cluster, compiled against its model.
///
/// # Shape
/// Everything is interned: equal selectors, blocks and programs have equal numbers. Nothing that was
/// interned is taken out before all is compiled afresh, so that a number stays good from one set to
/// the next.
#[derive(Clone, Debug)]
pub struct PolicySet {
    /// INVARIANT: there is an entry for every number in `by_name`; none in it: the policy is gone,
    /// or is not understood as one.
    policies: PagedTable<Option<Arc<CompiledPolicy>>, CompiledPolicy>,
    /// INVARIANT: a policy keeps its number as long as the set is, also while it is gone.
    by_name: Shards<PolicyKey, PolicyId>,
    /// INVARIANT: each holds those groups that its key names of the model that this was compiled,
    /// updated, extended or relabelled against last.
    sets: PagedTable<Arc<PeerSet>, PeerSet>,
    /// INVARIANT: the number of each of `sets`, by what it is made from, which is its own key.
    set_ids: Shards<SetKey, SetId>,
    /// INVARIANT: each number of `by_name` and of `sets` is in one of its lists, once.
    scopes: Scopes,
    /// INVARIANT: no two are equal.
    blocks: PagedTable<Arc<AddrSet>, AddrSet>,
    /// INVARIANT: the number of each of `blocks`.
    block_ids: Shards<Arc<AddrSet>, BlockId>,
    /// INVARIANT: no two are equal; [`OPEN`] and [`CLOSED`] are the first.
    programs: PagedTable<Arc<Program>, Program>,
    /// INVARIANT: the number of each of `programs`.
    program_ids: Shards<Arc<Program>, ProgramId>,
    /// INVARIANT: for each of `programs`, its parts, if it has an Admin tier and others.
    splits: PagedTable<Option<Split>, Program>,
    /// INVARIANT: an entry for every group that the model had when this was compiled, updated or
    /// extended last, the same groups for both directions; it names the policies in force that
    /// select the group, or may, and have rules of the direction.
    by_group: ByDirection<PagedTable<ProgramId, Group>>,
    /// INVARIANT: the same with audited policies as if they were in force.
    intended: ByDirection<PagedTable<ProgramId, Group>>,
    considered: Considered,
    /// INVARIANT: the nodes whose addresses the blocks of [`RulePeer::Nodes`] were read from.
    nodes: Arc<Vec<Node>>,
    /// INVARIANT: those of the model that this was compiled or updated against last.
    hosts: Arc<HostSet>,
    /// How much was interned when all was compiled last: what [`Self::is_compact`] compares with.
    fresh_size: usize,
}

/// What a change of a namespace or of its pods may concern.
///
/// # Shape
/// INVARIANT: lists are ascending, as numbers are given out so.
#[derive(Clone, Debug, Default)]
struct Scopes {
    /// Sets of pods of one namespace.
    own: Shards<NamespaceId, Vec<SetId>>,
    /// Sets of pods of namespaces that a selector matches.
    matching: Vec<SetId>,
    /// Policies by their namespace.
    policies: Shards<NamespaceId, Vec<PolicyId>>,
    /// Policies that are in no namespace.
    cluster: Vec<PolicyId>,
}

/// What tells policies apart: kind, namespace if they are in one, name.
pub type PolicyKey = (&'static str, Option<NamespaceId>, Arc<str>);

/// One policy, compiled.
#[derive(Clone, Debug)]
pub struct CompiledPolicy {
    /// The object; its body is a policy.
    pub object: Arc<Object>,
    /// Its namespace; none if it is in none.
    pub namespace: Option<NamespaceId>,
    /// The tier that it is in.
    pub tier: TierKind,
    /// Its place in the tier: lower numbers first. Zero for every NetworkPolicy, and for Calico's
    /// policies, which have a place of their own.
    pub priority: u16,
    /// The tier and the order of a policy of Calico's; none of others.
    pub place: Option<CalicoPlace>,
    /// The pods that it selects.
    pub subject: SetId,
    /// Whether it decides, or is only audited: then no program in force has it.
    pub mode: Mode,
    /// Whether it stands in programs of hosts alone: it is a policy for them, or what their ports
    /// or profiles say.
    pub is_of_hosts: bool,
    /// Its rules for ingress and for egress; none where it says nothing of that direction.
    rules: ByDirection<Option<Vec<PolicyRule>>>,
}

/// Where a policy of Calico's stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalicoPlace {
    /// Its tier.
    pub tier: Arc<TierPlace>,
    /// Its order among the policies of the tier; none comes after all others.
    pub order: Option<Order>,
}

impl CalicoPlace {
    /// Its order; that of policies without one comes after all others.
    pub fn order_or_last(&self) -> Order {
        self.order.unwrap_or(Order(f64::INFINITY))
    }
}

/// A rule: does its action with what any of its peers sends or receives on any of its ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyRule {
    /// What it does.
    pub action: Action,
    /// Peers in the order of the manifest; none means anybody.
    pub peers: Vec<RulePeer>,
    /// Ports in the order of the manifest; none means everything.
    pub ports: Vec<PortEntry>,
    /// What else must hold, all of it, in the order of the manifest.
    pub conditions: Vec<Condition>,
}

/// The program of endpoints that no policy selects.
pub const OPEN: ProgramId = ProgramId::new(0);
/// The program of what is not known: it denies everything.
pub const CLOSED: ProgramId = ProgramId::new(1);

impl CompiledPolicy {
    /// Its rules of a direction as written, in order.
    pub fn written(&self, direction: Direction) -> &[Rule] {
        self.object.rules(direction)
    }

    /// Whether no rule of it is written, in either direction.
    pub fn written_nothing(&self) -> bool {
        Direction::BOTH.into_iter().all(|direction| self.written(direction).is_empty())
    }

    /// Its rules of a direction, in order; none if it says nothing of that direction.
    pub fn rules(&self, direction: Direction) -> Option<&[PolicyRule]> {
        self.rules[direction].as_deref()
    }
}

impl CompiledPolicy {
    /// Whether the order of evaluation of two policies of one tier that follow each other is not
    /// defined, or changes nothing.
    pub fn ties_with(&self, other: &Self) -> bool {
        let are_placed = self.place.is_some() || other.place.is_some();
        !are_placed && self.tier == other.tier && self.priority == other.priority
    }

    /// What becomes of what no rule of its tier matches, if it selects the pod.
    pub fn end(&self) -> Action {
        self.place.as_ref().map_or(self.tier.end(), |place| place.tier.end)
    }

    /// Its rules of both directions.
    pub fn all_rules(&self) -> impl Iterator<Item = &PolicyRule> {
        self.rules.values().flatten().flatten()
    }
}

impl PolicySet {
    /// Policies with their numbers, ascending: those in force, and those that are audited.
    pub fn policies(&self) -> impl Iterator<Item = (PolicyId, &Arc<CompiledPolicy>)> {
        let known = self.policies.iter().filter_map(|(id, policy)| Some((id, policy.as_ref()?)));
        known.filter(|(_, policy)| !policy.is_of_hosts)
    }

    /// A policy.
    pub fn policy(&self, id: PolicyId) -> Option<&Arc<CompiledPolicy>> {
        self.policies.get(id)?.as_ref()
    }

    /// Whether a policy of this kind and name is in force; the namespace is empty if it is in none.
    pub fn has(&self, model: &ClusterModel, (kind, namespace, name): &Identity) -> bool {
        let place = match namespace.is_empty() {
            true => Some(None),
            false => model.namespace(namespace).map(Some),
        };
        let id = place.and_then(|place| self.by_name.get(&(*kind, place, name.clone())));
        id.is_some_and(|id| self.policy(*id).is_some())
    }

    /// Whether most of what has been interned is still in use. What no policy names any more
    /// stays until all is compiled afresh.
    pub fn is_compact(&self) -> bool {
        self.interned() <= 2 * self.fresh_size + 1024
    }

    fn interned(&self) -> usize {
        self.policies.len() + self.sets.len() + self.blocks.len() + self.programs.len()
    }

    /// Whether cluster policies share a tier and a priority.
    pub fn has_equal_priorities(&self) -> bool {
        let ordered = self
            .in_force()
            .filter(|(_, policy)| !policy.tier.only_accepts() && policy.place.is_none());
        let mut seen = FxHashSet::default();
        { ordered }.any(|(_, policy)| !seen.insert((policy.tier, policy.priority)))
    }

    /// A set of pods.
    pub fn set(&self, id: SetId) -> Option<&PeerSet> {
        self.sets.get(id).map(|set| &**set)
    }

    /// All sets of pods, by number.
    pub fn sets(&self) -> &PagedTable<Arc<PeerSet>, PeerSet> {
        &self.sets
    }

    /// A block of addresses.
    pub fn block(&self, id: BlockId) -> Option<&AddrSet> {
        self.blocks.get(id).map(|block| &**block)
    }

    /// All blocks, by number.
    pub fn blocks(&self) -> &PagedTable<Arc<AddrSet>, AddrSet> {
        &self.blocks
    }

    /// The number of the program of a group in a direction.
    pub fn program_id(&self, group: GroupId, direction: Direction) -> ProgramId {
        // What is not known is not let through.
        let of = |by_group: &ByDirection<PagedTable<ProgramId, Group>>| {
            by_group[direction].get(group).copied().unwrap_or(CLOSED)
        };
        let programs = Programs { enforced: of(&self.by_group), intended: of(&self.intended) };
        programs.considering(self.considered)
    }

    /// The same as if audited policies were in force.
    pub(crate) fn intended_id(&self, group: GroupId, direction: Direction) -> ProgramId {
        self.intended[direction].get(group).copied().unwrap_or(CLOSED)
    }

    /// The set as if other policies were in force; they still say whether they are audited.
    #[must_use]
    pub fn considering(&self, considered: Considered) -> Self {
        Self { considered, ..self.clone() }
    }

    /// Policies in force: by number, ascending.
    pub fn in_force(&self) -> impl Iterator<Item = (PolicyId, &Arc<CompiledPolicy>)> {
        let considered = self.considered;
        self.policies().filter(move |(_, policy)| considered.includes(policy.mode))
    }

    /// Policies that are only audited: by number, ascending.
    pub fn audited(&self) -> impl Iterator<Item = (PolicyId, &Arc<CompiledPolicy>)> {
        self.policies().filter(|(_, policy)| policy.mode == Mode::Audit)
    }

    /// A program; of a number that is not known, the one that denies everything.
    pub fn program(&self, id: ProgramId) -> &Program {
        static CLOSED: std::sync::LazyLock<Program> = std::sync::LazyLock::new(Program::closed);
        self.programs.get(id).map_or(&*CLOSED, |program| &**program)
    }

    /// The policies of a program, tier by tier, each with whether it certainly selects.
    pub fn policies_of(
        &self,
        id: ProgramId,
    ) -> impl Iterator<Item = (PolicyRef, &Arc<CompiledPolicy>)> {
        let all = self.program(id).policies();
        all.filter_map(|one| Some((one, self.policy(one.policy)?)))
    }

    /// The policies that select pods of some groups, or may, and say something of them; ascending.
    ///
    /// # Cost
    /// Linear in the groups, in the policies of their programs, and in all policies.
    pub fn selecting(&self, groups: impl IntoIterator<Item = GroupId>) -> Vec<PolicyId> {
        let of_group = |group| Direction::BOTH.map(|direction| self.program_id(group, direction));
        let programs: FxHashSet<ProgramId> = groups.into_iter().flat_map(of_group).collect();
        let mut is_found = Table::<bool, CompiledPolicy>::filled(false, self.policies.len());
        for one in programs.into_iter().flat_map(|id| self.program(id).policies()) {
            if let Some(found) = is_found.get_mut(one.policy) {
                *found = true;
            }
        }
        is_found.iter().filter_map(|(id, is_found)| is_found.then_some(id)).collect()
    }

    /// The rules of a program in a direction, in the order of evaluation.
    pub fn rules_of(
        &self,
        id: ProgramId,
        direction: Direction,
    ) -> impl Iterator<Item = &PolicyRule> {
        let all = self.policies_of(id);
        all.flat_map(move |(_, policy)| policy.rules(direction).unwrap_or_default())
    }
}

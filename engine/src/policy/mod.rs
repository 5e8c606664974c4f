//! Policies, compiled: for an endpoint and a direction, an ordered list of tiers.
//!
//! A tier holds policies whose rules accept, and an end that says what becomes of what none of
//! them accepted. NetworkPolicy is one tier that ends in denial; a pod that it does not isolate
//! has no tier and is open. Tiers before and after it are the place for other policy kinds.

mod compile;
mod grow;
mod select;

pub use compile::{PolicyChange, pod_selectors};
pub use select::PeerSet;

use std::sync::Arc;

use crate::cluster::{ClusterModel, GroupId};
use crate::manifest::{Body, Direction, NetworkPolicy, Object, PortEntry};
use crate::net::AddrSet;
use crate::shared::{Pages, Shards};
use select::SetKey;

/// The number of a [`PeerSet`] in a [`PolicySet`].
pub type SetId = u32;
/// The number of a block of addresses in a [`PolicySet`].
pub type BlockId = u32;
/// The number of a policy in a [`PolicySet`], stable from one set to the next.
pub type PolicyId = u32;
/// The number of a [`Program`] in a [`PolicySet`].
pub type ProgramId = u32;

/// All policies of a cluster, compiled against its model.
///
/// # Shape
/// Everything is interned: equal selectors, blocks and programs have equal numbers.
#[derive(Clone, Debug)]
pub struct PolicySet {
    policies: Pages<Option<Arc<CompiledPolicy>>>,
    by_name: Shards<(u32, Arc<str>), PolicyId>,
    sets: Pages<Arc<PeerSet>>,
    set_ids: Shards<SetKey, SetId>,
    scopes: Scopes,
    blocks: Pages<Arc<AddrSet>>,
    block_ids: Shards<Arc<AddrSet>, BlockId>,
    programs: Pages<Arc<Program>>,
    program_ids: Shards<Arc<Program>, ProgramId>,
    by_group: [Pages<ProgramId>; 2],
    /// How much was interned when all was compiled last.
    fresh_size: usize,
}

/// What a namespace's pods may concern.
#[derive(Clone, Debug, Default)]
struct Scopes {
    /// Sets of pods of one namespace, by its index.
    own: Shards<u32, Vec<SetId>>,
    /// Sets of pods of namespaces that a selector matches.
    matching: Vec<SetId>,
    /// Policies by their namespace, ascending.
    policies: Shards<u32, Vec<PolicyId>>,
}

/// One policy, compiled.
#[derive(Clone, Debug)]
pub struct CompiledPolicy {
    /// The object; its body is a policy.
    pub object: Arc<Object>,
    /// Index of its namespace.
    pub namespace: u32,
    /// The pods that it selects.
    pub subject: SetId,
    /// Its rules for ingress and for egress; none where it does not isolate in that direction.
    rules: [Option<Vec<PolicyRule>>; 2],
}

/// A rule: accepts what any of its peers sends or receives on any of its ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyRule {
    /// Peers in the order of the manifest; none means anybody.
    pub peers: Vec<RulePeer>,
    /// Ports in the order of the manifest; none means everything.
    pub ports: Vec<PortEntry>,
}

/// A peer of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RulePeer {
    /// Pods.
    Pods(SetId),
    /// Addresses.
    Block(BlockId),
}

/// What applies to an endpoint in a direction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Program {
    /// Tiers in the order of evaluation; none: everything is allowed.
    pub tiers: Vec<Tier>,
}

/// Policies that are evaluated together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tier {
    /// Policies that select the endpoint, ascending; at least one. They accept; none overrides
    /// another.
    pub policies: Vec<PolicyRef>,
    /// What becomes of what no rule accepts.
    pub end: End,
}

/// A policy of a tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyRef {
    /// The policy.
    pub policy: PolicyId,
    /// Whether it is certain that it selects the endpoint.
    pub certain: bool,
}

/// What becomes of what no rule of a tier accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// It is denied.
    Deny,
}

/// The program of endpoints that no policy selects.
pub const OPEN: ProgramId = 0;

impl CompiledPolicy {
    /// The policy as written.
    pub fn manifest(&self) -> Option<&NetworkPolicy> {
        match &self.object.body {
            Body::Policy(policy) => Some(policy),
            _ => None,
        }
    }

    /// Its rules of a direction, in order; none if it does not isolate in that direction.
    pub fn rules(&self, direction: Direction) -> Option<&[PolicyRule]> {
        let [ingress, egress] = &self.rules;
        match direction {
            Direction::Ingress => ingress.as_deref(),
            Direction::Egress => egress.as_deref(),
        }
    }
}

impl Program {
    /// Whether nothing isolates.
    pub fn is_open(&self) -> bool {
        self.tiers.is_empty()
    }

    /// Whether something isolates for certain.
    pub fn isolates(&self) -> bool {
        self.tiers.iter().any(|tier| tier.policies.iter().any(|policy| policy.certain))
    }
}

impl PolicySet {
    /// Policies in force with their numbers, ascending.
    pub fn policies(&self) -> impl Iterator<Item = (PolicyId, &Arc<CompiledPolicy>)> {
        let numbered = self.policies.iter().enumerate();
        numbered.filter_map(|(i, policy)| Some((PolicyId::try_from(i).ok()?, policy.as_ref()?)))
    }

    /// A policy.
    pub fn policy(&self, id: PolicyId) -> Option<&Arc<CompiledPolicy>> {
        self.policies.get(id as usize)?.as_ref()
    }

    /// Whether a policy of this name is in force.
    pub fn has(&self, model: &ClusterModel, namespace: &str, name: &str) -> bool {
        let key = model.namespace(namespace).map(|namespace| (namespace, Arc::from(name)));
        let id = key.and_then(|key| self.by_name.get(&key));
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

    /// A set of pods.
    pub fn set(&self, id: SetId) -> Option<&PeerSet> {
        self.sets.get(id as usize).map(|set| &**set)
    }

    /// All sets of pods, by number.
    pub fn sets(&self) -> &Pages<Arc<PeerSet>> {
        &self.sets
    }

    /// A block of addresses.
    pub fn block(&self, id: BlockId) -> Option<&AddrSet> {
        self.blocks.get(id as usize).map(|block| &**block)
    }

    /// All blocks, by number.
    pub fn blocks(&self) -> &Pages<Arc<AddrSet>> {
        &self.blocks
    }

    /// The number of the program of a group in a direction.
    pub fn program_id(&self, group: GroupId, direction: Direction) -> ProgramId {
        let [ingress, egress] = &self.by_group;
        let by_group = match direction {
            Direction::Ingress => ingress,
            Direction::Egress => egress,
        };
        by_group.get(group as usize).copied().unwrap_or(OPEN)
    }

    /// A program.
    pub fn program(&self, id: ProgramId) -> &Program {
        static OPEN: Program = Program { tiers: Vec::new() };
        self.programs.get(id as usize).map_or(&OPEN, |program| &**program)
    }
}

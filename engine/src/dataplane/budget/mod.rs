//! How much policies may ask of a node together.
//!
//! One policy has limits of its own, but whoever may write one may write many. So the policies of a
//! namespace have a budget on each node, all namespaces together another, and policies of the
//! cluster a third, which no namespace uses up. Where one does not suffice, the largest policies are
//! closed until it does: a small policy of the same namespace goes on working, and so does all that
//! is in others.
//!
//! `asked` counts what is written for policies, `sizes` how large sets of pods are, `closing` chooses
//! who is closed. All of it is known from the policies and the pods alone, before anything is made
//! of them.

mod asked;
mod closing;
mod sizes;

use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};

use super::limits::Limits;
use crate::cluster::{ClusterModel, GroupId};
use crate::net::ByFamily;
use crate::policy::{PolicyId, PolicySet, ProgramId, SetId};
use asked::{Asked, Asking};
use closing::Closing;
use sizes::Sizes;

/// How much policies may ask of a node together, in both directions and families.
///
/// # Shape
/// Members are those for what is written, and those of sets of pods: of sets that several policies
/// ask for once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Budgets {
    /// All NetworkPolicies of one namespace.
    pub namespace: Limits,
    /// Those of all namespaces.
    pub node: Limits,
    /// All policies that are in no namespace.
    pub cluster: Limits,
}

impl Default for Budgets {
    /// What no cluster needs that somebody runs for a purpose.
    fn default() -> Self {
        Self {
            namespace: Limits { rules: 20_000, members: 1 << 20 },
            node: Limits { rules: 60_000, members: 1 << 21 },
            cluster: Limits { rules: 20_000, members: 1 << 20 },
        }
    }
}

/// A budget that did not suffice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Budget {
    /// That of a namespace.
    Namespace,
    /// That of all namespaces.
    Node,
    /// That of policies that are in no namespace.
    Cluster,
}

/// Policies that are closed since a budget does not suffice, each with the one that does not.
pub type OverBudget = BTreeMap<PolicyId, Budget>;

/// A pod of the node.
#[derive(Clone, Copy, Debug)]
pub struct Local {
    /// Its group.
    pub group: GroupId,
    /// Whether it has addresses of each family.
    pub families: ByFamily<bool>,
}

/// Groups that have come to have fewer and more addresses, each with how many.
#[derive(Debug, Default)]
pub struct Steps {
    /// Everything may be otherwise.
    pub afresh: bool,
    /// Addresses that are gone.
    pub left: Vec<(GroupId, usize)>,
    /// Addresses that have come.
    pub entered: Vec<(GroupId, usize)>,
}

/// From what it is found out who is closed.
#[derive(Clone, Copy)]
pub struct Ground<'g> {
    /// The policies.
    pub policies: &'g PolicySet,
    /// The cluster.
    pub model: &'g ClusterModel,
    /// How much one policy may ask for.
    pub limits: Limits,
    /// How much all may.
    pub budgets: Budgets,
    /// Pods of the node.
    pub local: &'g [Local],
    /// How many addresses the pods of a group have.
    pub size_of: &'g dyn Fn(GroupId) -> usize,
}

/// Finds out who is closed, for one state after the other.
#[derive(Debug, Default)]
pub struct Ledger {
    asking: Asking,
    sizes: Sizes,
}

impl Ledger {
    /// The policies that are closed.
    ///
    /// # Shape
    /// The same for the same policies and pods, whatever was before.
    ///
    /// # Cost
    /// Linear in the pods of the node and the policies of their programs; of policies that were not
    /// there before, in what is written in them. Each step costs as much as there are sets of pods.
    pub fn over_budget(&mut self, ground: Ground<'_>, steps: &Steps) -> OverBudget {
        self.sizes.follow(steps);
        let asked = self.asking.all(ground);
        let sets: FxHashSet<SetId> = asked.values().flat_map(|one| &one.pods).copied().collect();
        let sizes = self.sizes.all(&sets, ground);
        Closing::new(&asked, &sizes, ground).over_budget()
    }
}

/// What each policy asks for.
type AllAsked<'g> = BTreeMap<PolicyId, Asked<'g>>;
/// How large sets of pods are.
type AllSizes = FxHashMap<SetId, usize>;

/// Policies of which it is otherwise than before whether, or why, they are closed.
pub fn changed(before: &OverBudget, now: &OverBudget) -> FxHashSet<PolicyId> {
    let is_other = |id: &&PolicyId| before.get(*id) != now.get(*id);
    before.keys().chain(now.keys()).filter(is_other).copied().collect()
}

/// Whether a program has one of these policies.
pub fn concerns(ids: &FxHashSet<PolicyId>, policies: &PolicySet, program: ProgramId) -> bool {
    !ids.is_empty() && policies.program(program).policies().any(|one| ids.contains(&one.policy))
}

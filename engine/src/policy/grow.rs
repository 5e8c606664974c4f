//! Policies whose cluster changes under them: groups come, namespaces get other labels.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::programs::Programs;
use super::select::{Scope, matches_namespace, names, select};
use super::{PolicyRef, PolicySet, SetId};
use crate::cluster::{ClusterModel, Group, GroupId, NamespaceId, NamespaceLabels};
use crate::manifest::{Direction, LabelList};
use crate::selector::Match;
use crate::shared::PagedTable;

impl PolicySet {
    /// Takes in groups that the model has more than the one compiled against.
    ///
    /// # Cost
    /// For each new group, linear in the sets and policies of its namespace, and in the sets of
    /// many namespaces.
    pub fn extend(&mut self, model: &ClusterModel) {
        let known = self.by_group.values().map(PagedTable::next_id).min().unwrap_or(GroupId::MIN);
        for (id, group) in model.groups.from(known) {
            let joined = self.join(model, id, group);
            for direction in Direction::BOTH {
                let programs = self.programs_of(group.namespace, &joined, direction);
                self.by_group[direction].push(programs.enforced);
                self.intended[direction].push(programs.intended);
            }
        }
    }

    /// The sets that a new group enters, and whether for certain.
    fn join(&mut self, model: &ClusterModel, id: GroupId, group: &Group) -> FxHashMap<SetId, bool> {
        let mut joined = FxHashMap::default();
        let own = self.scopes.own.get(&group.namespace).map_or(&[][..], Vec::as_slice);
        for &number in own.iter().chain(&self.scopes.matching) {
            let Some(set) = self.sets.get(number) else { continue };
            let matches = names(model, set.key(), group);
            if matches != Match::No {
                joined.insert(number, matches == Match::Yes);
            }
        }
        for (&set, &certain) in &joined {
            if let Some(set) = self.sets.get_mut(set) {
                let matches = if certain { Match::Yes } else { Match::Unknown };
                Arc::make_mut(set).admit(id, group, matches);
            }
        }
        joined
    }

    /// The programs of a group of a namespace that is in these sets.
    fn programs_of(
        &mut self,
        namespace: NamespaceId,
        joined: &FxHashMap<SetId, bool>,
        direction: Direction,
    ) -> Programs {
        if joined.is_empty() {
            return Programs { enforced: super::OPEN, intended: super::OPEN };
        }
        // INVARIANT: subjects of a policy with a namespace are of that one.
        let own = self.scopes.policies.get(&namespace).map_or(&[][..], Vec::as_slice);
        let selecting = own.iter().chain(&self.scopes.cluster).filter_map(|&policy| {
            let compiled = self.policy(policy)?;
            let certain = *joined.get(&compiled.subject)?;
            compiled.rules(direction)?;
            Some(PolicyRef { policy, certain })
        });
        let selecting: Vec<PolicyRef> = selecting.collect();
        self.intern_programs(selecting)
    }

    /// Matches anew what asks for a namespace's labels, which were `before`.
    ///
    /// # Cost
    /// Linear in the sets of many namespaces; those that the change concerns are made anew, and
    /// where they are subjects of policies, programs of the groups of the namespace.
    pub fn relabel(&mut self, model: &ClusterModel, namespace: NamespaceId, before: &LabelList) {
        let Some(now) = model.namespaces.get(namespace) else { return };
        let before = NamespaceLabels { own: before, ..now.labels() };
        let mut concerned = Vec::new();
        for &index in &self.scopes.matching {
            let Some(set) = self.sets.get(index) else { continue };
            let is_concerned = match &set.key().scope {
                Scope::Own(_) => false,
                Scope::Matching(selector) => {
                    matches_namespace(selector, before) != matches_namespace(selector, now.labels())
                }
                Scope::Items(_) => true,
            };
            if is_concerned {
                concerned.push((index, Arc::new(select(model, set.key()))));
            }
        }
        let subjects = self.policies().map(|(_, policy)| policy.subject);
        let reselects = { subjects }.any(|id| concerned.iter().any(|(other, _)| *other == id));
        for (index, set) in concerned {
            if let Some(slot) = self.sets.get_mut(index) {
                *slot = set;
            }
        }
        if reselects {
            self.reselect(model, namespace);
        }
    }

    /// Gives the groups of a namespace their programs from what sets hold now.
    fn reselect(&mut self, model: &ClusterModel, namespace: NamespaceId) {
        let subjects: FxHashSet<SetId> =
            self.policies().map(|(_, policy)| policy.subject).collect();
        for &group in model.groups.in_namespace(namespace) {
            let joined = subjects.iter().filter_map(|id| {
                let matches = self.set(*id)?.matches(group);
                (matches != Match::No).then_some((*id, matches == Match::Yes))
            });
            let joined: FxHashMap<SetId, bool> = joined.collect();
            for direction in Direction::BOTH {
                let programs = self.programs_of(namespace, &joined, direction);
                self.set_programs(group, direction, programs);
            }
        }
    }
}

//! Policies whose cluster changes under them: groups come, namespaces get other labels.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::select::{Scope, matches_namespace, names, select};
use super::{PolicyRef, PolicySet, ProgramId, SetId};
use crate::cluster::{ClusterModel, Group, GroupId};
use crate::manifest::{Direction, LabelList};
use crate::selector::Match;

impl PolicySet {
    /// Takes in groups that the model has more than the one compiled against.
    ///
    /// # Cost
    /// For each new group, linear in the sets and policies.
    pub fn extend(&mut self, model: &ClusterModel) {
        let known = self.by_group.iter().map(Vec::len).min().unwrap_or(0);
        for (id, group) in model.groups.iter().skip(known) {
            let joined = self.join(model, id, group);
            let [ingress, egress] = Direction::BOTH.map(|d| self.program_of(&joined, d));
            let [by_ingress, by_egress] = &mut self.by_group;
            by_ingress.push(ingress);
            by_egress.push(egress);
        }
    }

    /// The sets that a new group enters, and whether for certain.
    fn join(&mut self, model: &ClusterModel, id: GroupId, group: &Group) -> FxHashMap<SetId, bool> {
        let mut joined = FxHashMap::default();
        for (set, known) in (0..).zip(&*self.sets) {
            match names(model, known.key(), group) {
                Match::Yes => joined.insert(set, true),
                Match::Unknown => joined.insert(set, false),
                Match::No => None,
            };
        }
        if !joined.is_empty() {
            let sets = Arc::make_mut(&mut self.sets);
            for (&set, &certain) in &joined {
                if let Some(set) = sets.get_mut(set as usize) {
                    let matches = if certain { Match::Yes } else { Match::Unknown };
                    Arc::make_mut(set).admit(id, matches);
                }
            }
        }
        joined
    }

    /// The program of a group that is in these sets.
    fn program_of(&mut self, joined: &FxHashMap<SetId, bool>, direction: Direction) -> ProgramId {
        if joined.is_empty() {
            return super::OPEN;
        }
        let selecting = self.policies().filter_map(|(policy, compiled)| {
            let certain = *joined.get(&compiled.subject)?;
            compiled.rules(direction)?;
            Some(PolicyRef { policy, certain })
        });
        let selecting: Vec<PolicyRef> = selecting.collect();
        self.intern_program(selecting)
    }

    /// Matches anew what asks for a namespace's labels, which were `before`.
    ///
    /// # Cost
    /// Linear in the sets; those that the change concerns are made anew.
    pub fn relabel(&mut self, model: &ClusterModel, namespace: u32, before: &LabelList) {
        let Some(now) = model.namespaces.get(namespace as usize) else { return };
        let mut concerned = Vec::new();
        for (index, set) in self.sets.iter().enumerate() {
            if let Scope::Matching(selector) = &set.key().scope
                && matches_namespace(selector, before) != matches_namespace(selector, &now.labels)
            {
                concerned.push((index, Arc::new(select(model, set.key()))));
            }
        }
        if concerned.is_empty() {
            return;
        }
        // INVARIANT: subjects are of one namespace, whatever its labels, so no program changes.
        let sets = Arc::make_mut(&mut self.sets);
        for (index, set) in concerned {
            if let Some(slot) = sets.get_mut(index) {
                *slot = set;
            }
        }
    }
}

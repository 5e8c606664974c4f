//! Which groups' programs a change of policies concerns.

use std::collections::BTreeMap;

use rustc_hash::FxHashSet;

use super::{PolicyId, PolicyRef, PolicySet};
use crate::cluster::GroupId;
use crate::manifest::{ByDirection, Direction};

/// Groups whose programs change.
#[derive(Default)]
pub struct Touched {
    /// By group.
    pub groups: ByDirection<BTreeMap<GroupId, Entering>>,
}

/// What changes for a group.
#[derive(Default)]
pub struct Entering {
    /// Policies that select the group no more, or did before they changed.
    pub retired: FxHashSet<PolicyId>,
    /// Policies that select it now.
    pub policies: Vec<PolicyRef>,
}

impl Touched {
    /// Notes that a policy no longer selects what it selected.
    pub fn retire(&mut self, set: &PolicySet, id: PolicyId) {
        self.each(set, id, |entering, _| {
            entering.retired.insert(id);
            entering.policies.retain(|policy| policy.policy != id);
        });
    }

    /// Notes what a policy selects now.
    pub fn enter(&mut self, set: &PolicySet, id: PolicyId) {
        self.each(set, id, |entering, certain| {
            entering.policies.push(PolicyRef { policy: id, certain });
        });
    }

    fn each(&mut self, set: &PolicySet, id: PolicyId, change: impl Fn(&mut Entering, bool)) {
        let Some(policy) = set.policy(id) else { return };
        let Some(subject) = set.set(policy.subject) else {
            return;
        };
        for (direction, groups) in &mut self.groups {
            if policy.rules(direction).is_some() {
                for (group, certain) in subject.groups() {
                    change(groups.entry(group).or_default(), certain);
                }
            }
        }
    }
}

impl PolicySet {
    /// The policies that select a group: those in force, of which staged ones may stand for some in
    /// what is intended, and those that are only audited.
    fn selecting_group(&self, group: GroupId, direction: Direction) -> Vec<PolicyRef> {
        let intended = self.intended_id(group, direction);
        let mut all: Vec<PolicyRef> = self.program(intended).policies().collect();
        let enforced = self.by_group[direction].get(group).filter(|id| **id != intended);
        for one in enforced.into_iter().flat_map(|id| self.program(*id).policies()) {
            if !all.contains(&one) {
                all.push(one);
            }
        }
        all
    }

    /// Gives groups the programs of the policies that select them now.
    pub(super) fn reprogram(&mut self, touched: &Touched) {
        for (direction, touched) in &touched.groups {
            for (&group, entering) in touched {
                let policies: Vec<PolicyRef> = self
                    .selecting_group(group, direction)
                    .into_iter()
                    .filter(|policy| !entering.retired.contains(&policy.policy))
                    .chain(entering.policies.iter().copied())
                    .collect();
                let programs = self.intern_programs(policies);
                self.set_programs(group, direction, programs);
            }
        }
    }
}

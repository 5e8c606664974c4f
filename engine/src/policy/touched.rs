//! Which groups' programs a change of policies concerns.

use std::collections::BTreeMap;

use rustc_hash::FxHashSet;

use super::{PolicyId, PolicyRef, PolicySet};
use crate::cluster::GroupId;
use crate::manifest::ByDirection;

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

//! Staged policies of Calico's, which stand for others in what is intended.
//!
//! # Source
//! Calico §1.

use super::{CompiledPolicy, PolicyChange, PolicySet};
use crate::cluster::{ClusterModel, namespace_of};
use crate::manifest::Body;
use crate::manifest::calico::CalicoKind;

impl PolicySet {
    /// Policies that staged ones stand for, of which some come or go: whoever they select gets other
    /// programs.
    pub(super) fn replaced_by(
        &self,
        model: &ClusterModel,
        default_namespace: &str,
        changes: &[PolicyChange],
    ) -> Vec<PolicyChange> {
        let replaced = changes.iter().filter_map(|change| {
            let (PolicyChange::Put(object) | PolicyChange::Remove(object)) = change;
            let Body::CalicoPolicy(policy) = &object.body else { return None };
            let kind = Some(policy.kind.enforced()).filter(|_| policy.is_staged)?;
            let namespace = match object.is_namespaced() {
                true => Some(model.namespace(&namespace_of(object, default_namespace))?),
                false => None,
            };
            let key = (kind.full_name(), namespace, object.meta.name.clone());
            let replaced = self.policy(*self.by_name.get(&key)?)?;
            Some(PolicyChange::Put(replaced.object.clone()))
        });
        replaced.collect()
    }

    /// Whether a staged policy stands for this one.
    pub(super) fn is_replaced(&self, policy: &CompiledPolicy) -> bool {
        let Body::CalicoPolicy(own) = &policy.object.body else { return false };
        let key = |staged: CalicoKind| {
            (staged.full_name(), policy.namespace, policy.object.meta.name.clone())
        };
        let staged = own.kind.staged().and_then(|kind| self.by_name.get(&key(kind)));
        staged.is_some_and(|id| self.policy(*id).is_some())
    }
}

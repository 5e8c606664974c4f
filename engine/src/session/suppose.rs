//! The session as if there were pods that are not in the input, or as if a policy were another.

use std::sync::Arc;

use super::gather::asked_labels;
use super::{Session, World};
use crate::cluster::{AskedLabels, ClusterModel};
use crate::manifest::LabelList;
use crate::policy::{PolicyChange, PolicySet};

impl Session {
    /// The session with groups of pods, given by namespace and labels. Policies are what they were;
    /// no pod is more.
    ///
    /// # Cost
    /// Linear in the sets of pods, and in what of the model is not shared: Services and variants.
    pub(crate) fn supposing(&self, pods: &[(&str, &LabelList)]) -> Self {
        let mut model = ClusterModel::clone(self.model());
        let asked = self.asked_for_open_namespaces();
        for (namespace, labels) in pods {
            let namespace = model.suppose_namespace(namespace, &self.options.namespaces);
            model.suppose_group(namespace, (*labels).clone(), &asked);
        }
        let mut set = PolicySet::clone(&self.set);
        set.extend(&model);
        let world = World { model: Arc::new(model), ..World::clone(&self.world) };
        Self { world: Arc::new(world), set: Arc::new(set), ..self.clone() }
    }

    /// The session after a change of a policy that asks for no label that none asked for before,
    /// and is in a namespace that is known.
    ///
    /// # Cost
    /// Only groups that the policy selects, before or after, get new programs; all else is shared.
    pub(crate) fn changing(&self, change: PolicyChange) -> Self {
        let default = &self.options.default_namespace;
        let set = PolicySet::clone(&self.set).update(self.model(), default, &[change]);
        Self { set: Arc::new(set), ..self.clone() }
    }

    /// What selectors ask for, also of namespaces, which is not kept where all labels are known.
    fn asked_for_open_namespaces(&self) -> AskedLabels {
        if self.model().has_open_namespaces() {
            return self.world.asked.clone();
        }
        asked_labels(self.set.policies().map(|(_, policy)| &policy.object), true)
    }
}

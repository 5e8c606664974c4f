//! Pods that are asked about and are not in the input.

use std::sync::Arc;

use super::group::Group;
use super::namespace::{Undeclared, undeclared};
use super::variant::{AskedLabels, Variants};
use super::{ClusterModel, GroupId, GroupIndex, NamespaceId};
use crate::manifest::LabelList;

impl ClusterModel {
    /// The number of a namespace, which comes to be if nothing of the input is in it.
    ///
    /// # Shape
    /// A new one is behind all others, whatever its name.
    pub fn suppose_namespace(&mut self, name: &str, known: &Undeclared) -> NamespaceId {
        if let Some(id) = self.namespace(name) {
            return id;
        }
        let name: Arc<str> = name.into();
        let id = self.namespaces.push(undeclared(known, name.clone()));
        self.namespace_by_name.insert(name, id);
        id
    }

    /// Makes the group of pods of these labels, sorted by key, and without named ports, if no pod is
    /// of it. It has no endpoint more.
    pub fn suppose_group(
        &mut self,
        namespace: NamespaceId,
        labels: LabelList,
        asked: &AskedLabels,
    ) {
        let group = supposed(namespace, labels);
        let mut groups = GroupIndex::clone(&self.groups);
        let open = self.namespaces.get(namespace).is_some_and(|namespace| namespace.open);
        Variants::new(asked, usize::from(open)).add(self, &mut groups, group);
        self.groups = Arc::new(groups);
    }

    /// The group of such pods, if it is there.
    pub fn supposed_group(&self, namespace: &str, labels: &LabelList) -> Option<GroupId> {
        self.groups.find(&supposed(self.namespace(namespace)?, labels.clone()))
    }
}

fn supposed(namespace: NamespaceId, labels: LabelList) -> Group {
    let (labels, ports) = (Arc::new(labels), Arc::default());
    Group { namespace, labels, hidden: &[], ports, assumed: None, account: None }
}

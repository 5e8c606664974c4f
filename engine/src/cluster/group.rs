//! Pods that no selector and no port name can tell apart.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::{Account, Namespace, NamespaceId};
use crate::manifest::{LabelList, NamedPort};
use crate::net::{PortSet, Protocol};
use crate::selector::Labels;
use crate::shared::{Id, PagedTable, Shards};

/// The number of a [`Group`].
pub type GroupId = Id<Group>;

/// Pods of one namespace with the same labels and named ports.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Group {
    /// The namespace.
    pub namespace: NamespaceId,
    /// Labels, sorted by key.
    pub labels: Arc<LabelList>,
    /// Keys that are present with values that the input does not show.
    pub hidden: &'static [&'static str],
    /// Named ports, sorted.
    pub ports: Arc<Vec<NamedPort>>,
    /// Labels that the namespace is assumed to have besides those that are known, sorted by key.
    pub assumed: Option<Arc<LabelList>>,
    /// The ServiceAccount, if a policy asks for that of some pod.
    pub account: Option<Arc<Account>>,
}

impl Group {
    /// The numbers that a port name stands for, which may be several or none.
    ///
    /// # Source
    /// NetworkPolicy §9: name and protocol must both be equal.
    pub fn named_ports(&self, name: &str, protocol: Protocol) -> PortSet {
        let same = |port: &&NamedPort| *port.name == *name && port.protocol == protocol;
        PortSet::from_ranges(self.ports.iter().filter(same).map(|port| (port.port, port.port)))
    }

    /// Whether a port name stands for a number, among others.
    pub fn names_port(&self, name: &str, protocol: Protocol, number: u16) -> bool {
        self.ports
            .iter()
            .any(|port| port.port == number && port.protocol == protocol && *port.name == *name)
    }
}

/// Labels as selectors ask them.
#[derive(Clone, Copy, Debug)]
pub struct PodLabels<'l> {
    /// Labels, sorted by key.
    pub labels: &'l LabelList,
    /// Keys that are present with values that the input does not show.
    pub hidden: &'l [&'static str],
}

impl Labels for PodLabels<'_> {
    fn value(&self, key: &str) -> Option<&str> {
        let at = self.labels.binary_search_by(|(known, _)| (**known).cmp(key)).ok()?;
        self.labels.get(at).map(|(_, value)| &**value)
    }

    fn hidden(&self, key: &str) -> bool {
        self.hidden.contains(&key)
    }
}

/// All groups, and which of them carry a label.
#[derive(Clone, Debug, Default)]
pub struct GroupIndex {
    groups: PagedTable<Group>,
    ids: Shards<Group, GroupId>,
    by_namespace: PagedTable<Vec<GroupId>, Namespace>,
    by_label: Shards<Arc<str>, Shards<Arc<str>, Vec<GroupId>>>,
    by_key: Shards<Arc<str>, Vec<GroupId>>,
    by_hidden: FxHashMap<&'static str, Vec<GroupId>>,
}

impl GroupIndex {
    /// The group's number.
    pub fn intern(&mut self, group: Group) -> GroupId {
        if let Some(&id) = self.ids.get(&group) {
            return id;
        }
        let id = self.groups.push(group.clone());
        if let Some(list) = self.by_namespace.or_default(group.namespace) {
            list.push(id);
        }
        for (key, value) in &*group.labels {
            let values = self.by_label.or_default(key);
            let with_label = values.and_then(|values| values.or_default(value));
            with_label.into_iter().for_each(|list| list.push(id));
            self.by_key.or_default(key).into_iter().for_each(|list| list.push(id));
        }
        for key in group.hidden {
            self.by_hidden.entry(key).or_default().push(id);
        }
        self.ids.insert(group, id);
        id
    }

    /// The group's number, if it has one.
    pub fn find(&self, group: &Group) -> Option<GroupId> {
        self.ids.get(group).copied()
    }

    /// How many groups there are; their numbers are those below.
    pub fn len(&self) -> usize {
        self.groups.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// A group.
    pub fn get(&self, id: GroupId) -> Option<&Group> {
        self.groups.get(id)
    }

    /// All groups, by number.
    pub fn iter(&self) -> impl Iterator<Item = (GroupId, &Group)> {
        self.groups.iter()
    }

    /// Groups from a number on, by number.
    pub fn from(&self, first: GroupId) -> impl Iterator<Item = (GroupId, &Group)> {
        self.groups.from(first)
    }

    /// Whether all groups of another index are in this one, with the same numbers.
    ///
    /// # Cost
    /// Linear in the groups that it does not share with the other one.
    pub fn continues(&self, before: &Self) -> bool {
        let end = before.groups.next_id();
        let mut others = self.groups.unshared(&before.groups).take_while(|id| *id < end);
        others.all(|id| self.groups.get(id) == before.groups.get(id))
    }

    /// Groups of a namespace, ascending.
    pub fn in_namespace(&self, namespace: NamespaceId) -> &[GroupId] {
        self.by_namespace.get(namespace).map_or(&[], Vec::as_slice)
    }

    /// Groups with a label of this value, ascending.
    pub fn with_label(&self, key: &str, value: &str) -> &[GroupId] {
        let values = self.by_label.get(key).and_then(|values| values.get(value));
        values.map_or(&[], Vec::as_slice)
    }

    /// Groups with a label of this key, ascending.
    pub fn with_key(&self, key: &str) -> &[GroupId] {
        self.by_key.get(key).map_or(&[], Vec::as_slice)
    }

    /// Groups with this key and a value that the input does not show, ascending.
    pub fn with_hidden(&self, key: &str) -> &[GroupId] {
        self.by_hidden.get(key).map_or(&[], Vec::as_slice)
    }

    /// Keys of labels that some group carries, in no order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.by_key.keys().map(|key| &**key)
    }
}

//! Workloads, by the groups of their pods.

use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::cluster::{ClusterModel, GroupId, NamespaceId, WorkloadId};
use crate::policy::PeerSet;
use crate::selector::Match;

/// The workloads of each group.
pub struct Workloads<'m> {
    model: &'m ClusterModel,
    by_group: FxHashMap<GroupId, Vec<WorkloadId>>,
}

/// How many workloads are meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// For certain.
    pub certain: usize,
    /// Perhaps.
    pub unknown: usize,
    /// In how many namespaces.
    pub namespaces: usize,
}

impl<'m> Workloads<'m> {
    /// Those of a model.
    ///
    /// # Cost
    /// Linear in the endpoints.
    pub fn new(model: &'m ClusterModel) -> Self {
        let mut by_group: FxHashMap<GroupId, Vec<WorkloadId>> = FxHashMap::default();
        for endpoint in model.endpoints.values() {
            let Some(group) = endpoint.group else { continue };
            let variants = model.variants.get(&group).map(Vec::as_slice).unwrap_or_default();
            for id in std::iter::once(&group).chain(variants) {
                let own = by_group.entry(*id).or_default();
                if own.last() != Some(&endpoint.workload) {
                    own.push(endpoint.workload);
                }
            }
        }
        Self { model, by_group }
    }

    /// The workloads that a set has, each with how certain that is, in the order of the model: a
    /// workload of which some pods are in it for certain is.
    pub fn of(&self, set: &PeerSet) -> BTreeMap<WorkloadId, Match> {
        let mut found = BTreeMap::new();
        for (group, is_certain) in set.groups() {
            let matches = if is_certain { Match::Yes } else { Match::Unknown };
            for workload in self.by_group.get(&group).into_iter().flatten() {
                let known = found.entry(*workload).or_insert(matches);
                *known = matches.max(*known);
            }
        }
        found
    }

    /// How many workloads a set has.
    ///
    /// # Cost
    /// Linear in the workloads, but for sorting.
    pub fn count(&self, set: &PeerSet) -> Counted {
        let certain = self.sorted(set, true);
        let mut unknown = self.sorted(set, false);
        unknown.retain(|id| certain.binary_search(id).is_err());
        let all = certain.iter().chain(&unknown);
        let namespaces = all.filter_map(|id| Some(self.model.workloads.get(*id)?.namespace));
        let namespaces: FxHashSet<NamespaceId> = namespaces.collect();
        let (certain, unknown) = (certain.len(), unknown.len());
        Counted { certain, unknown, namespaces: namespaces.len() }
    }

    /// Workloads of which some pods are in a set, for certain or perhaps.
    fn sorted(&self, set: &PeerSet, is_certain: bool) -> Vec<WorkloadId> {
        let groups = set.groups().filter(|(_, certain)| *certain == is_certain);
        let own = groups.filter_map(|(group, _)| self.by_group.get(&group));
        let mut ids: Vec<WorkloadId> = own.flatten().copied().collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// How many workloads have pods of a group.
    pub fn in_group(&self, group: GroupId) -> usize {
        self.by_group.get(&group).map_or(0, Vec::len)
    }
}

/// `1 workload`, `3 workloads`.
pub fn workloads(count: usize) -> String {
    match count {
        1 => "1 workload".to_owned(),
        count => format!("{count} workloads"),
    }
}

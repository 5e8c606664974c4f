//! Pods on their node's network, by their labels: they are in no group, as no selector matches
//! them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::cluster::{ClusterModel, Endpoint, NamespaceId, PodLabels};
use crate::manifest::LabelList;
use crate::policy::{PeerSet, Scope};
use crate::selector::Match;

/// Pods of a namespace on the host's network, with the same labels.
#[derive(Debug)]
pub struct HostPods {
    namespace: NamespaceId,
    labels: LabelList,
    hidden: Vec<&'static str>,
    /// Kind and name of one of their workloads.
    pub example: (Arc<str>, Arc<str>),
}

/// All of them, by namespace and labels.
///
/// # Cost
/// Linear in the endpoints.
pub fn all(model: &ClusterModel) -> Vec<HostPods> {
    let mut all = BTreeMap::new();
    for endpoint in model.endpoints.values().filter(|endpoint| endpoint.host_network()) {
        let Some(one) = host_pods(model, endpoint) else { continue };
        all.entry((one.namespace, one.labels.clone(), one.hidden.clone())).or_insert(one);
    }
    all.into_values().collect()
}

fn host_pods(model: &ClusterModel, endpoint: &Endpoint) -> Option<HostPods> {
    let workload = model.workload_of(endpoint)?;
    let PodLabels { labels, hidden } = model.labels_of(endpoint)?;
    let (labels, hidden) = (labels.clone(), hidden.to_vec());
    let example = (workload.kind.clone(), workload.name.clone());
    Some(HostPods { namespace: workload.namespace, labels, hidden, example })
}

impl HostPods {
    /// Whether they have a label.
    pub fn has(&self, key: &str, value: &str) -> bool {
        self.labels.iter().any(|(own, its)| **own == *key && **its == *value)
    }

    /// Whether a set's selectors match their labels.
    pub fn would_match(&self, model: &ClusterModel, set: &PeerSet) -> Match {
        let in_scope = match set.scope() {
            Scope::Own(own) => Match::from(*own == self.namespace),
            Scope::Matching(selector) => {
                let namespace = model.namespaces.get(self.namespace);
                namespace.map_or(Match::No, |one| selector.matches(&one.labels()))
            }
            // Calico has no labels of pods on the host's network.
            Scope::Items(_) => Match::No,
        };
        if in_scope == Match::No {
            return Match::No;
        }
        let labels = PodLabels { labels: &self.labels, hidden: &self.hidden };
        in_scope.min(set.pods().matches(&labels))
    }
}

//! Labels that controllers add to the pods of a template.

use std::sync::Arc;

use crate::manifest::{LabelList, WorkloadKind};

/// Per replica of a StatefulSet: its own name, and its number.
pub const REPLICA_KEYS: [&str; 2] =
    ["statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index"];

/// Keys that are certain to be present, with values that the template does not show.
///
/// # Source
/// Others F1: a selector on them is unknown, never "matches nothing".
pub fn hidden_keys(kind: WorkloadKind) -> &'static [&'static str] {
    match kind {
        WorkloadKind::Deployment => &["pod-template-hash"],
        WorkloadKind::Rollout => &["rollouts-pod-template-hash"],
        WorkloadKind::DaemonSet => &["controller-revision-hash", "pod-template-generation"],
        WorkloadKind::StatefulSet => &["controller-revision-hash"],
        WorkloadKind::Job => &["batch.kubernetes.io/controller-uid", "controller-uid"],
        WorkloadKind::CronJob => &[
            "batch.kubernetes.io/controller-uid",
            "batch.kubernetes.io/job-name",
            "controller-uid",
            "job-name",
        ],
        WorkloadKind::VirtualMachine => {
            &["kubevirt.io", "kubevirt.io/created-by", "vm.kubevirt.io/name"]
        }
        WorkloadKind::DeploymentConfig
        | WorkloadKind::ReplicaSet
        | WorkloadKind::ReplicationController => &[],
    }
}

/// Keys of all labels that controllers add.
pub fn controller_keys() -> impl Iterator<Item = &'static str> {
    let hidden = WorkloadKind::ALL.into_iter().flat_map(|(_, _, kind)| hidden_keys(kind));
    hidden.copied().chain(REPLICA_KEYS)
}

/// The template's labels with those that the controller is known to add.
pub fn with_known(kind: WorkloadKind, name: &str, labels: &LabelList) -> LabelList {
    let mut labels = labels.clone();
    if kind == WorkloadKind::Job {
        for key in ["batch.kubernetes.io/job-name", "job-name"] {
            set(&mut labels, key, name);
        }
    }
    labels
}

/// The labels of one replica of a StatefulSet.
pub fn of_replica(name: &str, index: u32, labels: &LabelList) -> LabelList {
    let mut labels = labels.clone();
    let [pod_name, pod_index] = REPLICA_KEYS;
    set(&mut labels, pod_name, &format!("{name}-{index}"));
    set(&mut labels, pod_index, &index.to_string());
    labels
}

/// Sets a label and keeps the list sorted.
pub fn set(labels: &mut LabelList, key: &str, value: &str) {
    let entry = (Arc::from(key), Arc::from(value));
    match labels.binary_search_by(|(known, _)| (**known).cmp(key)) {
        Ok(at) => {
            if let Some(slot) = labels.get_mut(at) {
                *slot = entry;
            }
        }
        Err(at) => labels.insert(at, entry),
    }
}

//! Labels that controllers add to the pods of a template.

use std::sync::Arc;

use crate::manifest::{LabelList, Workload, WorkloadKind};

/// Per replica of a StatefulSet: its own name, and its number.
pub const REPLICA_KEYS: [&str; 2] =
    ["statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index"];

/// The number of a pod of an Indexed Job.
const INDEX: &str = "batch.kubernetes.io/job-completion-index";

const JOB_NAMES: [&str; 2] = ["batch.kubernetes.io/job-name", "job-name"];

/// Of a kind that does not say how many pods it has, or has too many to take them apart: what else
/// is hidden.
const OF_UNNUMBERED: [&str; 3] = [REPLICA_KEYS[0], REPLICA_KEYS[1], "controller-revision-hash"];
const OF_UNNAMED: [&str; 2] = [REPLICA_KEYS[0], "controller-revision-hash"];
/// The uid of the instance; its host name, which is its own or made of its name; and its name, in
/// a form that labels can have.
const OF_MACHINES: [&str; 3] =
    ["kubevirt.io/created-by", "vm.kubevirt.io/name", "vmi.kubevirt.io/id"];
const OF_JOB: [&str; 2] = ["batch.kubernetes.io/controller-uid", "controller-uid"];
const OF_INDEXED_JOB: [&str; 3] = [OF_JOB[0], INDEX, OF_JOB[1]];
const OF_UNNAMED_JOB: [&str; 4] = [OF_JOB[0], JOB_NAMES[0], OF_JOB[1], JOB_NAMES[1]];
const OF_UNNAMED_INDEXED_JOB: [&str; 5] = [OF_JOB[0], INDEX, JOB_NAMES[0], OF_JOB[1], JOB_NAMES[1]];
/// Whatever the template says: `app` is the revision's name only where the template has none.
const OF_KNATIVE: [&str; 7] = [
    "pod-template-hash",
    "serving.knative.dev/configurationGeneration",
    "serving.knative.dev/configurationUID",
    "serving.knative.dev/revision",
    "serving.knative.dev/revisionUID",
    "serving.knative.dev/serviceUID",
    APP,
];

/// Too common to be asked for on behalf of those few pods of which it is not known.
const APP: &str = "app";

/// Keys that are certain to be present, with values that the template does not show; of pods with
/// their number, if they have one and it is known.
///
/// # Source
/// Others F1: a selector on them is unknown, never "matches nothing".
pub fn hidden_keys(workload: &Workload, is_named: bool, is_numbered: bool) -> Keys {
    match workload.kind {
        WorkloadKind::Deployment => &["pod-template-hash"],
        WorkloadKind::Rollout => &["rollouts-pod-template-hash"],
        WorkloadKind::DaemonSet => &["controller-revision-hash", "pod-template-generation"],
        WorkloadKind::StatefulSet if !is_numbered => &OF_UNNUMBERED,
        WorkloadKind::StatefulSet if !is_named => &OF_UNNAMED,
        WorkloadKind::StatefulSet => &["controller-revision-hash"],
        WorkloadKind::Job | WorkloadKind::CronJob => {
            let is_named = is_named && workload.kind == WorkloadKind::Job;
            match (is_named, workload.indexes.is_some() && !is_numbered) {
                (true, false) => &OF_JOB,
                (true, true) => &OF_INDEXED_JOB,
                (false, false) => &OF_UNNAMED_JOB,
                (false, true) => &OF_UNNAMED_INDEXED_JOB,
            }
        }
        kind if kind.is_machine() => &OF_MACHINES,
        WorkloadKind::KnativeService => match is_there(&workload.labels, APP) {
            true => OF_KNATIVE.split_last().map_or(&[], |(_, others)| others),
            false => &OF_KNATIVE,
        },
        WorkloadKind::DeploymentConfig if is_named => &["deployment"],
        WorkloadKind::DeploymentConfig => &["deployment", "deploymentconfig"],
        _ => &[],
    }
}

/// Keys of labels.
pub type Keys = &'static [&'static str];

/// Keys of all labels that controllers add and whose values selectors are asked for.
pub fn controller_keys() -> impl Iterator<Item = &'static str> {
    let others = [
        "controller-revision-hash",
        "deployment",
        "deploymentconfig",
        "pod-template-generation",
        "rollouts-pod-template-hash",
    ];
    let keys =
        others.into_iter().chain(OF_MACHINES).chain(OF_UNNAMED_INDEXED_JOB).chain(OF_KNATIVE);
    keys.chain(REPLICA_KEYS).filter(|key| *key != APP)
}

/// Whether values of all of these are among those that selectors are asked for.
pub fn are_asked(keys: Keys) -> bool {
    !keys.contains(&APP)
}

/// The template's labels with those that the controller is known to add.
pub fn with_known(workload: &Workload, name: Option<&str>, labels: &LabelList) -> LabelList {
    let mut labels = labels.clone();
    if workload.kind.is_machine() {
        set(&mut labels, "kubevirt.io", "virt-launcher");
    }
    let keys: Keys = match workload.kind {
        WorkloadKind::Job => &JOB_NAMES,
        WorkloadKind::DeploymentConfig => &["deploymentconfig"],
        WorkloadKind::KnativeService => {
            &["serving.knative.dev/configuration", "serving.knative.dev/service"]
        }
        _ => &[],
    };
    for key in keys.iter().filter(|_| name.is_some()) {
        set(&mut labels, key, name.unwrap_or_default());
    }
    labels
}

/// The keys by which pods of a kind with numbers differ.
pub fn number_keys(kind: WorkloadKind) -> Keys {
    match kind {
        WorkloadKind::StatefulSet => &REPLICA_KEYS,
        WorkloadKind::Job | WorkloadKind::CronJob => &[INDEX],
        _ => &[],
    }
}

/// All keys by which pods with numbers differ.
pub fn all_number_keys() -> impl Iterator<Item = &'static str> {
    REPLICA_KEYS.into_iter().chain([INDEX])
}

/// The labels of the pod of a number.
pub fn with_number(
    workload: &Workload,
    (name, index): (Option<&str>, u32),
    labels: &LabelList,
) -> LabelList {
    let mut labels = labels.clone();
    if workload.kind != WorkloadKind::StatefulSet {
        set(&mut labels, INDEX, &index.to_string());
        return labels;
    }
    let [pod_name, pod_index] = REPLICA_KEYS;
    if let Some(name) = name {
        set(&mut labels, pod_name, &format!("{name}-{index}"));
    }
    set(&mut labels, pod_index, &index.to_string());
    labels
}

fn is_there(labels: &LabelList, key: &str) -> bool {
    labels.binary_search_by(|(known, _)| (**known).cmp(key)).is_ok()
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

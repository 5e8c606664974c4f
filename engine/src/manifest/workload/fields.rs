//! Which fields the `spec` of a workload has.

use super::super::read::Elsewhere;
use super::WorkloadKind;

/// Fields that are read.
pub fn read(kind: WorkloadKind) -> &'static [&'static str] {
    match kind {
        WorkloadKind::Job | WorkloadKind::CronJob => {
            &["template", "selector", "parallelism", "completions", "completionMode"]
        }
        WorkloadKind::StatefulSet => &["template", "selector", "replicas", "ordinals"],
        WorkloadKind::DaemonSet => &["template", "selector"],
        _ => &["template", "selector", "replicas"],
    }
}

/// Fields that are not read; none of a kind whose fields are not known.
pub fn others(kind: WorkloadKind) -> Option<&'static [&'static str]> {
    Some(match kind {
        WorkloadKind::Job | WorkloadKind::CronJob => OF_JOBS,
        WorkloadKind::DaemonSet => &["minReadySeconds", "revisionHistoryLimit", "updateStrategy"],
        WorkloadKind::Deployment => OF_DEPLOYMENTS,
        WorkloadKind::ReplicaSet | WorkloadKind::ReplicationController => &["minReadySeconds"],
        WorkloadKind::StatefulSet => OF_STATEFUL_SETS,
        WorkloadKind::DeploymentConfig
        | WorkloadKind::KnativeService
        | WorkloadKind::Rollout
        | WorkloadKind::VirtualMachine
        | WorkloadKind::VirtualMachineInstance
        | WorkloadKind::VirtualMachineInstanceReplicaSet => return None,
    })
}

/// What does not belong in the `spec` of a workload with a template.
pub fn elsewhere(kind: WorkloadKind) -> Elsewhere {
    match kind {
        WorkloadKind::ReplicationController => ELSEWHERE_WITH_LABELS,
        _ => ELSEWHERE,
    }
}

const ELSEWHERE: Elsewhere = &[
    ("containerPort", "`template.spec.containers[].ports`"),
    ("containers", "`template.spec`"),
    ("hostNetwork", "`template.spec`"),
    ("label", "`template.metadata.labels`"),
    ("labels", "`template.metadata`"),
    ("matchExpressions", "`selector`"),
    ("matchLabels", "`selector`"),
    ("ports", "`template.spec.containers[]`"),
];

/// The same where the selector is labels alone.
const ELSEWHERE_WITH_LABELS: Elsewhere = &[
    ("containerPort", "`template.spec.containers[].ports`"),
    ("containers", "`template.spec`"),
    ("hostNetwork", "`template.spec`"),
    ("label", "`template.metadata.labels`"),
    ("labels", "`template.metadata`"),
    ("matchLabels", "`selector`, which has labels and no `matchLabels`"),
    ("ports", "`template.spec.containers[]`"),
];

/// What does not belong in the `spec` of a CronJob.
pub const ELSEWHERE_THAN_CRON_JOBS: Elsewhere = &[
    ("completionMode", "`jobTemplate.spec`"),
    ("completions", "`jobTemplate.spec`"),
    ("containers", "`jobTemplate.spec.template.spec`"),
    ("hostNetwork", "`jobTemplate.spec.template.spec`"),
    ("label", "`jobTemplate.spec.template.metadata.labels`"),
    ("labels", "`jobTemplate.spec.template.metadata`"),
    ("parallelism", "`jobTemplate.spec`"),
    ("ports", "`jobTemplate.spec.template.spec.containers[]`"),
    ("template", "`jobTemplate.spec`"),
];

/// Fields of a CronJob besides `jobTemplate`.
pub const OF_CRON_JOBS: &[&str] = &[
    "concurrencyPolicy",
    "failedJobsHistoryLimit",
    "schedule",
    "startingDeadlineSeconds",
    "successfulJobsHistoryLimit",
    "suspend",
    "timeZone",
];

const OF_JOBS: &[&str] = &[
    "activeDeadlineSeconds",
    "backoffLimit",
    "backoffLimitPerIndex",
    "managedBy",
    "manualSelector",
    "maxFailedIndexes",
    "podFailurePolicy",
    "podReplacementPolicy",
    "successPolicy",
    "suspend",
    "ttlSecondsAfterFinished",
];

const OF_DEPLOYMENTS: &[&str] = &[
    "minReadySeconds",
    "paused",
    "progressDeadlineSeconds",
    "revisionHistoryLimit",
    "rollbackTo",
    "strategy",
];

const OF_STATEFUL_SETS: &[&str] = &[
    "minReadySeconds",
    "persistentVolumeClaimRetentionPolicy",
    "podManagementPolicy",
    "revisionHistoryLimit",
    "serviceName",
    "updateStrategy",
    "volumeClaimTemplates",
];

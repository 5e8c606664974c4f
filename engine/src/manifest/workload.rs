//! Workloads: kinds that make pods from a template.

use super::meta::{LabelList, Meta};
use super::pod::{self, PodSpec};
use super::read::{Keys, Path, Reader};
use crate::tree::Node;

/// A kind that makes pods from a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WorkloadKind {
    /// `batch` CronJob.
    CronJob,
    /// `apps` DaemonSet.
    DaemonSet,
    /// `apps` Deployment.
    Deployment,
    /// `apps.openshift.io` DeploymentConfig.
    DeploymentConfig,
    /// `batch` Job.
    Job,
    /// `apps` ReplicaSet.
    ReplicaSet,
    /// Core ReplicationController.
    ReplicationController,
    /// `argoproj.io` Rollout.
    Rollout,
    /// `apps` StatefulSet.
    StatefulSet,
    /// `kubevirt.io` VirtualMachine, whose template declares no container ports.
    VirtualMachine,
}

impl WorkloadKind {
    /// All of them: kind, API groups, and itself.
    pub const ALL: [(&'static str, &'static [&'static str], Self); 10] = [
        ("CronJob", &["batch"], Self::CronJob),
        ("DaemonSet", &["apps", "extensions"], Self::DaemonSet),
        ("Deployment", &["apps", "extensions"], Self::Deployment),
        ("DeploymentConfig", &["apps.openshift.io", ""], Self::DeploymentConfig),
        ("Job", &["batch"], Self::Job),
        ("ReplicaSet", &["apps", "extensions"], Self::ReplicaSet),
        ("ReplicationController", &[""], Self::ReplicationController),
        ("Rollout", &["argoproj.io"], Self::Rollout),
        ("StatefulSet", &["apps"], Self::StatefulSet),
        ("VirtualMachine", &["kubevirt.io"], Self::VirtualMachine),
    ];

    /// The kind of this name in this API group.
    pub fn find(kind: &str, group: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|(name, groups, _)| *name == kind && groups.contains(&group))
            .map(|(_, _, kind)| kind)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(_, _, kind)| *kind == self).map_or("", |(name, _, _)| name)
    }
}

/// What the engine keeps of a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Its kind.
    pub kind: WorkloadKind,
    /// `replicas`, or `completions` bounded by `parallelism` for a Job; none where the number
    /// hangs on nodes or is not written.
    pub replicas: Option<u32>,
    /// The number of the first replica: `ordinals.start` of a StatefulSet, else 0.
    pub first_replica: u32,
    /// Labels of the template, sorted by key. The workload's own labels play no part.
    pub labels: LabelList,
    /// The template's `spec`.
    pub pod: PodSpec,
}

/// Reads a workload's `spec`.
pub fn read(reader: &mut Reader, kind: WorkloadKind, object: &Node<'_>) -> Workload {
    let spec = Path::Root.field("spec");
    let nothing = Node { value: crate::tree::Value::Null, span: object.span };
    let node = object.get("spec").unwrap_or(&nothing);
    if kind == WorkloadKind::CronJob {
        let fields = reader.fields(&spec, node, Keys::Among(&["jobTemplate"]));
        let (job, path) =
            (fields.get("jobTemplate").unwrap_or(&nothing), spec.field("jobTemplate"));
        let inner = reader.fields(&path, job, Keys::Among(&["metadata", "spec"]));
        let path = path.field("spec");
        return read_spec(reader, kind, &path, inner.get("spec").unwrap_or(&nothing));
    }
    read_spec(reader, kind, &spec, node)
}

fn read_spec(
    reader: &mut Reader,
    kind: WorkloadKind,
    path: &Path<'_>,
    node: &Node<'_>,
) -> Workload {
    let counted = match kind {
        WorkloadKind::Job | WorkloadKind::CronJob => Some("parallelism"),
        WorkloadKind::DaemonSet | WorkloadKind::VirtualMachine => None,
        _ => Some("replicas"),
    };
    let known = ["template", "selector", "ordinals", counted.unwrap_or("template")];
    let fields = reader.fields(path, node, Keys::Among(&known));
    let replicas = counted.and_then(|name| {
        let written = reader.integer(&path.field(name), fields.get(name));
        u32::try_from(written.unwrap_or(1)).ok()
    });
    let first_replica = match (kind, fields.get("ordinals")) {
        (WorkloadKind::StatefulSet, Some(node)) => first_replica(reader, path, node),
        _ => 0,
    };
    let path = path.field("template");
    let nothing = Node { value: crate::tree::Value::Null, span: node.span };
    let template = fields.get("template").unwrap_or(&nothing);
    let fields = reader.fields(&path, template, Keys::Among(&["metadata", "spec"]));
    let meta = fields
        .get("metadata")
        .map(|node| Meta::read_template(reader, &path.field("metadata"), node));
    let pod = pod::read_spec(reader, &path.field("spec"), fields.get("spec"));
    Workload { kind, replicas, first_replica, labels: meta.unwrap_or_default().labels, pod }
}

fn first_replica(reader: &mut Reader, spec: &Path<'_>, ordinals: &Node<'_>) -> u32 {
    let path = spec.field("ordinals");
    let fields = reader.fields(&path, ordinals, Keys::Exactly(&["start"]));
    let start = reader.integer(&path.field("start"), fields.get("start"));
    start.and_then(|start| u32::try_from(start).ok()).unwrap_or(0)
}

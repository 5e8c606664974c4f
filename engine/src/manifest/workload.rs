//! Workloads: kinds that make pods from a template.

mod complete;
mod fields;
mod machine;

pub(super) use complete::of_a_tree;

use super::meta::{LabelList, Meta, Owner};
use super::pod::{self, PodSpec};
use super::read::{Keys, Path, Reader};
use crate::tree::{Node, Value};

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
    /// `serving.knative.dev` Service, which is a workload and no Service.
    KnativeService,
    /// `kubevirt.io` VirtualMachine.
    VirtualMachine,
    /// `kubevirt.io` VirtualMachineInstance, which has no template: it is what one stands for.
    VirtualMachineInstance,
    /// `kubevirt.io` VirtualMachineInstanceReplicaSet.
    VirtualMachineInstanceReplicaSet,
}

/// The group in which a Service is a workload.
pub const KNATIVE: &str = "serving.knative.dev";

impl WorkloadKind {
    /// All of them: kind, API groups, and itself.
    pub const ALL: [(&'static str, &'static [&'static str], Self); 13] = [
        ("CronJob", &["batch"], Self::CronJob),
        ("DaemonSet", &["apps", "extensions"], Self::DaemonSet),
        ("Deployment", &["apps", "extensions"], Self::Deployment),
        ("DeploymentConfig", &["apps.openshift.io", ""], Self::DeploymentConfig),
        ("Job", &["batch"], Self::Job),
        ("KnativeService", &[KNATIVE], Self::KnativeService),
        ("ReplicaSet", &["apps", "extensions"], Self::ReplicaSet),
        ("ReplicationController", &[""], Self::ReplicationController),
        ("Rollout", &["argoproj.io"], Self::Rollout),
        ("StatefulSet", &["apps"], Self::StatefulSet),
        ("VirtualMachine", &["kubevirt.io"], Self::VirtualMachine),
        ("VirtualMachineInstance", &["kubevirt.io"], Self::VirtualMachineInstance),
        (
            "VirtualMachineInstanceReplicaSet",
            &["kubevirt.io"],
            Self::VirtualMachineInstanceReplicaSet,
        ),
    ];

    /// The kind of this name in this API group.
    pub fn find(kind: &str, group: &str) -> Option<Self> {
        let kind = match (kind, group) {
            ("Service", KNATIVE) => "KnativeService",
            (_, KNATIVE) => return None,
            _ => kind,
        };
        let mut all = Self::ALL.into_iter();
        all.find(|(name, groups, _)| *name == kind && groups.contains(&group))
            .map(|(_, _, kind)| kind)
    }

    /// Whether it is a kind of Kubernetes itself.
    pub fn is_of_kubernetes(self) -> bool {
        let is_others =
            matches!(self, Self::DeploymentConfig | Self::KnativeService | Self::Rollout);
        !is_others && !self.is_machine()
    }

    /// Whether its pods run virtual machines.
    pub fn is_machine(self) -> bool {
        matches!(
            self,
            Self::VirtualMachine
                | Self::VirtualMachineInstance
                | Self::VirtualMachineInstanceReplicaSet
        )
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
    /// `completions` of a Job or CronJob whose pods have numbers: `completionMode: Indexed`.
    pub indexes: Option<u32>,
    /// The number of the first replica: `ordinals.start` of a StatefulSet, else 0.
    pub first_replica: u32,
    /// Labels of the template, sorted by key. The workload's own labels play no part.
    pub labels: LabelList,
    /// The template's `spec`.
    pub pod: PodSpec,
    /// Kind and name of the workload that has the template instead: `workloadRef` of a Rollout.
    pub template_of: Option<Owner>,
    /// What pods are called that have more labels than the template, and these labels: those that
    /// a Rollout gives to its canary and its stable pods, and the like.
    pub marked: Vec<(&'static str, LabelList)>,
}

/// Reads a workload's `spec`.
pub fn read(reader: &mut Reader, kind: WorkloadKind, object: &Node<'_>) -> Workload {
    let spec = Path::Root.field("spec");
    let nothing = Node { value: Value::Null, span: object.span };
    let node = object.get("spec").unwrap_or(&nothing);
    if kind == WorkloadKind::VirtualMachineInstance {
        return machine::read_instance(reader, &spec, object);
    }
    if kind == WorkloadKind::CronJob {
        let keys =
            Keys::Open(&["jobTemplate"], fields::OF_CRON_JOBS, fields::ELSEWHERE_THAN_CRON_JOBS);
        let fields = reader.fields(&spec, node, keys);
        let (job, path) =
            (fields.get("jobTemplate").unwrap_or(&nothing), spec.field("jobTemplate"));
        let inner = reader.fields(&path, job, Keys::Among(&["metadata", "spec"]));
        let path = path.field("spec");
        return read_spec(reader, kind, &path, inner.get("spec").unwrap_or(&nothing));
    }
    let workload = read_spec(reader, kind, &spec, node);
    let version = object.get("apiVersion").and_then(Node::as_str);
    complete::check_selector(reader, version, &workload, node);
    workload
}

fn read_spec(
    reader: &mut Reader,
    kind: WorkloadKind,
    path: &Path<'_>,
    node: &Node<'_>,
) -> Workload {
    let counted = match kind {
        WorkloadKind::Job | WorkloadKind::CronJob => Some("parallelism"),
        WorkloadKind::DaemonSet | WorkloadKind::VirtualMachine | WorkloadKind::KnativeService => {
            None
        }
        _ => Some("replicas"),
    };
    let known = ["template", "selector", "ordinals", counted.unwrap_or("template")];
    let keys = match fields::others(kind) {
        Some(others) => Keys::Open(fields::read(kind), others, fields::elsewhere(kind)),
        None => Keys::Among(&known),
    };
    let fields = reader.fields(path, node, keys);
    let replicas = counted.and_then(|name| {
        let written = reader.integer(&path.field(name), fields.get(name));
        u32::try_from(written.unwrap_or(1)).ok()
    });
    let first_replica = match (kind, fields.get("ordinals")) {
        (WorkloadKind::StatefulSet, Some(node)) => first_replica(reader, path, node),
        _ => 0,
    };
    let indexes = match counted {
        Some("parallelism") => indexes(reader, path, node),
        _ => None,
    };
    let template_of = workload_ref(kind, node);
    if template_of.is_none() {
        complete::check_template(reader, kind, path, node);
    }
    let (labels, pod) = template(reader, kind, path, node);
    let marked =
        if kind == WorkloadKind::Rollout { marked(reader, path, node) } else { Vec::new() };
    Workload { kind, replicas, indexes, first_replica, labels, pod, template_of, marked }
}

fn template(
    reader: &mut Reader,
    kind: WorkloadKind,
    spec: &Path<'_>,
    node: &Node<'_>,
) -> (LabelList, PodSpec) {
    let path = spec.field("template");
    let nothing = Node { value: Value::Null, span: node.span };
    let template = node.get("template").unwrap_or(&nothing);
    let fields = reader.fields(&path, template, Keys::Exactly(&["metadata", "spec"]));
    let meta = fields
        .get("metadata")
        .map(|node| Meta::read_template(reader, &path.field("metadata"), node));
    let read = if kind.is_machine() { machine::read_spec } else { pod::read_spec };
    let pod = read(reader, &path.field("spec"), fields.get("spec"));
    (meta.unwrap_or_default().labels, pod)
}

fn first_replica(reader: &mut Reader, spec: &Path<'_>, ordinals: &Node<'_>) -> u32 {
    let path = spec.field("ordinals");
    let fields = reader.fields(&path, ordinals, Keys::Exactly(&["start"]));
    let start = reader.integer(&path.field("start"), fields.get("start"));
    start.and_then(|start| u32::try_from(start).ok()).unwrap_or(0)
}

/// How many numbers the pods of a Job have; none if they have none.
fn indexes(reader: &mut Reader, spec: &Path<'_>, node: &Node<'_>) -> Option<u32> {
    let mode = node.get("completionMode").and_then(Node::as_str);
    let completions = reader.integer(&spec.field("completions"), node.get("completions"));
    (mode == Some("Indexed")).then(|| u32::try_from(completions.unwrap_or(1)).ok()).flatten()
}

fn workload_ref(kind: WorkloadKind, spec: &Node<'_>) -> Option<Owner> {
    let of = spec.get("workloadRef").filter(|_| kind == WorkloadKind::Rollout)?;
    let text = |field: &str| of.get(field).and_then(Node::as_str).unwrap_or_default().into();
    Some(Owner { kind: text("kind"), name: text("name") })
}

/// Where a Rollout says which labels some of its pods have besides, and what these are called.
const MARKS: [(&str, &str, &str); 4] = [
    ("canary", "canaryMetadata", "canary"),
    ("canary", "stableMetadata", "stable"),
    ("blueGreen", "previewMetadata", "preview"),
    ("blueGreen", "activeMetadata", "active"),
];

fn marked(reader: &mut Reader, spec: &Path<'_>, node: &Node<'_>) -> Vec<(&'static str, LabelList)> {
    let path = spec.field("strategy");
    let marks = MARKS.map(|(strategy, field, name)| {
        let labels = node.get("strategy")?.get(strategy)?.get(field)?.get("labels")?;
        let path = path.field(strategy);
        let path = path.field(field);
        Some((name, reader.labels(&path.field("labels"), Some(labels))))
    });
    marks.into_iter().flatten().filter(|(_, labels)| !labels.is_empty()).collect()
}

//! Workloads.

use super::{Labels, Owner, Spec};

/// A kind with a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names of Kubernetes")]
pub enum Kind {
    Deployment,
    ReplicaSet,
    StatefulSet,
    DaemonSet,
    Job,
    CronJob,
}

/// A workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Kind.
    pub kind: Kind,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// `ordinals.start`, of StatefulSets.
    pub first: Option<u32>,
    /// `replicas`, where the kind has it.
    pub replicas: Option<u32>,
    /// Labels of the template.
    pub labels: Labels,
    /// `spec` of the template.
    pub spec: Spec,
    /// Who made it.
    pub owner: Option<Owner>,
}

impl Workload {
    /// §6: whether it is known to have one pod at most.
    pub fn is_alone(&self) -> bool {
        let is_scaled = matches!(self.kind, Kind::Deployment | Kind::ReplicaSet);
        is_scaled && self.replicas.unwrap_or(1) <= 1
    }
}

impl Kind {
    /// As Kubernetes writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::ReplicaSet => "ReplicaSet",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::Job => "Job",
            Self::CronJob => "CronJob",
        }
    }
}

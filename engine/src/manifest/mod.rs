//! Kubernetes objects: from trees to typed values, one file per kind.

mod document;
mod file;
mod meta;
pub mod pod;
pub mod policy;
mod read;
mod service;
mod stored;
mod syntax;
pub mod workload;

pub use document::{Document, read_document};
pub use file::{Part, SourceFile};
pub use meta::{LabelList, Meta, Owner};
pub use pod::{NamedPort, Phase, PodSpec, PodStatus};
pub use policy::{Block, Direction, NetworkPolicy, Peer, PeerKind, PortEntry, PortMatch, Rule};
pub use service::{Service, ServicePort, TargetPort};
pub use stored::{Stored, read_stored};
pub use workload::{Workload, WorkloadKind};

use std::net::IpAddr;

use ipnet::IpNet;

use crate::source::Span;

/// An object that the engine understands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// `metadata`.
    pub meta: Meta,
    /// What it is.
    pub body: Body,
    /// Where it stands in its document.
    pub span: Span,
}

/// What an object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// A NetworkPolicy.
    Policy(NetworkPolicy),
    /// A Pod.
    Pod {
        /// `spec`.
        spec: PodSpec,
        /// `status`.
        status: PodStatus,
    },
    /// A kind that makes pods.
    Workload(Workload),
    /// A Namespace.
    Namespace,
    /// A Node.
    Node {
        /// `status.addresses` that are addresses.
        addresses: Vec<IpAddr>,
        /// `spec.podCIDRs` that are blocks.
        pod_cidrs: Box<[IpNet]>,
    },
    /// A Service.
    Service(Service),
}

impl Object {
    /// Its kind.
    pub fn kind(&self) -> &'static str {
        match &self.body {
            Body::Policy(_) => "NetworkPolicy",
            Body::Pod { .. } => "Pod",
            Body::Workload(workload) => workload.kind.name(),
            Body::Namespace => "Namespace",
            Body::Node { .. } => "Node",
            Body::Service(_) => "Service",
        }
    }

    /// Whether objects of its kind live in namespaces.
    pub fn is_namespaced(&self) -> bool {
        !matches!(self.body, Body::Namespace | Body::Node { .. })
    }
}

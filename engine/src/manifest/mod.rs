//! Kubernetes objects: from trees to typed values, one file per kind.

mod builtin;
pub mod calico;
pub mod cluster_policy;
mod custom;
mod document;
mod file;
mod ignore;
mod known;
mod meta;
mod mode;
mod names;
pub mod pod;
pub mod policy;
mod read;
mod route;
mod service;
mod stored;
pub(crate) mod syntax;
mod unjudged;
mod validate;
mod wanted;
mod words;
pub mod workload;

pub use calico::CalicoKind;
pub use cluster_policy::{ClusterPolicy, ClusterPolicyKind, ClusterTier, Subject};
pub use custom::MakesPods;
pub use document::{Account, Document, ForeignKind, read_document};
pub use file::{Part, SourceFile};
pub use ignore::IGNORE_ANNOTATION;
pub(crate) use known::Known;
pub use meta::{LabelList, Meta, Owner, Revision};
pub use mode::{MODE_ANNOTATION, Mode};
pub use pod::{NamedPort, Phase, PodSpec, PodStatus};
pub use policy::{
    Action, Block, ByDirection, Direction, NetworkPolicy, Networks, Peer, PeerKind, PortEntry,
    PortMatch, Rule,
};
pub use route::{Reference, Route, Via};
pub use service::{EndpointPort, Endpoints, Service, ServicePort, Subset, TargetPort};
pub use stored::{Stored, read_stored, read_stored_tree};
pub use wanted::{Wanted, wanted};
pub use workload::{Workload, WorkloadKind};

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use crate::selector::{Operator, Requirement, Selector};
use crate::source::Span;
use crate::tree::Node;

/// An object that the engine understands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// `metadata`.
    pub meta: Meta,
    /// What it is.
    pub body: Body,
    /// Where it stands in its document.
    pub span: Span,
    /// What is not understood of it, where this is what remains of a policy for whoever enforces
    /// it: it is closed there.
    pub closed: Option<Arc<str>>,
}

/// What an object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// A NetworkPolicy.
    Policy(NetworkPolicy),
    /// A ClusterNetworkPolicy, or what it replaces.
    ClusterPolicy(ClusterPolicy),
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
    /// What is behind a Service.
    Endpoints(Endpoints),
    /// A ServiceAccount, as a watch tells of it.
    Account,
    /// A policy of one of Calico's kinds.
    CalicoPolicy(Box<calico::Ruled>),
    /// An object of another one of Calico's kinds.
    Calico(CalicoKind, calico::CalicoBody),
}

/// The label selector that a tree is; none if an API server would refuse it.
pub fn selector_of(node: &Node<'_>) -> Option<Selector> {
    let mut reader = read::Reader::default();
    let selector = policy::selector::read(&mut reader, &read::Path::Root, Some(node));
    selector.filter(|_| !reader.refused)
}

/// The selector of all labels of a tree, as Services have it; none if they are no labels.
pub fn labels_of(node: &Node<'_>) -> Option<Selector> {
    let mut reader = read::Reader::default();
    let labels = reader.labels(&read::Path::Root, Some(node));
    let asked = labels.into_iter().map(|(key, value)| Requirement {
        key,
        operator: Operator::In,
        values: vec![value],
    });
    (!reader.refused).then(|| Selector::new(asked.collect()))
}

impl Body {
    /// Whether it is a policy, of whatever kind.
    pub fn is_policy(&self) -> bool {
        matches!(self, Self::Policy(_) | Self::ClusterPolicy(_) | Self::CalicoPolicy(_))
    }
}

impl Object {
    /// One that was read, and understood.
    fn of(meta: Meta, body: Body, node: &Node<'_>) -> Self {
        Self { meta: meta.revised(&body, node), body, span: node.span, closed: None }
    }

    /// Whether another one of the same name says the same, in the same version.
    pub fn says_the_same(&self, other: &Self) -> bool {
        let meaning =
            |object: &Self| (object.meta.revision.clone(), object.meta.mode, object.closed.clone());
        self.body == other.body && meaning(self) == meaning(other)
    }

    /// Its kind.
    pub fn kind(&self) -> &'static str {
        match &self.body {
            Body::Policy(_) => "NetworkPolicy",
            Body::ClusterPolicy(policy) => policy.kind.name(),
            Body::Pod { .. } => "Pod",
            Body::Workload(workload) => workload.kind.name(),
            Body::Namespace => "Namespace",
            Body::Node { .. } => "Node",
            Body::Service(_) => "Service",
            Body::Account => "ServiceAccount",
            Body::Endpoints(endpoints) => endpoints.kind,
            Body::CalicoPolicy(policy) => policy.kind.full_name(),
            Body::Calico(kind, _) => kind.full_name(),
        }
    }

    /// Whether objects of its kind live in namespaces.
    pub fn is_namespaced(&self) -> bool {
        match &self.body {
            Body::Namespace | Body::Node { .. } | Body::ClusterPolicy(_) => false,
            Body::CalicoPolicy(policy) => policy.kind.is_namespaced(),
            Body::Calico(kind, _) => kind.is_namespaced(),
            _ => true,
        }
    }

    /// Whether it is a policy, of whatever kind.
    pub fn is_policy(&self) -> bool {
        self.body.is_policy()
    }

    /// A policy's rules of a direction, in order; empty for what is no policy.
    pub fn rules(&self, direction: Direction) -> &[Rule] {
        match &self.body {
            Body::Policy(policy) => policy.rules(direction),
            Body::ClusterPolicy(policy) => policy.rules(direction),
            Body::CalicoPolicy(policy) => policy.rules[direction].as_deref().unwrap_or_default(),
            Body::Calico(_, calico::CalicoBody::Profile(profile)) => &profile.rules[direction],
            _ => &[],
        }
    }

    /// The field of a policy's rule that has the ports.
    pub fn ports_field(&self) -> &'static str {
        match &self.body {
            Body::ClusterPolicy(policy) => policy.kind.ports_field(),
            _ => "ports",
        }
    }
}

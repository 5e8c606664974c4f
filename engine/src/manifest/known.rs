//! Kinds that the engine understands.

use ipnet::IpNet;

use super::cluster_policy::{self, ClusterPolicyKind, Origin};
use super::meta::Meta;
use super::read::{Keys, Path, Reader};
use super::workload::{self, WorkloadKind};
use super::{Body, pod, policy, service, validate};
use crate::diagnostic::{Code, Diagnostic, is_slip};
use crate::tree::Node;

/// The names of all of them.
const NAMES: &[&str] = &[
    "AdminNetworkPolicy",
    "BaselineAdminNetworkPolicy",
    "ClusterNetworkPolicy",
    "CronJob",
    "DaemonSet",
    "Deployment",
    "DeploymentConfig",
    "Job",
    "Namespace",
    "NetworkPolicy",
    "Node",
    "Pod",
    "ReplicaSet",
    "ReplicationController",
    "Rollout",
    "Service",
    "StatefulSet",
    "VirtualMachine",
    "VirtualMachineInstance",
    "VirtualMachineInstanceReplicaSet",
];

/// A kind that the engine understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    Policy,
    ClusterPolicy(ClusterPolicyKind),
    Pod,
    Namespace,
    Node,
    Service,
    Endpoints { sliced: bool },
    Workload(WorkloadKind),
}

impl Known {
    /// The kind, or none for one that is passed over, with a finding if only its version is odd.
    pub fn find(kind: &str, api_version: &str) -> Result<Self, Option<Box<Diagnostic>>> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let known = Self::of(group, kind).ok_or(None)?;
        if known.served(group).contains(&version) {
            return Ok(known);
        }
        let message = format!("no API server serves {kind} as `{api_version}`: it is ignored");
        let help = format!("write `apiVersion: {}`", known.current_version());
        Err(Some(Box::new(Diagnostic::new(Code::UnsupportedVersion, message).with_help(help))))
    }

    /// The kind of a group, in whatever version.
    pub fn of(group: &str, kind: &str) -> Option<Self> {
        Some(match (group, kind) {
            (cluster_policy::GROUP, _) => Self::ClusterPolicy(ClusterPolicyKind::find(kind)?),
            ("networking.k8s.io" | "extensions", "NetworkPolicy") => Self::Policy,
            ("", "Pod") => Self::Pod,
            ("", "Namespace") => Self::Namespace,
            ("", "Node") => Self::Node,
            ("", "Service") => Self::Service,
            ("", "Endpoints") => Self::Endpoints { sliced: false },
            ("discovery.k8s.io", "EndpointSlice") => Self::Endpoints { sliced: true },
            _ => Self::Workload(WorkloadKind::find(kind, group)?),
        })
    }

    /// Kinds of a group by their names.
    pub fn in_group(group: &str) -> impl Iterator<Item = (Self, &'static str)> {
        NAMES.iter().filter_map(move |name| Some((Self::of(group, name)?, *name)))
    }

    /// The kind of this name, in whatever group.
    pub fn named(kind: &str) -> Option<Self> {
        let groups = ["", "apps", "batch", "networking.k8s.io", cluster_policy::GROUP];
        let others = ["apps.openshift.io", "argoproj.io", "kubevirt.io"];
        groups.into_iter().chain(others).find_map(|group| Self::of(group, kind))
    }

    /// The name that differs from a text by a slip, of whatever group, with its kind.
    pub fn by_slip(text: &str) -> Option<(Self, &'static str)> {
        let mut names = NAMES.iter().filter(|name| is_slip(text, name));
        names.find_map(|name| Some((Self::named(name)?, *name)))
    }

    /// Whether it is a kind of policies.
    pub fn is_policy(self) -> bool {
        matches!(self, Self::Policy | Self::ClusterPolicy(_))
    }

    /// Whether its objects are pods, or make some.
    pub fn makes_pods(self) -> bool {
        matches!(self, Self::Pod | Self::Workload(_))
    }

    /// Versions of a group that are, or once were, served for the kind.
    pub fn served(self, group: &str) -> &'static [&'static str] {
        match (self, group) {
            (Self::ClusterPolicy(kind), _) => kind.versions(),
            (_, "extensions") => &["v1beta1"],
            (_, "" | "networking.k8s.io" | "apps.openshift.io") => &["v1"],
            (_, workload::KNATIVE) => &["v1", "v1beta1", "v1alpha1"],
            (_, "discovery.k8s.io") => &["v1", "v1beta1", "v1alpha1"],
            (_, "apps") => &["v1", "v1beta1", "v1beta2"],
            (_, "kubevirt.io") => &["v1", "v1alpha3"],
            (_, "batch") => &["v1", "v1beta1", "v2alpha1"],
            _ => &["v1alpha1", "v1beta1", "v1"],
        }
    }

    /// What is wrong with a version that is understood and no longer served, and what to write.
    pub fn outdated(self, version: &str) -> Option<(String, String)> {
        match self {
            Self::ClusterPolicy(kind) => kind.outdated(),
            _ if version == "extensions/v1beta1" => {
                let kind = match self {
                    Self::Workload(kind) => kind.name(),
                    _ => "NetworkPolicy",
                };
                let message = format!("`extensions/v1beta1` {kind} is no longer served");
                Some((message, format!("write `apiVersion: {}`", self.current_version())))
            }
            _ => None,
        }
    }

    pub fn current_version(self) -> &'static str {
        match self {
            Self::Policy => "networking.k8s.io/v1",
            Self::ClusterPolicy(kind) => kind.current_version(),
            Self::Workload(WorkloadKind::Job | WorkloadKind::CronJob) => "batch/v1",
            Self::Workload(WorkloadKind::ReplicationController) => "v1",
            Self::Workload(WorkloadKind::DeploymentConfig) => "apps.openshift.io/v1",
            Self::Workload(WorkloadKind::Rollout) => "argoproj.io/v1alpha1",
            Self::Workload(WorkloadKind::KnativeService) => "serving.knative.dev/v1",
            Self::Workload(kind) if kind.is_machine() => "kubevirt.io/v1",
            Self::Endpoints { sliced: true } => "discovery.k8s.io/v1",
            Self::Workload(_) => "apps/v1",
            _ => "v1",
        }
    }

    pub fn read(self, reader: &mut Reader, node: &Node<'_>, meta: &Meta) -> Body {
        match self {
            // Their own fields.
            Self::Endpoints { .. } => {}
            // Later versions may have more.
            Self::Workload(kind) if !kind.is_of_kubernetes() => {
                reader.fields(&Path::Root, node, Keys::Among(OBJECT));
            }
            _ => {
                reader.fields(&Path::Root, node, Keys::Exactly(OBJECT));
            }
        }
        match self {
            Self::Policy => Body::Policy(policy::read(reader, node)),
            Self::ClusterPolicy(kind) => {
                Body::ClusterPolicy(cluster_policy::read(reader, node, kind, Origin::Written))
            }
            Self::Pod => read_pod(reader, node),
            Self::Namespace => Body::Namespace,
            Self::Node => read_node(reader, node),
            Self::Service => Body::Service(service::read(reader, node)),
            Self::Endpoints { sliced: false } => {
                Body::Endpoints(service::read_endpoints(reader, node, &meta.name))
            }
            Self::Endpoints { sliced: true } => {
                Body::Endpoints(service::read_slice(reader, node, &meta.labels))
            }
            Self::Workload(kind) => Body::Workload(workload::read(reader, kind, node)),
        }
    }
}

const OBJECT: &[&str] = &["apiVersion", "kind", "metadata", "spec", "status"];

/// Reads what counts of a Pod.
pub(super) fn read_pod(reader: &mut Reader, node: &Node<'_>) -> Body {
    let (spec, status) = (Path::Root.field("spec"), Path::Root.field("status"));
    Body::Pod {
        spec: pod::read_spec(reader, &spec, node.get("spec")),
        status: pod::read_status(reader, &status, node.get("status")),
    }
}

/// Reads what counts of a Node.
pub(super) fn read_node(reader: &mut Reader, node: &Node<'_>) -> Body {
    let (spec, status) = (Path::Root.field("spec"), Path::Root.field("status"));
    Body::Node {
        addresses: node_addresses(reader, &status, node.get("status")),
        pod_cidrs: pod_cidrs(reader, &spec, node.get("spec")),
    }
}

/// The blocks of a node's pods: the field of both families, or the older one of one.
fn pod_cidrs(reader: &mut Reader, path: &Path<'_>, spec: Option<&Node<'_>>) -> Box<[IpNet]> {
    let items = reader.items(&path.field("podCIDRs"), spec.and_then(|spec| spec.get("podCIDRs")));
    let older = spec.and_then(validate::older_block).map(|(older, _)| older);
    let listed = items.iter().filter_map(Node::as_str).filter(|_| older.is_none());
    let blocks = older.into_iter().chain(listed).filter_map(|text| text.parse::<IpNet>().ok());
    blocks.map(|block| block.trunc()).collect()
}

fn node_addresses(
    reader: &mut Reader,
    path: &Path<'_>,
    status: Option<&Node<'_>>,
) -> Vec<std::net::IpAddr> {
    let path = path.field("addresses");
    let items = reader.items(&path, status.and_then(|status| status.get("addresses")));
    let mut addresses: Vec<_> =
        items.iter().filter_map(|item| item.get("address").and_then(pod::address)).collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

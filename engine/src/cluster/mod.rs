//! The resolved cluster: who is there, with which labels, ports and addresses.

mod address;
mod build;
mod calico;
mod draft;
mod group;
mod hidden;
mod host;
mod intern;
mod item;
mod namespace;
mod nodes;
mod owner;
mod pods;
mod suppose;
mod variant;

pub use address::{AddressSpace, Addresses, Place, names_also};
pub use build::{Input, build, namespace_of};
pub use calico::{Account, Calico, ItemSet, TierPlace};
pub use draft::life;
pub use group::{Group, GroupId, GroupIndex, PodLabels};
pub use hidden::{all_number_keys, controller_keys, hidden_keys};
pub use host::{DEFAULT_ALLOW, HostPlace, Hosts};
pub use intern::Interner;
pub use item::{ACCOUNT_LABEL, ItemLabels};
pub use namespace::{NAME_LABEL, NamespaceLabels, Undeclared, namespace_labels};
pub use variant::AskedLabels;

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use rustc_hash::FxHashMap;

use crate::manifest::{Body, Endpoints, LabelList, Mode, Object, Service};
use crate::net::{AddrSet, Cidr};
use crate::shared::{Id, PagedTable, Shards};

/// A cluster as policies can see it.
///
/// # Shape
/// The order of a model that [`build`] made is as the fields say. A model that is kept up to date
/// ([`crate::live`]) has everything in the order of its arrival, and a namespace's pods as one
/// workload.
#[derive(Clone, Debug, Default)]
pub struct ClusterModel {
    /// Namespaces that are declared or that objects are in, sorted by name.
    pub namespaces: PagedTable<Namespace>,
    /// Numbers of `namespaces`, by name.
    pub namespace_by_name: Shards<Arc<str>, NamespaceId>,
    /// Nodes that are declared or that pods name with an address, sorted by name.
    pub nodes: Arc<Vec<Node>>,
    /// Workloads, sorted by namespace, name and kind.
    pub workloads: PagedTable<Workload>,
    /// Pods, and templates that stand for pods; by workload, then by name.
    pub endpoints: PagedTable<Endpoint>,
    /// Pods that no selector and no port name can tell apart, and their labels' index.
    pub groups: Arc<GroupIndex>,
    /// Groups that pods may be of, where selectors ask for labels of theirs or of their namespace
    /// that the input does not show; they have no endpoints of their own.
    pub variants: FxHashMap<GroupId, Vec<GroupId>>,
    /// Services, sorted by namespace and name.
    pub services: Vec<(NamespaceId, Arc<str>, Service)>,
    /// What is behind Services, sorted by namespace.
    pub service_endpoints: Vec<(NamespaceId, Endpoints)>,
    /// How many Rollouts there are whose template another workload has that is not in the input:
    /// they have no endpoints.
    pub without_template: u32,
    /// What Calico's kinds say of the cluster, besides policies.
    pub calico: Arc<Calico>,
    /// What is known of addresses that are not in the input.
    pub space: AddressSpace,
    /// The endpoint that an address belongs to; host-network pods are not in it.
    pub by_address: Shards<IpAddr, EndpointId>,
    /// The node that an address belongs to, as an index of `nodes`.
    pub node_by_address: Arc<FxHashMap<IpAddr, u32>>,
}

/// The number of a [`Namespace`].
pub type NamespaceId = Id<Namespace>;

/// A namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace {
    /// Name.
    pub name: Arc<str>,
    /// Labels, sorted by key, `kubernetes.io/metadata.name` among them.
    pub labels: LabelList,
    /// Whether the input has the Namespace object.
    pub declared: bool,
    /// What is done with what its NetworkPolicies deny, unless these say it themselves.
    pub mode: Mode,
    /// Whether it may have labels that the input does not show.
    pub open: bool,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Name.
    pub name: Arc<str>,
    /// Labels, sorted by key; empty if it is not declared, which does not mean that it has none.
    pub labels: LabelList,
    /// Addresses, sorted; those of its object, and those that pods on it tell.
    pub addresses: Vec<IpAddr>,
    /// Blocks of addresses that its pods are given theirs from, as its object says.
    pub pod_cidrs: Box<[IpNet]>,
    /// Whether the input has the Node object.
    pub declared: bool,
    /// Whether that confirms policies of the host.
    pub confirms_host: bool,
    /// `uid` of that object, which decides nothing: it is whose reports about the node are.
    pub uid: Option<Arc<str>>,
}

/// The number of a [`Workload`].
pub type WorkloadId = Id<Workload>;

/// What pods belong to: their topmost known owner, or a pod itself that has none.
#[derive(Clone, Debug)]
pub struct Workload {
    /// Its namespace.
    pub namespace: NamespaceId,
    /// Kind: `Deployment`, `Pod`, ….
    pub kind: Arc<str>,
    /// Name.
    pub name: Arc<str>,
    /// The object, if it is in the input.
    pub object: Option<Arc<Object>>,
    /// Replicas that its template asks for.
    pub replicas: Option<u32>,
}

/// Where an endpoint is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Life {
    /// It can send and receive.
    Active,
    /// A pending pod without address: no traffic is possible.
    NoAddress,
    /// Succeeded or failed: its address may belong to somebody else by now.
    Finished,
}

/// The number of an [`Endpoint`].
pub type EndpointId = Id<Endpoint>;

/// A pod, or a template that stands for two or more equal pods.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Its workload.
    pub workload: WorkloadId,
    /// Name: a pod's own, or the workload's for a template.
    pub name: Arc<str>,
    /// Pods of the same labels and ports; none for host-network pods, which no selector matches.
    pub group: Option<GroupId>,
    /// Where it runs, if known.
    pub node: Option<Arc<str>>,
    /// Its addresses.
    pub addresses: Addresses,
    /// Whether it is a template.
    pub template: bool,
    /// Where it is in its life.
    pub life: Life,
    /// The object that it comes from; none in a model that is kept up to date.
    pub object: Option<Arc<Object>>,
}

impl Endpoint {
    /// Whether it uses its node's network, and so is that node to policies.
    pub fn host_network(&self) -> bool {
        self.group.is_none()
    }
}

impl ClusterModel {
    /// The number of a namespace.
    pub fn namespace(&self, name: &str) -> Option<NamespaceId> {
        self.namespace_by_name.get(name).copied()
    }

    /// Where pods have their addresses, as far as that is known: what nodes give them, and what is
    /// assumed.
    pub fn pod_ranges(&self) -> AddrSet {
        let of_nodes = self.nodes.iter().flat_map(|node| node.pod_cidrs.iter());
        let of_nodes = of_nodes.filter_map(|range| Cidr::parse(&range.to_string()).ok());
        let of_nodes = AddrSet::from_cidrs(of_nodes);
        self.space.pods.as_ref().map_or_else(|| of_nodes.clone(), |own| own.union(&of_nodes))
    }

    /// Whether labels of some namespace are open.
    pub fn has_open_namespaces(&self) -> bool {
        self.namespaces.values().any(|namespace| namespace.open)
    }

    /// The labels of a group's namespace, with those that the group assumes it to have.
    pub fn namespace_labels<'m>(&'m self, group: &'m Group) -> Option<NamespaceLabels<'m>> {
        let own = self.namespaces.get(group.namespace)?.labels();
        Some(NamespaceLabels { assumed: group.assumed.as_deref(), ..own })
    }

    /// The labels of a group's pods as Calico sees them.
    pub fn item_labels<'m>(&'m self, group: &'m Group) -> ItemLabels<'m> {
        let name = self.namespace_name(group.namespace);
        ItemLabels {
            own: PodLabels { labels: &group.labels, hidden: group.hidden },
            namespace: self.namespace_labels(group).map(|labels| (name, labels)),
            account: group.account.as_deref(),
            is_pod: true,
        }
    }

    /// The labels of an endpoint's pods: of those on the host's network too, which are in no group.
    pub fn labels_of<'m>(&'m self, endpoint: &'m Endpoint) -> Option<PodLabels<'m>> {
        if let Some(group) = endpoint.group {
            let group = self.groups.get(group)?;
            return Some(PodLabels { labels: &group.labels, hidden: group.hidden });
        }
        let object = endpoint.object.as_ref()?;
        Some(match &object.body {
            // Of which replica of a template it speaks is not kept: nothing asks for it but this.
            Body::Workload(workload) => {
                let hidden = hidden_keys(workload, false, false);
                PodLabels { labels: &workload.labels, hidden }
            }
            _ => PodLabels { labels: &object.meta.labels, hidden: &[] },
        })
    }

    /// A namespace's name.
    pub fn namespace_name(&self, id: NamespaceId) -> &str {
        self.namespaces.get(id).map_or("", |namespace| &namespace.name)
    }

    /// The endpoints of a namespace with their numbers, ascending.
    ///
    /// # Cost
    /// A binary search: they stand together.
    pub fn endpoints_in(
        &self,
        namespace: NamespaceId,
    ) -> impl Iterator<Item = (EndpointId, &Endpoint)> {
        let of = |endpoint: &Endpoint| self.workload_of(endpoint).map(|w| w.namespace);
        let start = self.endpoints.partition_point(|endpoint| of(endpoint) < Some(namespace));
        self.endpoints.from(start).take_while(move |(_, endpoint)| of(endpoint) == Some(namespace))
    }

    /// An endpoint's workload.
    pub fn workload_of(&self, endpoint: &Endpoint) -> Option<&Workload> {
        self.workloads.get(endpoint.workload)
    }

    /// Whether an endpoint is one pod, which always reaches itself: a pod, or the template of a
    /// single replica.
    pub fn is_one_pod(&self, id: EndpointId) -> bool {
        const SCALED: [&str; 5] = [
            "Deployment",
            "DeploymentConfig",
            "ReplicaSet",
            "ReplicationController",
            "StatefulSet",
        ];
        let Some(endpoint) = self.endpoints.get(id).filter(|endpoint| endpoint.template) else {
            return true;
        };
        let single = |workload: &Workload| {
            // Replicas of a StatefulSet have names of their own where they are told apart.
            let is_replica = &*workload.kind == "StatefulSet" && workload.name != endpoint.name;
            let is_alone = workload.replicas.is_some_and(|replicas| replicas <= 1);
            SCALED.contains(&&*workload.kind) && (is_alone || is_replica)
        };
        self.workload_of(endpoint).is_some_and(single)
    }

    /// The endpoints of a workload.
    ///
    /// # Cost
    /// Logarithmic.
    pub fn endpoints_of(&self, workload: WorkloadId) -> impl Iterator<Item = EndpointId> + use<> {
        let first = self.endpoints.partition_point(|endpoint| endpoint.workload < workload);
        let after = self.endpoints.partition_point(|endpoint| endpoint.workload <= workload);
        first.up_to(after)
    }
}

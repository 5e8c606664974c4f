//! Who an end of a question may be.

use std::net::IpAddr;

use super::rules::PodFacts;
use crate::cluster::{
    Cluster, Container, Kind, Labels, Owner, Phase, Pod, Protocol, Spec, Workload,
};

/// An end of a question, by name, so that it stays the same when other objects go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// A pod: namespace and name.
    Pod(String, String),
    /// Pods of a topmost owner: namespace, kind, name.
    Workload(String, Kind, String),
    /// An address.
    Address(IpAddr),
    /// A node.
    Node(String),
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Pod(namespace, name) => write!(f, "{namespace}/{name}"),
            Self::Workload(namespace, kind, name) => {
                write!(f, "{namespace}/{}/{name}", kind.name())
            }
            Self::Address(address) => write!(f, "{address}"),
            Self::Node(name) => write!(f, "node/{name}"),
        }
    }
}

/// What tells one machine from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Identity {
    /// A pod of the input, by its place there.
    Pod(usize),
    /// Any of the pods of a template: two of them are two pods.
    Replica(usize, Option<u32>),
    /// An address.
    Address,
}

/// One whom an end may mean, with what is known.
#[derive(Clone, Debug)]
pub struct Person {
    /// Who.
    pub identity: Identity,
    /// What selectors see, if policies know it as a pod.
    pub pod: Option<PodFacts>,
    /// Keys of labels that are there with values that the input does not show.
    pub hidden: &'static [&'static str],
    /// Its addresses; none if they are not known.
    pub addresses: Option<Vec<IpAddr>>,
    /// Whether it is a node, or a pod on the network of one.
    pub host: Host,
    /// The name of the node that it is on or is.
    pub node: Option<String>,
    /// An address of the node that it is on.
    pub node_address: Option<IpAddr>,
}

/// Whether somebody is a node to policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// No.
    No,
    /// It may be: the address is where nodes' addresses are.
    Maybe,
    /// Yes.
    Yes,
}

/// All whom an end means; nobody if they can take no part in traffic.
pub fn persons(cluster: &Cluster, end: &End) -> Vec<Person> {
    match end {
        End::Address(address) => vec![at_address(cluster, *address)],
        End::Node(name) => {
            let addresses = node_addresses(cluster, name);
            if addresses.is_empty() { Vec::new() } else { vec![host(name, addresses)] }
        }
        End::Pod(namespace, name) => {
            let is = |pod: &Pod| pod.namespace == *namespace && pod.name == *name;
            cluster
                .pods
                .iter()
                .position(is)
                .and_then(|at| pod_at(cluster, at))
                .into_iter()
                .collect()
        }
        End::Workload(namespace, kind, name) => {
            of_workload(cluster, namespace, &(*kind, name.clone()))
        }
    }
}

fn host(name: &str, addresses: Vec<IpAddr>) -> Person {
    Person {
        identity: Identity::Address,
        pod: None,
        hidden: &[],
        addresses: Some(addresses),
        host: Host::Yes,
        node: Some(name.into()),
        node_address: None,
    }
}

/// The pod that holds the address, or the node, or somebody outside.
fn at_address(cluster: &Cluster, address: IpAddr) -> Person {
    if let Some(holder) = holder(cluster, address)
        && let Some(person) = pod_at(cluster, holder)
    {
        return Person { addresses: Some(vec![address]), ..person };
    }
    if let Some(name) = node_at(cluster, &[address]) {
        return host(&name, vec![address]);
    }
    let among = cluster.node_cidrs.iter().any(|net| net.contains(address));
    let status = if among { Host::Maybe } else { Host::No };
    Person { host: status, node: None, ..host("", vec![address]) }
}

/// Addresses of a node: its object's, and those that pods on it tell.
pub fn node_addresses(cluster: &Cluster, name: &str) -> Vec<IpAddr> {
    let declared = cluster.nodes.iter().filter(|node| node.name == name);
    let declared = declared.flat_map(|node| node.addresses.clone());
    let pods = cluster.pods.iter().filter(|pod| pod.spec.node.as_deref() == Some(name));
    let told = pods.flat_map(|pod| {
        let own = if pod.spec.host_network { pod.addresses.clone() } else { Vec::new() };
        own.into_iter().chain(pod.host_address)
    });
    let hosts = cluster.calico.hosts.iter().filter(|host| host.node == name);
    let expected = hosts.flat_map(|host| host.addresses.clone());
    declared.chain(told).chain(expected).collect()
}

/// The node that has one of some addresses.
pub fn node_at(cluster: &Cluster, addresses: &[IpAddr]) -> Option<String> {
    let named = cluster.pods.iter().filter_map(|pod| pod.spec.node.clone());
    let hosts = cluster.calico.hosts.iter().map(|host| host.node.clone());
    let mut names = cluster.nodes.iter().map(|node| node.name.clone()).chain(named).chain(hosts);
    names.find(|name| node_addresses(cluster, name).iter().any(|a| addresses.contains(a)))
}

/// §11: of pods that claim one address the unfinished, then the newest has it.
fn holder(cluster: &Cluster, address: IpAddr) -> Option<usize> {
    let claims = cluster.pods.iter().enumerate().filter(|(_, pod)| {
        !pod.spec.host_network && !finished(pod) && pod.addresses.contains(&address)
    });
    claims.max_by_key(|(_, pod)| (pod.created, &pod.namespace, &pod.name)).map(|(at, _)| at)
}

fn finished(pod: &Pod) -> bool {
    matches!(pod.phase, Some(Phase::Succeeded | Phase::Failed))
}

/// §11: a pod, if it can take part in traffic.
fn pod_at(cluster: &Cluster, at: usize) -> Option<Person> {
    let pod = cluster.pods.get(at)?;
    let pending = pod.phase == Some(Phase::Pending);
    if finished(pod) || (pending && pod.addresses.is_empty()) {
        return None;
    }
    let addresses = addresses_of(cluster, at, pod);
    if addresses.as_ref().is_some_and(Vec::is_empty) {
        return None;
    }
    Some(Person {
        identity: Identity::Pod(at),
        pod: facts(&pod.namespace, &pod.labels, &pod.spec),
        hidden: &[],
        addresses,
        host: if pod.spec.host_network { Host::Yes } else { Host::No },
        node: pod.spec.node.clone(),
        node_address: pod.host_address,
    })
}

/// Its own, or its node's if it is on the host's network; none if they are not known.
fn addresses_of(cluster: &Cluster, at: usize, pod: &Pod) -> Option<Vec<IpAddr>> {
    if !pod.spec.host_network {
        let held = pod.addresses.iter().filter(|address| holder(cluster, **address) == Some(at));
        return (!pod.addresses.is_empty()).then(|| held.copied().collect());
    }
    if !pod.addresses.is_empty() {
        return Some(pod.addresses.clone());
    }
    let node = pod.spec.node.as_ref().map(|name| node_addresses(cluster, name));
    node.filter(|list| !list.is_empty()).or_else(|| pod.host_address.map(|address| vec![address]))
}

/// §10: pods on the host's network are nodes, and no selector knows them.
fn facts(namespace: &str, labels: &Labels, spec: &Spec) -> Option<PodFacts> {
    (!spec.host_network).then(|| PodFacts {
        namespace: namespace.into(),
        namespace_labels: Labels::new(),
        labels: labels.clone(),
        account: spec.account.clone().unwrap_or_else(|| "default".into()),
        ports: named_ports(spec),
    })
}

/// §9: of containers, and of init containers that go on running.
fn named_ports(spec: &Spec) -> Vec<(String, Protocol, u16)> {
    let sidecars = spec.init.iter().filter(|container| container.always);
    let containers: Vec<&Container> = spec.containers.iter().chain(sidecars).collect();
    let ports = containers.iter().flat_map(|container| &container.ports);
    ports
        .filter_map(|port| {
            Some((port.name.clone()?, port.protocol.unwrap_or(Protocol::Tcp), port.number))
        })
        .collect()
}

/// Others F1: pods that are given stand for themselves; without any, the template does.
fn of_workload(cluster: &Cluster, namespace: &str, key: &Owner) -> Vec<Person> {
    let own = (0..cluster.pods.len()).filter(|at| {
        let pod = cluster.pods.get(*at);
        let root = pod.and_then(|pod| root(cluster, &pod.namespace, pod.owner.as_ref()));
        pod.is_some_and(|pod| pod.namespace == namespace) && root.as_ref() == Some(key)
    });
    let alive: Vec<Person> = own.filter_map(|at| pod_at(cluster, at)).collect();
    if !alive.is_empty() {
        return alive;
    }
    let workloads = cluster.workloads.iter().enumerate();
    let mine = workloads.filter(|(_, workload)| {
        workload.namespace == namespace && stands_for(cluster, workload, key)
    });
    mine.flat_map(|(at, workload)| replicas(at, workload)).collect()
}

/// Whether a template is that of a topmost owner, or of one whose owner is not in the input.
fn stands_for(cluster: &Cluster, workload: &Workload, key: &Owner) -> bool {
    let own = (workload.kind, workload.name.clone());
    let root = root(cluster, &workload.namespace, workload.owner.as_ref()).unwrap_or(own.clone());
    root == *key && (own == root || find(cluster, &workload.namespace, &root).is_none())
}

fn find<'c>(cluster: &'c Cluster, namespace: &str, key: &Owner) -> Option<&'c Workload> {
    cluster
        .workloads
        .iter()
        .find(|one| one.namespace == namespace && one.kind == key.0 && one.name == key.1)
}

/// The topmost owner that is named.
fn root(cluster: &Cluster, namespace: &str, owner: Option<&Owner>) -> Option<Owner> {
    let mut key = owner?.clone();
    while let Some(above) = find(cluster, namespace, &key).and_then(|one| one.owner.clone()) {
        key = above;
    }
    Some(key)
}

/// Others F1: what controllers add to labels: names and numbers are known, hashes are not.
fn replicas(at: usize, workload: &Workload) -> Vec<Person> {
    let one = |ordinal: Option<u32>, labels: &Labels| Person {
        identity: Identity::Replica(at, ordinal),
        pod: facts(&workload.namespace, labels, &workload.spec),
        hidden: hidden(workload.kind),
        addresses: None,
        host: if workload.spec.host_network { Host::Yes } else { Host::No },
        node: workload.spec.node.clone(),
        node_address: None,
    };
    let mut labels = workload.labels.clone();
    match workload.kind {
        Kind::Job => {
            for key in ["job-name", "batch.kubernetes.io/job-name"] {
                labels.insert(key.into(), workload.name.clone());
            }
            vec![one(None, &labels)]
        }
        Kind::StatefulSet => {
            // Scaled to none it is still what its policies say: as its first pod.
            let count = workload.replicas.unwrap_or(1).max(1);
            let each = (workload.first.unwrap_or(0)..).take(count as usize).map(|ordinal| {
                let name = format!("{}-{ordinal}", workload.name);
                labels.insert("statefulset.kubernetes.io/pod-name".into(), name);
                labels.insert("apps.kubernetes.io/pod-index".into(), ordinal.to_string());
                one(Some(ordinal), &labels)
            });
            each.collect()
        }
        _ => vec![one(None, &labels)],
    }
}

/// Keys that controllers add with values that a template does not show.
pub fn hidden(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Deployment => &["pod-template-hash"],
        Kind::StatefulSet => &["controller-revision-hash"],
        Kind::DaemonSet => &["controller-revision-hash", "pod-template-generation"],
        Kind::Job => &["controller-uid", "batch.kubernetes.io/controller-uid"],
        Kind::CronJob => &[
            "controller-uid",
            "batch.kubernetes.io/controller-uid",
            "job-name",
            "batch.kubernetes.io/job-name",
        ],
        Kind::ReplicaSet => &[],
    }
}

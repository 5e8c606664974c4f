//! What there is to ask about a cluster.

use std::net::IpAddr;

use crate::cluster::calico::CalicoPort;
use crate::cluster::{Cluster, ClusterPolicy, Net, PortName, TierPort};
use crate::oracle::{End, Traffic, World, node_at, worlds_of};

/// Two ends and the worlds between them.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The source.
    pub from: End,
    /// The destination.
    pub to: End,
    /// All ways in which the input may be completed; none if no traffic is possible.
    pub worlds: Vec<World>,
}

/// Every ordered pair of ends of which one is a pod, with its worlds, and pairs of others if there
/// are host endpoints.
pub fn pairs(cluster: &Cluster) -> Vec<Pair> {
    let pair = |(from, to)| Pair { worlds: worlds_of(cluster, &from, &to), from, to };
    let mut pairs: Vec<Pair> = ends(cluster).into_iter().map(pair).collect();
    if cluster.calico.hosts.is_empty() {
        return pairs;
    }
    let others = other_ends(cluster);
    for from in &others {
        for to in &others {
            let is_known = is_pod(cluster, from) || is_pod(cluster, to);
            let is_judged = is_known || has_host(cluster, from) || has_host(cluster, to);
            // Nothing is said of ends that are no pods and have no host endpoint.
            let worlds = if is_judged { worlds_of(cluster, from, to) } else { Vec::new() };
            pairs.push(Pair { worlds, from: from.clone(), to: to.clone() });
        }
    }
    pairs
}

fn is_pod(cluster: &Cluster, end: &End) -> bool {
    let End::Address(address) = end else { return false };
    let holds = |pod: &crate::cluster::Pod| {
        let is_finished = pod.phase == Some(crate::cluster::Phase::Succeeded);
        !pod.spec.host_network && !is_finished && pod.addresses.contains(address)
    };
    cluster.pods.iter().any(holds)
}

fn has_host(cluster: &Cluster, end: &End) -> bool {
    let node = match end {
        End::Node(name) => Some(name.clone()),
        End::Address(address) => node_at(cluster, &[*address]),
        End::Pod(..) | End::Workload(..) => None,
    };
    node.is_some_and(|node| cluster.calico.hosts.iter().any(|host| host.node == node))
}

/// Every ordered pair of ends of which one is a pod.
pub fn ends(cluster: &Cluster) -> Vec<(End, End)> {
    let pods = pod_ends(cluster);
    let others = other_ends(cluster);
    let mut pairs = Vec::new();
    for pod in &pods {
        pairs.extend(pods.iter().map(|other| (pod.clone(), other.clone())));
        for other in &others {
            pairs.push((pod.clone(), other.clone()));
            pairs.push((other.clone(), pod.clone()));
        }
    }
    pairs
}

fn pod_ends(cluster: &Cluster) -> Vec<End> {
    let pods = cluster.pods.iter().map(|pod| End::Pod(pod.namespace.clone(), pod.name.clone()));
    let mut ends: Vec<End> = pods.collect();
    // Only topmost owners are asked about: an owned one is shown as its owner.
    let workloads = cluster.workloads.iter().map(|workload| {
        let (kind, name) =
            workload.owner.clone().unwrap_or_else(|| (workload.kind, workload.name.clone()));
        End::Workload(workload.namespace.clone(), kind, name)
    });
    workloads.for_each(|end| {
        if !ends.contains(&end) {
            ends.push(end);
        }
    });
    ends
}

/// Nodes by name, addresses of pods, and one address of every sort at the edge of some block.
fn other_ends(cluster: &Cluster) -> Vec<End> {
    let mut ends: Vec<End> =
        cluster.nodes.iter().map(|node| End::Node(node.name.clone())).collect();
    let hosts = cluster.pods.iter().filter_map(|pod| pod.host_address);
    let pods = cluster.pods.iter().flat_map(|pod| &pod.addresses).copied();
    let nodes = cluster.nodes.iter().flat_map(|node| &node.addresses).copied();
    let expected = cluster.calico.hosts.iter().flat_map(|host| &host.addresses).copied();
    let mut addresses: Vec<IpAddr> = pods.chain(nodes).chain(hosts).chain(expected).collect();
    let mut outside = edges(cluster);
    outside.retain(|address| !addresses.contains(address));
    addresses.extend(outside);
    addresses.sort_unstable();
    addresses.dedup();
    ends.extend(addresses.into_iter().map(End::Address));
    ends
}

/// Addresses on either side of the ends of all blocks, one for each set of blocks.
pub fn edges(cluster: &Cluster) -> Vec<IpAddr> {
    let mut nets = cluster.nets();
    nets.push(Net { family: 4, number: 0, prefix: 0 });
    nets.push(Net { family: 6, number: 0, prefix: 0 });
    let mut seen: Vec<Vec<bool>> = Vec::new();
    let mut kept = Vec::new();
    for address in nets.iter().flat_map(Net::edges) {
        let inside: Vec<bool> = nets.iter().map(|net| net.contains(address)).collect();
        if !seen.contains(&inside) {
            seen.push(inside);
            kept.push(address);
        }
    }
    kept
}

/// Ports on either side of the ends of all ranges, those of names, and the first and the last.
pub fn ports(cluster: &Cluster) -> Vec<u16> {
    let mut ports: Vec<u16> = vec![1, u16::MAX];
    for port in cluster.policies.iter().flat_map(crate::cluster::Policy::ports) {
        if let Some(PortName::Number(first)) = port.port {
            let last = port.end.unwrap_or(first);
            ports.extend([first - 1, first, last, last.saturating_add(1)]);
        }
    }
    for port in cluster.cluster_policies.iter().flat_map(ClusterPolicy::ports) {
        let (first, last) = match port {
            TierPort::Number(_, number) => (*number, *number),
            TierPort::Range(_, first, last) => (*first, *last),
            TierPort::Named(_) => continue,
        };
        ports.extend([first - 1, first, last, last.saturating_add(1)]);
    }
    for port in cluster.calico.destination_ports() {
        if let CalicoPort::Range(first, last) = port {
            ports.extend([first - 1, *first, *last, last.saturating_add(1)]);
        }
    }
    if !cluster.calico.hosts.is_empty() {
        ports.extend([22, 23, 53, 68, 6443]);
        ports.extend(cluster.calico.failsafes().map(|one| one.port));
    }
    let specs = cluster.pods.iter().map(|pod| &pod.spec);
    let specs = specs.chain(cluster.workloads.iter().map(|workload| &workload.spec));
    let containers = specs.flat_map(|spec| spec.containers.iter().chain(&spec.init));
    ports.extend(containers.flat_map(|container| &container.ports).map(|port| port.number));
    ports.retain(|port| *port > 0);
    ports.sort_unstable();
    ports.dedup();
    ports
}

/// All of these ports under every protocol.
pub fn traffic(cluster: &Cluster) -> Vec<Traffic> {
    super::every_protocol(&ports(cluster))
}

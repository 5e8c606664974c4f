//! Ways in which the input may be completed.

use std::net::IpAddr;

use super::names;
use super::namespaces;
use super::nodes;
use super::rules::{Party, PodFacts};
use super::who::{Host, Identity, Person, node_at};
use crate::cluster::{Cluster, Direction, Labels, Net, Workload, family_of};

/// One way: everything is known.
#[derive(Clone, Debug)]
pub struct World {
    /// The source.
    pub source: Party,
    /// The destination.
    pub destination: Party,
    /// Whether the source is the destination's own node, or a pod on its network.
    pub own_node: bool,
    /// Whether source and destination are one pod.
    pub itself: bool,
}

impl World {
    /// Subject and peer of a direction.
    pub fn ends(&self, direction: Direction) -> (&Party, &Party) {
        match direction {
            Direction::Egress => (&self.source, &self.destination),
            Direction::Ingress => (&self.destination, &self.source),
        }
    }

    /// Four or six.
    pub fn family(&self) -> u8 {
        family_of(self.source.address)
    }
}

/// Every way in which two persons can be completed.
pub fn worlds(cluster: &Cluster, source: &Person, destination: &Person) -> Vec<World> {
    let itself = source.identity == destination.identity && is_one_pod(cluster, source.identity);
    let mut worlds = Vec::new();
    for family in [4, 6] {
        let sources = parties(cluster, source, family);
        let destinations = parties(cluster, destination, family);
        let destinations: Vec<Party> =
            destinations.iter().flat_map(|one| as_destination(cluster, destination, one)).collect();
        for a in &sources {
            for b in destinations.iter().filter(|b| may_be_together(a, b)) {
                for &own_node in own_node(cluster, source, destination) {
                    let (source, destination) = (a.clone(), b.clone());
                    worlds.push(World { source, destination, own_node, itself });
                }
            }
        }
    }
    worlds
}

/// §6: whether a pod reaches itself: one of the input, and that of a single replica.
pub fn is_one_pod(cluster: &Cluster, identity: Identity) -> bool {
    match identity {
        Identity::Pod(_) => true,
        Identity::Replica(_, Some(_)) => true,
        Identity::Replica(at, None) => cluster.workloads.get(at).is_some_and(Workload::is_alone),
        Identity::Address => false,
    }
}

/// A person with every address and every value of hidden labels that could make a difference.
fn parties(cluster: &Cluster, person: &Person, family: u8) -> Vec<Party> {
    let pods: Vec<Option<PodFacts>> = match &person.pod {
        None => vec![None],
        Some(pod) => labelings(cluster, &pod.labels, person.hidden)
            .into_iter()
            .flat_map(|labels| in_namespaces(cluster, &PodFacts { labels, ..pod.clone() }))
            .map(Some)
            .collect(),
    };
    let mut parties = Vec::new();
    for address in addresses(cluster, person, family) {
        for pod in &pods {
            let (identity, pod) = (person.identity, pod.clone());
            parties.push(Party {
                identity,
                pod,
                address,
                node: None,
                names: Vec::new(),
                assumed: Vec::new(),
            });
        }
    }
    parties
}

/// A pod with all labels that its namespace may have.
fn in_namespaces(cluster: &Cluster, pod: &PodFacts) -> Vec<PodFacts> {
    let all = namespaces::labelings(cluster, &pod.namespace).into_iter();
    all.map(|namespace_labels| PodFacts { namespace_labels, ..pod.clone() }).collect()
}

/// A namespace has the same labels for all pods in it.
fn may_be_together(a: &Party, b: &Party) -> bool {
    match (&a.pod, &b.pod) {
        (Some(a), Some(b)) if a.namespace == b.namespace => {
            a.namespace_labels == b.namespace_labels
        }
        _ => true,
    }
}

/// A party with every node whose address it may have, and with every set of names that may resolve
/// to its address.
fn as_destination(cluster: &Cluster, person: &Person, party: &Party) -> Vec<Party> {
    let nodes = nodes::of_address(cluster, person, party.address);
    let names = names::resolving_to(cluster, party.address);
    let with = |node: &Option<Labels>, names: &Vec<String>| {
        let (node, names) = (node.clone(), names.clone());
        Party { node, names, ..party.clone() }
    };
    nodes.iter().flat_map(|node| names.iter().map(move |names| with(node, names))).collect()
}

/// Each hidden label with every value that a policy mentions, and with one that none does.
fn labelings(cluster: &Cluster, labels: &Labels, hidden: &[&str]) -> Vec<Labels> {
    let mut all = vec![labels.clone()];
    for key in hidden {
        let mut values: Vec<String> =
            cluster.pod_selectors().flat_map(|s| s.values_of(key)).cloned().collect();
        values.sort();
        values.dedup();
        values.push("mentioned-by-nobody".into());
        let with = |labels: &Labels, value: &String| {
            let mut labels = labels.clone();
            labels.insert((*key).into(), value.clone());
            labels
        };
        all = all.iter().flat_map(|labels| values.iter().map(|v| with(labels, v))).collect();
    }
    all
}

/// Known addresses, or those on either side of every end of every block, within where they may be.
fn addresses(cluster: &Cluster, person: &Person, family: u8) -> Vec<IpAddr> {
    if let Some(known) = &person.addresses {
        return known.iter().copied().filter(|a| family_of(*a) == family).collect();
    }
    let nets = cluster.nets();
    let everything = Net { family, number: 0, prefix: 0 };
    let space = match person.host {
        Host::No => &cluster.pod_cidrs,
        Host::Maybe | Host::Yes => &cluster.node_cidrs,
    };
    let edges = nets.iter().chain([&everything]).flat_map(Net::edges);
    let candidates = edges.filter(|address| {
        let inside = space.is_empty() || space.iter().any(|net| net.contains(*address));
        family_of(*address) == family && inside
    });
    without_doubles(candidates, &nets)
}

/// Addresses of which no two are in the same blocks: the others would only repeat an answer.
fn without_doubles(candidates: impl Iterator<Item = IpAddr>, nets: &[Net]) -> Vec<IpAddr> {
    let mut seen: Vec<Vec<bool>> = Vec::new();
    let mut kept = Vec::new();
    for address in candidates {
        let inside: Vec<bool> = nets.iter().map(|net| net.contains(address)).collect();
        if !seen.contains(&inside) {
            seen.push(inside);
            kept.push(address);
        }
    }
    kept
}

/// §10: whether the source is the destination's own node: each answer that is possible.
fn own_node(cluster: &Cluster, source: &Person, destination: &Person) -> &'static [bool] {
    const MAYBE: &[bool] = &[false, true];
    if source.host == Host::No || destination.pod.is_none() {
        return &[false];
    }
    let addresses = source.addresses.as_deref().unwrap_or_default();
    if let Some(address) = destination.node_address
        && addresses.contains(&address)
    {
        return &[true];
    }
    match (node_name(cluster, source), node_name(cluster, destination)) {
        (Some(a), Some(b)) if a == b => &[true],
        (Some(_), Some(_)) => &[false],
        _ => MAYBE,
    }
}

/// The node that somebody is on or is, by name or by an address that some node has.
fn node_name(cluster: &Cluster, person: &Person) -> Option<String> {
    let own = match (person.host, &person.addresses) {
        (Host::Yes | Host::Maybe, Some(addresses)) => addresses.clone(),
        _ => Vec::new(),
    };
    let known: Vec<IpAddr> = own.into_iter().chain(person.node_address).collect();
    person.node.clone().or_else(|| node_at(cluster, &known))
}

//! Whose node's address an address may be.

use std::net::IpAddr;

use super::rules::selector_matches;
use super::who::{Host, Person, node_at};
use crate::cluster::{Cluster, ClusterPolicy, Labels, Selector};

/// The labels of each node that may have the address of a person; none stands for no node.
///
/// # Shape
/// At least one; of those that no policy tells apart, one.
pub fn of_address(cluster: &Cluster, person: &Person, address: IpAddr) -> Vec<Option<Labels>> {
    let selectors: Vec<&Selector> =
        cluster.cluster_policies.iter().flat_map(ClusterPolicy::node_selectors).collect();
    // A pod with a network of its own never has a node's address.
    if selectors.is_empty() || person.pod.is_some() {
        return vec![None];
    }
    let mut all: Vec<Option<Labels>> = Vec::new();
    for node in owners(cluster, person, address) {
        match node {
            Owner::Nobody => all.push(None),
            Owner::Node(name) => {
                all.extend(labels(cluster, &name, &selectors).into_iter().map(Some));
            }
        }
    }
    let sees = |node: &Option<Labels>| -> Vec<bool> {
        let matches =
            |s: &&Selector| node.as_ref().is_some_and(|labels| selector_matches(s, labels));
        selectors.iter().map(matches).collect()
    };
    let mut seen: Vec<Vec<bool>> = Vec::new();
    all.retain(|node| {
        let sees = sees(node);
        let new = !seen.contains(&sees);
        if new {
            seen.push(sees);
        }
        new
    });
    all
}

/// Who may have an address.
enum Owner {
    /// No node.
    Nobody,
    /// The node of a name, or any node that is not in the input if there is none of the name.
    Node(String),
}

/// A name that no node of the input has.
const UNLISTED: &str = "";

/// Without a Node the input says nothing of nodes; with one it has all but those that pods name with
/// an address or on whose network they are.
fn owners(cluster: &Cluster, person: &Person, address: IpAddr) -> Vec<Owner> {
    if let Some(name) = node_at(cluster, &[address]) {
        return vec![Owner::Node(name)];
    }
    if let (Host::Yes, Some(name)) = (person.host, &person.node) {
        return vec![Owner::Node(name.clone())];
    }
    let mut owners: Vec<Owner> = unaddressed(cluster).into_iter().map(Owner::Node).collect();
    if cluster.nodes.is_empty() || person.host == Host::Yes {
        owners.push(Owner::Node(UNLISTED.into()));
    }
    if person.host == Host::Yes {
        return owners;
    }
    let cidrs = &cluster.node_cidrs;
    if !(cidrs.is_empty() || cidrs.iter().any(|net| net.contains(address))) {
        owners.clear();
    }
    owners.push(Owner::Nobody);
    owners
}

/// Declared nodes of which no address is known.
fn unaddressed(cluster: &Cluster) -> Vec<String> {
    let names = cluster.nodes.iter().map(|node| &node.name);
    names.filter(|name| super::who::node_addresses(cluster, name).is_empty()).cloned().collect()
}

/// The labels of a declared node; of another one, everything that policies can tell apart.
fn labels(cluster: &Cluster, name: &str, selectors: &[&Selector]) -> Vec<Labels> {
    if let Some(node) = cluster.nodes.iter().find(|node| node.name == name) {
        return vec![node.labels.clone()];
    }
    let of_labels = selectors.iter().flat_map(|s| s.labels.keys());
    let of_expressions = selectors.iter().flat_map(|s| s.expressions.iter().map(|e| &e.key));
    let mut keys: Vec<&String> = of_labels.chain(of_expressions).collect();
    keys.sort();
    keys.dedup();
    let mut all = vec![Labels::new()];
    for key in keys {
        let mut values: Vec<&str> =
            selectors.iter().flat_map(|s| s.values_of(key)).map(String::as_str).collect();
        values.sort_unstable();
        values.dedup();
        values.push("mentioned-by-nobody");
        let with = |labels: &Labels, value: &str| {
            let mut labels = labels.clone();
            labels.insert(key.clone(), value.into());
            labels
        };
        let more: Vec<Labels> =
            all.iter().flat_map(|one| values.iter().map(|value| with(one, value))).collect();
        all.extend(more);
    }
    all
}

//! Where the ends of a flow are.

use super::super::rules::Party;
use super::super::who::{Identity, node_at};
use crate::cluster::Cluster;

/// Where an end is, as far as hosts go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A pod on a node.
    Pod(String),
    /// A node, or a pod on its network.
    Host(String),
    /// Neither.
    Outside,
}

/// A node that the input does not have.
const UNLISTED: &str = "";

/// Everywhere that an end may be.
pub fn places(cluster: &Cluster, party: &Party) -> Vec<Place> {
    let nodes = |node: Option<String>| -> Vec<String> {
        let mut all: Vec<String> =
            cluster.calico.hosts.iter().map(|host| host.node.clone()).collect();
        all.push(UNLISTED.into());
        node.map_or(all, |node| vec![node])
    };
    match party.identity {
        Identity::Address => match node_at(cluster, &[party.address]) {
            Some(node) => vec![Place::Host(node)],
            None => vec![Place::Outside],
        },
        Identity::Pod(at) => {
            let spec = cluster.pods.get(at).map(|pod| &pod.spec);
            let node = spec.and_then(|spec| spec.node.clone());
            match party.pod.is_some() {
                true => nodes(node).into_iter().map(Place::Pod).collect(),
                false => {
                    let node = node.or_else(|| node_at(cluster, &[party.address]));
                    nodes(node).into_iter().map(Place::Host).collect()
                }
            }
        }
        Identity::Replica(..) => nodes(None).into_iter().map(Place::Pod).collect(),
    }
}

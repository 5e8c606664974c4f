//! Nodes, from all objects that say something of them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use super::build::Input;
use crate::manifest::calico::CalicoBody;
use crate::manifest::{Body, LabelList, PodSpec, PodStatus};

/// Nodes that are declared or that pods or host endpoints name, with addresses from all: dumps of pods come without
/// nodes more often than with them, and say in `status.hostIP` what the nodes would.
pub fn nodes(input: Input<'_>) -> BTreeMap<Arc<str>, NodeDraft> {
    let mut nodes: BTreeMap<Arc<str>, NodeDraft> = BTreeMap::new();
    for object in input.objects {
        match &object.body {
            Body::Node { addresses, pod_cidrs } => {
                let node = nodes.entry(object.meta.name.clone()).or_default();
                node.pod_cidrs.clone_from(pod_cidrs);
                node.labels.clone_from(&object.meta.labels);
                node.addresses.extend(addresses);
                node.declared = true;
                node.confirms_host = object.meta.confirms_host;
                node.uid.clone_from(&object.meta.revision.uid);
            }
            Body::Pod { spec: spec @ PodSpec { node_name: Some(name), .. }, status } => {
                let mut addresses = host_addresses(spec, status).peekable();
                if addresses.peek().is_some() {
                    nodes.entry(name.clone()).or_default().addresses.extend(addresses);
                }
            }
            Body::Calico(_, CalicoBody::HostEndpoint(host)) if !host.addresses.is_empty() => {
                let addresses = host.addresses.iter().map(IpAddr::to_canonical);
                nodes.entry(host.node.clone()).or_default().addresses.extend(addresses);
            }
            _ => {}
        }
    }
    nodes
}

/// Addresses of the node that a pod is on: on the host's network its own are.
pub fn host_addresses<'p>(
    spec: &PodSpec,
    status: &'p PodStatus,
) -> impl Iterator<Item = &'p IpAddr> {
    let own: &[IpAddr] = if spec.host_network { &status.addresses } else { &[] };
    status.host_addresses.iter().chain(own)
}

/// What is known of a node from its object and from the pods that say where they run.
#[derive(Default)]
pub struct NodeDraft {
    /// Labels, sorted by key.
    pub labels: LabelList,
    /// Addresses.
    pub addresses: BTreeSet<IpAddr>,
    /// Blocks of its pods' addresses.
    pub pod_cidrs: Box<[IpNet]>,
    /// Whether it has an object.
    pub declared: bool,
    /// Whether that confirms policies of the host.
    pub confirms_host: bool,
    /// The object's `uid`.
    pub uid: Option<Arc<str>>,
}

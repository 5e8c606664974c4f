//! Whom two states are asked about.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use portcullis_engine::Session;
use portcullis_engine::report::{DiffEndpoint, EndpointKind, EndpointReport, ListReport};

/// An end that both states can be asked about, or the one that has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// Namespace, kind and name.
    Workload(String, String, String),
    /// The same, and a pod of it.
    Pod(String, String, String, String),
    Address(IpAddr),
}

impl Who {
    pub fn is(&self, endpoint: &DiffEndpoint) -> bool {
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        let workload =
            (text(&endpoint.namespace), text(&endpoint.workload_kind), text(&endpoint.name));
        match self {
            Self::Address(address) => endpoint
                .addresses
                .iter()
                .any(|cidr| cidr.parse::<ipnet::IpNet>().unwrap().contains(address)),
            Self::Workload(namespace, kind, name) => {
                workload == (namespace.clone(), kind.clone(), name.clone())
            }
            Self::Pod(namespace, kind, name, pod) => {
                workload == (namespace.clone(), kind.clone(), name.clone())
                    && (endpoint.pods.is_empty() || endpoint.pods.contains(pod))
            }
        }
    }

    /// Whether it is in an endpoint of a list.
    pub fn is_in(&self, endpoint: &EndpointReport) -> bool {
        let pods = match endpoint.group.is_some() {
            true => endpoint.pods.clone(),
            false => Vec::new(),
        };
        // A part without pods is of replicas that cannot be named.
        (endpoint.group.is_none() || !pods.is_empty())
            && self.is(&DiffEndpoint {
                id: endpoint.id.clone(),
                kind: endpoint.kind,
                only_in: None,
                namespace: endpoint.namespace.clone(),
                name: endpoint.name.clone(),
                workload_kind: endpoint.workload_kind.clone(),
                pods,
                addresses: match endpoint.kind {
                    EndpointKind::Addresses => endpoint.addresses.clone(),
                    EndpointKind::Workload => Vec::new(),
                },
                old_location: None,
                new_location: None,
            })
    }

    pub fn asked(&self) -> String {
        match self {
            Self::Workload(namespace, kind, name) => format!("{namespace}/{kind}/{name}"),
            Self::Pod(namespace, _, _, pod) => format!("{namespace}/Pod/{pod}"),
            Self::Address(address) => address.to_string(),
        }
    }

    /// Whom a side is asked about: of a pod all that its list does not tell from it. What is not
    /// known of one of these is not known of the others there, such as whether it is on the node of
    /// a pod on the host's network.
    pub fn asked_of(&self, list: &ListReport) -> Vec<String> {
        let own = list.endpoints.iter().find(|one| self.is_in(one));
        match (self, own) {
            (Self::Pod(namespace, ..), Some(own)) if !own.pods.is_empty() => {
                own.pods.iter().map(|pod| format!("{namespace}/Pod/{pod}")).collect()
            }
            _ => vec![self.asked()],
        }
    }

    pub fn is_address(&self) -> bool {
        matches!(self, Self::Address(_))
    }
}

/// Whom two lists are asked about: workloads, or where a list divides one, pods that both have or
/// that only one of the lists has a workload of; and the ends of ranges that are nobody's.
pub fn everybody(lists: [&ListReport; 2], sessions: [&Session; 2]) -> BTreeSet<Who> {
    let mut all = BTreeSet::new();
    let mut parts: BTreeMap<(String, String, String), [Vec<&EndpointReport>; 2]> = BTreeMap::new();
    for (side, list) in lists.iter().enumerate() {
        for one in &list.endpoints {
            if one.kind == EndpointKind::Addresses {
                all.extend(addresses(one, sessions).into_iter().map(Who::Address));
                continue;
            }
            let text = |field: &Option<String>| field.clone().unwrap_or_default();
            let key = (text(&one.namespace), text(&one.workload_kind), text(&one.name));
            parts.entry(key).or_default()[side].push(one);
        }
    }
    for ((namespace, kind, name), sides) in parts {
        if sides.iter().all(|side| side.len() <= 1) {
            all.insert(Who::Workload(namespace, kind, name));
            continue;
        }
        let pods = sides.map(|side| {
            let pods = side.iter().flat_map(|one| one.pods.clone());
            (side.is_empty(), pods.collect::<BTreeSet<_>>())
        });
        let [(no_old, old), (no_new, new)] = pods;
        let asked: Vec<String> = match no_old || no_new {
            true => old.union(&new).cloned().collect(),
            false => old.intersection(&new).cloned().collect(),
        };
        let who = |pod| Who::Pod(namespace.clone(), kind.clone(), name.clone(), pod);
        all.extend(asked.into_iter().map(who));
    }
    all
}

fn addresses(endpoint: &EndpointReport, sessions: [&Session; 2]) -> Vec<IpAddr> {
    let nets = endpoint.addresses.iter().map(|cidr| cidr.parse::<ipnet::IpNet>().unwrap());
    let ends = nets.flat_map(|net| [net.network(), net.broadcast()]);
    let outside = |address: &IpAddr| {
        sessions.iter().all(|session| {
            let model = session.model();
            !model.node_by_address.contains_key(address)
                && !model.space.nodes.as_ref().is_some_and(|nodes| nodes.contains(*address))
                && !model.by_address.contains_key(address)
        })
    };
    ends.filter(outside).collect()
}

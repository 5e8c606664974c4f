//! Asking for a Service: its address becomes that of each pod behind it, its port each pod's own.

use std::net::IpAddr;
use std::sync::Arc;

use super::query::{QueryError, Side, address_side, part_name};
use super::types::FlowQuery;
use crate::cluster::{ClusterModel, Endpoint, Life, NamespaceId, PodLabels};
use crate::diagnostic::nearest;
use crate::manifest::{Body, NamedPort, Service, ServicePort, TargetPort};
use crate::selector::Labels as _;

/// What a question about a Service is about.
pub struct Target {
    /// The Service's name in answers.
    pub name: Arc<str>,
    /// What is behind it, each with the port that it sees; at least one.
    pub backends: Vec<(Side, u16)>,
    /// Whether it is reached by an address that the network translates somewhere else than that of
    /// the cluster, so that it is left to implementations what policies see.
    pub from_outside: bool,
}

/// What is behind the Service that a question names, or whose address it asks for; none if it is
/// about no Service.
///
/// # Errors
/// If there is no such Service or port, or if nothing is behind it.
///
/// # Source
/// NetworkPolicy §12; others F2: policies see the pod's address and port.
pub fn target(model: &ClusterModel, query: &FlowQuery) -> Result<Option<Target>, QueryError> {
    if let Ok(address) = query.to.parse::<IpAddr>() {
        return by_address(model, address.to_canonical(), query);
    }
    let parts: Vec<&str> = query.to.split('/').collect();
    let [namespace, kind, name] = parts.as_slice() else { return Ok(None) };
    if !["service", "services", "svc"].contains(&kind.to_ascii_lowercase().as_str()) {
        return Ok(None);
    }
    let (index, service) = find(model, namespace, name)?;
    let one = Named { model, index, name, service };
    Ok(Some(Target { name: one.id(), backends: one.backends(query)?, from_outside: false }))
}

/// The Service that has an address: in the cluster, or outside of it and at that port, or at a node
/// and at a port of all nodes.
fn by_address(
    model: &ClusterModel,
    address: IpAddr,
    query: &FlowQuery,
) -> Result<Option<Target>, QueryError> {
    let has_pod = model.by_address.get(&address).is_some();
    let is_node = model.node_by_address.contains_key(&address);
    for (index, name, service) in &model.services {
        let asked = |port: &ServicePort, own: Option<u16>| {
            own == Some(query.port) && port.protocol == query.protocol
        };
        let inside = service.cluster_addresses.contains(&address);
        let outside = service.outside_addresses.contains(&address)
            && service.ports.iter().any(|port| asked(port, Some(port.port)));
        let at_node =
            is_node.then(|| service.ports.iter().find(|port| asked(port, port.node_port)));
        let node_port = at_node.flatten();
        if has_pod || !(inside || outside || node_port.is_some()) {
            continue;
        }
        let one = Named { model, index: *index, name, service };
        let query = match node_port {
            Some(port) => FlowQuery { port: port.port, ..query.clone() },
            None => query.clone(),
        };
        let backends = one.backends(&query)?;
        return Ok(Some(Target { name: one.id(), backends, from_outside: !inside }));
    }
    Ok(None)
}

/// A Service with its name and its namespace.
#[derive(Clone, Copy)]
struct Named<'m> {
    model: &'m ClusterModel,
    index: NamespaceId,
    name: &'m str,
    service: &'m Service,
}

impl Named<'_> {
    fn id(self) -> Arc<str> {
        format!("{}/{}[Service]", self.model.namespace_name(self.index), self.name).into()
    }

    fn backends(self, query: &FlowQuery) -> Result<Vec<(Side, u16)>, QueryError> {
        let Self { model, index, service, .. } = self;
        let id = self.id();
        if service.external_name {
            return Err(QueryError::new(format!("`{id}` is only an alias of an external name")));
        }
        let port = port(service, &id, query)?;
        let backends = match service.selector.is_empty() {
            true => self.addresses(port, query),
            false => {
                let all = model.endpoints.iter();
                let behind = all.filter(|(_, e)| is_behind(model, index, service, e));
                let side = |id| Side::endpoints(vec![id], part_name(model, id));
                behind
                    .filter_map(|(i, e)| Some((side(i), pod_port(model, port, e, query)?)))
                    .collect()
            }
        };
        match (backends.is_empty(), service.selector.is_empty()) {
            (false, _) => Ok(backends),
            (true, true) => Err(QueryError::new(format!(
                "`{id}` selects no pods, and its Endpoints are not in the input: use an address behind it"
            ))),
            (true, false) => Err(QueryError::new(format!("no pod is behind `{id}` on that port"))),
        }
    }

    /// What Endpoints and EndpointSlices say: the same in both, where both are in the input.
    fn addresses(self, port: Option<&ServicePort>, query: &FlowQuery) -> Vec<(Side, u16)> {
        let Self { model, index, name, .. } = self;
        let own = model.service_endpoints.iter();
        let own = own.filter(|(namespace, one)| *namespace == index && *one.service == *name);
        let mut all: Vec<(IpAddr, u16)> = Vec::new();
        for (addresses, ports) in own.flat_map(|(_, one)| &one.subsets) {
            let numbers = ports.iter().filter(|known| match port {
                Some(port) => known.name == port.name && known.protocol == port.protocol,
                None => known.port == query.port && known.protocol == query.protocol,
            });
            for number in numbers {
                all.extend(addresses.iter().map(|address| (*address, number.port)));
            }
        }
        all.sort_unstable();
        all.dedup();
        all.into_iter().map(|(address, port)| (address_side(model, address), port)).collect()
    }
}

fn find<'m>(
    model: &'m ClusterModel,
    namespace: &str,
    name: &str,
) -> Result<(NamespaceId, &'m Service), QueryError> {
    let index = model.namespace(namespace);
    let mut own = model.services.iter().filter(|(of, ..)| Some(*of) == index);
    if let (Some(index), Some((_, _, service))) =
        (index, own.clone().find(|(_, known, _)| **known == *name))
    {
        return Ok((index, service));
    }
    let message = format!("no Service `{name}` in namespace `{namespace}`");
    let known: Vec<&str> = own.by_ref().map(|(_, known, _)| &**known).collect();
    Err(QueryError::new(match nearest(name, known) {
        Some(meant) => format!("{message}: did you mean `{namespace}/Service/{meant}`?"),
        None => message,
    }))
}

fn port<'s>(
    service: &'s Service,
    id: &str,
    query: &FlowQuery,
) -> Result<Option<&'s ServicePort>, QueryError> {
    // Without translation clients reach the pods' own ports. [others F2]
    if service.headless {
        return Ok(None);
    }
    let of = |port: &&ServicePort| port.port == query.port && port.protocol == query.protocol;
    service.ports.iter().find(of).map(Some).ok_or_else(|| {
        let ports: Vec<String> =
            service.ports.iter().map(|port| format!("{} {}", port.protocol, port.port)).collect();
        QueryError::new(format!(
            "`{id}` has no port {} {}: it has {}",
            query.protocol,
            query.port,
            ports.join(", ")
        ))
    })
}

fn is_behind(
    model: &ClusterModel,
    namespace: NamespaceId,
    service: &Service,
    endpoint: &Endpoint,
) -> bool {
    let own = model.workload_of(endpoint).is_some_and(|owner| owner.namespace == namespace);
    let has = |labels: PodLabels<'_>| {
        let has = |(key, value): &(Arc<str>, Arc<str>)| labels.value(key) == Some(&**value);
        service.selector.iter().all(has)
    };
    endpoint.life == Life::Active && own && labels(model, endpoint).is_some_and(has)
}

/// Labels as Services see them: those of pods on the host's network too, which policies do not.
fn labels<'m>(model: &'m ClusterModel, endpoint: &'m Endpoint) -> Option<PodLabels<'m>> {
    if let Some(group) = endpoint.group {
        let group = model.groups.get(group)?;
        return Some(PodLabels { labels: &group.labels, hidden: group.hidden });
    }
    let object = endpoint.object.as_ref()?;
    let labels = match &object.body {
        Body::Workload(workload) => &workload.labels,
        _ => &object.meta.labels,
    };
    Some(PodLabels { labels, hidden: &[] })
}

/// Named ports, likewise.
fn ports<'m>(model: &'m ClusterModel, endpoint: &'m Endpoint) -> &'m [NamedPort] {
    if let Some(group) = endpoint.group.and_then(|id| model.groups.get(id)) {
        return &group.ports;
    }
    match endpoint.object.as_ref().map(|object| &object.body) {
        Some(Body::Workload(workload)) => &workload.pod.ports,
        Some(Body::Pod { spec, .. }) => &spec.ports,
        _ => &[],
    }
}

fn pod_port(
    model: &ClusterModel,
    port: Option<&ServicePort>,
    endpoint: &Endpoint,
    query: &FlowQuery,
) -> Option<u16> {
    let Some(port) = port else { return Some(query.port) };
    match &port.target {
        TargetPort::Number(number) => Some(*number),
        TargetPort::Named(name) => {
            let same = |own: &&NamedPort| own.name == *name && own.protocol == port.protocol;
            ports(model, endpoint).iter().find(same).map(|own| own.port)
        }
    }
}

//! Asking for a Service: its address becomes that of each pod behind it, its port each pod's own.

use std::net::IpAddr;
use std::sync::Arc;

use super::port::PortQuery;
use super::query::{QueryError, Side, address_side, as_listed, part_name};
use super::types::{FlowQuery, Protocol};
use crate::cluster::{ClusterModel, Endpoint, Life, NamespaceId};
use crate::diagnostic::nearest;
use crate::manifest::{Body, EndpointPort, NamedPort, Service, ServicePort, TargetPort};
use crate::net::Family;
use crate::selector::{Match, Selector};

/// What a question about a Service is about.
pub struct Target {
    /// The Service's name in answers.
    pub name: Arc<str>,
    /// What is behind it, or may be, each with the port that it sees; at least one.
    pub backends: Vec<(Side, u16)>,
    /// Whether it is unknown of some whether they are behind it: it selects by labels that
    /// templates do not show.
    pub is_open: bool,
    /// What clients dial, if that is not the Service or its address in the cluster: it is left to
    /// implementations what policies see.
    pub outside: Option<Dialled>,
    /// All ports that it has there; empty for one without translation.
    pub ports: Vec<(Protocol, u16)>,
    /// Families of its addresses in the cluster, or of the one that is asked for; empty if the input
    /// has none of them.
    pub families: Vec<Family>,
}

/// An address outside of the cluster, or those of a node, and a port.
pub struct Dialled {
    /// At least one.
    pub addresses: Vec<IpAddr>,
    /// The port.
    pub port: u16,
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
    match parts.as_slice() {
        ["node" | "Node", name] => at_node(model, name, query),
        [namespace, kind, name] if is_service(kind) => {
            let (index, service) = find(model, namespace, name)?;
            Named { model, index, name, service }.target(query, query.port.clone()).map(Some)
        }
        [namespace, name] => match as_listed(name) {
            Some((name, kind, None)) if is_service(kind) => {
                let (index, service) = find(model, namespace, name)?;
                Named { model, index, name, service }.target(query, query.port.clone()).map(Some)
            }
            _ => Ok(None),
        },
        _ => Ok(None),
    }
}

/// Whether a kind, or a short name of it, is that of Services.
pub fn is_service(kind: &str) -> bool {
    ["service", "services", "svc"].contains(&kind.to_ascii_lowercase().as_str())
}

/// The Service that has the port of every node, asked for at a node by its name.
fn at_node(
    model: &ClusterModel,
    name: &str,
    query: &FlowQuery,
) -> Result<Option<Target>, QueryError> {
    let node = model.nodes.iter().find(|node| *node.name == *name);
    let addresses = node.map(|node| &node.addresses[..]).unwrap_or_default();
    for address in addresses {
        if let Some(mut target) = by_address(model, *address, query)? {
            let dialled = target.outside.as_mut().into_iter();
            dialled.for_each(|dialled| dialled.addresses = addresses.to_vec());
            target.families = addresses.iter().map(|address| Family::of(*address)).collect();
            return Ok(Some(target));
        }
    }
    Ok(None)
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
            own.is_some_and(|own| query.port.includes(own)) && port.protocol == query.protocol
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
        let own = node_port.filter(|_| query.port.number().is_some());
        let port = own.map_or_else(|| query.port.clone(), |port| port.port.into());
        let mut target = one.target(query, port)?;
        if node_port.is_some() {
            let at_node = |port: &ServicePort| Some((port.protocol, port.node_port?));
            target.ports = service.ports.iter().filter_map(at_node).collect();
        }
        target.families = vec![Family::of(address)];
        // Ranges and names are asked for of Services by their names.
        let port = query.port.number().unwrap_or_default();
        target.outside = (!inside).then(|| Dialled { addresses: vec![address], port });
        return Ok(Some(target));
    }
    Ok(None)
}

/// What is behind the Service that has an address in the cluster, at whatever port; none if no
/// Service has it.
pub fn behind(model: &ClusterModel, address: IpAddr) -> Option<Vec<Side>> {
    let has_it = |service: &Service| service.cluster_addresses.contains(&address);
    let none_has = model.by_address.get(&address).is_none();
    let mut services = model.services.iter().filter(|_| none_has);
    let (index, name, service) = services.find(|(.., service)| has_it(service))?;
    if service.selector.is_empty() {
        let subsets = subsets(model, *index, name);
        let addresses = subsets.flat_map(|(addresses, _)| addresses);
        return Some(addresses.map(|address| address_side(model, *address)).collect());
    }
    let selector = service.selector();
    let behind = model
        .endpoints
        .iter()
        .filter(|(_, endpoint)| is_behind(model, *index, &selector, endpoint) != Match::No);
    Some(behind.map(|(id, _)| Side::endpoints(vec![id], part_name(model, id))).collect())
}

/// What Endpoints and EndpointSlices say of a Service: addresses, each with all ports.
fn subsets<'m>(
    model: &'m ClusterModel,
    namespace: NamespaceId,
    name: &'m str,
) -> impl Iterator<Item = &'m (Vec<IpAddr>, Vec<EndpointPort>)> {
    let own = model.service_endpoints.iter();
    let own = own.filter(move |(index, one)| *index == namespace && *one.service == *name);
    own.flat_map(|(_, one)| &one.subsets)
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

    /// What is behind a port of its own.
    fn target(self, query: &FlowQuery, port: PortQuery) -> Result<Target, QueryError> {
        let Self { service, .. } = self;
        let query = &FlowQuery { port, ..query.clone() };
        let id = self.id();
        if service.external_name {
            return Err(QueryError::new(format!("`{id}` is only an alias of an external name")));
        }
        let port = asked_port(service, &id, query)?;
        let (backends, is_open) = match service.selector.is_empty() {
            true => (self.addresses(port, query), false),
            false => self.pods(port, query),
        };
        match (backends.is_empty(), service.selector.is_empty()) {
            (false, _) => {
                let translated = service.ports.iter().filter(|_| !service.headless);
                let ports = translated.map(|port| (port.protocol, port.port)).collect();
                let own = service.cluster_addresses.iter();
                let families = own.map(|address| Family::of(*address)).collect();
                Ok(Target { name: id, backends, is_open, outside: None, ports, families })
            }
            (true, true) => Err(QueryError::new(format!(
                "`{id}` selects no pods, and its Endpoints are not in the input: use an address behind it"
            ))),
            (true, false) => Err(QueryError::new(format!("no pod is behind `{id}` on that port"))),
        }
    }

    /// Pods that it selects or may select, and whether it is unknown of some.
    fn pods(self, port: Option<&ServicePort>, query: &FlowQuery) -> (Vec<(Side, u16)>, bool) {
        let Self { model, index, service, .. } = self;
        let selector = service.selector();
        let mut is_open = false;
        let behind = model.endpoints.iter().filter_map(|(id, endpoint)| {
            let met = is_behind(model, index, &selector, endpoint);
            let port = (met != Match::No).then(|| pod_port(model, port, endpoint, query))??;
            is_open |= met == Match::Unknown;
            Some((Side::endpoints(vec![id], part_name(model, id)), port))
        });
        (behind.collect(), is_open)
    }

    /// What Endpoints and EndpointSlices say: the same in both, where both are in the input.
    fn addresses(self, port: Option<&ServicePort>, query: &FlowQuery) -> Vec<(Side, u16)> {
        let Self { model, index, name, .. } = self;
        let mut all: Vec<(IpAddr, u16)> = Vec::new();
        for (addresses, ports) in subsets(model, index, name) {
            let numbers = ports.iter().filter(|known| match port {
                Some(port) => known.name == port.name && known.protocol == port.protocol,
                None => query.port.includes(known.port) && known.protocol == query.protocol,
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
    let error = QueryError::new(match nearest(name, known) {
        Some(meant) => format!("{message}: did you mean `{namespace}/Service/{meant}`?"),
        None => message,
    });
    Err(error.about(namespace, name))
}

fn asked_port<'s>(
    service: &'s Service,
    id: &str,
    query: &FlowQuery,
) -> Result<Option<&'s ServicePort>, QueryError> {
    // Without translation clients reach the pods' own ports. [others F2]
    if service.headless && query.port.number().is_some() {
        return Ok(None);
    }
    let is_asked = |port: &&ServicePort| match &query.port {
        PortQuery::Number(number) => port.port == *number,
        PortQuery::Name(name) => port.name == *name,
        PortQuery::Range(..) => false,
    };
    let of = |port: &&ServicePort| is_asked(port) && port.protocol == query.protocol;
    service.ports.iter().find(of).map(Some).ok_or_else(|| no_port(service, id, query))
}

fn no_port(service: &Service, id: &str, query: &FlowQuery) -> QueryError {
    let by_name = matches!(query.port, PortQuery::Name(_));
    let ports = service.ports.iter().map(|port| match &*port.name {
        name if by_name && !name.is_empty() => format!("{} {} ({name})", port.protocol, port.port),
        _ => format!("{} {}", port.protocol, port.port),
    });
    let ports = ports.collect::<Vec<_>>().join(", ");
    QueryError::new(match &query.port {
        PortQuery::Range(..) => {
            format!("`{id}` is a Service, whose ports are asked for one by one: it has {ports}")
        }
        port => format!("`{id}` has no port {} {port}: it has {ports}", query.protocol),
    })
}

fn is_behind(
    model: &ClusterModel,
    namespace: NamespaceId,
    selector: &Selector,
    endpoint: &Endpoint,
) -> Match {
    let own = model.workload_of(endpoint).is_some_and(|owner| owner.namespace == namespace);
    match model.labels_of(endpoint).filter(|_| own && endpoint.life == Life::Active) {
        Some(labels) => selector.matches(&labels),
        None => Match::No,
    }
}

/// Named ports as Services see them: those of pods on the host's network too.
pub fn ports<'m>(model: &'m ClusterModel, endpoint: &'m Endpoint) -> &'m [NamedPort] {
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
    let Some(port) = port else { return query.port.number() };
    match &port.target {
        TargetPort::Number(number) => Some(*number),
        TargetPort::Named(name) => {
            let same = |own: &&NamedPort| own.name == *name && own.protocol == port.protocol;
            ports(model, endpoint).iter().find(same).map(|own| own.port)
        }
    }
}

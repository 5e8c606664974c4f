//! Asking for a Service: its port becomes each pod's own.

use std::sync::Arc;

use super::query::QueryError;
use super::types::FlowQuery;
use crate::cluster::{ClusterModel, Endpoint, EndpointId, Life, NamespaceId, PodLabels};
use crate::diagnostic::nearest;
use crate::manifest::{Body, NamedPort, Service, ServicePort, TargetPort};
use crate::selector::Labels as _;

/// A Service's name in answers, and its pods with their ports; none if the question is about no
/// Service.
type Backends = Option<(Arc<str>, Vec<(EndpointId, u16)>)>;

/// The pods behind the Service that a question names, each with the port that it sees.
///
/// # Errors
/// If there is no such Service or port, or if no pod is behind it.
///
/// # Source
/// NetworkPolicy §12; others F2: policies see the pod's address and port.
pub fn backends(model: &ClusterModel, query: &FlowQuery) -> Result<Backends, QueryError> {
    let parts: Vec<&str> = query.to.split('/').collect();
    let [namespace, kind, name] = parts.as_slice() else { return Ok(None) };
    if !["service", "services", "svc"].contains(&kind.to_ascii_lowercase().as_str()) {
        return Ok(None);
    }
    let (index, service) = find(model, namespace, name)?;
    let id: Arc<str> = format!("{namespace}/{name}[Service]").into();
    if service.external_name {
        return Err(QueryError::new(format!("`{id}` is only an alias of an external name")));
    }
    if service.selector.is_empty() {
        return Err(QueryError::new(format!("`{id}` selects no pods: use an address behind it")));
    }
    let port = port(service, &id, query)?;
    let behind = model.endpoints.iter().filter(|(_, e)| is_behind(model, index, service, e));
    let pods: Vec<(EndpointId, u16)> =
        behind.filter_map(|(i, e)| Some((i, pod_port(model, port, e, query)?))).collect();
    if pods.is_empty() {
        return Err(QueryError::new(format!("no pod is behind `{id}` on that port")));
    }
    Ok(Some((id, pods)))
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

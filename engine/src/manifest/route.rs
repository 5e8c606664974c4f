//! Ingresses and routes: which Services are meant to be reached from outside.
//!
//! They decide about no flow, so they are not objects that take part: only lints ask for them.
//!
//! # Source
//! The specification of others, §F3.

use std::sync::Arc;

use crate::tree::Node;

/// What leads from outside to Services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Its kind.
    pub kind: &'static str,
    /// Its namespace, if the input has one.
    pub namespace: Option<Arc<str>>,
    /// Its name.
    pub name: Arc<str>,
    /// The Services, in the order of the text; at least one.
    pub services: Vec<Backend>,
}

/// A Service that a route leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    /// Its namespace, if that is named: else the route's own.
    pub namespace: Option<Arc<str>>,
    /// Its name.
    pub name: Arc<str>,
}

/// Routes of the Gateway API.
const OF_GATEWAYS: [&str; 5] = ["GRPCRoute", "HTTPRoute", "TCPRoute", "TLSRoute", "UDPRoute"];

impl Route {
    /// That of an object that is not evaluated; none if it leads to no Service.
    pub fn read(node: &Node<'_>, group: &str, kind: &str) -> Option<Self> {
        let spec = node.get("spec")?;
        let (kind, services) = match (group, kind) {
            ("networking.k8s.io" | "extensions", "Ingress") => ("Ingress", of_ingress(spec)),
            ("gateway.networking.k8s.io", kind) => {
                let kind = OF_GATEWAYS.into_iter().find(|known| *known == kind)?;
                (kind, of_gateway(spec))
            }
            ("route.openshift.io", "Route") => ("Route", of_openshift(spec)),
            _ => return None,
        };
        let meta = node.get("metadata")?;
        let text = |key: &str| meta.get(key)?.as_str().map(Arc::from);
        let (namespace, name) = (text("namespace"), text("name")?);
        (!services.is_empty()).then_some(Self { kind, namespace, name, services })
    }
}

fn list<'n, 't>(node: &'n Node<'t>, key: &str) -> impl Iterator<Item = &'n Node<'t>> {
    node.get(key).into_iter().flat_map(|list| list.items())
}

fn of_ingress(spec: &Node<'_>) -> Vec<Backend> {
    let paths = list(spec, "rules").filter_map(|rule| rule.get("http"));
    let paths = paths.flat_map(|http| list(http, "paths"));
    let backends = paths.filter_map(|path| path.get("backend"));
    // The old field, and the old way to name a Service.
    let default = spec.get("defaultBackend").or(spec.get("backend"));
    let names = default.into_iter().chain(backends).filter_map(|backend| {
        let name = backend.get("service").and_then(|service| service.get("name"));
        name.or(backend.get("serviceName"))?.as_str()
    });
    names.map(|name| Backend { namespace: None, name: name.into() }).collect()
}

fn of_gateway(spec: &Node<'_>) -> Vec<Backend> {
    let refs = list(spec, "rules").flat_map(|rule| list(rule, "backendRefs"));
    refs.filter_map(service).collect()
}

fn of_openshift(spec: &Node<'_>) -> Vec<Backend> {
    spec.get("to").into_iter().chain(list(spec, "alternateBackends")).filter_map(service).collect()
}

/// A reference, if it is one to a Service, which is what it is unless it says otherwise.
fn service(of: &Node<'_>) -> Option<Backend> {
    let text = |key: &str| of.get(key)?.as_str();
    let is_service = text("kind").is_none_or(|kind| kind == "Service")
        && text("group").unwrap_or_default().is_empty();
    let name = text("name").filter(|_| is_service)?.into();
    Some(Backend { namespace: text("namespace").map(Arc::from), name })
}

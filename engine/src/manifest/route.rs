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
    /// By whom it is served.
    pub via: Via,
    /// The Services, in the order of the text; at least one.
    pub services: Vec<Reference>,
}

/// Who forwards what comes for a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Via {
    /// The controller of a class of Ingresses; none: of the class that is the default.
    Class(Option<Arc<str>>),
    /// These Gateways; none of those that it names, if they are not Gateways.
    Gateways(Vec<Reference>),
    /// The routers of OpenShift.
    Routers,
}

/// An object that a route names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Its namespace, if that is named: else the route's own.
    pub namespace: Option<Arc<str>>,
    /// Its name.
    pub name: Arc<str>,
}

/// Routes of the Gateway API.
const OF_GATEWAYS: [&str; 5] = ["GRPCRoute", "HTTPRoute", "TCPRoute", "TLSRoute", "UDPRoute"];

impl Route {
    /// That of an object that is not evaluated; none if nothing outside leads by it to a Service.
    pub fn read(node: &Node<'_>, group: &str, kind: &str) -> Option<Self> {
        let (spec, meta) = (node.get("spec")?, node.get("metadata")?);
        let (kind, via, services) = match (group, kind) {
            ("networking.k8s.io" | "extensions", "Ingress") => {
                ("Ingress", Via::Class(class(spec, meta)), of_ingress(spec))
            }
            ("gateway.networking.k8s.io", kind) => {
                let kind = OF_GATEWAYS.into_iter().find(|known| *known == kind)?;
                (kind, Via::Gateways(gateways(spec)?), of_gateway(spec))
            }
            ("route.openshift.io", "Route") => ("Route", Via::Routers, of_openshift(spec)),
            _ => return None,
        };
        let text = |key: &str| meta.get(key)?.as_str().map(Arc::from);
        let (namespace, name) = (text("namespace"), text("name")?);
        (!services.is_empty()).then_some(Self { kind, namespace, name, via, services })
    }
}

/// The class of an Ingress, by its field or by the annotation that was there before.
fn class(spec: &Node<'_>, meta: &Node<'_>) -> Option<Arc<str>> {
    let annotation = || meta.get("annotations")?.get("kubernetes.io/ingress.class");
    spec.get("ingressClassName").or_else(annotation)?.as_str().map(Arc::from)
}

/// The Gateways that serve a route; none if it is for Services alone, within a mesh.
fn gateways(spec: &Node<'_>) -> Option<Vec<Reference>> {
    let parents: Vec<&Node<'_>> = list(spec, "parentRefs").collect();
    let kind = |parent: &Node<'_>| {
        parent.get("kind").and_then(Node::as_str).unwrap_or("Gateway").to_owned()
    };
    let is_of_mesh = !parents.is_empty() && parents.iter().all(|parent| kind(parent) == "Service");
    let gateways = parents.iter().filter(|parent| kind(parent) == "Gateway");
    (!is_of_mesh).then(|| gateways.filter_map(|parent| reference(parent)).collect())
}

fn list<'n, 't>(node: &'n Node<'t>, key: &str) -> impl Iterator<Item = &'n Node<'t>> {
    node.get(key).into_iter().flat_map(Node::items)
}

fn of_ingress(spec: &Node<'_>) -> Vec<Reference> {
    let paths = list(spec, "rules").filter_map(|rule| rule.get("http"));
    let paths = paths.flat_map(|http| list(http, "paths"));
    let backends = paths.filter_map(|path| path.get("backend"));
    // The old field, and the old way to name a Service.
    let default = spec.get("defaultBackend").or(spec.get("backend"));
    let names = default.into_iter().chain(backends).filter_map(|backend| {
        let name = backend.get("service").and_then(|service| service.get("name"));
        name.or(backend.get("serviceName"))?.as_str()
    });
    names.map(|name| Reference { namespace: None, name: name.into() }).collect()
}

fn of_gateway(spec: &Node<'_>) -> Vec<Reference> {
    let refs = list(spec, "rules").flat_map(|rule| list(rule, "backendRefs"));
    refs.filter_map(service).collect()
}

fn of_openshift(spec: &Node<'_>) -> Vec<Reference> {
    spec.get("to").into_iter().chain(list(spec, "alternateBackends")).filter_map(service).collect()
}

/// A reference, if it is one to a Service, which is what it is unless it says otherwise.
fn service(of: &Node<'_>) -> Option<Reference> {
    let text = |key: &str| of.get(key)?.as_str();
    let is_service = text("kind").is_none_or(|kind| kind == "Service")
        && text("group").unwrap_or_default().is_empty();
    reference(of).filter(|_| is_service)
}

fn reference(of: &Node<'_>) -> Option<Reference> {
    let text = |key: &str| of.get(key)?.as_str().map(Arc::from);
    Some(Reference { namespace: text("namespace"), name: text("name")? })
}

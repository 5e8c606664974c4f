//! L36: a load balancer whose pods admit nobody outside the cluster.
//!
//! **What.** A Service of type LoadBalancer has pods that policies isolate for ingress, and every
//! rule of these policies is for other pods. Or an Ingress, a route of the Gateway API or of OpenShift
//! leads to a Service whose pods do not admit the controller that forwards to them.
//!
//! **Why.** What comes by a load balancer has the address of a client or of a node, which selectors
//! of pods never match. What comes by an Ingress has the address of the controller's pod, whoever
//! the client is. Every connection is denied.
//!
//! **Fix.** Of a load balancer: an `ipBlock` with the clients, or with the nodes where they replace
//! the clients' address. Of an Ingress or a route: a peer with the controller's pods and their
//! namespace.
//!
//! It is said only where no policies but NetworkPolicies decide. Controllers are known by the labels
//! that their charts and manifests give them, and by the class of the Ingress; pods of a Gateway by
//! its name. Where the input has none of them, it is said only of pods that admit nobody, or known
//! pods of their own namespace and nobody else.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::text::Field;
use super::{Context, Finding};
use crate::cluster::{Group, GroupId, NamespaceId, PodLabels};
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::{Body, Direction, Reference, Route, Service, Via};
use crate::policy::{CompiledPolicy, PeerSet, RulePeer, Scope};
use crate::selector::Match;

/// What serves Ingresses: a word that is in the names of its classes, and labels of its pods.
type Product = (&'static str, &'static [(&'static str, &'static str)]);

/// The label that a chart's pods have with the name of its application.
const NAME: &str = "app.kubernetes.io/name";

const PRODUCTS: [Product; 6] = [
    (
        "nginx",
        &[
            (NAME, "ingress-nginx"),
            (NAME, "nginx-ingress"),
            ("app", "ingress-nginx"),
            ("app", "nginx-ingress"),
        ],
    ),
    ("traefik", &[(NAME, "traefik"), ("app", "traefik")]),
    ("haproxy", &[(NAME, "haproxy-ingress"), (NAME, "kubernetes-ingress")]),
    ("kong", &[(NAME, "kong")]),
    ("contour", &[(NAME, "envoy"), ("app", "envoy")]),
    ("istio", &[("app", "istio-ingressgateway")]),
];

/// The label of the pods of a Gateway, with its name.
const OF_GATEWAY: &str = "gateway.networking.k8s.io/gateway-name";
/// The label of OpenShift's routers.
const OF_ROUTERS: &str = "ingresscontroller.operator.openshift.io/deployment-ingresscontroller";

/// Pods that forward what comes from outside.
enum Forwarders {
    /// The input has none that are known.
    Unknown,
    /// Pods of these groups; at least one.
    Pods(Vec<GroupId>),
    /// Pods on the network of their nodes alone.
    OnHosts,
}

/// One finding for each such Service, at the first policy that isolates its pods.
///
/// # Cost
/// For each Service that is reached from outside, linear in the groups of the cluster, and in the
/// policies for each group of its pods.
pub fn findings(context: &Context<'_>) -> Vec<Finding> {
    let policies = context.session.policies();
    let is_network_policy =
        |policy: &Arc<CompiledPolicy>| matches!(policy.object.body, Body::Policy(_));
    if !policies.policies().all(|(_, policy)| is_network_policy(policy)) {
        return Vec::new();
    }
    load_balancers(context).chain(routes(context)).collect()
}

const PLACE: Field<'static> = Field::First(&["spec.podSelector", "spec"]);

fn load_balancers<'c>(context: &'c Context<'_>) -> impl Iterator<Item = Finding> + 'c {
    let services = context.session.model().services.iter();
    // What a controller leads to as well is reached by that, if it is admitted.
    let routed: BTreeSet<(NamespaceId, Arc<str>)> = backends(context)
        .filter_map(|(route, of)| Some((namespace_of(context, route, of)?, of.name.clone())))
        .collect();
    let exposed = services.filter(move |(namespace, name, service)| {
        service.is_load_balancer && !routed.contains(&(*namespace, name.clone()))
    });
    exposed.filter_map(|(namespace, name, service)| {
        let admits = |peer: &RulePeer| !matches!(peer, RulePeer::Pods(_));
        let blocked = blocked(context, *namespace, service, admits)?;
        let whom = if blocked.admits_nobody { "nobody" } else { "other pods only" };
        let message = format!(
            "Service `{name}` is a load balancer, and the policies of its pods admit {whom}: nobody \
             outside reaches it"
        );
        let finding = Diagnostic::new(Code::ExposedButBlocked, message).with_help(
            "add an `ipBlock` with the clients, and with the nodes unless the Service has \
             `externalTrafficPolicy: Local`",
        );
        Some(context.about(&blocked.policy.object, PLACE, finding))
    })
}

/// What leads from outside to Services, with each of these.
fn backends<'c>(context: &'c Context<'_>) -> impl Iterator<Item = (&'c Route, &'c Reference)> {
    let parts = context.session.files().iter().flat_map(|file| &file.parts);
    let routes = parts.flat_map(|part| &part.document.routes);
    routes.flat_map(|route| route.services.iter().map(move |own| (route, own)))
}

fn routes<'c>(context: &'c Context<'_>) -> impl Iterator<Item = Finding> + 'c {
    // A Service is said once, whatever leads to it.
    let mut said = BTreeSet::new();
    backends(context).filter_map(move |(route, backend)| {
        let model = context.session.model();
        let namespace = namespace_of(context, route, backend)?;
        let mut services = model.services.iter();
        let (_, name, service) =
            services.find(|(own, name, _)| *own == namespace && *name == backend.name)?;
        let forwarders = forwarders(context, route);
        let admits = |peer: &RulePeer| may_admit(context, namespace, &forwarders, peer);
        let blocked = blocked(context, namespace, service, admits)?;
        let finding = of_route((route, name), &forwarders, &blocked);
        said.insert((namespace, name))
            .then(|| context.about(&blocked.policy.object, PLACE, finding))
    })
}

/// The namespace of what a route names.
fn namespace_of(context: &Context<'_>, route: &Route, of: &Reference) -> Option<NamespaceId> {
    let default = || context.session.options().default_namespace.as_str().into();
    let own = of.namespace.clone().or_else(|| route.namespace.clone());
    context.session.model().namespace(&own.unwrap_or_else(default))
}

fn of_route(
    (route, service): (&Route, &str),
    forwarders: &Forwarders,
    blocked: &Blocked<'_>,
) -> Diagnostic {
    let Route { kind, name, .. } = route;
    let by_labels = "by a `namespaceSelector` and a `podSelector` in one peer";
    let (why, help) = match forwarders {
        _ if blocked.admits_nobody => (
            "the policies of its pods admit nobody: nobody outside reaches it",
            format!("admit the controller's pods, {by_labels}"),
        ),
        Forwarders::Pods(_) => (
            "the policies of its pods do not admit the controller: nobody outside reaches it",
            format!("admit the controller's pods, {by_labels}"),
        ),
        Forwarders::OnHosts => (
            "its controller is on the network of its node, where selectors of pods do not match it: \
             nobody outside reaches it",
            "admit the addresses of the nodes, by an `ipBlock`".to_owned(),
        ),
        Forwarders::Unknown => (
            "its pods admit only others of their own namespace: is the controller there?",
            format!("if it is elsewhere, admit its pods, {by_labels}"),
        ),
    };
    let message = format!("{kind} `{name}` leads to Service `{service}`, and {why}");
    Diagnostic::new(Code::ExposedButBlocked, message).with_help(help)
}

fn forwarders(context: &Context<'_>, route: &Route) -> Forwarders {
    match &route.via {
        Via::Class(class) => {
            let lower = class.as_deref().unwrap_or_default().to_lowercase();
            let meant = PRODUCTS.iter().find(|(word, _)| lower.contains(word));
            // Of a class by another name nobody knows which product it is.
            let labels = PRODUCTS.iter().filter(|one| meant.is_none_or(|meant| meant.0 == one.0));
            let labels: Vec<(&str, &str)> = labels.flat_map(|one| one.1).copied().collect();
            of_labels(context, &labels, |_| true)
        }
        Via::Routers => of_labels(context, &[(OF_ROUTERS, "default")], |_| true),
        Via::Gateways(gateways) => {
            let mut groups = Vec::new();
            for gateway in gateways {
                let own = namespace_of(context, route, gateway);
                let labels = [(OF_GATEWAY, &*gateway.name)];
                let found = of_labels(context, &labels, |group| Some(group.namespace) == own);
                if let Forwarders::Pods(more) = found {
                    groups.extend(more);
                }
            }
            if groups.is_empty() { Forwarders::Unknown } else { Forwarders::Pods(groups) }
        }
    }
}

/// Pods with one of some labels, where they may be.
fn of_labels(
    context: &Context<'_>,
    labels: &[(&str, &str)],
    is_there: impl Fn(&Group) -> bool,
) -> Forwarders {
    let has = |group: &Group| {
        let mut own = group.labels.iter();
        own.any(|(key, value)| labels.iter().any(|one| *one == (&**key, &**value)))
    };
    let groups = context.session.model().groups.iter();
    let groups = groups.filter(|(_, group)| is_there(group) && has(group));
    let groups: Vec<GroupId> = groups.map(|(id, _)| id).collect();
    let on_host =
        || context.host().iter().any(|pods| labels.iter().any(|(key, value)| pods.has(key, value)));
    match groups.is_empty() {
        false => Forwarders::Pods(groups),
        true if on_host() => Forwarders::OnHosts,
        true => Forwarders::Unknown,
    }
}

/// Whether a peer of a rule may be a controller.
fn may_admit(
    context: &Context<'_>,
    namespace: NamespaceId,
    forwarders: &Forwarders,
    peer: &RulePeer,
) -> bool {
    let RulePeer::Pods(set) = peer else { return true };
    let Some(set) = context.session.policies().set(*set) else { return true };
    let is_own = |set: &PeerSet| matches!(set.scope(), Scope::Own(own) if *own == namespace);
    match forwarders {
        Forwarders::Pods(groups) => groups.iter().any(|group| set.matches(*group) != Match::No),
        Forwarders::OnHosts => false,
        // It may be one that the input does not have.
        Forwarders::Unknown => !is_own(set) || set.is_empty() || set.pods().is_empty(),
    }
}

/// What keeps everybody from the pods of a Service for whom these are meant.
struct Blocked<'s> {
    /// The first policy that isolates them.
    policy: &'s Arc<CompiledPolicy>,
    /// Whether no rule admits anybody.
    admits_nobody: bool,
}

/// What blocks the pods of a Service; none if a rule may admit whom they are meant for, a pod is not
/// isolated, or there is none.
fn blocked<'s>(
    context: &Context<'s>,
    namespace: NamespaceId,
    service: &Service,
    admits: impl Fn(&RulePeer) -> bool,
) -> Option<Blocked<'s>> {
    let session = context.session;
    let selector = service.selector();
    if service.selector.is_empty() {
        return None;
    }
    let groups = session.model().groups.iter().filter(|(_, group)| {
        let labels = PodLabels { labels: &group.labels, hidden: group.hidden };
        group.namespace == namespace && selector.matches(&labels) != Match::No
    });
    let (mut first, mut admits_nobody) = (None, true);
    for (group, _) in groups {
        let in_force = session.policies().in_force().map(|(_, policy)| policy);
        let mut isolating = in_force.filter(|policy| {
            let isolates = policy.rules(Direction::Ingress).is_some();
            policy.namespace == Some(namespace) && isolates && may_select(context, policy, group)
        });
        let policy = isolating.next()?;
        let all = std::iter::once(policy).chain(isolating);
        for rule in all.flat_map(|one| one.rules(Direction::Ingress).unwrap_or_default()) {
            if rule.peers.is_empty() || rule.peers.iter().any(&admits) {
                return None;
            }
            admits_nobody = false;
        }
        first.get_or_insert(policy);
    }
    Some(Blocked { policy: first?, admits_nobody })
}

fn may_select(context: &Context<'_>, policy: &CompiledPolicy, group: GroupId) -> bool {
    let set = context.session.policies().set(policy.subject);
    set.is_some_and(|set| set.groups().any(|(one, _)| one == group))
}

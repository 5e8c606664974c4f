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
//! that their charts and manifests give them. Where the input has none, it is said only of pods that
//! admit known pods of their own namespace and nobody else.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::text::Field;
use super::{Context, Finding};
use crate::cluster::{GroupId, NamespaceId, PodLabels};
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::{Body, Direction, Route, Service};
use crate::policy::{CompiledPolicy, PeerSet, RulePeer, Scope};
use crate::selector::Match;

/// Labels of pods that forward what comes for Ingresses and routes.
const CONTROLLERS: [(&str, &[&str]); 3] = [
    (
        "app.kubernetes.io/name",
        &[
            "contour",
            "envoy",
            "haproxy-ingress",
            "ingress-nginx",
            "kong",
            "kubernetes-ingress",
            "nginx-gateway-fabric",
            "nginx-ingress",
            "traefik",
        ],
    ),
    ("app", &["ingress-nginx", "istio-ingressgateway", "nginx-ingress", "traefik"]),
    ("ingresscontroller.operator.openshift.io/deployment-ingresscontroller", &["default"]),
];

/// One finding for each such Service, at the first policy that isolates its pods.
///
/// # Cost
/// For each Service that is reached from outside, linear in the groups and policies of its namespace.
pub fn findings(context: &Context<'_>) -> Vec<Finding> {
    let policies = context.session.policies();
    let is_network_policy =
        |policy: &Arc<CompiledPolicy>| matches!(policy.object.body, Body::Policy(_));
    if !policies.policies().all(|(_, policy)| is_network_policy(policy)) {
        return Vec::new();
    }
    load_balancers(context).chain(routes(context)).collect()
}

fn load_balancers<'c>(context: &'c Context<'_>) -> impl Iterator<Item = Finding> + 'c {
    let services = context.session.model().services.iter();
    let exposed = services.filter(|(_, _, service)| service.is_load_balancer);
    exposed.filter_map(|(namespace, name, service)| {
        let admits = |peer: &RulePeer| !matches!(peer, RulePeer::Pods(_));
        let policy = blocking(context, *namespace, service, admits)?;
        let message = format!(
            "Service `{name}` is a load balancer, and the policies of its pods admit other pods \
             only: nobody outside reaches it"
        );
        let finding = Diagnostic::new(Code::ExposedButBlocked, message).with_help(
            "add an `ipBlock` with the clients, and with the nodes unless the Service has \
             `externalTrafficPolicy: Local`",
        );
        Some(context.about(&policy.object, PLACE, finding))
    })
}

const PLACE: Field<'static> = Field::First(&["spec.podSelector", "spec"]);

fn routes<'c>(context: &'c Context<'_>) -> impl Iterator<Item = Finding> + 'c {
    let parts = context.session.files().iter().flat_map(|file| &file.parts);
    let mut routes = parts.flat_map(|part| &part.document.routes).peekable();
    let forwarders = routes.peek().map_or_else(Vec::new, |_| controllers(context));
    // A Service is said once, whatever leads to it.
    let mut said = BTreeSet::new();
    let backends = routes.flat_map(|route| route.services.iter().map(move |own| (route, own)));
    backends.filter_map(move |(route, backend)| {
        let model = context.session.model();
        let default = || context.session.options().default_namespace.as_str().into();
        let own = backend.namespace.clone().or_else(|| route.namespace.clone());
        let namespace = model.namespace(&own.unwrap_or_else(default))?;
        let mut services = model.services.iter();
        let (_, name, service) =
            services.find(|(own, name, _)| *own == namespace && *name == backend.name)?;
        let admits = |peer: &RulePeer| may_admit(context, namespace, &forwarders, peer);
        let policy = blocking(context, namespace, service, admits)?;
        said.insert((namespace, name)).then(|| {
            context.about(&policy.object, PLACE, of_route(route, name, !forwarders.is_empty()))
        })
    })
}

fn of_route(route: &Route, service: &str, knows_controller: bool) -> Diagnostic {
    let Route { kind, name, .. } = route;
    let (why, help) = match knows_controller {
        true => (
            "the policies of its pods do not admit the controller: nobody outside reaches it",
            "admit the controller's pods",
        ),
        false => (
            "its pods admit only others of their own namespace: is the controller there?",
            "if it is elsewhere, admit its pods",
        ),
    };
    let message = format!("{kind} `{name}` leads to Service `{service}`, and {why}");
    Diagnostic::new(Code::ExposedButBlocked, message)
        .with_help(format!("{help}, by a `namespaceSelector` and a `podSelector` in one peer"))
}

/// Groups of pods that forward what comes from outside.
fn controllers(context: &Context<'_>) -> Vec<GroupId> {
    let groups = context.session.model().groups.iter();
    let forwards = |(key, values): &(&str, &[&str]), labels: &[(Arc<str>, Arc<str>)]| {
        labels.iter().any(|(own, value)| **own == **key && values.contains(&&**value))
    };
    let forwarding =
        groups.filter(|(_, group)| CONTROLLERS.iter().any(|label| forwards(label, &group.labels)));
    forwarding.map(|(id, _)| id).collect()
}

/// Whether a peer of a rule may be a controller.
fn may_admit(
    context: &Context<'_>,
    namespace: NamespaceId,
    controllers: &[GroupId],
    peer: &RulePeer,
) -> bool {
    let RulePeer::Pods(set) = peer else { return true };
    let Some(set) = context.session.policies().set(*set) else { return true };
    if !controllers.is_empty() {
        return controllers.iter().any(|group| set.matches(*group) != Match::No);
    }
    // It may be one that the input does not have.
    let is_own = |set: &PeerSet| matches!(set.scope(), Scope::Own(own) if *own == namespace);
    !is_own(set) || set.is_empty() || set.pods().is_empty()
}

/// The first policy that isolates the pods of a Service, if no rule of all that do admits whom it is
/// meant for; none if a pod of it is not isolated, or there is none.
fn blocking<'s>(
    context: &Context<'s>,
    namespace: NamespaceId,
    service: &Service,
    admits: impl Fn(&RulePeer) -> bool,
) -> Option<&'s Arc<CompiledPolicy>> {
    let session = context.session;
    let selector = service.selector();
    if service.selector.is_empty() {
        return None;
    }
    let groups = session.model().groups.iter().filter(|(_, group)| {
        let labels = PodLabels { labels: &group.labels, hidden: group.hidden };
        group.namespace == namespace && selector.matches(&labels) != Match::No
    });
    let mut first = None;
    for (group, _) in groups {
        let in_force = session.policies().in_force().map(|(_, policy)| policy);
        let mut isolating = in_force.filter(|policy| {
            let isolates = policy.rules(Direction::Ingress).is_some();
            policy.namespace == Some(namespace) && isolates && may_select(context, policy, group)
        });
        let policy = isolating.next()?;
        let all = std::iter::once(policy).chain(isolating);
        let mut rules = all.flat_map(|one| one.rules(Direction::Ingress).unwrap_or_default());
        if rules.any(|rule| rule.peers.is_empty() || rule.peers.iter().any(&admits)) {
            return None;
        }
        first.get_or_insert(policy);
    }
    first
}

fn may_select(context: &Context<'_>, policy: &CompiledPolicy, group: GroupId) -> bool {
    let set = context.session.policies().set(policy.subject);
    set.is_some_and(|set| set.groups().any(|(one, _)| one == group))
}

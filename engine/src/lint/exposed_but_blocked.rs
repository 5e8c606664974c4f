//! L36: a load balancer whose pods admit nobody outside the cluster.
//!
//! **What.** A Service of type LoadBalancer has pods that policies isolate for ingress, and every
//! rule of these policies is for other pods.
//!
//! **Why.** What comes by the load balancer has the address of a client or of a node, which
//! selectors of pods never match: every connection is denied.
//!
//! **Fix.** An `ipBlock` with the clients, or with the nodes where they replace the clients'
//! address; or another type, if nobody outside is meant to reach the pods.
//!
//! It is said only where no policies but NetworkPolicies decide.

use std::sync::Arc;

use super::blocks;
use super::text::Field;
use super::{Context, Finding};
use crate::cluster::{GroupId, NamespaceId, PodLabels};
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::{Body, Direction, NetworkPolicy, PeerKind, Service};
use crate::policy::CompiledPolicy;
use crate::selector::Match;

/// One finding for each such Service, at the first policy that isolates its pods.
///
/// # Cost
/// For each Service of this type, linear in the groups and policies of its namespace.
pub fn findings(context: &Context<'_>) -> Vec<Finding> {
    let policies = context.session.policies();
    let is_network_policy =
        |policy: &Arc<CompiledPolicy>| matches!(policy.object.body, Body::Policy(_));
    if !policies.policies().all(|(_, policy)| is_network_policy(policy)) {
        return Vec::new();
    }
    let services = context.session.model().services.iter();
    let exposed = services.filter(|(_, _, service)| service.is_load_balancer);
    exposed
        .filter_map(|(namespace, name, service)| {
            let policy = blocking(context, *namespace, service)?;
            let message = format!(
                "Service `{name}` is a load balancer, and the policies of its pods admit other pods \
                 only: nobody outside reaches it"
            );
            let finding = Diagnostic::new(Code::ExposedButBlocked, message).with_help(
                "add an `ipBlock` with the clients, and with the nodes unless the Service has \
                 `externalTrafficPolicy: Local`",
            );
            let field = Field::First(&["spec.podSelector", "spec"]);
            Some(context.about(&policy.object, field, finding))
        })
        .collect()
}

/// The first policy that isolates the pods of a Service, if all that do admit pods only; none if a
/// pod of it is not isolated, or there is none.
fn blocking<'s>(
    context: &Context<'s>,
    namespace: NamespaceId,
    service: &Service,
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
        let mut isolating = session.policies().in_force().filter_map(|(_, policy)| {
            let Body::Policy(body) = &policy.object.body else { return None };
            let is_of = policy.namespace == Some(namespace) && body.isolates(Direction::Ingress);
            Some((policy, body)).filter(|_| is_of && may_select(context, policy, group))
        });
        let (policy, body) = isolating.next()?;
        if std::iter::once(body).chain(isolating.map(|(_, body)| body)).any(admits_outside) {
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

/// Whether a rule is for everybody, or for addresses.
fn admits_outside(policy: &NetworkPolicy) -> bool {
    let rules = policy.rules(Direction::Ingress);
    rules.iter().any(|rule| rule.peers.is_empty())
        || blocks::peers(policy, Direction::Ingress)
            .any(|(_, _, peer)| matches!(peer.kind, PeerKind::Block(_)))
}

//! L45: a block of addresses outside for pods whose Service hides the client's address.
//!
//! **What.** An ingress rule admits public addresses, and a Service of type NodePort or LoadBalancer
//! for these pods has `externalTrafficPolicy: Cluster`, which it has by default.
//!
//! **Why.** A node that passes such a connection on replaces the client's address by its own: the
//! policy sees a node, and denies it.
//!
//! **Fix.** `externalTrafficPolicy: Local`; or limit clients by `loadBalancerSourceRanges`.
//!
//! Nothing is said of private addresses, which may be those of nodes, nor of blocks of all addresses.

use rustc_hash::FxHashMap;

use super::blocks::{self, Written};
use super::text::Field;
use super::{Context, Finding};
use crate::cluster::{NamespaceId, PodLabels};
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::{Body, Direction};
use crate::selector::{Match, Selector};

/// One finding for each policy, at the first such block.
///
/// # Cost
/// Linear in the Services and in the peers; for policies with such blocks, in the groups that they
/// select.
pub fn findings(context: &Context<'_>) -> Vec<Finding> {
    let session = context.session;
    let mut exposed: FxHashMap<NamespaceId, Vec<(&str, Selector)>> = FxHashMap::default();
    for (namespace, name, service) in &session.model().services {
        if service.hides_clients && !service.selector.is_empty() {
            exposed.entry(*namespace).or_default().push((name, service.selector()));
        }
    }
    let mut findings = Vec::new();
    let private = blocks::private();
    for (_, policy) in session.policies().policies() {
        let Body::Policy(body) = &policy.object.body else { continue };
        let services = policy.namespace.and_then(|namespace| exposed.get(&namespace));
        let Some(services) = services else { continue };
        let found = blocks::of(body, Direction::Ingress).find(|Written { block, .. }| {
            block.addresses.is_disjoint(&private) && blocks::whole_family(block).is_none()
        });
        let Some(Written { place, block, .. }) = found else { continue };
        let Some(name) = exposing(context, policy.subject, services) else { continue };
        let message = format!(
            "clients of Service `{name}` may not be seen as `{}`: a node that passes a connection on \
             replaces their address by its own",
            block.cidr
        );
        let finding = Diagnostic::new(Code::SnatSource, message).with_help(
            "set `externalTrafficPolicy: Local` in the Service, or limit the clients of a load balancer \
             by `loadBalancerSourceRanges`",
        );
        let path = place.block_path();
        findings.push(context.about(&policy.object, Field::First(&[&path]), finding));
    }
    findings
}

/// The first of some Services that has pods of a set.
fn exposing<'a>(
    context: &Context<'_>,
    subject: crate::policy::SetId,
    services: &'a [(&'a str, Selector)],
) -> Option<&'a str> {
    let (model, set) = (context.session.model(), context.session.policies().set(subject)?);
    let groups = set.groups().filter_map(|(id, _)| model.groups.get(id));
    let groups: Vec<_> = groups.collect();
    let mut found = services.iter().filter(|(_, selector)| {
        groups.iter().any(|group| {
            let labels = PodLabels { labels: &group.labels, hidden: group.hidden };
            selector.matches(&labels) == Match::Yes
        })
    });
    found.next().map(|(name, _)| *name)
}

//! L02: policies in a namespace where none denies what the others do not allow.
//!
//! **What.** Every policy of a namespace selects some of its pods; none has `podSelector: {}`.
//!
//! **Why.** All pods of today may be selected, but the next one is open until somebody writes a
//! policy for it.
//!
//! **Fix.** Add the policy that denies by default:
//!
//! ```yaml
//! apiVersion: networking.k8s.io/v1
//! kind: NetworkPolicy
//! metadata: {name: default-deny, namespace: …}
//! spec: {podSelector: {}, policyTypes: [Ingress]}
//! ```
//!
//! It is said for ingress, at one policy of the namespace, and not where L01 says it of pods that
//! are open already. Nothing is said where policies may be missing from the input. It is an
//! information.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::text::Field;
use super::{Context, Finding};
use crate::cluster::NamespaceId;
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::{Body, Direction, Object};
use crate::policy::TierKind;

/// One finding for each such namespace.
///
/// # Cost
/// Linear in the policies.
pub fn findings(context: &Context<'_>) -> Vec<Finding> {
    let session = context.session;
    let mut policies = session.policies().in_force();
    if !session.not_judged().is_empty()
        || policies.any(|(_, policy)| policy.tier != TierKind::NetworkPolicy)
    {
        return Vec::new();
    }
    let mut first: BTreeMap<NamespaceId, Option<Arc<Object>>> = BTreeMap::new();
    for (_, policy) in session.policies().in_force() {
        let (Body::Policy(body), Some(namespace)) = (&policy.object.body, policy.namespace) else {
            continue;
        };
        if !body.isolates(Direction::Ingress) {
            continue;
        }
        let own = first.entry(namespace).or_insert_with(|| Some(policy.object.clone()));
        let is_before = |one: &Arc<Object>| policy.object.meta.name < one.meta.name;
        if body.subject.is_empty() {
            *own = None;
        } else if own.as_ref().is_some_and(is_before) {
            *own = Some(policy.object.clone());
        }
    }
    let is_open = |namespace| context.open().contains_key(&(namespace, Direction::Ingress));
    let known = context.known();
    let missing = first.into_iter().filter_map(|(namespace, object)| {
        let object = object.filter(|_| !is_open(namespace) && known.has_all_of(namespace))?;
        let name = session.model().namespace_name(namespace);
        let message = format!(
            "no policy of namespace `{name}` selects all pods: a new pod accepts everything until \
             a policy selects it"
        );
        let finding = Diagnostic::new(Code::MissingDefaultDeny, message)
            .with_help("add a policy with `podSelector: {}` and `policyTypes: [Ingress]`");
        Some(context.about(&object, Field::First(&["spec.podSelector"]), finding))
    });
    missing.collect()
}

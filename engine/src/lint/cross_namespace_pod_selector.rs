//! L08: a `podSelector` alone, for pods of another namespace.
//!
//! **What.** A peer has a `podSelector` and no `namespaceSelector`. No pod of the policy's own
//! namespace has the labels, but pods of another one do.
//!
//! **Why.** A `podSelector` alone means the policy's own namespace, so the peer matches nothing.
//!
//! **Fix.** Add a `namespaceSelector` to the same element of the list, without a dash.
//!
//! Nothing is said where pods of the policy's namespace may be missing (as for L03), and where two
//! neighbouring peers seem to be meant as one (L15).

use std::collections::BTreeSet;

use super::named::{Named, Role};
use super::stray_dash;
use super::text::Field;
use super::{Context, Finding};
use crate::cluster::{ClusterModel, NAME_LABEL, NamespaceId};
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::PeerKind;
use crate::policy::{PeerSet, Scope};
use crate::selector::Selector;

/// One finding for each such peer.
///
/// # Cost
/// Linear in the selectors; in the pods that have a label of it for each that matches nothing.
pub fn findings(context: &Context<'_>) -> Vec<Finding> {
    let model = context.session.model();
    let finding = |named: &Named<'_>| {
        let Scope::Own(own) = named.set.scope() else { return None };
        if !context.known().has_all_of(*own) || stray_dash::is_stray(context, named) {
            return None;
        }
        let others = elsewhere(model, named.set);
        let finding = finding(model, *own, &others)?;
        let paths = named.pods_paths();
        Some(context.about(&named.policy.object, Field::Selector(&paths), finding))
    };
    context.dead().iter().filter(|named| is_alone(named)).filter_map(finding).collect()
}

/// Whether it is a peer with a selector of pods and none of namespaces.
pub fn is_alone(named: &Named<'_>) -> bool {
    let Role::Peer(place) = named.role else { return false };
    let rule = named.policy.written(place.direction).get(place.rule);
    let peer = rule.and_then(|rule| rule.peers.get(place.peer));
    matches!(peer.map(|peer| &peer.kind), Some(PeerKind::Pods { namespaces: None, pods: Some(_) }))
}

/// Namespaces with pods that a set's selector of pods matches, whatever namespaces it means.
pub fn elsewhere(model: &ClusterModel, set: &PeerSet) -> BTreeSet<NamespaceId> {
    let any = Scope::Matching(Selector::default());
    let all = PeerSet::of(model, any, set.pods().clone());
    let groups = all.certain.iter().filter_map(|group| model.groups.get(group));
    groups.map(|group| group.namespace).collect()
}

fn finding(
    model: &ClusterModel,
    own: NamespaceId,
    others: &BTreeSet<NamespaceId>,
) -> Option<Diagnostic> {
    let own = model.namespace_name(own);
    let first = model.namespace_name(*others.first()?);
    let there = match others.len() {
        1 => format!("namespace `{first}`"),
        count => format!("`{first}` and {} other namespaces", count - 1),
    };
    let message = format!(
        "this peer matches no pod: a `podSelector` alone means namespace `{own}`, and pods with \
         these labels are in {there}"
    );
    let help = format!(
        "add `namespaceSelector: {{matchLabels: {{{NAME_LABEL}: {first}}}}}` to the same element, \
         without a dash"
    );
    Some(Diagnostic::new(Code::CrossNamespacePodSelector, message).with_help(help))
}

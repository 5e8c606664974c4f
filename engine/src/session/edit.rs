//! Edits that touch nothing but policies, found without looking at what did not change.

use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::gather::{asked_labels, identity};
use super::{Identity, Session};
use crate::manifest::{Object, Part, SourceFile};
use crate::policy::PolicyChange;

/// What became of policies from the session's files to these, if nothing else changed: removed
/// ones first, then new ones in order. None if that cannot be told from the changed documents
/// alone.
///
/// # Cost
/// A comparison of numbers per document, and work for those that changed.
pub(super) fn policies_only(
    session: &Session,
    files: &[Arc<SourceFile>],
) -> Option<Vec<PolicyChange>> {
    if !session.repeated_policies.is_empty() || files.len() != session.files.len() {
        return None;
    }
    let (mut gone, mut put) = (Vec::new(), Vec::new());
    for (before, after) in session.files.iter().zip(files) {
        if before.name != after.name {
            return None;
        }
        let (old, new) = differing(&before.parts, &after.parts);
        gone.extend(policies(old, session)?);
        put.extend(policies(new, session)?);
    }
    let changes = Changed { gone, put };
    (changes.are_unrepeated(session) && changes.leave_the_world(session))
        .then(|| changes.in_order())
}

struct Changed {
    gone: Vec<(Identity, Arc<Object>)>,
    put: Vec<(Identity, Arc<Object>)>,
}

impl Changed {
    /// Whether each policy stands only once, so that none replaces another.
    fn are_unrepeated(&self, session: &Session) -> bool {
        let gone: FxHashSet<&Identity> = self.gone.iter().map(|(key, _)| key).collect();
        let mut seen = FxHashSet::default();
        self.put.iter().all(|(key, _)| {
            let known = session.set.has(session.model(), key);
            seen.insert(key) && (!known || gone.contains(key))
        })
    }

    /// Whether the model of the cluster, which knows the namespaces that policies are in and the
    /// labels that they ask controllers for, stays what it is.
    fn leave_the_world(&self, session: &Session) -> bool {
        let objects = self.gone.iter().chain(&self.put).map(|(_, object)| object);
        if !asked_labels(objects, session.model().has_open_namespaces()).is_empty() {
            return false;
        }
        let namespaces = |changed: &[(Identity, Arc<Object>)]| -> FxHashSet<Arc<str>> {
            changed.iter().map(|((_, namespace, _), _)| namespace.clone()).collect()
        };
        let (gone, put) = (namespaces(&self.gone), namespaces(&self.put));
        let known = &session.world.policy_namespaces;
        put.iter().all(|namespace| known.contains(namespace))
            && gone.difference(&put).next().is_none()
    }

    fn in_order(mut self) -> Vec<PolicyChange> {
        self.put.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let kept: FxHashSet<&Identity> = self.put.iter().map(|(key, _)| key).collect();
        let gone = self.gone.iter().filter(|(key, _)| !kept.contains(key));
        let gone = gone.map(|(_, object)| PolicyChange::Remove(object.clone()));
        let put = self.put.iter().map(|(_, object)| PolicyChange::Put(object.clone()));
        gone.chain(put).collect()
    }
}

/// The parts in the middle of each list that the two do not have in common.
fn differing<'f>(before: &'f [Part], after: &'f [Part]) -> (&'f [Part], &'f [Part]) {
    let same = |(a, b): &(&Part, &Part)| Arc::ptr_eq(&a.document, &b.document);
    let first = before.iter().zip(after).take_while(same).count();
    let (before, after) = (skip(before, first), skip(after, first));
    let last = before.iter().rev().zip(after.iter().rev()).take_while(same).count();
    (drop_last(before, last), drop_last(after, last))
}

fn skip(parts: &[Part], count: usize) -> &[Part] {
    parts.get(count..).unwrap_or_default()
}

fn drop_last(parts: &[Part], count: usize) -> &[Part] {
    parts.get(..parts.len() - count).unwrap_or_default()
}

/// The policies of some parts; none if there is anything else in them.
fn policies(parts: &[Part], session: &Session) -> Option<Vec<(Identity, Arc<Object>)>> {
    let default = &session.options.default_namespace;
    if parts.iter().any(|part| !part.document.accounts.is_empty()) {
        return None;
    }
    let objects = parts.iter().flat_map(|part| &part.document.objects);
    objects
        .map(|object| {
            let is_policy = object.is_policy() && !object.meta.is_generated;
            is_policy.then(|| (identity(object, default), object.clone()))
        })
        .collect()
}

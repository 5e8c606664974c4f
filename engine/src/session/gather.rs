//! From files to objects: which there are, which replace each other, and what changed.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Identity, Repeated};
use crate::cluster::{AskedLabels, controller_keys, namespace_of};
use crate::manifest::{Object, SourceFile};
use crate::policy::{PolicyChange, pod_selectors};
use crate::selector::Selector;

pub(super) fn identity(object: &Object, default: &str) -> Identity {
    let namespace =
        if object.is_namespaced() { namespace_of(object, default) } else { Arc::from("") };
    (object.kind(), namespace, object.meta.name.clone())
}

/// Objects of a sort, each identity once: the last one wins, as with `kubectl apply`.
pub(super) fn gather(
    files: &[Arc<SourceFile>],
    default: &str,
    sort: impl Fn(&Object) -> bool,
) -> (FxHashMap<Identity, Arc<Object>>, Vec<Repeated>) {
    let (mut objects, mut repeated) = (FxHashMap::default(), Vec::new());
    for (file, source) in files.iter().enumerate() {
        for (part, place) in source.parts.iter().enumerate() {
            for object in place.document.objects.iter().filter(|object| sort(object)) {
                let object = object.clone();
                if let Some(first) = objects.insert(identity(&object, default), object.clone()) {
                    repeated.push(Repeated { file, part, object, first });
                }
            }
        }
    }
    (objects, repeated)
}

/// Documents with objects other than policies, by address.
pub(super) fn other_documents(files: &[Arc<SourceFile>]) -> Vec<usize> {
    let parts = files.iter().flat_map(|file| &file.parts);
    let others =
        parts.filter(|part| part.document.objects.iter().any(|object| !object.is_policy()));
    others.map(|part| Arc::as_ptr(&part.document).addr()).collect()
}

/// Labels that controllers add, as selectors of pods ask for them.
pub(super) fn asked_labels<'p>(policies: impl Iterator<Item = &'p Arc<Object>>) -> AskedLabels {
    let keys: FxHashSet<&'static str> = controller_keys().collect();
    let mut asked = AskedLabels::new();
    for object in policies {
        for requirement in pod_selectors(object).flat_map(Selector::requirements) {
            if let Some(key) = keys.get(&*requirement.key) {
                asked.entry(key).or_default().extend(requirement.values.iter().cloned());
            }
        }
    }
    asked
}

pub(super) fn changed(
    before: &FxHashMap<Identity, Arc<Object>>,
    after: &FxHashMap<Identity, Arc<Object>>,
) -> Vec<PolicyChange> {
    let gone = before.iter().filter(|(key, _)| !after.contains_key(*key));
    let gone = gone.map(|(_, object)| PolicyChange::Remove(object.clone()));
    let put = after
        .iter()
        .filter(|(key, object)| !before.get(*key).is_some_and(|known| Arc::ptr_eq(known, object)));
    let mut put: Vec<_> = put.collect();
    put.sort_unstable_by(|a, b| a.0.cmp(b.0));
    gone.chain(put.into_iter().map(|(_, object)| PolicyChange::Put(object.clone()))).collect()
}

//! Namespaces, and what is known of their labels.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::build::namespace_of;
use super::hidden;
use super::{Input, Namespace};
use crate::manifest::{Body, LabelList, Mode};
use crate::selector::Labels;

/// The label that the API server sets on every namespace.
pub const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// What is known of namespaces whose objects are not in the input. Of others that is nothing but
/// their name: any label may be there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Undeclared {
    /// All labels of these namespaces, but that of the name; of a namespace that is in the input,
    /// labels that it has besides, or instead of its own of the same key.
    pub labels: BTreeMap<Arc<str>, BTreeMap<Arc<str>, Arc<str>>>,
    /// Whether the others have no labels but that of the name.
    pub unlabelled: bool,
}

/// Labels of a namespace as selectors ask them.
#[derive(Clone, Copy, Debug)]
pub struct NamespaceLabels<'l> {
    /// Labels that it has, sorted by key.
    pub own: &'l LabelList,
    /// All others that it is assumed to have, sorted by key.
    pub assumed: Option<&'l LabelList>,
    /// Whether it may have others if none are assumed.
    pub open: bool,
}

impl Labels for NamespaceLabels<'_> {
    fn value(&self, key: &str) -> Option<&str> {
        let find = |labels: &'_ LabelList| -> Option<usize> {
            labels.binary_search_by(|(known, _)| (**known).cmp(key)).ok()
        };
        let lists = [Some(self.own), self.assumed];
        let mut values = lists.into_iter().flatten().filter_map(|list| list.get(find(list)?));
        values.next().map(|(_, value)| &**value)
    }

    fn hidden(&self, _key: &str) -> bool {
        false
    }

    fn open(&self) -> bool {
        self.open && self.assumed.is_none()
    }
}

impl Namespace {
    /// Its labels as selectors ask them.
    pub fn labels(&self) -> NamespaceLabels<'_> {
        NamespaceLabels { own: &self.labels, assumed: None, open: self.open }
    }
}

/// Namespaces by name: those that are declared, and those that objects are in.
pub fn namespaces(input: Input<'_>) -> BTreeMap<Arc<str>, Namespace> {
    let known = input.undeclared;
    let mut namespaces: BTreeMap<Arc<str>, Namespace> = BTreeMap::new();
    for object in input.objects {
        if matches!(object.body, Body::Namespace) {
            let (name, labels) = (object.meta.name.clone(), object.meta.labels.clone());
            let mode = object.meta.mode.unwrap_or_default();
            let declared = Namespace { mode, ..namespace(known, name.clone(), Some(labels)) };
            namespaces.insert(name, declared);
        }
    }
    for object in input.objects.iter().filter(|object| object.is_namespaced()) {
        let name = namespace_of(object, input.default_namespace);
        namespaces.entry(name.clone()).or_insert_with(|| undeclared(known, name));
    }
    namespaces
}

/// A namespace whose object is not in the input.
pub fn undeclared(known: &Undeclared, name: Arc<str>) -> Namespace {
    namespace(known, name, None)
}

/// A namespace of the labels that its object has, if it is declared, and of those that options say.
fn namespace(known: &Undeclared, name: Arc<str>, declared: Option<LabelList>) -> Namespace {
    let said = known.labels.get(&name);
    let open = declared.is_none() && said.is_none() && !known.unlabelled;
    let (is_declared, mut labels) = (declared.is_some(), declared.unwrap_or_default());
    for (key, value) in said.into_iter().flatten() {
        hidden::set(&mut labels, key, value);
    }
    let labels = namespace_labels(&name, labels);
    Namespace { name, labels, declared: is_declared, open, mode: Mode::Enforce }
}

/// Labels of a namespace with the one that the API server sets.
pub fn namespace_labels(name: &str, mut labels: LabelList) -> LabelList {
    hidden::set(&mut labels, NAME_LABEL, name);
    labels
}

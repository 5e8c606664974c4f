//! From files to objects: which there are, which replace each other, and what changed.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Identity, Repeated};
use crate::cluster::{AskedLabels, ItemLabels, all_number_keys, controller_keys, namespace_of};
use crate::manifest::{Account, Body, Object, SourceFile};
use crate::policy::asks;
use crate::policy::{PolicyChange, namespace_selectors, pod_selectors};
use crate::selector::expression::Test;
use crate::selector::{Operator, Requirement, Selector};

pub(super) fn identity(object: &Object, default: &str) -> Identity {
    let namespace =
        if object.is_namespaced() { namespace_of(object, default) } else { Arc::from("") };
    (object.kind(), namespace, object.meta.name.clone())
}

/// Objects of a sort.
#[derive(Default)]
pub(super) struct Gathered {
    /// Each identity once: the last one wins, as with `kubectl apply`.
    pub objects: FxHashMap<Identity, Arc<Object>>,
    /// Those that replace others.
    pub repeated: Vec<Repeated>,
    /// Those without a final name that had to be told apart.
    pub renamed: Renamed,
}

/// Objects under other names than the input has, by address, with those of the input.
pub(super) type Renamed = FxHashMap<usize, (Arc<Object>, Arc<Object>)>;

/// Objects of a sort from all files.
pub(super) fn gather(
    files: &[Arc<SourceFile>],
    default: &str,
    sort: impl Fn(&Object) -> bool,
) -> Gathered {
    let mut all = Gathered::default();
    // How often a prefix of names has come, so that many of one cost no more than others.
    let mut counts: FxHashMap<Identity, u32> = FxHashMap::default();
    for (file, source) in files.iter().enumerate() {
        for (part, place) in source.parts.iter().enumerate() {
            for object in place.document.objects.iter().filter(|object| sort(object)) {
                let (key, object) = (identity(object, default), object.clone());
                if object.meta.is_generated {
                    let count = counts.entry(key.clone()).or_default();
                    *count += 1;
                    all.add_unnamed(key, &object, *count);
                } else if let Some(first) = all.objects.insert(key, object.clone()) {
                    all.repeated.push(Repeated { file, part, object, first });
                }
            }
        }
    }
    all
}

impl Gathered {
    /// Adds an object that the API server makes a name for: never that of another one.
    fn add_unnamed(&mut self, key: Identity, object: &Arc<Object>, count: u32) {
        if count == 1 {
            self.objects.insert(key, object.clone());
            return;
        }
        let name: Arc<str> = format!("{}{count}", object.meta.name).into();
        let mut one = Object::clone(object);
        one.meta.name = name.clone();
        let one = Arc::new(one);
        self.renamed.insert(Arc::as_ptr(&one).addr(), (one.clone(), object.clone()));
        self.objects.insert((key.0, key.1, name), one);
    }
}

/// Documents with objects other than policies, by address.
pub(super) fn other_documents(files: &[Arc<SourceFile>]) -> Vec<usize> {
    let parts = files.iter().flat_map(|file| &file.parts);
    let others = parts.filter(|part| {
        let has_accounts = !part.document.accounts.is_empty();
        has_accounts || part.document.objects.iter().any(|object| !object.is_policy())
    });
    others.map(|part| Arc::as_ptr(&part.document).addr()).collect()
}

/// ServiceAccounts of all files in their order, each with its namespace.
pub(super) fn accounts(files: &[Arc<SourceFile>], default: &str) -> Vec<(Arc<str>, Account)> {
    let all = files.iter().flat_map(|file| &file.parts).flat_map(|part| &part.document.accounts);
    let named = |account: &Account| account.namespace.clone().unwrap_or_else(|| default.into());
    all.map(|account| (named(account), account.clone())).collect()
}

/// Labels that controllers add, as selectors of pods ask for them, and selectors of namespaces, if
/// labels of some are open.
pub(super) fn asked_labels<'p>(
    policies: impl Iterator<Item = &'p Arc<Object>>,
    open_namespaces: bool,
) -> AskedLabels {
    let keys: FxHashSet<&'static str> = controller_keys().collect();
    let mut asked = AskedLabels::default();
    for object in policies {
        if open_namespaces {
            namespace_selectors(object).for_each(|selector| asked.add_namespaces(selector));
        }
        for requirement in pod_selectors(object).flat_map(Selector::requirements) {
            if let Some(key) = keys.get(&*requirement.key) {
                asked.of_pods.entry(key).or_default().extend(requirement.values.iter().cloned());
            }
        }
        add_calico(&mut asked, object, open_namespaces);
    }
    asked
}

/// What a policy of Calico's kinds asks for.
fn add_calico(asked: &mut AskedLabels, object: &Object, open_namespaces: bool) {
    let Body::CalicoPolicy(policy) = &object.body else { return };
    for (key, test) in asks(policy) {
        if let Some(own) = key.strip_prefix("pcns.") {
            match selector_of(own, test.as_ref()).filter(|_| open_namespaces) {
                Some(selector) => asked.add_namespaces(&selector),
                None => asked.otherwise |= open_namespaces,
            }
        } else if ItemLabels::is_of_account(&key) {
            asked.of_accounts = true;
        } else if let Some(key) = controller_keys().find(|known| *known == &*key) {
            let values = test.as_ref().map(values_of).unwrap_or_default();
            asked.of_pods.entry(key).or_default().extend(values);
        }
    }
}

/// Values of a label of which some pass a test, if any does.
fn values_of(test: &Test) -> Vec<Arc<str>> {
    match test {
        Test::Is(text) | Test::IsNot(text) => vec![text.clone()],
        Test::In(list) | Test::NotIn(list) => list.clone(),
        Test::Contains(text) | Test::StartsWith(text) | Test::EndsWith(text) => {
            let with = [text.to_string(), format!("{text}?"), format!("?{text}")];
            with.into_iter().map(Arc::from).collect()
        }
    }
}

/// The selector that asks for the same labels of a namespace; none if none can.
fn selector_of(key: &str, test: Option<&Test>) -> Option<Selector> {
    let (operator, values) = match test {
        None => (Operator::Exists, Vec::new()),
        Some(test @ (Test::Is(_) | Test::IsNot(_) | Test::In(_) | Test::NotIn(_))) => {
            (Operator::In, values_of(test))
        }
        Some(Test::Contains(_) | Test::StartsWith(_) | Test::EndsWith(_)) => return None,
    };
    Some(Selector::new(vec![Requirement { key: key.into(), operator, values }]))
}

/// The numbers of pods that Services ask for: a Service of one replica has no other pod behind it.
pub(super) fn asked_by_services(asked: &mut AskedLabels, files: &[Arc<SourceFile>]) {
    let objects = files.iter().flat_map(|file| &file.parts).flat_map(|part| &part.document.objects);
    let services = objects.filter_map(|object| match &object.body {
        Body::Service(service) => Some(service),
        _ => None,
    });
    for (key, value) in services.flat_map(|service| &service.selector) {
        if let Some(key) = all_number_keys().find(|known| *known == &**key) {
            asked.of_pods.entry(key).or_default().insert(value.clone());
        }
    }
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

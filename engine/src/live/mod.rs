//! A cluster that is kept up to date, object by object.
//!
//! What comes from a watch goes in here; what comes out is a [`Session`] as if everything had been
//! read afresh. Only what policies can ask about is kept, and only what an object touches is made
//! anew: a pod of labels that are known changes addresses, one of new labels is matched against
//! the sets, a namespace's labels against those that ask for them.

mod calico;
mod pods;

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::cluster::{
    ClusterModel, Namespace, NamespaceId, Node, Workload, namespace_labels, namespace_of,
};
use crate::manifest::{Body, ClusterPolicyKind, LabelList, Object, Stored};
use crate::policy::{PolicyChange, PolicySet};
use crate::session::{Options, Session};
use calico::Calico;
use pods::Pods;

/// Namespace, empty for objects that are in none, and name.
pub type Name = (Arc<str>, Arc<str>);

/// What a watch tells.
#[derive(Clone, Debug)]
pub enum Event {
    /// All objects of a kind follow.
    Begin(Stored),
    /// An object is there, new or as before or otherwise.
    Put(Box<Object>),
    /// An object is gone.
    Gone(Stored, Name),
    /// Of this kind, only objects are there that came since the beginning.
    End(Stored),
}

/// What tells policies apart, those of a namespace together.
type PolicyName = (Name, &'static str);

/// A cluster, kept up to date.
#[derive(Debug)]
pub struct Index {
    options: Options,
    model: Arc<ClusterModel>,
    pods: Pods,
    policies: BTreeMap<PolicyName, Arc<Object>>,
    calico: Calico,
    /// None before it is first asked for: until then everything is new.
    set: Option<Arc<PolicySet>>,
    pending: Pending,
    /// Names that came since a kind's list began.
    listing: BTreeMap<Stored, FxHashSet<Name>>,
    /// Kinds of which a whole list has come.
    listed: Vec<Stored>,
}

/// What the policies do not know yet.
#[derive(Debug, Default)]
struct Pending {
    policies: Vec<PolicyChange>,
    /// Namespaces, with the labels that the policies were matched against.
    labels: BTreeMap<NamespaceId, LabelList>,
}

impl Index {
    /// A cluster in which there is nothing.
    pub fn new(options: Options) -> Self {
        Self {
            options,
            model: Arc::default(),
            pods: Pods::default(),
            policies: BTreeMap::new(),
            calico: Calico::default(),
            set: None,
            pending: Pending::default(),
            listing: BTreeMap::new(),
            listed: Vec::new(),
        }
    }

    /// The same, as a node sees it: of several pods that claim an address, its own one has it,
    /// whatever pods elsewhere claim.
    pub fn of_node(options: Options, node: &str) -> Self {
        Self { pods: Pods::of_node(node), ..Self::new(options) }
    }

    /// Takes in what a watch tells.
    pub fn take(&mut self, event: Event) {
        match event {
            Event::Begin(kind) => {
                self.listing.insert(kind, FxHashSet::default());
            }
            Event::Put(object) => self.apply(*object),
            Event::Gone(kind, name) => self.delete(kind, &name),
            Event::End(kind) => self.end(kind),
        }
    }

    /// Takes in an object. Kinds that no watch is for are passed over.
    pub fn apply(&mut self, object: Object) {
        let Some(kind) = stored(&object) else { return };
        let name = self.name_of(&object);
        if let Some(seen) = self.listing.get_mut(&kind) {
            seen.insert(name.clone());
        }
        match &object.body {
            Body::Namespace => self.put_namespace(Namespace {
                labels: namespace_labels(&name.1, object.meta.labels),
                name: name.1,
                declared: true,
                open: false,
                mode: object.meta.mode.unwrap_or_default(),
            }),
            Body::Node { addresses, pod_cidrs } => self.put_node(Node {
                name: name.1,
                labels: object.meta.labels,
                addresses: addresses.clone(),
                pod_cidrs: pod_cidrs.clone(),
                declared: true,
                confirms_host: object.meta.confirms_host,
                uid: object.meta.revision.uid,
            }),
            Body::Policy(_) | Body::ClusterPolicy(_) | Body::CalicoPolicy(_) => {
                self.put_policy(name, object);
            }
            Body::Calico(kind, _) => self.put_calico(*kind, name, object),
            Body::Account => self.put_account(name, object.meta.labels),
            _ => {
                let namespace = self.namespace(&name.0);
                let model = Arc::make_mut(&mut self.model);
                self.pods.put(model, &self.calico, (namespace, object));
            }
        }
    }

    /// Takes out an object, if it is there.
    pub fn delete(&mut self, kind: Stored, name: &Name) {
        match kind {
            Stored::Namespace if self.model.namespace(&name.1).is_none() => {}
            Stored::Namespace => self.put_namespace(Namespace::undeclared(&name.1, false)),
            Stored::Node => self.remove_node(&name.1),
            Stored::Pod => self.remove_pod(name),
            Stored::Account => self.remove_account(name),
            Stored::Calico(kind) if !kind.is_policy() => self.remove_calico(kind, name),
            Stored::Policy | Stored::ClusterPolicy | Stored::Calico(_) => {
                self.remove_policy(kind, name);
            }
        }
    }

    /// Has exactly these objects of a kind.
    pub fn reset(&mut self, kind: Stored, objects: impl IntoIterator<Item = Object>) {
        self.take(Event::Begin(kind));
        objects.into_iter().for_each(|object| self.apply(object));
        self.end(kind);
    }

    /// Whether a whole list of every kind has come: before that it is not known who there is.
    pub fn is_complete(&self) -> bool {
        Stored::ALL.iter().all(|kind| self.listed.contains(kind))
    }

    /// The cluster as it is now.
    ///
    /// # Cost
    /// What has changed since the last call. While that call's answer lives, also a copy of the
    /// list of pods.
    pub fn session(&mut self) -> Session {
        let set = self.compiled();
        self.set = Some(Arc::clone(&set));
        Session::of(self.options.clone(), Arc::clone(&self.model), set)
    }

    fn compiled(&mut self) -> Arc<PolicySet> {
        self.settle_calico();
        let pending = std::mem::take(&mut self.pending);
        let sparse = self.pods.is_sparse();
        match self.set.take().filter(|set| set.is_compact() && !sparse) {
            Some(set) => self.update(set, &pending),
            None => self.compile(),
        }
    }

    /// Compiles everything. What is no longer in use is dropped then.
    fn compile(&mut self) -> Arc<PolicySet> {
        if self.pods.is_sparse() {
            self.pods.compact(Arc::make_mut(&mut self.model));
        }
        let policies: Vec<Arc<Object>> = self.policies.values().cloned().collect();
        Arc::new(PolicySet::compile(&self.model, &self.options.default_namespace, &policies))
    }

    fn update(&self, set: Arc<PolicySet>, pending: &Pending) -> Arc<PolicySet> {
        let mut set = Arc::unwrap_or_clone(set);
        set.extend(&self.model);
        for (namespace, before) in &pending.labels {
            set.relabel(&self.model, *namespace, before);
        }
        Arc::new(set.update(&self.model, &self.options.default_namespace, &pending.policies))
    }

    fn name_of(&self, object: &Object) -> Name {
        let namespace = if object.is_namespaced() {
            namespace_of(object, &self.options.default_namespace)
        } else {
            Arc::from("")
        };
        (namespace, object.meta.name.clone())
    }

    /// The number of a namespace, which is one from now on.
    fn namespace(&mut self, name: &Arc<str>) -> NamespaceId {
        if let Some(known) = self.model.namespace(name) {
            return known;
        }
        let model = Arc::make_mut(&mut self.model);
        // Its object comes by another watch; until then it is as good as new.
        let id = model.namespaces.push(Namespace::undeclared(name, false));
        model.namespace_by_name.insert(name.clone(), id);
        // INVARIANT: a namespace's pods are the workload of its number. No policy asks for owners.
        model.workloads.push(Workload {
            namespace: id,
            kind: "Namespace".into(),
            name: name.clone(),
            object: None,
            replicas: None,
        });
        id
    }

    fn put_namespace(&mut self, namespace: Namespace) {
        let id = self.namespace(&namespace.name);
        if self.model.namespaces.get(id) == Some(&namespace) {
            return;
        }
        let model = Arc::make_mut(&mut self.model);
        if let Some(known) = model.namespaces.get_mut(id) {
            let (name, mode) = (namespace.name.clone(), namespace.mode);
            let before = std::mem::replace(known, namespace);
            self.calico.relabelled(&name);
            self.pending.labels.entry(id).or_insert(before.labels);
            if before.mode != mode {
                self.remode(&name);
            }
        }
    }

    /// Has the policies of a namespace compiled again, which may be of another mode now.
    fn remode(&mut self, namespace: &Arc<str>) {
        let first = ((namespace.clone(), Arc::from("")), "");
        let own = self.policies.range(first..).take_while(|((name, _), _)| name.0 == *namespace);
        let own = own.map(|(_, policy)| PolicyChange::Put(Arc::clone(policy)));
        self.pending.policies.extend(own);
    }

    fn put_node(&mut self, node: Node) {
        let known = self.model.nodes.binary_search_by(|known| known.name.cmp(&node.name));
        if known.is_ok_and(|at| self.model.nodes.get(at) == Some(&node)) {
            return;
        }
        let model = Arc::make_mut(&mut self.model);
        match known {
            Ok(at) => {
                if let Some(slot) = Arc::make_mut(&mut model.nodes).get_mut(at) {
                    *slot = node;
                }
            }
            Err(at) => Arc::make_mut(&mut model.nodes).insert(at, node),
        }
        index_nodes(model);
        self.pods.judge_claims(model);
        self.calico.nodes_changed(&self.options);
    }

    fn remove_node(&mut self, name: &Arc<str>) {
        if let Ok(at) = self.model.nodes.binary_search_by(|node| node.name.cmp(name)) {
            let model = Arc::make_mut(&mut self.model);
            Arc::make_mut(&mut model.nodes).remove(at);
            index_nodes(model);
            self.pods.judge_claims(model);
            self.calico.nodes_changed(&self.options);
        }
    }

    fn put_policy(&mut self, name: Name, object: Object) {
        if object.is_namespaced() {
            self.namespace(&name.0);
        }
        let name = (name, object.kind());
        if self.policies.get(&name).is_some_and(|known| known.says_the_same(&object)) {
            return;
        }
        let object = Arc::new(object);
        self.calico.ask(&object);
        self.pending.policies.push(PolicyChange::Put(Arc::clone(&object)));
        self.policies.insert(name, object);
    }

    fn remove_policy(&mut self, kind: Stored, name: &Name) {
        let Some(kind) = policy_kind(kind) else { return };
        if let Some(object) = self.policies.remove(&(name.clone(), kind)) {
            self.pending.policies.push(PolicyChange::Remove(object));
        }
    }

    fn remove_pod(&mut self, name: &Name) {
        if let Some(namespace) = self.model.namespace(&name.0)
            && self.pods.has(namespace, &name.1)
        {
            self.pods.remove(Arc::make_mut(&mut self.model), namespace, &name.1);
        }
    }

    fn end(&mut self, kind: Stored) {
        let Some(seen) = self.listing.remove(&kind) else { return };
        let gone: Vec<Name> =
            self.names(kind).into_iter().filter(|name| !seen.contains(name)).collect();
        for name in gone {
            self.delete(kind, &name);
        }
        if !self.listed.contains(&kind) {
            self.listed.push(kind);
        }
    }

    /// The names of all objects of a kind.
    fn names(&self, kind: Stored) -> Vec<Name> {
        let cluster = |name: &Arc<str>| (Arc::from(""), name.clone());
        let model = &self.model;
        match kind {
            Stored::Namespace => {
                let declared = model.namespaces.values().filter(|namespace| namespace.declared);
                declared.map(|namespace| cluster(&namespace.name)).collect()
            }
            Stored::Node => model.nodes.iter().map(|node| cluster(&node.name)).collect(),
            Stored::Pod => self.pods.names(model).collect(),
            Stored::Account => self.calico.account_names(),
            Stored::Calico(kind) if !kind.is_policy() => self.calico.names(kind),
            Stored::Policy | Stored::ClusterPolicy | Stored::Calico(_) => {
                let kind = policy_kind(kind);
                let own = self.policies.keys().filter(|(_, own)| Some(*own) == kind);
                own.map(|(name, _)| name.clone()).collect()
            }
        }
    }
}

/// The kind of an object, if watches are for it.
fn stored(object: &Object) -> Option<Stored> {
    match object.body {
        Body::Pod { .. } => Some(Stored::Pod),
        Body::Namespace => Some(Stored::Namespace),
        Body::Node { .. } => Some(Stored::Node),
        Body::Policy(_) => Some(Stored::Policy),
        Body::ClusterPolicy(_) => Some(Stored::ClusterPolicy),
        Body::CalicoPolicy(ref policy) => Some(Stored::Calico(policy.kind)),
        Body::Calico(kind, _) => Some(Stored::Calico(kind)),
        Body::Account => Some(Stored::Account),
        Body::Workload(_) | Body::Service(_) | Body::Endpoints(_) => None,
    }
}

/// What objects of a kind of policies say that they are; none of what is no kind of policies.
fn policy_kind(kind: Stored) -> Option<&'static str> {
    match kind {
        Stored::Policy => Some("NetworkPolicy"),
        Stored::ClusterPolicy => Some(ClusterPolicyKind::ClusterNetworkPolicy.name()),
        Stored::Calico(kind) => kind.is_policy().then(|| kind.full_name()),
        Stored::Pod | Stored::Namespace | Stored::Node | Stored::Account => None,
    }
}

fn index_nodes(model: &mut ClusterModel) {
    let nodes = (0u32..).zip(&*model.nodes);
    let addresses = nodes.flat_map(|(id, node)| node.addresses.iter().map(move |a| (*a, id)));
    model.node_by_address = Arc::new(addresses.collect::<FxHashMap<_, _>>());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::read_stored;

    #[test]
    fn a_version_that_says_the_same_is_another_version() {
        let mut index = Index::new(Options::default());
        let mut generation = |generation: u32| {
            let text = format!(
                r#"{{"metadata":{{"name":"p","namespace":"n","uid":"u","generation":{generation}}},
                    "spec":{{"podSelector":{{}}}}}}"#
            );
            index.apply(read_stored(&text, Stored::Policy).0.unwrap());
            let session = index.session();
            let revision = |(_, one): (_, &Arc<crate::policy::CompiledPolicy>)| {
                one.object.meta.revision.generation
            };
            session.policies().policies().map(revision).collect::<Vec<_>>()
        };
        assert_eq!(generation(1), [Some(1)]);
        assert_eq!(generation(2), [Some(2)]);
    }
}

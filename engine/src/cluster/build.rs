//! From objects to the cluster model.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::address::index_addresses;
use super::calico::Accounts;
use super::draft::{Draft, life, settle_shared_addresses, template};
use super::group::{Group, GroupIndex};
use super::intern::Interner;
use super::namespace::{Undeclared, namespaces};
use super::nodes::{NodeDraft, host_addresses, nodes};
use super::owner::{Owners, WorkloadKey};
use super::pods::Maker;
use super::variant::{AskedLabels, Variants};
use super::{
    AddressSpace, Addresses, ClusterModel, Endpoint, Life, Namespace, NamespaceId, Node, WorkloadId,
};
use crate::manifest::{self, Body, LabelList, Mode, Object, PodSpec, PodStatus};

/// What a model is built from.
#[derive(Clone, Copy, Debug)]
pub struct Input<'i> {
    /// Objects, each identity once, in any order.
    pub objects: &'i [Arc<Object>],
    /// The namespace of objects that name none.
    pub default_namespace: &'i str,
    /// ServiceAccounts, the last of a name last.
    pub accounts: &'i [(Arc<str>, manifest::Account)],
    /// Labels that controllers add and that selectors ask for.
    pub asked: &'i AskedLabels,
    /// What is known of addresses that are not in the input.
    pub space: &'i AddressSpace,
    /// What is known of namespaces that are not in the input.
    pub undeclared: &'i Undeclared,
    /// Whether each node has a host endpoint for all its interfaces, also where the input has none.
    pub automatic_hosts: bool,
}

/// The model of some objects.
///
/// # Cost
/// Linear in the objects, but for sorting.
pub fn build(input: Input<'_>) -> ClusterModel {
    let mut builder = Builder { input, namespaces: namespaces(input), ..Builder::new(input) };
    builder.owners();
    builder.pods();
    builder.templates();
    builder.finish()
}

/// The namespace of an object.
pub fn namespace_of(object: &Object, default: &str) -> Arc<str> {
    object.meta.namespace.clone().unwrap_or_else(|| default.into())
}

impl Namespace {
    /// A namespace of which the input has no object; `open` is whether it may have labels.
    pub fn undeclared(name: &Arc<str>, open: bool) -> Self {
        let labels = super::namespace::namespace_labels(name, LabelList::new());
        Self { name: name.clone(), labels, declared: false, open, mode: Mode::Enforce }
    }
}

struct Builder<'i> {
    input: Input<'i>,
    namespaces: BTreeMap<Arc<str>, Namespace>,
    owners: Owners,
    nodes: BTreeMap<Arc<str>, NodeDraft>,
    node_by_address: FxHashMap<IpAddr, Arc<str>>,
    drafts: Vec<Draft>,
    without_template: u32,
}

impl<'i> Builder<'i> {
    fn new(input: Input<'i>) -> Self {
        let nodes = nodes(input);
        let addresses = nodes
            .iter()
            .flat_map(|(name, node)| node.addresses.iter().map(|address| (*address, name.clone())));
        Self {
            input,
            namespaces: BTreeMap::new(),
            owners: Owners::default(),
            node_by_address: addresses.collect(),
            nodes,
            drafts: Vec::new(),
            without_template: 0,
        }
    }

    fn namespace_of(&self, object: &Object) -> Arc<str> {
        let name = namespace_of(object, self.input.default_namespace);
        // The same string everywhere, so that 150,000 pods do not hold 150,000 copies.
        self.namespaces.get_key_value(&name).map_or(name, |(name, _)| name.clone())
    }

    fn owners(&mut self) {
        for object in self.input.objects {
            if matches!(object.body, Body::Workload(_)) {
                let namespace = self.namespace_of(object);
                self.owners.insert(&namespace, object);
            }
        }
    }

    fn pods(&mut self) {
        for object in self.input.objects {
            let Body::Pod { spec, status } = &object.body else {
                continue;
            };
            let namespace = self.namespace_of(object);
            let draft = Draft {
                workload: self.owners.root(&namespace, object),
                name: object.meta.name.clone(),
                labels: object.meta.labels.clone(),
                hidden: &[],
                ports: spec.ports.clone(),
                host_network: spec.host_network,
                account: spec.account.clone(),
                node: self.node_of(spec, status),
                addresses: self.pod_addresses(spec, status),
                template: false,
                life: life(status),
                object: object.clone(),
            };
            self.drafts.push(draft);
        }
        settle_shared_addresses(&mut self.drafts);
    }

    fn pod_addresses(&self, spec: &PodSpec, status: &PodStatus) -> Addresses {
        let known = |addresses: &[IpAddr]| {
            (!addresses.is_empty()).then(|| Addresses::Known(addresses.into()))
        };
        if let Some(addresses) = known(&status.addresses) {
            return addresses;
        }
        if !spec.host_network {
            return Addresses::SomePod;
        }
        let node = spec.node_name.as_ref().and_then(|name| self.nodes.get(name));
        let node = node.map(|node| node.addresses.iter().copied().collect::<Vec<_>>());
        node.and_then(|addresses| known(&addresses))
            .or_else(|| known(&status.host_addresses))
            .unwrap_or(Addresses::SomeNode)
    }

    /// The node that a pod names, or whose address it says it is on.
    fn node_of(&self, spec: &PodSpec, status: &PodStatus) -> Option<Arc<str>> {
        let mut addresses = host_addresses(spec, status);
        let by_address =
            || addresses.find_map(|address| self.node_by_address.get(address).cloned());
        spec.node_name.clone().or_else(by_address)
    }

    /// Templates of workloads of which no pod is given: a pod knows better than its template.
    fn templates(&mut self) {
        let active = self.drafts.iter().filter(|draft| draft.life == Life::Active);
        let alive: FxHashSet<WorkloadKey> = active.map(|draft| draft.workload.clone()).collect();
        let mut drafts = Vec::new();
        for object in self.input.objects {
            let Body::Workload(workload) = &object.body else {
                continue;
            };
            let namespace = self.namespace_of(object);
            let root = self.owners.root(&namespace, object);
            let own: WorkloadKey = (namespace, object.kind().into(), object.meta.name.clone());
            // An owned workload's template only counts where its owner's is not in the input.
            let stands_for_root = own == root || self.owners.get(&root).is_none();
            if alive.contains(&root) || !stands_for_root {
                continue;
            }
            let Some(source) = self.owners.template_of(&own.0, workload) else {
                self.without_template += 1;
                continue;
            };
            let (labels, pod) = (&source.labels, &source.pod);
            let maker = Maker { object, workload, labels, root: &root };
            let pods = maker.pods(self.input.asked);
            drafts.extend(pods.into_iter().map(|one| template(object, pod, one)));
        }
        self.drafts.extend(drafts);
    }

    fn finish(self) -> ClusterModel {
        let mut model = ClusterModel {
            namespaces: self.namespaces.values().cloned().collect(),
            nodes: self
                .nodes
                .iter()
                .map(|(name, node)| Node {
                    name: name.clone(),
                    labels: node.labels.clone(),
                    addresses: node.addresses.iter().copied().collect(),
                    pod_cidrs: node.pod_cidrs.clone(),
                    declared: node.declared,
                    confirms_host: node.confirms_host,
                    uid: node.uid.clone(),
                })
                .collect::<Vec<_>>()
                .into(),
            space: self.input.space.clone(),
            without_template: self.without_template,
            ..ClusterModel::default()
        };
        let numbers = model.namespaces.iter().map(|(id, one)| (one.name.clone(), id));
        model.namespace_by_name = numbers.collect();
        model.calico = Arc::new(super::calico::calico(&model, self.input));
        model.services = services(&model, self.input);
        model.service_endpoints = service_endpoints(&model, self.input);
        let accounts = Accounts::new(self.input);
        add_endpoints(&mut model, self.drafts, &self.owners, (self.input.asked, &accounts));
        index_addresses(&mut model);
        model
    }
}

fn services(
    model: &ClusterModel,
    input: Input<'_>,
) -> Vec<(NamespaceId, Arc<str>, crate::manifest::Service)> {
    let mut services: Vec<_> = input
        .objects
        .iter()
        .filter_map(|object| {
            let Body::Service(service) = &object.body else {
                return None;
            };
            let namespace = model.namespace(&namespace_of(object, input.default_namespace))?;
            Some((namespace, object.meta.name.clone(), service.clone()))
        })
        .collect();
    services.sort_unstable_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    services
}

fn service_endpoints(
    model: &ClusterModel,
    input: Input<'_>,
) -> Vec<(NamespaceId, crate::manifest::Endpoints)> {
    let all = input.objects.iter().filter_map(|object| match &object.body {
        Body::Endpoints(endpoints) => {
            let namespace = model.namespace(&namespace_of(object, input.default_namespace))?;
            Some((namespace, endpoints.clone()))
        }
        _ => None,
    });
    let mut all: Vec<_> = all.collect();
    all.sort_by_key(|(namespace, _)| *namespace);
    all
}

fn add_endpoints(
    model: &mut ClusterModel,
    mut drafts: Vec<Draft>,
    owners: &Owners,
    (asked, accounts): (&AskedLabels, &Accounts<'_>),
) {
    let order = |draft: &Draft| {
        let (namespace, kind, name) = draft.workload.clone();
        (namespace, name, kind, draft.name.clone())
    };
    drafts.sort_by_cached_key(order);
    let mut strings = Interner::default();
    let mut groups = GroupIndex::default();
    let variants = variant_maker(model, &drafts, asked);
    let mut last: Option<(WorkloadKey, WorkloadId)> = None;
    for draft in drafts {
        let workload = match &last {
            Some((key, id)) if *key == draft.workload => {
                complete_workload(model, *id, &draft);
                *id
            }
            _ => {
                let id = add_workload(model, &draft, owners);
                last = Some((draft.workload.clone(), id));
                id
            }
        };
        let own = model.workloads.get(workload);
        let namespace = own.map_or(NamespaceId::MAX, |workload| workload.namespace);
        let group = (!draft.host_network).then(|| {
            let group = Group {
                namespace,
                labels: strings.labels(draft.labels),
                hidden: draft.hidden,
                ports: strings.ports(draft.ports),
                assumed: None,
                account: accounts.of(model.namespace_name(namespace), draft.account.as_deref()),
            };
            variants.add(model, &mut groups, group)
        });
        model.endpoints.push(Endpoint {
            workload,
            name: draft.name,
            group,
            node: draft.node.map(|node| strings.text(node)),
            addresses: draft.addresses,
            template: draft.template,
            life: draft.life,
            object: Some(draft.object),
        });
    }
    model.groups = Arc::new(groups);
}

/// Makes variants; of labels of namespaces none where they would be too many.
fn variant_maker<'a>(
    model: &ClusterModel,
    drafts: &[Draft],
    asked: &'a AskedLabels,
) -> Variants<'a> {
    let open = |draft: &&Draft| {
        let namespace = model.namespace(&draft.workload.0);
        namespace.and_then(|id| model.namespaces.get(id)).is_some_and(|namespace| namespace.open)
    };
    Variants::new(asked, drafts.iter().filter(open).count())
}

fn add_workload(model: &mut ClusterModel, draft: &Draft, owners: &Owners) -> WorkloadId {
    let (namespace, kind, name) = &draft.workload;
    let object = match owners.get(&draft.workload) {
        Some(object) => Some(object.clone()),
        None if &**kind == "Pod" || draft.template => Some(draft.object.clone()),
        None => None,
    };
    let replicas = object.as_ref().and_then(replicas_of);
    let namespace = model.namespace(namespace).unwrap_or(NamespaceId::MAX);
    model.workloads.push(super::Workload {
        namespace,
        kind: kind.clone(),
        name: name.clone(),
        object,
        replicas,
    })
}

/// Tells a workload of which only pods were known by what has its template.
fn complete_workload(model: &mut ClusterModel, id: WorkloadId, draft: &Draft) {
    let known = model.workloads.get_mut(id).filter(|known| known.object.is_none());
    if let Some(known) = known.filter(|_| draft.template) {
        known.object = Some(draft.object.clone());
        known.replicas = replicas_of(&draft.object);
    }
}

fn replicas_of(object: &Arc<Object>) -> Option<u32> {
    match &object.body {
        Body::Workload(workload) => workload.replicas,
        _ => None,
    }
}

//! Pods of a cluster that is kept up to date, and who of them has which address.

use std::net::IpAddr;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::Name;
use super::calico::Calico;
use crate::cluster::{
    Account, Addresses, ClusterModel, Endpoint, EndpointId, Group, GroupId, GroupIndex, Interner,
    Life, NamespaceId, WorkloadId, life,
};
use crate::manifest::{Body, LabelList, NamedPort, Object};
use crate::shared::Table;

/// Pods that can have an address of their own; others are nobody to policies.
#[derive(Debug, Default)]
pub struct Pods {
    /// Numbers of the model's endpoints, by namespace and name.
    slots: FxHashMap<(NamespaceId, Arc<str>), EndpointId>,
    /// What the model does not hold of its endpoints.
    records: Table<Record, Endpoint>,
    /// Endpoints that are nobody.
    free: Vec<EndpointId>,
    /// Who else claims an address that somebody has.
    rivals: FxHashMap<IpAddr, Vec<EndpointId>>,
    /// How many pods there are of each group.
    members: Table<u32, Group>,
    unused: usize,
    /// Whether one has become unused since it was last asked.
    is_left: bool,
    /// How many pods have gone since what they had in common was last looked through.
    gone: usize,
    strings: Interner,
    /// The node for which this is, if it is for one.
    here: Option<Arc<str>>,
}

/// What decides which of several pods has an address that all of them claim, the last one first:
/// the name, so that the order in which they came does not; when it was created; whether its
/// node's blocks have the address; whether it is on the node for which this is. That node's word
/// for its own pods counts more than what others claim, or they could take its pods' policies away.
type Rank<'m> = (bool, bool, Option<&'m str>, &'m str, &'m str);

/// What decides which of two pods has an address that both claim, and what each claims.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Record {
    created: Option<Arc<str>>,
    claims: Arc<[IpAddr]>,
    /// Where it is in its life if it has what it claims.
    life: Life,
    /// The ServiceAccount that it names.
    account: Option<Arc<str>>,
}

impl Pods {
    /// Those of a cluster as a node sees it.
    pub fn of_node(node: &str) -> Self {
        Self { here: Some(node.into()), ..Self::default() }
    }

    /// Whether there is a pod of a name.
    pub fn has(&self, namespace: NamespaceId, name: &Arc<str>) -> bool {
        self.slots.contains_key(&(namespace, name.clone()))
    }

    /// The names of all pods.
    pub fn names<'m>(&'m self, model: &'m ClusterModel) -> impl Iterator<Item = Name> + 'm {
        let namespace = |id| model.namespaces.get(id);
        self.slots
            .keys()
            .filter_map(move |(id, name)| Some((namespace(*id)?.name.clone(), name.clone())))
    }

    /// Takes a pod in, new or changed.
    pub fn put(
        &mut self,
        model: &mut ClusterModel,
        calico: &Calico,
        (namespace, object): (NamespaceId, Object),
    ) {
        let Body::Pod { spec, status } = object.body else { return };
        let life = life(&status);
        // On the host's network it is its node; finished, its address may be another's.
        if spec.host_network || life == Life::Finished {
            return self.remove(model, namespace, &object.meta.name);
        }
        let account = spec.account.map(|name| self.strings.text(name));
        let own = model.namespaces.get(namespace);
        let of = own.and_then(|own| calico.account(&own.name, account.as_ref()));
        let group = self.group(model, namespace, (object.meta.labels, spec.ports), of);
        let node = spec.node_name.map(|name| self.strings.text(name));
        let created = object.meta.created.map(|created| self.strings.text(created));
        let record = Record { created, claims: status.addresses.into(), life, account };
        let slot = self.slot(model, namespace, object.meta.name);
        let Some(endpoint) = model.endpoints.get_mut(slot) else { return };
        let before = endpoint.group.replace(group);
        let moved = endpoint.node != node;
        endpoint.node = node;
        self.count(before, group);
        if moved || self.records.get(slot) != Some(&record) {
            self.release(model, slot);
            if let Some(known) = self.records.get_mut(slot) {
                *known = record;
            }
            self.claim(model, slot);
        }
    }

    /// Takes a pod out, if it is there.
    pub fn remove(&mut self, model: &mut ClusterModel, namespace: NamespaceId, name: &Arc<str>) {
        let Some(slot) = self.slots.remove(&(namespace, name.clone())) else { return };
        self.release(model, slot);
        let Some(endpoint) = model.endpoints.get_mut(slot) else { return };
        let group = endpoint.group;
        *endpoint = nobody(namespace);
        if let Some(record) = self.records.get_mut(slot) {
            *record = Record::nobody();
        }
        self.leave(group);
        self.free.push(slot);
        self.gone += 1;
    }

    /// Whether there are groups of nobody whose ServiceAccount is open: they leave open who is meant.
    ///
    /// # Cost
    /// Linear in the groups, if a group has been left.
    pub fn has_left_doubt(&mut self, model: &ClusterModel) -> bool {
        let is_open = |group: &Group| group.account.as_ref().is_none_or(|own| own.is_open);
        let mut all = model.groups.iter().zip(self.members.values());
        let mut doubts = || all.any(|((_, group), members)| *members == 0 && is_open(group));
        std::mem::take(&mut self.is_left) && doubts()
    }

    /// Whether more is kept than is in use.
    pub fn is_sparse(&self) -> bool {
        const SPARE: usize = 1024;
        self.unused > self.members.len() / 2 + SPARE || self.gone > 2 * self.slots.len() + SPARE
    }

    /// Drops groups that nobody is of, and gives the others new numbers.
    ///
    /// # Cost
    /// Linear in the pods.
    pub fn compact(&mut self, model: &mut ClusterModel) {
        let before = std::mem::take(&mut model.groups);
        let mut groups = GroupIndex::default();
        self.strings = Interner::default();
        self.members = Table::default();
        self.unused = 0;
        self.gone = 0;
        for (endpoint, record) in model.endpoints.values_mut().zip(self.records.values_mut()) {
            let Some(old) = endpoint.group.and_then(|id| before.get(id)) else { continue };
            let labels = self.strings.labels((*old.labels).clone());
            let ports = self.strings.ports((*old.ports).clone());
            let id = groups.intern(Group { labels, ports, ..old.clone() });
            endpoint.group = Some(id);
            endpoint.node = endpoint.node.take().map(|node| self.strings.text(node));
            record.created = record.created.take().map(|created| self.strings.text(created));
            join(&mut self.members, id);
        }
        model.groups = Arc::new(groups);
    }

    fn group(
        &mut self,
        model: &mut ClusterModel,
        namespace: NamespaceId,
        (labels, ports): (LabelList, Vec<NamedPort>),
        account: Option<Arc<Account>>,
    ) -> GroupId {
        let (labels, ports) = (self.strings.labels(labels), self.strings.ports(ports));
        self.intern(model, Group { namespace, labels, hidden: &[], ports, assumed: None, account })
    }

    fn intern(&mut self, model: &mut ClusterModel, group: Group) -> GroupId {
        if let Some(known) = model.groups.find(&group) {
            return known;
        }
        let id = Arc::make_mut(&mut model.groups).intern(group);
        self.members.resize(model.groups.len());
        self.unused += 1;
        id
    }

    /// Has pods be of groups with the ServiceAccounts that there are now.
    ///
    /// # Cost
    /// Linear in the pods.
    pub fn reaccount(&mut self, model: &mut ClusterModel, calico: &Calico) {
        let slots: Vec<EndpointId> = self.slots.values().copied().collect();
        for slot in slots {
            let group = model.endpoints.get(slot).and_then(|endpoint| endpoint.group);
            let Some(known) = group.and_then(|id| model.groups.get(id)).cloned() else { continue };
            let name = self.records.get(slot).and_then(|record| record.account.as_ref());
            let own = model.namespaces.get(known.namespace);
            let account = own.and_then(|own| calico.account(&own.name, name));
            if account == known.account {
                continue;
            }
            let now = self.intern(model, Group { account, ..known });
            if let Some(endpoint) = model.endpoints.get_mut(slot) {
                endpoint.group = Some(now);
            }
            self.count(group, now);
        }
    }

    /// The index of a pod's endpoint, which is there from now on.
    fn slot(
        &mut self,
        model: &mut ClusterModel,
        namespace: NamespaceId,
        name: Arc<str>,
    ) -> EndpointId {
        if let Some(known) = self.slots.get(&(namespace, name.clone())) {
            return *known;
        }
        let slot = self.free.pop().unwrap_or_else(|| {
            self.records.push(Record::nobody());
            model.endpoints.push(nobody(namespace))
        });
        if let Some(endpoint) = model.endpoints.get_mut(slot) {
            endpoint.workload = workload_of(namespace);
            endpoint.name = name.clone();
        }
        self.slots.insert((namespace, name), slot);
        slot
    }

    fn count(&mut self, before: Option<GroupId>, now: GroupId) {
        if before == Some(now) {
            return;
        }
        if join(&mut self.members, now) == 1 {
            self.unused -= 1;
        }
        self.leave(before);
    }

    fn leave(&mut self, group: Option<GroupId>) {
        if let Some(members) = group.and_then(|group| self.members.get_mut(group)) {
            *members -= 1;
            self.unused += usize::from(*members == 0);
            self.is_left |= *members == 0;
        }
    }

    /// Gives up what a pod claims; who claimed it too may have it then.
    fn release(&mut self, model: &mut ClusterModel, slot: EndpointId) {
        let claims = self.records.get(slot).map(|record| record.claims.clone());
        for address in claims.iter().flat_map(|claims| claims.iter()) {
            if model.by_address.get(address) == Some(&slot) {
                model.by_address.remove(address);
                if let Some(heir) = self.heir(model, address) {
                    model.by_address.insert(*address, heir);
                    self.settle(model, heir);
                }
            } else if let Some(rivals) = self.rivals.get_mut(address) {
                rivals.retain(|rival| *rival != slot);
            }
        }
    }

    /// Takes the best of those who do without an address.
    fn heir(&mut self, model: &ClusterModel, address: &IpAddr) -> Option<EndpointId> {
        let mut rivals = self.rivals.remove(address)?;
        let best = (0..rivals.len()).max_by(|a, b| {
            let rank = |at: &usize| rivals.get(*at).map(|slot| self.rank(model, *slot, *address));
            rank(a).cmp(&rank(b))
        })?;
        let heir = rivals.swap_remove(best);
        if !rivals.is_empty() {
            self.rivals.insert(*address, rivals);
        }
        Some(heir)
    }

    /// Gives addresses that several claim to whom they belong now that nodes have other blocks.
    ///
    /// # Cost
    /// Linear in these addresses, of which there should be none.
    pub fn judge_claims(&mut self, model: &mut ClusterModel) {
        let contested: Vec<IpAddr> = self.rivals.keys().copied().collect();
        for address in contested {
            let Some(holder) = model.by_address.get(&address).copied() else { continue };
            self.rivals.entry(address).or_default().push(holder);
            let heir = self.heir(model, &address).filter(|heir| *heir != holder);
            if let Some(heir) = heir {
                model.by_address.insert(address, heir);
                self.settle(model, holder);
                self.settle(model, heir);
            }
        }
    }

    /// Claims a pod's addresses: of several who do, one on this node has it, else one of whose node
    /// it is by its blocks, else the newest.
    ///
    /// # Source
    /// NetworkPolicy §11.
    fn claim(&mut self, model: &mut ClusterModel, slot: EndpointId) {
        let Some(record) = self.records.get(slot) else { return };
        let claims = record.claims.clone();
        for address in claims.iter() {
            match model.by_address.get(address).copied() {
                None => {
                    model.by_address.insert(*address, slot);
                }
                Some(holder)
                    if self.rank(model, slot, *address) > self.rank(model, holder, *address) =>
                {
                    model.by_address.insert(*address, slot);
                    self.rivals.entry(*address).or_default().push(holder);
                    self.settle(model, holder);
                }
                Some(_) => self.rivals.entry(*address).or_default().push(slot),
            }
        }
        self.settle(model, slot);
    }

    /// Has a pod be where it has an address.
    fn settle(&self, model: &mut ClusterModel, slot: EndpointId) {
        let Some(record) = self.records.get(slot) else { return };
        let claims = &record.claims;
        let has = |address: &&IpAddr| model.by_address.get(*address) == Some(&slot);
        let held = claims.iter().filter(has).count();
        let (addresses, life) = if claims.is_empty() {
            (Addresses::SomePod, record.life)
        } else if held == 0 {
            (Addresses::Known(claims.clone()), Life::NoAddress)
        } else if held == claims.len() {
            (Addresses::Known(claims.clone()), record.life)
        } else {
            (Addresses::Known(claims.iter().filter(has).copied().collect()), record.life)
        };
        if let Some(endpoint) = model.endpoints.get_mut(slot) {
            endpoint.addresses = addresses;
            endpoint.life = life;
        }
    }

    /// How good a pod's claim to an address is.
    fn rank<'m>(&'m self, model: &'m ClusterModel, slot: EndpointId, address: IpAddr) -> Rank<'m> {
        let created = self.records.get(slot).and_then(|record| record.created.as_deref());
        let endpoint = model.endpoints.get(slot);
        let name = endpoint.map_or("", |endpoint| &*endpoint.name);
        let workload = endpoint.and_then(|endpoint| model.workload_of(endpoint));
        let namespace = workload.map_or("", |own| model.namespace_name(own.namespace));
        let node = endpoint.and_then(|endpoint| endpoint.node.as_deref());
        let is_here = node.is_some() && node == self.here.as_deref();
        let is_by_block = node.is_some_and(|node| has_block(model, node, address));
        (is_here, is_by_block, created, namespace, name)
    }
}

/// Whether an address is in a block of a node's pods.
fn has_block(model: &ClusterModel, node: &str, address: IpAddr) -> bool {
    // INVARIANT: nodes are sorted by name.
    let known = model.nodes.binary_search_by(|known| (*known.name).cmp(node)).ok();
    let node = known.and_then(|at| model.nodes.get(at));
    node.is_some_and(|node| node.pod_cidrs.iter().any(|block| block.contains(&address)))
}

impl Record {
    fn nobody() -> Self {
        let (created, account) = (None, None);
        Self { created, claims: Arc::default(), life: Life::Finished, account }
    }
}

/// An endpoint that takes no part: it stands where a pod was, so that others keep their places.
fn nobody(namespace: NamespaceId) -> Endpoint {
    Endpoint {
        workload: workload_of(namespace),
        name: Arc::default(),
        group: None,
        node: None,
        addresses: Addresses::SomePod,
        template: false,
        life: Life::Finished,
        object: None,
    }
}

/// The workload of a namespace's pods, which has its number.
fn workload_of(namespace: NamespaceId) -> WorkloadId {
    WorkloadId::new(namespace.number())
}

/// Counts one more of a group; how many there are.
fn join(members: &mut Table<u32, Group>, group: GroupId) -> u32 {
    members.or_default(group).map_or(0, |count| {
        *count += 1;
        *count
    })
}

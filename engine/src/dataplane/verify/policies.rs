//! What policies admit for a pod, read from the policies alone.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::space::{self, Admitted, Space};
use crate::cluster::{Addresses, ClusterModel, Group, GroupId, Life};
use crate::manifest::{Direction, NamedPort, PortMatch};
use crate::net::{ConnSet, Family, PortSet, Protocol, all_ports};
use crate::policy::{PeerSet, PolicyRule, PolicySet, ProgramId, RulePeer, SetId};

/// Pods' addresses and port names, by group.
pub type PodIndex = FxHashMap<GroupId, (Arc<Vec<NamedPort>>, Vec<IpAddr>)>;

/// Where pods are.
///
/// # Cost
/// Linear in the endpoints.
pub fn index(model: &ClusterModel) -> PodIndex {
    let mut pods = PodIndex::default();
    for endpoint in &model.endpoints {
        if let (Some(id), Addresses::Known(addresses), Life::Active) =
            (endpoint.group, &endpoint.addresses, endpoint.life)
            && let Some(group) = model.groups.get(id)
        {
            let (_, known) = pods.entry(id).or_insert_with(|| (group.ports.clone(), Vec::new()));
            known.extend(addresses.iter());
        }
    }
    pods
}

/// Addresses of sets of pods, with what they were read from.
pub type PodSpaces = FxHashMap<SetId, (Arc<PeerSet>, Arc<Space>)>;

/// Reads policies for one family.
pub struct Policies<'i> {
    /// The cluster.
    pub model: &'i ClusterModel,
    /// The policies.
    pub policies: &'i PolicySet,
    /// The family.
    pub family: Family,
    /// Where pods are.
    pub pods: &'i PodIndex,
    /// What has been read of them.
    pub spaces: &'i mut PodSpaces,
}

impl Policies<'_> {
    /// What a program admits for pods of a group. A policy of which it is not known whether it
    /// selects them isolates and admits nothing.
    ///
    /// # Source
    /// NetworkPolicy §6.
    pub fn admitted(&mut self, id: ProgramId, direction: Direction, subject: GroupId) -> Admitted {
        let program = self.policies.program(id);
        let mut admitted = Admitted::default();
        if program.is_open() {
            admitted.add(Arc::new(space::everywhere(self.family)), ConnSet::all());
        }
        let Some(group) = self.model.groups.get(subject) else {
            return admitted;
        };
        let selecting = program.tiers.iter().flat_map(|tier| &tier.policies);
        for policy in selecting.filter(|policy| policy.certain) {
            let rules = self.policies.policy(policy.policy).and_then(|one| one.rules(direction));
            for rule in rules.unwrap_or_default() {
                self.rule(rule, (direction, group), &mut admitted);
            }
        }
        admitted
    }

    /// §6: a rule's peers and ports form a full product.
    fn rule(
        &mut self,
        rule: &PolicyRule,
        (direction, subject): (Direction, &Group),
        admitted: &mut Admitted,
    ) {
        let (conns, named) = connections(rule, direction, subject);
        if rule.peers.is_empty() {
            let anywhere = Arc::new(space::everywhere(self.family));
            self.at(&anywhere, (&conns, &named), admitted);
        }
        for peer in &rule.peers {
            let peers = self.peers(*peer);
            self.at(&peers, (&conns, &named), admitted);
        }
    }

    fn at(
        &self,
        peers: &Arc<Space>,
        (conns, named): (&ConnSet, &[(Protocol, Arc<str>)]),
        admitted: &mut Admitted,
    ) {
        admitted.add(peers.clone(), conns.clone());
        for ((protocol, port), addresses) in self.named(named) {
            let addresses = space::of_addresses(addresses.into_iter(), self.family);
            let conns = ConnSet::of(protocol, PortSet::range(port, port));
            admitted.add(Arc::new(addresses.intersection(peers)), conns);
        }
    }

    /// §9: names of egress are asked of each destination pod.
    fn named(&self, names: &[(Protocol, Arc<str>)]) -> BTreeMap<(Protocol, u16), Vec<IpAddr>> {
        let mut named: BTreeMap<(Protocol, u16), Vec<IpAddr>> = BTreeMap::new();
        if names.is_empty() {
            return named;
        }
        for (ports, addresses) in self.pods.values() {
            for port in ports.iter() {
                let asked = |(protocol, name): &(Protocol, Arc<str>)| {
                    port.protocol == *protocol && port.name == *name
                };
                if names.iter().any(asked) {
                    named.entry((port.protocol, port.port)).or_default().extend(addresses);
                }
            }
        }
        named
    }

    /// §7, §8: selectors name pods, blocks whatever has an address in them.
    fn peers(&mut self, peer: RulePeer) -> Arc<Space> {
        match peer {
            RulePeer::Block(id) => {
                let block = self.policies.block(id);
                Arc::new(block.map_or_else(Space::empty, |set| space::of_set(set, self.family)))
            }
            RulePeer::Pods(id) => self.set(id),
        }
    }

    fn set(&mut self, id: SetId) -> Arc<Space> {
        let Some(set) = self.policies.sets().get(id as usize) else {
            return Arc::default();
        };
        if let Some((known, space)) = self.spaces.get(&id)
            && Arc::ptr_eq(known, set)
        {
            return space.clone();
        }
        let groups = set.certain.iter().filter_map(|group| self.pods.get(&group));
        let addresses = groups.flat_map(|(_, addresses)| addresses).copied();
        let space = Arc::new(space::of_addresses(addresses, self.family));
        self.spaces.insert(id, (set.clone(), space.clone()));
        space
    }
}

/// What a rule's ports say: connections, and for egress the names that destinations resolve.
fn connections(
    rule: &PolicyRule,
    direction: Direction,
    subject: &Group,
) -> (ConnSet, Vec<(Protocol, Arc<str>)>) {
    if rule.ports.is_empty() {
        return (ConnSet::all(), Vec::new());
    }
    let (mut conns, mut named) = (ConnSet::none(), Vec::new());
    for entry in &rule.ports {
        match (&entry.ports, direction) {
            (PortMatch::Any, _) => conns.add(entry.protocol, &all_ports()),
            (PortMatch::Range(first, last), _) => {
                conns.add(entry.protocol, &PortSet::range(*first, *last));
            }
            (PortMatch::Named(name), Direction::Ingress) => {
                conns.add(entry.protocol, &subject.named_ports(name, entry.protocol));
            }
            (PortMatch::Named(name), Direction::Egress) => {
                named.push((entry.protocol, name.clone()));
            }
        }
    }
    (conns, named)
}

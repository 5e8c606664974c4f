//! What policies admit for a pod, read from the policies alone.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::space::{self, Admitted, Space};
use crate::cluster::{Addresses, ClusterModel, Group, GroupId, Life};
use crate::manifest::{Direction, PortMatch};
use crate::net::{ConnSet, Family, PortSet, Protocol, all_ports};
use crate::policy::{PolicyRule, PolicySet, ProgramId, RulePeer, SetId};

/// Reads policies for one family.
pub struct Policies<'i> {
    model: &'i ClusterModel,
    policies: &'i PolicySet,
    family: Family,
    /// Addresses of pods, by group.
    pods: FxHashMap<GroupId, Vec<IpAddr>>,
    sets: BTreeMap<SetId, Arc<Space>>,
}

impl<'i> Policies<'i> {
    /// Reads where pods are.
    ///
    /// # Cost
    /// Linear in the endpoints.
    pub fn new(model: &'i ClusterModel, policies: &'i PolicySet, family: Family) -> Self {
        let mut pods: FxHashMap<GroupId, Vec<IpAddr>> = FxHashMap::default();
        for endpoint in &model.endpoints {
            if let (Some(group), Addresses::Known(addresses), Life::Active) =
                (endpoint.group, &endpoint.addresses, endpoint.life)
            {
                pods.entry(group).or_default().extend(addresses);
            }
        }
        Self { model, policies, family, pods, sets: BTreeMap::new() }
    }

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
        for (id, addresses) in &self.pods {
            let Some(group) = self.model.groups.get(*id) else { continue };
            for (protocol, name) in names {
                for &(first, last) in group.named_ports(name, *protocol).ranges() {
                    for port in first..=last {
                        named.entry((*protocol, port)).or_default().extend(addresses);
                    }
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
            RulePeer::Pods(id) => {
                if let Some(known) = self.sets.get(&id) {
                    return known.clone();
                }
                let groups = self.policies.set(id).into_iter().flat_map(|set| set.certain.iter());
                let addresses = groups.filter_map(|group| self.pods.get(&group)).flatten();
                let space = Arc::new(space::of_addresses(addresses.copied(), self.family));
                self.sets.insert(id, space.clone());
                space
            }
        }
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

//! What policies admit for a pod, read from the policies alone.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::places::{Change, Place, Places};
use super::space::{self, Admitted, Asked, Origin, Space};
use crate::cluster::{ClusterModel, Group, GroupId};
use crate::manifest::{Direction, PortMatch};
use crate::net::{ConnSet, Family, IntervalSet, PortSet, Protocol, all_ports};
use crate::policy::{BlockPair, PeerSet, PolicyRule, PolicySet, ProgramId, RulePeer, SetId};
use crate::shared::Sorted;

/// Addresses of sets of pods, with what they were read from.
#[derive(Debug, Default)]
pub struct PodSpaces {
    known: FxHashMap<SetId, Known>,
}

#[derive(Debug)]
struct Known {
    pods: Arc<PeerSet>,
    asked: Arc<Asked>,
    /// Whether an address is two pods': then nothing is known of it when one of them leaves.
    shared: bool,
}

impl PodSpaces {
    /// Has sets of pods hold who is there now; which of them are others than before.
    ///
    /// # Cost
    /// Linear in the sets, for each pod that has come or gone; and in the pods of those groups that
    /// a set has more or fewer than before.
    pub fn follow(
        &mut self,
        policies: &PolicySet,
        (places, change): (&Places, &Change),
        family: Family,
    ) -> FxHashSet<SetId> {
        let mut changed = FxHashSet::default();
        self.known.retain(|id, known| {
            let Some(now) = policies.sets().get(*id as usize) else {
                changed.insert(*id);
                return false;
            };
            let next = match known.shared {
                true => Some(Known::new((*id, now), places, family)),
                false => known.next((*id, now), (places, change), family),
            };
            if let Some(next) = next {
                if next.asked.members != known.asked.members {
                    changed.insert(*id);
                }
                *known = next;
            }
            true
        });
        changed
    }

    /// How many sets are known.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Forgets sets that nobody asks for.
    pub fn keep(&mut self, asked: &FxHashSet<SetId>) {
        self.known.retain(|id, _| asked.contains(id));
    }

    /// The addresses of a set of pods.
    pub fn get(&self, id: SetId) -> Option<&Arc<Asked>> {
        self.known.get(&id).map(|known| &known.asked)
    }
}

impl Known {
    fn new((id, pods): (SetId, &Arc<PeerSet>), places: &Places, family: Family) -> Self {
        let addresses = pods.certain.iter().flat_map(|group| places.of(group, family));
        let addresses: Vec<IpAddr> = addresses.collect();
        let count = addresses.len();
        let members: Sorted<IpAddr> = addresses.into_iter().collect();
        let shared = members.len() != count;
        Self { pods: pods.clone(), asked: Asked::of(Origin::Pods(id), members), shared }
    }

    /// What it is now; none if it is the same.
    fn next(
        &self,
        (id, now): (SetId, &Arc<PeerSet>),
        (places, change): (&Places, &Change),
        family: Family,
    ) -> Option<Self> {
        let meant = |place: &&Place| self.pods.certain.contains(place.0);
        let own = |place: &Place| -> Vec<IpAddr> {
            place.1.iter().copied().filter(|address| Family::of(*address) == family).collect()
        };
        let mut left: Vec<IpAddr> = change.left.iter().filter(meant).flat_map(own).collect();
        // Groups that are meant only now are read as a whole below.
        let still = |place: &&Place| meant(place) && now.certain.contains(place.0);
        let mut entered: Vec<IpAddr> = change.entered.iter().filter(still).flat_map(own).collect();
        if !Arc::ptr_eq(now, &self.pods) {
            let of = |groups: IntervalSet<GroupId>| -> Vec<IpAddr> {
                groups.iter().flat_map(|group| places.of(group, family)).collect()
            };
            left.extend(of(self.pods.certain.difference(&now.certain)));
            entered.extend(of(now.certain.difference(&self.pods.certain)));
        } else if left.is_empty() && entered.is_empty() {
            return None;
        }
        let mut members = self.asked.members.clone();
        for address in &left {
            members.remove(address);
        }
        let shared = !entered.into_iter().fold(true, |new, address| members.insert(address) & new);
        if shared {
            return Some(Self::new((id, now), places, family));
        }
        let asked = Asked::of(Origin::Pods(id), members);
        Some(Self { pods: now.clone(), asked, shared: false })
    }
}

/// Reads policies for one family.
pub struct Policies<'i> {
    /// The cluster.
    pub model: &'i ClusterModel,
    /// The policies.
    pub policies: &'i PolicySet,
    /// The family.
    pub family: Family,
    /// Where pods are.
    pub places: &'i Places,
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
            admitted.add(Asked::fixed(space::everywhere(self.family)), ConnSet::all());
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
            let anywhere = Asked::fixed(space::everywhere(self.family));
            self.at(&anywhere, (&conns, &named), admitted);
        }
        for peer in &rule.peers {
            let peers = self.peers(*peer);
            self.at(&peers, (&conns, &named), admitted);
        }
    }

    fn at(
        &self,
        peers: &Arc<Asked>,
        (conns, named): (&ConnSet, &[(Protocol, Arc<str>)]),
        admitted: &mut Admitted,
    ) {
        admitted.add(peers.clone(), conns.clone());
        for ((protocol, port), addresses) in self.named(named) {
            let addresses = space::of_addresses(addresses.into_iter(), self.family);
            let conns = ConnSet::of(protocol, PortSet::range(port, port));
            let both = addresses.intersection(peers.space());
            admitted.add(Asked::derived(both, &[&**peers]), conns);
        }
    }

    /// §9: names of egress are asked of each destination pod.
    fn named(&self, names: &[(Protocol, Arc<str>)]) -> BTreeMap<(Protocol, u16), Vec<IpAddr>> {
        let mut named: BTreeMap<(Protocol, u16), Vec<IpAddr>> = BTreeMap::new();
        if names.is_empty() {
            return named;
        }
        for (id, group) in self.places.groups() {
            for port in group.ports.iter() {
                let asked = |(protocol, name): &(Protocol, Arc<str>)| {
                    port.protocol == *protocol && port.name == *name
                };
                if names.iter().any(asked) {
                    let known = named.entry((port.protocol, port.port)).or_default();
                    known.extend(self.places.of(id, self.family));
                }
            }
        }
        named
    }

    /// §7, §8: selectors name pods, blocks whatever has an address in them.
    fn peers(&mut self, peer: RulePeer) -> Arc<Asked> {
        match peer {
            RulePeer::Block(id)
            | RulePeer::Nodes(BlockPair { certain: id, .. }, _)
            | RulePeer::Names(BlockPair { certain: id, .. }) => {
                let block = self.policies.block(id);
                let space = block.map_or_else(Space::empty, |one| space::of_set(one, self.family));
                Asked::fixed(space)
            }
            RulePeer::Pods(id) => self.set(id),
        }
    }

    fn set(&mut self, id: SetId) -> Arc<Asked> {
        let Some(pods) = self.policies.sets().get(id as usize) else {
            return Asked::fixed(Space::empty());
        };
        let (places, family) = (self.places, self.family);
        let known = self.spaces.known.entry(id);
        known.or_insert_with(|| Known::new((id, pods), places, family)).asked.clone()
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

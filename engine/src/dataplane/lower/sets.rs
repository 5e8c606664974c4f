//! Sets of addresses: what they are called and who is in them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::super::digest::digest;
use super::super::program::{AddressSet, Match, Members, PortMember, SetKind, SetName};
use super::Input;
use super::memory::Memory;
use crate::cluster::{Addresses, ClusterModel, GroupId, Life};
use crate::manifest::{Direction, NamedPort};
use crate::net::{AddrSet, Cidr, Family, Protocol};
use crate::policy::{BlockId, PeerSet, RulePeer, SetId};

/// Addresses of pods, by group.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct AddressIndex {
    by_group: Vec<Vec<IpAddr>>,
    /// Named ports of each group: a number may have become another group's.
    ports: Vec<Arc<Vec<NamedPort>>>,
}

impl AddressIndex {
    /// The addresses of all pods that can send and receive.
    ///
    /// # Cost
    /// Linear in the endpoints.
    pub fn new(model: &ClusterModel) -> Self {
        let mut by_group = vec![Vec::new(); model.groups.len()];
        for endpoint in model.endpoints.iter().filter(|endpoint| endpoint.life == Life::Active) {
            let group = endpoint.group.and_then(|group| by_group.get_mut(group as usize));
            if let (Some(group), Addresses::Known(addresses)) = (group, &endpoint.addresses) {
                group.extend(addresses.iter());
            }
        }
        let ports = model.groups.iter().map(|(_, group)| group.ports.clone()).collect();
        Self { by_group, ports }
    }

    fn of(&self, group: GroupId, family: Family) -> impl Iterator<Item = IpAddr> + '_ {
        let addresses = self.by_group.get(group as usize).into_iter().flatten().copied();
        addresses.filter(move |address| Family::of(*address) == family)
    }
}

/// Sets of one family on their way.
pub struct Sets<'i> {
    input: Input<'i>,
    index: &'i AddressIndex,
    family: Family,
    /// Sets that rules use, by name.
    pub made: BTreeMap<SetName, Arc<AddressSet>>,
    /// Sets with what they were made from.
    pub known: (KnownPods, KnownNamed),
    before: &'i Memory,
    blocks: FxHashMap<BlockId, Option<Vec<Cidr>>>,
    uses: Vec<Use>,
}

type KnownPods = FxHashMap<SetId, (Arc<PeerSet>, Arc<AddressSet>)>;
type KnownNamed = FxHashMap<NamedKey, (Option<Arc<PeerSet>>, Arc<AddressSet>)>;

/// What a set of named ports hangs on, but for the pods.
pub type NamedKey = (Option<RulePeer>, Vec<(Protocol, Arc<str>)>);

/// A set that rules use, by what it is made from.
#[derive(Clone, Debug)]
pub enum Use {
    /// Pods.
    Pods(SetId),
    /// Ports of pods by name.
    Named(NamedKey),
    /// Blocks of addresses.
    Blocks(Arc<AddressSet>),
}

/// Port names that one rule asks of destinations.
pub type Names = [(Protocol, Arc<str>)];

impl<'i> Sets<'i> {
    /// No set yet.
    pub fn new(
        input: Input<'i>,
        index: &'i AddressIndex,
        (family, before): (Family, &'i Memory),
    ) -> Self {
        let (made, known, blocks) = (BTreeMap::new(), Default::default(), FxHashMap::default());
        Self { input, index, family, made, known, before, blocks, uses: Vec::new() }
    }

    /// The uses since this was asked last.
    pub fn take_uses(&mut self) -> Vec<Use> {
        std::mem::take(&mut self.uses)
    }

    /// Makes a set that is used as before.
    pub fn use_again(&mut self, one: &Use) {
        match one {
            Use::Pods(id) => drop(self.pods(*id)),
            Use::Named((peer, names)) => drop(self.named(*peer, names)),
            Use::Blocks(set) => drop(self.made.insert(set.name.clone(), set.clone())),
        }
        self.uses.clear();
    }

    /// The set of the addresses of local pods.
    pub fn local(&mut self, addresses: impl Iterator<Item = IpAddr>) -> SetName {
        let name: SetName = format!("{}-local", self.stem()).into();
        let members = Members::Addresses(addresses.collect());
        let set = self.before.set(AddressSet { name: name.clone(), members });
        self.made.insert(name.clone(), set);
        name
    }

    /// The condition that a peer means in a direction; an empty list, if it is anybody, and none,
    /// if it is nobody.
    pub fn peer(&mut self, peer: Option<RulePeer>, direction: Direction) -> Option<Vec<Match>> {
        let in_set = |name| match direction {
            Direction::Ingress => Match::SourceIn(name),
            Direction::Egress => Match::DestinationIn(name),
        };
        match peer {
            None => Some(Vec::new()),
            Some(RulePeer::Pods(id)) => Some(vec![in_set(self.pods(id))]),
            Some(RulePeer::Block(id)) => {
                let cidrs = self.block(id)?;
                match cidrs.as_slice() {
                    [] => Some(Vec::new()),
                    [one] => Some(vec![match direction {
                        Direction::Ingress => Match::Source(*one),
                        Direction::Egress => Match::Destination(*one),
                    }]),
                    several => Some(vec![in_set(self.blocks(several))]),
                }
            }
        }
    }

    /// The set of what pods that a peer means call by these names; none, if there can be no such
    /// pod.
    pub fn named(&mut self, peer: Option<RulePeer>, names: &Names) -> Option<SetName> {
        let key = (peer, names.to_vec());
        self.uses.push(Use::Named(key.clone()));
        let pods = match peer {
            Some(RulePeer::Pods(id)) => self.peer_set(id),
            _ => None,
        };
        let known = self.known.1.get(&key).or_else(|| self.before.named.get(&key));
        let same = |known: &&(Option<Arc<PeerSet>>, _)| match (&known.0, &pods) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (a, b) => a.is_none() && b.is_none(),
        };
        let set = match known.filter(same) {
            Some((_, set)) => set.clone(),
            None => self.new_named(peer, names)?,
        };
        self.made.insert(set.name.clone(), set.clone());
        self.known.1.insert(key, (pods, set.clone()));
        Some(set.name.clone())
    }

    fn new_named(&self, peer: Option<RulePeer>, names: &Names) -> Option<Arc<AddressSet>> {
        let (scope, groups, within) = match peer {
            None => (vec!["of anybody".to_owned()], None, None),
            Some(RulePeer::Pods(id)) => {
                (self.meaning(id), Some(&self.input.policies.set(id)?.certain), None)
            }
            Some(RulePeer::Block(id)) => {
                let block = self.input.policies.block(id)?.of_family(self.family);
                if block.is_empty() {
                    return None;
                }
                (vec![format!("at {}", block.cidrs().join(","))], None, Some(block))
            }
        };
        let asked = names.iter().map(|(protocol, name)| format!("{protocol} {name}"));
        let asked: Vec<String> = asked.collect();
        let parts = scope.iter().chain(&asked).map(String::as_str);
        let name = self.name(SetKind::Port, parts);
        let (index, model, family) = (self.index, self.input.model, self.family);
        let members = || {
            let named = model.groups.iter().filter(|(id, group)| {
                !group.ports.is_empty() && groups.is_none_or(|set| set.contains(*id))
            });
            let members = named.flat_map(|(id, group)| {
                let ports = group.ports.iter().filter(|port| {
                    names
                        .iter()
                        .any(|(protocol, name)| port.protocol == *protocol && port.name == *name)
                });
                ports.flat_map(move |port| {
                    index.of(id, family).map(|address| (address, port.protocol, port.port))
                })
            });
            let within =
                |member: &PortMember| within.as_ref().is_none_or(|block| block.contains(member.0));
            Members::Ports(members.filter(within).collect())
        };
        Some(self.before.set(AddressSet { name, members: members() }))
    }

    fn pods(&mut self, id: SetId) -> SetName {
        self.uses.push(Use::Pods(id));
        if let Some((_, known)) = self.known.0.get(&id) {
            return known.name.clone();
        }
        let Some(pods) = self.peer_set(id) else {
            return format!("{}-none", self.stem()).into();
        };
        let set = match self.before.pods.get(&id) {
            Some((known, set)) if Arc::ptr_eq(known, &pods) => set.clone(),
            _ => self.new_pods(id, &pods),
        };
        self.made.insert(set.name.clone(), set.clone());
        self.known.0.insert(id, (pods, set.clone()));
        set.name.clone()
    }

    fn peer_set(&self, id: SetId) -> Option<Arc<PeerSet>> {
        self.input.policies.sets().get(id as usize).cloned()
    }

    fn new_pods(&self, id: SetId, pods: &PeerSet) -> Arc<AddressSet> {
        let meaning = self.meaning(id);
        let name = self.name(SetKind::Address, meaning.iter().map(String::as_str));
        let addresses = pods.certain.iter().flat_map(|group| self.index.of(group, self.family));
        let members = Members::Addresses(addresses.collect());
        self.before.set(AddressSet { name, members })
    }

    /// The CIDRs of a block in this family: none of them, if it is all of the family; no list, if
    /// nothing of the block is in the family.
    fn block(&mut self, id: BlockId) -> Option<Vec<Cidr>> {
        let family = self.family;
        let policies = self.input.policies;
        let cidrs = self.blocks.entry(id).or_insert_with(|| {
            let block = policies.block(id)?.of_family(family);
            if block == AddrSet::full().of_family(family) {
                return Some(Vec::new());
            }
            let cidrs = block.nets();
            (!cidrs.is_empty()).then_some(cidrs)
        });
        cidrs.clone()
    }

    fn blocks(&mut self, cidrs: &[Cidr]) -> SetName {
        let texts: Vec<String> = cidrs.iter().map(ToString::to_string).collect();
        let name = self.name(SetKind::Block, texts.iter().map(String::as_str));
        let members = Members::Blocks(cidrs.iter().copied().collect());
        let set = self.before.set(AddressSet { name: name.clone(), members });
        self.uses.push(Use::Blocks(set.clone()));
        self.made.insert(name.clone(), set);
        name
    }

    fn meaning(&self, id: SetId) -> Vec<String> {
        let set = self.input.policies.set(id);
        set.map_or_else(Vec::new, |set| set.meaning(self.input.model).to_vec())
    }

    fn name<'t>(&self, kind: SetKind, parts: impl Iterator<Item = &'t str>) -> SetName {
        let letter = match kind {
            SetKind::Address => 'a',
            SetKind::Block => 'b',
            SetKind::Port => 'p',
        };
        format!("{}-{letter}-{}", self.stem(), digest(parts)).into()
    }

    fn stem(&self) -> String {
        let number = match self.family {
            Family::IPv4 => '4',
            Family::IPv6 => '6',
        };
        format!("{}{number}", self.input.settings.prefix)
    }
}

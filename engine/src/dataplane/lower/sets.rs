//! Sets of addresses: what they are called and who is in them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::super::digest::digest;
use super::super::program::{AddressSet, Match, Members, SetKind, SetName};
use super::Input;
use super::memory::{Memory, Peers, port_members};
use super::pods::Pods;
use crate::cluster::GroupId;
use crate::manifest::Direction;
use crate::net::{AddrSet, Cidr, Family, IntervalSet, Protocol};
use crate::policy::{BlockId, BlockPair, PeerSet, RulePeer, SetId};

/// Sets of one family on their way.
pub struct Sets<'i> {
    input: Input<'i>,
    pods: &'i Pods,
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
type KnownNamed = FxHashMap<NamedKey, (Peers, Arc<AddressSet>)>;

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
    pub fn new(input: Input<'i>, pods: &'i Pods, (family, before): (Family, &'i Memory)) -> Self {
        let (made, known, blocks) = (BTreeMap::new(), Default::default(), FxHashMap::default());
        Self { input, pods, family, made, known, before, blocks, uses: Vec::new() }
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
        self.made.insert(set.name.clone(), set);
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
            Some(
                RulePeer::Block(id)
                | RulePeer::Nodes(BlockPair { certain: id, .. }, _)
                | RulePeer::Names(BlockPair { certain: id, .. }),
            ) => {
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
        let peers = self.peers(peer)?;
        let known = self.known.1.get(&key).or_else(|| self.before.named.get(&key));
        let set = match known.filter(|(before, _)| before.is(&peers)) {
            Some((_, set)) => set.clone(),
            None => self.new_named(peer, &peers, names),
        };
        self.made.insert(set.name.clone(), set.clone());
        self.known.1.insert(key, (peers, set.clone()));
        Some(set.name.clone())
    }

    /// Who may be in a set of named ports; none if there can be nobody.
    fn peers(&self, peer: Option<RulePeer>) -> Option<Peers> {
        Some(match peer {
            None => Peers::Anybody,
            Some(RulePeer::Pods(id)) => Peers::Pods(self.peer_set(id)?),
            Some(
                RulePeer::Block(id)
                | RulePeer::Nodes(BlockPair { certain: id, .. }, _)
                | RulePeer::Names(BlockPair { certain: id, .. }),
            ) => {
                let block = self.input.policies.blocks().get(id as usize)?;
                if block.of_family(self.family).is_empty() {
                    return None;
                }
                Peers::Block(block.clone())
            }
        })
    }

    fn new_named(&self, peer: Option<RulePeer>, peers: &Peers, names: &Names) -> Arc<AddressSet> {
        let scope = match (peer, peers) {
            (Some(RulePeer::Pods(id)), _) => self.meaning(id),
            (_, Peers::Block(block)) => {
                vec![format!("at {}", block.of_family(self.family).cidrs().join(","))]
            }
            _ => vec!["of anybody".to_owned()],
        };
        let asked = names.iter().map(|(protocol, name)| format!("{protocol} {name}"));
        let asked: Vec<String> = asked.collect();
        let name = self.name(SetKind::Port, scope.iter().chain(&asked).map(String::as_str));
        let members = self
            .pods
            .places()
            .flat_map(|place| port_members(self.input.model, (peers, names), &place, self.family));
        let members = Members::Ports(members.collect());
        self.before.set(AddressSet { name, members })
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
            Some((known, set)) => self.other_groups(id, (known, set), &pods),
            None => self.new_pods(id, &pods),
        };
        self.made.insert(set.name.clone(), set.clone());
        self.known.0.insert(id, (pods, set.clone()));
        set.name.clone()
    }

    fn peer_set(&self, id: SetId) -> Option<Arc<PeerSet>> {
        self.input.policies.sets().get(id as usize).cloned()
    }

    fn new_pods(&self, id: SetId, pods: &PeerSet) -> Arc<AddressSet> {
        let members = Members::Addresses(self.addresses_of(&pods.certain).collect());
        self.before.set(AddressSet { name: self.pods_name(id), members })
    }

    /// The set of pods of which other groups are meant than before.
    fn other_groups(
        &self,
        id: SetId,
        (before, set): (&PeerSet, &AddressSet),
        now: &PeerSet,
    ) -> Arc<AddressSet> {
        let Members::Addresses(known) = &set.members else { return self.new_pods(id, now) };
        let mut members = known.clone();
        for address in self.addresses_of(&before.certain.difference(&now.certain)) {
            members.remove(&address);
        }
        for address in self.addresses_of(&now.certain.difference(&before.certain)) {
            members.insert(address);
        }
        let members = Members::Addresses(members);
        self.before.set(AddressSet { name: self.pods_name(id), members })
    }

    fn addresses_of<'g>(
        &'g self,
        groups: &'g IntervalSet<GroupId>,
    ) -> impl Iterator<Item = IpAddr> + 'g {
        groups.iter().flat_map(|group| self.pods.of(group, self.family))
    }

    fn pods_name(&self, id: SetId) -> SetName {
        let meaning = self.meaning(id);
        self.name(SetKind::Address, meaning.iter().map(String::as_str))
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
        self.made.insert(set.name.clone(), set);
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

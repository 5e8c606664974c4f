//! Sets of addresses: what they are called and who is in them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::super::digest::digest;
use super::super::program::{AddressSet, Match, Members, PortMember, SetKind, SetName};
use super::Input;
use super::class::is_doubtful;
use super::keys::{AskedPeer, Extent, NamedKey, Names, PodsKey, Use};
use super::memory::{Memory, NamedPorts, Peers};
use super::pods::Pods;
use crate::cluster::GroupId;
use crate::manifest::Direction;
use crate::net::{AddrSet, Cidr, Family, IntervalSet, PortSet};
use crate::policy::{BlockId, PeerSet, RulePeer, SetId};
use crate::shared::Sorted;

/// Sets of one family on their way.
pub struct Sets<'i> {
    input: Input<'i>,
    pods: &'i Pods,
    family: Family,
    /// Sets that rules use, by name.
    pub made: BTreeMap<SetName, Arc<AddressSet>>,
    /// Sets of pods with what they were made from.
    pub known_pods: FxHashMap<PodsKey, (Arc<PeerSet>, Arc<AddressSet>)>,
    /// Sets of named ports with what they were made from.
    pub known_named: FxHashMap<NamedKey, (Peers, Arc<AddressSet>)>,
    /// The set of all pods, if it has been asked for.
    pub all: Option<Arc<AddressSet>>,
    before: &'i Memory,
    blocks: FxHashMap<BlockId, Option<Vec<Cidr>>>,
    uses: Vec<Use>,
}

impl<'i> Sets<'i> {
    /// No set yet.
    pub fn new(input: Input<'i>, pods: &'i Pods, family: Family, before: &'i Memory) -> Self {
        Self {
            input,
            pods,
            family,
            made: BTreeMap::new(),
            known_pods: FxHashMap::default(),
            known_named: FxHashMap::default(),
            all: None,
            before,
            blocks: FxHashMap::default(),
            uses: Vec::new(),
        }
    }

    /// The uses since this was asked last.
    pub fn take_uses(&mut self) -> Vec<Use> {
        std::mem::take(&mut self.uses)
    }

    /// Makes a set that is used as before.
    pub fn use_again(&mut self, one: &Use) {
        match one {
            Use::Pods(key) => drop(self.pods(*key)),
            Use::AllPods => drop(self.all_pods()),
            Use::Named(key) => drop(self.named(key.asked, &key.names)),
            Use::Written(set) => drop(self.made.insert(set.name.clone(), set.clone())),
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

    /// The set of the Services that the kernel itself forwards.
    pub fn services(&mut self, services: &Sorted<PortMember>) -> SetName {
        let own = services.iter().filter(|service| Family::of(service.0) == self.family);
        let name: SetName = format!("{}-services", self.stem()).into();
        let set =
            AddressSet { name: name.clone(), members: Members::Ports(own.copied().collect()) };
        let set = self.before.set(set);
        self.made.insert(set.name.clone(), set);
        name
    }

    /// The conditions that a peer means in a direction; an empty list, if it is anybody, and none,
    /// if it is nobody.
    pub fn peer(&mut self, asked: AskedPeer, direction: Direction) -> Option<Vec<Match>> {
        let (side, AskedPeer { peer, extent }) = (Side(direction), asked);
        match peer {
            None => Some(Vec::new()),
            Some(RulePeer::Pods(pods)) => {
                Some(vec![side.within(self.pods(PodsKey { pods, extent }))])
            }
            Some(RulePeer::Block(id)) => self.within_block(id, side),
            Some(RulePeer::Nodes(pair, _) | RulePeer::Names(pair)) => {
                let mut matches = self.within_block(extent.of(pair), side)?;
                if is_other_than_pods(asked) {
                    matches.push(side.outside(self.all_pods()));
                }
                Some(matches)
            }
        }
    }

    /// That the peer is one of these pods, or none of them.
    pub fn pods_of(
        &mut self,
        pods: SetId,
        extent: Extent,
        direction: Direction,
        is_in: bool,
    ) -> Match {
        let set = self.pods(PodsKey { pods, extent });
        if is_in { Side(direction).within(set) } else { Side(direction).outside(set) }
    }

    /// That the peer has one of these addresses, as [`Self::peer`].
    pub fn within_addresses(&mut self, all: &AddrSet, direction: Direction) -> Option<Vec<Match>> {
        let cidrs = nets_of(all, self.family)?;
        Some(self.within_cidrs(&cidrs, Side(direction)))
    }

    /// The CIDRs of addresses, as [`Self::block`].
    pub fn nets(&self, all: &AddrSet) -> Option<Vec<Cidr>> {
        nets_of(all, self.family)
    }

    fn within_block(&mut self, id: BlockId, side: Side) -> Option<Vec<Match>> {
        let cidrs = self.block(id)?;
        Some(self.within_cidrs(&cidrs, side))
    }

    fn within_cidrs(&mut self, cidrs: &[Cidr], side: Side) -> Vec<Match> {
        match cidrs {
            [] => Vec::new(),
            [one] => vec![side.block(*one)],
            several => vec![side.within(self.blocks(several))],
        }
    }

    /// The set of what pods that a peer means call by these names; none, if there can be no such
    /// pod.
    pub fn named(&mut self, asked: AskedPeer, names: &Names) -> Option<SetName> {
        let asked = AskedPeer { extent: self.extent(asked), ..asked };
        let key = NamedKey { asked, names: names.to_vec() };
        self.uses.push(Use::Named(key.clone()));
        let peers = self.peers(asked)?;
        let known = self.known_named.get(&key).or_else(|| self.before.named.get(&key));
        let set = match known.filter(|(before, _)| before.is(&peers)) {
            Some((_, set)) => set.clone(),
            None => self.new_named(&key, &peers),
        };
        self.made.insert(set.name.clone(), set.clone());
        self.known_named.insert(key, (peers, set.clone()));
        Some(set.name.clone())
    }

    /// Who may be in a set of named ports; none if there can be nobody.
    fn peers(&self, AskedPeer { peer, extent }: AskedPeer) -> Option<Peers> {
        let block = match peer {
            None => return Some(Peers::Anybody),
            Some(RulePeer::Pods(id)) => return Some(Peers::Pods(self.peer_set(id)?, extent)),
            // Nodes give names to no ports.
            Some(RulePeer::Nodes(..)) => return None,
            Some(RulePeer::Block(id)) => id,
            Some(RulePeer::Names(pair)) => extent.of(pair),
        };
        let block = self.input.policies.blocks().get(block)?;
        (!block.of_family(self.family).is_empty()).then(|| Peers::Block(block.clone()))
    }

    fn new_named(&self, key: &NamedKey, peers: &Peers) -> Arc<AddressSet> {
        let NamedKey { asked: AskedPeer { peer, extent }, names } = key;
        let scope = match (*peer, peers) {
            (Some(RulePeer::Pods(pods)), _) => self.meaning(PodsKey { pods, extent: *extent }),
            (_, Peers::Block(block)) => {
                vec![format!("at {}", block.of_family(self.family).cidrs().join(","))]
            }
            _ => vec!["of anybody".to_owned()],
        };
        let asked = names.iter().map(|(protocol, name)| format!("{protocol} {name}"));
        let asked: Vec<String> = asked.collect();
        let name = self.name(SetKind::Port, scope.iter().chain(&asked).map(String::as_str));
        let ports = NamedPorts { peers, names };
        let members = self
            .pods
            .places()
            .flat_map(|place| ports.members(self.input.model, &place, self.family));
        let members = Members::Ports(members.collect());
        self.before.set(AddressSet { name, members })
    }

    /// The extent of what a peer means: the certain one, if no pods are in doubt.
    fn extent(&self, asked: AskedPeer) -> Extent {
        match asked.peer {
            Some(RulePeer::Pods(id)) if !is_doubtful(self.input.policies, id) => Extent::Certain,
            None | Some(RulePeer::Block(_)) => Extent::Certain,
            _ => asked.extent,
        }
    }

    fn pods(&mut self, key: PodsKey) -> SetName {
        let peer = Some(RulePeer::Pods(key.pods));
        let extent = self.extent(AskedPeer { peer, extent: key.extent });
        let key = PodsKey { extent, ..key };
        self.uses.push(Use::Pods(key));
        if let Some((_, known)) = self.known_pods.get(&key) {
            return known.name.clone();
        }
        let Some(pods) = self.peer_set(key.pods) else {
            return format!("{}-none", self.stem()).into();
        };
        let set = match self.before.pods.get(&key) {
            Some((known, set)) if Arc::ptr_eq(known, &pods) => set.clone(),
            Some((known, set)) => self.other_groups(key, known, set, &pods),
            None => self.new_pods(key, &pods),
        };
        self.made.insert(set.name.clone(), set.clone());
        self.known_pods.insert(key, (pods, set.clone()));
        set.name.clone()
    }

    /// The set of the addresses of all pods.
    fn all_pods(&mut self) -> SetName {
        self.uses.push(Use::AllPods);
        let set = self.all.get_or_insert_with(|| match &self.before.all_pods {
            Some(known) => known.clone(),
            None => {
                let addresses = self.pods.places().flat_map(|place| place.addresses.to_vec());
                let own = addresses.filter(|address| Family::of(*address) == self.family);
                let members = Members::Addresses(own.collect());
                let name = format!("{}-pods", stem(self.input, self.family)).into();
                self.before.set(AddressSet { name, members })
            }
        });
        self.made.insert(set.name.clone(), set.clone());
        set.name.clone()
    }

    fn peer_set(&self, id: SetId) -> Option<Arc<PeerSet>> {
        self.input.policies.sets().get(id).cloned()
    }

    fn new_pods(&self, key: PodsKey, pods: &PeerSet) -> Arc<AddressSet> {
        let members = Members::Addresses(self.addresses_of(&key.extent.groups(pods)).collect());
        self.before.set(AddressSet { name: self.pods_name(key), members })
    }

    /// The set of pods of which other groups are meant than before.
    fn other_groups(
        &self,
        key: PodsKey,
        before: &PeerSet,
        set: &AddressSet,
        now: &PeerSet,
    ) -> Arc<AddressSet> {
        let Members::Addresses(known) = &set.members else { return self.new_pods(key, now) };
        let (before, now) = (key.extent.groups(before), key.extent.groups(now));
        let mut members = known.clone();
        for address in self.addresses_of(&before.difference(&now)) {
            members.remove(&address);
        }
        for address in self.addresses_of(&now.difference(&before)) {
            members.insert(address);
        }
        let members = Members::Addresses(members);
        self.before.set(AddressSet { name: self.pods_name(key), members })
    }

    fn addresses_of<'g>(
        &'g self,
        groups: &'g IntervalSet<GroupId>,
    ) -> impl Iterator<Item = IpAddr> + 'g {
        groups.iter().flat_map(|group| self.pods.of(group, self.family))
    }

    fn pods_name(&self, key: PodsKey) -> SetName {
        let meaning = self.meaning(key);
        self.name(SetKind::Address, meaning.iter().map(String::as_str))
    }

    /// The CIDRs of a block in this family: none of them, if it is all of the family; no list, if
    /// nothing of the block is in the family.
    fn block(&mut self, id: BlockId) -> Option<Vec<Cidr>> {
        let family = self.family;
        let policies = self.input.policies;
        let cidrs = self.blocks.entry(id);
        cidrs.or_insert_with(|| nets_of(policies.block(id)?, family)).clone()
    }

    fn blocks(&mut self, cidrs: &[Cidr]) -> SetName {
        let texts: Vec<String> = cidrs.iter().map(ToString::to_string).collect();
        self.written(&texts, Members::Blocks(cidrs.iter().copied().collect()))
    }

    /// The set of these ports.
    pub fn numbers(&mut self, ports: &PortSet) -> SetName {
        let texts = ports.ranges().iter().map(|(first, last)| format!("{first}-{last}"));
        let texts: Vec<String> = texts.collect();
        let members = ports.ranges().iter().flat_map(|&(first, last)| first..=last);
        self.written(&texts, Members::Numbers(members.collect()))
    }

    /// A set that is what is written of it.
    fn written(&mut self, texts: &[String], members: Members) -> SetName {
        let name = self.name(members.kind(), texts.iter().map(String::as_str));
        let set = self.before.set(AddressSet { name: name.clone(), members });
        self.uses.push(Use::Written(set.clone()));
        self.made.insert(set.name.clone(), set);
        name
    }

    fn meaning(&self, PodsKey { pods, extent }: PodsKey) -> Vec<String> {
        let set = self.input.policies.set(pods);
        let meaning = set.map_or_else(Vec::new, |set| set.meaning(self.input.model).to_vec());
        let possible = (extent == Extent::Possible).then(|| "or perhaps".to_owned());
        meaning.into_iter().chain(possible).collect()
    }

    fn name<'t>(&self, kind: SetKind, parts: impl Iterator<Item = &'t str>) -> SetName {
        format!("{}-{}-{}", self.stem(), kind.letter(), digest(parts)).into()
    }

    fn stem(&self) -> String {
        stem(self.input, self.family)
    }
}

/// The CIDRs of addresses, as [`Sets::block`].
fn nets_of(all: &AddrSet, family: Family) -> Option<Vec<Cidr>> {
    let own = all.of_family(family);
    if own == AddrSet::full().of_family(family) {
        return Some(Vec::new());
    }
    let cidrs = own.nets();
    (!cidrs.is_empty()).then_some(cidrs)
}

/// Whether a peer is nodes of which some addresses are not known: wherever these may be, they are
/// not those of pods.
fn is_other_than_pods(asked: AskedPeer) -> bool {
    asked.extent == Extent::Possible
        && matches!(asked.peer, Some(RulePeer::Nodes(pair, _)) if pair.certain != pair.possible)
}

/// What names of sets begin with.
fn stem(input: Input<'_>, family: Family) -> String {
    let number = match family {
        Family::IPv4 => '4',
        Family::IPv6 => '6',
    };
    format!("{}{number}", input.settings.prefix)
}

/// The end of a packet that is the peer's, seen from a direction.
#[derive(Clone, Copy)]
struct Side(Direction);

impl Side {
    fn within(self, set: SetName) -> Match {
        match self.0 {
            Direction::Ingress => Match::SourceIn(set),
            Direction::Egress => Match::DestinationIn(set),
        }
    }

    fn outside(self, set: SetName) -> Match {
        match self.0 {
            Direction::Ingress => Match::SourceNotIn(set),
            Direction::Egress => Match::DestinationNotIn(set),
        }
    }

    fn block(self, block: Cidr) -> Match {
        match self.0 {
            Direction::Ingress => Match::Source(block),
            Direction::Egress => Match::Destination(block),
        }
    }
}

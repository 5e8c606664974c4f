//! What rules and sets mean, read from the program alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::super::program::{
    AddressSet, Chain, FamilyProgram, FilterRule, L4, Match, Members, SetName, States,
};
use super::space::{self, Space};
use crate::net::{ConnSet, Family, PortSet, Protocol, all_ports};

/// What is the matter with a program that cannot be read.
pub type Trouble = String;

/// What kind of packet walks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Walker {
    /// The state of its connection; none for a new one.
    pub state: Option<States>,
    /// Whether its connection is to be cut.
    pub marked: bool,
    /// Its type, if it is a message of neighbour discovery.
    pub discovery: Option<u8>,
    /// Whether it is an SCTP INIT ACK.
    pub init_ack: bool,
}

impl Walker {
    /// The first packet of a connection.
    pub const NEW: Self = Self { state: None, marked: false, discovery: None, init_ack: false };
}

/// Types of messages of neighbour discovery.
pub const DISCOVERY: std::ops::RangeInclusive<u8> = 133..=137;

/// Packets that agree with a rule: all whose source, destination and connection are these. None
/// of a part: any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Product {
    /// Sources.
    pub source: Option<Arc<Space>>,
    /// Destinations.
    pub destination: Option<Arc<Space>>,
    /// Protocols and ports.
    pub conns: Option<ConnSet>,
}

impl Product {
    /// Whether every packet agrees.
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }
}

/// Addresses of a set: all, and by protocol and port.
#[derive(Debug)]
pub struct SetSpaces {
    set: Arc<AddressSet>,
    addresses: Arc<Space>,
    ports: Vec<(ConnSet, Arc<Space>)>,
}

/// Sets that have been read before.
pub type KnownSets = FxHashMap<SetName, Arc<SetSpaces>>;

/// Reads one family's program.
pub struct Reader<'p> {
    /// The program.
    pub program: &'p FamilyProgram,
    sets: BTreeMap<&'p str, Arc<SetSpaces>>,
}

impl<'p> Reader<'p> {
    /// Reads all sets that have changed since they were read last.
    pub fn new(program: &'p FamilyProgram, known: &mut KnownSets) -> Result<Self, Trouble> {
        let (mut sets, mut read) = (BTreeMap::new(), KnownSets::default());
        for (name, set) in &program.sets {
            let spaces = match known.get(name) {
                Some(spaces) if Arc::ptr_eq(&spaces.set, set) => spaces.clone(),
                _ => Arc::new(read_set(set, program.family)?),
            };
            read.insert(name.clone(), spaces.clone());
            sets.insert(&**name, spaces);
        }
        *known = read;
        Ok(Self { program, sets })
    }

    /// A chain.
    pub fn chain(&self, name: &str) -> Result<&'p Arc<Chain>, Trouble> {
        self.program.chains.get(name).ok_or_else(|| format!("there is no chain {name}"))
    }

    /// The members of a set.
    pub fn addresses(&self, name: &str) -> Result<Arc<Space>, Trouble> {
        Ok(self.set(name)?.addresses.clone())
    }

    /// What the sets that a chain asks hold; none of a set that is not there.
    pub fn sets_of(&self, chain: &Chain) -> Vec<Option<Arc<SetSpaces>>> {
        let names = chain.rules.iter().flat_map(|rule| &rule.matches).filter_map(|one| match one {
            Match::SourceIn(set)
            | Match::SourceNotIn(set)
            | Match::DestinationIn(set)
            | Match::DestinationNotIn(set)
            | Match::DestinationPortIn(set) => Some(set),
            _ => None,
        });
        names.map(|name| self.sets.get(&**name).cloned()).collect()
    }

    fn set(&self, name: &str) -> Result<&Arc<SetSpaces>, Trouble> {
        self.sets.get(name).ok_or_else(|| format!("there is no set {name}"))
    }

    /// What packets of a kind agree with a rule: those of any of the products.
    pub fn products(&self, rule: &FilterRule, walker: Walker) -> Result<Vec<Product>, Trouble> {
        let of_icmpv6 = rule.matches.contains(&Match::Protocol(L4::Icmpv6));
        if of_icmpv6 && !rule.matches.iter().any(|one| matches!(one, Match::Icmpv6Type(_))) {
            return Err("a rule about ICMPv6 messages of all types".into());
        }
        let mut products = vec![Product::default()];
        for condition in &rule.matches {
            match self.meaning(condition, walker)? {
                Meaning::Holds(true) => {}
                Meaning::Holds(false) => return Ok(Vec::new()),
                Meaning::Parts(parts) => products = both(&products, &parts),
            }
        }
        Ok(products)
    }

    fn meaning(&self, condition: &Match, walker: Walker) -> Result<Meaning, Trouble> {
        let family = self.program.family;
        let everywhere = || space::everywhere(family);
        let source = |space: Arc<Space>| {
            Meaning::Parts(vec![Product { source: Some(space), ..Product::default() }])
        };
        let destination = |space: Arc<Space>| {
            Meaning::Parts(vec![Product { destination: Some(space), ..Product::default() }])
        };
        let conns = |conns: ConnSet| {
            Meaning::Parts(vec![Product { conns: Some(conns), ..Product::default() }])
        };
        Ok(match condition {
            Match::Source(net) => source(Arc::new(space::of_cidr(*net, family))),
            Match::Destination(net) => destination(Arc::new(space::of_cidr(*net, family))),
            Match::SourceIn(set) => source(self.addresses(set)?),
            Match::DestinationIn(set) => destination(self.addresses(set)?),
            Match::SourceNotIn(set) => {
                source(Arc::new(everywhere().difference(&*self.addresses(set)?)))
            }
            Match::DestinationNotIn(set) => {
                destination(Arc::new(everywhere().difference(&*self.addresses(set)?)))
            }
            Match::DestinationPortIn(set) => {
                let parts = self.set(set)?.ports.iter().map(|(conns, space)| Product {
                    destination: Some(space.clone()),
                    conns: Some(conns.clone()),
                    ..Product::default()
                });
                Meaning::Parts(parts.collect())
            }
            Match::Protocol(L4::Ports(protocol)) => conns(ConnSet::of(*protocol, all_ports())),
            Match::DestinationPorts(ranges) => conns(any_protocol(ranges)),
            Match::Protocol(L4::Icmpv6) => Meaning::Holds(walker.discovery.is_some()),
            Match::Icmpv6Type(kind) => match DISCOVERY.contains(kind) {
                true => Meaning::Holds(walker.discovery == Some(*kind)),
                false => return Err(format!("a rule about ICMPv6 messages of type {kind}")),
            },
            Match::State(state) => Meaning::Holds(walker.state == Some(*state)),
            Match::ConnectionMark(_) => Meaning::Holds(walker.marked),
            Match::SctpInitAck => Meaning::Holds(walker.init_ack),
            // A rate decides of no packet for certain: only logs may hang on it.
            Match::Limit(..) => Meaning::Holds(true),
        })
    }
}

/// What a condition says of packets of a kind.
enum Meaning {
    Holds(bool),
    Parts(Vec<Product>),
}

fn both(left: &[Product], right: &[Product]) -> Vec<Product> {
    let spaces = |a: &Option<Arc<Space>>, b: &Option<Arc<Space>>| match (a, b) {
        (Some(a), Some(b)) => Some(Arc::new(a.intersection(b))),
        (one, None) | (None, one) => one.clone(),
    };
    let pair = |a: &Product, b: &Product| Product {
        source: spaces(&a.source, &b.source),
        destination: spaces(&a.destination, &b.destination),
        conns: match (&a.conns, &b.conns) {
            (Some(a), Some(b)) => Some(a.intersection(b)),
            (one, None) | (None, one) => one.clone(),
        },
    };
    left.iter().flat_map(|a| right.iter().map(move |b| pair(a, b))).collect()
}

/// These ports of whatever protocol; the rule names that elsewhere.
fn any_protocol(ranges: &[(u16, u16)]) -> ConnSet {
    let ports = PortSet::from_ranges(ranges.iter().copied());
    let mut conns = ConnSet::none();
    for protocol in Protocol::ALL {
        conns.add(protocol, &ports);
    }
    conns
}

fn read_set(set: &Arc<AddressSet>, family: Family) -> Result<SetSpaces, Trouble> {
    let mut by_port: BTreeMap<(Protocol, u16), Vec<std::net::IpAddr>> = BTreeMap::new();
    let mut strangers = 0;
    let space = match &set.members {
        Members::Addresses(addresses) => {
            strangers += addresses.iter().filter(|one| Family::of(**one) != family).count();
            space::of_addresses(addresses.iter().copied(), family)
        }
        Members::Blocks(blocks) => {
            let spaces = blocks.iter().map(|block| space::of_cidr(*block, family));
            let spaces: Vec<Space> = spaces.collect();
            strangers += spaces.iter().filter(|space| space.is_empty()).count();
            Space::from_ranges(spaces.iter().flat_map(|space| space.ranges().iter().copied()))
        }
        Members::Ports(ports) => {
            strangers += ports.iter().filter(|one| Family::of(one.0) != family).count();
            for &(address, protocol, port) in ports {
                by_port.entry((protocol, port)).or_default().push(address);
            }
            Space::empty()
        }
    };
    if strangers > 0 {
        return Err(format!("set {} has members of the other family", set.name));
    }
    let ports = by_port.into_iter().map(|((protocol, port), addresses)| {
        let space = space::of_addresses(addresses.into_iter(), family);
        (ConnSet::of(protocol, PortSet::range(port, port)), Arc::new(space))
    });
    let ports = ports.collect();
    Ok(SetSpaces { set: set.clone(), addresses: Arc::new(space), ports })
}

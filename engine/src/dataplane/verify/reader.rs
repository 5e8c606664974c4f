//! What rules and sets mean, read from the program alone.

use std::sync::Arc;

use super::super::program::{
    Chain, FamilyProgram, FilterRule, IcmpMessage, L4, Match, Members, SetName, States,
};
use super::super::wiring::Interface;
use super::devices::Devices;
use super::packets::Packets;
use super::sets::{KnownSets, SetSpaces};
use super::space::{self, Asked};
use crate::net::{ConnSet, PortSet, Protocol};

/// What is the matter with a program that cannot be read.
pub type Trouble = String;

/// What kind of packet walks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Walker {
    /// The state of its connection; none for a new one.
    pub state: Option<States>,
    /// Whether its connection is to be cut.
    pub marked: bool,
    /// Its type, if it is a message of ICMPv6 that rules may ask for.
    pub control: Option<u8>,
    /// Whether it comes from a neighbour: its hop limit has not been lowered.
    pub neighbour: bool,
    /// Whether its source is an address of the node.
    pub from_node: bool,
    /// Whether rules may ask where it comes in and goes out, and what is on its way.
    pub in_frame: bool,
    /// Whether it is in the chains of a host, where rules may ask for that, too.
    pub at_host: bool,
    /// Whether its destination has been translated.
    pub translated: bool,
}

impl Walker {
    /// The first packet of a connection in the chains of a pod.
    pub const NEW: Self = Self {
        state: None,
        marked: false,
        control: None,
        neighbour: false,
        from_node: false,
        in_frame: false,
        at_host: false,
        translated: false,
    };

    /// The first packet of a connection in the chains that all packets walk.
    pub const FIRST: Self = Self { in_frame: true, ..Self::NEW };

    /// The first packet of a connection in the chains of a host.
    pub const AT_HOST: Self = Self { at_host: true, ..Self::NEW };
}

/// Types of messages of ICMPv6 that rules may ask for: multicast listeners, neighbours, routers.
pub const CONTROL: [u8; 9] = [130, 131, 132, 133, 134, 135, 136, 137, 143];

/// The hop limit of messages between neighbours.
const NEIGHBOUR: u8 = 255;

/// Packets that agree with a rule: all whose source, destination and connection are these. None
/// of a part: any.
#[derive(Clone, Debug, Default)]
pub struct Product {
    /// Sources.
    pub source: Option<Arc<Asked>>,
    /// Destinations.
    pub destination: Option<Arc<Asked>>,
    /// Protocols and ports.
    pub conns: Option<Packets>,
    /// Devices where they come in.
    pub enters: Option<Arc<Asked>>,
    /// Devices where they go out.
    pub leaves: Option<Arc<Asked>>,
    /// Where they were sent to before that was translated.
    pub original: Option<Arc<Asked>>,
    /// At which ports.
    pub original_ports: Option<PortSet>,
}

impl Product {
    /// Whether every packet agrees.
    pub fn is_all(&self) -> bool {
        let Self { source, destination, conns, enters, leaves, original, original_ports } = self;
        let places = [source, destination, enters, leaves, original];
        conns.is_none() && original_ports.is_none() && places.iter().all(|place| place.is_none())
    }

    /// Keeps what agrees with another product as well.
    pub fn narrow(&mut self, other: &Self) {
        narrow(&mut self.source, other.source.as_ref());
        narrow(&mut self.destination, other.destination.as_ref());
        narrow(&mut self.enters, other.enters.as_ref());
        narrow(&mut self.leaves, other.leaves.as_ref());
        narrow(&mut self.original, other.original.as_ref());
        if let Some(ports) = &other.original_ports {
            self.original_ports = Some(match self.original_ports.take() {
                None => ports.clone(),
                Some(own) => own.intersection(ports),
            });
        }
        if let Some(conns) = &other.conns {
            self.conns = Some(match self.conns.take() {
                None => conns.clone(),
                Some(own) => own.intersection(conns),
            });
        }
    }
}

/// Reads one family's program.
pub struct Reader<'p> {
    /// The program.
    pub program: &'p FamilyProgram,
    /// What its sets hold.
    pub sets: &'p KnownSets,
    /// The devices that rules tell apart.
    pub devices: &'p Devices,
}

/// The sets that a chain asks.
pub fn asked_sets(chain: &Chain) -> impl Iterator<Item = &SetName> {
    chain.rules.iter().flat_map(|rule| &rule.matches).filter_map(|one| match one {
        Match::SourceIn(set)
        | Match::SourceNotIn(set)
        | Match::DestinationIn(set)
        | Match::DestinationNotIn(set)
        | Match::DestinationPortIn(set)
        | Match::DestinationPortNotIn(set)
        | Match::SourcePortIn(set)
        | Match::SourcePortNotIn(set)
        | Match::PortIn(set) => Some(set),
        _ => None,
    })
}

impl<'p> Reader<'p> {
    /// A chain.
    pub fn chain(&self, name: &str) -> Result<&'p Arc<Chain>, Trouble> {
        self.program.chains.get(name).ok_or_else(|| format!("there is no chain {name}"))
    }

    /// The addresses with protocols and ports of a set.
    pub fn port_members(&self, name: &str) -> Result<&'p Members, Trouble> {
        Ok(&self.set(name)?.set.members)
    }

    /// The members of a set.
    pub fn addresses(&self, name: &str) -> Result<Arc<Asked>, Trouble> {
        Ok(self.set_of(name, false)?.addresses().clone())
    }

    /// A set whose members are ports alone, or are not: of the first the kernel looks up the port
    /// where a rule asks for the address.
    fn set_of(&self, name: &str, numbers: bool) -> Result<&'p Arc<SetSpaces>, Trouble> {
        let set = self.set(name)?;
        match matches!(set.set.members, Members::Numbers(_)) == numbers {
            true => Ok(set),
            false => Err(format!("set {name} is asked for what it does not hold")),
        }
    }

    fn set(&self, name: &str) -> Result<&'p Arc<SetSpaces>, Trouble> {
        self.sets.get(name).ok_or_else(|| format!("there is no set {name}"))
    }

    /// What packets of a kind agree with a rule: those of any of the products.
    pub fn products(&self, rule: &FilterRule, walker: Walker) -> Result<Vec<Product>, Trouble> {
        let of_icmpv6 = rule.matches.contains(&Match::Protocol(L4::Icmpv6));
        if walker.in_frame
            && of_icmpv6
            && !rule.matches.iter().any(|one| matches!(one, Match::Icmpv6Type(_)))
        {
            return Err("a rule about ICMPv6 messages of all types".into());
        }
        let mut products = vec![Product::default()];
        for condition in &rule.matches {
            match self.meaning(condition, walker)? {
                Meaning::Holds(true) => {}
                Meaning::Holds(false) => return Ok(Vec::new()),
                Meaning::One(part) => products.iter_mut().for_each(|one| one.narrow(&part)),
                Meaning::Parts(parts) => products = both(&products, &parts),
            }
        }
        Ok(products)
    }

    fn meaning(&self, condition: &Match, walker: Walker) -> Result<Meaning, Trouble> {
        let family = self.program.family;
        let others = |asked: &Asked| {
            let others = space::everywhere(family).difference(asked.space());
            Asked::derived(others, &[asked])
        };
        let fixed = |net| Asked::fixed(space::of_cidr(net, family));
        let source =
            |space: Arc<Asked>| Meaning::One(Product { source: Some(space), ..Product::default() });
        let destination = |space: Arc<Asked>| {
            Meaning::One(Product { destination: Some(space), ..Product::default() })
        };
        let device = |interface: &Interface| self.devices.space(interface).map(Asked::fixed);
        let conns =
            |conns: Packets| Meaning::One(Product { conns: Some(conns), ..Product::default() });
        let of_frame = matches!(
            condition,
            Match::Enters(_) | Match::Leaves(_) | Match::HopLimit(_) | Match::SourceIsNode
        );
        if of_frame && !walker.in_frame && !walker.at_host {
            return Err("a rule for pods asks for more than addresses and ports".into());
        }
        Ok(match condition {
            Match::Source(net) => source(fixed(*net)),
            Match::Destination(net) => destination(fixed(*net)),
            Match::SourceIn(set) => source(self.addresses(set)?),
            Match::DestinationIn(set) => destination(self.addresses(set)?),
            Match::SourceNotIn(set) => source(others(&*self.addresses(set)?)),
            Match::DestinationNotIn(set) => destination(others(&*self.addresses(set)?)),
            Match::DestinationPortIn(set) => {
                let parts = self.set_of(set, false)?.members().map(|(to, _, space)| Product {
                    destination: Some(space.clone()),
                    conns: Some(to),
                    ..Product::default()
                });
                Meaning::Parts(parts.collect())
            }
            Match::SourcePortIn(set) => {
                let parts = self.set_of(set, false)?.members().map(|(_, from, space)| Product {
                    source: Some(space.clone()),
                    conns: Some(from),
                    ..Product::default()
                });
                Meaning::Parts(parts.collect())
            }
            Match::DestinationPortNotIn(set) => {
                let parts = self.set_of(set, false)?.others(family).map(|(space, to, _)| Product {
                    destination: Some(space),
                    conns: Some(to),
                    ..Product::default()
                });
                Meaning::Parts(parts.collect())
            }
            Match::SourcePortNotIn(set) => {
                let parts = self.set_of(set, false)?.others(family).map(|(space, _, from)| {
                    let (source, conns) = (Some(space), Some(from));
                    Product { source, conns, ..Product::default() }
                });
                Meaning::Parts(parts.collect())
            }
            Match::PortIn(set) => conns(self.set_of(set, true)?.numbers.clone()),
            Match::Protocol(L4::Icmpv6) if walker.in_frame => {
                Meaning::Holds(walker.control.is_some())
            }
            Match::Protocol(protocol) => conns(Packets::of_protocol(*protocol)),
            Match::OtherProtocol(protocol) => conns(Packets::of_protocol(*protocol).others()),
            Match::DestinationPorts(ranges) => conns(Packets::to(&any_protocol(ranges))),
            Match::SourcePorts(ranges) => conns(Packets::from_ports(&any_protocol(ranges))),
            Match::Icmp(message) => conns(Packets::of_message(L4::icmp(family), *message)),
            Match::Icmpv6Type(kind) if !walker.in_frame => {
                let message = IcmpMessage { kind: *kind, code: None, is_other: false };
                conns(Packets::of_message(L4::Icmpv6, message))
            }
            Match::Icmpv6Type(kind) => match CONTROL.contains(kind) {
                true => Meaning::Holds(walker.control == Some(*kind)),
                false => return Err(format!("a rule about ICMPv6 messages of type {kind}")),
            },
            Match::State(state) => Meaning::Holds(walker.state == Some(*state)),
            Match::ConnectionMark(_) => Meaning::Holds(walker.marked),
            Match::HopLimit(NEIGHBOUR) => Meaning::Holds(walker.neighbour),
            Match::HopLimit(hops) => return Err(format!("a rule about a hop limit of {hops}")),
            Match::SourceIsNode => Meaning::Holds(walker.from_node),
            Match::Translated if walker.at_host => Meaning::Holds(walker.translated),
            Match::OriginalDestination(net) if walker.translated => {
                let original = Some(fixed(*net));
                Meaning::One(Product { original, ..Product::default() })
            }
            Match::OriginalPorts(first, last) if walker.translated => {
                let original_ports = Some(PortSet::range(*first, *last));
                Meaning::One(Product { original_ports, ..Product::default() })
            }
            Match::Translated | Match::OriginalDestination(_) | Match::OriginalPorts(..) => {
                return Err("a rule asks where a packet was sent to at first out of place".into());
            }
            Match::Enters(interface) => {
                let enters = Some(device(interface)?);
                Meaning::One(Product { enters, ..Product::default() })
            }
            Match::Leaves(interface) => {
                let leaves = Some(device(interface)?);
                Meaning::One(Product { leaves, ..Product::default() })
            }
            // A rate decides of no packet for certain: only logs may hang on it.
            Match::Limit(..) => Meaning::Holds(true),
        })
    }
}

/// What a condition says of packets of a kind.
enum Meaning {
    Holds(bool),
    /// Those of a product agree.
    One(Product),
    /// Those of any of the products agree.
    Parts(Vec<Product>),
}

fn both(left: &[Product], right: &[Product]) -> Vec<Product> {
    let pair = |one: &Product, other: &Product| {
        let mut both = one.clone();
        both.narrow(other);
        both
    };
    left.iter().flat_map(|one| right.iter().map(move |other| pair(one, other))).collect()
}

/// Keeps of a part what another one has as well.
fn narrow(part: &mut Option<Arc<Asked>>, other: Option<&Arc<Asked>>) {
    let Some(other) = other else { return };
    *part = Some(match part.take() {
        None => other.clone(),
        Some(one) => Asked::derived(one.space().intersection(other.space()), &[&*one, &**other]),
    });
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

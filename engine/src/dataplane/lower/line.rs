//! What one rule of the kernel asks, before it is written.

use std::sync::Arc;

use super::super::program::{IcmpMessage, L4, Match};
use super::keys::{AskedPeer, Extent};
use super::ports::{self, PortPart};
use super::sets::Sets;
use crate::manifest::Direction;
use crate::net::{AddrSet, ConnSet, Family, PortSet, Protocol};
use crate::policy::{Seat, SetId};

/// What one rule of the kernel asks.
#[derive(Clone)]
pub struct Line {
    /// Addresses of the peer, all of the family.
    addresses: AddrSet,
    /// Addresses of the other end; of a pod's that is known.
    own: AddrSet,
    /// Whether what is asked of the destination is asked of the one before it was translated.
    original: bool,
    protocol: Option<L4>,
    /// If no protocol is asked for, one that it must not be.
    other_than: Option<L4>,
    messages: Vec<IcmpMessage>,
    /// Ports, if some are asked for: then a protocol is that has some.
    source: Option<PortSet>,
    destination: Option<PortSet>,
    looked_up: Vec<LookUp>,
}

/// What is looked up in a set, which is made once it is known that a rule asks for it.
#[derive(Clone, PartialEq, Eq)]
pub enum LookUp {
    /// That an end is one of these pods, or none of them.
    Pods {
        /// Which end.
        seat: Seat,
        /// The pods.
        pods: SetId,
        /// How much of them.
        extent: Extent,
        /// Whether it is one of them.
        is_in: bool,
    },
    /// That an end's port has one of these names, or none of them.
    Ports {
        /// Whose ports.
        asked: AskedPeer,
        /// Their names.
        names: Vec<(Protocol, Arc<str>)>,
        /// The end.
        end: End,
        /// Whether it has one of them.
        is_in: bool,
    },
}

/// Which end's ports are asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The sender's.
    Source,
    /// The receiver's.
    Destination,
}

/// The lines, as far as an end has these addresses.
pub fn within(lines: Vec<Line>, seat: Seat, addresses: &AddrSet) -> Vec<Line> {
    let within = |mut line: Line| {
        let known = match seat {
            Seat::Peer => &mut line.addresses,
            Seat::Subject => &mut line.own,
        };
        *known = known.intersection(addresses);
        (!known.is_empty()).then_some(line)
    };
    lines.into_iter().filter_map(within).collect()
}

/// The lines, with something that is looked up in a set.
pub fn looked_up(mut lines: Vec<Line>, one: &LookUp) -> Vec<Line> {
    lines.iter_mut().filter(|line| !line.looked_up.contains(one)).for_each(|line| {
        line.looked_up.push(one.clone());
    });
    lines
}

/// The line at each of these ports.
pub fn with_ports(line: &Line, end: End, ports: &ConnSet) -> Vec<Line> {
    let at = |protocol: Protocol| {
        let own = ports.ports(protocol);
        if own.is_empty() {
            return None;
        }
        line.clone().of_protocol(L4::Ports(protocol))?.at_ports(end, own)
    };
    Protocol::ALL.into_iter().filter_map(at).collect()
}

/// The line at all other ports: only where a protocol is asked for, ports are excluded.
pub fn without_ports(line: Line, end: End, ports: &ConnSet) -> Option<Line> {
    let Some(L4::Ports(protocol)) = line.protocol else { return Some(line) };
    let excluded = ports.ports(protocol);
    if excluded.is_empty() {
        return Some(line);
    }
    line.at_ports(end, &PortSet::full().difference(excluded))
}

impl Line {
    /// Every packet of a family.
    pub fn of_all(family: Family, original: bool) -> Self {
        Self {
            addresses: AddrSet::full().of_family(family),
            own: AddrSet::full().of_family(family),
            original,
            protocol: None,
            other_than: None,
            messages: Vec::new(),
            source: None,
            destination: None,
            looked_up: Vec::new(),
        }
    }

    /// The line for a protocol.
    pub fn of_protocol(self, protocol: L4) -> Option<Self> {
        match self.protocol {
            Some(own) => (own == protocol).then_some(self),
            None if self.other_than == Some(protocol) => None,
            None => Some(Self { protocol: Some(protocol), other_than: None, ..self }),
        }
    }

    /// The line for other protocols.
    pub fn not_of_protocol(self, protocol: L4) -> Option<Self> {
        match self.protocol {
            Some(own) => (own != protocol).then_some(self),
            None => Some(Self { other_than: Some(protocol), ..self }),
        }
    }

    /// The line for such messages of the family's ICMP, or for all other packets.
    pub fn with_message(self, icmp: L4, message: IcmpMessage) -> Vec<Self> {
        let others = message.is_other.then(|| self.clone().not_of_protocol(icmp)).flatten();
        let own = self.of_protocol(icmp).map(|mut line| {
            line.messages.push(message);
            line
        });
        others.into_iter().chain(own).collect()
    }

    fn at_ports(mut self, end: End, ports: &PortSet) -> Option<Self> {
        let known = match end {
            End::Source => &mut self.source,
            End::Destination => &mut self.destination,
        };
        let both = match known.take() {
            Some(known) => known.intersection(ports),
            None => ports.clone(),
        };
        let is_some = !both.is_empty();
        *known = Some(both);
        is_some.then_some(self)
    }

    /// As rules of the kernel: what costs least comes first. `lines` says how many there are of the
    /// rule.
    pub fn written(
        self,
        sets: &mut Sets<'_>,
        direction: Direction,
        lines: usize,
    ) -> Vec<Vec<Match>> {
        let Some(mut rest) = sets.within_addresses(&self.addresses, direction) else {
            return Vec::new();
        };
        rest.splice(0..0, self.messages.iter().map(|message| written_message(*message, &self)));
        rest.extend(self.looked_up.iter().filter_map(|one| one.written(sets, direction)));
        let Some(ends) = self.own_end(sets, direction) else { return Vec::new() };
        let sources = self.sources();
        let mut all = Vec::new();
        for destination in self.destinations(sets, lines * sources.len() * ends.len()) {
            for source in &sources {
                for end in &ends {
                    let head = destination.iter().chain(source).chain(end);
                    all.push(head.chain(&rest).cloned().collect());
                }
            }
        }
        all
    }

    /// What is asked of the addresses of the end whose policies these are, if something is; none
    /// if nobody has one of them.
    fn own_end(&self, sets: &mut Sets<'_>, direction: Direction) -> Option<Vec<Vec<Match>>> {
        if !self.original {
            return Some(vec![sets.within_addresses(&self.own, direction.opposite())?]);
        }
        let nets = sets.nets(&self.own)?;
        if nets.is_empty() {
            return Some(vec![Vec::new()]);
        }
        Some(nets.into_iter().map(|net| vec![Match::OriginalDestination(net)]).collect())
    }

    /// The protocol, with each part of the destination's ports.
    fn destinations(&self, sets: &mut Sets<'_>, peers: usize) -> Vec<Vec<Match>> {
        let protocol = self.protocol.map(Match::Protocol);
        let protocol = protocol.or(self.other_than.map(Match::OtherProtocol));
        let ports = self.destination.as_ref().filter(|ports| **ports != PortSet::full());
        let (Some(L4::Ports(own)), Some(ports)) = (self.protocol, ports) else {
            return vec![protocol.into_iter().collect()];
        };
        if self.original {
            let ranges = ports.ranges().iter();
            let one = |&(first, last): &(u16, u16)| {
                protocol.iter().cloned().chain([Match::OriginalPorts(first, last)]).collect()
            };
            return ranges.map(one).collect();
        }
        let parts = ports::of_protocol(own, ports, peers).into_iter();
        let written = parts.filter_map(|part| match part {
            PortPart::Matches(matches) => Some(matches),
            PortPart::Numbers(numbers) => {
                let set = Match::PortIn(sets.numbers(&numbers.ports));
                Some(protocol.iter().cloned().chain([set]).collect())
            }
            PortPart::Named(_) => None,
        });
        written.collect()
    }

    fn sources(&self) -> Vec<Vec<Match>> {
        match self.source.as_ref().filter(|ports| **ports != PortSet::full()) {
            None => vec![Vec::new()],
            Some(ports) => {
                let chunks = ports::chunks(ports).into_iter();
                chunks.map(|ranges| vec![Match::SourcePorts(ranges)]).collect()
            }
        }
    }
}

impl LookUp {
    fn written(&self, sets: &mut Sets<'_>, direction: Direction) -> Option<Match> {
        Some(match self {
            Self::Pods { seat, pods, extent, is_in } => {
                let side = match seat {
                    Seat::Peer => direction,
                    Seat::Subject => direction.opposite(),
                };
                sets.pods_of(*pods, *extent, side, *is_in)
            }
            Self::Ports { asked, names, end, is_in } => {
                let set = sets.named(*asked, names)?;
                match (end, is_in) {
                    (End::Source, true) => Match::SourcePortIn(set),
                    (End::Source, false) => Match::SourcePortNotIn(set),
                    (End::Destination, true) => Match::DestinationPortIn(set),
                    (End::Destination, false) => Match::DestinationPortNotIn(set),
                }
            }
        })
    }
}

/// As tools list it.
fn written_message(message: IcmpMessage, line: &Line) -> Match {
    match (message, line.protocol) {
        (IcmpMessage { kind, code: None, is_other: false }, Some(L4::Icmpv6)) => {
            Match::Icmpv6Type(kind)
        }
        _ => Match::Icmp(message),
    }
}

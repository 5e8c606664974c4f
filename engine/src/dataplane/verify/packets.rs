//! Sets of packets of new connections, by all that rules may ask of them besides addresses: ports of
//! both ends, protocols, and messages of ICMP.

use super::super::program::{IcmpMessage, L4};
use crate::net::{ConnSet, IntervalSet, PortSet, Protocol};

/// A set of packets.
///
/// # Shape
/// INVARIANT: equal sets are equal values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packets {
    /// Destination ports of packets from source port 0 on, without those of other protocols.
    first: ConnSet,
    /// The same from further source ports on, ascending; none is that of the port before.
    further: Vec<(u16, ConnSet)>,
    /// Packets of other protocols.
    portless: Portless,
}

/// Packets without ports: the number of the protocol, then type and code, which all have alike but
/// those of ICMP. What would be of protocols with ports is no packet, and in no rule.
type Portless = IntervalSet<u32>;

/// What two sets have together, in one sense or another.
type Join<S> = fn(&S, &S) -> S;

/// Every port, also the one that nobody listens at.
pub fn every_port() -> PortSet {
    PortSet::full()
}

impl Default for Packets {
    fn default() -> Self {
        Self::none()
    }
}

impl Packets {
    /// No packet.
    pub fn none() -> Self {
        Self { first: ConnSet::none(), further: Vec::new(), portless: Portless::empty() }
    }

    /// Every packet.
    pub fn all() -> Self {
        Self { portless: Portless::range(0, 0x00ff_ffff), ..Self::every_port() }
    }

    /// Those of protocols that have ports.
    fn every_port() -> Self {
        let mut first = ConnSet::none();
        Protocol::ALL.into_iter().for_each(|protocol| first.add(protocol, &every_port()));
        Self { first, ..Self::none() }
    }

    /// Those of protocols without ports.
    pub fn portless() -> Self {
        Self { first: ConnSet::none(), ..Self::all() }
    }

    /// Those to some ports of a protocol.
    pub fn of(protocol: Protocol, ports: PortSet) -> Self {
        Self { first: ConnSet::of(protocol, ports), ..Self::none() }
    }

    /// Those to some ports.
    pub fn to(ports: &ConnSet) -> Self {
        let mut first = ConnSet::none();
        Protocol::ALL.into_iter().for_each(|protocol| first.add(protocol, ports.ports(protocol)));
        Self { first, ..Self::none() }
    }

    /// Those from some ports of a protocol.
    pub fn from(protocol: Protocol, ports: &PortSet) -> Self {
        let all = || ConnSet::of(protocol, every_port());
        let mut edges: Vec<(u16, ConnSet)> = Vec::new();
        for &(first, last) in ports.ranges() {
            edges.push((first, all()));
            edges.extend(last.checked_add(1).map(|after| (after, ConnSet::none())));
        }
        let mut set = Self::none();
        for (at, ports) in edges {
            match at {
                0 => set.first = ports,
                _ => set.further.push((at, ports)),
            }
        }
        set
    }

    /// Those from some ports, each of its protocol.
    pub fn from_ports(ports: &ConnSet) -> Self {
        let each = Protocol::ALL.map(|protocol| Self::from(protocol, ports.ports(protocol)));
        each.into_iter().fold(Self::none(), |all, one| all.union(&one))
    }

    /// Those of a protocol.
    pub fn of_protocol(protocol: L4) -> Self {
        match protocol {
            L4::Ports(own) => Self::of(own, every_port()),
            other => {
                let first = u32::from(other.number()) << 16;
                Self { portless: Portless::range(first, first | 0xffff), ..Self::none() }
            }
        }
    }

    /// Messages of a protocol that is an ICMP.
    pub fn of_message(icmp: L4, message: IcmpMessage) -> Self {
        let first = (u32::from(icmp.number()) << 16) | (u32::from(message.kind) << 8);
        let (first, last) = match message.code {
            Some(code) => (first | u32::from(code), first | u32::from(code)),
            None => (first, first | 0xff),
        };
        let own = Self { portless: Portless::range(first, last), ..Self::none() };
        if message.is_other { Self::of_protocol(icmp).difference(&own) } else { own }
    }

    /// Adds those to some ports of a protocol.
    pub fn add(&mut self, protocol: Protocol, ports: &PortSet) {
        *self = self.union(&Self::of(protocol, ports.clone()));
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.portless.is_empty() && self.further.is_empty() && self.first.is_empty()
    }

    /// Those in either.
    pub fn union(&self, other: &Self) -> Self {
        self.zip(other, (ConnSet::union, Portless::union))
    }

    /// Those in both.
    pub fn intersection(&self, other: &Self) -> Self {
        self.zip(other, (ConnSet::intersection, Portless::intersection))
    }

    /// Those that are not in another set.
    pub fn difference(&self, other: &Self) -> Self {
        self.zip(other, (ConnSet::difference, Portless::difference))
    }

    /// All others.
    pub fn others(&self) -> Self {
        Self::all().difference(self)
    }

    fn zip(&self, other: &Self, (ports, portless): (Join<ConnSet>, Join<Portless>)) -> Self {
        let first = ports(&self.first, &other.first);
        let mut further: Vec<(u16, ConnSet)> = Vec::new();
        if !self.further.is_empty() || !other.further.is_empty() {
            let starts = self.further.iter().chain(&other.further).map(|(at, _)| *at);
            let mut starts: Vec<u16> = starts.collect();
            starts.sort_unstable();
            starts.dedup();
            for at in starts {
                let here = ports(self.at_source(at), other.at_source(at));
                if further.last().map_or(&first, |(_, before)| before) != &here {
                    further.push((at, here));
                }
            }
        }
        Self { first, further, portless: portless(&self.portless, &other.portless) }
    }

    /// Destination ports of those from a port.
    fn at_source(&self, port: u16) -> &ConnSet {
        let after = self.further.partition_point(|(at, _)| *at <= port);
        let known = after.checked_sub(1).and_then(|at| self.further.get(at));
        known.map_or(&self.first, |(_, ports)| ports)
    }

    /// One of them: its protocol, none for those without ports, and its destination port.
    pub fn example(&self) -> Option<(Option<Protocol>, u16)> {
        let all = std::iter::once(&self.first).chain(self.further.iter().map(|(_, ports)| ports));
        let ported = { all }.find_map(|ports| {
            let of = |protocol| Some((protocol, ports.ports(protocol).ranges().first()?.0));
            Protocol::ALL.into_iter().find_map(of)
        });
        let portless = || (!self.portless.is_empty()).then_some((None, 0));
        ported.map(|(protocol, port)| (Some(protocol), port)).or_else(portless)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(first: u16, last: u16) -> Packets {
        Packets::of(Protocol::Tcp, PortSet::range(first, last))
    }

    #[test]
    fn both_ends_ports_are_told_apart() {
        let from = |first, last| Packets::from(Protocol::Tcp, &PortSet::range(first, last));
        let both = tcp(80, 80).intersection(&from(0, 99));
        assert!(!both.is_empty() && both != tcp(80, 80));
        assert_eq!(both.union(&tcp(80, 80).intersection(&from(100, 65535))), tcp(80, 80));
        assert_eq!(both.difference(&from(0, 65535)), Packets::none());
        assert_eq!(from(5, 9).others().others(), from(5, 9));
        assert_eq!(from(0, 65535), Packets::of_protocol(L4::Ports(Protocol::Tcp)));
        assert_eq!(from(5, 9).example(), Some((Some(Protocol::Tcp), 0)));
    }

    #[test]
    fn messages_are_of_their_protocol() {
        let icmp = L4::of_number(1);
        let of =
            |kind, code, is_other| Packets::of_message(icmp, IcmpMessage { kind, code, is_other });
        let all = Packets::of_protocol(icmp);
        assert_eq!(of(8, None, false).union(&of(8, None, true)), all);
        assert_eq!(of(8, Some(0), false).difference(&of(8, None, false)), Packets::none());
        assert_eq!(all.others().intersection(&all), Packets::none());
        assert_eq!(all.intersection(&Packets::portless()), all);
        assert_eq!(all.example(), Some((None, 0)));
    }
}

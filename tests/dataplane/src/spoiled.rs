//! Conditions of a kind that only Calico's policies ask for, with something wrong.

use ipnet::Ipv4Net;
use portcullis_engine::dataplane::{IcmpMessage, L4, Match};
use portcullis_engine::net::{Cidr, Protocol};

/// Ways to spoil them.
pub const WAYS: [&str; 9] = [
    "protocol inverted",
    "number changed",
    "source port moved",
    "port set inverted",
    "ends exchanged",
    "message changed",
    "message inverted",
    "original port moved",
    "original block widened",
];

/// The condition with something of this kind wrong; none if this cannot be.
pub fn spoiled(one: &Match, kind: &str) -> Option<Match> {
    Some(match (kind, one) {
        ("protocol inverted", Match::OtherProtocol(protocol)) => Match::Protocol(*protocol),
        ("number changed", Match::Protocol(L4::Other(number))) => {
            Match::Protocol(L4::of_number(number ^ 1))
        }
        ("number changed", Match::OtherProtocol(protocol)) => {
            let is_tcp = *protocol == L4::Ports(Protocol::Tcp);
            let other = if is_tcp { Protocol::Udp } else { Protocol::Tcp };
            Match::OtherProtocol(L4::Ports(other))
        }
        ("source port moved", Match::SourcePorts(ranges)) => {
            let mut ranges = ranges.clone();
            let last = ranges.last_mut()?;
            last.1 = last.1.checked_add(1)?;
            Match::SourcePorts(ranges)
        }
        ("port set inverted", Match::DestinationPortIn(set)) => {
            Match::DestinationPortNotIn(set.clone())
        }
        ("port set inverted", Match::DestinationPortNotIn(set)) => {
            Match::DestinationPortIn(set.clone())
        }
        ("port set inverted", Match::SourcePortIn(set)) => Match::SourcePortNotIn(set.clone()),
        ("port set inverted", Match::SourcePortNotIn(set)) => Match::SourcePortIn(set.clone()),
        ("ends exchanged", Match::SourcePorts(ranges)) => Match::DestinationPorts(ranges.clone()),
        ("ends exchanged", Match::SourcePortIn(set)) => Match::DestinationPortIn(set.clone()),
        ("ends exchanged", Match::SourceNotIn(set)) => Match::DestinationNotIn(set.clone()),
        ("ends exchanged", Match::DestinationNotIn(set)) => Match::SourceNotIn(set.clone()),
        ("message changed", Match::Icmp(message)) => {
            Match::Icmp(IcmpMessage { kind: message.kind ^ 1, ..*message })
        }
        ("message inverted", Match::Icmp(message)) => {
            Match::Icmp(IcmpMessage { is_other: !message.is_other, ..*message })
        }
        ("original port moved", Match::OriginalPorts(first, last)) => {
            Match::OriginalPorts(*first, last.checked_add(1)?)
        }
        ("original block widened", Match::OriginalDestination(Cidr::V4(net))) => {
            let prefix = net.prefix_len().checked_sub(1)?;
            Match::OriginalDestination(Cidr::V4(Ipv4Net::new(net.addr(), prefix).ok()?.trunc()))
        }
        _ => return None,
    })
}

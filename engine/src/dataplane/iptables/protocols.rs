//! Names of protocols, as tools take and list them.

use super::super::program::L4;
use crate::net::Protocol;

/// Names that tools list in place of numbers: those that they know themselves, and those that
/// machines have in `/etc/protocols`. A machine without that file lists the numbers.
const NAMES: [(&str, u8); 37] = [
    ("icmp", 1),
    ("igmp", 2),
    ("ggp", 3),
    ("ipencap", 4),
    ("st", 5),
    ("egp", 8),
    ("igp", 9),
    ("pup", 12),
    ("hmp", 20),
    ("xns-idp", 22),
    ("rdp", 27),
    ("iso-tp4", 29),
    ("dccp", 33),
    ("xtp", 36),
    ("ddp", 37),
    ("idpr-cmtp", 38),
    ("ipv6", 41),
    ("idrp", 45),
    ("rsvp", 46),
    ("gre", 47),
    ("esp", 50),
    ("ah", 51),
    ("skip", 57),
    ("ipv6-icmp", 58),
    ("icmpv6", 58),
    ("rspf", 73),
    ("vmtp", 81),
    ("eigrp", 88),
    ("ospf", 89),
    ("ipip", 94),
    ("etherip", 97),
    ("pim", 103),
    ("vrrp", 112),
    ("l2tp", 115),
    ("mobility-header", 135),
    ("udplite", 136),
    ("mpls-in-ip", 137),
];

/// How rules write a protocol: only those by name that every tool knows by itself.
pub fn name(protocol: L4) -> String {
    match protocol {
        L4::Ports(Protocol::Tcp) => "tcp".into(),
        L4::Ports(Protocol::Udp) => "udp".into(),
        L4::Ports(Protocol::Sctp) => "sctp".into(),
        L4::Icmpv6 => "ipv6-icmp".into(),
        L4::Other(1) => "icmp".into(),
        L4::Other(number) => number.to_string(),
    }
}

/// A rule as it is listed, with protocols as rules write them.
pub fn as_written(rule: &str) -> String {
    let (mut words, mut is_next) = (Vec::new(), false);
    for word in rule.split(' ') {
        let protocol = read(word).filter(|_| is_next);
        words.push(protocol.map_or_else(|| word.to_owned(), name));
        is_next = word == "-p";
    }
    words.join(" ")
}

/// The protocol that a tool lists so.
pub fn read(text: &str) -> Option<L4> {
    let mut ported = Protocol::ALL.map(L4::Ports).into_iter();
    let ported = ported.find(|one| name(*one) == text);
    let named = || NAMES.iter().find(|(name, _)| *name == text).map(|(_, number)| *number);
    ported.or_else(|| named().or_else(|| text.parse().ok()).map(L4::of_number))
}

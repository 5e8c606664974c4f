//! From the ports of a rule to conditions.

use std::cell::OnceCell;
use std::sync::Arc;

use super::super::program::{L4, Match, PORT_SETS, SetName};
use crate::cluster::Group;
use crate::manifest::{Direction, PortEntry, PortMatch};
use crate::net::{PortSet, Protocol};

/// The most numbers that one condition holds, a range counting as two.
const MOST_NUMBERS: usize = 15;

/// So many conditions are as good as a set, for one peer.
const FEW: usize = 16;

/// A range of more ports is never put into a set, where each would be a member: few such ranges
/// fit into all ports.
const WIDE: u16 = 4096;

/// A part of what a rule's ports say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortPart {
    /// Conditions; none: everything.
    Matches(Vec<Match>),
    /// Ports that are looked up in a set.
    Numbers(Numbers),
    /// Ports that the destination pods call so.
    Named(Vec<(Protocol, Arc<str>)>),
}

/// Ports that are looked up in a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// Of this protocol.
    pub protocol: Protocol,
    /// The ports.
    pub ports: PortSet,
    /// The set, once a rule has asked for it: naming it costs as much as it has ports.
    pub set: OnceCell<SetName>,
}

/// For whom the ports of a rule are read.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'g> {
    /// The direction.
    pub direction: Direction,
    /// The subject's group, if it is a pod.
    pub subject: Option<&'g Group>,
    /// How many peers the rule names: each of them comes with each part.
    pub peers: usize,
}

/// The parts that together are what a rule's ports say.
///
/// # Shape
/// Few, where there are many peers: a rule costs the sum of both, not their product.
///
/// # Source
/// NetworkPolicy §9: names are the destination's, which is the subject for ingress.
pub fn parts(entries: &[PortEntry], asking: Asking<'_>) -> Vec<PortPart> {
    if entries.is_empty() {
        return vec![PortPart::Matches(Vec::new())];
    }
    let mut parts = Vec::new();
    let mut named = Vec::new();
    for protocol in Protocol::ALL {
        let mut own = entries.iter().filter(|entry| entry.protocol == protocol).peekable();
        if own.peek().is_none() {
            continue;
        }
        let own: Vec<&PortMatch> = own.map(|entry| &entry.ports).collect();
        if own.contains(&&PortMatch::Any) {
            parts.push(PortPart::Matches(vec![Match::Protocol(L4::Ports(protocol))]));
            continue;
        }
        parts.extend(of_protocol(protocol, &numbers(&own, protocol, asking), asking.peers));
        if asking.direction == Direction::Egress {
            named.extend(names(&own).map(|name| (protocol, name.clone())));
        }
    }
    named.sort_unstable();
    named.dedup();
    if !named.is_empty() {
        parts.push(PortPart::Named(named));
    }
    parts
}

fn names<'p>(ports: &[&'p PortMatch]) -> impl Iterator<Item = &'p Arc<str>> {
    ports.iter().filter_map(|port| match port {
        PortMatch::Named(name) => Some(name),
        PortMatch::Any | PortMatch::Range(..) => None,
    })
}

fn numbers(ports: &[&PortMatch], protocol: Protocol, asking: Asking<'_>) -> PortSet {
    let ranges = ports.iter().filter_map(|port| match port {
        PortMatch::Range(first, last) => Some((*first, *last)),
        PortMatch::Any | PortMatch::Named(_) => None,
    });
    let written = PortSet::from_ranges(ranges);
    if asking.direction == Direction::Egress {
        return written;
    }
    let own = asking.subject.into_iter();
    let own = own.flat_map(|group| names(ports).map(|name| group.named_ports(name, protocol)));
    own.fold(written, |all, one| all.union(&one))
}

/// How many conditions a protocol's ports are, and the ports of the set among them, if there is one.
pub fn conditions(protocol: Protocol, ports: &PortSet, peers: usize) -> (usize, Option<PortSet>) {
    let parts = of_protocol(protocol, ports, peers);
    let count = parts.len();
    let set = parts.into_iter().find_map(|part| match part {
        PortPart::Numbers(numbers) => Some(numbers.ports),
        PortPart::Matches(_) | PortPart::Named(_) => None,
    });
    (count, set)
}

/// The parts of a protocol's ports: conditions, or a set where these would be many for many peers.
pub fn of_protocol(protocol: Protocol, ports: &PortSet, peers: usize) -> Vec<PortPart> {
    let lines = ranges(protocol, ports);
    let few = lines.len() <= FEW && lines.len() * peers <= lines.len() + peers;
    if few || !PORT_SETS.contains(&protocol) {
        return lines;
    }
    let (wide, narrow): (Vec<_>, Vec<_>) =
        ports.ranges().iter().partition(|(first, last)| last - first >= WIDE);
    let narrow = PortSet::from_ranges(narrow);
    let mut parts = ranges(protocol, &PortSet::from_ranges(wide));
    if !narrow.is_empty() {
        let set = OnceCell::new();
        parts.push(PortPart::Numbers(Numbers { protocol, ports: narrow, set }));
    }
    parts
}

fn ranges(protocol: Protocol, ports: &PortSet) -> Vec<PortPart> {
    let part = |ranges| {
        let protocol = Match::Protocol(L4::Ports(protocol));
        PortPart::Matches(vec![protocol, Match::DestinationPorts(ranges)])
    };
    chunks(ports).into_iter().map(part).collect()
}

/// Ranges of ports, as many together as one condition holds.
pub fn chunks(ports: &PortSet) -> Vec<Vec<(u16, u16)>> {
    let mut parts: Vec<Vec<(u16, u16)>> = Vec::new();
    let mut room = 0;
    for &(first, last) in ports.ranges() {
        let numbers = if first == last { 1 } else { 2 };
        match parts.last_mut() {
            Some(part) if numbers <= room => part.push((first, last)),
            _ => {
                parts.push(vec![(first, last)]);
                room = MOST_NUMBERS;
            }
        }
        room -= numbers;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_holds_fifteen_numbers() {
        let ports = PortSet::from_ranges((0..20u16).map(|i| (i * 10 + 1, i * 10 + 1 + i % 2)));
        let parts = ranges(Protocol::Tcp, &ports);
        let sizes = parts.iter().map(|part| match part {
            PortPart::Matches(matches) => match &matches[1] {
                Match::DestinationPorts(ranges) => {
                    ranges.iter().map(|(a, b)| if a == b { 1 } else { 2 }).sum::<usize>()
                }
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        });
        let sizes: Vec<usize> = sizes.collect();
        assert_eq!(sizes, [15, 15]);
    }
}

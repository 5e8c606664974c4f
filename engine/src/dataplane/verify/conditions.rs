//! What rules with conditions are about, read from the policies alone: peers and packets of which
//! all conditions hold.
//!
//! # Source
//! Calico §5, §10.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::super::expressible::{Seen, is_expressible};
use super::super::program::{IcmpMessage, L4};
use super::named::{packets_at, without};
use super::packets::Packets;
use super::policies::{Policies, Selected};
use super::space::{self, Asked, Extent, Space, everywhere};
use crate::manifest::calico::{CalicoProtocol, IcmpMatch};
use crate::manifest::{Direction, PortEntry, PortMatch};
use crate::net::{ConnSet, Family, Protocol};
use crate::policy::{BlockPair, Condition, PacketMatch, PolicyRule, Seat, SetId};
use crate::selector::Match;

/// Peers, and packets between them and the subject.
type Part = (Arc<Asked>, Packets);
/// Addresses by the ports that pods there call so.
pub type Named = BTreeMap<(Protocol, u16), Vec<IpAddr>>;

/// Ports of an end.
pub struct Ports<'c> {
    /// Whether it is the source.
    pub of_source: bool,
    /// Whether it is the subject, whose own names are known.
    pub of_subject: bool,
    /// Whether the port must be none of these.
    pub negated: bool,
    /// Ports by number.
    pub numbers: &'c ConnSet,
    /// Ports by name.
    pub names: &'c [PortEntry],
    /// The pods whose names they are; none: of any pod.
    pub of: Option<SetId>,
}

impl Policies<'_> {
    /// Whether a condition holds of the subject, as far as it asks who that is; of ports by name,
    /// whether its names count.
    pub(super) fn answer(&self, condition: &Condition, subject: Selected<'_>) -> Option<Match> {
        let pods = |id: SetId| {
            self.policies.set(id).map_or(Match::Unknown, |pods| pods.matches(subject.id))
        };
        let counts = |of: &Option<SetId>| of.map_or(Match::Yes, pods);
        match condition {
            Condition::Items { seat: Seat::Subject, negated, pods: id, sets } => {
                let found = pods(*id).max(self.is_at(subject, *sets));
                Some(if *negated { !found } else { found })
            }
            Condition::Net { seat: Seat::Subject, block } => {
                Some(Match::from(self.block(*block).contains(subject.address)))
            }
            Condition::Ports { names, of, .. }
                if subject.direction == Direction::Ingress && !names.is_empty() =>
            {
                Some(counts(of))
            }
            Condition::SourcePorts { names, of, seat: Seat::Subject, .. } if !names.is_empty() => {
                Some(counts(of))
            }
            _ => None,
        }
    }

    fn is_at(&self, subject: Selected<'_>, sets: BlockPair) -> Match {
        if self.block(sets.certain).contains(subject.address) {
            return Match::Yes;
        }
        let is_possible = self.block(sets.possible).contains(subject.address);
        if is_possible { Match::Unknown } else { Match::No }
    }

    /// What a rule is about: for certain, or what it may be about.
    pub(super) fn conditional(
        &mut self,
        rule: &PolicyRule,
        subject: Selected<'_>,
        extent: Extent,
    ) -> Vec<Part> {
        let mut parts = vec![(Asked::fixed(everywhere(self.family)), Packets::all())];
        for condition in &rule.conditions {
            if is_expressible(self.policies, (rule, subject.direction, Seen::Pod), condition) {
                parts = self.narrowed(parts, condition, (subject, extent));
            } else if extent == Extent::Certain {
                return Vec::new();
            }
        }
        parts.retain(|(_, packets)| !packets.is_empty());
        parts
    }

    fn narrowed(
        &mut self,
        parts: Vec<Part>,
        condition: &Condition,
        (subject, extent): (Selected<'_>, Extent),
    ) -> Vec<Part> {
        let holds = |answer: Option<Match>| match extent {
            Extent::Certain => answer == Some(Match::Yes),
            Extent::Possible => answer != Some(Match::No),
        };
        match condition {
            Condition::Items { seat: Seat::Subject, .. }
            | Condition::Net { seat: Seat::Subject, .. } => {
                let answer = self.answer(condition, subject);
                if holds(answer) { parts } else { Vec::new() }
            }
            Condition::Items { negated: false, pods, sets, .. } => {
                let block = Asked::fixed(self.block(of_extent(*sets, extent)));
                let pods = self.set(*pods, extent);
                at_any(&parts, &[pods, block])
            }
            Condition::Items { negated: true, pods, sets, .. } => {
                let opposite = opposite(extent);
                let pods = self.set(*pods, opposite);
                let block = self.block(of_extent(*sets, opposite));
                let all = everywhere(self.family);
                let others = Asked::derived(all.difference(pods.space()), &[&*pods]);
                let outside = Asked::fixed(all.difference(&block));
                at_any(&at_any(&parts, &[others]), &[outside])
            }
            Condition::Net { block, .. } => at_any(&parts, &[Asked::fixed(self.block(*block))]),
            Condition::Flows { packets, flows, family, .. } => {
                let is_own = family.is_none_or(|(own, _)| own == self.family);
                let packets = match packets {
                    PacketMatch::OfFlows => Packets::to(&flows.possible),
                    PacketMatch::Protocol(own, negated) => of_protocol(*own, *negated, is_own),
                    PacketMatch::Icmp(icmp, negated) => {
                        let these = self.messages(*icmp);
                        if *negated { these.others() } else { these }
                    }
                };
                of_packets(parts, &packets)
            }
            Condition::Ports { negated, numbers, names, of } => {
                let of_subject = subject.direction == Direction::Ingress;
                let (of_source, negated, of) = (false, *negated, *of);
                let ports = Ports { of_source, of_subject, negated, numbers, names, of };
                let counts = self.answer(condition, subject);
                self.at_ports(&parts, &ports, (subject, extent, counts))
            }
            Condition::SourcePorts { negated, numbers, names, of, seat } => {
                let (of_source, negated, of) = (true, *negated, *of);
                let of_subject = *seat == Seat::Subject;
                let ports = Ports { of_source, of_subject, negated, numbers, names, of };
                let counts = self.answer(condition, subject);
                self.at_ports(&parts, &ports, (subject, extent, counts))
            }
            Condition::Service { pods, numbers, names } => {
                let behind = self.set(*pods, extent);
                let parts = at_any(&parts, &[behind]);
                let (of_source, of_subject, negated) = (false, false, false);
                let of = Some(*pods);
                let ports = Ports { of_source, of_subject, negated, numbers, names, of };
                self.at_ports(&parts, &ports, (subject, extent, None))
            }
            Condition::Open(_) => Vec::new(),
        }
    }

    /// Messages of the family's ICMP.
    pub(super) fn messages(&self, icmp: IcmpMatch) -> Packets {
        let (kind, is_other) = (icmp.kind.unwrap_or_default(), false);
        let message = IcmpMessage { kind, code: icmp.code, is_other };
        Packets::of_message(L4::icmp(self.family), message)
    }

    /// The parts at ports, or at none of them.
    fn at_ports(
        &self,
        parts: &[Part],
        ports: &Ports<'_>,
        (subject, extent, counts): (Selected<'_>, Extent, Option<Match>),
    ) -> Vec<Part> {
        let extent = if ports.negated { opposite(extent) } else { extent };
        let mut numbers = ports.numbers.clone();
        let count = match extent {
            Extent::Certain => counts == Some(Match::Yes),
            Extent::Possible => counts != Some(Match::No),
        };
        if ports.of_subject && count {
            for (protocol, name) in names(ports.names) {
                numbers.add(protocol, &subject.group.named_ports(name, protocol));
            }
        }
        let these = match ports.of_source {
            true => Packets::from_ports(&numbers),
            false => Packets::to(&numbers),
        };
        let named = if ports.of_subject { Named::new() } else { self.named_of(ports, extent) };
        let named = named.into_iter().map(|(port, addresses)| {
            (port, space::of_addresses(addresses.into_iter(), self.family))
        });
        let named: Vec<((Protocol, u16), Space)> = named.collect();
        let pick = |to: Packets, from: Packets| if ports.of_source { from } else { to };
        if !ports.negated {
            let mut all = of_packets(parts.to_vec(), &these);
            for (port, space) in named {
                let (to, from) = packets_at(port);
                let here = at_any(parts, &[Asked::dependent(space)]);
                all.extend(of_packets(here, &pick(to, from)));
            }
            return all;
        }
        let parts = of_packets(parts.to_vec(), &these.others());
        if ports.of_subject || ports.names.is_empty() {
            return parts;
        }
        let pieces = without(named.iter().map(|(port, space)| (*port, space)), self.family);
        let pieces = pieces.flat_map(|(addresses, to, from)| {
            of_packets(at_any(&parts, &[addresses]), &pick(to, from))
        });
        pieces.collect()
    }

    /// Where pods call ports so, as far as their names count.
    pub(super) fn named_of(&self, ports: &Ports<'_>, extent: Extent) -> Named {
        let mut named = Named::new();
        if ports.names.is_empty() {
            return named;
        }
        for (id, group) in self.places.groups() {
            let of = |of| self.policies.set(of).map_or(Match::Unknown, |pods| pods.matches(id));
            let counts = ports.of.map_or(Match::Yes, of);
            if counts == Match::No || (counts == Match::Unknown && extent == Extent::Certain) {
                continue;
            }
            for port in group.ports.iter() {
                let mut asked = names(ports.names);
                if asked.any(|(protocol, name)| port.protocol == protocol && *port.name == **name) {
                    let known = named.entry((port.protocol, port.port)).or_default();
                    known.extend(self.places.of(id, self.family));
                }
            }
        }
        named
    }
}

fn names(entries: &[PortEntry]) -> impl Iterator<Item = (Protocol, &Arc<str>)> {
    entries.iter().filter_map(|entry| match &entry.ports {
        PortMatch::Named(name) => Some((entry.protocol, name)),
        PortMatch::Any | PortMatch::Range(..) => None,
    })
}

pub fn opposite(extent: Extent) -> Extent {
    match extent {
        Extent::Certain => Extent::Possible,
        Extent::Possible => Extent::Certain,
    }
}

pub fn of_extent(pair: BlockPair, extent: Extent) -> crate::policy::BlockId {
    match extent {
        Extent::Certain => pair.certain,
        Extent::Possible => pair.possible,
    }
}

/// Packets of a protocol, or others; `is_own`: whether the family has it.
pub fn of_protocol(protocol: CalicoProtocol, negated: bool, is_own: bool) -> Packets {
    let these = match protocol {
        _ if !is_own => Packets::none(),
        CalicoProtocol::Ported(own) => Packets::of_protocol(L4::Ports(own)),
        CalicoProtocol::Icmp => Packets::of_protocol(L4::icmp(Family::IPv4)),
        CalicoProtocol::IcmpV6 => Packets::of_protocol(L4::icmp(Family::IPv6)),
        CalicoProtocol::UdpLite => Packets::of_protocol(L4::of_number(136)),
        CalicoProtocol::Number(number) => Packets::of_protocol(L4::of_number(number)),
    };
    if negated { these.others() } else { these }
}

fn of_packets(parts: Vec<Part>, packets: &Packets) -> Vec<Part> {
    let within = |(peers, own): Part| (peers, own.intersection(packets));
    let within = parts.into_iter().map(within);
    within.filter(|(_, packets)| !packets.is_empty()).collect()
}

/// The parts as far as peers are in one of some places.
fn at_any(parts: &[Part], places: &[Arc<Asked>]) -> Vec<Part> {
    let at = |(peers, packets): &Part, place| (both(peers, place), packets.clone());
    parts.iter().flat_map(|part| places.iter().map(move |place| at(part, place))).collect()
}

/// What both have, by where it comes from if one of them has all.
fn both(one: &Arc<Asked>, other: &Arc<Asked>) -> Arc<Asked> {
    let is_all = |asked: &Asked| {
        let all = [Family::IPv4, Family::IPv6].map(everywhere);
        asked.origin == space::Origin::Fixed && all.contains(asked.space())
    };
    match (is_all(one), is_all(other)) {
        (true, _) => other.clone(),
        (_, true) => one.clone(),
        _ => Asked::derived(one.space().intersection(other.space()), &[&**one, &**other]),
    }
}

//! What rules are about at a host, read from the policies alone: there a packet says who both ends
//! are, and a connection where it was sent to at first.
//!
//! # Source
//! Calico §5, §7, §10.

use std::sync::Arc;

use super::super::conditions::{Named, Ports, of_extent, of_protocol, opposite};
use super::super::named::{packets_at, without};
use super::super::packets::Packets;
use super::super::policies::Policies;
use super::super::reader::Product;
use super::super::space::{self, Asked, Extent, everywhere};
use crate::dataplane::expressible::{Seen, is_expressible};
use crate::dataplane::program::L4;
use crate::manifest::Direction;
use crate::net::{ConnSet, PortSet, Protocol};
use crate::policy::{Condition, PacketMatch, PolicyRule, Seat};

/// How a rule is read.
#[derive(Clone, Copy)]
pub struct Reading {
    /// Of what comes in, or of what goes out.
    pub direction: Direction,
    /// What is seen of the end whose policies are asked.
    pub seen: Seen,
    /// How much of what the rule is about.
    pub extent: Extent,
}

impl Policies<'_> {
    /// What a rule is about, in parts: all packets of any of them.
    pub fn products(&mut self, rule: &PolicyRule, reading: Reading) -> Vec<Product> {
        let mut parts = vec![Product::default()];
        for condition in &rule.conditions {
            let asked = (rule, reading.direction, reading.seen);
            if is_expressible(self.policies, asked, condition) {
                let narrower = self.condition(condition, reading);
                parts = parts
                    .iter()
                    .flat_map(|part| narrower.iter().map(move |other| both(part, other)))
                    .filter(|part| part.conns.as_ref().is_none_or(|conns| !conns.is_empty()))
                    .collect();
            } else if reading.extent == Extent::Certain {
                return Vec::new();
            }
        }
        parts
    }

    fn condition(&mut self, condition: &Condition, reading: Reading) -> Vec<Product> {
        let Reading { extent, .. } = reading;
        match condition {
            Condition::Items { seat, negated: false, pods, sets } => {
                let block = Asked::fixed(self.block(of_extent(*sets, extent)));
                let pods = self.set(*pods, extent);
                vec![reading.at(*seat, pods), reading.at(*seat, block)]
            }
            Condition::Items { seat, negated: true, pods, sets } => {
                let pods = self.set(*pods, opposite(extent));
                let block = self.block(of_extent(*sets, opposite(extent)));
                let others = everywhere(self.family).difference(pods.space()).difference(&block);
                vec![reading.at(*seat, Asked::dependent(others))]
            }
            Condition::Net { seat, block } => {
                vec![reading.at(*seat, Asked::fixed(self.block(*block)))]
            }
            Condition::Flows { packets, flows, family, .. } => match packets {
                PacketMatch::OfFlows => reading.to_ports(&flows.possible, false),
                PacketMatch::Protocol(own, negated) => {
                    let is_own = family.is_none_or(|(own, _)| own == self.family);
                    vec![of(of_protocol(*own, *negated, is_own))]
                }
                PacketMatch::Icmp(icmp, negated) => {
                    let these = self.messages(*icmp);
                    vec![of(if *negated { these.others() } else { these })]
                }
            },
            Condition::Ports { negated, numbers, names, of }
            | Condition::SourcePorts { negated, numbers, names, of, .. } => {
                let of_source = matches!(condition, Condition::SourcePorts { .. });
                let (of_subject, negated, of) = (false, *negated, *of);
                let ports = Ports { of_source, of_subject, negated, numbers, names, of };
                self.at_ports_of(&ports, reading)
            }
            Condition::Service { pods, numbers, names } => {
                let behind = reading.at(Seat::Peer, self.set(*pods, extent));
                let ports = Ports {
                    of_source: false,
                    of_subject: false,
                    negated: false,
                    numbers,
                    names,
                    of: Some(*pods),
                };
                let at = self.at_ports_of(&ports, reading);
                at.iter().map(|ports| both(&behind, ports)).collect()
            }
            Condition::Open(_) => Vec::new(),
        }
    }

    fn at_ports_of(&self, ports: &Ports<'_>, reading: Reading) -> Vec<Product> {
        let extent = if ports.negated { opposite(reading.extent) } else { reading.extent };
        let by_number = match ports.of_source {
            true => {
                let these = Packets::from_ports(ports.numbers);
                vec![of(if ports.negated { these.others() } else { these })]
            }
            false => reading.to_ports(ports.numbers, ports.negated),
        };
        if ports.names.is_empty() {
            return by_number;
        }
        let named: Named = self.named_of(ports, extent);
        let named = named.into_iter().map(|(port, addresses)| {
            (port, space::of_addresses(addresses.into_iter(), self.family))
        });
        let named: Vec<_> = named.collect();
        let at = |addresses: Arc<Asked>, to: Packets, from: Packets| match ports.of_source {
            true => Product { source: Some(addresses), conns: Some(from), ..Product::default() },
            false => {
                Product { destination: Some(addresses), conns: Some(to), ..Product::default() }
            }
        };
        if !ports.negated {
            let by_name = named.into_iter().map(|(port, space)| {
                let (to, from) = packets_at(port);
                at(Asked::dependent(space), to, from)
            });
            return by_number.into_iter().chain(by_name).collect();
        }
        let pieces: Vec<Product> =
            without(named.iter().map(|(port, space)| (*port, space)), self.family)
                .map(|(addresses, to, from)| at(addresses, to, from))
                .collect();
        let within =
            |one: &Product| pieces.iter().map(|piece| both(one, piece)).collect::<Vec<_>>();
        by_number.iter().flat_map(within).collect()
    }
}

impl Reading {
    /// Packets of which an end is in a place.
    fn at(self, seat: Seat, place: Arc<Asked>) -> Product {
        let place = Some(place);
        let mut product = Product::default();
        match (seat, self.direction) {
            (Seat::Subject, Direction::Ingress) if self.seen == Seen::Original => {
                product.original = place;
            }
            (Seat::Peer, Direction::Ingress) | (Seat::Subject, Direction::Egress) => {
                product.source = place;
            }
            (Seat::Peer, Direction::Egress) | (Seat::Subject, Direction::Ingress) => {
                product.destination = place;
            }
        }
        product
    }

    /// Packets to ports, or to none of them.
    fn to_ports(self, ports: &ConnSet, negated: bool) -> Vec<Product> {
        if self.seen != Seen::Original {
            let these = Packets::to(ports);
            return vec![of(if negated { these.others() } else { these })];
        }
        let at = |protocol: Protocol| {
            let own = ports.ports(protocol);
            let other = PortSet::full().difference(own);
            Product {
                conns: Some(Packets::of_protocol(L4::Ports(protocol))),
                original_ports: Some(if negated { other } else { own.clone() }),
                ..Product::default()
            }
        };
        let portless = negated.then(|| of(Packets::portless()));
        Protocol::ALL.map(at).into_iter().chain(portless).collect()
    }
}

fn of(conns: Packets) -> Product {
    Product { conns: Some(conns), ..Product::default() }
}

fn both(one: &Product, other: &Product) -> Product {
    let mut both = one.clone();
    both.narrow(other);
    both
}

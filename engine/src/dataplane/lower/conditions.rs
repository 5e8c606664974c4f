//! From the conditions of a rule to rules of the kernel.
//!
//! A rule of Calico's holds where all its conditions do. Each is one or several things that the
//! kernel can ask, and a rule of the kernel asks for one of each: a *line*. Who the subject is has
//! been answered already.
//!
//! For rules that accept or pass, lines hold where the conditions certainly do; for those that
//! deny, where they may.

use std::sync::Arc;

use super::super::expressible::{Seen, has_own_ports, is_expressible};
use super::super::program::{IcmpMessage, L4, Match};
use super::keys::{AskedPeer, Extent};
use super::line::{End, Line, LookUp, looked_up, with_ports, within, without_ports};
use super::sets::Sets;
use super::subject::Whose;
use crate::manifest::calico::CalicoProtocol;
use crate::manifest::{Direction, PortEntry, PortMatch};
use crate::net::{AddrSet, ConnSet, Family, Protocol};
use crate::policy::{
    BlockId, Condition, PacketMatch, PolicyRule, PolicySet, RulePeer, Seat, SetId,
};
use crate::selector::Match as Answer;

/// A rule, and for whom it is asked.
#[derive(Clone, Copy)]
pub struct AskedRule<'r> {
    /// All policies.
    pub policies: &'r PolicySet,
    /// The rule.
    pub rule: &'r PolicyRule,
    /// How much of what it matches is meant.
    pub extent: Extent,
    /// The direction.
    pub direction: Direction,
    /// For whom.
    pub whose: Whose<'r>,
    /// The family.
    pub family: Family,
}

/// The conditions of the kernel's rules that together are a rule.
pub fn matches_of(sets: &mut Sets<'_>, asked: AskedRule<'_>) -> Vec<Vec<Match>> {
    let mut conditions: Vec<&Condition> = asked.rule.conditions.iter().collect();
    // What else is asked depends on the protocol.
    conditions.sort_by_key(|one| !asks_protocol(one));
    let mut lines = vec![Line::of_all(asked.family, asked.whose.seen() == Seen::Original)];
    for condition in conditions {
        lines = Expanding { asked }.expand(condition, lines);
    }
    let count = lines.len();
    lines.into_iter().flat_map(|line| line.written(sets, asked.direction, count)).collect()
}

fn asks_protocol(condition: &Condition) -> bool {
    let Condition::Flows { packets, .. } = condition else { return false };
    matches!(packets, PacketMatch::Protocol(_, false))
}

/// Ports of an end.
struct EndPorts<'c> {
    end: End,
    /// Whether it is the subject's.
    is_own: bool,
    negated: bool,
    numbers: &'c ConnSet,
    names: &'c [PortEntry],
    of: Option<SetId>,
    /// Whether the subject's names count.
    counts: Answer,
}

impl Extent {
    /// That of what must not be.
    fn opposite(self) -> Self {
        match self {
            Self::Certain => Self::Possible,
            Self::Possible => Self::Certain,
        }
    }

    fn has_answer(self, answer: Answer) -> bool {
        match self {
            Self::Certain => answer == Answer::Yes,
            Self::Possible => answer != Answer::No,
        }
    }
}

struct Expanding<'r> {
    asked: AskedRule<'r>,
}

impl Expanding<'_> {
    /// The lines that ask for a condition as well.
    fn expand(&self, condition: &Condition, lines: Vec<Line>) -> Vec<Line> {
        let AskedRule { policies, rule, extent, direction, whose, .. } = self.asked;
        let all_or_none = |holds: bool| if holds { lines.clone() } else { Vec::new() };
        if !is_expressible(policies, (rule, direction, whose.seen()), condition) {
            return all_or_none(extent == Extent::Possible);
        }
        let answer = match whose {
            Whose::Pod(subject, _) => subject.answer(policies, condition, direction),
            Whose::Host(_) => None,
        };
        match condition {
            Condition::Items { seat: Seat::Subject, .. }
            | Condition::Net { seat: Seat::Subject, .. }
                if whose.seen() == Seen::Pod =>
            {
                all_or_none(answer.is_some_and(|answer| extent.has_answer(answer)))
            }
            Condition::Items { seat, negated: false, pods, sets } => {
                let block = self.block(extent.of(*sets));
                let at_pods = self.at_pods(lines.clone(), (*seat, *pods));
                at_pods.into_iter().chain(within(lines, *seat, &block)).collect()
            }
            Condition::Items { seat, negated: true, pods, sets } => {
                let block = self.block(extent.opposite().of(*sets));
                let (seat, pods, extent, is_in) = (*seat, *pods, extent.opposite(), false);
                let others = AddrSet::full().difference(&block);
                let others = within(lines, seat, &others);
                looked_up(others, &LookUp::Pods { seat, pods, extent, is_in })
            }
            Condition::Net { seat, block } => within(lines, *seat, &self.block(*block)),
            Condition::Flows { packets, flows, family, .. } => {
                let own = family.is_none_or(|(own, _)| own == self.asked.family);
                self.packets(lines, *packets, (&flows.possible, own))
            }
            Condition::Ports { negated, numbers, names, of } => {
                let is_own = direction == Direction::Ingress
                    && has_own_ports((rule, whose.seen()), *negated);
                let (end, negated, of) = (End::Destination, *negated, *of);
                let counts = answer.unwrap_or(Answer::Yes);
                let ports = EndPorts { end, is_own, negated, numbers, names, of, counts };
                self.ports(lines, &ports)
            }
            Condition::SourcePorts { negated, numbers, names, of, seat } => {
                let (end, negated, of) = (End::Source, *negated, *of);
                let is_own = *seat == Seat::Subject && has_own_ports((rule, whose.seen()), negated);
                let counts = answer.unwrap_or(Answer::Yes);
                let ports = EndPorts { end, is_own, negated, numbers, names, of, counts };
                self.ports(lines, &ports)
            }
            Condition::Service { pods, numbers, names } => {
                let lines = self.at_pods(lines, (Seat::Peer, *pods));
                let (end, is_own, negated) = (End::Destination, false, false);
                let (of, counts) = (Some(*pods), Answer::Yes);
                let ports = EndPorts { end, is_own, negated, numbers, names, of, counts };
                self.ports(lines, &ports)
            }
            Condition::Open(_) => all_or_none(extent == Extent::Possible),
        }
    }

    fn block(&self, id: BlockId) -> AddrSet {
        self.asked.policies.block(id).cloned().unwrap_or_default()
    }

    fn at_pods(&self, lines: Vec<Line>, (seat, pods): (Seat, SetId)) -> Vec<Line> {
        let AskedRule { extent, .. } = self.asked;
        looked_up(lines, &LookUp::Pods { seat, pods, extent, is_in: true })
    }

    fn packets(
        &self,
        lines: Vec<Line>,
        packets: PacketMatch,
        (flows, is_of_family): (&ConnSet, bool),
    ) -> Vec<Line> {
        let lines = lines.into_iter();
        match packets {
            PacketMatch::Protocol(_, false) if !is_of_family => Vec::new(),
            PacketMatch::Protocol(_, true) if !is_of_family => lines.collect(),
            PacketMatch::Protocol(own, false) => {
                lines.filter_map(|line| line.of_protocol(l4_of(own))).collect()
            }
            PacketMatch::Protocol(own, true) => {
                lines.filter_map(|line| line.not_of_protocol(l4_of(own))).collect()
            }
            PacketMatch::Icmp(icmp, is_other) => {
                let own = L4::icmp(self.asked.family);
                let (kind, code) = (icmp.kind.unwrap_or_default(), icmp.code);
                let message = IcmpMessage { kind, code, is_other };
                lines.flat_map(|line| line.with_message(own, message)).collect()
            }
            PacketMatch::OfFlows => {
                let of = |line: Line| with_ports(&line, End::Destination, flows);
                lines.flat_map(of).collect()
            }
        }
    }

    fn ports(&self, lines: Vec<Line>, ports: &EndPorts<'_>) -> Vec<Line> {
        let AskedRule { extent, .. } = self.asked;
        let extent = if ports.negated { extent.opposite() } else { extent };
        let known = self.known_ports(ports, extent);
        let set = (!ports.is_own && !ports.names.is_empty()).then(|| LookUp::Ports {
            asked: AskedPeer { peer: ports.of.map(RulePeer::Pods), extent },
            names: names_of(ports.names),
            end: ports.end,
            is_in: !ports.negated,
        });
        if ports.negated {
            let lines = lines.into_iter().filter_map(|line| without_ports(line, ports.end, &known));
            let lines: Vec<Line> = lines.collect();
            return set.map_or(lines.clone(), |set| looked_up(lines, &set));
        }
        let by_number = lines.iter().flat_map(|line| with_ports(line, ports.end, &known));
        let mut all: Vec<Line> = by_number.collect();
        all.extend(set.into_iter().flat_map(|set| looked_up(lines.clone(), &set)));
        all
    }

    /// Ports of which the numbers are known here: those that the subject calls so among them.
    fn known_ports(&self, ports: &EndPorts<'_>, extent: Extent) -> ConnSet {
        let mut known = ports.numbers.clone();
        if !ports.is_own || !extent.has_answer(ports.counts) {
            return known;
        }
        for entry in ports.names {
            if let PortMatch::Named(name) = &entry.ports {
                let group = self.asked.whose.group();
                let own = group.map(|group| group.named_ports(name, entry.protocol));
                own.into_iter().for_each(|own| known.add(entry.protocol, &own));
            }
        }
        known
    }
}

fn names_of(entries: &[PortEntry]) -> Vec<(Protocol, Arc<str>)> {
    let names = entries.iter().filter_map(|entry| match &entry.ports {
        PortMatch::Named(name) => Some((entry.protocol, name.clone())),
        PortMatch::Any | PortMatch::Range(..) => None,
    });
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn l4_of(protocol: CalicoProtocol) -> L4 {
    match protocol {
        CalicoProtocol::Ported(own) => L4::Ports(own),
        CalicoProtocol::Icmp => L4::of_number(1),
        CalicoProtocol::IcmpV6 => L4::Icmpv6,
        CalicoProtocol::UdpLite => L4::of_number(136),
        CalicoProtocol::Number(number) => L4::of_number(number),
    }
}

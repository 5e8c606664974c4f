//! Whether conditions of Calico's rules hold.

use super::matches::{in_set, within, within_pair};
use super::{Party, PortNames};
use crate::manifest::{Direction, PortEntry, PortMatch};
use crate::net::{ConnSet, Conns, PortSet, Protocol, all_ports};
use crate::policy::{BlockPair, Condition, PolicyRule, PolicySet, Seat, SetId};
use crate::selector::Match;

/// The two ends of flows that rules are asked about.
#[derive(Clone, Copy)]
pub struct Between<'p, 'm> {
    /// The direction, seen from the subject.
    pub direction: Direction,
    /// The end whose policies are asked; none where no condition may ask who it is.
    pub subject: Option<&'p Party<'m>>,
    /// The other end.
    pub peer: &'p Party<'m>,
    /// Whether they are replies, of which the source's port is known and the destination's is not.
    pub is_reply: bool,
}

/// What stands at an end's address, as a condition asks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ItemMatch {
    /// Whether a pod of the set does.
    pub pods: Match,
    /// Whether a set of addresses does.
    pub sets: Match,
}

impl<'p, 'm> Between<'p, 'm> {
    fn at(self, seat: Seat) -> Option<&'p Party<'m>> {
        match seat {
            Seat::Subject => self.subject,
            Seat::Peer => Some(self.peer),
        }
    }

    /// Who receives.
    fn destination(self) -> Option<&'p Party<'m>> {
        match self.direction {
            Direction::Ingress => self.subject,
            Direction::Egress => Some(self.peer),
        }
    }

    /// Whether the ends are those that a rule's conditions ask for.
    pub fn ends_match(self, set: &PolicySet, rule: &PolicyRule) -> Match {
        let each = rule.conditions.iter().map(|one| self.end_matches(set, one, |_, one| one));
        each.min().unwrap_or(Match::Yes)
    }

    /// Whether the end that a condition asks for is there; certainly, if it asks for none. What it
    /// is about pods and sets of addresses can be changed on the way.
    pub fn end_matches(
        self,
        set: &PolicySet,
        condition: &Condition,
        settle: impl Fn(Seat, ItemMatch) -> ItemMatch,
    ) -> Match {
        let (matches, negated) = match condition {
            Condition::Items { seat, negated, pods, sets } => {
                let Some(party) = self.at(*seat) else { return Match::Unknown };
                let found = settle(*seat, items(set, (*pods, *sets), party));
                (found.pods.max(found.sets), *negated)
            }
            Condition::Net { seat, block } => {
                let Some(party) = self.at(*seat) else { return Match::Unknown };
                (within(set, *block, party), false)
            }
            Condition::Service { pods, .. } => {
                let found = settle(
                    Seat::Peer,
                    ItemMatch { pods: in_set(set, *pods, self.peer), sets: Match::No },
                );
                (found.pods, false)
            }
            Condition::Open(_) => (Match::Unknown, false),
            Condition::Flows { family: Some((family, false)), .. } => {
                (Match::from(self.peer.place.family().is_none_or(|own| own == *family)), false)
            }
            Condition::Flows { .. } | Condition::Ports { .. } | Condition::SourcePorts { .. } => {
                (Match::Yes, false)
            }
        };
        if negated { !matches } else { matches }
    }

    /// The flows between the ends that a rule's conditions ask for.
    pub fn flows(self, set: &PolicySet, rule: &PolicyRule) -> Conns {
        let each = rule.conditions.iter().filter_map(|condition| self.flows_of(set, condition));
        each.fold(Conns::all(), |all, one| all.and(&one))
    }

    /// Flows that a condition asks for, whoever the ends are; none if it asks for none.
    pub fn flows_of(self, set: &PolicySet, condition: &Condition) -> Option<Conns> {
        let (span, negated) = match condition {
            // Of the other family, nothing is what it excludes.
            Condition::Flows { family: Some((family, true)), .. }
                if self.peer.place.family().is_some_and(|own| own != *family) =>
            {
                return None;
            }
            Condition::Flows { flows, .. } => (flows.clone(), false),
            Condition::Ports { negated, numbers, names, of } => {
                let owner = self.destination();
                let named = named(set, names, owner, of_whom(set, *of, owner));
                let ports = with(&named, numbers);
                (if self.is_reply { at_any_port(&ports) } else { ports }, *negated)
            }
            Condition::SourcePorts { negated, numbers, names, of, seat } => {
                let owner = self.at(*seat);
                let named = named(set, names, owner, of_whom(set, *of, owner));
                let ports = with(&named, numbers);
                // Nobody knows which number of the source has the name.
                let unnamed = Conns { certain: numbers.clone(), possible: ports.possible.clone() };
                (if self.is_reply { ports } else { at_any_port(&unnamed) }, *negated)
            }
            Condition::Service { numbers, names, .. } => {
                (with(&named(set, names, self.destination(), Match::Yes), numbers), false)
            }
            Condition::Items { .. } | Condition::Net { .. } | Condition::Open(_) => return None,
        };
        Some(if negated { span.others() } else { span })
    }

    /// Whether a condition asks for a flow, whoever the ends are; without a protocol for one of
    /// those without ports.
    pub fn flow_matches(
        self,
        set: &PolicySet,
        condition: &Condition,
        (protocol, port): (Option<Protocol>, u16),
    ) -> Match {
        let Some(span) = self.flows_of(set, condition) else { return Match::Yes };
        match (span.certain.has(protocol, port), span.possible.has(protocol, port)) {
            (true, _) => Match::Yes,
            (false, true) => Match::Unknown,
            (false, false) => Match::No,
        }
    }
}

fn items(set: &PolicySet, (pods, sets): (SetId, BlockPair), party: &Party<'_>) -> ItemMatch {
    ItemMatch { pods: in_set(set, pods, party), sets: within_pair(set, sets, party) }
}

/// How far a port's name counts, by whose it is.
fn of_whom(set: &PolicySet, of: Option<SetId>, owner: Option<&Party<'_>>) -> Match {
    of.map_or(Match::Yes, |of| owner.map_or(Match::Unknown, |owner| in_set(set, of, owner)))
}

/// What is known of flows at one end's ports if nobody knows which of them is meant.
fn at_any_port(ports: &Conns) -> Conns {
    let mut any = Conns::none();
    for protocol in Protocol::ALL {
        if *ports.certain.ports(protocol) == all_ports() {
            any.certain.add(protocol, &all_ports());
        }
        if !ports.possible.ports(protocol).is_empty() {
            any.possible.add(protocol, &all_ports());
        }
    }
    any
}

fn with(named: &Conns, numbers: &ConnSet) -> Conns {
    Conns { certain: named.certain.union(numbers), possible: named.possible.union(numbers) }
}

/// Ports that an end calls so, as far as its names count. Where names of the port that is asked
/// about are assumed, it is that port.
fn named(set: &PolicySet, names: &[PortEntry], owner: Option<&Party<'_>>, counts: Match) -> Conns {
    let mut all = Conns::none();
    // Which ports of host endpoints have the name is not asked.
    let is_host = owner.is_some_and(|owner| owner.group.is_none() && owner.host != Match::No);
    for entry in names.iter().filter(|_| is_host) {
        let PortMatch::Named(name) = &entry.ports else { continue };
        if set.hosts().names_port(name) {
            all.possible.add(entry.protocol, &all_ports());
        }
    }
    if counts == Match::No {
        return all;
    }
    for entry in names {
        let PortMatch::Named(name) = &entry.ports else { continue };
        let (ports, known) = match owner.map(|owner| (&owner.port_names, owner.group)) {
            None | Some((PortNames::Unknown, _)) => (all_ports(), Match::Unknown),
            Some((PortNames::Assumed(own), _)) => match own.contains(name) {
                true => (all_ports(), Match::Yes),
                false => (PortSet::default(), Match::Yes),
            },
            Some((PortNames::OfGroup, group)) => {
                let own = group.map(|(_, group)| group.named_ports(name, entry.protocol));
                (own.unwrap_or_default(), Match::Yes)
            }
        };
        all.possible.add(entry.protocol, &ports);
        if known.min(counts) == Match::Yes {
            all.certain.add(entry.protocol, &ports);
        }
    }
    all
}

//! Whether conditions of Calico's rules hold.

use super::matches::{within, within_pair};
use super::{Party, PortNames, Question};
use crate::cluster::{Group, GroupId};
use crate::manifest::{Direction, PortEntry, PortMatch};
use crate::net::{ConnSet, Protocol, all_ports};
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
}

/// Flows that a rule is about.
#[derive(Clone, Debug)]
pub struct FlowSpan {
    /// For certain.
    pub certain: ConnSet,
    /// For certain or perhaps.
    pub possible: ConnSet,
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
    pub fn flows(self, set: &PolicySet, rule: &PolicyRule) -> FlowSpan {
        let mut all = FlowSpan { certain: ConnSet::all(), possible: ConnSet::all() };
        for condition in &rule.conditions {
            let Some(one) = self.flows_of(set, condition) else { continue };
            all.certain = all.certain.intersection(&one.certain);
            all.possible = all.possible.intersection(&one.possible);
        }
        all
    }
}

fn items(set: &PolicySet, (pods, sets): (SetId, BlockPair), party: &Party<'_>) -> ItemMatch {
    ItemMatch { pods: in_set(set, pods, party), sets: within_pair(set, sets, party) }
}

fn in_set(set: &PolicySet, pods: SetId, party: &Party<'_>) -> Match {
    match party.group {
        Some((group, _)) => set.set(pods).map_or(Match::Unknown, |pods| pods.matches(group)),
        None => Match::No,
    }
}

/// How far a port's name counts, by whose it is.
fn of_whom(set: &PolicySet, of: Option<SetId>, owner: Option<(GroupId, &Group)>) -> Match {
    of.map_or(Match::Yes, |of| match owner {
        Some((group, _)) => set.set(of).map_or(Match::Unknown, |own| own.matches(group)),
        None => Match::No,
    })
}

/// Flows other than these.
fn others(span: &FlowSpan) -> FlowSpan {
    FlowSpan {
        certain: ConnSet::all().difference(&span.possible),
        possible: ConnSet::all().difference(&span.certain),
    }
}

impl Between<'_, '_> {
    /// Flows that a condition asks for, whoever the ends are; none if it asks for none.
    pub fn flows_of(self, set: &PolicySet, condition: &Condition) -> Option<FlowSpan> {
        match condition {
            // Of the other family, nothing is what it excludes.
            Condition::Flows { family: Some((family, true)), .. }
                if self.peer.place.family().is_some_and(|own| own != *family) =>
            {
                None
            }
            Condition::Flows { certain, possible, .. } => {
                Some(FlowSpan { certain: certain.clone(), possible: possible.clone() })
            }
            Condition::Ports { negated, numbers, names, of } => {
                let destination = self.destination().and_then(|party| party.group);
                let of = of_whom(set, *of, destination);
                let named = named(names, destination.map(|(_, group)| group));
                let at_least = |least: Match| match of >= least {
                    true => numbers.union(&named),
                    false => numbers.clone(),
                };
                let (certain, possible) = (at_least(Match::Yes), at_least(Match::Unknown));
                let span = FlowSpan { certain, possible };
                Some(if *negated { others(&span) } else { span })
            }
            Condition::SourcePorts { negated, numbers, are_all, names, of, seat } => {
                let owner = self.at(*seat).and_then(|party| party.group);
                let of = of_whom(set, *of, owner);
                let mut possible = numbers.clone();
                let named = named(names, owner.map(|(_, group)| group));
                let own = Protocol::ALL.into_iter().filter(|own| !named.ports(*own).is_empty());
                own.filter(|_| of != Match::No).for_each(|own| possible.add(own, &all_ports()));
                // Of a pod that is not in the input, every name may be some port's.
                if self.at(*seat).is_none_or(|party| party.port_names != PortNames::OfGroup) {
                    names.iter().for_each(|entry| possible.add(entry.protocol, &all_ports()));
                }
                let certain = if *are_all { numbers.clone() } else { ConnSet::none() };
                let span = FlowSpan { certain, possible };
                Some(if *negated { others(&span) } else { span })
            }
            Condition::Service { numbers, names, .. } => {
                let destination = self.destination().and_then(|party| party.group);
                let named = named(names, destination.map(|(_, group)| group));
                let all = numbers.union(&named);
                Some(FlowSpan { certain: all.clone(), possible: all })
            }
            Condition::Items { .. } | Condition::Net { .. } | Condition::Open(_) => None,
        }
    }
}

fn named(names: &[PortEntry], destination: Option<&Group>) -> ConnSet {
    let mut all = ConnSet::none();
    for entry in names {
        if let (PortMatch::Named(name), Some(group)) = (&entry.ports, destination) {
            all.add(entry.protocol, &group.named_ports(name, entry.protocol));
        }
    }
    all
}

/// Whether a condition asks for the flow of a question, whoever its ends are.
pub fn flow_matches(set: &PolicySet, condition: &Condition, question: Question<'_, '_>) -> Match {
    let destination = match question.direction {
        Direction::Ingress => question.subject,
        Direction::Egress => question.peer,
    };
    let (protocol, port) = (question.protocol, question.port);
    let by_name = |names: &[PortEntry]| {
        let each = names.iter().map(|entry| match &entry.ports {
            PortMatch::Named(name) if Some(entry.protocol) == protocol => {
                destination.names_port(name, entry.protocol, port)
            }
            _ => Match::No,
        });
        each.max().unwrap_or(Match::No)
    };
    match condition {
        Condition::Flows { .. } | Condition::SourcePorts { .. } => {
            let Question { direction, subject, peer, .. } = question;
            let between = Between { direction, subject: Some(subject), peer };
            let Some(span) = between.flows_of(set, condition) else { return Match::Yes };
            match (span.certain.has(protocol, port), span.possible.has(protocol, port)) {
                (true, _) => Match::Yes,
                (false, true) => Match::Unknown,
                (false, false) => Match::No,
            }
        }
        Condition::Ports { negated, numbers, names, of } => {
            let of = of.map_or(Match::Yes, |of| in_set(set, of, destination));
            let named = by_name(names).min(of);
            let matches = Match::from(numbers.has(protocol, port)).max(named);
            if *negated { !matches } else { matches }
        }
        Condition::Service { numbers, names, .. } => {
            Match::from(numbers.has(protocol, port)).max(by_name(names))
        }
        Condition::Items { .. } | Condition::Net { .. } | Condition::Open(_) => Match::Yes,
    }
}

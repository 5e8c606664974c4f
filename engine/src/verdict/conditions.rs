//! Whether conditions of Calico's rules hold.

use super::matches::{within, within_pair};
use super::{Party, Question};
use crate::cluster::{Group, GroupId};
use crate::manifest::{Direction, PortEntry, PortMatch};
use crate::net::ConnSet;
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
            Condition::Net { seat, negated, block } => {
                let Some(party) = self.at(*seat) else { return Match::Unknown };
                (within(set, *block, party), *negated)
            }
            Condition::Service { pods, .. } => {
                let found = settle(Seat::Peer, ItemMatch {
                    pods: in_set(set, *pods, self.peer),
                    sets: Match::No,
                });
                (found.pods, false)
            }
            Condition::Open(_) => (Match::Unknown, false),
            Condition::Flows { .. } | Condition::Ports { .. } => (Match::Yes, false),
        };
        if negated { !matches } else { matches }
    }

    /// The flows between the ends that a rule's conditions ask for.
    pub fn flows(self, set: &PolicySet, rule: &PolicyRule) -> FlowSpan {
        let mut all = FlowSpan { certain: ConnSet::all(), possible: ConnSet::all() };
        let destination = self.destination().and_then(|party| party.group);
        for condition in &rule.conditions {
            let Some(one) = flows_of(set, condition, destination) else { continue };
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

/// Flows to a destination that a condition asks for; none if it asks for none.
fn flows_of(
    set: &PolicySet,
    condition: &Condition,
    destination: Option<(GroupId, &Group)>,
) -> Option<FlowSpan> {
    match condition {
        Condition::Flows { certain, possible, .. } => {
            Some(FlowSpan { certain: certain.clone(), possible: possible.clone() })
        }
        Condition::Ports { negated, numbers, names, of } => {
            let of = of.map_or(Match::Yes, |of| match destination {
                Some((group, _)) => set.set(of).map_or(Match::Unknown, |own| own.matches(group)),
                None => Match::No,
            });
            let named = named(names, destination.map(|(_, group)| group));
            let at_least = |least: Match| match of >= least {
                true => numbers.union(&named),
                false => numbers.clone(),
            };
            let (certain, possible) = (at_least(Match::Yes), at_least(Match::Unknown));
            Some(match negated {
                false => FlowSpan { certain, possible },
                true => FlowSpan {
                    certain: ConnSet::all().difference(&possible),
                    possible: ConnSet::all().difference(&certain),
                },
            })
        }
        Condition::Service { numbers, names, .. } => {
            let named = named(names, destination.map(|(_, group)| group));
            let all = numbers.union(&named);
            Some(FlowSpan { certain: all.clone(), possible: all })
        }
        Condition::Items { .. } | Condition::Net { .. } | Condition::Open(_) => None,
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
        Condition::Flows { certain, possible, .. } => {
            match (certain.has(protocol, port), possible.has(protocol, port)) {
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

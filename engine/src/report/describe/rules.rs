//! What a rule decides that no other does.

use std::sync::Arc;

use super::types::{DecidedAlone, DescribedRule, Reached};
use super::{View, rule_path};
use crate::cluster::Place;
use crate::manifest::calico::Condition;
use crate::manifest::{Action, Direction, PortEntry};
use crate::net::Family;
use crate::policy::CompiledPolicy;
use crate::reach::{Conns, Unit, UnitId, UnitKind, pair};
use crate::report::expect::without_rule;
use crate::report::{place, sentence};
use crate::selector::Match;
use crate::session::Session;
use crate::verdict::{Party, peer_matches};

/// Pairs that are compared for one rule before it is only said whom the rule names.
const MOST_PAIRS: usize = 40_000;

/// Pairs that are written for a rule; the others are counted.
const MOST_WRITTEN: usize = 10;

/// Some units, and all others at the other end of a direction.
pub struct Pairs<'v> {
    view: View<'v>,
    subjects: Vec<UnitId>,
    direction: Direction,
}

impl<'v> Pairs<'v> {
    pub fn new(view: View<'v>, subjects: &[UnitId], direction: Direction) -> Self {
        Self { view, subjects: subjects.to_vec(), direction }
    }

    /// How many units at the other end may send or receive something for certain.
    pub fn reached(&self, workloads: bool) -> Reached {
        let mut reached = Reached::default();
        for (id, unit) in self.view.units.iter().filter(|(_, unit)| unit.is_workload() == workloads)
        {
            let others = self.subjects.iter().filter(|subject| **subject != id);
            if workloads && others.clone().next().is_none() {
                continue;
            }
            reached.all += 1;
            let mut conns =
                others.filter_map(|subject| self.view.units.get(*subject)).flat_map(|subject| {
                    Family::BOTH
                        .map(|family| self.conns(self.view.session, (subject, unit), family))
                });
            let is_allowed = conns.any(|one| one.is_some_and(|conns| !conns.certain.is_empty()));
            reached.allowed += usize::from(is_allowed);
        }
        reached
    }

    /// What passes between a subject and a unit at the other end.
    fn conns(
        &self,
        session: &Session,
        (subject, peer): (&Unit, &Unit),
        family: Family,
    ) -> Option<Conns> {
        let (subject, peer) = (party(session, subject, family)?, party(session, peer, family)?);
        let (model, set) = (session.model(), session.policies());
        Some(match self.direction {
            Direction::Egress => pair(model, set, &subject, &peer),
            Direction::Ingress => pair(model, set, &peer, &subject),
        })
    }

    /// What only passes, or does not, by a rule of a policy.
    fn alone(
        &self,
        policy: &CompiledPolicy,
        (index, action): (usize, Action),
        named: &[UnitId],
    ) -> Option<Vec<DecidedAlone>> {
        let selected = |id: &&UnitId| {
            let unit = self.view.units.get(**id);
            unit.is_some_and(|unit| self.view.selects(policy, unit) != Match::No)
        };
        let subjects: Vec<UnitId> = self.subjects.iter().filter(selected).copied().collect();
        if subjects.len().saturating_mul(named.len()) > MOST_PAIRS {
            return None;
        }
        let without = without_rule(&policy.object, self.direction, index)?;
        let without = self.view.session.changing(without);
        let mut all = Vec::new();
        for subject in &subjects {
            let peers = named.iter().filter(|peer| *peer != subject);
            all.extend(peers.flat_map(|peer| self.between(&without, (*subject, *peer), action)));
        }
        all.sort();
        all.dedup();
        Some(all)
    }

    fn between(
        &self,
        without: &Session,
        (subject, peer): (UnitId, UnitId),
        action: Action,
    ) -> Vec<DecidedAlone> {
        let (Some(own), Some(other)) = (self.view.units.get(subject), self.view.units.get(peer))
        else {
            return Vec::new();
        };
        let name = |id| self.view.ids.get(id).cloned().unwrap_or_else(|| Arc::from(""));
        let (from, to) = match self.direction {
            Direction::Egress => (name(subject), name(peer)),
            Direction::Ingress => (name(peer), name(subject)),
        };
        let sets = |session: &Session| -> Vec<Conns> {
            let all = Family::BOTH.into_iter();
            all.filter_map(|family| self.conns(session, (own, other), family)).collect()
        };
        let (mut with, mut without) = (sets(self.view.session), sets(without));
        if [own, other].into_iter().any(|unit| !has_known_families(self.view.session, unit)) {
            // They may talk in one family alone: what passes for certain does in each.
            (with, without) = (of_either(with), of_either(without));
        }
        let found = with.iter().zip(&without).filter_map(|(with, without)| {
            let ports = match action {
                // Of what may pass with it, nobody knows that it is denied.
                Action::Deny => without.certain.difference(&with.possible),
                Action::Accept | Action::Pass | Action::Log => {
                    with.certain.difference(&without.certain)
                }
            };
            let text = ports.text();
            (!text.is_empty()).then(|| DecidedAlone {
                from: from.clone(),
                to: to.clone(),
                ports: text,
            })
        });
        found.collect()
    }

    /// Units that a rule names, or may.
    fn named(&self, policy: &CompiledPolicy, index: usize) -> Vec<UnitId> {
        let Some(rule) = policy.rules(self.direction).and_then(|rules| rules.get(index)) else {
            return Vec::new();
        };
        let set = self.view.session.policies();
        let is_named = |unit: &Unit| {
            rule.peers.is_empty()
                || Family::BOTH.into_iter().any(|family| {
                    party(self.view.session, unit, family).is_some_and(|party| {
                        let mut peers = rule.peers.iter();
                        peers.any(|peer| peer_matches(set, *peer, &party) != Match::No)
                    })
                })
        };
        self.view.units_that(is_named)
    }
}

/// What is said of a rule.
pub fn rule_report(
    pairs: &Pairs<'_>,
    policy: &CompiledPolicy,
    index: usize,
) -> Option<DescribedRule> {
    let rule = policy.written(pairs.direction).get(index)?;
    let named = pairs.named(policy, index);
    let alone = pairs.alone(policy, (index, rule.action), &named);
    let count = alone.as_ref().map(Vec::len);
    let peers = rule.peers.iter().map(|peer| sentence::peer_text(&peer.kind));
    let asked = |is_of_ports: bool| {
        let own = rule.conditions.iter().filter(move |one| one.is_of_ports() == is_of_ports);
        own.map(Condition::described)
    };
    let peers: Vec<String> = peers.chain(asked(false)).collect();
    let ports = rule.ports.iter().map(PortEntry::text);
    let ports: Vec<String> = ports.chain(asked(true)).collect();
    let is_workload = |id: &&UnitId| pairs.view.units.get(**id).is_some_and(Unit::is_workload);
    Some(DescribedRule {
        path: rule_path(pairs.direction, index),
        location: place::of_object(pairs.view.session, &policy.object, rule.span),
        action: rule.action,
        peers: if peers.is_empty() { "any peer".into() } else { peers.join("; ") },
        ports: if ports.is_empty() { "any port".into() } else { ports.join(", ") },
        named: named.iter().filter(is_workload).count(),
        alone: alone.unwrap_or_default().into_iter().take(MOST_WRITTEN).collect(),
        pairs: count,
    })
}

/// What passes, if it is not known in which family.
fn of_either(sets: Vec<Conns>) -> Vec<Conns> {
    let both = sets.into_iter().reduce(|all, one| Conns {
        certain: all.certain.intersection(&one.certain),
        possible: all.possible.union(&one.possible),
    });
    both.into_iter().collect()
}

/// Whether the families are known in which a unit can talk.
fn has_known_families(session: &Session, unit: &Unit) -> bool {
    let UnitKind::Workload { endpoints, .. } = &unit.kind else { return true };
    let model = session.model();
    let mut own = endpoints.iter().filter_map(|id| model.endpoints.get(*id));
    own.all(|endpoint| model.space.families(&endpoint.addresses).1)
}

/// One of a unit's pods or addresses: to policies they are alike.
fn party<'m>(session: &'m Session, unit: &Unit, family: Family) -> Option<Party<'m>> {
    match &unit.kind {
        UnitKind::Outside(of, addresses) if *of == family => {
            Some(Party::outside(Place::Known(addresses.first()?)))
        }
        UnitKind::Outside(..) => None,
        UnitKind::Workload { endpoints, .. } => {
            let (model, id) = (session.model(), *endpoints.first()?);
            let addresses = &model.endpoints.get(id)?.addresses;
            let is_there = model.space.families(addresses).0.contains(&family);
            Party::endpoint(model, id, family).filter(|_| is_there)
        }
    }
}

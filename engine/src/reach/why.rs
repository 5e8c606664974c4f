//! Which rules let pass what is listed.

use super::{Reach, Target, Unit, UnitKind, pair};
use crate::cluster::{GroupId, Place};
use crate::manifest::{Direction, PortMatch};
use crate::net::{ConnId, Family};
use crate::policy::{PolicyId, PolicyRule};
use crate::selector::Match;
use crate::verdict::{EndState, Party, own_node, peer_matches};

/// A peer of a rule that lets something of a connection pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Admission {
    /// The policy.
    pub policy: PolicyId,
    /// The rule's index among those of its direction.
    pub rule: u32,
    /// The peer's index; none if the rule names none and so takes any.
    pub peer: Option<u32>,
    /// Whether that is certain; never [`Match::No`].
    pub matches: Match,
}

/// Why one end lets a connection pass.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Admissions {
    /// Whether policies apply at all.
    pub state: EndState,
    /// What admits, by policy, rule and peer, ascending; empty unless the end is isolated.
    pub rules: Vec<Admission>,
}

/// The ports of a rule, by policy, direction and index, and by whose names of ports they hold.
pub(super) type RulePorts = (PolicyId, Direction, u32, Option<GroupId>);

/// One end of a connection and its peer, and what passes between them.
#[derive(Clone, Copy)]
struct Question<'q, 'm> {
    direction: Direction,
    subject: &'q Party<'m>,
    peer: &'q Party<'m>,
    conn: ConnId,
}

impl<'m> Reach<'m> {
    /// Why a unit reaches a target: at the source, and at the destination.
    ///
    /// # Cost
    /// Linear in the rules of the policies that isolate the two.
    pub fn why(&mut self, unit: u32, target: &Target) -> [Admissions; 2] {
        let conn = self.conns.union(target.allowed, target.unknown);
        let mut ends =
            [EndState::Unenforced; 2].map(|state| Admissions { state, rules: Vec::new() });
        for family in Family::BOTH.into_iter().filter(|f| target.family.is_none_or(|of| of == *f)) {
            let party = |unit: u32| party(self, self.units.get(unit as usize)?, family);
            let Some((source, destination)) = party(unit).zip(party(target.unit)) else { continue };
            let asked = [
                (Direction::Egress, &source, &destination),
                (Direction::Ingress, &destination, &source),
            ];
            for (end, (direction, subject, peer)) in ends.iter_mut().zip(asked) {
                self.add(end, Question { direction, subject, peer, conn });
            }
        }
        ends
    }

    fn add(&mut self, end: &mut Admissions, question: Question<'_, '_>) {
        let Question { direction, subject, peer, .. } = question;
        let Some((group, _)) = subject.group else { return };
        let program = self.set.program(self.set.program_id(group, direction));
        end.state = match own_node(direction, subject, peer) {
            Match::Yes => EndState::OwnNode,
            _ => EndState::under(program),
        };
        if end.state != EndState::Isolated {
            return;
        }
        for policy in program.policies() {
            let rules = self.set.policy(policy.policy).and_then(|known| known.rules(direction));
            for (index, rule) in (0u32..).zip(rules.unwrap_or_default()) {
                self.add_rule(end, question, ((policy.policy, index), rule));
            }
        }
        end.rules.sort_unstable();
        // Where families differ in certainty, the lesser one counts: it sorts first.
        end.rules.dedup_by_key(|one| (one.policy, one.rule, one.peer));
    }

    fn add_rule(
        &mut self,
        end: &mut Admissions,
        question: Question<'_, '_>,
        ((policy, index), rule): ((PolicyId, u32), &PolicyRule),
    ) {
        let admission = |peer, matches| Admission { policy, rule: index, peer, matches };
        let mut admissions: Vec<Admission> = Vec::new();
        if rule.peers.is_empty() {
            admissions.push(admission(None, Match::Yes));
        }
        for (i, peer) in (0u32..).zip(&rule.peers) {
            let matches = peer_matches(self.set, *peer, question.peer);
            if matches != Match::No {
                admissions.push(admission(Some(i), matches));
            }
        }
        let passes = |reach: &mut Self| {
            let ports = reach.rule_ports(question, ((policy, index), rule));
            reach.conns.intersection(ports, question.conn) != ConnId::NONE
        };
        if !admissions.is_empty() && passes(self) {
            end.rules.append(&mut admissions);
        }
    }

    fn rule_ports(
        &mut self,
        question: Question<'_, '_>,
        ((policy, index), rule): ((PolicyId, u32), &PolicyRule),
    ) -> ConnId {
        let destination = match question.direction {
            Direction::Ingress => question.subject,
            Direction::Egress => question.peer,
        };
        let named = rule.ports.iter().any(|entry| matches!(entry.ports, PortMatch::Named(_)));
        let group = destination.group.filter(|_| named);
        let key = (policy, question.direction, index, group.map(|(id, _)| id));
        if let Some(known) = self.rule_ports.get(&key) {
            return *known;
        }
        let ports = self.conns.intern(pair::ports(&rule.ports, group.map(|(_, group)| group)));
        self.rule_ports.insert(key, ports);
        ports
    }
}

/// One of a unit's endpoints or addresses: to policies they are alike.
fn party<'m>(reach: &Reach<'m>, unit: &Unit, family: Family) -> Option<Party<'m>> {
    match &unit.kind {
        UnitKind::Outside(of, addresses) if *of == family => {
            // Pods and nodes whose addresses lie in the range are not meant.
            let place = Place::Known(addresses.first()?);
            Some(Party::outside(place))
        }
        UnitKind::Outside(..) => None,
        UnitKind::Workload { endpoints, .. } => {
            let endpoint = *endpoints.first()?;
            let addresses = &reach.model.endpoints.get(endpoint as usize)?.addresses;
            let (families, _) = reach.model.space.families(addresses);
            families.contains(&family).then(|| Party::endpoint(reach.model, endpoint, family))?
        }
    }
}

//! Which rules decide what is listed.

use rustc_hash::FxHashMap;

use super::interned::Interned;
use super::{Conns, Reach, Target, Unit, UnitId, UnitKind, pair};
use crate::cluster::{Group, GroupId, Place};
use crate::manifest::{ByDirection, Direction, PortMatch};
use crate::net::{ConnId, Family};
use crate::policy::fold::{RuleHit, Rules, Ties, Walk};
use crate::policy::{PolicyId, PolicyRef, PolicyRule, PolicySet, TierKind};
use crate::selector::Match;
use crate::verdict::{Between, EndState, Party, own_node, peer_matches};

/// A peer of a rule that decides something of a connection: it accepts it, passes it on, or denies
/// what may be denied of it.
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
    /// What decides, by policy, rule and peer, ascending; empty unless policies select the end.
    pub rules: Vec<Admission>,
}

/// What one end does with connections, and why.
#[derive(Clone, Debug)]
pub struct Decision {
    /// The rules that decide.
    pub admissions: Admissions,
    /// The NetworkPolicies that isolate it, or may, ascending.
    pub isolating: Vec<PolicyId>,
    /// Connections that it lets pass, or may.
    pub accepts: ConnId,
    /// Connections that it denies, or may.
    pub denies: ConnId,
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
    pub fn why(&mut self, unit: UnitId, target: &Target) -> ByDirection<Admissions> {
        let conn = self.conns.union(target.allowed, target.unknown);
        let decisions = self.decisions((unit, target.unit), conn, target.family);
        decisions.map(|_, decision| decision.admissions)
    }

    /// What the source and the destination do with connections from one unit to another, in a
    /// family or in both; whether they pass or not.
    ///
    /// # Cost
    /// Linear in the rules of the policies that isolate the two.
    pub fn decisions(
        &mut self,
        (from, to): (UnitId, UnitId),
        conn: ConnId,
        family: Option<Family>,
    ) -> ByDirection<Decision> {
        let mut ends = ByDirection::from_fn(|_| Decision::unenforced());
        for family in Family::BOTH.into_iter().filter(|f| family.is_none_or(|of| of == *f)) {
            let party = |unit: UnitId| party(self, self.units.get(unit)?, family);
            let Some((source, destination)) = party(from).zip(party(to)) else { continue };
            let asked = [
                (Direction::Egress, &source, &destination),
                (Direction::Ingress, &destination, &source),
            ];
            for (direction, subject, peer) in asked {
                self.add(&mut ends[direction], Question { direction, subject, peer, conn });
            }
        }
        ends
    }

    fn add(&mut self, decision: &mut Decision, question: Question<'_, '_>) {
        let Question { direction, subject, peer, conn } = question;
        let program =
            subject.group.map(|(group, _)| self.set.program(self.set.program_id(group, direction)));
        let end = &mut decision.admissions;
        if let Some(program) = program {
            end.state = match own_node(direction, subject, peer) {
                Match::Yes => EndState::OwnNode,
                _ => EndState::under(program),
            };
        }
        let program = program.filter(|_| end.state.is_selected());
        let Some(program) = program else {
            decision.accepts = self.conns.union(decision.accepts, conn);
            return;
        };
        let destination = match direction {
            Direction::Ingress => subject,
            Direction::Egress => peer,
        };
        let mut flows = Interned { table: &mut self.conns, all: conn };
        let mut asking = Asking {
            set: self.set,
            subject,
            peer,
            direction,
            named: destination.group,
            rule_ports: &mut self.rule_ports,
            at: None,
            admissions: &mut end.rules,
        };
        let walk = Walk { set: self.set, direction, ties: Ties::Any };
        let outcomes = walk.program(program, &mut flows, &mut asking);
        decision.accepts = self.conns.union(decision.accepts, outcomes.accept);
        decision.denies = self.conns.union(decision.denies, outcomes.deny);
        let isolating = program.tier(TierKind::NetworkPolicy);
        let isolating = isolating.into_iter().flat_map(|tier| &tier.policies);
        decision.isolating = isolating.map(|one| one.policy).collect();
        decision.isolating.sort_unstable();
        end.rules.sort_unstable();
        // Where families differ in certainty, the lesser one counts: it sorts first.
        end.rules.dedup_by_key(|one| (one.policy, one.rule, one.peer));
    }
}

impl Decision {
    fn unenforced() -> Self {
        Self {
            admissions: Admissions { state: EndState::Unenforced, rules: Vec::new() },
            isolating: Vec::new(),
            accepts: ConnId::NONE,
            denies: ConnId::NONE,
        }
    }
}

/// Notes the rules that decide something of a connection.
struct Asking<'a, 'm> {
    set: &'a PolicySet,
    subject: &'a Party<'m>,
    peer: &'a Party<'m>,
    direction: Direction,
    /// Whose names of ports count.
    named: Option<(GroupId, &'m Group)>,
    rule_ports: &'a mut FxHashMap<RulePorts, ConnId>,
    /// The rule that was asked last.
    at: Option<AskedRule>,
    admissions: &'a mut Vec<Admission>,
}

/// A rule, and what of it matches.
struct AskedRule {
    policy: PolicyId,
    index: u32,
    /// Peers that match or may; no index if the rule names none and so takes any.
    matching: Vec<(Option<u32>, Match)>,
}

impl Rules<Interned<'_>> for Asking<'_, '_> {
    const FULL: bool = true;

    fn policy(&mut self, policy: PolicyRef) {
        // The first rule makes it zero.
        let (policy, index, matching) = (policy.policy, u32::MAX, Vec::new());
        self.at = Some(AskedRule { policy, index, matching });
    }

    fn rule(&mut self, flows: &mut Interned<'_>, rule: &PolicyRule) -> RuleHit<ConnId> {
        let Some(AskedRule { policy, index, matching }) = &mut self.at else {
            return RuleHit::exactly(Match::No, ConnId::NONE);
        };
        *index = index.wrapping_add(1);
        matching.clear();
        if !rule.conditions.is_empty() {
            let (direction, subject, peer) = (self.direction, Some(self.subject), self.peer);
            let between = Between { direction, subject, peer, is_reply: false };
            let matches = between.ends_match(self.set, rule);
            if matches != Match::No {
                matching.push((None, matches));
            }
            let Conns { certain, possible } = between.flows(self.set, rule);
            let (certain, possible) = (flows.table.intern(certain), flows.table.intern(possible));
            return RuleHit { matches, certain, possible };
        }
        if rule.peers.is_empty() {
            matching.push((None, Match::Yes));
        }
        for (i, peer) in (0u32..).zip(&rule.peers) {
            let matches = peer_matches(self.set, *peer, self.peer);
            if matches != Match::No {
                matching.push((Some(i), matches));
            }
        }
        let best = matching.iter().map(|(_, matches)| *matches).max();
        let Some(best) = best else { return RuleHit::exactly(Match::No, ConnId::NONE) };
        let named = rule.ports.iter().any(|entry| matches!(entry.ports, PortMatch::Named(_)));
        let group = self.named.filter(|_| named);
        let key = (*policy, self.direction, *index, group.map(|(id, _)| id));
        let ports = self.rule_ports.entry(key).or_insert_with(|| {
            flows.table.intern(pair::ports(&rule.ports, group.map(|(_, group)| group)))
        });
        RuleHit::exactly(best, *ports)
    }

    fn decides(&mut self, decides: bool) {
        let Some(asked) = self.at.as_ref().filter(|_| decides) else { return };
        let AskedRule { policy, index, matching } = asked;
        self.admissions.extend(matching.iter().map(|(peer, matches)| Admission {
            policy: *policy,
            rule: *index,
            peer: *peer,
            matches: *matches,
        }));
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
            let addresses = &reach.model.endpoints.get(endpoint)?.addresses;
            let (families, _) = reach.model.space.families(addresses);
            families.contains(&family).then(|| Party::endpoint(reach.model, endpoint, family))?
        }
    }
}

//! L46: a rule that admits nothing which other rules do not admit.
//!
//! **What.** Whoever a rule names, on whatever ports, another rule admits as well: of the same
//! policy, or of one that selects all of its pods.
//!
//! **Why.** The rule can go; or it was meant to limit something, which rules never do.
//!
//! **Fix.** Remove the rule, or narrow the other one.
//!
//! It is proved for all pods that could exist, by selectors, blocks and ports: each peer of the rule
//! is part of what one other rule admits. Of rules that say the same, the first is not redundant.
//! Where L47 says that the whole policy limits nothing, its rules are not named again. It is an
//! information.

use super::implied::{covers, implies, peer_within, ports_of};
use super::shadowed_by_allow_all::opener;
use super::text::Field;
use super::wider::Own;
use super::{Context, Finding};
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::{Direction, Peer, Rule};

/// No more rules are compared: else a few thousand policies for the same pods would take as long as
/// everything else together.
const MOST_COMPARED: usize = 400_000;

/// One finding for each such rule.
///
/// # Cost
/// Linear in the rules of those policies that select all pods of a policy, for each of its rules;
/// up to a limit, behind which nothing is found.
pub fn findings(context: &Context<'_>) -> Vec<Finding> {
    let wider = context.wider();
    let mut findings = Vec::new();
    let mut left = MOST_COMPARED;
    for (index, own) in wider.all() {
        let rules = |direction| own.body.rules(direction).len();
        if Direction::BOTH.into_iter().all(|direction| rules(direction) == 0) {
            continue;
        }
        let others = wider.of(own);
        for direction in Direction::BOTH.into_iter().filter(|one| own.body.isolates(*one)) {
            if rules(direction) == 0 || opener(wider, own, direction).is_some() {
                continue;
            }
            let candidates = candidates(context, own, &others, direction);
            for (rule_index, rule) in own.body.rules(direction).iter().enumerate() {
                left = left.saturating_sub(candidates.len() * rule.peers.len().max(1));
                if left == 0 {
                    return findings;
                }
                let place = Place { policy: index, rule: rule_index };
                let Some(other) = redundant(&candidates, (place, rule)) else { continue };
                let finding = finding(own, other);
                let path = format!("spec.{}[{rule_index}]", direction.field());
                findings.push(context.about(&own.policy.object, Field::First(&[&path]), finding));
            }
        }
    }
    findings
}

/// Where a rule stands in the order of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    policy: usize,
    rule: usize,
}

/// A rule that holds for all pods of another one's policy.
struct Candidate<'s> {
    place: Place,
    own: Own<'s>,
    rule: &'s Rule,
    namespace: &'s str,
    /// Whether the policies of both select the same pods.
    is_same: bool,
}

fn candidates<'s>(
    context: &Context<'s>,
    own: Own<'s>,
    others: &[(usize, Own<'s>)],
    direction: Direction,
) -> Vec<Candidate<'s>> {
    let namespace = context.session.model().namespace_name(own.namespace);
    let isolating = others.iter().filter(|(_, one)| one.body.isolates(direction));
    let each = isolating.flat_map(|(policy, other)| {
        let is_same = implies(&other.body.subject, &own.body.subject);
        let rules = other.body.rules(direction).iter().enumerate();
        rules.filter(|(_, rule)| !rule.fails_closed).map(move |(index, rule)| Candidate {
            place: Place { policy: *policy, rule: index },
            own: *other,
            rule,
            namespace,
            is_same,
        })
    });
    each.collect()
}

/// A rule that admits a part of what another one does, if all of it is admitted by such rules.
fn redundant<'c, 's>(
    candidates: &'c [Candidate<'s>],
    (place, rule): (Place, &Rule),
) -> Option<&'c Candidate<'s>> {
    let ports = ports_of(&rule.ports);
    let covers_ports =
        |one: &&Candidate<'_>| one.place != place && covers(&ports_of(&one.rule.ports), &ports);
    let serving: Vec<&Candidate<'_>> = candidates.iter().filter(covers_ports).collect();
    let piece = |peer| Piece { place, rule, peer };
    let serving = |peer| serving.iter().find(|one| one.admits(&piece(peer))).copied();
    if rule.peers.is_empty() {
        return serving(None);
    }
    let each: Option<Vec<_>> = rule.peers.iter().map(|peer| serving(Some(peer))).collect();
    each?.into_iter().next()
}

/// A peer of a rule, or anybody.
struct Piece<'r> {
    place: Place,
    rule: &'r Rule,
    peer: Option<&'r Peer>,
}

impl Candidate<'_> {
    /// Whether it admits a part of a rule whose ports it has. Of two parts that are the same, the
    /// first stays: so what one adds is never missing because of the other.
    fn admits(&self, piece: &Piece<'_>) -> bool {
        let is_first = self.place < piece.place || !self.is_same || {
            let ports = ports_of(&self.rule.ports);
            !covers(&ports_of(&piece.rule.ports), &ports)
        };
        let Some(peer) = piece.peer else { return self.rule.peers.is_empty() && is_first };
        let has = |wide: &Peer| {
            peer_within(peer, wide, self.namespace)
                && (is_first || !peer_within(wide, peer, self.namespace))
        };
        self.rule.peers.is_empty() || self.rule.peers.iter().any(has)
    }
}

fn finding(own: Own<'_>, other: &Candidate<'_>) -> Diagnostic {
    let name = &other.own.policy.object.meta.name;
    let by = match std::ptr::eq(own.policy, other.own.policy) {
        true => format!("rule {} of this policy", other.place.rule + 1),
        false => format!("rule {} of `{name}`", other.place.rule + 1),
    };
    let message = format!("this rule adds nothing: {by} admits all of it already");
    Diagnostic::new(Code::RedundantRule, message)
        .with_help("remove the rule, or narrow the other one: rules never limit each other")
}

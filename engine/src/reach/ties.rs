//! Policies of equal priority that disagree about some flow.

use std::collections::BTreeMap;

use super::ask::Question;
use super::stage::{Evaluator, Segment};
use super::{Reach, pair};
use crate::manifest::{Action, Direction};
use crate::net::ConnSet;
use crate::policy::fold::{Outcomes, Ties, Walk};
use crate::policy::{CompiledPolicy, PolicyId, PolicyRef, PolicySet, Program, Tier};
use crate::verdict::Party;

/// A policy, and the first of those of its tier and priority with which it disagrees.
pub type Tie = (PolicyId, PolicyId);

impl Reach<'_> {
    /// Policies that select a pod in common with others of the same tier and priority, and do
    /// something else than one of these with some flow that no policy before them decides.
    ///
    /// # Shape
    /// Each policy once, ascending.
    ///
    /// # Cost
    /// None where no two policies of one priority select a common pod; else linear in the classes
    /// for each combination of policies that select one.
    pub fn ties(&mut self) -> Vec<Tie> {
        let (model, set, classes) = (self.model, self.set, &self.classes);
        let mut found: BTreeMap<PolicyId, PolicyId> = BTreeMap::new();
        for ((family, rows), memory) in self.rows.iter().zip(&mut self.stages) {
            let (conns, stages, family) = (&mut self.conns, &rows.stages, *family);
            let mut evaluator = Evaluator { model, set, stages, conns, memory };
            for (id, segment) in stages.segments().filter(|(_, one)| !one.ties.is_empty()) {
                for (source, class) in classes.iter().filter(|(_, c)| c.place(family).is_some()) {
                    let question = Question { model, set, classes, rows, family, source };
                    let Some(party) = question.party(class) else { continue };
                    if evaluator.fate(id, (source, &party)).1 {
                        for (policy, other) in disagreeing(set, segment, &party) {
                            found.entry(policy).or_insert(other);
                        }
                    }
                }
            }
        }
        found.into_iter().collect()
    }
}

/// A segment's policies that do something else with a peer than others of their priority.
fn disagreeing(set: &PolicySet, segment: &Segment, peer: &Party<'_>) -> Vec<Tie> {
    let mut found = Vec::new();
    for tier in &segment.program.tiers {
        let known = tier.policies.iter().filter_map(|one| Some((*one, set.policy(one.policy)?)));
        let known: Vec<(PolicyRef, &CompiledPolicy)> =
            known.map(|(one, policy)| (one, &**policy)).collect();
        for tied in known.chunk_by(|(_, a), (_, b)| a.ties_with(b)) {
            let alone = |(one, policy): &(PolicyRef, &CompiledPolicy)| Alone {
                policy: one.policy,
                passes: passes(policy, segment.direction),
                outcomes: by_itself((set, tier), segment.direction, *one, peer),
            };
            let tied: Vec<Alone> = tied.iter().map(alone).collect();
            // The first that disagrees is found at once where many do.
            let other = |one: &Alone| tied.iter().find(|other| one.disagrees(other));
            found.extend(tied.iter().filter_map(|one| Some((one.policy, other(one)?.policy))));
        }
    }
    found
}

/// What a policy does where no other one is.
struct Alone {
    policy: PolicyId,
    /// Whether one of its rules passes on, rather than that none matches.
    passes: bool,
    outcomes: Outcomes<ConnSet>,
}

impl Alone {
    fn disagrees(&self, other: &Self) -> bool {
        let meet = |a: &ConnSet, b: &ConnSet| !a.intersection(b).is_empty();
        let (one, two) = (&self.outcomes, &other.outcomes);
        let decides = |of: &Outcomes<ConnSet>| !of.accept.is_empty() || !of.deny.is_empty();
        meet(&one.accept, &two.deny)
            || meet(&one.deny, &two.accept)
            || (self.passes && decides(two))
            || (other.passes && decides(one))
    }
}

fn by_itself(
    (set, tier): (&PolicySet, &Tier),
    direction: Direction,
    one: PolicyRef,
    peer: &Party<'_>,
) -> Outcomes<ConnSet> {
    let tier = Tier { policies: vec![one], ..tier.clone() };
    let program = Program { tiers: vec![tier] };
    let walk = Walk { set, direction, ties: Ties::Any };
    pair::by_tier(walk, &program, (None, None), peer)
}

fn passes(policy: &CompiledPolicy, direction: Direction) -> bool {
    let rules = policy.rules(direction).unwrap_or_default();
    rules.iter().any(|rule| rule.action == Action::Pass)
}

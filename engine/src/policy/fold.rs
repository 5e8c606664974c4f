//! The one walk through the tiers of a program.
//!
//! What the input does not tell is a choice between worlds, each of which fits it: in some of them
//! a rule matches, in others it does not. The walk carries a set of flows (one flow, or many at
//! once) and gathers what may become of each: accepted, denied, or both. A flow that is only
//! accepted is allowed, one that is only denied is denied, and of one that is both it cannot be
//! known.
//!
//! - A rule that may match adds its outcome; one that matches for certain also ends the walk for
//!   what it matches.
//! - A policy of which it is unknown whether it selects the pod adds its outcomes and ends nothing.
//! - Policies of equal priority may be evaluated in any order, so each of them sees what was
//!   undecided before the first. NetworkPolicies all have the same priority, and since they only
//!   accept, they add up.
//! - A tier's end comes last, and only where one of its policies selects the pod. If each is
//!   uncertain, then at least one of them does where the end is reached.
//!
//! # Source
//! ClusterNetworkPolicy §5, NetworkPolicy §6.

use super::{CompiledPolicy, PolicyRef, PolicyRule, PolicySet, Program, Tier, TierKind};
use crate::manifest::{Action, Direction};
use crate::selector::Match;

/// Sets of flows, and what the walk does with them.
pub trait Flows {
    /// A set.
    type Set: Clone;
    /// Every flow.
    fn all(&mut self) -> Self::Set;
    /// No flow.
    fn none(&mut self) -> Self::Set;
    /// Those in either.
    fn union(&mut self, a: &Self::Set, b: &Self::Set) -> Self::Set;
    /// Those in both.
    fn intersection(&mut self, a: &Self::Set, b: &Self::Set) -> Self::Set;
    /// Those in the first and not in the second.
    fn difference(&mut self, a: &Self::Set, b: &Self::Set) -> Self::Set;
    /// Whether there is none.
    fn is_empty(&self, set: &Self::Set) -> bool;
}

/// One flow: it is in the set or not.
#[derive(Clone, Copy, Debug)]
pub struct OneFlow;

impl Flows for OneFlow {
    type Set = bool;

    fn all(&mut self) -> bool {
        true
    }

    fn none(&mut self) -> bool {
        false
    }

    fn union(&mut self, a: &bool, b: &bool) -> bool {
        *a || *b
    }

    fn intersection(&mut self, a: &bool, b: &bool) -> bool {
        *a && *b
    }

    fn difference(&mut self, a: &bool, b: &bool) -> bool {
        *a && !*b
    }

    fn is_empty(&self, set: &bool) -> bool {
        !*set
    }
}

/// What may become of flows, over all worlds that fit the input.
///
/// # Shape
/// A flow may be in several; one that the walk was about is in at least one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Outcomes<S> {
    /// It passes this end.
    pub accept: S,
    /// It is denied.
    pub deny: S,
    /// The next tier decides. Empty after the last tier: what that passes on is accepted.
    pub pass: S,
}

/// In which order policies of equal priority are evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ties {
    /// In any: what some order leads to may become of a flow.
    Any,
    /// By name, as a program of the kernel does.
    ByName,
}

/// What the walk asks and tells.
pub trait Rules<F: Flows> {
    /// Whether to look at every rule, also where all is decided.
    const FULL: bool;
    /// A tier's policies come next.
    fn tier(&mut self, _kind: TierKind) {}
    /// A policy's rules come next.
    fn policy(&mut self, _policy: PolicyRef) {}
    /// Whether the rule's peers are the other end, and the flows on its ports.
    fn rule(&mut self, flows: &mut F, rule: &PolicyRule) -> (Match, F::Set);
    /// Whether the rule that was asked last decides something, or may.
    fn decides(&mut self, _decides: bool) {}
    /// What may become of flows in the tier.
    fn tier_ends(&mut self, _outcomes: &Outcomes<F::Set>) {}
}

/// What may become of all flows under a program: accepted or denied at this end.
pub fn walk<F: Flows, R: Rules<F>>(
    (set, program): (&PolicySet, &Program),
    (direction, ties): (Direction, Ties),
    flows: &mut F,
    rules: &mut R,
) -> Outcomes<F::Set> {
    let (mut accept, mut deny, mut pass) = (flows.none(), flows.none(), flows.all());
    for tier in &program.tiers {
        if !R::FULL && flows.is_empty(&pass) {
            break;
        }
        let walk = TierWalk { set, direction, ties, tier };
        let outcomes = walk.run(pass, flows, rules);
        accept = flows.union(&accept, &outcomes.accept);
        deny = flows.union(&deny, &outcomes.deny);
        pass = outcomes.pass;
    }
    // What no tier has decided is allowed.
    let accept = flows.union(&accept, &pass);
    Outcomes { accept, deny, pass: flows.none() }
}

/// What may become of some flows in one tier.
pub fn tier<F: Flows, R: Rules<F>>(
    (set, tier): (&PolicySet, &Tier),
    (direction, ties): (Direction, Ties),
    flows: &mut F,
    rules: &mut R,
) -> Outcomes<F::Set> {
    let entry = flows.all();
    TierWalk { set, direction, ties, tier }.run(entry, flows, rules)
}

struct TierWalk<'w> {
    set: &'w PolicySet,
    direction: Direction,
    ties: Ties,
    tier: &'w Tier,
}

/// Flows of a tier on their way.
struct Undecided<S> {
    /// All that came into the tier.
    entry: S,
    /// What the policies of a lower priority left undecided.
    open: S,
    /// What those of this priority leave as well, so far.
    next: S,
    /// What policies leave undecided of which it is unknown whether they select the pod, if one of
    /// them alone does.
    alone: S,
}

impl TierWalk<'_> {
    fn run<F: Flows, R: Rules<F>>(
        &self,
        entry: F::Set,
        flows: &mut F,
        rules: &mut R,
    ) -> Outcomes<F::Set> {
        rules.tier(self.tier.kind);
        let mut out = Outcomes { accept: flows.none(), deny: flows.none(), pass: flows.none() };
        let alone = flows.none();
        let mut undecided = Undecided { open: entry.clone(), next: entry.clone(), entry, alone };
        let mut priority = None;
        for one in &self.tier.policies {
            let Some(policy) = self.set.policy(one.policy) else { continue };
            if self.ties == Ties::ByName
                || priority.replace(policy.priority) != Some(policy.priority)
            {
                undecided.open = undecided.next.clone();
            }
            // Where rules only accept, what is accepted already cannot be denied by another one.
            let only_accepts = self.tier.kind.only_accepts();
            let settled = if only_accepts { &undecided.next } else { &undecided.open };
            if !R::FULL && flows.is_empty(settled) {
                break;
            }
            rules.policy(*one);
            let left = self.policy(policy, &undecided, (flows, rules), &mut out);
            if one.certain {
                undecided.next = flows.intersection(&undecided.next, &left);
            } else {
                undecided.alone = flows.union(&undecided.alone, &left);
            }
        }
        self.end(&undecided, flows, &mut out);
        rules.tier_ends(&out);
        out
    }

    /// What a policy leaves undecided, if it selects the pod.
    fn policy<F: Flows, R: Rules<F>>(
        &self,
        policy: &CompiledPolicy,
        undecided: &Undecided<F::Set>,
        (flows, rules): (&mut F, &mut R),
        out: &mut Outcomes<F::Set>,
    ) -> F::Set {
        let mut left = undecided.open.clone();
        for rule in policy.rules(self.direction).unwrap_or_default() {
            if !R::FULL && flows.is_empty(&left) {
                break;
            }
            let (matches, on_ports) = rules.rule(flows, rule);
            let hit = match matches {
                Match::No => flows.none(),
                Match::Unknown | Match::Yes => flows.intersection(&left, &on_ports),
            };
            rules.decides(self.is_decisive((matches, &on_ports), (&hit, undecided), flows));
            if flows.is_empty(&hit) {
                continue;
            }
            let outcome = out.of(rule.action);
            *outcome = flows.union(outcome, &hit);
            if matches == Match::Yes {
                left = flows.difference(&left, &hit);
            }
        }
        left
    }

    /// Of rules that only accept, each that matches is as good as another.
    fn is_decisive<F: Flows>(
        &self,
        (matches, on_ports): (Match, &F::Set),
        (hit, undecided): (&F::Set, &Undecided<F::Set>),
        flows: &mut F,
    ) -> bool {
        if !self.tier.kind.only_accepts() || matches == Match::No {
            return !flows.is_empty(hit);
        }
        let concerned = flows.intersection(&undecided.entry, on_ports);
        !flows.is_empty(&concerned)
    }

    fn end<F: Flows>(
        &self,
        undecided: &Undecided<F::Set>,
        flows: &mut F,
        out: &mut Outcomes<F::Set>,
    ) {
        let reaching = match self.tier.is_certain() {
            true => &undecided.next,
            false => {
                out.pass = flows.union(&out.pass, &undecided.entry);
                &undecided.alone
            }
        };
        let outcome = out.of(self.tier.kind.end());
        *outcome = flows.union(outcome, reaching);
    }
}

impl<S> Outcomes<S> {
    fn of(&mut self, action: Action) -> &mut S {
        match action {
            Action::Accept => &mut self.accept,
            Action::Deny => &mut self.deny,
            Action::Pass => &mut self.pass,
        }
    }
}

impl Outcomes<bool> {
    /// Whether the flow passes, in every world, in none, or in some.
    pub fn admits(&self) -> Match {
        match (self.accept, self.deny) {
            (true, false) => Match::Yes,
            (true, true) => Match::Unknown,
            (false, _) => Match::No,
        }
    }

    /// What may become of it in one set of worlds or another.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            accept: self.accept || other.accept,
            deny: self.deny || other.deny,
            pass: self.pass || other.pass,
        }
    }
}

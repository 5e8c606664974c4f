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

use super::{CompiledPolicy, PolicyRef, PolicyRule, PolicySet, Program, Tier};
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
    fn tier(&mut self, _tier: &Tier) {}
    /// A policy's rules come next.
    fn policy(&mut self, _policy: PolicyRef) {}
    /// Whether a rule matches, and which flows.
    fn rule(&mut self, flows: &mut F, rule: &PolicyRule) -> RuleHit<F::Set>;
    /// Whether the rule that was asked last decides something, or may.
    fn decides(&mut self, _decides: bool) {}
    /// What may become of flows in the tier.
    fn tier_ends(&mut self, _outcomes: &Outcomes<F::Set>) {}
}

/// Whether a rule matches flows of two ends.
#[derive(Clone, Debug)]
pub struct RuleHit<S> {
    /// Whether it is about these ends.
    pub matches: Match,
    /// Flows between them that it is about for certain.
    pub certain: S,
    /// Flows between them that it may be about, these included.
    pub possible: S,
}

impl<S: Clone> RuleHit<S> {
    /// A rule of which it is known which flows it is about.
    pub fn exactly(matches: Match, flows: S) -> Self {
        Self { matches, certain: flows.clone(), possible: flows }
    }
}

/// Whose rules are walked, and how.
#[derive(Clone, Copy, Debug)]
pub struct Walk<'w> {
    /// The policies.
    pub set: &'w PolicySet,
    /// The direction.
    pub direction: Direction,
    /// The order of policies of equal priority.
    pub ties: Ties,
}

impl Walk<'_> {
    /// What may become of all flows under a program: accepted or denied at this end.
    pub fn program<F: Flows, R: Rules<F>>(
        self,
        program: &Program,
        flows: &mut F,
        rules: &mut R,
    ) -> Outcomes<F::Set> {
        let (mut accept, mut deny, mut pass) = (flows.none(), flows.none(), flows.all());
        for tier in &program.tiers {
            if !R::FULL && flows.is_empty(&pass) {
                break;
            }
            let outcomes = TierWalk { walk: self, tier, flows, rules }.run(pass);
            accept = flows.union(&accept, &outcomes.accept);
            deny = flows.union(&deny, &outcomes.deny);
            pass = outcomes.pass;
        }
        // What no tier has decided is allowed.
        let accept = flows.union(&accept, &pass);
        Outcomes { accept, deny, pass: flows.none() }
    }

    /// What may become of all flows in one tier.
    pub fn tier<F: Flows, R: Rules<F>>(
        self,
        tier: &Tier,
        flows: &mut F,
        rules: &mut R,
    ) -> Outcomes<F::Set> {
        let entry = flows.all();
        TierWalk { walk: self, tier, flows, rules }.run(entry)
    }
}

struct TierWalk<'w, F, R> {
    walk: Walk<'w>,
    tier: &'w Tier,
    flows: &'w mut F,
    rules: &'w mut R,
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

/// What a rule matches.
struct Hit<S> {
    /// Whether its peers are the other end.
    matches: Match,
    /// The flows on its ports.
    on_ports: S,
    /// Those of them that are undecided, if it may match.
    undecided: S,
    /// Those of these that it matches for certain.
    certain: S,
}

impl<F: Flows, R: Rules<F>> TierWalk<'_, F, R> {
    fn run(mut self, entry: F::Set) -> Outcomes<F::Set> {
        let (walk, tier) = (self.walk, self.tier);
        self.rules.tier(tier);
        let none = self.flows.none();
        let mut out = Outcomes { accept: none.clone(), deny: none.clone(), pass: none.clone() };
        let mut undecided =
            Undecided { open: entry.clone(), next: entry.clone(), entry, alone: none };
        let mut before: Option<&CompiledPolicy> = None;
        for one in &tier.policies {
            let Some(policy) = walk.set.policy(one.policy) else { continue };
            let is_tied = before.replace(policy).is_some_and(|other| other.ties_with(policy));
            if walk.ties == Ties::ByName || !is_tied {
                undecided.open = undecided.next.clone();
            }
            // Where rules only accept, what is accepted already cannot be denied by another one.
            let only_accepts = tier.kind.only_accepts();
            let settled = if only_accepts { &undecided.next } else { &undecided.open };
            if !R::FULL && self.flows.is_empty(settled) {
                break;
            }
            self.rules.policy(*one);
            let left = self.policy(policy, &undecided, &mut out);
            if one.certain {
                undecided.next = self.flows.intersection(&undecided.next, &left);
            } else {
                undecided.alone = self.flows.union(&undecided.alone, &left);
            }
        }
        self.end(&undecided, &mut out);
        self.rules.tier_ends(&out);
        out
    }

    /// What a policy leaves undecided, if it selects the pod.
    fn policy(
        &mut self,
        policy: &CompiledPolicy,
        undecided: &Undecided<F::Set>,
        out: &mut Outcomes<F::Set>,
    ) -> F::Set {
        let mut left = undecided.open.clone();
        for rule in policy.rules(self.walk.direction).unwrap_or_default() {
            if !R::FULL && self.flows.is_empty(&left) {
                break;
            }
            let hit = self.hit(rule, &left);
            let decides = rule.action != Action::Log && self.is_decisive(&hit, &undecided.entry);
            self.rules.decides(decides);
            // What is only written down goes on.
            let Some(outcome) =
                out.of(rule.action).filter(|_| !self.flows.is_empty(&hit.undecided))
            else {
                continue;
            };
            *outcome = self.flows.union(outcome, &hit.undecided);
            left = self.flows.difference(&left, &hit.certain);
        }
        left
    }

    fn hit(&mut self, rule: &PolicyRule, left: &F::Set) -> Hit<F::Set> {
        let RuleHit { matches, certain, possible } = self.rules.rule(self.flows, rule);
        let undecided = match matches {
            Match::No => self.flows.none(),
            Match::Unknown | Match::Yes => self.flows.intersection(left, &possible),
        };
        let certain = match matches {
            Match::Yes => self.flows.intersection(left, &certain),
            Match::Unknown | Match::No => self.flows.none(),
        };
        Hit { matches, on_ports: possible, undecided, certain }
    }

    /// Of rules that only accept, each that matches is as good as another.
    fn is_decisive(&mut self, hit: &Hit<F::Set>, entry: &F::Set) -> bool {
        if !self.tier.kind.only_accepts() || hit.matches == Match::No {
            return !self.flows.is_empty(&hit.undecided);
        }
        let concerned = self.flows.intersection(entry, &hit.on_ports);
        !self.flows.is_empty(&concerned)
    }

    fn end(&mut self, undecided: &Undecided<F::Set>, out: &mut Outcomes<F::Set>) {
        let reaching = match self.tier.is_certain() {
            true => &undecided.next,
            false => {
                out.pass = self.flows.union(&out.pass, &undecided.entry);
                &undecided.alone
            }
        };
        if let Some(outcome) = out.of(self.tier.end) {
            *outcome = self.flows.union(outcome, reaching);
        }
    }
}

impl<S> Outcomes<S> {
    /// What an action adds to; none for one that decides nothing.
    fn of(&mut self, action: Action) -> Option<&mut S> {
        match action {
            Action::Accept => Some(&mut self.accept),
            Action::Deny => Some(&mut self.deny),
            Action::Pass => Some(&mut self.pass),
            Action::Log => None,
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

//! What is looked at on the way to a verdict.

use std::sync::Arc;

use crate::manifest::Direction;
use crate::policy::fold::Outcomes;
use crate::policy::{PolicyRef, Tier, TierKind};
use crate::selector::Match;

/// Receives what is found on the way to a verdict. With `FULL`, every entry is looked at even
/// where the verdict is settled.
pub trait Trace {
    /// Whether to look at everything.
    const FULL: bool;
    /// Tiers of a host endpoint come next.
    fn host(&mut self, _name: &Arc<str>) {}
    /// A tier's policies come next, with rules of a direction.
    fn tier(&mut self, _tier: &Tier, _direction: Direction) {}
    /// A policy's rules come next.
    fn policy(&mut self, _policy: PolicyRef) {}
    /// A rule's entries come next.
    fn rule(&mut self) {}
    /// What a port entry says.
    fn port(&mut self, _matches: Match) {}
    /// What a peer says, or a condition of a rule that has some.
    fn peer(&mut self, _matches: Match) {}
    /// Whether the rule matches.
    fn rule_matches(&mut self, _matches: Match) {}
    /// Whether the rule decides what becomes of the flow, or may.
    fn rule_decides(&mut self, _decides: bool) {}
    /// What may become of the flow in the tier; nothing, if an earlier tier has decided.
    fn tier_ends(&mut self, _outcomes: Outcomes<bool>) {}
}

/// A trace that keeps nothing.
#[derive(Clone, Copy, Debug)]
pub struct NoTrace;

impl Trace for NoTrace {
    const FULL: bool = false;
}

/// Everything that was looked at, in order: the evidence of a verdict.
///
/// # Shape
/// Tiers, policies, rules, ports and peers stand in the order of their program and manifests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Tiers of the program, and what they say.
    pub tiers: Vec<TierRecord>,
    /// The host endpoint whose tiers come next, if they are of one.
    host: Option<Arc<str>>,
}

/// What a tier said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TierRecord {
    /// Which one.
    pub kind: TierKind,
    /// Its name, if it is one of Calico's.
    pub name: Option<Arc<str>>,
    /// The host endpoint that it is of, if it is of one.
    pub host: Option<Arc<str>>,
    /// The direction of its rules.
    pub direction: Direction,
    /// Policies and their rules.
    pub policies: Vec<PolicyRecord>,
    /// What may become of the flow; nothing, if an earlier tier has decided.
    pub outcomes: Outcomes<bool>,
}

/// What a policy said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyRecord {
    /// The policy.
    pub policy: PolicyRef,
    /// Its rules.
    pub rules: Vec<RuleRecord>,
}

/// What one rule said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleRecord {
    /// Whether it matches the flow.
    pub matches: Option<Match>,
    /// Whether it decides what becomes of the flow, or may.
    pub decides: bool,
    /// What its peers say, or its conditions if it has some.
    pub peers: Vec<Match>,
    /// What its ports say.
    pub ports: Vec<Match>,
}

impl Record {
    fn policies(&mut self) -> Option<&mut Vec<PolicyRecord>> {
        Some(&mut self.tiers.last_mut()?.policies)
    }

    fn last(&mut self) -> Option<&mut RuleRecord> {
        self.policies()?.last_mut()?.rules.last_mut()
    }
}

impl Trace for Record {
    const FULL: bool = true;

    fn host(&mut self, name: &Arc<str>) {
        self.host = Some(name.clone());
    }

    fn tier(&mut self, tier: &Tier, direction: Direction) {
        let (outcomes, policies) = (Outcomes::default(), Vec::new());
        let (kind, name, host) = (tier.kind, tier.name.clone(), self.host.clone());
        self.tiers.push(TierRecord { kind, name, host, direction, policies, outcomes });
    }

    fn policy(&mut self, policy: PolicyRef) {
        if let Some(policies) = self.policies() {
            policies.push(PolicyRecord { policy, rules: Vec::new() });
        }
    }

    fn rule(&mut self) {
        if let Some(policy) = self.policies().and_then(|policies| policies.last_mut()) {
            policy.rules.push(RuleRecord::default());
        }
    }

    fn port(&mut self, matches: Match) {
        if let Some(rule) = self.last() {
            rule.ports.push(matches);
        }
    }

    fn peer(&mut self, matches: Match) {
        if let Some(rule) = self.last() {
            rule.peers.push(matches);
        }
    }

    fn rule_matches(&mut self, matches: Match) {
        if let Some(rule) = self.last() {
            rule.matches = Some(matches);
        }
    }

    fn rule_decides(&mut self, decides: bool) {
        if let Some(rule) = self.last() {
            rule.decides = decides;
        }
    }

    fn tier_ends(&mut self, outcomes: Outcomes<bool>) {
        if let Some(tier) = self.tiers.last_mut() {
            tier.outcomes = outcomes;
        }
    }
}

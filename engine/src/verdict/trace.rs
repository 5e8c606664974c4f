//! What is looked at on the way to a verdict.

use crate::policy::PolicyRef;
use crate::selector::Match;

/// Receives what is found on the way to a verdict. With `FULL`, every entry is looked at even
/// where the verdict is settled.
pub trait Trace {
    /// Whether to look at everything.
    const FULL: bool;
    /// A policy's rules come next.
    fn policy(&mut self, _policy: PolicyRef) {}
    /// A rule's entries come next.
    fn rule(&mut self) {}
    /// What a port entry says.
    fn port(&mut self, _matches: Match) {}
    /// What a peer says.
    fn peer(&mut self, _matches: Match) {}
    /// What the rule says.
    fn rule_admits(&mut self, _admits: Match) {}
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
/// Policies, rules, ports and peers stand in the order of their program and manifests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Policies and their rules.
    pub policies: Vec<(PolicyRef, Vec<RuleRecord>)>,
}

/// What one rule said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleRecord {
    /// Whether it admits the flow.
    pub admits: Option<Match>,
    /// What its peers say.
    pub peers: Vec<Match>,
    /// What its ports say.
    pub ports: Vec<Match>,
}

impl Record {
    fn last(&mut self) -> Option<&mut RuleRecord> {
        self.policies.last_mut()?.1.last_mut()
    }
}

impl Trace for Record {
    const FULL: bool = true;

    fn policy(&mut self, policy: PolicyRef) {
        self.policies.push((policy, Vec::new()));
    }

    fn rule(&mut self) {
        if let Some((_, rules)) = self.policies.last_mut() {
            rules.push(RuleRecord::default());
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

    fn rule_admits(&mut self, admits: Match) {
        if let Some(rule) = self.last() {
            rule.admits = Some(admits);
        }
    }
}

//! Asking a program's rules about one flow.

use super::conditions::{Between, ItemMatch};
use super::matches::{peer_matches, ports_match};
use super::{Party, Question, Trace};
use crate::policy::fold::{OneFlow, Outcomes, RuleHit, Rules};
use crate::policy::{Condition, PolicyRef, PolicyRule, PolicySet, RulePeer, Seat, Tier};
use crate::selector::Match;

/// Asks rules about one flow.
pub(super) struct Asking<'a, 'q, 'm, T> {
    pub(super) set: &'a PolicySet,
    pub(super) question: Question<'q, 'm>,
    pub(super) is_reply: bool,
    pub(super) assumed: Assumed,
    pub(super) trace: &'a mut T,
}

/// What is assumed of peers that are open, to find out what decides; nothing leaves them open.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Assumed {
    pub(super) names: Option<Match>,
    pub(super) labels: Option<Match>,
    pub(super) namespaces: Option<Match>,
    pub(super) ports: Option<Match>,
    pub(super) doubts: Option<Match>,
}

impl Assumed {
    pub(super) fn all(matches: Match) -> Self {
        let matches = Some(matches);
        Self {
            names: matches,
            labels: matches,
            namespaces: matches,
            ports: matches,
            doubts: matches,
        }
    }

    fn of(self, set: &PolicySet, peer: RulePeer, party: &Party<'_>) -> Match {
        let assumed = match peer {
            RulePeer::Names(_) => self.names,
            RulePeer::Pods(id) if party.is_elsewhere(set, id) => self.namespaces,
            RulePeer::Pods(_) => self.labels,
            RulePeer::Block(_) | RulePeer::Nodes(..) => None,
        };
        assumed.unwrap_or(Match::Unknown)
    }

    /// What stands at an address, if all labels are as assumed.
    fn of_items(self, found: ItemMatch, is_elsewhere: bool) -> ItemMatch {
        let assumed = if is_elsewhere { self.namespaces } else { self.labels };
        match found.pods {
            Match::Unknown => ItemMatch { pods: assumed.unwrap_or(found.pods), ..found },
            _ => found,
        }
    }
}

impl<T: Trace> Asking<'_, '_, '_, T> {
    fn peers_match(&mut self, rule: &PolicyRule) -> Match {
        let mut matches = Match::from(rule.peers.is_empty());
        for peer in &rule.peers {
            let entry = match peer_matches(self.set, *peer, self.question.peer) {
                Match::Unknown => self.assumed.of(self.set, *peer, self.question.peer),
                known => known,
            };
            self.trace.peer(entry);
            matches = matches.max(entry);
            if matches == Match::Yes && !T::FULL {
                break;
            }
        }
        matches
    }

    /// Whether all conditions of a rule hold.
    fn conditions_hold(&mut self, rule: &PolicyRule) -> Match {
        let Question { direction, subject, peer, protocol, port } = self.question;
        let is_reply = self.is_reply;
        let between = Between { direction, subject: Some(subject), peer, is_reply };
        let mut matches = Match::Yes;
        for condition in &rule.conditions {
            let settle = |seat: Seat, found: ItemMatch| {
                let party = if seat == Seat::Peer { peer } else { subject };
                let sets = condition.sets();
                let is_elsewhere = sets.is_some_and(|id| party.is_elsewhere(self.set, id));
                self.assumed.of_items(found, is_elsewhere)
            };
            let end = between.end_matches(self.set, condition, settle);
            let flow = between.flow_matches(self.set, condition, (protocol, port));
            let is_doubt = matches!(
                condition,
                Condition::Flows { .. } | Condition::SourcePorts { .. } | Condition::Open(_)
            );
            let one = match end.min(flow) {
                Match::Unknown if is_doubt => self.assumed.doubts.unwrap_or(Match::Unknown),
                Match::Unknown if end == Match::Yes => self.assumed.ports.unwrap_or(Match::Unknown),
                known => known,
            };
            self.trace.peer(one);
            matches = matches.min(one);
            if matches == Match::No && !T::FULL {
                break;
            }
        }
        matches
    }
}

impl<T: Trace> Rules<OneFlow> for Asking<'_, '_, '_, T> {
    const FULL: bool = T::FULL;

    fn tier(&mut self, tier: &Tier) {
        self.trace.tier(tier, self.question.direction);
    }

    fn policy(&mut self, policy: PolicyRef) {
        self.trace.policy(policy);
    }

    fn rule(&mut self, _flows: &mut OneFlow, rule: &PolicyRule) -> RuleHit<bool> {
        self.trace.rule();
        if !rule.conditions.is_empty() {
            let matches = self.conditions_hold(rule);
            self.trace.rule_matches(matches);
            return RuleHit::exactly(matches, matches != Match::No);
        }
        let ports = match ports_match(&rule.ports, self.question, self.trace) {
            Match::Unknown => self.assumed.ports.unwrap_or(Match::Unknown),
            known => known,
        };
        if ports == Match::No && !T::FULL {
            return RuleHit::exactly(Match::No, false);
        }
        let peers = self.peers_match(rule);
        self.trace.rule_matches(ports.min(peers));
        RuleHit::exactly(ports.min(peers), ports != Match::No)
    }

    fn decides(&mut self, decides: bool) {
        self.trace.rule_decides(decides);
    }

    fn tier_ends(&mut self, outcomes: &Outcomes<bool>) {
        self.trace.tier_ends(*outcomes);
    }
}

//! What remains of a policy of which something is not understood: never more than what it may
//! allow, and always what it may deny.

use super::super::policy::{Action, Rule};
use super::spec::Parts;
use super::{ClusterPolicy, ClusterPolicyKind, ClusterTier, Subject};
use crate::selector::Selector;
use crate::source::Span;

/// The policy of what was read of it.
///
/// A subject that is not understood may select any pod, so it selects all, and a tier or a priority
/// that is not understood may be before any other, so it is the first. In all three cases the
/// policy may just as well be of no account where it stands now, so that it must not open anything:
/// its Accept rules do nothing, and its Pass rules, which spare a flow the denials that come after
/// them, deny. A later version that says more in `spec` may turn any of its rules around: all fail
/// closed. [ClusterNetworkPolicy §3]
pub fn policy(kind: ClusterPolicyKind, parts: Parts, span: Span) -> ClusterPolicy {
    let placed = parts.tier.zip(parts.priority);
    let doubtful = placed.is_none() || parts.subject.is_none();
    let (tier, priority) = placed.unwrap_or((parts.tier.unwrap_or(ClusterTier::Admin), 0));
    let subject = parts.subject.unwrap_or_else(everybody);
    let rules = |rules: Option<Vec<Rule>>| {
        let mut rules = rules.unwrap_or_else(|| vec![deny_all(span)]);
        for rule in &mut rules {
            rule.fails_closed |= !parts.complete;
            if doubtful {
                open_nothing(rule);
            }
        }
        rules
    };
    let (ingress, egress) = (rules(parts.ingress), rules(parts.egress));
    ClusterPolicy { kind, tier, priority, subject, ingress, egress }
}

fn everybody() -> Subject {
    Subject { namespaces: Selector::default(), pods: Selector::default() }
}

/// A rule in place of a list of rules that is not understood.
fn deny_all(span: Span) -> Rule {
    let (peers, ports) = (Vec::new(), Vec::new());
    let (action, conditions) = (Action::Deny, Vec::new());
    Rule { name: None, action, fails_closed: true, peers, ports, conditions, span }
}

fn open_nothing(rule: &mut Rule) {
    match rule.action {
        Action::Accept => rule.fails_closed = true,
        Action::Pass => rule.action = Action::Deny,
        Action::Deny | Action::Log => {}
    }
}

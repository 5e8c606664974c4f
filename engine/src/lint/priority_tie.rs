//! L49: cluster policies of equal priority that disagree about a flow.
//!
//! Which of the two is evaluated first is not defined, so neither is what they decide together.

use super::{Context, Finding, about};
use crate::diagnostic::{Code, Diagnostic};
use crate::reach::Reach;

/// One finding for each policy that disagrees with another one, which it names; in whatever
/// directions they do. Of a thousand that all disagree that is a thousand, not a million.
pub fn findings(context: &Context<'_>) -> Vec<Finding> {
    let session = context.session;
    let set = session.policies();
    if !set.has_equal_priorities() {
        return Vec::new();
    }
    let ties = Reach::new(session.model(), set).ties();
    let findings = ties.into_iter().filter_map(|(policy, other)| {
        let (policy, other) = (set.policy(policy)?, set.policy(other)?);
        let (name, priority) = (&policy.object.meta.name, policy.priority);
        let other = &other.object.meta.name;
        let message = format!(
            "`{name}` has the same priority {priority} as `{other}`, and the two disagree about \
             some flows: which of them is evaluated first is not defined"
        );
        let finding = Diagnostic::new(Code::PriorityTie, message);
        let finding = finding.with_help("give one of the two another priority");
        Some(about(session, &policy.object, "spec.priority", finding))
    });
    findings.collect()
}

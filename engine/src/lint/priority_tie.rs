//! L49: cluster policies of equal priority that disagree about a flow.
//!
//! Which of the two is evaluated first is not defined, so what becomes of the flow is not either.

use super::{Finding, about};
use crate::diagnostic::{Code, Diagnostic};
use crate::reach::Reach;
use crate::session::Session;

/// One finding for each pair, on the policy that comes second by name; in whatever directions they
/// disagree.
pub fn findings(session: &Session) -> Vec<Finding> {
    let set = session.policies();
    if !set.has_equal_priorities() {
        return Vec::new();
    }
    let ties = Reach::new(session.model(), set).ties();
    let mut pairs: Vec<_> = ties.iter().map(|(a, b, _)| (*a, *b)).collect();
    pairs.dedup();
    let pairs = pairs.into_iter().filter_map(|(a, b)| {
        let (mut first, mut second) = (set.policy(a)?, set.policy(b)?);
        if second.object.meta.name < first.object.meta.name {
            (first, second) = (second, first);
        }
        let (other, priority) = (&first.object.meta.name, second.priority);
        let message = format!(
            "`{other}` has the same priority {priority}, and the two disagree about some flows: \
             which of them is evaluated first is not defined"
        );
        let finding = Diagnostic::new(Code::PriorityTie, message);
        let finding = finding.with_help("give one of the two another priority");
        Some(about(session, &second.object, "spec.priority", finding))
    });
    pairs.collect()
}

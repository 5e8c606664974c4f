//! L09: a selector for a label that controllers change or make up.
//!
//! **What.** A selector by `pod-template-hash`, `controller-revision-hash`,
//! `pod-template-generation` or a Job's `controller-uid`.
//!
//! **Why.** With the next version of the workload, or the next run of the job, the value is another
//! one, and the selector matches nothing.
//!
//! **Fix.** Select by labels of the pods' template.

use super::named::written;
use super::text::Field;
use super::{Context, Finding};
use crate::diagnostic::{Code, Diagnostic};
use crate::selector::Operator;

/// Labels that controllers set.
const VOLATILE: [&str; 5] = [
    "pod-template-hash",
    "controller-revision-hash",
    "pod-template-generation",
    "controller-uid",
    "batch.kubernetes.io/controller-uid",
];

/// One finding for each such selector.
///
/// # Cost
/// Linear in the selectors.
pub fn findings(context: &Context<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (_, policy) in context.session.policies().policies() {
        for one in written(&policy.object).into_iter().filter(|one| !one.of_namespaces) {
            let mut asked = one.selector.requirements().iter();
            let found = asked.find(|requirement| {
                let has_value = matches!(requirement.operator, Operator::In | Operator::NotIn);
                has_value && VOLATILE.contains(&&*requirement.key)
            });
            let Some(requirement) = found else { continue };
            let key = &requirement.key;
            let message = format!(
                "a controller sets the label `{key}`: its value changes with the next version of \
                 the workload"
            );
            let finding = Diagnostic::new(Code::VolatileLabel, message)
                .with_help("select by labels of the pods' template");
            findings.push(context.about(&policy.object, Field::Label(&one.paths(), key), finding));
        }
    }
    findings
}

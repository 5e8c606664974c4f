//! L06: a peer by a label that is not, which admits what does not have the label at all.
//!
//! **What.** A `namespaceSelector` with `NotIn`, where a namespace of the input has no label of that
//! key: `{key: env, operator: NotIn, values: [prod]}`.
//!
//! **Why.** `NotIn` holds for what does not have the label, too: every namespace that nobody has
//! labelled is admitted.
//!
//! **Fix.** Add `{key: env, operator: Exists}`, or list what is meant with `In`.
//!
//! Nothing is said of `kubernetes.io/metadata.name`, which every namespace has.

use super::named::{Written, written};
use super::text::Field;
use super::{Context, Finding};
use crate::cluster::{ClusterModel, NAME_LABEL, Namespace};
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::Action;
use crate::selector::{Match, Operator, Requirement};

/// One finding for each such selector.
///
/// # Cost
/// Linear in the selectors; in the namespaces for those with `NotIn`.
pub fn findings(context: &Context<'_>) -> Vec<Finding> {
    let model = context.session.model();
    let mut findings = Vec::new();
    for (_, policy) in context.session.policies().policies() {
        let object = &policy.object;
        let admitting = written(object).into_iter().filter(|one| {
            one.of_namespaces
                && one.rule_of(object).is_some_and(|rule| rule.action == Action::Accept)
        });
        for one in admitting {
            let Some((requirement, namespace)) = unlabelled(model, &one) else { continue };
            let (key, name) = (&requirement.key, &namespace.name);
            let message = format!(
                "`{}` matches namespaces without the label `{key}`, too, such as `{name}`",
                requirement.text()
            );
            let help = format!("add `{{key: {key}, operator: Exists}}`, or list values with `In`");
            let finding = Diagnostic::new(Code::NegativeSelector, message).with_help(help);
            findings.push(context.about(object, Field::Label(&one.paths(), key), finding));
        }
    }
    findings
}

/// A requirement that a namespace of the input meets by not having the label.
fn unlabelled<'a>(
    model: &'a ClusterModel,
    written: &Written<'a>,
) -> Option<(&'a Requirement, &'a Namespace)> {
    let selector = written.selector;
    let mut negative = selector.by_key().filter_map(|same| {
        let first = same.first().filter(|one| *one.key != *NAME_LABEL)?;
        let all = same.iter().all(|one| one.operator == Operator::NotIn);
        all.then_some(first)
    });
    negative.find_map(|requirement| {
        let lacks = |namespace: &&Namespace| {
            let labels = namespace.labels();
            requirement.matches(&labels) == Match::Yes
                && crate::selector::Labels::value(&labels, &requirement.key).is_none()
                && selector.matches(&labels) == Match::Yes
        };
        Some((requirement, model.namespaces.values().find(lacks)?))
    })
}

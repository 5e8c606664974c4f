//! L07: a selector of namespaces by a label that the namespace which is meant does not have.
//!
//! **What.** A `namespaceSelector` such as `name: monitoring`, where the namespace `monitoring` is
//! in the input and neither it nor any other has a label `name`; or a key that differs by a letter
//! from one that namespaces have.
//!
//! **Why.** Namespaces have only the labels that somebody gave them, and
//! `kubernetes.io/metadata.name`: the peer matches nothing.
//!
//! **Fix.** Label the namespace, or use `kubernetes.io/metadata.name`.

use std::collections::BTreeSet;

use super::named::written;
use super::text::Field;
use super::{Context, Finding};
use crate::cluster::{ClusterModel, NAME_LABEL};
use crate::diagnostic::{Code, Diagnostic, nearly_same};
use crate::selector::{Operator, Requirement};

/// One finding for each such selector.
///
/// # Cost
/// Linear in the selectors, and in the labels of namespaces.
pub fn findings(context: &Context<'_>) -> Vec<Finding> {
    let model = context.session.model();
    let keys: BTreeSet<&str> = model
        .namespaces
        .values()
        .flat_map(|one| one.labels.iter().map(|(key, _)| &**key))
        .collect();
    let mut findings = Vec::new();
    for (_, policy) in context.session.policies().policies() {
        for one in written(&policy.object).into_iter().filter(|one| one.of_namespaces) {
            let mut lacking =
                one.selector.requirements().iter().filter(|one| !keys.contains(&*one.key));
            let found = lacking.find_map(|one| Some((one, explain(model, &keys, one)?)));
            let Some((requirement, finding)) = found else { continue };
            let field = Field::Label(&one.paths(), &requirement.key);
            findings.push(context.about(&policy.object, field, finding));
        }
    }
    findings
}

/// What is wrong with a requirement on a label that no namespace has, if that is certain.
fn explain(
    model: &ClusterModel,
    keys: &BTreeSet<&str>,
    requirement: &Requirement,
) -> Option<Diagnostic> {
    let Requirement { key, operator, values } = requirement;
    let is_asked = matches!(operator, Operator::In | Operator::Exists);
    if !is_asked {
        return None;
    }
    let finding = |message| Diagnostic::new(Code::UnlabelledNamespace, message);
    let is_known = |name: &str| {
        let namespace = model.namespace(name).and_then(|id| model.namespaces.get(id));
        namespace.is_some_and(|one| one.declared && !one.open)
    };
    if let Some(name) = values.iter().find(|value| is_known(value)) {
        let message = format!(
            "namespace `{name}` does not have the label `{key}: {name}`, and no other namespace of \
             the input has a label `{key}`"
        );
        let help = format!("label the namespace, or write `{NAME_LABEL}: {name}`");
        return Some(finding(message).with_help(help));
    }
    if model.namespaces.values().any(|one| one.open) {
        return None;
    }
    let near = nearly_same(key, keys.iter().copied())?;
    let message = format!("no namespace has a label `{key}`");
    Some(finding(message).with_help(format!("did you mean the label `{near}`?")))
}

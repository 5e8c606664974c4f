//! L04: a selector for labels of a workload that the pods of its template do not have.
//!
//! **What.** A `podSelector` matches no pod, but matches the `metadata.labels` of a Deployment or
//! another workload.
//!
//! **Why.** Policies select pods, and pods have the labels of `spec.template.metadata.labels`.
//!
//! **Fix.** Set the label in the template, or select by a label that is there.
//!
//! Where it is said, L03 is not.

use super::named::Named;
use super::text::Field;
use super::{Context, Finding};
use crate::cluster::{PodLabels, Workload};
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::Body;
use crate::selector::Match;

/// One finding for each such selector.
///
/// # Cost
/// For each selector that matches nothing, linear in the workloads.
pub fn findings(context: &Context<'_>) -> Vec<Finding> {
    let found = context.dead().iter().filter_map(|named| {
        let workload = meant(context, named)?;
        let (kind, name) = (&workload.kind, &workload.name);
        let message = format!(
            "the selector matches no pod: {kind} `{name}` has these labels, but its pods do not"
        );
        let finding = Diagnostic::new(Code::WorkloadLabel, message).with_help(
            "set the labels in the workload's `spec.template.metadata.labels`, or select by labels \
             that are there",
        );
        let paths = named.pods_paths();
        Some(context.about(&named.policy.object, Field::Selector(&paths), finding))
    });
    found.collect()
}

/// The workload whose own labels a selector of pods that matches nothing is for.
pub fn meant<'s>(context: &Context<'s>, named: &Named<'_>) -> Option<&'s Workload> {
    let namespaces = context.known().namespaces_of(named.set.scope())?;
    let pods = named.set.pods();
    let mut all = context.session.model().workloads.values();
    all.find(|workload| {
        let Some(object) = workload.object.as_ref() else { return false };
        let labels = PodLabels { labels: &object.meta.labels, hidden: &[] };
        matches!(object.body, Body::Workload(_))
            && namespaces.contains(&workload.namespace)
            && pods.matches(&labels) == Match::Yes
    })
}

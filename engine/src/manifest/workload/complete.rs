//! What the API server asks of a workload before it takes it: a template, and a selector that
//! selects its pods.

use super::super::policy::selector;
use super::super::read::{Path, Reader};
use super::{Workload, WorkloadKind};
use crate::cluster::PodLabels;
use crate::diagnostic::{Code, Diagnostic};
use crate::selector::Match;
use crate::tree::{Node, Value};

/// Fields without which a workload is left out, and which kustomize may add.
const COMPLETED: [&str; 3] = ["spec.jobTemplate.spec.template", "spec.selector", "spec.template"];

const PATCH: &str = "what has no template or selector may be a patch: `kustomize build` applies it";

/// What is said of an incomplete workload where kustomize completes or applies it.
pub fn of_a_tree(finding: &mut Diagnostic) {
    let Some(path) = finding.path.as_deref().filter(|_| finding.code == Code::MissingField) else {
        return;
    };
    let kind = finding.object.as_ref().map(|(kind, ..)| kind.as_str());
    let is_workload = WorkloadKind::ALL.iter().any(|(name, ..)| kind == Some(*name));
    // Of an object in a list the path begins there.
    let own = path.split_once("].").filter(|(list, _)| list.starts_with("items["));
    let field = own.map_or(path, |(_, own)| own);
    if is_workload && COMPLETED.contains(&field) {
        finding.code = Code::Uncompleted;
        finding.message =
            format!("`{field}` is missing: left out, as kustomize has yet to complete it");
        finding.help = Some("ask about what `kustomize build` prints: `--kustomize FOLDER`".into());
    }
}

/// Refuses a workload without a template.
pub fn check_template(reader: &mut Reader, kind: WorkloadKind, spec: &Path<'_>, node: &Node<'_>) {
    let template = node.get("template").map(|template| &template.value);
    if !matches!(template, None | Some(Value::Null)) {
        return;
    }
    let path = spec.field("template");
    let message =
        format!("`{path}` is missing: this {} makes no pods and is left out", kind.name());
    let finding = Diagnostic::new(Code::MissingField, message).at(node.span);
    reader.refuse(&path, finding.with_help(PATCH));
}

/// Refuses a workload whose selector is missing, empty, or not that of its template's pods.
pub fn check_selector(
    reader: &mut Reader,
    version: Option<&str>,
    workload: &Workload,
    spec: &Node<'_>,
) {
    let path = Path::Root.field("spec");
    let path = path.field("selector");
    let node = spec.get("selector").filter(|node| !matches!(node.value, Value::Null));
    let is_needed = match workload.kind {
        WorkloadKind::DaemonSet
        | WorkloadKind::Deployment
        | WorkloadKind::ReplicaSet
        | WorkloadKind::StatefulSet => {
            !matches!(version, Some("extensions/v1beta1" | "apps/v1beta1"))
        }
        WorkloadKind::ReplicationController => false,
        // What others have instead is for their controllers to judge.
        _ => return,
    };
    match node {
        None if is_needed => {
            let message = format!(
                "`{path}` is missing: the API server rejects this {}",
                workload.kind.name()
            );
            let finding = Diagnostic::new(Code::MissingField, message).at(spec.span);
            reader.refuse(&path, finding.with_help(PATCH));
        }
        None => {}
        Some(node) => check_match(reader, &path, workload, node),
    }
}

fn check_match(reader: &mut Reader, path: &Path<'_>, workload: &Workload, node: &Node<'_>) {
    let labels = PodLabels { labels: &workload.labels, hidden: &[] };
    let fits = match workload.kind {
        WorkloadKind::ReplicationController => {
            let own = reader.labels(path, Some(node));
            own.iter().all(|label| workload.labels.contains(label))
        }
        _ => {
            let selector = selector::read(reader, path, Some(node)).unwrap_or_default();
            !selector.is_empty() && selector.matches(&labels) == Match::Yes
        }
    };
    if !fits && !reader.refused {
        let message = format!(
            "`{path}` does not select the pods of the template: the API server rejects this {}",
            workload.kind.name()
        );
        let finding = Diagnostic::new(Code::SelectorMismatch, message).at(node.span);
        let help = "the labels of the template must meet the selector, which may not be empty";
        reader.refuse(path, finding.with_help(help));
    }
}

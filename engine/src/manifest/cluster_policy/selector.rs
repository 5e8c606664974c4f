//! Label selectors as custom resources have them.

use super::super::policy::selector;
use super::super::read::{Path, Reader};
use super::context::Context;
use crate::diagnostic::{Code, Diagnostic};
use crate::selector::Selector;
use crate::tree::{Node, Value};

/// Reads a label selector.
///
/// The schema checks types and that `key` and `operator` are there, nothing else: a label key that
/// cannot be, or an operator that does not exist, is stored, and no implementation can evaluate it.
pub fn read(context: &mut Context<'_>, path: &Path<'_>, node: &Node<'_>) -> Selector {
    if !context.is_map(path, node) {
        return Selector::default();
    }
    let mut reader = Reader::default();
    let selector = selector::read(&mut reader, path, Some(node));
    let required = required(context, path, node);
    for finding in reader.diagnostics {
        let at = finding.path.clone();
        match finding.code {
            Code::UnknownField => old_member(context, finding),
            Code::WrongType | Code::NonStringLabel => {
                context.reader.refused = true;
                context.reader.diagnostics.push(finding);
            }
            // What is missing has been reported as that.
            _ if at.is_some_and(|at| required.contains(&at)) => {}
            _ => context.doubt_as_is(finding),
        }
    }
    selector.unwrap_or_default()
}

/// Fields that are required and missing, reported; and where they would stand.
fn required(context: &mut Context<'_>, path: &Path<'_>, node: &Node<'_>) -> Vec<String> {
    let path = path.field("matchExpressions");
    let mut missing = Vec::new();
    let Some(Value::Seq(items)) = node.get("matchExpressions").map(|node| &node.value) else {
        return missing;
    };
    for (i, item) in items.iter().enumerate() {
        let path = path.item(i);
        if !context.is_map(&path, item) {
            continue;
        }
        for name in ["key", "operator"] {
            if item.get(name).is_none_or(Node::is_null) {
                let path = path.field(name);
                context.missing(&path, item.span, "an expression needs a key and an operator");
                missing.push(path.to_string());
            }
        }
    }
    missing
}

/// Fields of selectors before v0.1.7 of the API, which was `v1alpha1` too: clusters that still have
/// them mean by them what nobody has evaluated since.
const OLD: [&str; 3] = ["namespaceSelector", "sameLabels", "notSameLabels"];

fn old_member(context: &mut Context<'_>, finding: Diagnostic) {
    let field = finding.path.as_deref().and_then(|path| path.rsplit('.').next());
    let old = field.is_some_and(|field| OLD.contains(&field)) && context.is_outdated();
    match field {
        Some(field) if old => {
            let message =
                format!("`{field}` here is of an older `v1alpha1`: its rule fails closed");
            let mut replaced = Diagnostic::new(Code::UnsupportedField, message)
                .with_help("write the labels under `matchLabels`");
            replaced.path.clone_from(&finding.path);
            replaced.span = finding.span;
            context.doubt_as_is(replaced);
        }
        _ => context.reader.diagnostics.push(finding),
    }
}

//! Label selectors as custom resources have them.

use std::borrow::Cow;

use super::super::policy::selector;
use super::super::read::{Path, Reader};
use super::context::Context;
use crate::diagnostic::{Code, Diagnostic};
use crate::selector::Selector;
use crate::tree::{Entry, Node, Value};

/// Reads a label selector.
///
/// The schema checks types and that `key` and `operator` are there, nothing else: a label key that
/// cannot be, or an operator that does not exist, is stored, and no implementation can evaluate it.
pub fn read(context: &mut Context<'_>, path: &Path<'_>, node: &Node<'_>) -> Selector {
    if !context.is_map(path, node) {
        return Selector::default();
    }
    let mut reader = Reader::default();
    let selector = selector::read(&mut reader, path, Some(&without_null_labels(node)));
    let said = required(context, path, node);
    for finding in reader.diagnostics {
        let again = finding.path.as_ref().is_some_and(|at| said.contains(at));
        match finding.code {
            _ if again => {}
            Code::UnknownField => old_member(context, finding),
            Code::WrongType | Code::NonStringLabel => {
                context.reader.refused = true;
                context.reader.diagnostics.push(finding);
            }
            _ => context.doubt_as_is(finding),
        }
    }
    selector.unwrap_or_default()
}

/// Labels that are null are dropped from a custom resource; from typed ones, they are empty.
fn without_null_labels<'n, 't>(node: &'n Node<'t>) -> Cow<'n, Node<'t>> {
    let is_null = |entry: &Entry<'_>| entry.value.is_null();
    let nulls = match node.get("matchLabels").map(|labels| &labels.value) {
        Some(Value::Map(labels)) => labels.iter().any(is_null),
        _ => false,
    };
    if !nulls {
        return Cow::Borrowed(node);
    }
    let mut node = node.clone();
    if let Value::Map(fields) = &mut node.value {
        for field in fields.iter_mut().filter(|field| field.key == "matchLabels") {
            if let Value::Map(labels) = &mut field.value.value {
                labels.retain(|entry| !is_null(entry));
            }
        }
    }
    Cow::Owned(node)
}

/// Reports expressions that lack what is required or are none, and null among values; and says
/// where, so that nothing else is said of it.
fn required(context: &mut Context<'_>, path: &Path<'_>, node: &Node<'_>) -> Vec<String> {
    let path = path.field("matchExpressions");
    let mut said = Vec::new();
    let Some(Value::Seq(items)) = node.get("matchExpressions").map(|node| &node.value) else {
        return said;
    };
    for (i, item) in items.iter().enumerate() {
        let path = path.item(i);
        if !context.is_map(&path, item) {
            said.extend([&path, &path.field("key"), &path.field("operator")].map(Path::to_string));
            continue;
        }
        for name in ["key", "operator"] {
            if item.get(name).is_none_or(Node::is_null) {
                let path = path.field(name);
                context.missing(&path, item.span, "an expression needs a key and an operator");
                said.push(path.to_string());
            }
        }
        if let Some(Value::Seq(values)) = item.get("values").map(|values| &values.value) {
            let path = path.field("values");
            let nulls = values.iter().enumerate().filter(|(_, value)| value.is_null());
            nulls.for_each(|(i, value)| context.null_text(&path.item(i), value));
        }
    }
    said
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

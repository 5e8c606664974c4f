//! Names that objects may have.

use super::known::Known;
use super::meta::Meta;
use super::read::{Path, Reader};
use super::syntax;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::tree::Node;

/// Where a field of the metadata stands, or the object.
fn span_of(node: &Node<'_>, field: &str) -> Span {
    let value = node.get("metadata").and_then(|metadata| metadata.get(field));
    value.map_or(node.span, |value| value.span)
}

/// Refuses names that objects of a kind may not have: whether one fits, and what is asked of it.
pub fn check_names(
    reader: &mut Reader,
    meta: &Meta,
    (fits, kind): (fn(&str) -> bool, &str),
    node: &Node<'_>,
) {
    let path = Path::Root.field("metadata");
    let name = if meta.is_generated { "" } else { &*meta.name };
    let prefix = node.get("metadata").and_then(|metadata| metadata.get("generateName"));
    let prefix = prefix.and_then(Node::as_str).unwrap_or_default();
    // Letters follow a prefix, so that it may end with a dash that a name may not end with.
    let begun = prefix.strip_suffix('-').filter(|rest| !rest.is_empty());
    let begun = begun.map_or_else(|| prefix.to_owned(), |rest| format!("{rest}a"));
    for (field, written, whole) in [("name", name, name), ("generateName", prefix, &begun)] {
        if !written.is_empty() && !fits(whole) {
            let message = format!("`{written}` is not a valid name");
            let finding = Diagnostic::new(Code::BadName, message).at(span_of(node, field));
            reader.refuse(&path.field(field), finding.with_help(format!("a name has {kind}")));
        }
    }
    if let Some(namespace) = meta.namespace.as_deref().filter(|name| !syntax::is_dns_label(name)) {
        let message = format!("`{namespace}` is not a valid namespace");
        let finding = Diagnostic::new(Code::BadName, message).at(span_of(node, "namespace"));
        reader.refuse(&path.field("namespace"), finding);
    }
}

/// Reports another name than the one that objects of a kind may have.
pub fn check_only_name(reader: &mut Reader, meta: &Meta, known: Known, node: &Node<'_>) {
    let Known::ClusterPolicy(kind) = known else { return };
    let name = if meta.is_generated { "" } else { &*meta.name };
    let Some(only) = kind.only_name().filter(|only| *only != name && !name.is_empty()) else {
        return;
    };
    let message = format!("`{name}` is not a valid name: there is one, `{only}`");
    let finding = Diagnostic::new(Code::BadName, message).at(span_of(node, "name"));
    let path = Path::Root.field("metadata");
    reader.refuse(&path.field("name"), finding.with_help(format!("write `name: {only}`")));
}

//! `podSelector`, `namespaceSelector`.

use std::sync::Arc;

use super::super::meta::check_labels;
use super::super::read::{Fields, Keys, Path, Reader};
use super::super::syntax;
use super::bad_word;
use crate::diagnostic::{Code, Diagnostic};
use crate::selector::{Operator, Requirement, Selector};
use crate::tree::{Node, Value};

/// Reads a label selector; none if it is absent or null.
pub fn read(reader: &mut Reader, path: &Path<'_>, node: Option<&Node<'_>>) -> Option<Selector> {
    let node = node?;
    let fields = reader.fields(path, node, Keys::Exactly(&["matchLabels", "matchExpressions"]));
    let label_path = path.field("matchLabels");
    let labels = reader.labels(&label_path, fields.get("matchLabels"));
    check_labels(reader, &label_path, &labels, fields.get("matchLabels"));
    let mut requirements: Vec<Requirement> = labels
        .into_iter()
        .map(|(key, value)| Requirement { key, operator: Operator::In, values: vec![value] })
        .collect();
    let path = path.field("matchExpressions");
    for (i, item) in reader.items(&path, fields.get("matchExpressions")).iter().enumerate() {
        requirements.extend(requirement(reader, &path.item(i), item));
    }
    Some(Selector::new(requirements))
}

fn requirement(reader: &mut Reader, path: &Path<'_>, node: &Node<'_>) -> Option<Requirement> {
    let fields = reader.fields(path, node, Keys::Exactly(&["key", "operator", "values"]));
    let key = reader.text(&path.field("key"), fields.get("key"));
    let span = fields.get("key").map_or(node.span, |key| key.span);
    if let Some((key, why)) = key.and_then(|key| Some((key, syntax::label_key_fault(key)?))) {
        let message = format!("`{key}` is not a valid label key: {why}");
        reader.refuse(&path.field("key"), Diagnostic::new(Code::LabelKey, message).at(span));
    }
    let values = values(reader, &path.field("values"), fields.get("values"));
    let word = reader.text(&path.field("operator"), fields.get("operator"))?;
    let Some((_, operator)) = Operator::NAMES.into_iter().find(|(name, _)| *name == word) else {
        let span = fields.get("operator").map_or(node.span, |operator| operator.span);
        let names = Operator::NAMES.map(|(name, _)| name);
        let finding = bad_word(word, &names, Code::SelectorOperator, span);
        reader.refuse(&path.field("operator"), finding);
        return None;
    };
    check_values(reader, path, (word, operator), &fields);
    Some(Requirement { key: key?.into(), operator, values })
}

fn values(reader: &mut Reader, path: &Path<'_>, node: Option<&Node<'_>>) -> Vec<Arc<str>> {
    let mut values = Vec::new();
    for (i, item) in reader.items(path, node).iter().enumerate() {
        let path = path.item(i);
        let Some(value) = reader.label_value(&path, item) else {
            continue;
        };
        if let Some(why) = syntax::label_value_fault(value) {
            let message = format!("`{value}` is not a valid label value: {why}");
            reader.refuse(&path, Diagnostic::new(Code::LabelValue, message).at(item.span));
        }
        values.push(value.into());
    }
    values
}

fn check_values(
    reader: &mut Reader,
    path: &Path<'_>,
    (word, operator): (&str, Operator),
    fields: &Fields<'_, '_>,
) {
    let values = fields.get("values");
    let any = match values.map(|values| &values.value) {
        None => false,
        Some(Value::Seq(items)) => !items.is_empty(),
        // No list: that is reported already, and how many it has cannot be said.
        Some(_) => return,
    };
    let (message, help) = match operator {
        Operator::In | Operator::NotIn if !any => {
            (format!("`{word}` needs at least one value"), "list the values, or use `Exists`")
        }
        Operator::Exists | Operator::DoesNotExist if any => {
            (format!("`{word}` takes no values"), "leave `values` out, or use `In` or `NotIn`")
        }
        _ => return,
    };
    let span = values.map_or(fields.span, |values| values.span);
    let finding = Diagnostic::new(Code::SelectorValues, message).at(span).with_help(help);
    reader.refuse(&path.field("values"), finding);
}

//! What the API server fills in where nothing is written.

use std::ops::RangeInclusive;

use super::Filled;
use crate::lint::Texts;
use crate::manifest::{Body, Direction, NetworkPolicy};
use crate::report::location;
use crate::session::Session;
use crate::source::Span;
use crate::tree::{Entry, Node, Value};

impl Session {
    /// Defaults of the policies that stand at some lines of a file, by line. Of what is written in braces there are none: the
    /// words at the end of its line could be of more than one field.
    ///
    /// # Cost
    /// That of reading the documents of the file again that have NetworkPolicies.
    pub fn filled_in(&self, file: &str, lines: RangeInclusive<u32>) -> Vec<Filled> {
        let Some(index) = self.files().iter().position(|one| *one.name == *file) else {
            return Vec::new();
        };
        let parts = self.files().get(index).into_iter().flat_map(|file| &file.parts).enumerate();
        let mut texts = Texts::new(self);
        let mut filled = Vec::new();
        for (part, place) in parts {
            for object in &place.document.objects {
                let Body::Policy(policy) = &object.body else { continue };
                let at = location(self, (index, part), object.span);
                if at.is_none_or(|at| at.line > *lines.end() || at.end_line < *lines.start()) {
                    continue;
                }
                texts.read((index, part));
                let Some(node) = texts.node((index, part), object) else { continue };
                filled.extend(of_policy(node, policy).into_iter().filter_map(|(span, text)| {
                    let line = location(self, (index, part), span)?.line;
                    lines.contains(&line).then_some(Filled { line, text })
                }));
            }
        }
        filled.sort_by_key(|one| one.line);
        filled
    }
}

/// Each where its line is.
fn of_policy(object: &Node<'_>, policy: &NetworkPolicy) -> Vec<(Span, String)> {
    let Some(spec) = entry(object, "spec") else { return Vec::new() };
    let mut all = Vec::new();
    if !policy.types_written && is_block(spec) {
        let types = if policy.isolates(Direction::Egress) { "Ingress, Egress" } else { "Ingress" };
        all.push((spec.key_span, format!("policyTypes: [{types}]")));
    }
    for direction in Direction::BOTH {
        let rules = spec.value.get(direction.field()).map(Node::items).unwrap_or_default();
        let ports = rules.iter().filter_map(|rule| rule.get("ports")).flat_map(Node::items);
        all.extend(ports.filter_map(protocol));
    }
    all
}

fn protocol(port: &Node<'_>) -> Option<(Span, String)> {
    let Value::Map(entries) = &port.value else { return None };
    let last = entries.last()?;
    let is_alone = entries.len() == 1 || entries.iter().all(is_scalar);
    let missing = port.get("protocol").is_none_or(Node::is_null);
    // In braces the mapping begins before its first key.
    let is_block = entries.first().is_some_and(|first| first.key_span.start == port.span.start);
    (missing && is_alone && is_block).then(|| (last.key_span, "protocol: TCP".to_owned()))
}

fn is_scalar(entry: &Entry<'_>) -> bool {
    !matches!(entry.value.value, Value::Map(_) | Value::Seq(_))
}

fn entry<'n, 't>(node: &'n Node<'t>, key: &str) -> Option<&'n Entry<'t>> {
    match &node.value {
        Value::Map(entries) => entries.iter().find(|entry| entry.key == key),
        _ => None,
    }
}

/// Whether a mapping's keys stand on lines of their own.
fn is_block(entry: &Entry<'_>) -> bool {
    match &entry.value.value {
        Value::Map(entries) => {
            entries.first().is_some_and(|first| first.key_span.start == entry.value.span.start)
        }
        _ => false,
    }
}

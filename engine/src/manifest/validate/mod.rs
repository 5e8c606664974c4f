//! What the API server refuses of objects that are no policies.
//!
//! Reading reports values of wrong types; here is what the server asks of values that it could
//! decode. What it stores already is not asked again: a later server may take more.
//!
//! What is missing and decides nothing, such as containers and their images, is not asked for.

mod container;
mod node;
mod service;
mod workload;

pub(super) use node::older_block;

use super::known::Known;
use super::policy::bad_word;
use super::read::{Path, Reader, whole};
use super::syntax;
use super::workload::WorkloadKind;
use crate::diagnostic::{Code, Diagnostic};
use crate::tree::{Node, Value};

/// Refuses an object that has values which the API server does not take.
pub fn check(reader: &mut Reader, known: Known, object: &Node<'_>) {
    let path = Path::Root.field("spec");
    let Some(spec) = field(object, "spec") else {
        if known == Known::Service {
            service::check_no_ports(reader, &path, object);
        }
        return;
    };
    match known {
        Known::Pod => container::check_pod(reader, &path, spec),
        Known::Service => service::check(reader, &path, spec),
        Known::Node => node::check(reader, &path, spec),
        Known::Workload(kind) => workload::check(reader, kind, &path, spec),
        Known::Policy | Known::ClusterPolicy(_) | Known::Namespace | Known::Endpoints { .. } => {}
    }
}

/// The names that a kind's objects may have: whether one fits, and what is asked of it.
pub fn names(known: Known) -> (fn(&str) -> bool, &'static str) {
    match known {
        Known::Namespace | Known::Service | Known::Workload(WorkloadKind::StatefulSet) => {
            (syntax::is_dns_label, "lowercase letters, digits and `-`, 63 characters at most")
        }
        Known::Workload(WorkloadKind::Job) => (
            |name| name.len() <= 63 && syntax::is_subdomain(name),
            "lowercase letters, digits, `-` and `.`, 63 characters at most",
        ),
        Known::Workload(WorkloadKind::CronJob) => (
            |name| name.len() <= 52 && syntax::is_subdomain(name),
            "lowercase letters, digits, `-` and `.`, 52 characters at most",
        ),
        _ => {
            (syntax::is_subdomain, "lowercase letters, digits, `-` and `.`, 253 characters at most")
        }
    }
}

/// A field that is there and not null.
fn field<'n, 't>(node: &'n Node<'t>, name: &str) -> Option<&'n Node<'t>> {
    node.get(name).filter(|value| value.value != Value::Null)
}

/// The items of a field that is a list.
fn items<'n, 't>(node: &'n Node<'t>, name: &str) -> &'n [Node<'t>] {
    node.get(name).map_or(&[], Node::items)
}

/// A field that is a text, and not the empty one.
fn text<'n>(node: &'n Node<'_>, name: &str) -> Option<(&'n str, &'n Node<'n>)> {
    let value = node.get(name)?;
    let text = value.as_str().filter(|text| !text.is_empty())?;
    Some((text, value))
}

/// A field that is a whole number.
fn number<'n, 't>(node: &'n Node<'t>, name: &str) -> Option<(i32, &'n Node<'t>)> {
    let value = node.get(name)?;
    match value.value {
        Value::Number(number) => Some((whole(number)?, value)),
        _ => None,
    }
}

/// Refuses a text that is none of some words.
fn check_word(reader: &mut Reader, path: &Path<'_>, owner: &Node<'_>, known: (&[&str], Code)) {
    let Path::Field(_, name) = path else { return };
    let (words, code) = known;
    if let Some((word, node)) = text(owner, name).filter(|(word, _)| !words.contains(word)) {
        reader.refuse(path, bad_word(word, words, code, node.span));
    }
}

/// Refuses a number below zero.
fn check_not_negative(reader: &mut Reader, path: &Path<'_>, owner: &Node<'_>) {
    let Path::Field(_, name) = path else { return };
    if let Some((number, node)) = number(owner, name).filter(|(number, _)| *number < 0) {
        let message = format!("`{path}` is {number}: it must be 0 or more");
        reader.refuse(path, Diagnostic::new(Code::UnknownWord, message).at(node.span));
    }
}

/// Refuses a name that is not a DNS label, such as a container's.
fn check_label_name(reader: &mut Reader, path: &Path<'_>, name: &str, node: &Node<'_>) {
    if !syntax::is_dns_label(name) {
        let message = format!("`{name}` is not a valid name");
        let finding = Diagnostic::new(Code::BadName, message).at(node.span);
        let help = "a name has lowercase letters, digits and `-`, 63 characters at most";
        reader.refuse(path, finding.with_help(help));
    }
}

/// Refuses what is there a second time.
fn refuse_duplicate(reader: &mut Reader, path: &Path<'_>, what: &str, node: &Node<'_>) {
    let message = format!("{what} is there a second time");
    reader.refuse(path, Diagnostic::new(Code::DuplicateItem, message).at(node.span));
}

fn refuse_missing(reader: &mut Reader, path: &Path<'_>, node: &Node<'_>, help: &str) {
    let message = format!("`{path}` is missing: the API server rejects this object");
    let finding = Diagnostic::new(Code::MissingField, message).at(node.span);
    reader.refuse(path, finding.with_help(help));
}

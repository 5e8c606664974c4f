//! Containers and their ports.

use rustc_hash::FxHashSet;

use super::super::policy;
use super::super::read::{Path, Reader};
use super::super::syntax;
use super::{check_label_name, check_word, field, items, number, refuse_duplicate, text};
use crate::diagnostic::{Code, Diagnostic};
use crate::net::Protocol;
use crate::tree::{Node, Value};

const RESTARTS: &[&str] = &["Always", "Never", "OnFailure"];

/// Checks a pod's `spec`.
pub fn check_pod(reader: &mut Reader, path: &Path<'_>, spec: &Node<'_>) {
    check_word(reader, &path.field("restartPolicy"), spec, (RESTARTS, Code::UnknownWord));
    check_spec(reader, path, spec);
}

/// Checks the `spec` of a pod or of a template, but for `restartPolicy`.
pub fn check_spec(reader: &mut Reader, path: &Path<'_>, spec: &Node<'_>) {
    if let Some((name, node)) =
        text(spec, "nodeName").filter(|(name, _)| !syntax::is_subdomain(name))
    {
        let message = format!("`{name}` is not a valid name of a node");
        let finding = Diagnostic::new(Code::BadName, message).at(node.span);
        reader.refuse(&path.field("nodeName"), finding);
    }
    let mut seen = Seen::default();
    let uses_host = field(spec, "hostNetwork").is_some_and(|host| host.value == Value::Bool(true));
    for list in ["containers", "initContainers"] {
        let list_path = path.field(list);
        for (i, container) in items(spec, list).iter().enumerate() {
            let path = list_path.item(i);
            // What init containers take of the host, they take one after the other.
            if list == "initContainers" {
                seen.host_ports.clear();
            }
            check_name(reader, &path, container, &mut seen);
            check_ports(reader, &path.field("ports"), container, &mut seen);
            if uses_host && list == "containers" {
                check_host_ports(reader, &path.field("ports"), container);
            }
        }
    }
}

/// What is there once in a pod.
#[derive(Default)]
struct Seen<'n> {
    names: FxHashSet<&'n str>,
    host_ports: FxHashSet<(&'n str, &'n str, i32)>,
}

fn check_name<'n>(
    reader: &mut Reader,
    path: &Path<'_>,
    container: &'n Node<'_>,
    seen: &mut Seen<'n>,
) {
    let Some((name, node)) = text(container, "name") else { return };
    let path = path.field("name");
    check_label_name(reader, &path, name, node);
    if !seen.names.insert(name) {
        refuse_duplicate(reader, &path, &format!("a container `{name}`"), node);
    }
}

fn check_ports<'n>(
    reader: &mut Reader,
    path: &Path<'_>,
    container: &'n Node<'_>,
    seen: &mut Seen<'n>,
) {
    let mut names = FxHashSet::default();
    for (i, port) in items(container, "ports").iter().enumerate() {
        let path = path.item(i);
        check_protocol(reader, &path, port);
        check_number(reader, &path, port);
        if let Some((name, node)) = text(port, "name") {
            policy::check_name(reader, &path.field("name"), name, node.span);
            if !names.insert(name) {
                let what = format!("a port `{name}` of the container");
                refuse_duplicate(reader, &path.field("name"), &what, node);
            }
        }
        check_host_port(reader, &path.field("hostPort"), port, seen);
    }
}

/// Refuses a protocol that is none, of a container's port or a Service's.
pub fn check_protocol(reader: &mut Reader, path: &Path<'_>, port: &Node<'_>) {
    let names = Protocol::ALL.map(Protocol::name);
    check_word(reader, &path.field("protocol"), port, (&names, Code::ProtocolUnsupported));
}

fn check_number(reader: &mut Reader, path: &Path<'_>, port: &Node<'_>) {
    let path = path.field("containerPort");
    match field(port, "containerPort") {
        None if matches!(port.value, Value::Map(_) | Value::Null) => {
            super::refuse_missing(reader, &path, port, "write the number of the port");
        }
        None => {}
        Some(_) => {
            if let Some((number, node)) = number(port, "containerPort") {
                policy::check_number(reader, &path, number, node.span);
            }
        }
    }
}

fn check_host_port<'n>(
    reader: &mut Reader,
    path: &Path<'_>,
    port: &'n Node<'_>,
    seen: &mut Seen<'n>,
) {
    let Some((number, node)) = number(port, "hostPort").filter(|(number, _)| *number != 0) else {
        return;
    };
    policy::check_number(reader, path, number, node.span);
    let protocol = text(port, "protocol").map_or("TCP", |(word, _)| word);
    let key = (protocol, text(port, "hostIP").map_or("", |(address, _)| address), number);
    if !seen.host_ports.insert(key) {
        refuse_duplicate(reader, path, &format!("the host's port {number}"), node);
    }
}

/// A pod on its node's network has its own ports there.
fn check_host_ports(reader: &mut Reader, path: &Path<'_>, container: &Node<'_>) {
    for (i, port) in items(container, "ports").iter().enumerate() {
        let own = number(port, "containerPort").map(|(number, _)| number);
        let host = number(port, "hostPort").filter(|(number, _)| *number != 0);
        if let Some((number, node)) = host.filter(|(number, _)| Some(*number) != own) {
            let message =
                format!("`hostPort` {number} is not `containerPort`, though `hostNetwork` is true");
            let finding = Diagnostic::new(Code::FieldConflict, message).at(node.span);
            let path = path.item(i);
            reader.refuse(&path.field("hostPort"), finding.with_help("leave `hostPort` out"));
        }
    }
}

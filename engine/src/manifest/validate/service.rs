//! Services.

use std::net::IpAddr;

use rustc_hash::FxHashSet;

use super::super::meta::check_labels;
use super::super::policy;
use super::super::read::{Path, Reader, whole};
use super::super::syntax;
use super::container::check_protocol;
use super::{
    check_label_name, check_word, field, items, number, refuse_duplicate, refuse_missing, text,
};
use crate::diagnostic::{Code, Diagnostic};
use crate::tree::{Node, Value};

const TYPES: &[&str] = &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const AFFINITIES: &[&str] = &["ClientIP", "None"];

/// Checks a Service's `spec`.
pub fn check(reader: &mut Reader, path: &Path<'_>, spec: &Node<'_>) {
    check_word(reader, &path.field("type"), spec, (TYPES, Code::UnknownWord));
    check_word(reader, &path.field("sessionAffinity"), spec, (AFFINITIES, Code::UnknownWord));
    check_selector(reader, &path.field("selector"), spec);
    check_addresses(reader, path, spec);
    check_type(reader, path, spec);
    let kind = kind(spec);
    let headless = text(spec, "clusterIP").is_some_and(|(address, _)| address == "None");
    if items(spec, "ports").is_empty() && !headless && kind != "ExternalName" {
        check_no_ports(reader, path, spec);
    }
    check_ports(reader, &path.field("ports"), spec, kind);
}

/// Refuses a Service without ports.
pub fn check_no_ports(reader: &mut Reader, spec: &Path<'_>, node: &Node<'_>) {
    let path = spec.field("ports");
    // Of another type: reported.
    if field(node, "ports").is_none_or(|ports| matches!(ports.value, Value::Seq(_))) {
        refuse_missing(reader, &path, node, "only headless Services may have no ports");
    }
}

fn kind<'n>(spec: &'n Node<'_>) -> &'n str {
    text(spec, "type").map_or("ClusterIP", |(kind, _)| kind)
}

fn check_selector(reader: &mut Reader, path: &Path<'_>, spec: &Node<'_>) {
    let node = field(spec, "selector");
    let Some(Value::Map(entries)) = node.map(|node| &node.value) else { return };
    let mut labels: Vec<_> = entries
        .iter()
        .filter_map(|entry| Some(((&*entry.key).into(), entry.value.as_str()?.into())))
        .collect();
    labels.sort_unstable();
    check_labels(reader, path, &labels, node);
}

/// What addresses a type may have, and what else it needs.
fn check_type(reader: &mut Reader, path: &Path<'_>, spec: &Node<'_>) {
    let kind = kind(spec);
    let cluster_ip = text(spec, "clusterIP");
    if kind == "ExternalName" {
        check_external_name(reader, &path.field("externalName"), spec);
    }
    let conflict = match kind {
        "ExternalName" => cluster_ip,
        "NodePort" | "LoadBalancer" => cluster_ip.filter(|(address, _)| *address == "None"),
        _ => None,
    };
    if let Some((address, node)) = conflict {
        let message = format!("`clusterIP: {address}` does not fit `type: {kind}`");
        let finding = Diagnostic::new(Code::FieldConflict, message).at(node.span);
        reader.refuse(&path.field("clusterIP"), finding.with_help("leave one of the two out"));
    }
}

fn check_external_name(reader: &mut Reader, path: &Path<'_>, spec: &Node<'_>) {
    let Some((name, node)) = text(spec, "externalName") else {
        let help = "write the DNS name that the Service stands for";
        return refuse_missing(reader, path, spec, help);
    };
    if !syntax::is_subdomain(name.strip_suffix('.').unwrap_or(name)) {
        let message = format!("`{name}` is not a valid domain name");
        reader.refuse(path, Diagnostic::new(Code::DomainName, message).at(node.span));
    }
}

fn check_addresses(reader: &mut Reader, path: &Path<'_>, spec: &Node<'_>) {
    let single = text(spec, "clusterIP");
    if let Some((written, node)) = single.filter(|(written, _)| *written != "None") {
        check_address(reader, &path.field("clusterIP"), written, node);
    }
    let path_all = path.field("clusterIPs");
    let all = items(spec, "clusterIPs");
    for (i, one) in all.iter().enumerate() {
        if let Some(written) = one.as_str().filter(|written| i > 0 || *written != "None") {
            check_address(reader, &path_all.item(i), written, one);
        }
    }
    let first = all.first().and_then(|node| Some((node.as_str()?, node)));
    let single = single.map(|(written, _)| written);
    if let Some((first, node)) = first.filter(|(first, _)| single != Some(first)) {
        let message = format!("`clusterIP` is not the first of `clusterIPs`, `{first}`");
        let finding = Diagnostic::new(Code::FieldConflict, message).at(node.span);
        reader.refuse(&path_all, finding.with_help("write `clusterIP` alone"));
    }
    check_pair(reader, &path_all, all);
    let path = path.field("externalIPs");
    for (i, one) in items(spec, "externalIPs").iter().enumerate() {
        if let Some(written) = one.as_str() {
            check_outside(reader, &path.item(i), written, one);
        }
    }
}

/// Two addresses at most, one of each family.
fn check_pair(reader: &mut Reader, path: &Path<'_>, all: &[Node<'_>]) {
    let addresses: Vec<IpAddr> = all.iter().filter_map(|one| one.as_str()?.parse().ok()).collect();
    let fits = match addresses.as_slice() {
        [] | [_] => all.len() <= 2,
        [one, other] => one.is_ipv4() != other.is_ipv4() && all.len() == 2,
        _ => false,
    };
    if let (false, Some(last)) = (fits, all.last()) {
        let message = "`spec.clusterIPs` has more than one address of a family";
        reader.refuse(path, Diagnostic::new(Code::ListLength, message).at(last.span));
    }
}

fn check_address(reader: &mut Reader, path: &Path<'_>, written: &str, node: &Node<'_>) {
    if written.parse::<IpAddr>().is_err() {
        let message = format!("`{written}` is not a valid address");
        reader.refuse(path, Diagnostic::new(Code::Address, message).at(node.span));
    }
}

fn check_outside(reader: &mut Reader, path: &Path<'_>, written: &str, node: &Node<'_>) {
    let Ok(address) = written.parse::<IpAddr>() else {
        return check_address(reader, path, written, node);
    };
    let is_local = match address {
        IpAddr::V4(four) => four.is_link_local() || (four.octets()[..3] == [224, 0, 0]),
        IpAddr::V6(six) => six.is_unicast_link_local() || (six.segments()[0] & 0xff0f) == 0xff02,
    };
    if address.is_unspecified() || address.is_loopback() || is_local {
        let message = format!("`{written}` is not an address that can be reached from outside");
        reader.refuse(path, Diagnostic::new(Code::Address, message).at(node.span));
    }
}

fn check_ports(reader: &mut Reader, path: &Path<'_>, spec: &Node<'_>, kind: &str) {
    let ports = items(spec, "ports");
    let mut names = FxHashSet::default();
    let (mut numbers, mut node_ports) = (FxHashSet::default(), FxHashSet::default());
    for (i, port) in ports.iter().enumerate() {
        if !matches!(port.value, Value::Map(_) | Value::Null) {
            continue;
        }
        let path = path.item(i);
        check_protocol(reader, &path, port);
        check_name(reader, &path.field("name"), port, (&mut names, ports.len() > 1));
        check_numbers(reader, &path, port);
        let protocol = text(port, "protocol").map_or("TCP", |(word, _)| word);
        let key = (protocol, number(port, "port").map_or(0, |(number, _)| number));
        if !numbers.insert(key) {
            refuse_duplicate(reader, &path, &format!("the port {} {}", key.0, key.1), port);
        }
        check_node_port(reader, &path.field("nodePort"), port, (kind, protocol, &mut node_ports));
    }
}

fn check_name<'n>(
    reader: &mut Reader,
    path: &Path<'_>,
    port: &'n Node<'_>,
    (names, needed): (&mut FxHashSet<&'n str>, bool),
) {
    match text(port, "name") {
        Some((name, node)) => {
            check_label_name(reader, path, name, node);
            if !names.insert(name) {
                refuse_duplicate(reader, path, &format!("a port `{name}`"), node);
            }
        }
        // Of another type: reported.
        None if field(port, "name").is_some_and(|name| name.as_str().is_none()) => {}
        None if needed => {
            refuse_missing(reader, path, port, "of several ports each needs a name");
        }
        None => {}
    }
}

fn check_numbers(reader: &mut Reader, path: &Path<'_>, port: &Node<'_>) {
    let own = path.field("port");
    match (field(port, "port"), number(port, "port")) {
        (None, _) => refuse_missing(reader, &own, port, "write the number that clients connect to"),
        (Some(_), Some((number, node))) => {
            policy::check_number(reader, &own, number, node.span);
        }
        (Some(_), None) => {}
    }
    let path = path.field("targetPort");
    let Some(target) = field(port, "targetPort") else { return };
    match &target.value {
        Value::Str(name) if !name.is_empty() => {
            policy::check_name(reader, &path, name, target.span);
        }
        // Zero is as good as none: the Service's own port.
        Value::Number(number) => {
            if let Some(number) = whole(*number).filter(|number| *number != 0) {
                policy::check_number(reader, &path, number, target.span);
            }
        }
        _ => {}
    }
}

fn check_node_port<'n>(
    reader: &mut Reader,
    path: &Path<'_>,
    port: &'n Node<'_>,
    (kind, protocol, seen): (&str, &'n str, &mut FxHashSet<(&'n str, i32)>),
) {
    let Some((number, node)) = number(port, "nodePort").filter(|(number, _)| *number != 0) else {
        return;
    };
    if kind == "ClusterIP" {
        let message = "`nodePort` does not fit `type: ClusterIP`";
        let finding = Diagnostic::new(Code::FieldConflict, message).at(node.span);
        reader.refuse(path, finding.with_help("write `type: NodePort`, or leave `nodePort` out"));
    }
    if !seen.insert((protocol, number)) {
        refuse_duplicate(reader, path, &format!("the node's port {protocol} {number}"), node);
    }
}

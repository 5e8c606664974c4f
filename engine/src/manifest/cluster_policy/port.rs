//! `protocols`, and `ports` of `v1alpha1`.

use std::cmp::Ordering;
use std::sync::Arc;

use super::super::policy::{PortEntry, PortMatch};
use super::super::read::{Keys, Path};
use super::super::syntax;
use super::context::{Context, Length};
use super::peer::one_member;
use crate::diagnostic::{Code, Diagnostic};
use crate::net::Protocol;
use crate::source::Span;
use crate::tree::{Node, Value};

/// Reads the list of ports, under whichever name the kind has it.
pub fn read_all(
    context: &mut Context<'_>,
    path: &Path<'_>,
    node: Option<&Node<'_>>,
) -> Vec<PortEntry> {
    let length = Length { least: 1, most: context.most() };
    let items = context.items(path, node, length);
    let mut entries = Vec::new();
    for (item, node) in items.iter().enumerate() {
        let path = path.item(item);
        let ports = if context.is_outdated() {
            outdated(context, &path, node)
        } else {
            current(context, &path, node)
        };
        let entry = |(protocol, ports)| PortEntry { protocol, ports, item, span: node.span };
        entries.extend(ports.into_iter().map(entry));
    }
    entries
}

type Ports = Vec<(Protocol, PortMatch)>;

/// The only member of a mapping that has exactly one of these; none if it was refused.
fn only_member<'n, 't>(
    context: &mut Context<'_>,
    path: &Path<'_>,
    node: &'n Node<'t>,
    known: &'static [&'static str],
) -> Option<(&'static str, &'n Node<'t>)> {
    if !context.is_map(path, node) {
        return None;
    }
    let fields = context.reader.fields(path, node, Keys::Exactly(known));
    one_member(context, path, &fields, known)
}

fn current(context: &mut Context<'_>, path: &Path<'_>, node: &Node<'_>) -> Ports {
    const KNOWN: &[&str] = &["tcp", "udp", "sctp", "destinationNamedPort"];
    let Some((member, node)) = only_member(context, path, node, KNOWN) else {
        return Vec::new();
    };
    let path = path.field(member);
    let protocol = match member {
        "tcp" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        "sctp" => Protocol::Sctp,
        _ => return named(context, &path, node),
    };
    of_protocol(context, &path, node).map(|ports| (protocol, ports)).into_iter().collect()
}

/// `destinationPort` of a protocol, or every port of it.
fn of_protocol(context: &mut Context<'_>, path: &Path<'_>, node: &Node<'_>) -> Option<PortMatch> {
    if !context.is_map(path, node) {
        return None;
    }
    // Only as written so: what is empty once a field has been dropped meant something else.
    if matches!(&node.value, Value::Map(entries) if entries.is_empty()) {
        all_ports(context, path, node.span);
        return Some(PortMatch::Any);
    }
    let known = &["destinationPort"];
    let fields = context.reader.fields(path, node, Keys::Exactly(known));
    let (_, node) = one_member(context, path, &fields, known)?;
    let path = path.field("destinationPort");
    if !context.is_map(&path, node) {
        return None;
    }
    let known = &["number", "range"];
    let fields = context.reader.fields(&path, node, Keys::Exactly(known));
    match one_member(context, &path, &fields, known)? {
        ("number", node) => {
            let port = port(context, &path.field("number"), node)?;
            Some(PortMatch::Range(port, port))
        }
        (_, node) => range(context, &path.field("range"), node, &["start", "end"]),
    }
}

/// The overview of the API says that an empty protocol is all its ports; the schema refuses it.
fn all_ports(context: &mut Context<'_>, path: &Path<'_>, span: Span) {
    let message =
        format!("`{path}` names no port: it is read as all ports, and API servers reject it");
    let finding = Diagnostic::new(Code::ClusterPolicySchema, message).at(span);
    let help = "write `destinationPort: {range: {start: 1, end: 65535}}`";
    context.reader.report(path, finding.with_help(help));
}

fn outdated(context: &mut Context<'_>, path: &Path<'_>, node: &Node<'_>) -> Ports {
    const KNOWN: &[&str] = &["portNumber", "portRange", "namedPort"];
    let Some((member, node)) = only_member(context, path, node, KNOWN) else {
        return Vec::new();
    };
    let path = path.field(member);
    if member == "namedPort" {
        return named(context, &path, node);
    }
    if !context.is_map(&path, node) {
        return Vec::new();
    }
    let (ports, known): (_, &[&str]) = match member {
        "portNumber" => (number(context, &path, node), &["protocol", "port"]),
        _ => {
            let known = &["protocol", "start", "end"];
            (range(context, &path, node, known), known)
        }
    };
    let fields = context.reader.fields(&path, node, Keys::Exactly(known));
    let protocol = protocol(context, &path.field("protocol"), fields.get("protocol"));
    protocol.zip(ports).into_iter().collect()
}

/// `portNumber` of `v1alpha1`.
fn number(context: &mut Context<'_>, path: &Path<'_>, node: &Node<'_>) -> Option<PortMatch> {
    let path = path.field("port");
    let Some(port_node) = node.get("port").filter(|node| !node.is_null()) else {
        context.missing(&path, node.span, "give the port's number");
        return None;
    };
    let port = port(context, &path, port_node)?;
    Some(PortMatch::Range(port, port))
}

/// TCP where it is absent. The schema of `v1alpha1` takes any text.
fn protocol(
    context: &mut Context<'_>,
    path: &Path<'_>,
    node: Option<&Node<'_>>,
) -> Option<Protocol> {
    let Some(node) = node else { return Some(Protocol::Tcp) };
    let word = context.reader.string(path, Some(node))?;
    let protocol = Protocol::from_name(word);
    if protocol.is_none() {
        let message = format!("`{word}` is not a valid protocol: its rule fails closed");
        let finding = Diagnostic::new(Code::ProtocolUnsupported, message).at(node.span);
        context.doubt(path, finding.with_help("use one of TCP, UDP, SCTP"));
    }
    protocol
}

fn range(
    context: &mut Context<'_>,
    path: &Path<'_>,
    node: &Node<'_>,
    known: &[&str],
) -> Option<PortMatch> {
    if !context.is_map(path, node) {
        return None;
    }
    let fields = if context.is_outdated() {
        // Its caller looks at the fields, of which `protocol` is one.
        context.reader.fields(path, node, Keys::Among(&[]))
    } else {
        context.reader.fields(path, node, Keys::Exactly(known))
    };
    let mut end_of = |name: &'static str| match fields.get(name) {
        Some(node) => port_number(context, &path.field(name), node),
        None => {
            context.missing(&path.field(name), fields.span, "a range needs `start` and `end`");
            None
        }
    };
    let (start, end) = end_of("start").zip(end_of("end"))?;
    check_order(context, path, (start, end), fields.span);
    let (start, end) = valid(start).zip(valid(end))?;
    (start <= end).then_some(PortMatch::Range(start, end))
}

/// Also where the two are no ports: the server says both.
fn check_order(context: &mut Context<'_>, path: &Path<'_>, (start, end): (i32, i32), span: Span) {
    let message = format!("`start` {start} is not below `end` {end}");
    let finding = Diagnostic::new(Code::PortRangeOrder, message).at(span);
    match (context.is_outdated(), start.cmp(&end)) {
        (_, Ordering::Less) | (true, Ordering::Equal) => {}
        // Documented, but not in the schema: such a range is stored, and nobody says what it means.
        (true, Ordering::Greater) => {
            context.doubt(path, finding.with_help("swap them: the rule fails closed"));
        }
        (false, Ordering::Equal) => {
            let help = format!("write `number: {start}` for one port");
            context.reader.refuse(path, finding.with_help(help));
        }
        (false, Ordering::Greater) => {
            context.reader.refuse(path, finding.with_help("swap them"));
        }
    }
}

/// A port's number.
fn port(context: &mut Context<'_>, path: &Path<'_>, node: &Node<'_>) -> Option<u16> {
    valid(port_number(context, path, node)?)
}

fn valid(number: i32) -> Option<u16> {
    u16::try_from(number).ok().filter(|port| *port > 0)
}

/// A whole number; one that is no port is reported, and still compared with the other of a range.
fn port_number(context: &mut Context<'_>, path: &Path<'_>, node: &Node<'_>) -> Option<i32> {
    let number = context.reader.integer(path, Some(node))?;
    if valid(number).is_none() {
        let message = format!("{number} is not a valid port: ports are 1 to 65535");
        context.reader.refuse(path, Diagnostic::new(Code::PortRange, message).at(node.span));
    }
    Some(number)
}

/// A name is of whatever protocol the pod's port has.
fn named(context: &mut Context<'_>, path: &Path<'_>, node: &Node<'_>) -> Ports {
    let Some(name) = context.reader.string(path, Some(node)) else {
        return Vec::new();
    };
    context.experimental(path, node.span);
    let faults = syntax::port_name_faults(name);
    if !faults.is_empty() {
        let message = format!("no pod's port has the name `{name}`: {}", faults.join(", "));
        let finding = Diagnostic::new(Code::PortName, message).at(node.span);
        context.reader.report(path, finding);
    }
    let name: Arc<str> = name.into();
    Protocol::ALL.into_iter().map(|protocol| (protocol, PortMatch::Named(name.clone()))).collect()
}

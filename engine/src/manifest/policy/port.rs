//! The entries of `ports`.

use std::sync::Arc;

use super::super::read::{Fields, Keys, Path, Reader, is_beyond, whole};
use super::super::syntax;
use super::bad_word;
use crate::diagnostic::{Code, Diagnostic, Edit, Fix};
use crate::net::Protocol;
use crate::source::Span;
use crate::tree::{Node, Value};

/// One entry of a rule's `ports`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortEntry {
    /// Protocol, TCP where it was left out.
    pub protocol: Protocol,
    /// Which ports of it.
    pub ports: PortMatch,
    /// The index of the element of the list that it comes from: one that names a port without a
    /// protocol is an entry for each.
    pub item: usize,
    /// Where it stands.
    pub span: Span,
}

/// Which ports an entry names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PortMatch {
    /// Every one of the protocol.
    Any,
    /// From one to another, inclusive.
    Range(u16, u16),
    /// Whatever the destination pod calls so.
    Named(Arc<str>),
}

impl PortMatch {
    /// Whether a number is among them; none if that is for the destination's names to say.
    pub fn has(&self, number: u16) -> Option<bool> {
        match self {
            Self::Any => Some(true),
            Self::Range(first, last) => Some((*first..=*last).contains(&number)),
            Self::Named(_) => None,
        }
    }
}

impl PortEntry {
    /// As findings and evidence write it: `TCP 80`, `TCP 8000-8080`, `UDP dns`, `SCTP any port`.
    pub fn text(&self) -> String {
        let protocol = self.protocol;
        match &self.ports {
            PortMatch::Any => format!("{protocol} any port"),
            PortMatch::Range(first, last) if first == last => format!("{protocol} {first}"),
            PortMatch::Range(first, last) => format!("{protocol} {first}-{last}"),
            PortMatch::Named(name) => format!("{protocol} {name}"),
        }
    }
}

/// Reads `ports`.
pub fn read_all(reader: &mut Reader, path: &Path<'_>, node: Option<&Node<'_>>) -> Vec<PortEntry> {
    let items = reader.items(path, node);
    items.iter().enumerate().filter_map(|(i, item)| read(reader, &path.item(i), i, item)).collect()
}

fn read(reader: &mut Reader, path: &Path<'_>, item: usize, node: &Node<'_>) -> Option<PortEntry> {
    let fields = reader.fields(path, node, Keys::Exactly(&["protocol", "port", "endPort"]));
    let protocol = protocol(reader, &path.field("protocol"), fields.get("protocol"));
    let port = port(reader, &path.field("port"), fields.get("port"));
    let end = end_port(reader, &path.field("endPort"), &fields);
    let ports = match (port?, end) {
        (PortMatch::Range(first, _), End::At(last)) => PortMatch::Range(first, last),
        (_, End::Refused) => return None,
        (port, _) => port,
    };
    Some(PortEntry { protocol: protocol?, ports, item, span: node.span })
}

/// TCP where it is absent; an empty string is not absent.
fn protocol(reader: &mut Reader, path: &Path<'_>, node: Option<&Node<'_>>) -> Option<Protocol> {
    let Some(node) = node else {
        return Some(Protocol::Tcp);
    };
    let word = reader.string(path, Some(node))?;
    let protocol = Protocol::from_name(word);
    if protocol.is_none() {
        let names = Protocol::ALL.map(Protocol::name);
        reader.refuse(path, bad_word(word, &names, Code::ProtocolUnsupported, node.span));
    }
    protocol
}

/// What `port` names; none if it was refused.
fn port(reader: &mut Reader, path: &Path<'_>, node: Option<&Node<'_>>) -> Option<PortMatch> {
    let Some(node) = node else {
        return Some(PortMatch::Any);
    };
    match &node.value {
        Value::Str(name) => named(reader, path, name, node.span),
        Value::Number(number) if whole(*number).is_some() => {
            let port = check_number(reader, path, whole(*number)?, node.span)?;
            Some(PortMatch::Range(port, port))
        }
        Value::Number(number) if is_beyond(*number) => {
            let message = format!("`{path}` is too large: ports are 1 to 65535");
            reader.refuse(path, Diagnostic::new(Code::WrongType, message).at(node.span));
            None
        }
        other => {
            let message = format!(
                "`{path}` takes a port number or a port name, not {}",
                match other {
                    Value::Number(_) => "a fraction",
                    other => other.describe(),
                }
            );
            reader.refuse(path, Diagnostic::new(Code::WrongType, message).at(node.span));
            None
        }
    }
}

fn named(reader: &mut Reader, path: &Path<'_>, name: &str, span: Span) -> Option<PortMatch> {
    if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit()) {
        let message = format!("`\"{name}\"` is read as a port name, and port names need a letter");
        let finding = Diagnostic::new(Code::PortAsString, message).at(span);
        // With zeros before it, it would be an octal number in YAML and none in JSON.
        let number =
            name.parse::<u16>().ok().filter(|number| *number > 0 && !name.starts_with('0'));
        let finding = match number {
            Some(number) => {
                let fix = Fix::other(span, Edit::Text(number.to_string()));
                finding.with_help(format!("write {number} without quotes")).with_fix(fix)
            }
            None => {
                finding.with_help("write the port as a number, from 1 to 65535, without quotes")
            }
        };
        reader.refuse(path, finding);
        return None;
    }
    check_name(reader, path, name, span).then(|| PortMatch::Named(name.into()))
}

/// Whether a text is the name of a port, also of a container's or a Service's; it is refused
/// otherwise.
pub fn check_name(reader: &mut Reader, path: &Path<'_>, name: &str, span: Span) -> bool {
    let faults = syntax::port_name_faults(name);
    if !faults.is_empty() {
        let message = format!("`{name}` is not a valid port name: {}", faults.join(", "));
        reader.refuse(path, Diagnostic::new(Code::PortName, message).at(span));
    }
    faults.is_empty()
}

/// The port of a number, also of a container's or a Service's; the number is refused if it is none.
pub fn check_number(reader: &mut Reader, path: &Path<'_>, number: i32, span: Span) -> Option<u16> {
    let port = u16::try_from(number).ok().filter(|port| *port > 0);
    if port.is_none() {
        let message = format!("{number} is not a valid port: ports are 1 to 65535");
        reader.refuse(path, Diagnostic::new(Code::PortRange, message).at(span));
    }
    port
}

fn end_out_of_range(reader: &mut Reader, path: &Path<'_>, number: i32, node: &Node<'_>) {
    let message = format!("`endPort` {number} is not a valid port: ports are 1 to 65535");
    reader.refuse(path, Diagnostic::new(Code::EndPort, message).at(node.span));
}

fn end_needs_number(reader: &mut Reader, path: &Path<'_>, node: &Node<'_>) {
    let message = "`endPort` needs a numeric `port`";
    let finding = Diagnostic::new(Code::EndPort, message).at(node.span);
    reader.refuse(path, finding.with_help("give the range's first port as a number in `port`"));
}

/// What `endPort` says.
enum End {
    Absent,
    At(u16),
    Refused,
}

/// Checked against `port` as written, whether or not that one is refused itself.
fn end_port(reader: &mut Reader, path: &Path<'_>, fields: &Fields<'_, '_>) -> End {
    let Some(node) = fields.get("endPort") else {
        return End::Absent;
    };
    let Some(end) = reader.integer(path, Some(node)) else {
        return End::Refused;
    };
    let first = match fields.get("port").map(|port| &port.value) {
        Some(Value::Number(number)) => whole(*number),
        // Of another type: reported, and no number to compare with.
        Some(value) if !matches!(value, Value::Str(_)) => return End::Refused,
        _ => {
            end_needs_number(reader, path, node);
            return End::Refused;
        }
    };
    match u16::try_from(end).ok().filter(|end| *end > 0) {
        None => end_out_of_range(reader, path, end, node),
        Some(_) if first.is_some_and(|first| end < first) => {
            let message =
                format!("`endPort` {end} is less than `port` {}", first.unwrap_or_default());
            reader.refuse(path, Diagnostic::new(Code::EndPort, message).at(node.span));
        }
        Some(last) => return End::At(last),
    }
    End::Refused
}

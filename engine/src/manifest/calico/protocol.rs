//! `protocol`, `notProtocol`, `icmp` and `notICMP`.

use super::super::read::{Fields, Keys, Path, whole};
use super::context::Context;
use crate::diagnostic::{Code, nearest};
use crate::net::Protocol;
use crate::tree::{Node, Value};

/// A protocol of the layer above IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CalicoProtocol {
    /// One with ports.
    Ported(Protocol),
    /// ICMP.
    Icmp,
    /// ICMP for IPv6.
    IcmpV6,
    /// UDP-Lite: its ports cannot be named.
    UdpLite,
    /// Another, by its number, which is that of none of these.
    Number(u8),
}

const NAMES: [(&str, u8, CalicoProtocol); 6] = [
    ("TCP", 6, CalicoProtocol::Ported(Protocol::Tcp)),
    ("UDP", 17, CalicoProtocol::Ported(Protocol::Udp)),
    ("SCTP", 132, CalicoProtocol::Ported(Protocol::Sctp)),
    ("ICMP", 1, CalicoProtocol::Icmp),
    ("ICMPv6", 58, CalicoProtocol::IcmpV6),
    ("UDPLite", 136, CalicoProtocol::UdpLite),
];

/// What a message of ICMP is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IcmpMatch {
    /// `type`; none: any.
    pub kind: Option<u8>,
    /// `code`; none: any.
    pub code: Option<u8>,
}

impl CalicoProtocol {
    /// Whether rules for it may name ports.
    pub fn has_ports(self) -> bool {
        matches!(self, Self::Ported(_))
    }

    fn of_number(number: u8) -> Self {
        let named = NAMES.iter().find(|(_, known, _)| *known == number);
        named.map_or(Self::Number(number), |(.., protocol)| *protocol)
    }
}

impl std::fmt::Display for CalicoProtocol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match NAMES.iter().find(|(.., known)| known == self) {
            Some((name, ..)) => f.write_str(name),
            None => match self {
                Self::Number(number) => write!(f, "protocol {number}"),
                _ => Ok(()),
            },
        }
    }
}

/// A protocol by name or number; none if it is absent or wrong, which is reported.
pub fn read(
    context: &mut Context<'_>,
    path: &Path<'_>,
    node: Option<&Node<'_>>,
) -> Option<CalicoProtocol> {
    let node = node?;
    let number = match &node.value {
        Value::Number(number) => whole(*number),
        Value::Str(text) => match NAMES.iter().find(|(name, ..)| name == text) {
            Some((.., protocol)) => return Some(*protocol),
            None => text.parse().ok(),
        },
        _ => None,
    };
    let number = number.and_then(|number| u8::try_from(number).ok()).filter(|number| *number > 0);
    if number.is_none() {
        refuse(context, path, node);
    }
    number.map(CalicoProtocol::of_number)
}

fn refuse(context: &mut Context<'_>, path: &Path<'_>, node: &Node<'_>) {
    let names = NAMES.map(|(name, ..)| name);
    let (written, meant) = match &node.value {
        Value::Str(text) => (format!("`{text}`"), nearest(text, names)),
        Value::Number(number) => (number.to_string(), None),
        other => (other.describe().to_owned(), None),
    };
    let help = match meant {
        Some(meant) => format!("write `{meant}`"),
        None => format!("write one of {}, or a number from 1 to 255", names.join(", ")),
    };
    let message = format!("{written} is not a valid protocol");
    let fault = (Code::ProtocolUnsupported, message);
    match &node.value {
        Value::Str(_) | Value::Number(_) => context.invalid(path, fault, node.span, &help),
        _ => context.refuse(path, fault, node.span, &help),
    }
}

/// `icmp` or `notICMP`; none if it is absent.
pub fn read_icmp(
    context: &mut Context<'_>,
    path: &Path<'_>,
    node: Option<&Node<'_>>,
) -> Option<IcmpMatch> {
    let node = node?;
    let fields = context.reader.fields(path, node, Keys::Exactly(&["type", "code"]));
    let kind = byte(context, &path.field("type"), &fields, ("type", 254));
    let code = byte(context, &path.field("code"), &fields, ("code", 255));
    if fields.get("code").is_some() && fields.get("type").is_none() {
        let message = format!("`{path}` has a code without a type");
        let help = "a code means something only of a type: add `type`";
        context.refuse(path, (Code::FieldConflict, message), node.span, help);
    }
    Some(IcmpMatch { kind, code })
}

fn byte(
    context: &mut Context<'_>,
    path: &Path<'_>,
    fields: &Fields<'_, '_>,
    (name, most): (&str, u8),
) -> Option<u8> {
    let node = fields.get(name)?;
    let number = context.reader.integer(path, Some(node))?;
    let byte = u8::try_from(number).ok().filter(|byte| *byte <= most);
    if byte.is_none() {
        let message = format!("{number} is not a valid {name} of ICMP: there are 0 to {most}");
        context.refuse(path, (Code::PortRange, message), node.span, "");
    }
    byte
}

//! FelixConfiguration: what it says of host endpoints.

use super::super::read::{Keys, Path};
use super::context::Context;
use crate::diagnostic::Code;
use crate::net::{Cidr, Protocol};
use crate::tree::Node;

/// What is read of the settings of Calico's agent; none of a field: it has its default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FelixSettings {
    /// `failsafeInboundHostPorts`.
    pub inbound: Option<Vec<Failsafe>>,
    /// `failsafeOutboundHostPorts`.
    pub outbound: Option<Vec<Failsafe>>,
    /// `defaultEndpointToHostAction`.
    pub to_host: Option<HostAction>,
}

/// Ports that stay open whatever policies of hosts say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failsafe {
    /// Of which protocol.
    pub protocol: Protocol,
    /// The port.
    pub port: u16,
    /// From or to which addresses; none: any.
    pub net: Option<Cidr>,
}

/// What becomes of what a pod sends to its own node, after the pod's policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostAction {
    /// It is denied.
    Drop,
    /// It is allowed.
    Accept,
    /// Other rules of the node decide.
    Return,
}

const ACTIONS: [(&str, HostAction); 6] = [
    ("Drop", HostAction::Drop),
    ("DROP", HostAction::Drop),
    ("Accept", HostAction::Accept),
    ("ACCEPT", HostAction::Accept),
    ("Return", HostAction::Return),
    ("RETURN", HostAction::Return),
];
const INBOUND: &str = "failsafeInboundHostPorts";
const OUTBOUND: &str = "failsafeOutboundHostPorts";
const TO_HOST: &str = "defaultEndpointToHostAction";

/// Reads the settings; other fields are left alone.
pub fn read(context: &mut Context<'_>, object: &Node<'_>) -> FelixSettings {
    let path = Path::Root.field("spec");
    let Some(spec) = context.spec(object) else { return FelixSettings::default() };
    let fields = context.reader.fields(&path, spec, Keys::Among(&[INBOUND, OUTBOUND, TO_HOST]));
    let mut ports = |name: &str| {
        let node = fields.get(name).filter(|node| !node.is_null())?;
        let path = path.field(name);
        let items = context.reader.items(&path, Some(node)).iter().enumerate();
        Some(items.filter_map(|(i, item)| failsafe(context, &path.item(i), item)).collect())
    };
    let (inbound, outbound) = (ports(INBOUND), ports(OUTBOUND));
    let to_host = context.word(&path.field(TO_HOST), fields.get(TO_HOST), &ACTIONS);
    FelixSettings { inbound, outbound, to_host }
}

/// Without a protocol it is TCP. [Calico §7]
fn failsafe(context: &mut Context<'_>, path: &Path<'_>, node: &Node<'_>) -> Option<Failsafe> {
    let fields = context.reader.fields(path, node, Keys::Exactly(&["protocol", "port", "net"]));
    let protocol = protocol(context, &path.field("protocol"), fields.get("protocol"));
    let net = fields.get("net").and_then(|node| {
        let text = context.reader.text(&path.field("net"), Some(node))?;
        context.net(&path.field("net"), text, node.span)
    });
    let number = context.reader.integer(&path.field("port"), fields.get("port"));
    let port = number.and_then(|number| u16::try_from(number).ok()).filter(|port| *port > 0);
    if port.is_none() {
        let message = format!("`{path}` needs a port, 1 to 65535");
        context.refuse(&path.field("port"), (Code::PortRange, message), node.span, "");
    }
    Some(Failsafe { protocol: protocol?, port: port?, net })
}

/// That of a name in any case.
fn protocol(
    context: &mut Context<'_>,
    path: &Path<'_>,
    node: Option<&Node<'_>>,
) -> Option<Protocol> {
    let Some(text) = context.reader.text(path, node).filter(|text| !text.is_empty()) else {
        return Some(Protocol::Tcp);
    };
    let known = Protocol::from_name(&text.to_ascii_uppercase());
    if known.is_none() {
        let message = format!("`{text}` is not a valid protocol");
        let span = node.map(|node| node.span).unwrap_or_default();
        context.refuse(path, (Code::UnknownWord, message), span, "write TCP, UDP or SCTP");
    }
    known
}

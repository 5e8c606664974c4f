//! HostEndpoint.

use std::net::IpAddr;
use std::sync::Arc;

use super::super::read::{Fields, Keys, Path};
use super::context::Context;
use super::{items_of, protocol};
use crate::diagnostic::Code;
use crate::tree::Node;

/// Interfaces of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostEndpoint {
    /// `node`.
    pub node: Arc<str>,
    /// `interfaceName`, `*` for all that have no other; none: that which has one of the addresses.
    pub interface: Option<Arc<str>>,
    /// `expectedIPs`, in order.
    pub addresses: Vec<IpAddr>,
    /// `profiles`, in order.
    pub profiles: Vec<Arc<str>>,
    /// Names of `ports`, in order.
    pub port_names: Vec<Arc<str>>,
}

const KNOWN: &[&str] = &["node", "interfaceName", "expectedIPs", "profiles", "ports"];

/// Reads a host endpoint; what is missing or wrong of it is empty, and reported.
pub fn read(context: &mut Context<'_>, object: &Node<'_>) -> HostEndpoint {
    let path = Path::Root.field("spec");
    let Some(node) = context.spec(object) else {
        let message = "a HostEndpoint needs its node and an interface".to_owned();
        context.invalid(&path, (Code::MissingField, message), object.span, "write a `spec`");
        return HostEndpoint::default();
    };
    let fields = context.reader.fields(&path, node, Keys::Exactly(KNOWN));
    let mut text = |name: &str| {
        let text = context.reader.text(&path.field(name), fields.get(name));
        text.filter(|text| !text.is_empty()).map(Arc::<str>::from)
    };
    let (node, interface) = (text("node"), text("interfaceName"));
    let addresses = addresses(context, &path.field("expectedIPs"), &fields);
    let profiles = context.set(&path.field("profiles"), fields.get("profiles"));
    let profiles = profiles.into_iter().map(|(name, _)| name.into()).collect();
    check(context, &path, (node.as_deref(), interface.as_deref()), &fields);
    let port_names = port_names(context, &path.field("ports"), &fields);
    HostEndpoint { node: node.unwrap_or_default(), interface, addresses, profiles, port_names }
}

fn addresses(context: &mut Context<'_>, path: &Path<'_>, fields: &Fields<'_, '_>) -> Vec<IpAddr> {
    let texts = context.set(path, fields.get("expectedIPs"));
    let mut addresses = Vec::with_capacity(texts.len());
    for (i, (text, span)) in texts.into_iter().enumerate() {
        match text.parse() {
            Ok(address) => addresses.push(address),
            Err(_) => {
                let message = format!("`{text}` is not a valid address");
                let help = "for example 192.0.2.7: a block is none";
                context.invalid(&path.item(i), (Code::Address, message), span, help);
            }
        }
    }
    addresses
}

/// The longest name that a device may have.
const LONGEST_NAME: usize = 15;

fn check(
    context: &mut Context<'_>,
    path: &Path<'_>,
    (node, interface): (Option<&str>, Option<&str>),
    fields: &Fields<'_, '_>,
) {
    let is_absent = fields.get("node").is_none_or(|node| node.as_str() == Some(""));
    if node.is_none() && is_absent {
        let message = "a HostEndpoint needs its node".to_owned();
        let help = "write `node:` with the name of a Node";
        context.refuse(&path.field("node"), (Code::MissingField, message), fields.span, help);
    }
    let has_addresses = fields.get("expectedIPs").is_some_and(|node| !items_of(node).is_empty());
    if interface.is_none() && !has_addresses {
        let message = "a HostEndpoint needs `interfaceName` or `expectedIPs`".to_owned();
        let help = "write `interfaceName: \"*\"` for all interfaces of the node";
        let path = path.field("interfaceName");
        return context.refuse(&path, (Code::MissingField, message), fields.span, help);
    }
    let Some(name) = interface else { return };
    let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    if name.len() > LONGEST_NAME {
        let span = fields.get("interfaceName").map_or(fields.span, |node| node.span);
        let message = format!("`{name}` is not the name of an interface: it is too long");
        let help = "a name has 15 characters at most";
        context.refuse(&path.field("interfaceName"), (Code::TooLong, message), span, help);
    } else if name != "*" && !name.bytes().all(is_of_name) {
        let span = fields.get("interfaceName").map_or(fields.span, |node| node.span);
        let message = format!("`{name}` is not the name of an interface");
        let help = "a name has letters, digits, `_`, `.` and `-`; `*` is all interfaces";
        context.invalid(&path.field("interfaceName"), (Code::BadName, message), span, help);
    }
}

fn port_names(
    context: &mut Context<'_>,
    path: &Path<'_>,
    fields: &Fields<'_, '_>,
) -> Vec<Arc<str>> {
    let items = context.reader.items(path, fields.get("ports"));
    let mut names = Vec::new();
    for (i, item) in items.iter().enumerate() {
        let path = path.item(i);
        let fields =
            context.reader.fields(&path, item, Keys::Exactly(&["name", "port", "protocol"]));
        for name in ["name", "port", "protocol"] {
            if fields.get(name).is_none() {
                let path = path.field(name);
                let message = format!("`{path}` is required");
                context.refuse(&path, (Code::MissingField, message), item.span, "");
            }
        }
        let name = context.reader.text(&path.field("name"), fields.get("name"));
        names.extend(name.map(Arc::<str>::from));
        protocol::read(context, &path.field("protocol"), fields.get("protocol"));
        let Some(node) = fields.get("port") else { continue };
        let number = context.reader.integer(&path.field("port"), Some(node));
        if number.is_some_and(|number| !(1..=65535).contains(&number)) {
            let message = "a port is 1 to 65535".to_owned();
            context.refuse(&path.field("port"), (Code::PortRange, message), node.span, "");
        }
    }
    names
}

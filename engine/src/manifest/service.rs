//! Services: names for pods, and other port numbers.

use std::sync::Arc;

use super::meta::LabelList;
use super::read::{Keys, Path, Reader, whole};
use crate::net::Protocol;
use crate::tree::{Node, Value};

/// What the engine keeps of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// `selector`: equality only, in its own namespace. Empty selects nothing.
    pub selector: LabelList,
    /// `ports`, in order.
    pub ports: Vec<ServicePort>,
    /// `clusterIP: None`: clients reach the pods themselves, without translation.
    pub headless: bool,
    /// `type: ExternalName`: only an alias of a DNS name.
    pub external_name: bool,
}

/// A port of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePort {
    /// The port that clients dial.
    pub port: u16,
    /// Its protocol, TCP where it was left out.
    pub protocol: Protocol,
    /// The port of the pod.
    pub target: TargetPort,
}

/// Where a Service's port leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetPort {
    /// The same number on every pod.
    Number(u16),
    /// Whatever each pod calls so.
    Named(Arc<str>),
}

/// Reads a Service's `spec`.
pub fn read(reader: &mut Reader, object: &Node<'_>) -> Service {
    let path = Path::Root.field("spec");
    let nothing = Node { value: Value::Null, span: object.span };
    let known = ["selector", "ports", "clusterIP", "type"];
    let fields = reader.fields(&path, object.get("spec").unwrap_or(&nothing), Keys::Among(&known));
    let selector = reader.labels(&path.field("selector"), fields.get("selector"));
    let cluster_ip = reader.string(&path.field("clusterIP"), fields.get("clusterIP"));
    let kind = reader.string(&path.field("type"), fields.get("type"));
    let path = path.field("ports");
    let items = reader.items(&path, fields.get("ports"));
    let ports = items.iter().enumerate().filter_map(|(i, item)| port(reader, &path.item(i), item));
    let (headless, external_name) = (cluster_ip == Some("None"), kind == Some("ExternalName"));
    Service { selector, ports: ports.collect(), headless, external_name }
}

fn port(reader: &mut Reader, path: &Path<'_>, node: &Node<'_>) -> Option<ServicePort> {
    let known = ["name", "port", "targetPort", "protocol", "nodePort"];
    let fields = reader.fields(path, node, Keys::Among(&known));
    let port = reader.integer(&path.field("port"), fields.get("port"))?;
    let port = u16::try_from(port).ok().filter(|port| *port > 0)?;
    let protocol = match reader.string(&path.field("protocol"), fields.get("protocol")) {
        Some(word) => Protocol::from_name(word)?,
        None => Protocol::Tcp,
    };
    let target = match fields.get("targetPort").map(|node| &node.value) {
        None => TargetPort::Number(port),
        Some(Value::Str(name)) => TargetPort::Named(Arc::from(&**name)),
        Some(Value::Number(number)) => TargetPort::Number(u16::try_from(whole(*number)?).ok()?),
        Some(_) => return None,
    };
    Some(ServicePort { port, protocol, target })
}

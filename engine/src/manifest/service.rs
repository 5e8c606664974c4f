//! Services: names for pods, and other port numbers.

use std::net::IpAddr;
use std::sync::Arc;

use super::meta::LabelList;
use super::pod::address;
use super::read::{Elsewhere, Keys, Path, Reader};
use crate::diagnostic::{Code, Diagnostic};
use crate::net::Protocol;
use crate::selector::{Operator, Requirement, Selector};
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
    /// `clusterIP` and `clusterIPs` that are addresses, in order.
    pub cluster_addresses: Vec<IpAddr>,
    /// Whether nodes that pass connections from outside on replace the client's address: of a type
    /// that has such, without `externalTrafficPolicy: Local`.
    pub hides_clients: bool,
    /// `type: LoadBalancer`.
    pub is_load_balancer: bool,
    /// `publishNotReadyAddresses`: whether its pods are ready makes no difference.
    pub takes_unready: bool,
    /// `externalIPs`, and addresses of the load balancer.
    pub outside_addresses: Vec<IpAddr>,
}

impl Service {
    /// Which pods of its namespace are behind it.
    pub fn selector(&self) -> Selector {
        let requirement = |(key, value): &(Arc<str>, Arc<str>)| Requirement {
            key: key.clone(),
            operator: Operator::In,
            values: vec![value.clone()],
        };
        Selector::new(self.selector.iter().map(requirement).collect())
    }
}

/// The addresses behind a Service, as an Endpoints or an EndpointSlice says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// `Endpoints` or `EndpointSlice`.
    pub kind: &'static str,
    /// The Service, in the same namespace.
    pub service: Arc<str>,
    /// Addresses, each with all ports that they have.
    pub subsets: Vec<Subset>,
}

/// Addresses behind a Service that have the same ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subset {
    /// Addresses that are ready.
    pub ready: Vec<IpAddr>,
    /// Those that are not.
    pub unready: Vec<IpAddr>,
    /// Their ports.
    pub ports: Vec<EndpointPort>,
}

/// A port behind a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointPort {
    /// The name of the Service's port; empty if that has none.
    pub name: Arc<str>,
    /// The port at the address.
    pub port: u16,
    /// Its protocol, TCP where it was left out.
    pub protocol: Protocol,
}

/// A port of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePort {
    /// Its name, empty if it has none.
    pub name: Arc<str>,
    /// The port that clients dial.
    pub port: u16,
    /// The port of every node that leads here, if there is one.
    pub node_port: Option<u16>,
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

/// Fields of `spec` that are read.
const SPEC: &[&str] = &[
    "selector",
    "ports",
    "clusterIP",
    "clusterIPs",
    "externalIPs",
    "loadBalancerIP",
    "type",
    "publishNotReadyAddresses",
];

/// Its other fields.
const OTHERS_OF_SPEC: &[&str] = &[
    "allocateLoadBalancerNodePorts",
    "externalName",
    "externalTrafficPolicy",
    "healthCheckNodePort",
    "internalTrafficPolicy",
    "ipFamilies",
    "ipFamilyPolicy",
    "loadBalancerClass",
    "loadBalancerSourceRanges",
    "sessionAffinity",
    "sessionAffinityConfig",
    "trafficDistribution",
];

/// What does not belong in `spec`.
const ELSEWHERE: Elsewhere = &[
    ("label", "`metadata.labels`"),
    ("labels", "`metadata`"),
    ("matchLabels", "`selector`, which has labels and no `matchLabels`"),
    ("nodePort", "`ports`"),
    ("port", "`ports`"),
    ("targetPort", "`ports`"),
];

/// Reads a Service's `spec`.
pub fn read(reader: &mut Reader, object: &Node<'_>) -> Service {
    let path = Path::Root.field("spec");
    let nothing = Node { value: Value::Null, span: object.span };
    let keys = Keys::Open(SPEC, OTHERS_OF_SPEC, ELSEWHERE);
    let fields = reader.fields(&path, object.get("spec").unwrap_or(&nothing), keys);
    let selector = reader.labels(&path.field("selector"), fields.get("selector"));
    let cluster_ip = reader.string(&path.field("clusterIP"), fields.get("clusterIP"));
    let kind = reader.string(&path.field("type"), fields.get("type"));
    let published = "publishNotReadyAddresses";
    let takes_unready = reader.boolean(&path.field(published), fields.get(published));
    let mut cluster_addresses: Vec<IpAddr> =
        fields.get("clusterIP").and_then(address).into_iter().collect();
    cluster_addresses.extend(addresses(
        reader,
        &path.field("clusterIPs"),
        fields.get("clusterIPs"),
    ));
    let mut outside_addresses =
        addresses(reader, &path.field("externalIPs"), fields.get("externalIPs"));
    outside_addresses.extend(fields.get("loadBalancerIP").and_then(address));
    outside_addresses.extend(of_load_balancer(object));
    let path = path.field("ports");
    let items = reader.items(&path, fields.get("ports"));
    let ports = items.iter().enumerate().filter_map(|(i, item)| port(reader, &path.item(i), item));
    let (headless, external_name) = (cluster_ip == Some("None"), kind == Some("ExternalName"));
    let ports = ports.collect();
    let is_reached = matches!(kind, Some("NodePort" | "LoadBalancer"));
    let is_local = fields.get("externalTrafficPolicy").and_then(Node::as_str) == Some("Local");
    let hides_clients = is_reached && !is_local;
    Service {
        selector,
        ports,
        headless,
        external_name,
        cluster_addresses,
        hides_clients,
        is_load_balancer: kind == Some("LoadBalancer"),
        takes_unready,
        outside_addresses,
    }
}

fn addresses(reader: &mut Reader, path: &Path<'_>, node: Option<&Node<'_>>) -> Vec<IpAddr> {
    let mut found = Vec::new();
    for (i, item) in reader.items(path, node).iter().enumerate() {
        reader.string(&path.item(i), Some(item));
        found.extend(address(item));
    }
    found
}

fn of_load_balancer(object: &Node<'_>) -> Vec<IpAddr> {
    let status = object.get("status").and_then(|status| status.get("loadBalancer"));
    let items = status.and_then(|balancer| balancer.get("ingress")).map_or(&[][..], Node::items);
    items.iter().filter_map(|item| address(item.get("ip")?)).collect()
}

/// Reads an Endpoints, which is called as its Service is.
pub fn read_endpoints(reader: &mut Reader, object: &Node<'_>, name: &Arc<str>) -> Endpoints {
    let path = Path::Root.field("subsets");
    let mut subsets = Vec::new();
    for (i, subset) in reader.items(&path, object.get("subsets")).iter().enumerate() {
        let path = path.item(i);
        let mut of = |field: &str| {
            let items = reader.items(&path.field(field), subset.get(field));
            items.iter().filter_map(|item| address(item.get("ip")?)).collect()
        };
        let (ready, unready) = (of("addresses"), of("notReadyAddresses"));
        subsets.push(Subset { ready, unready, ports: endpoint_ports(reader, &path, subset) });
    }
    Endpoints { kind: "Endpoints", service: name.clone(), subsets }
}

/// Reads an EndpointSlice: a label says whose it is.
pub fn read_slice(reader: &mut Reader, object: &Node<'_>, labels: &LabelList) -> Endpoints {
    let service = labels.iter().find(|(key, _)| &**key == "kubernetes.io/service-name");
    let service = service.map_or_else(Arc::default, |(_, name)| name.clone());
    let ports = endpoint_ports(reader, &Path::Root, object);
    let path = Path::Root.field("endpoints");
    let (mut ready, mut unready) = (Vec::new(), Vec::new());
    for (i, item) in reader.items(&path, object.get("endpoints")).iter().enumerate() {
        let condition = item.get("conditions").and_then(|conditions| conditions.get("ready"));
        let is_unready = matches!(condition.map(|ready| &ready.value), Some(Value::Bool(false)));
        let path = path.item(i);
        let own = addresses(reader, &path.field("addresses"), item.get("addresses"));
        if is_unready { unready.extend(own) } else { ready.extend(own) }
    }
    Endpoints { kind: "EndpointSlice", service, subsets: vec![Subset { ready, unready, ports }] }
}

fn endpoint_ports(reader: &mut Reader, path: &Path<'_>, node: &Node<'_>) -> Vec<EndpointPort> {
    let path = path.field("ports");
    let mut ports = Vec::new();
    for (i, item) in reader.items(&path, node.get("ports")).iter().enumerate() {
        let path = path.item(i);
        let port = reader.integer(&path.field("port"), item.get("port"));
        let name = reader.string(&path.field("name"), item.get("name")).unwrap_or_default();
        let protocol = reader.string(&path.field("protocol"), item.get("protocol"));
        let protocol = protocol.map_or(Some(Protocol::Tcp), Protocol::from_name);
        if let (Some(port), Some(protocol)) = (port.and_then(|p| u16::try_from(p).ok()), protocol) {
            ports.push(EndpointPort { name: name.into(), port, protocol });
        }
    }
    ports
}

fn port(reader: &mut Reader, path: &Path<'_>, node: &Node<'_>) -> Option<ServicePort> {
    let known = ["name", "port", "targetPort", "protocol", "nodePort", "appProtocol"];
    let fields = reader.fields(path, node, Keys::Exactly(&known));
    // All are read before any is needed: a wrong type is reported whatever the others are.
    let port = reader.integer(&path.field("port"), fields.get("port"));
    let word = reader.string(&path.field("protocol"), fields.get("protocol"));
    let name = reader.string(&path.field("name"), fields.get("name")).unwrap_or_default().into();
    let node_port = reader.integer(&path.field("nodePort"), fields.get("nodePort"));
    let node_port = node_port.and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0);
    let target = target(reader, &path.field("targetPort"), fields.get("targetPort"));
    let port = u16::try_from(port?).ok().filter(|port| *port > 0)?;
    let word = word.filter(|word| !word.is_empty());
    let protocol = word.map_or(Some(Protocol::Tcp), Protocol::from_name)?;
    let target = target?.unwrap_or(TargetPort::Number(port));
    Some(ServicePort { name, port, node_port, protocol, target })
}

/// Where a port leads: to its own number if nothing, zero or no name is written; none at all if
/// what is written is not a port.
fn target(
    reader: &mut Reader,
    path: &Path<'_>,
    node: Option<&Node<'_>>,
) -> Option<Option<TargetPort>> {
    let Some(node) = node else { return Some(None) };
    match &node.value {
        Value::Str(name) if name.is_empty() => Some(None),
        Value::Str(name) => Some(Some(TargetPort::Named(Arc::from(&**name)))),
        Value::Number(_) => match u16::try_from(reader.integer(path, Some(node))?).ok()? {
            0 => Some(None),
            number => Some(Some(TargetPort::Number(number))),
        },
        other => {
            let found = other.describe();
            let message = format!("`{path}` takes a port number or a port name, not {found}");
            reader.refuse(path, Diagnostic::new(Code::WrongType, message).at(node.span));
            None
        }
    }
}

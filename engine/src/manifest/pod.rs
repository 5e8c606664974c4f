//! Pods and pod templates.

use std::net::IpAddr;
use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::read::{Elsewhere, Keys, Path, Reader};
use crate::diagnostic::{Code, Diagnostic};
use crate::net::Protocol;
use crate::tree::{Node, Value};

/// What the engine keeps of a pod's `spec`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodSpec {
    /// `hostNetwork`.
    pub host_network: bool,
    /// `nodeName`.
    pub node_name: Option<Arc<str>>,
    /// Whether it does not ask the cluster's DNS: `dnsPolicy: Default` or `None`.
    pub own_resolver: bool,
    /// Named ports of containers and sidecars, sorted, without repetition.
    pub ports: Vec<NamedPort>,
    /// `containerPort` of all ports of all containers, sorted, without repetition.
    pub port_numbers: Box<[u16]>,
    /// `serviceAccountName`; none means `default`.
    pub account: Option<Arc<str>>,
}

/// A port that a container names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamedPort {
    /// Name, unique per container only.
    pub name: Arc<str>,
    /// Protocol, TCP where it was left out.
    pub protocol: Protocol,
    /// `containerPort`.
    pub port: u16,
}

/// Where a pod is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Not yet running.
    Pending,
    /// Running, or `Unknown`.
    Running,
    /// `Succeeded` or `Failed`.
    Finished,
}

/// What the engine keeps of a pod's `status`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodStatus {
    /// `phase`, if the input has one.
    pub phase: Option<Phase>,
    /// `podIPs` and `podIP`, in order, without repetition.
    pub addresses: Vec<IpAddr>,
    /// `hostIPs` and `hostIP`, likewise.
    pub host_addresses: Vec<IpAddr>,
}

/// Fields of a pod's `spec` that are read.
const SPEC: &[&str] =
    &["hostNetwork", "nodeName", "serviceAccountName", "containers", "initContainers"];

/// Its other fields.
const OTHERS_OF_SPEC: &[&str] = &[
    "volumes",
    "ephemeralContainers",
    "restartPolicy",
    "terminationGracePeriodSeconds",
    "activeDeadlineSeconds",
    "dnsPolicy",
    "nodeSelector",
    "serviceAccount",
    "automountServiceAccountToken",
    "hostPID",
    "hostIPC",
    "shareProcessNamespace",
    "securityContext",
    "imagePullSecrets",
    "hostname",
    "subdomain",
    "affinity",
    "schedulerName",
    "tolerations",
    "hostAliases",
    "priorityClassName",
    "priority",
    "dnsConfig",
    "readinessGates",
    "runtimeClassName",
    "enableServiceLinks",
    "preemptionPolicy",
    "overhead",
    "topologySpreadConstraints",
    "setHostnameAsFQDN",
    "os",
    "hostUsers",
    "schedulingGates",
    "resourceClaims",
    "resources",
    "hostnameOverride",
];

/// What does not belong in `spec`.
const ELSEWHERE_THAN_SPEC: Elsewhere = &[
    ("containerPort", "`containers[].ports`"),
    ("hostPort", "`containers[].ports`"),
    ("label", "`metadata.labels`"),
    ("labels", "`metadata`"),
    ("ports", "`containers[]`"),
];

/// What does not belong in a container.
const ELSEWHERE_THAN_CONTAINERS: Elsewhere = &[
    ("containerPort", "`ports`"),
    ("dnsPolicy", "the pod's `spec`"),
    ("hostNetwork", "the pod's `spec`"),
    ("hostPort", "`ports`"),
    ("label", "the pod's `metadata.labels`"),
    ("labels", "the pod's `metadata`"),
    ("nodeName", "the pod's `spec`"),
    ("port", "`ports`, as `containerPort`"),
];

/// Fields of a container that are not read.
const OTHERS_OF_CONTAINERS: &[&str] = &[
    "name",
    "image",
    "command",
    "args",
    "workingDir",
    "envFrom",
    "env",
    "resources",
    "resizePolicy",
    "restartPolicyRules",
    "volumeMounts",
    "volumeDevices",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "lifecycle",
    "terminationMessagePath",
    "terminationMessagePolicy",
    "imagePullPolicy",
    "securityContext",
    "stdin",
    "stdinOnce",
    "tty",
];

/// Reads a pod's `spec`.
pub fn read_spec(reader: &mut Reader, path: &Path<'_>, node: Option<&Node<'_>>) -> PodSpec {
    let Some(node) = node else {
        return PodSpec::default();
    };
    let fields = reader.fields(path, node, Keys::Open(SPEC, OTHERS_OF_SPEC, ELSEWHERE_THAN_SPEC));
    let host_network = reader.boolean(&path.field("hostNetwork"), fields.get("hostNetwork"));
    let node_name = reader.string(&path.field("nodeName"), fields.get("nodeName"));
    let node_name = node_name.filter(|name| !name.is_empty()).map(Arc::from);
    let mut ports = Ports::default();
    containers(reader, &path.field("containers"), fields.get("containers"), &mut ports);
    let inits = path.field("initContainers");
    containers(reader, &inits, fields.get("initContainers"), &mut ports);
    let (ports, port_numbers) = ports.sorted();
    let policy = node.get("dnsPolicy").and_then(Node::as_str);
    let own_resolver = matches!(policy, Some("Default" | "None"));
    // Kubernetes keeps the two the same; the second is the older one.
    let names = ["serviceAccountName", "serviceAccount"];
    let mut accounts = names.into_iter().filter_map(|name| node.get(name)?.as_str());
    let account = accounts.find(|name| !name.is_empty()).map(Arc::from);
    PodSpec { host_network, node_name, own_resolver, ports, port_numbers, account }
}

/// Ports of containers.
#[derive(Default)]
struct Ports {
    named: Vec<NamedPort>,
    numbers: Vec<u16>,
}

impl Ports {
    fn sorted(mut self) -> (Vec<NamedPort>, Box<[u16]>) {
        self.named.sort_unstable();
        self.named.dedup();
        self.numbers.sort_unstable();
        self.numbers.dedup();
        (self.named, self.numbers.into())
    }
}

fn containers(reader: &mut Reader, path: &Path<'_>, node: Option<&Node<'_>>, ports: &mut Ports) {
    let initial = matches!(path, Path::Field(_, "initContainers"));
    for (i, node) in reader.items(path, node).iter().enumerate() {
        let path = path.item(i);
        let known = &["ports", "restartPolicy"];
        let keys = Keys::Open(known, OTHERS_OF_CONTAINERS, ELSEWHERE_THAN_CONTAINERS);
        let fields = reader.fields(&path, node, keys);
        // Of init containers only sidecars run beside the others. [NetworkPolicy §9]
        let sidecar = fields.get("restartPolicy").and_then(Node::as_str) == Some("Always");
        for name in ["name", "image"] {
            reader.string(&path.field(name), fields.get(name));
        }
        let path = path.field("ports");
        for (i, node) in reader.items(&path, fields.get("ports")).iter().enumerate() {
            let (number, named) = port(reader, &path.item(i), node);
            ports.numbers.extend(number);
            ports.named.extend(named.filter(|_| sidecar || !initial));
        }
    }
}

/// The number of a port, and the port if it has a name.
fn port(reader: &mut Reader, path: &Path<'_>, node: &Node<'_>) -> (Option<u16>, Option<NamedPort>) {
    let known = ["name", "containerPort", "protocol", "hostPort", "hostIP"];
    let fields = reader.fields(path, node, Keys::Exactly(&known));
    // All are read before any is asked for: a wrong type is reported on ports without a name too.
    let name = reader.string(&path.field("name"), fields.get("name"));
    let port = reader.integer(&path.field("containerPort"), fields.get("containerPort"));
    let protocol = reader.string(&path.field("protocol"), fields.get("protocol"));
    reader.integer(&path.field("hostPort"), fields.get("hostPort"));
    reader.string(&path.field("hostIP"), fields.get("hostIP"));
    let number = port.and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0);
    let protocol = protocol.filter(|word| !word.is_empty());
    let protocol = protocol.map_or(Some(Protocol::Tcp), Protocol::from_name);
    let name = name.filter(|name| !name.is_empty());
    let named = || Some(NamedPort { name: name?.into(), protocol: protocol?, port: number? });
    (number, named())
}

/// Reads a pod's `status`.
pub fn read_status(reader: &mut Reader, path: &Path<'_>, node: Option<&Node<'_>>) -> PodStatus {
    let Some(node) = node else {
        return PodStatus::default();
    };
    let known = ["phase", "podIP", "podIPs", "hostIP", "hostIPs"];
    let fields = reader.fields(path, node, Keys::Among(&known));
    let phase =
        reader.string(&path.field("phase"), fields.get("phase")).and_then(|phase| match phase {
            "Pending" => Some(Phase::Pending),
            "Running" | "Unknown" => Some(Phase::Running),
            "Succeeded" | "Failed" => Some(Phase::Finished),
            _ => None,
        });
    let mut read = |one: &str, many: &str| {
        let mut addresses = Vec::new();
        addresses.extend(read_address(reader, &path.field(one), fields.get(one)));
        let path = path.field(many);
        for (i, item) in reader.items(&path, fields.get(many)).iter().enumerate() {
            let path = path.item(i);
            addresses.extend(read_address(reader, &path.field("ip"), item.get("ip")));
        }
        let mut seen = FxHashSet::default();
        addresses.retain(|address| seen.insert(*address));
        addresses
    };
    let addresses = read("podIP", "podIPs");
    let host_addresses = read("hostIP", "hostIPs");
    PodStatus { phase, addresses, host_addresses }
}

/// An address; what is not one is reported, and ignored: the API server has none such.
fn read_address(reader: &mut Reader, path: &Path<'_>, node: Option<&Node<'_>>) -> Option<IpAddr> {
    let node = node.filter(|node| node.value != Value::Null)?;
    let found = address(node);
    if let (None, Some(text)) = (found, node.as_str().filter(|text| !text.is_empty())) {
        let message = format!("`{text}` is not a valid address: it is ignored");
        reader.report(path, Diagnostic::new(Code::Address, message).at(node.span));
    }
    found
}

/// An address, if the node is one.
pub fn address(node: &Node<'_>) -> Option<IpAddr> {
    match &node.value {
        Value::Str(text) => text.parse().ok(),
        _ => None,
    }
}

//! The synthetic cluster, as manifests in JSON.
//!
//! Fifty namespaces with twenty applications each, over which pods are spread evenly; policies are
//! spread over the applications, in five kinds that differ in direction, peers and ports. So nearly
//! every pod of a node has rules of its own: replicas of one application are rarely on one node.

use std::net::Ipv4Addr;

use serde_json::{Value, json};

const NAMESPACES: usize = 50;
const APPLICATIONS: usize = 20;

/// The namespace of the pods that the measurement is about; none of the policies of others.
pub const OWN: &str = "measured";

/// A manifest, and where it is posted.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// The path of its collection.
    pub path: String,
    /// Its name.
    pub name: String,
    /// The manifest.
    pub body: Value,
    /// What is then set by its subresource `status`; null if nothing is.
    pub status: Value,
}

impl Manifest {
    fn new(path: &str, name: String, body: Value) -> Self {
        Self { path: path.to_owned(), name, body, status: Value::Null }
    }

    /// As the API server would store it.
    pub fn stored(&self) -> Value {
        let mut body = self.body.clone();
        if let Some(fields) = body.as_object_mut()
            && !self.status.is_null()
        {
            fields.insert("status".into(), self.status.clone());
        }
        body
    }
}

/// A map with further fields.
pub fn with<const COUNT: usize>(mut map: Value, fields: [(&str, Value); COUNT]) -> Value {
    if let Some(map) = map.as_object_mut() {
        map.extend(fields.map(|(name, value)| (name.to_owned(), value)));
    }
    map
}

/// All namespaces.
pub fn namespaces() -> impl Iterator<Item = Manifest> {
    let others = (0..NAMESPACES).map(|at| {
        let labels = json!({"team": format!("t{}", at % 10)});
        namespace(format!("ns{at}"), labels)
    });
    others.chain([namespace(OWN.into(), json!({"team": "bench"}))])
}

fn namespace(name: String, labels: Value) -> Manifest {
    let labels = with(labels, [("kubernetes.io/metadata.name", json!(name))]);
    let meta = json!({"name": name, "labels": labels});
    Manifest::new(
        "/api/v1/namespaces",
        name,
        json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": meta,
        }),
    )
}

/// A node with an address.
pub fn node(name: &str, address: &str) -> Manifest {
    let mut node = Manifest::new(
        "/api/v1/nodes",
        name.to_owned(),
        json!({
            "apiVersion": "v1", "kind": "Node", "metadata": {"name": name},
        }),
    );
    node.status = json!({"addresses": [{"type": "InternalIP", "address": address}]});
    node
}

/// A pod's namespace, name and labels.
type Who<'w> = (&'w str, String, Value);

/// A running pod.
fn pod((namespace, name, labels): Who<'_>, node: &str, address: Ipv4Addr) -> Manifest {
    let path = format!("/api/v1/namespaces/{namespace}/pods");
    let container = json!({
        "name": "main", "image": "example.com/main:1",
        "ports": [{"name": "http", "containerPort": 8080}, {"name": "metrics", "containerPort": 9090}],
    });
    let meta = json!({"name": name, "namespace": namespace, "labels": labels});
    let mut pod = Manifest::new(
        &path,
        name,
        json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": meta,
            "spec": {"nodeName": node, "containers": [container]},
        }),
    );
    pod.status = json!({"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]});
    pod
}

/// One of the pods that packets are sent between.
pub fn own_pod(name: &str, labels: Value, node: &str, address: Ipv4Addr) -> Manifest {
    pod((OWN, name.to_owned(), labels), node, address)
}

/// The pod with a number, which is in 10.128.0.0/9, on a node.
pub fn other_pod(number: usize, node: &str) -> Manifest {
    let namespace = format!("ns{}", number % NAMESPACES);
    let application = number / NAMESPACES % APPLICATIONS;
    let labels = json!({"app": format!("app{application}"), "tier": format!("r{}", number % 3)});
    let bits = u32::try_from(number).unwrap_or(u32::MAX);
    let address = Ipv4Addr::from_bits(Ipv4Addr::new(10, 128, 0, 0).to_bits() + bits);
    pod((&namespace, format!("pod{number}"), labels), node, address)
}

/// The policy with a number.
pub fn policy(number: usize) -> Manifest {
    let namespace = format!("ns{}", number % NAMESPACES);
    let at = number / NAMESPACES;
    let (subject, kind) = (at % APPLICATIONS, at / APPLICATIONS % 5);
    let app = |at: usize| json!({"matchLabels": {"app": format!("app{}", at % APPLICATIONS)}});
    let team = json!({"matchLabels": {"team": format!("t{}", at % 10)}});
    let block = format!("10.{}.0.0/16", number % 100);
    let except = format!("10.{}.{}.0/24", number % 100, at % 250);
    let spec = match kind {
        0 => json!({"ingress": [{"from": [{"podSelector": app(subject + 1)}]}]}),
        1 => json!({"ingress": [{
            "from": [{"namespaceSelector": team, "podSelector": app(subject + 3)}],
            "ports": [{"port": "http"}, {"port": 9090}]}]}),
        2 => json!({"policyTypes": ["Egress"], "egress": [{
            "to": [{"ipBlock": {"cidr": block, "except": [except]}}],
            "ports": [{"port": 443}, {"protocol": "UDP", "port": 53}]}]}),
        3 => json!({"policyTypes": ["Ingress", "Egress"],
            "egress": [{"to": [{"podSelector": app(subject + 7)}]}]}),
        _ => json!({"ingress": [{"from": [{"ipBlock": {"cidr": block}}],
            "ports": [{"port": 8000, "endPort": 8100}]}]}),
    };
    policy_of(&namespace, &format!("p{number}"), app(subject), spec)
}

fn policy_of(namespace: &str, name: &str, subject: Value, spec: Value) -> Manifest {
    let spec = with(spec, [("podSelector", subject)]);
    let path = format!("/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies");
    Manifest::new(
        &path,
        name.to_owned(),
        json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": {"name": name, "namespace": namespace}, "spec": spec,
        }),
    )
}

/// The policy that lets only peers reach the servers' second port.
pub fn peers_only() -> Manifest {
    let peers = json!([{"podSelector": {"matchLabels": {"role": "peer"}}}]);
    let second = json!({"ingress": [{"from": peers, "ports": [{"port": MEMBER_PORT}]},
                                    {"ports": [{"port": POLICY_PORT}, {"port": PATH_PORT}]}]});
    policy_of(OWN, "peers-only", json!({"matchLabels": {"app": "server"}}), second)
}

/// The policy that comes and goes: under it alone, clients may not send anything.
pub fn closed() -> Manifest {
    let subject = json!({"matchLabels": {"app": "client"}});
    policy_of(OWN, "closed", subject, json!({"policyTypes": ["Egress"]}))
}

/// What a client reaches unless a policy comes.
pub const POLICY_PORT: u16 = 80;

/// What a client reaches if it is a peer.
pub const MEMBER_PORT: u16 = 81;

/// What a client reaches at any time, to measure what the way costs.
pub const PATH_PORT: u16 = 82;

//! Marks by which one sees that an agent has taken in all that came before them.
//!
//! An agent follows each kind for itself, in order. So the last change of each kind is one that
//! every node's program shows: then nothing is still on its way, even where a state's program is
//! also that of the one before, and would be found in force too early.

use serde_json::{Value, json};

use super::server::Installed;

/// Nodes of any test. Each has a pod of which a policy speaks.
const NODES: [&str; 4] = ["n1", "n2", "node-1", "node-2"];

/// The marks of a number: as it changes, so do a policy of each kind, a pod, and two namespaces of
/// which one is a peer's.
pub fn marks(number: u32, cluster_policies: Installed) -> Vec<Value> {
    let mut marks = vec![namespace("mark", false), policy(number)];
    if cluster_policies == Installed::Yes {
        marks.push(cluster_policy(number));
    }
    for (name, at) in [("mark-even", 0), ("mark-odd", 1)] {
        marks.push(namespace(name, number % 2 == at));
        marks.push(pod((name, "peer"), None, format!("198.19.{at}.{}", number % 200 + 1)));
    }
    for (node, at) in NODES.into_iter().zip(1..) {
        marks.push(pod(("mark", node), Some(node), format!("198.19.2.{at}")));
    }
    marks
}

fn namespace(name: &str, marked: bool) -> Value {
    let labels = if marked { json!({"mark": "set"}) } else { json!({}) };
    let metadata = json!({"name": name, "labels": labels});
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
}

fn pod((namespace, name): (&str, &str), node: Option<&str>, address: String) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"nodeName": node, "containers": [{"name": "c", "image": "example.com/c:1"}]},
        "status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]},
    })
}

/// It comes before the policies of tests, which is of no consequence: it is for the marks alone.
fn cluster_policy(number: u32) -> Value {
    let own = json!({"matchLabels": {"kubernetes.io/metadata.name": "mark"}});
    let networks = json!([format!("198.19.4.{}/32", number % 200 + 1)]);
    json!({
        "apiVersion": "policy.networking.k8s.io/v1beta1",
        "kind": "ClusterNetworkPolicy",
        "metadata": {"name": "mark"},
        "spec": {
            "tier": "Admin",
            "priority": 1000,
            "subject": {"namespaces": own},
            "egress": [{"action": "Deny", "to": [{"networks": networks}]}],
        },
    })
}

fn policy(number: u32) -> Value {
    let block = json!({"ipBlock": {"cidr": format!("198.19.3.{}/32", number % 200 + 1)}});
    let marked = json!({"namespaceSelector": {"matchLabels": {"mark": "set"}}});
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"namespace": "mark", "name": "mark"},
        "spec": {"podSelector": {}, "ingress": [{"from": [block, marked]}]},
    })
}

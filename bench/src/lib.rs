//! Synthetic clusters of any size, as YAML or as JSON.
//!
//! Ten Deployments a namespace, their pods with addresses, and policies as teams write them: per
//! namespace one that denies ingress by default, and per Deployment one that lets a neighbour, a
//! monitoring namespace and a block of addresses in, on a named and a numbered port. Around them,
//! where they are asked for, policies as administrators write them: a deny list for the whole
//! cluster, guards of teams, and defaults.

use std::fmt::Write as _;

/// How large a cluster is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Pods in all.
    pub pods: usize,
    /// NetworkPolicies in all.
    pub policies: usize,
    /// ClusterNetworkPolicies in all.
    pub cluster_policies: usize,
}

impl Size {
    /// The sizes of the printed table.
    pub const TABLE: [Self; 4] = [
        Self::of(100, 100),
        Self::of(1_000, 1_000),
        Self::of(10_000, 5_000),
        Self::of(100_000, 10_000),
    ];

    /// A cluster without cluster policies.
    pub const fn of(pods: usize, policies: usize) -> Self {
        Self { pods, policies, cluster_policies: 0 }
    }

    /// The same with cluster policies.
    #[must_use]
    pub const fn with(self, cluster_policies: usize) -> Self {
        Self { cluster_policies, ..self }
    }

    /// Namespaces: enough for eleven policies each.
    pub fn namespaces(self) -> usize {
        self.policies.div_ceil(APPS + 1).max(1)
    }

    /// Replicas of each Deployment, one at least.
    fn replicas(self, deployment: usize) -> usize {
        let deployments = self.namespaces() * APPS;
        let (each, rest) = (self.pods / deployments, self.pods % deployments);
        each + usize::from(deployment < rest)
    }
}

/// Deployments per namespace.
const APPS: usize = 10;

/// Text formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Documents, as people write them.
    Yaml,
    /// One List, as `kubectl get -o json` prints it.
    Json,
}

/// The objects of a cluster: namespaces and pods, then policies.
pub fn objects(size: Size) -> (Vec<Object>, Vec<Object>) {
    let mut workloads = Vec::new();
    let mut policies = Vec::new();
    let mut address = 0u32;
    for namespace in 0..size.namespaces() {
        workloads.push(namespace_object(namespace));
        for app in 0..APPS {
            for replica in 0..size.replicas(namespace * APPS + app) {
                address += 1;
                workloads.push(pod(namespace, app, (replica, address)));
            }
        }
        for number in 0..=APPS {
            if policies.len() < size.policies {
                policies.push(policy(namespace, number));
            }
        }
    }
    policies.extend((0..size.cluster_policies).map(cluster_policy));
    (workloads, policies)
}

/// The pods, namespaces and policies of a cluster, as two texts: workloads and policies.
pub fn cluster(size: Size, format: Format) -> (String, String) {
    let (workloads, policies) = objects(size);
    (write(&workloads, format), write(&policies, format))
}

/// The policies' text after one of them was edited.
pub fn edited(policies: &str) -> String {
    policies.replacen("port: 9100", "port: 9200", 1)
}

/// An object as the API server gives it.
pub type Object = serde_json::Value;

fn namespace_object(namespace: usize) -> Object {
    serde_json::json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": format!("ns{namespace}"), "labels": {"team": format!("team{}", namespace % 25)}},
    })
}

fn pod(namespace: usize, app: usize, (replica, address): (usize, u32)) -> Object {
    let [_, b, c, d] = address.to_be_bytes();
    let ip = format!("10.{b}.{c}.{d}");
    serde_json::json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": format!("app{app}-5f8c456796-{replica:05}"), "namespace": format!("ns{namespace}"),
            "labels": {"app": format!("app{app}"), "tier": format!("tier{}", app % 3), "pod-template-hash": "5f8c456796"},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": format!("app{app}-5f8c456796"), "controller": true, "uid": "1"}],
        },
        "spec": {
            "nodeName": format!("node{}", address % 500),
            "containers": [{
                "name": "main", "image": "example/app:1.2.3",
                "env": [{"name": "MODE", "value": "production"}, {"name": "LOG", "value": "info"}],
                "ports": [{"name": "http", "containerPort": 8000 + app, "protocol": "TCP"}, {"name": "metrics", "containerPort": 9100, "protocol": "TCP"}],
                "resources": {"limits": {"cpu": "500m", "memory": "256Mi"}, "requests": {"cpu": "100m", "memory": "128Mi"}},
            }],
        },
        "status": {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}], "hostIP": format!("192.168.{}.{}", (address % 500) / 250, address % 250)},
    })
}

fn policy(namespace: usize, number: usize) -> Object {
    let metadata =
        serde_json::json!({"name": format!("p{number}"), "namespace": format!("ns{namespace}")});
    let spec = match number.checked_sub(1) {
        None => serde_json::json!({"podSelector": {}, "policyTypes": ["Ingress"]}),
        Some(app) => serde_json::json!({
            "podSelector": {"matchLabels": {"app": format!("app{app}")}},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{
                "from": [
                    {"podSelector": {"matchLabels": {"app": format!("app{}", (app + 1) % APPS)}}},
                    {"namespaceSelector": {"matchLabels": {"team": format!("team{}", namespace % 25)}}, "podSelector": {"matchLabels": {"app": "app0"}}},
                    {"ipBlock": {"cidr": format!("172.{}.{}.0/24", 16 + namespace % 16, namespace % 256), "except": [format!("172.{}.{}.128/25", 16 + namespace % 16, namespace % 256)]}},
                ],
                "ports": [{"port": "http"}, {"port": 9100, "protocol": "TCP"}],
            }],
            "egress": [{"to": [{"podSelector": {}}]}, {"to": [{"namespaceSelector": {}}], "ports": [{"port": 53, "protocol": "UDP"}]}],
        }),
    };
    serde_json::json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec})
}

/// A deny list of all pods first, then guards of teams and, one in ten, a default of a team.
fn cluster_policy(number: usize) -> Object {
    let team =
        |team: usize| serde_json::json!({"matchLabels": {"team": format!("team{}", team % 25)}});
    let spec = match number {
        0 => serde_json::json!({
            "tier": "Admin", "priority": 0, "subject": {"namespaces": {}},
            "egress": [{"name": "deny-list", "action": "Deny", "to": [{"networks": ["169.254.169.254/32", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "10.255.0.0/16"]}]}],
        }),
        number if number % 10 == 9 => serde_json::json!({
            "tier": "Baseline", "priority": number % 1000, "subject": {"namespaces": team(number)},
            "ingress": [
                {"action": "Accept", "from": [{"namespaces": team(number)}]},
                {"action": "Deny", "from": [{"namespaces": {}}]},
            ],
        }),
        number => serde_json::json!({
            "tier": "Admin", "priority": number % 1000, "subject": {"namespaces": team(number)},
            "ingress": [
                {"name": "monitoring", "action": "Accept", "from": [{"pods": {"namespaceSelector": team(0), "podSelector": {"matchLabels": {"app": "app0"}}}}], "protocols": [{"tcp": {"destinationPort": {"number": 9100}}}]},
                {"name": "partner", "action": "Pass", "from": [{"namespaces": team(number + 1)}]},
                {"name": "stranger", "action": "Deny", "from": [{"namespaces": team(number * 7 + 3)}, {"namespaces": team(number * 11 + 5)}]},
            ],
            "egress": [
                {"action": "Deny", "to": [{"networks": [format!("172.{}.0.0/16", 16 + number % 16)]}], "protocols": [{"tcp": {"destinationPort": {"range": {"start": 1, "end": 1023}}}}]},
            ],
        }),
    };
    serde_json::json!({"apiVersion": "policy.networking.k8s.io/v1beta1", "kind": "ClusterNetworkPolicy", "metadata": {"name": format!("cluster{number}")}, "spec": spec})
}

fn write(objects: &[Object], format: Format) -> String {
    match format {
        Format::Json => {
            let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": objects});
            serde_json::to_string_pretty(&list).unwrap_or_default()
        }
        Format::Yaml => {
            let mut text = String::new();
            for object in objects {
                text.push_str("---\n");
                write_yaml(&mut text, object, 0, "");
            }
            text
        }
    }
}

/// Block style, as `kubectl get -o yaml` prints; `lead` stands before the first key.
fn write_yaml(text: &mut String, value: &Object, indent: usize, lead: &str) {
    let pad = " ".repeat(indent);
    match value {
        Object::Object(fields) => {
            for (i, (key, value)) in fields.iter().enumerate() {
                let start = if i == 0 && !lead.is_empty() { lead } else { &pad };
                let _ = write!(text, "{start}{key}:");
                match value {
                    Object::Object(inner) if !inner.is_empty() => {
                        text.push('\n');
                        write_yaml(text, value, indent + 2, "");
                    }
                    Object::Array(items) if !items.is_empty() => {
                        text.push('\n');
                        for item in items {
                            write_yaml(text, item, indent + 2, &format!("{pad}- "));
                        }
                    }
                    plain => {
                        let _ = writeln!(text, " {plain}");
                    }
                }
            }
        }
        plain => {
            let _ = writeln!(text, "{lead}{plain}");
        }
    }
}

//! Pods, workloads, nodes and namespaces.
#![expect(clippy::indexing_slicing, reason = "fields of JSON values that are objects")]

use portcullis_engine::{Change, Session, SourceFile};
use serde_json::{Map, Value, json};

use super::{Rng, policy};
use crate::cases::CaseOptions;

/// A cluster, as the objects that describe it.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    /// The objects, each identity once.
    pub objects: Vec<Value>,
    /// What they do not say.
    pub options: CaseOptions,
}

impl Cluster {
    /// The objects as YAML documents.
    pub fn yaml(&self) -> String {
        let documents = self.objects.iter().map(|object| yaml(object) + "---\n");
        documents.collect()
    }

    /// What the engine makes of them, read as one file of YAML.
    pub fn session(&self) -> Session {
        self.session_of("case.yaml", &self.yaml())
    }

    /// What the engine makes of a file, under the cluster's options.
    pub fn session_of(&self, name: &str, text: &str) -> Session {
        let file = Change::Put(SourceFile::new(name, text.as_bytes()));
        Session::new(self.options.options().unwrap_or_default()).apply(vec![file])
    }

    /// The objects as one JSON list.
    pub fn json(&self) -> String {
        json!({"apiVersion": "v1", "kind": "List", "items": self.objects}).to_string()
    }
}

/// One object as YAML.
pub fn yaml(object: &Value) -> String {
    serde_yaml::to_string(object).unwrap_or_default()
}

/// A small cluster in which much is alike, so that policies meet pods, and much is missing.
pub fn cluster(rng: &mut Rng) -> Cluster {
    let mut objects = Vec::new();
    for name in ["a", "b"] {
        if rng.percent(70) {
            objects.push(object("v1", "Namespace", (None, name), labels(rng, &["team"])));
        }
    }
    for (i, name) in ["n1", "n2"].into_iter().enumerate() {
        if rng.percent(70) {
            let mut node = object("v1", "Node", (None, name), json!({}));
            node["status"] = json!({"addresses": [
                {"type": "InternalIP", "address": format!("192.168.0.{}", i + 1)},
                {"type": "Hostname", "address": name},
            ]});
            objects.push(node);
        }
    }
    for i in 0..rng.below(3) {
        objects.push(workload(rng, i));
    }
    for i in 0..1 + rng.below(5) {
        objects.push(pod(rng, i));
    }
    for i in 0..rng.below(5) {
        objects.push(policy::policy(rng, i));
    }
    let options = options(rng);
    Cluster { objects, options }
}

fn options(rng: &mut Rng) -> CaseOptions {
    let mut options = CaseOptions::default();
    if rng.percent(25) {
        options.pod_cidrs.push("10.0.0.0/24".into());
        if rng.percent(30) {
            options.pod_cidrs.push("fd00::/120".into());
        }
    }
    if rng.percent(25) {
        options.node_cidrs.push("192.168.0.0/28".into());
    }
    options
}

pub fn object(
    version: &str,
    kind: &str,
    (namespace, name): (Option<&str>, &str),
    labels: Value,
) -> Value {
    let mut metadata = json!({"name": name, "labels": labels});
    if let Some(namespace) = namespace {
        metadata["namespace"] = namespace.into();
    }
    json!({"apiVersion": version, "kind": kind, "metadata": metadata})
}

/// Some of the keys, with one of two values.
fn labels(rng: &mut Rng, keys: &[&str]) -> Value {
    let mut labels = Map::new();
    for key in keys {
        if rng.percent(70) {
            labels.insert((*key).into(), rng.pick(&["x", "z"]).into());
        }
    }
    labels.into()
}

fn namespace(rng: &mut Rng) -> &'static str {
    rng.pick(&["a", "a", "b"])
}

fn workload(rng: &mut Rng, i: usize) -> Value {
    let kinds = [
        ("apps/v1", "Deployment"),
        ("apps/v1", "StatefulSet"),
        ("apps/v1", "DaemonSet"),
        ("apps/v1", "ReplicaSet"),
        ("batch/v1", "Job"),
    ];
    let (version, kind) = rng.pick(&kinds);
    let name = format!("w{i}");
    let mut workload = object(version, kind, (Some(namespace(rng)), &name), json!({}));
    let template = json!({
        "metadata": {"labels": labels(rng, &["app", "tier"])},
        "spec": pod_spec(rng),
    });
    workload["spec"] = json!({"template": template});
    if matches!(kind, "Deployment" | "StatefulSet" | "ReplicaSet") {
        workload["spec"]["replicas"] = rng.below(4).into();
    }
    workload
}

fn pod_spec(rng: &mut Rng) -> Value {
    let mut spec = json!({"containers": [container(rng), container(rng)]});
    if rng.percent(30) {
        spec["nodeName"] = rng.pick(&["n1", "n2", "n3"]).into();
    }
    if rng.percent(15) {
        spec["hostNetwork"] = true.into();
    }
    spec
}

fn container(rng: &mut Rng) -> Value {
    let names = [("http", "TCP"), ("http", "UDP"), ("dns", "UDP"), ("dns", "TCP")];
    let mut ports = Vec::new();
    for _ in 0..rng.below(3) {
        let (name, protocol) = rng.pick(&names);
        let port = rng.pick(&[80, 81, 90, 53]);
        ports.push(json!({"name": name, "protocol": protocol, "containerPort": port}));
    }
    json!({"name": "main", "image": "example.com/it:1", "ports": ports})
}

fn pod(rng: &mut Rng, i: usize) -> Value {
    let name = format!("p{i}");
    let namespace = namespace(rng);
    let labels = labels(rng, &["app", "tier"]);
    let mut pod = object("v1", "Pod", (Some(namespace), &name), labels);
    pod["spec"] = pod_spec(rng);
    if rng.percent(30) {
        let owner = format!("w{}", rng.below(2));
        let kind = rng.pick(&["ReplicaSet", "StatefulSet"]);
        pod["metadata"]["ownerReferences"] = json!([{
            "apiVersion": "apps/v1", "kind": kind, "name": owner, "uid": owner, "controller": true,
        }]);
    }
    let phase = rng.pick(&["Running", "Running", "Running", "Running", "Pending", "Succeeded"]);
    let mut status = json!({"phase": phase});
    // Addresses are few, so that blocks cut between them, and distinct.
    let mut addresses = Vec::new();
    if rng.percent(70) {
        addresses.push(format!("10.0.0.{}", 2 * i + rng.below(2)));
    }
    if rng.percent(25) {
        addresses.push(format!("fd00::{:x}", 2 * i + rng.below(2)));
    }
    let host = pod["spec"]["hostNetwork"] == true;
    if let (Some(first), false) = (addresses.first(), host) {
        status["podIP"] = first.as_str().into();
        let all: Vec<Value> = addresses.iter().map(|ip| json!({"ip": ip})).collect();
        status["podIPs"] = all.into();
    }
    pod["status"] = status;
    pod
}

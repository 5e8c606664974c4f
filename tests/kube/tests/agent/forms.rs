//! A pod means the same in both forms in which the API server writes it.

use std::collections::BTreeMap;
use std::sync::mpsc::channel;
use std::time::Duration;

use portcullis_agent::observe::Status;
use portcullis_agent::source::apiserver::{ApiServer, Patience};
use portcullis_agent::source::{Change, ChangeSink, Source as _};
use portcullis_engine::live::Event;
use portcullis_engine::manifest::{Object, Stored, read_stored};
use portcullis_kube::{Body, send, set_pod_status};
use serde_json::{Value, json};

/// Pods with all that the engine reads, and much that it does not; and one with nothing.
fn pods() -> [Value; 3] {
    let port = |name: &str, number: u16, protocol: &str| json!({"name": name, "containerPort": number, "protocol": protocol, "hostPort": 0});
    let full = json!({
        "metadata": {
            "name": "full",
            "labels": {"app": "web", "empty": "", "example.com/long": "x".repeat(63)},
            "annotations": {"note": "\u{fc} \"quoted\"\n\\ and \u{1f980}", "empty": ""},
            "finalizers": ["example.com/never"],
            "ownerReferences": [
                {"apiVersion": "v1", "kind": "ConfigMap", "name": "other", "uid": "1"},
                {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "full-1", "uid": "2",
                 "controller": true, "blockOwnerDeletion": true},
            ],
        },
        "spec": {
            "nodeName": "n1",
            "terminationGracePeriodSeconds": 0,
            "containers": [
                {"name": "a", "image": "example.com/a:1", "env": [{"name": "A", "value": "b"}],
                 "ports": [port("http", 8080, "TCP"), port("dns", 53, "UDP")],
                 "resources": {"limits": {"cpu": "500m", "memory": "1Gi"}}},
                {"name": "b", "image": "example.com/b:1", "ports": [port("sig", 65535, "SCTP")]},
            ],
            "initContainers": [
                {"name": "c", "image": "example.com/c:1", "restartPolicy": "Always",
                 "ports": [port("proxy", 15001, "TCP")]},
                {"name": "d", "image": "example.com/d:1", "ports": [port("once", 1, "TCP")]},
            ],
            "tolerations": [{"operator": "Exists"}],
        },
    });
    let host = json!({
        "metadata": {"name": "host"},
        "spec": {"nodeName": "n1", "hostNetwork": true,
                 "containers": [{"name": "a", "image": "example.com/a:1"}]},
    });
    let bare = json!({
        "metadata": {"name": "bare"},
        "spec": {"containers": [{"name": "a", "image": "example.com/a:1"}]},
    });
    [full, host, bare]
}

#[tokio::test]
async fn pods_mean_the_same_in_both_forms() {
    let Some(cluster) = super::cluster(&[]).await else { return };
    let admin = cluster.admin().unwrap();
    let path = "/api/v1/namespaces/default/pods";
    for pod in pods() {
        let answer = send(&admin, path, Body::Json(&pod.to_string())).await.unwrap();
        assert_eq!(answer.status, 201, "{}", answer.body);
    }
    let addresses = ["10.1.0.10".parse().unwrap(), "fd00::10".parse().unwrap()];
    set_pod_status(&admin, ("default", "full"), "Running", &addresses).await.unwrap();
    let request = http::Request::get(path).body(Vec::new()).unwrap();
    let list: Value = serde_json::from_str(&admin.request_text(request).await.unwrap()).unwrap();
    let listed = list.get("items").and_then(Value::as_array).unwrap().iter();
    let listed = listed.map(|item| read_stored(&item.to_string(), Stored::Pod).0.unwrap());
    let listed: BTreeMap<_, _> = listed.map(|object| kept(&object)).collect();
    assert_eq!(listed.len(), 3);

    let kubeconfig = super::account(&cluster, &admin, &cluster.url()).await;
    assert_eq!(watched(&kubeconfig), listed);
}

/// An object's name and what the engine keeps of it, but for where it stands in its text.
fn kept(object: &Object) -> (String, String) {
    (object.meta.name.to_string(), format!("{:?} {:?}", object.meta, object.body))
}

/// The pods of the first list of a watch.
fn watched(kubeconfig: &std::path::Path) -> BTreeMap<String, String> {
    let (to, messages) = channel();
    let source = Box::new(ApiServer {
        kubeconfig: Some(kubeconfig.to_owned()),
        patience: Patience::default(),
        status: std::sync::Arc::<Status>::default(),
        events: None,
        node_status: None,
    });
    std::thread::spawn(move || source.start(ChangeSink::from(to))).join().unwrap().unwrap();
    let mut pods = BTreeMap::new();
    while let Ok(changes) = messages.recv_timeout(Duration::from_secs(30)) {
        for change in changes.changes {
            match change {
                Change::Object(Event::Put(object)) => {
                    let (name, text) = kept(&object);
                    pods.extend(text.contains("Pod {").then_some((name, text)));
                }
                Change::Object(Event::End(Stored::Pod)) => return pods,
                _ => {}
            }
        }
    }
    panic!("no list");
}

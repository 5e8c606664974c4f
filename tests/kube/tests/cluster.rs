//! The cluster of the tests does what the tests of others rely on.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "test code"
)]

use std::process::{Command, Stdio};

use k8s_openapi::api::core::v1::{Namespace, Node, Pod, Secret};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Client;
use kube::api::{Api, ListParams};
use portcullis_kube::{
    Body, Cluster, PodAt, Programs, Stock, create_namespace, create_node, create_pod,
    create_policy, create_service_account, grant, send, token,
};
use serde_json::{Value, json};

/// None where nothing is built; `make test-kube` builds it and lets none of these skip.
async fn cluster() -> Option<Cluster> {
    let Some(programs) = Programs::find() else {
        println!("skipped: no API server is built; run: make test-kube");
        return None;
    };
    Some(Cluster::start(&programs, &[]).await.unwrap())
}

async fn fill(client: &Client) {
    create_namespace(client, "shop", &[("team", "retail")]).await.unwrap();
    create_node(client, "n1", &["192.0.2.10".parse().unwrap()]).await.unwrap();
    let pod = PodAt {
        namespace: "shop",
        name: "web",
        labels: &[("app", "web")],
        node: "n1",
        addresses: &["10.1.0.10".parse().unwrap(), "fd00::10".parse().unwrap()],
        ports: &[("http", 8080, "TCP")],
    };
    create_pod(client, &pod).await.unwrap();
    let policy = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n\
                  metadata: {name: deny, namespace: shop}\nspec: {podSelector: {}}\n";
    create_policy(client, policy).await.unwrap();
}

#[tokio::test]
async fn objects_are_as_controllers_would_leave_them() {
    let Some(cluster) = cluster().await else { return };
    let client = cluster.admin().unwrap();
    fill(&client).await;
    let pod = Api::<Pod>::namespaced(client.clone(), "shop").get("web").await.unwrap();
    let status = pod.status.unwrap();
    let addresses: Vec<String> =
        status.pod_ips.unwrap().into_iter().map(|address| address.ip).collect();
    assert_eq!(addresses, ["10.1.0.10", "fd00::10"]);
    assert_eq!(status.phase.as_deref(), Some("Running"));
    assert_eq!(pod.spec.unwrap().node_name.as_deref(), Some("n1"));
    let node = Api::<Node>::all(client.clone()).get("n1").await.unwrap();
    let addresses = node.status.unwrap().addresses.unwrap();
    assert_eq!(addresses.first().unwrap().address, "192.0.2.10");
    let policies: Api<NetworkPolicy> = Api::all(client);
    let types = policies.list(&ListParams::default()).await.unwrap().items.remove(0);
    assert_eq!(types.spec.unwrap().policy_types.unwrap(), ["Ingress"]);
}

/// Namespace and pod with these labels, the pod also on a node and at an address, and as many
/// policies.
fn state(label: &str, node: &str, address: &str, policies: usize) -> Vec<Value> {
    let object = |version: &str, kind: &str, name: &str, namespace: Option<&str>| {
        let metadata = json!({"name": name, "namespace": namespace, "labels": {"a": label}});
        json!({"apiVersion": version, "kind": kind, "metadata": metadata})
    };
    let mut pod = object("v1", "Pod", "web", Some("shop"));
    pod["spec"] = json!({"nodeName": node, "containers": [{"name": "c", "image": "i"}]});
    pod["status"] = json!({"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]});
    let mut all = vec![pod, object("v1", "Namespace", "shop", None)];
    for at in 0..policies {
        let version = "networking.k8s.io/v1";
        let mut policy = object(version, "NetworkPolicy", &format!("p{at}"), Some("shop"));
        policy["spec"] = json!({"podSelector": {"matchLabels": {"a": label}}});
        all.push(policy);
    }
    all
}

/// What the server has of such a state.
async fn held(client: &Client) -> (String, usize) {
    let all = ListParams::default();
    let pods = Api::<Pod>::all(client.clone()).list(&all).await.unwrap().items;
    let policies = Api::<NetworkPolicy>::all(client.clone()).list(&all).await.unwrap().items;
    let namespaces = Api::<Namespace>::all(client.clone()).list(&all).await.unwrap().items;
    let namespace = namespaces.iter().find(|one| one.metadata.name.as_deref() == Some("shop"));
    let label = |meta: &ObjectMeta| meta.labels.clone().unwrap_or_default()["a"].clone();
    let mut words: Vec<String> = namespace.iter().map(|one| label(&one.metadata)).collect();
    for pod in &pods {
        let (spec, status) = (pod.spec.as_ref().unwrap(), pod.status.as_ref().unwrap());
        words.push(label(&pod.metadata));
        words.push(spec.node_name.clone().unwrap());
        words.push(status.pod_ip.clone().unwrap());
    }
    for policy in &policies {
        let subject = policy.spec.as_ref().unwrap().pod_selector.as_ref().unwrap();
        assert_eq!(subject.match_labels.as_ref().unwrap()["a"], label(&policy.metadata));
    }
    (words.join(" "), policies.len())
}

#[tokio::test]
async fn states_follow_each_other() {
    let Some(cluster) = cluster().await else { return };
    let client = cluster.admin().unwrap();
    let mut stock = Stock::default();
    for (label, node, address, policies) in [
        ("x", "n1", "10.1.0.1", 1),
        ("y", "n1", "10.1.0.2", 2),
        ("y", "n2", "10.1.0.2", 0),
        ("x", "n2", "10.1.0.1", 3),
    ] {
        let steps = stock.steps_to(&state(label, node, address, policies)).unwrap();
        stock.carry_out(&client, steps).await.unwrap();
        let wanted = format!("{label} {label} {node} {address}");
        assert_eq!(held(&client).await, (wanted, policies));
        assert!(stock.steps_to(&state(label, node, address, policies)).unwrap().is_empty());
    }
    let steps = stock.steps_to(&[]).unwrap();
    stock.carry_out(&client, steps).await.unwrap();
    assert_eq!(held(&client).await, (String::new(), 0));
}

#[tokio::test]
async fn a_service_account_may_do_what_it_was_granted() {
    let Some(cluster) = cluster().await else { return };
    let admin = cluster.admin().unwrap();
    let account = ("default", "reader");
    create_service_account(&admin, account.0, account.1).await.unwrap();
    let rules = json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]);
    grant(&admin, account, rules).await.unwrap();
    let client = cluster.client(&token(&admin, account, 600).await.unwrap()).unwrap();
    let all = ListParams::default();
    Api::<Pod>::all(client.clone()).list(&all).await.unwrap();
    let refused = Api::<Secret>::all(client).list(&all).await.unwrap_err();
    assert!(matches!(refused, kube::Error::Api(status) if status.code == 403));
    let stranger = cluster.client("no such token").unwrap();
    let refused = Api::<Pod>::all(stranger).list(&all).await.unwrap_err();
    assert!(matches!(refused, kube::Error::Api(status) if status.code == 401));
}

#[tokio::test]
async fn a_restart_keeps_objects_tokens_and_the_address() {
    let Some(mut cluster) = cluster().await else { return };
    let before = cluster.admin().unwrap();
    fill(&before).await;
    create_service_account(&before, "shop", "agent").await.unwrap();
    let old = token(&before, ("shop", "agent"), 600).await.unwrap();
    let (url, process) = (cluster.url(), cluster.api_server_id());
    cluster.restart_api_server().await.unwrap();
    assert_eq!(cluster.url(), url);
    assert_ne!(cluster.api_server_id(), process);
    // A client from before goes on, with the certificate that it knows.
    Api::<Pod>::namespaced(before, "shop").get("web").await.unwrap();
    let client = cluster.client(&old).unwrap();
    let refused = Api::<Pod>::all(client).list(&ListParams::default()).await.unwrap_err();
    assert!(
        matches!(refused, kube::Error::Api(status) if status.code == 403),
        "known, not granted"
    );
}

#[tokio::test]
async fn what_was_compacted_cannot_be_watched() {
    let Some(mut cluster) = cluster().await else { return };
    let client = cluster.admin().unwrap();
    let pods: Api<Pod> = Api::all(client.clone());
    let version = pods.list(&ListParams::default()).await.unwrap().metadata.resource_version;
    fill(&client).await;
    let path =
        format!("/api/v1/pods?watch=1&timeoutSeconds=2&resourceVersion={}", version.unwrap());
    let watch = || async {
        let request = http::Request::get(&path).body(Vec::new()).unwrap();
        client.request_text(request).await
    };
    assert!(watch().await.unwrap().contains(r#""type":"ADDED""#));
    cluster.compact().unwrap();
    cluster.restart_api_server().await.unwrap();
    let after = watch().await.unwrap_or_else(|error| format!("{error:?}"));
    assert!(after.contains("410"), "{after}");
}

#[tokio::test]
async fn bodies_go_as_written_and_answers_come_back_whole() {
    let Some(cluster) = cluster().await else { return };
    let client = cluster.admin().unwrap();
    let path = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies?dryRun=All";
    let head = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: t}\n";
    let odd = send(&client, path, Body::Yaml(&format!("{head}spec: {{a: 1}}\n"))).await.unwrap();
    assert_eq!((odd.status, odd.warnings), (201, vec![r#"unknown field "spec.a""#.to_owned()]));
    let bad = send(&client, path, Body::Yaml(&format!("{head}spec: []\n"))).await.unwrap();
    assert_eq!(bad.status, 400);
    let text = r#"{"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":{}}"#;
    let nameless = send(&client, path, Body::Json(text)).await.unwrap();
    assert_eq!(nameless.status, 422);
    assert_eq!(nameless.body.pointer("/details/causes/0/field"), Some(&json!("metadata.name")));
}

fn is_alive(id: u32) -> bool {
    Command::new("kill")
        .args(["-0", &id.to_string()])
        .stderr(Stdio::null())
        .status()
        .unwrap()
        .success()
}

#[tokio::test]
async fn nothing_stays_behind() {
    let Some(cluster) = cluster().await else { return };
    let folder = cluster.folder().to_path_buf();
    let id = cluster.api_server_id().unwrap();
    assert!(is_alive(id) && folder.is_dir());
    drop(cluster);
    assert!(!is_alive(id) && !folder.exists());
}

/// A test that is killed runs no destructor; its programs end all the same.
#[tokio::test]
async fn the_programs_end_with_the_test_that_is_killed() {
    if Programs::find().is_none() {
        return;
    }
    // Its files do stay behind, so they are put where this test clears up.
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis-kube"));
    command.env("TMPDIR", folder.path());
    let mut serve =
        command.arg("serve").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let lines = std::io::BufRead::lines(std::io::BufReader::new(serve.stdout.take().unwrap()));
    let url = lines.map_while(Result::ok).find(|line| line.starts_with("https://")).unwrap();
    let address = url.trim_start_matches("https://").to_owned();
    std::net::TcpStream::connect(&address).unwrap();
    serve.kill().unwrap();
    serve.wait().unwrap();
    let gone = (0..200).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        std::net::TcpStream::connect(&address).is_err()
    });
    assert!(gone, "{address} still answers");
}

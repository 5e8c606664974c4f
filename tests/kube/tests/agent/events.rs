//! Events for policies that are not enforced as they are written.

use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use kube::Client;
use portcullis_agent::observe::{Complaint, PolicyName, Reporter};
use portcullis_agent::source::apiserver::{ApiServer, EventPace, Events, Patience};
use portcullis_agent::source::{ChangeSink, Changes, Source as _};
use portcullis_engine::manifest::Stored;
use portcullis_kube::{
    Body, CLUSTER_POLICIES, Channel, Cluster, agent_token, collection, create_agent_account,
    create_policy, deploy_path, send,
};
use serde_json::{Value, json};

use super::{admits, cluster, fill};

const AT_ONCE: EventPace = EventPace { spread: Duration::ZERO, between: Duration::ZERO };

/// An agent of a node; who takes complaints, and what keeps it alive.
fn agent(kubeconfig: &std::path::Path, node: &str) -> (Reporter, Receiver<Changes>) {
    let events = Events::of(node, AT_ONCE);
    let (reporter, (to, messages)) = (events.reporter(), channel());
    let (kubeconfig, patience) = (Some(kubeconfig.to_owned()), Patience::default());
    let source = ApiServer {
        kubeconfig,
        patience,
        status: Default::default(),
        events: Some(events),
        node_status: None,
    };
    std::thread::spawn(move || Box::new(source).start(ChangeSink::from(to)))
        .join()
        .unwrap()
        .unwrap();
    (reporter, messages)
}

fn complain(reporter: &Reporter, policy: &str, what: &str) {
    let what = what.to_owned();
    let (kind, namespace) = (Stored::Policy, Some("shop".into()));
    let policy = PolicyName { kind, namespace, name: policy.into() };
    reporter.complain(Complaint { policy, what });
}

async fn get(client: &Client, path: &str) -> Value {
    let request = http::Request::get(path).body(Vec::new()).unwrap();
    serde_json::from_str(&client.request_text(request).await.unwrap()).unwrap()
}

/// The Events that there are, sorted by their notes, once there are so many.
async fn events(client: &Client, count: usize) -> Vec<Value> {
    let start = Instant::now();
    loop {
        let list = get(client, "/apis/events.k8s.io/v1/namespaces/shop/events").await;
        let mut items = list.get("items").and_then(Value::as_array).unwrap().clone();
        if items.len() >= count {
            items.sort_by_key(|item| item.get("note").map(ToString::to_string));
            return items;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "only {items:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn grant_events(admin: &Client) {
    let text = std::fs::read_to_string(deploy_path("optional/events.yaml")).unwrap();
    for document in text.split("---\n") {
        let path = collection(&serde_yaml::from_str(document).unwrap()).unwrap();
        assert_eq!(send(admin, &path, Body::Yaml(document)).await.unwrap().status, 201);
    }
}

#[tokio::test]
async fn an_event_is_created_once_however_many_nodes_complain() {
    let Some(cluster) = cluster(&[]).await else { return };
    let admin = cluster.admin().unwrap();
    fill(&admin).await;
    create_agent_account(&admin).await.unwrap();
    let token = agent_token(&admin).await.unwrap();
    let kubeconfig = cluster.kubeconfig("agent", &token).unwrap();
    let (first, _messages) = agent(&kubeconfig, "n1");
    let (second, _more_messages) = agent(&kubeconfig, "n2");

    // Without the right there is none, and the agent lives on.
    complain(&first, "db", "refused");
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(events(&admin, 0).await.is_empty());
    grant_events(&admin).await;

    complain(&first, "db", "a");
    let created = events(&admin, 1).await;
    complain(&first, "db", "a");
    complain(&second, "db", "a");
    complain(&second, "gone", "of a policy that is not there");
    complain(&second, "db", "b");
    complain(&first, "api", "a");
    let all = events(&admin, 3).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(events(&admin, 3).await, all, "nothing else came");
    let said = |event: &Value| {
        let text =
            |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap().to_owned();
        (text("/regarding/name"), text("/note"), text("/reportingInstance"))
    };
    let mut said: Vec<_> = all.iter().map(said).collect();
    said.sort();
    let wanted = [("api", "a", "n1"), ("db", "a", "n1"), ("db", "b", "n2")];
    assert_eq!(said, wanted.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned())));

    let db = get(&admin, "/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies/db").await;
    let uid = db.pointer("/metadata/uid").unwrap();
    let regarding = json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
                           "namespace": "shop", "name": "db", "uid": uid});
    assert_eq!(created.first().and_then(|event| event.get("regarding")), Some(&regarding));

    // A policy of the same name is another one.
    let path = "/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies/db";
    let delete = http::Request::delete(path).body(Vec::new()).unwrap();
    admin.request_text(delete).await.unwrap();
    create_policy(&admin, &admits("db", "db", "{podSelector: {}}")).await.unwrap();
    complain(&second, "db", "a");
    events(&admin, 4).await;
    of_a_cluster_policy(&cluster, &admin, &first).await;
}

/// An Event about a policy that is in no namespace is in `default`.
async fn of_a_cluster_policy(cluster: &Cluster, admin: &Client, reporter: &Reporter) {
    let kind = Stored::ClusterPolicy;
    let policy = PolicyName { kind, namespace: None, name: "guard".into() };
    cluster.install_cluster_policy_crds(Channel::Standard).await.unwrap();
    let guard = json!({
        "apiVersion": "policy.networking.k8s.io/v1beta1",
        "kind": "ClusterNetworkPolicy",
        "metadata": {"name": "guard"},
        "spec": {"tier": "Admin", "priority": 1, "subject": {"namespaces": {}}},
    });
    let created = send(admin, CLUSTER_POLICIES, Body::Json(&guard.to_string())).await.unwrap();
    assert_eq!(created.status, 201, "{}", created.body);
    reporter.complain(Complaint { policy, what: "odd".into() });
    let start = Instant::now();
    loop {
        let list = get(admin, "/apis/events.k8s.io/v1/namespaces/default/events").await;
        let all = list.get("items").and_then(Value::as_array).unwrap();
        // The API server has Events of its own there.
        let is_own = |event: &&Value| {
            event.pointer("/regarding/kind") == Some(&json!("ClusterNetworkPolicy"))
        };
        if let Some(event) = all.iter().find(is_own) {
            let regarding = json!({"apiVersion": "policy.networking.k8s.io/v1beta1",
                                   "kind": "ClusterNetworkPolicy", "name": "guard",
                                   "uid": created.body.pointer("/metadata/uid").unwrap()});
            assert_eq!(event.get("regarding"), Some(&regarding));
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "no Event");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

//! ClusterNetworkPolicies, of which the kind comes and goes while an agent watches.

use std::time::Duration;

use kube::Client;
use portcullis_engine::manifest::Stored;
use portcullis_kube::{
    Body, CLUSTER_POLICIES, Channel, Proxy, create_service_account, grant, send, token,
};
use serde_json::{Value, json};

use super::state::{EARLIER_CLUSTER_POLICIES, Watched};
use super::{account, change, cluster, curious, delete, fill};

/// A policy of the shop that does something with what comes from some pods of it.
fn policy(name: &str, (priority, action, app): (u16, &str, &str)) -> Value {
    let namespace = json!({"matchLabels": {"team": "retail"}});
    let from = json!([{"pods": {"namespaceSelector": namespace.clone(),
                                "podSelector": {"matchLabels": {"app": app}}}}]);
    json!({
        "apiVersion": "policy.networking.k8s.io/v1beta1",
        "kind": "ClusterNetworkPolicy",
        "metadata": {"name": name},
        "spec": {"tier": "Admin", "priority": priority, "subject": {"namespaces": namespace},
                 "ingress": [{"action": action, "from": from}]},
    })
}

async fn create(client: &Client, object: &Value) {
    let answer = send(client, CLUSTER_POLICIES, Body::Json(&object.to_string())).await.unwrap();
    assert_eq!(answer.status, 201, "{}", answer.body);
}

/// Where a policy is.
fn at(name: &str) -> String {
    format!("{CLUSTER_POLICIES}/{name}")
}

#[tokio::test]
async fn a_kind_that_comes_and_goes_is_followed() {
    let Some(cluster) = cluster(&[]).await else { return };
    let admin = cluster.admin().unwrap();
    fill(&admin).await;
    let kubeconfig = account(&cluster, &admin, &cluster.url()).await;
    let mut watched = Watched::start(&kubeconfig, curious());
    watched.becomes(&admin, "the kind is not there").await;
    assert_eq!(watched.lists(Stored::ClusterPolicy), 1, "it is empty, once");
    assert_eq!((watched.errors(), watched.obstacle()), (0, None), "which is no error");

    cluster.install_cluster_policy_crds(Channel::Standard).await.unwrap();
    create(&admin, &policy("guard", (10, "Deny", "web"))).await;
    watched.becomes(&admin, "the kind is installed, and there is an object").await;
    create(&admin, &policy("allow", (5, "Accept", "web"))).await;
    watched.becomes(&admin, "an object is created").await;
    change(&admin, &at("allow"), json!({"spec": {"priority": 20}})).await;
    watched.becomes(&admin, "an object is changed").await;
    delete(&admin, &at("guard")).await;
    watched.becomes(&admin, "an object is deleted").await;
    assert_eq!(watched.lists(Stored::Pod), 1, "nothing else was disturbed");

    cluster.remove_cluster_policy_crds().await.unwrap();
    watched.becomes(&admin, "the kind is removed").await;
    cluster.install_cluster_policy_crds(Channel::Experimental).await.unwrap();
    create(&admin, &policy("guard", (1, "Deny", "api"))).await;
    watched.becomes(&admin, "it is installed again").await;
}

/// Has the server serve v1beta1 or not; v1alpha2 it always serves.
async fn serve_v1beta1(admin: &Client, served: bool) {
    let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/\
                clusternetworkpolicies.policy.networking.k8s.io";
    let get = http::Request::get(path).body(Vec::new()).unwrap();
    let mut definition: Value =
        serde_json::from_str(&admin.request_text(get).await.unwrap()).unwrap();
    let versions = definition.pointer_mut("/spec/versions").and_then(Value::as_array_mut).unwrap();
    for version in versions.iter_mut().filter(|version| version["name"] == "v1beta1") {
        version["served"] = served.into();
    }
    let put = http::Request::put(path).header("Content-Type", "application/json");
    let put = put.body(definition.to_string().into_bytes()).unwrap();
    admin.request_text(put).await.unwrap();
    // It is served otherwise some time after the answer.
    let is_served = async || {
        let get = http::Request::get(CLUSTER_POLICIES).body(Vec::new()).unwrap();
        admin.request_text(get).await.is_ok()
    };
    while is_served().await != served {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn the_version_that_is_served_is_watched() {
    let Some(cluster) = cluster(&[]).await else { return };
    let admin = cluster.admin().unwrap();
    fill(&admin).await;
    cluster.install_cluster_policy_crds(Channel::Standard).await.unwrap();
    serve_v1beta1(&admin, false).await;
    let create = async |name: &str, action: &str, priority: u16| {
        let mut object = policy(name, (priority, action, "web"));
        object["apiVersion"] = "policy.networking.k8s.io/v1alpha2".into();
        let body = object.to_string();
        let answer = send(&admin, EARLIER_CLUSTER_POLICIES, Body::Json(&body)).await.unwrap();
        assert_eq!(answer.status, 201, "{}", answer.body);
    };
    create("guard", "Deny", 10).await;
    let kubeconfig = account(&cluster, &admin, &cluster.url()).await;
    let mut watched = Watched::start(&kubeconfig, curious());
    watched.becomes(&admin, "the earlier version").await;
    assert_eq!(watched.errors(), 0);
    serve_v1beta1(&admin, true).await;
    create("allow", "Accept", 5).await;
    watched.becomes(&admin, "the later version is served as well").await;
    watched.hear(Duration::from_secs(2));
    serve_v1beta1(&admin, false).await;
    create("pass", "Pass", 1).await;
    watched.becomes(&admin, "and is not any more").await;
    watched.hear(Duration::from_secs(2));
    watched.stays(&admin).await;
}

/// Nothing but the server's word that there is no such kind counts as that.
#[tokio::test]
async fn a_server_that_is_away_has_not_removed_the_kind() {
    let Some(mut cluster) = cluster(&[]).await else { return };
    let admin = cluster.admin().unwrap();
    fill(&admin).await;
    cluster.install_cluster_policy_crds(Channel::Standard).await.unwrap();
    create(&admin, &policy("guard", (10, "Deny", "web"))).await;
    let proxy = Proxy::to(cluster.socket()).unwrap();
    let kubeconfig = account(&cluster, &admin, &proxy.url()).await;
    let mut watched = Watched::start(&kubeconfig, curious());
    watched.becomes(&admin, "the first list").await;
    // While it starts, a server answers before it has seen its definitions.
    cluster.restart_api_server().await.unwrap();
    watched.hear(Duration::from_secs(3));
    watched.stays(&admin).await;
    proxy.cut();
    let mut late = Watched::start(&kubeconfig, curious());
    watched.hear(Duration::from_secs(1));
    late.hear(Duration::from_secs(1));
    assert_eq!(late.lists(Stored::ClusterPolicy), 0, "no answer is not an empty list");
    proxy.mend();
    late.becomes(&admin, "an agent that started meanwhile").await;
    watched.stays(&admin).await;
    create(&admin, &policy("allow", (5, "Accept", "web"))).await;
    watched.becomes(&admin, "a change after that").await;
}

/// A role of before the kind was known: the agent is not ready and says why, and takes nothing for
/// an empty list.
#[tokio::test]
async fn a_role_without_the_kind_keeps_the_agent_from_being_ready() {
    let Some(cluster) = cluster(&[]).await else { return };
    let admin = cluster.admin().unwrap();
    fill(&admin).await;
    create_service_account(&admin, "default", "less").await.unwrap();
    let verbs = ["list", "watch"];
    let mut rules = vec![
        json!({"apiGroups": [""], "resources": ["pods", "namespaces", "nodes"], "verbs": verbs}),
        json!({"apiGroups": ["networking.k8s.io"], "resources": ["networkpolicies"], "verbs": verbs}),
    ];
    grant(&admin, ("default", "less"), json!(rules)).await.unwrap();
    let token = token(&admin, ("default", "less"), 3600).await.unwrap();
    let kubeconfig = cluster.kubeconfig("less", &token).unwrap();
    let mut watched = Watched::start(&kubeconfig, curious());
    watched.becomes(&admin, "without the kind nothing is missing").await;
    assert_eq!(watched.obstacle(), None);

    cluster.install_cluster_policy_crds(Channel::Standard).await.unwrap();
    create(&admin, &policy("guard", (10, "Deny", "web"))).await;
    watched.hear(Duration::from_secs(3));
    let obstacle = watched.obstacle().unwrap();
    assert!(obstacle.starts_with("could not list clusternetworkpolicies: "), "{obstacle}");
    let mut late = Watched::start(&kubeconfig, curious());
    late.hear(Duration::from_secs(2));
    assert!(!late.is_complete(), "what may not be listed is not empty");

    rules.push(json!({"apiGroups": ["policy.networking.k8s.io"],
                      "resources": ["clusternetworkpolicies"], "verbs": verbs}));
    let role = json!({"rules": rules});
    let path = "/apis/rbac.authorization.k8s.io/v1/clusterroles/less";
    change(&admin, path, role).await;
    watched.becomes(&admin, "it may be listed").await;
    assert_eq!(watched.obstacle(), None);
}

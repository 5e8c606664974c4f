//! What the agent learns from a real API server is what a list says, whatever happens in between.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "test code"
)]

mod calico;
mod cluster_policies;
mod events;
mod forms;
mod node_status;
mod own_node;
mod state;

use std::time::Duration;

use k8s_openapi::api::core::v1::{Namespace, Pod};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::Client;
use kube::api::{Api, DeleteParams, Patch, PatchParams};
use portcullis_agent::source::apiserver::Patience;
use portcullis_engine::manifest::Stored;
use portcullis_kube::{
    Cluster, PodAt, Programs, Proxy, agent_token, create_agent_account, create_namespace,
    create_node, create_pod, create_policy, create_service_account, grant, set_pod_status, token,
};
use serde_json::{Value, json};
use state::{Watched, afresh};

/// None where nothing is built; `make test-kube` builds it and lets none of these skip.
async fn cluster(flags: &[&str]) -> Option<Cluster> {
    let Some(programs) = Programs::find() else {
        println!("skipped: no API server is built; run: make test-kube");
        return None;
    };
    Some(Cluster::start(&programs, flags).await.unwrap())
}

async fn pod(client: &Client, (name, label, node): (&str, &str, &str), address: &str) {
    let second = format!("fd00::{}", address.rsplit('.').next().unwrap());
    let addresses = [address.parse().unwrap(), second.parse().unwrap()];
    let labels = [("app", label)];
    let ports = [("http", 8080, "TCP")];
    let (addresses, labels, ports) = (&addresses, &labels, &ports);
    let pod = PodAt { namespace: "shop", name, labels, node, addresses, ports };
    create_pod(client, &pod).await.unwrap();
}

fn admits(name: &str, subject: &str, peer: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n\
         metadata: {{name: {name}, namespace: shop}}\n\
         spec: {{podSelector: {{matchLabels: {{app: {subject}}}}}, ingress: [{{from: [{peer}]}}]}}\n"
    )
}

async fn fill(client: &Client) {
    create_namespace(client, "shop", &[("team", "retail")]).await.unwrap();
    for (node, address) in [("n1", "192.0.2.10"), ("n2", "192.0.2.11")] {
        create_node(client, node, &[address.parse().unwrap()]).await.unwrap();
    }
    pod(client, ("web", "web", "n1"), "10.1.0.10").await;
    pod(client, ("api", "api", "n1"), "10.1.0.11").await;
    pod(client, ("db", "db", "n2"), "10.1.0.12").await;
    let peer = "{podSelector: {matchLabels: {app: web}}}";
    create_policy(client, &admits("api", "api", peer)).await.unwrap();
    let peer = "{namespaceSelector: {matchLabels: {team: retail}}, podSelector: {}}";
    create_policy(client, &admits("db", "db", peer)).await.unwrap();
}

/// A kubeconfig of the agent's account, as `deploy/` makes it, by way of a URL.
async fn account(cluster: &Cluster, admin: &Client, url: &str) -> std::path::PathBuf {
    create_agent_account(admin).await.unwrap();
    let token = agent_token(admin).await.unwrap();
    cluster.kubeconfig_by_way_of("agent", &token, url).unwrap()
}

async fn merge<K>(api: Api<K>, name: &str, patch: Value)
where
    K: kube::Resource + Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
}

async fn delete_pod(client: &Client, name: &str) {
    let api: Api<Pod> = Api::namespaced(client.clone(), "shop");
    api.delete(name, &DeleteParams::default().grace_period(0)).await.unwrap();
}

/// One that asks often whether a kind is served that may be installed.
fn curious() -> Patience {
    Patience { discovery: Duration::from_millis(300), ..Patience::default() }
}

/// Merges a patch into the object at a path.
async fn change(client: &Client, path: &str, patch: Value) {
    let request = http::Request::patch(path).header("Content-Type", "application/merge-patch+json");
    client.request_text(request.body(patch.to_string().into_bytes()).unwrap()).await.unwrap();
}

/// Deletes the object at a path.
async fn delete(client: &Client, path: &str) {
    let request = http::Request::delete(path);
    client.request_text(request.body(Vec::new()).unwrap()).await.unwrap();
}

#[tokio::test]
async fn every_change_is_learnt_of() {
    let Some(cluster) = cluster(&[]).await else { return };
    let admin = cluster.admin().unwrap();
    fill(&admin).await;
    let kubeconfig = account(&cluster, &admin, &cluster.url()).await;
    let mut watched = Watched::start(&kubeconfig, Patience::default());
    watched.becomes(&admin, "the first list").await;
    assert_eq!(watched.lists(Stored::Pod), 1);
    let policies: Api<NetworkPolicy> = Api::namespaced(admin.clone(), "shop");

    create_policy(&admin, &admits("web", "web", "{ipBlock: {cidr: 10.0.0.0/8}}")).await.unwrap();
    watched.becomes(&admin, "a policy is created").await;
    let nobody = json!({"spec": {"ingress": null}});
    merge(policies.clone(), "web", nobody).await;
    watched.becomes(&admin, "a policy is changed").await;
    policies.delete("web", &DeleteParams::default()).await.unwrap();
    watched.becomes(&admin, "a policy is deleted").await;
    let label = |value: &str| json!({"metadata": {"labels": {"app": value}}});
    merge(Api::<Pod>::namespaced(admin.clone(), "shop"), "db", label("web")).await;
    watched.becomes(&admin, "a pod is a peer now, and no subject any more").await;
    merge(Api::<Pod>::namespaced(admin.clone(), "shop"), "web", label("db")).await;
    watched.becomes(&admin, "another is no peer any more, but a subject").await;
    let team = json!({"metadata": {"labels": {"team": "other"}}});
    merge(Api::<Namespace>::all(admin.clone()), "shop", team).await;
    watched.becomes(&admin, "a namespace is another team's").await;
    let address = ["10.1.0.11".parse().unwrap()];
    set_pod_status(&admin, ("shop", "api"), "Succeeded", &address).await.unwrap();
    watched.becomes(&admin, "a pod has finished").await;
    pod(&admin, ("heir", "api", "n2"), "10.1.0.11").await;
    watched.becomes(&admin, "its address is another's").await;
    delete_pod(&admin, "db").await;
    watched.becomes(&admin, "a pod is deleted").await;
    assert_eq!(watched.lists(Stored::Pod), 1, "nothing needed another list");
}

#[tokio::test]
async fn nothing_is_lost_while_the_server_is_away() {
    let Some(mut cluster) = cluster(&[]).await else { return };
    let admin = cluster.admin().unwrap();
    fill(&admin).await;
    let proxy = Proxy::to(cluster.socket()).unwrap();
    let kubeconfig = account(&cluster, &admin, &proxy.url()).await;
    let mut watched = Watched::start(&kubeconfig, Patience::default());
    watched.becomes(&admin, "the first list").await;

    cluster.restart_api_server().await.unwrap();
    pod(&admin, ("new", "web", "n2"), "10.1.0.20").await;
    watched.becomes(&admin, "after a restart").await;

    proxy.cut();
    delete_pod(&admin, "web").await;
    create_policy(&admin, &admits("new", "web", "{podSelector: {}}")).await.unwrap();
    proxy.mend();
    watched.becomes(&admin, "after a cut").await;

    // What changes now is forgotten before the watch is back: deletions are found by listing.
    let lists = watched.lists(Stored::Pod);
    proxy.cut();
    delete_pod(&admin, "new").await;
    let policies: Api<NetworkPolicy> = Api::namespaced(admin.clone(), "shop");
    policies.delete("api", &DeleteParams::default()).await.unwrap();
    pod(&admin, ("later", "web", "n1"), "10.1.0.10").await;
    cluster.compact().unwrap();
    cluster.restart_api_server().await.unwrap();
    proxy.mend();
    watched.becomes(&admin, "after a compaction").await;
    assert!(watched.lists(Stored::Pod) > lists, "only a list can tell");
}

#[tokio::test]
async fn a_dead_connection_is_noticed() {
    let Some(cluster) = cluster(&[]).await else { return };
    let admin = cluster.admin().unwrap();
    fill(&admin).await;
    let proxy = Proxy::to(cluster.socket()).unwrap();
    let kubeconfig = account(&cluster, &admin, &proxy.url()).await;
    let patience = Patience { watch: Duration::from_secs(3), ..Patience::default() };
    let mut watched = Watched::start(&kubeconfig, patience);
    watched.becomes(&admin, "the first list").await;
    proxy.go_dead();
    pod(&admin, ("new", "web", "n1"), "10.1.0.20").await;
    delete_pod(&admin, "db").await;
    watched.becomes(&admin, "over a new connection").await;
}

#[tokio::test]
async fn servers_that_cannot_stream_lists_are_asked_for_whole_ones() {
    let Some(cluster) = cluster(&["--feature-gates=WatchList=false"]).await else { return };
    let admin = cluster.admin().unwrap();
    fill(&admin).await;
    // More than are taken in together.
    for number in 0..270 {
        create_namespace(&admin, &format!("n{number}"), &[]).await.unwrap();
    }
    let kubeconfig = account(&cluster, &admin, &cluster.url()).await;
    let mut watched = Watched::start(&kubeconfig, Patience::default());
    watched.becomes(&admin, "the first list").await;
    assert_eq!(watched.namespaces(), afresh(&admin).await.namespaces.len());
    assert!(watched.namespaces() > 270);
    delete_pod(&admin, "db").await;
    watched.becomes(&admin, "a pod is deleted").await;
}

/// A role that lacks something: the agent waits, rather than take nothing for an empty list.
#[tokio::test]
async fn what_may_not_be_listed_is_not_taken_for_nothing() {
    let Some(cluster) = cluster(&[]).await else { return };
    let admin = cluster.admin().unwrap();
    fill(&admin).await;
    create_service_account(&admin, "default", "less").await.unwrap();
    let rules = json!([
        {"apiGroups": [""], "resources": ["pods", "namespaces", "nodes"], "verbs": ["list", "watch"]},
    ]);
    grant(&admin, ("default", "less"), rules).await.unwrap();
    let token = token(&admin, ("default", "less"), 3600).await.unwrap();
    let mut watched =
        Watched::start(&cluster.kubeconfig("less", &token).unwrap(), Patience::default());
    watched.hear(Duration::from_secs(3));
    assert!(!watched.is_complete());
    assert!(watched.errors() > 0);
    assert_eq!(watched.lists(Stored::Pod), 1);
}

//! The objects that tests need most, made as controllers and kubelets would.

use std::collections::BTreeMap;
use std::net::IpAddr;

use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::core::v1::{Namespace, Node, Pod, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::{Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::Error;

/// Labels as tests write them.
type Labels<'l> = &'l [(&'l str, &'l str)];

/// A pod that runs on a node.
#[derive(Clone, Copy, Debug)]
pub struct PodAt<'p> {
    /// Its namespace, which exists.
    pub namespace: &'p str,
    /// Its name.
    pub name: &'p str,
    /// Its labels.
    pub labels: Labels<'p>,
    /// The node that it runs on.
    pub node: &'p str,
    /// Its addresses, one of each family at most.
    pub addresses: &'p [IpAddr],
    /// Name, number and protocol of its container's ports.
    pub ports: &'p [(&'p str, u16, &'p str)],
}

/// Creates a namespace.
///
/// # Errors
/// As the API server says.
pub async fn create_namespace(
    client: &Client,
    name: &str,
    labels: Labels<'_>,
) -> Result<(), Error> {
    let object = json!({"metadata": {"name": name, "labels": map(labels)}});
    create::<Namespace>(&Api::all(client.clone()), object).await
}

/// Creates a node with addresses.
///
/// # Errors
/// As the API server says.
pub async fn create_node(client: &Client, name: &str, addresses: &[IpAddr]) -> Result<(), Error> {
    let api: Api<Node> = Api::all(client.clone());
    create(&api, json!({"metadata": {"name": name}})).await?;
    let address = |address: &IpAddr| json!({"type": "InternalIP", "address": address});
    let addresses: Vec<Value> = addresses.iter().map(address).collect();
    patch_status(&api, name, json!({"addresses": addresses})).await
}

/// Creates a pod and lets it run.
///
/// # Errors
/// As the API server says.
pub async fn create_pod(client: &Client, pod: &PodAt<'_>) -> Result<(), Error> {
    let port = |(name, number, protocol): &(&str, u16, &str)| json!({"name": name, "containerPort": number, "protocol": protocol});
    let ports: Vec<Value> = pod.ports.iter().map(port).collect();
    let object = json!({
        "metadata": {"name": pod.name, "labels": map(pod.labels)},
        "spec": {
            "nodeName": pod.node,
            "containers": [{"name": "main", "image": "example.com/main:1", "ports": ports}],
        },
    });
    create::<Pod>(&Api::namespaced(client.clone(), pod.namespace), object).await?;
    set_pod_status(client, (pod.namespace, pod.name), "Running", pod.addresses).await
}

/// Sets the phase and the addresses of a pod, by namespace and name, as its kubelet would.
///
/// # Errors
/// As the API server says.
pub async fn set_pod_status(
    client: &Client,
    (namespace, name): (&str, &str),
    phase: &str,
    addresses: &[IpAddr],
) -> Result<(), Error> {
    let list: Vec<Value> = addresses.iter().map(|address| json!({"ip": address})).collect();
    let status = json!({"phase": phase, "podIP": addresses.first(), "podIPs": list});
    patch_status::<Pod>(&Api::namespaced(client.clone(), namespace), name, status).await
}

/// Creates a NetworkPolicy from its manifest, which names its namespace.
///
/// # Errors
/// If the manifest is none, or as the API server says.
pub async fn create_policy(client: &Client, manifest: &str) -> Result<(), Error> {
    let policy: NetworkPolicy = serde_yaml::from_str(manifest)?;
    let namespace = policy.metadata.namespace.as_deref().unwrap_or("default");
    let api: Api<NetworkPolicy> = Api::namespaced(client.clone(), namespace);
    api.create(&PostParams::default(), &policy).await?;
    Ok(())
}

/// Creates a service account, by namespace and name.
///
/// # Errors
/// As the API server says.
pub async fn create_service_account(
    client: &Client,
    namespace: &str,
    name: &str,
) -> Result<(), Error> {
    let api: Api<ServiceAccount> = Api::namespaced(client.clone(), namespace);
    create(&api, json!({"metadata": {"name": name}})).await
}

/// A token of a service account, good for as many seconds (the server's least is 600).
///
/// # Errors
/// As the API server says.
pub async fn token(
    client: &Client,
    (namespace, name): (&str, &str),
    seconds: u32,
) -> Result<String, Error> {
    let api: Api<ServiceAccount> = Api::namespaced(client.clone(), namespace);
    let mut request = TokenRequest::default();
    request.spec.expiration_seconds = Some(seconds.into());
    let answer = api.create_token_request(name, &PostParams::default(), &request).await?;
    answer.status.map(|status| status.token).ok_or(Error::Missing("token"))
}

/// Lets a service account do what the rules of a cluster role say (a list as in its `rules`); role
/// and binding get the account's name.
///
/// # Errors
/// As the API server says.
pub async fn grant(
    client: &Client,
    (namespace, name): (&str, &str),
    rules: Value,
) -> Result<(), Error> {
    let metadata = json!({"name": name});
    let role = json!({"metadata": metadata, "rules": rules});
    create::<ClusterRole>(&Api::all(client.clone()), role).await?;
    let group = "rbac.authorization.k8s.io";
    let binding = json!({
        "metadata": metadata,
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": name},
        "subjects": [{"kind": "ServiceAccount", "namespace": namespace, "name": name}],
    });
    create::<ClusterRoleBinding>(&Api::all(client.clone()), binding).await
}

fn map<'l>(labels: Labels<'l>) -> BTreeMap<&'l str, &'l str> {
    labels.iter().copied().collect()
}

async fn create<K>(api: &Api<K>, object: Value) -> Result<(), Error>
where
    K: Resource + Clone + std::fmt::Debug + Serialize + DeserializeOwned,
{
    let object = serde_json::from_value(object).map_err(kube::Error::SerdeError)?;
    api.create(&PostParams::default(), &object).await?;
    Ok(())
}

async fn patch_status<K>(api: &Api<K>, name: &str, status: Value) -> Result<(), Error>
where
    K: Resource + Clone + std::fmt::Debug + DeserializeOwned,
{
    let patch = Patch::Merge(json!({"status": status}));
    api.patch_status(name, &PatchParams::default(), &patch).await?;
    Ok(())
}

//! An agent writes the status object of its own node, and an admission policy can keep it to that.

use std::fs;
use std::time::{Duration, Instant};

use kube::Client;
use portcullis_kube::{
    AGENT_ACCOUNT, AGENT_NAMESPACE, Body, NODE_STATUSES, agent_token, collection,
    create_agent_account, create_node, deploy_path, send,
};
use serde_json::{Value, json};

use super::cluster;

/// A token of the agent's account as kubelet has one made for a pod of a node.
async fn token_on(admin: &Client, node: &str) -> String {
    create_node(admin, node, &[]).await.unwrap();
    let (account, container) = (AGENT_ACCOUNT, json!({"name": "c", "image": "i"}));
    let spec = json!({"nodeName": node, "serviceAccountName": account, "containers": [container]});
    let metadata = json!({"name": node, "namespace": AGENT_NAMESPACE});
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec});
    let pods = format!("/api/v1/namespaces/{AGENT_NAMESPACE}/pods");
    let created = send(admin, &pods, Body::Json(&pod.to_string())).await.unwrap();
    let uid = created.body.pointer("/metadata/uid").unwrap_or_else(|| panic!("{}", created.body));
    let bound = json!({"kind": "Pod", "apiVersion": "v1", "name": node, "uid": uid});
    let asked = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
                       "spec": {"audiences": [], "boundObjectRef": bound}});
    let path =
        format!("/api/v1/namespaces/{AGENT_NAMESPACE}/serviceaccounts/{AGENT_ACCOUNT}/token");
    let answer = send(admin, &path, Body::Json(&asked.to_string())).await.unwrap();
    answer.body.pointer("/status/token").and_then(Value::as_str).unwrap().to_owned()
}

/// Writes a node's status object as an agent does; why not, if it may not.
async fn write_status(client: &Client, node: &str) -> Result<(), String> {
    let object = json!({"apiVersion": "portcullis.dev/v1alpha1", "kind": "NodePolicyStatus",
                        "metadata": {"name": node}, "status": {"agentVersion": "0"}});
    let path = format!("{NODE_STATUSES}/{node}?fieldManager=portcullis-agent&force=true");
    let request = http::Request::patch(path).header("Content-Type", "application/apply-patch+yaml");
    let request = request.body(object.to_string().into_bytes()).unwrap();
    client.request_text(request).await.map(drop).map_err(|error| error.to_string())
}

#[tokio::test]
async fn an_agent_can_be_kept_to_the_object_of_its_own_node() {
    let Some(cluster) = cluster(&[]).await else { return };
    let admin = cluster.admin().unwrap();
    create_agent_account(&admin).await.unwrap();
    cluster.install_status_crd().await.unwrap();
    let client = cluster.client(&token_on(&admin, "n1").await).unwrap();
    write_status(&client, "n2").await.unwrap();
    let policy = fs::read_to_string(deploy_path("optional/own-node.yaml")).unwrap();
    for text in policy.split("---\n") {
        let path = collection(&serde_yaml::from_str(text).unwrap()).unwrap();
        let path = path + "?fieldValidation=Strict";
        let answer = send(&admin, &path, Body::Yaml(text)).await.unwrap();
        assert_eq!((answer.status, answer.warnings), (201, Vec::new()), "{}", answer.body);
    }
    let start = Instant::now();
    let refused = loop {
        // It comes into force some time after the answer.
        if let Err(refused) = write_status(&client, "n2").await {
            break refused;
        }
        assert!(start.elapsed() < Duration::from_secs(60));
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(refused.contains("of its own node only"), "{refused}");
    write_status(&client, "n1").await.unwrap();
    write_status(&admin, "n2").await.unwrap();
    let unbound = cluster.client(&agent_token(&admin).await.unwrap()).unwrap();
    assert!(write_status(&unbound, "n1").await.is_err(), "nobody knows where it is");
}

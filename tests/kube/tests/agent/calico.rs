//! Calico's kinds, which come and go while an agent watches, in either of their groups.

use kube::Client;
use portcullis_engine::manifest::{CalicoKind, Stored};
use portcullis_kube::{Body, CalicoGroup, create_service_account, send};
use serde_json::{Value, json};

use super::state::Watched;
use super::{account, change, cluster, curious, delete, fill};

/// Where the objects of a kind are that may be in the shop.
fn path(group: CalicoGroup, kind: CalicoKind) -> String {
    let all = group.path(kind);
    match (kind.is_namespaced(), all.rsplit_once('/')) {
        (true, Some((base, plural))) => format!("{base}/namespaces/shop/{plural}"),
        _ => all,
    }
}

/// Creates an object with a label that says its name, in the shop if its kind is of namespaces.
pub async fn create(
    client: &Client,
    group: CalicoGroup,
    (kind, name): (CalicoKind, &str),
    spec: Value,
) {
    let object = json!({
        "apiVersion": group.api_version(),
        "kind": kind.name(),
        "metadata": {"name": name, "labels": {"is": name}},
        "spec": spec,
    });
    let answer = send(client, &path(group, kind), Body::Json(&object.to_string())).await.unwrap();
    assert_eq!(answer.status, 201, "{}", answer.body);
}

/// What a tier of a name has first: whoever is under some labels may not reach the shop's api.
fn guard(tier: &str, source: &str) -> Value {
    let deny = json!({"action": "Deny", "source": {"selector": source}});
    let pass = json!({"action": "Pass"});
    json!({"tier": tier, "order": 10, "selector": "app == 'api'", "types": ["Ingress"],
           "ingress": [deny, pass]})
}

#[tokio::test]
async fn the_kinds_are_followed_in_the_group_that_has_them() {
    let Some(cluster) = cluster(&[]).await else { return };
    let admin = cluster.admin().unwrap();
    fill(&admin).await;
    create_service_account(&admin, "shop", "payment").await.unwrap();
    let kubeconfig = account(&cluster, &admin, &cluster.url()).await;
    let mut watched = Watched::start(&kubeconfig, curious());
    watched.becomes(&admin, "there are no such kinds").await;
    assert_eq!((watched.errors(), watched.obstacle()), (0, None), "which is no error");

    let group = CalicoGroup::Stored;
    let policies = CalicoKind::GlobalNetworkPolicy;
    cluster.install_calico_crds(group).await.unwrap();
    create(&admin, group, (CalicoKind::Tier, "security"), json!({"order": 50})).await;
    let spec = guard("security", "app == 'web' || is == 'strangers'");
    create(&admin, group, (policies, "security.guard"), spec).await;
    watched.becomes(&admin, "a tier with a policy of pods").await;
    let nets = json!({"nets": ["198.51.100.0/24"]});
    create(&admin, group, (CalicoKind::GlobalNetworkSet, "strangers"), nets).await;
    watched.becomes(&admin, "a set that it selects").await;
    let nets = json!({"spec": {"nets": ["203.0.113.0/24"]}});
    change(&admin, &(path(group, CalicoKind::GlobalNetworkSet) + "/strangers"), nets).await;
    watched.becomes(&admin, "the set has other blocks").await;

    let accounts = json!({"names": ["default"]});
    let allow = json!({"action": "Allow", "source": {"serviceAccounts": accounts}});
    let spec = json!({"selector": "app == 'db'", "types": ["Ingress"], "ingress": [allow]});
    create(&admin, group, (CalicoKind::NetworkPolicy, "default.db"), spec).await;
    watched.becomes(&admin, "a policy in a namespace asks for ServiceAccounts").await;
    let labels = json!({"metadata": {"labels": {"app": "api"}}});
    change(&admin, "/api/v1/namespaces/shop/pods/web", labels).await;
    watched.becomes(&admin, "a pod has other labels").await;
    delete(&admin, &(path(group, CalicoKind::NetworkPolicy) + "/default.db")).await;
    watched.becomes(&admin, "nobody asks for ServiceAccounts any more").await;
    let order = json!({"spec": {"order": 3000, "defaultAction": "Pass"}});
    change(&admin, &(path(group, CalicoKind::Tier) + "/security"), order).await;
    let open = json!({"spec": {"selector": "all()"}});
    change(&admin, &(path(group, policies) + "/security.guard"), open).await;
    watched.becomes(&admin, "a tier that comes after Kubernetes' policies").await;
    assert_eq!(watched.lists(Stored::Pod), 1, "nothing else was disturbed");
    assert_eq!(watched.obstacle(), None);

    cluster.remove_calico_crds(group).await.unwrap();
    watched.becomes(&admin, "the kinds are removed").await;
    let group = CalicoGroup::Public;
    cluster.install_calico_crds(group).await.unwrap();
    create(&admin, group, (CalicoKind::Tier, "security"), json!({"order": 50})).await;
    let spec = guard("security", "app == 'db'");
    create(&admin, group, (policies, "security.guard"), spec).await;
    watched.becomes(&admin, "the other group has them").await;
}

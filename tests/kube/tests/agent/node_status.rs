//! The object that says what is in force on a node.

use std::path::Path;
use std::process::{Command, Output};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use k8s_openapi::api::core::v1::Node;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::{Api, DeleteParams};
use kube::{Client, ResourceExt as _};
use portcullis_agent::observe::{Enforced, StatusWrite};
use portcullis_agent::source::apiserver::{NodeStatus, Patience, StatusPace};
use portcullis_agent::status::{Answer, Wait, wait};
use portcullis_engine::dataplane::{Input, Lowering, Settings, UNKNOWN_WIRING};
use portcullis_engine::manifest::{CalicoKind, Mode};
use portcullis_engine::report::{node_policies, pending};
use portcullis_kube::{
    CalicoGroup, NODE_STATUSES, create_policy, create_service_account, grant, token,
};
use serde_json::{Value, json};

use super::state::Watched;
use super::{account, admits, calico, cluster, fill, merge, pod};

const SOON: Duration = Duration::from_millis(50);

/// A pace for tests: nothing is waited for but what is to be seen.
fn pace() -> StatusPace {
    let refused = Duration::from_millis(200);
    StatusPace { look: SOON, least: SOON, refused, ..StatusPace::default() }
}

/// An agent of a node, but for the kernel.
struct TestAgent {
    watched: Watched,
    node: &'static str,
}

impl TestAgent {
    fn start(kubeconfig: &Path, node: &'static str) -> Self {
        let object = move |status| Some(NodeStatus::new(node, pace(), status));
        let watched = Watched::start_with(kubeconfig, Patience::default(), object);
        Self { watched, node }
    }

    /// What a kernel that takes everything holds once the agent knows what the API server has.
    async fn enforces(&mut self, admin: &Client, what: &str) {
        self.watched.becomes(admin, what).await;
        let enforced = self.enforced();
        self.watched.status().enforced(enforced);
        self.watched.status().ready();
    }

    fn enforced(&mut self) -> Enforced {
        let (session, node) = (self.watched.session(), self.node);
        let mut lowering = Lowering::default();
        let (settings, wiring) = (&Settings::default(), &UNKNOWN_WIRING);
        let (model, policies) = (session.model(), session.policies());
        let program = lowering.lower(Input { model, policies, node, settings, wiring });
        let groups = lowering.local_pods().map(|(group, _)| group);
        let policies =
            node_policies((&session, Mode::Enforce), &policies.selecting(groups), &program.notes);
        let (policies, pods) = (policies.into(), lowering.local_pods().count());
        Enforced { policies, pods, ..Enforced::now(&session, node, &program) }
    }

    fn writes(&self, result: StatusWrite) -> u64 {
        self.watched.status().metrics.status_writes(result)
    }

    /// Waits until an attempt to write has come to something.
    async fn until_write(&self, result: StatusWrite) {
        let start = Instant::now();
        while self.writes(result) == 0 {
            assert!(start.elapsed() < Duration::from_secs(60), "{result:?}");
            tokio::time::sleep(SOON).await;
        }
    }
}

async fn get(client: &Client, path: &str, accept: &str) -> Option<Value> {
    let request = http::Request::get(path).header("Accept", accept).body(Vec::new()).unwrap();
    serde_json::from_str(&client.request_text(request).await.ok()?).ok()
}

/// The object of a node, once it says something.
async fn object(client: &Client, node: &str, says: impl Fn(&Value) -> bool) -> Value {
    let (path, start) = (format!("{NODE_STATUSES}/{node}"), Instant::now());
    loop {
        let found = get(client, &path, "application/json").await;
        if let Some(found) = found.as_ref().filter(|found| says(found)) {
            return found.clone();
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{found:?}");
        tokio::time::sleep(SOON).await;
    }
}

/// A condition's status.
fn condition<'o>(object: &'o Value, kind: &str) -> &'o str {
    let all = object.pointer("/status/conditions").and_then(Value::as_array).unwrap();
    all.iter().find(|one| one["type"] == kind).unwrap()["status"].as_str().unwrap()
}

/// Names, generations and states of policies.
fn policies(object: &Value) -> Vec<String> {
    let all = object.pointer("/status/policies").and_then(Value::as_array).unwrap();
    let short = |one: &Value| {
        format!("{} {} {}", one["name"].as_str().unwrap(), one["generation"], one["state"])
    };
    all.iter().map(short).collect()
}

/// What kubectl says, where it is installed.
fn kubectl(kubeconfig: &Path, words: &str) -> Option<Output> {
    let mut command = Command::new("kubectl");
    command.arg("--kubeconfig").arg(kubeconfig).args(words.split(' '));
    // Without what it remembers of another server.
    let output = command.env("KUBECACHEDIR", kubeconfig.with_extension("cache")).output().ok();
    if output.is_none() {
        println!("kubectl is not installed: only the API was asked");
    }
    output
}

fn text(output: &[u8]) -> String {
    String::from_utf8_lossy(output).into_owned()
}

#[tokio::test]
async fn a_node_says_what_is_in_force() {
    let Some(cluster) = cluster(&[]).await else { return };
    let admin = cluster.admin().unwrap();
    fill(&admin).await;
    let kubeconfig = account(&cluster, &admin, &cluster.url()).await;
    let mut agent = TestAgent::start(&kubeconfig, "n1");
    agent.enforces(&admin, "the first list").await;

    // Without the kind the agent lives on, and asks again.
    agent.until_write(StatusWrite::Absent).await;
    assert_eq!(agent.watched.obstacle(), None);
    cluster.install_status_crd().await.unwrap();
    let first = object(&admin, "n1", |_| true).await;
    assert_eq!(policies(&first), ["api 1 \"InForce\""], "`db` selects nothing here");
    let conditions = ["InForce", "AsWritten", "Ready"].map(|kind| condition(&first, kind));
    assert_eq!(conditions, ["True"; 3]);
    let node = Api::<Node>::all(admin.clone()).get("n1").await.unwrap();
    let owner = first.pointer("/metadata/ownerReferences/0").unwrap();
    assert_eq!(owner["uid"].as_str(), node.uid().as_deref());

    let of_shop: Api<NetworkPolicy> = Api::namespaced(admin.clone(), "shop");
    merge(of_shop.clone(), "api", json!({"spec": {"policyTypes": ["Ingress", "Egress"]}})).await;
    agent.enforces(&admin, "a policy is changed").await;
    object(&admin, "n1", |one| policies(one) == ["api 2 \"InForce\""]).await;

    // What cannot be applied is said, and by which policies it is missed.
    let before = agent.enforced();
    create_policy(&admin, &admits("late", "web", "{podSelector: {}}")).await.unwrap();
    agent.watched.becomes(&admin, "a policy that cannot be applied").await;
    let desired = agent.enforced().policies;
    agent.watched.status().not_ready("a change could not be applied: no iptables");
    let said = pending(&before.policies, &desired, "no").into();
    agent.watched.status().pending(said, before.nodes.clone());
    let failed = object(&admin, "n1", |one| condition(one, "InForce") == "False").await;
    assert_eq!(policies(&failed), ["late 1 \"Pending\"", "api 2 \"InForce\""]);
    assert_eq!(failed.pointer("/status/counts/pending"), Some(&json!(1)));

    // One that is made again under the same name is another one.
    let uid = of_shop.get("api").await.unwrap().uid().unwrap();
    of_shop.delete("api", &DeleteParams::default()).await.unwrap();
    create_policy(&admin, &admits("api", "api", "{podSelector: {}}")).await.unwrap();
    agent.enforces(&admin, "a policy is made again").await;
    let again = object(&admin, "n1", |one| condition(one, "InForce") == "True").await;
    assert_eq!(policies(&again), ["api 1 \"InForce\"", "late 1 \"InForce\""]);
    assert_ne!(again.pointer("/status/policies/0/uid").unwrap(), &json!(uid));
}

#[tokio::test]
async fn operators_can_look_at_it_and_wait_for_it() {
    let Some(cluster) = cluster(&[]).await else { return };
    let admin = cluster.admin().unwrap();
    fill(&admin).await;
    cluster.install_status_crd().await.unwrap();
    let kubeconfig = account(&cluster, &admin, &cluster.url()).await;
    let mut agents = ["n1", "n2"].map(|node| TestAgent::start(&kubeconfig, node));
    for agent in &mut agents {
        agent.enforces(&admin, "the first list").await;
    }
    object(&admin, "n1", |_| true).await;
    object(&admin, "n2", |_| true).await;

    let table = "application/json;as=Table;v=v1;g=meta.k8s.io";
    let table = get(&admin, NODE_STATUSES, table).await.unwrap();
    let columns: Vec<&str> = table["columnDefinitions"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|column| column["priority"] == 0)
        .map(|column| column["name"].as_str().unwrap())
        .collect();
    let wanted = ["Name", "In Force", "As Written", "Policies", "Closed", "Pending", "Observed"];
    assert_eq!(columns, wanted);
    let cells: Vec<&Value> =
        table.pointer("/rows/0/cells").and_then(Value::as_array).unwrap().iter().take(6).collect();
    assert_eq!(json!(cells), json!(["n1", "True", "True", 1, 0, 0]));

    let all = "wait --for=condition=InForce nodepolicystatus --all --timeout=";
    let admin_file = cluster.admin_kubeconfig().unwrap();
    let Some(met) = kubectl(&admin_file, &format!("{all}60s")) else { return };
    assert!(met.status.success(), "{}", text(&met.stderr));
    let shown = kubectl(&admin_file, "get nps").unwrap();
    assert!(text(&shown.stdout).starts_with("NAME   IN FORCE   AS WRITTEN"), "{shown:?}");
    agents[1].watched.status().not_ready("no");
    object(&admin, "n2", |one| condition(one, "InForce") == "False").await;
    let unmet = kubectl(&admin_file, &format!("{all}1s")).unwrap();
    assert!(!unmet.status.success(), "n2 is not in force");
    assert!(text(&unmet.stderr).contains("n2"), "{}", text(&unmet.stderr));
}

/// A role of before there was such an object: nothing is written, and nothing is missing.
#[tokio::test]
async fn who_may_not_write_it_enforces_all_the_same() {
    let Some(cluster) = cluster(&[]).await else { return };
    let admin = cluster.admin().unwrap();
    fill(&admin).await;
    cluster.install_status_crd().await.unwrap();
    create_service_account(&admin, "default", "less").await.unwrap();
    let verbs = ["list", "watch"];
    let rules = json!([
        {"apiGroups": [""], "resources": ["pods", "namespaces", "nodes"], "verbs": verbs},
        {"apiGroups": ["networking.k8s.io"], "resources": ["networkpolicies"], "verbs": verbs},
    ]);
    grant(&admin, ("default", "less"), rules).await.unwrap();
    let token = token(&admin, ("default", "less"), 3600).await.unwrap();
    let mut agent = TestAgent::start(&cluster.kubeconfig("less", &token).unwrap(), "n1");
    agent.enforces(&admin, "the first list").await;
    agent.until_write(StatusWrite::Forbidden).await;
    assert_eq!((agent.writes(StatusWrite::Written), agent.watched.obstacle()), (0, None));
}

/// A thousand policies on a node are one object that the server takes, and that is not written
/// while there is nothing else to say.
#[tokio::test]
async fn an_object_of_many_policies_is_taken_and_written_once() {
    let Some(cluster) = cluster(&[]).await else { return };
    let admin = cluster.admin().unwrap();
    fill(&admin).await;
    cluster.install_status_crd().await.unwrap();
    let kubeconfig = account(&cluster, &admin, &cluster.url()).await;
    let mut agent = TestAgent::start(&kubeconfig, "n1");
    agent.enforces(&admin, "the first list").await;
    let mut enforced = agent.enforced();
    let one = enforced.policies[0].clone();
    let many = (0..9_000).map(|at| {
        let name = format!("{}-{at}", "x".repeat(200)).into();
        portcullis_engine::report::NodePolicy { name, ..one.clone() }
    });
    enforced.policies = many.collect();
    enforced.applied = Some(SystemTime::now());
    agent.watched.status().enforced(enforced);
    let found = object(&admin, "n1", |one| one["status"]["counts"]["policies"] == 9_000).await;
    let omitted = found.pointer("/status/counts/omitted").and_then(Value::as_u64).unwrap();
    assert!(omitted > 0 && found.to_string().len() < 1_000_000, "{omitted}");
    let version = found.pointer("/metadata/resourceVersion").cloned();
    let writes = agent.writes(StatusWrite::Written);
    tokio::time::sleep(SOON * 20).await;
    let later = object(&admin, "n1", |_| true).await;
    assert_eq!(later.pointer("/metadata/resourceVersion").cloned(), version);
    assert_eq!(agent.writes(StatusWrite::Written), writes);
}

/// What a command answers that waits for a policy.
fn waiting(kubeconfig: &Path, policy: &str, seconds: u64) -> JoinHandle<(String, Answer)> {
    let wanted = Wait {
        policy: policy.parse().unwrap(),
        generation: None,
        timeout: Duration::from_secs(seconds),
        kubeconfig: Some(kubeconfig.to_owned()),
    };
    // Not from within the test's own runtime.
    std::thread::spawn(move || wait(&wanted).unwrap())
}

#[tokio::test]
async fn a_policy_can_be_waited_for_on_all_nodes_that_it_concerns() {
    let Some(cluster) = cluster(&[]).await else { return };
    let admin = cluster.admin().unwrap();
    fill(&admin).await;
    cluster.install_status_crd().await.unwrap();
    // The agent's own account may do that, too.
    let kubeconfig = account(&cluster, &admin, &cluster.url()).await;
    let waits = |policy: &str, seconds| waiting(&kubeconfig, policy, seconds);
    let (text, answer) = waits("shop/api", 6).join().unwrap();
    assert_eq!(answer, Answer::NotInForce);
    assert!(text.contains("on 1 of 1 nodes:\n  n1: it has no NodePolicyStatus"), "{text}");
    let (text, _) = waits("shop/none", 2).join().unwrap();
    assert!(text.ends_with(": there is no NetworkPolicy shop/none\n"), "{text}");

    let mut agents = ["n1", "n2"].map(|node| TestAgent::start(&kubeconfig, node));
    for agent in &mut agents {
        agent.enforces(&admin, "the first list").await;
    }
    let found = waits("networkpolicy/shop/api", 60).join().unwrap();
    let all =
        "NetworkPolicy shop/api (generation 1) is in force on all nodes that it concerns: 1\n";
    assert_eq!(found, (all.to_owned(), Answer::InForce));

    // What the objects said a moment ago is about another version.
    let of_shop: Api<NetworkPolicy> = Api::namespaced(admin.clone(), "shop");
    merge(of_shop.clone(), "api", json!({"spec": {"policyTypes": ["Ingress", "Egress"]}})).await;
    let (text, _) = waits("shop/api", 6).join().unwrap();
    assert!(text.contains("  n1: it has generation 1\n"), "{text}");
    // A pod elsewhere makes its node one to wait for.
    pod(&admin, ("more", "api", "n2"), "10.1.0.30").await;
    let both = waits("shop/api", 120);
    agents[0].enforces(&admin, "a policy and a pod").await;
    object(&admin, "n1", |one| policies(one) == ["api 2 \"InForce\""]).await;
    let (text, answer) = waits("shop/api", 6).join().unwrap();
    assert!(text.contains("on 1 of 2 nodes:\n  n2: it does not list the policy yet\n"), "{text}");
    assert_eq!(answer, Answer::NotInForce);
    agents[1].enforces(&admin, "a policy and a pod").await;
    let (text, answer) = both.join().unwrap();
    assert!(text.ends_with(": 2\n") && text.contains("(generation 2)"), "{text}");
    assert_eq!(answer, Answer::InForce);

    // One that is made again has the generation of before, and is another one.
    of_shop.delete("api", &DeleteParams::default()).await.unwrap();
    create_policy(&admin, &admits("api", "api", "{podSelector: {}}")).await.unwrap();
    let (text, _) = waits("shop/api", 6).join().unwrap();
    assert!(text.contains("another policy of this name"), "{text}");
}

#[tokio::test]
async fn the_kind_says_which_of_several_policies_of_a_name_is_waited_for() {
    let Some(cluster) = cluster(&[]).await else { return };
    let admin = cluster.admin().unwrap();
    fill(&admin).await;
    cluster.install_status_crd().await.unwrap();
    let group = CalicoGroup::Public;
    cluster.install_calico_crds(group).await.unwrap();
    let spec = json!({"selector": "app == 'db'", "types": ["Ingress"]});
    calico::create(&admin, group, (CalicoKind::NetworkPolicy, "api"), spec).await;
    let kubeconfig = account(&cluster, &admin, &cluster.url()).await;
    let (text, answer) = waiting(&kubeconfig, "shop/api", 3).join().unwrap();
    assert_eq!(answer, Answer::NotInForce);
    for kind in ["networkpolicy", "networkpolicy.projectcalico.org"] {
        assert!(text.contains(&format!("{kind}/shop/api")), "{text}");
    }
    let mut agents = ["n1", "n2"].map(|node| TestAgent::start(&kubeconfig, node));
    for agent in &mut agents {
        agent.enforces(&admin, "the first list").await;
    }
    for kind in ["NetworkPolicy", "NetworkPolicy.projectcalico.org"] {
        let (text, answer) = waiting(&kubeconfig, &format!("{kind}/shop/api"), 60).join().unwrap();
        assert!(text.starts_with(&format!("{kind} shop/api (generation 1) is in force")), "{text}");
        assert_eq!(answer, Answer::InForce);
    }
}

//! A real API server.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::Client;
use kube::api::{Api, DeleteParams};
use portcullis_kube::{
    Body, Cluster, PodAt, Programs, Proxy, create_namespace, create_node, create_pod,
    create_policy, create_service_account, grant, send, token,
};
use serde_json::json;

use crate::{answered, portcullis, refused};

/// None where nothing is built; `make test-kube` builds it and lets none of these skip.
async fn cluster() -> Option<(Cluster, Client)> {
    let Some(programs) = Programs::find() else {
        println!("skipped: no API server is built; run: make test-kube");
        return None;
    };
    let cluster = Cluster::start(&programs, &[]).await.unwrap();
    let client = cluster.admin().unwrap();
    fill(&client).await;
    Some((cluster, client))
}

/// One after the other, as it is the starting that takes long.
#[tokio::test]
async fn a_real_server_is_read() {
    let Some((mut cluster, client)) = cluster().await else { return };
    a_cluster_is_an_input_like_files(&cluster);
    what_would_be_applied_counts_as_if_it_were(&cluster);
    missing_rights_are_said(&cluster, &client).await;
    rights_in_one_namespace_are_enough_for_it(&cluster, &client).await;
    credentials_are_those_of_the_kubeconfig(&cluster, &client).await;
    changes_are_printed_as_they_come(&mut cluster, &client).await;
    a_server_that_is_away_is_not_waited_for_for_ever(&mut cluster);
}

const DB: &str = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n\
    metadata: {name: db, namespace: shop}\n\
    spec: {podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {matchLabels: \
    {app: web}}}], ports: [{port: 5432}]}]}\n";

async fn fill(client: &Client) {
    for namespace in ["shop", "other"] {
        create_namespace(client, namespace, &[]).await.unwrap();
    }
    create_node(client, "n1", &["192.0.2.10".parse().unwrap()]).await.unwrap();
    let pods = [("shop", "web", 1), ("shop", "db", 2), ("other", "batch", 3)];
    for (namespace, name, number) in pods {
        let addresses = [format!("10.1.0.{number}").parse().unwrap()];
        let labels = [("app", name)];
        let pod = PodAt {
            namespace,
            name,
            labels: &labels,
            node: "n1",
            addresses: &addresses,
            ports: &[("main", 5432, "TCP")],
        };
        create_pod(client, &pod).await.unwrap();
    }
    create_policy(client, DB).await.unwrap();
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "db"},
        "spec": {"selector": {"app": "db"}, "ports": [{"port": 5432}]}});
    let path = "/api/v1/namespaces/shop/services";
    let answer = send(client, path, Body::Json(&service.to_string())).await.unwrap();
    assert_eq!(answer.status, 201);
}

/// A kubeconfig of an account that may do what some rules say.
async fn account(
    cluster: &Cluster,
    client: &Client,
    name: &str,
    rules: serde_json::Value,
) -> PathBuf {
    create_service_account(client, "other", name).await.unwrap();
    grant(client, ("other", name), rules).await.unwrap();
    let token = token(client, ("other", name), 3_600).await.unwrap();
    cluster.kubeconfig(name, &token).unwrap()
}

fn a_cluster_is_an_input_like_files(cluster: &Cluster) {
    let file = cluster.admin_kubeconfig().unwrap();
    let (list, _) = answered(&file, &["list", "--focus", "shop/db", "--direction", "ingress"]);
    assert!(list.contains("shop/web"), "{list}");
    assert!(list.contains("TCP 5432"), "{list}");
    let flow = ["--from", "shop/web", "--to", "shop/db", "--port", "5432"];
    let (explained, _) = answered(&file, &[&["explain"][..], &flow].concat());
    // The line of the rule in what `kubectl get -o yaml` prints.
    assert!(explained.contains("cluster:networkpolicies/shop/db:"), "{explained}");
    let (denied, _) = answered(
        &file,
        &["eval", "--from", "other/batch", "--to", "shop/service/db", "--port", "5432"],
    );
    assert!(denied.contains("denied"), "{denied}");
    let (described, _) = answered(&file, &["describe", "policy", "shop/db"]);
    assert!(described.contains("shop/db"), "{described}");
    let (checked, _) = answered(&file, &["check"]);
    assert!(checked.contains("cluster:pods/shop/web:"), "{checked}");
    assert!(checked.contains("  name: web"), "{checked}");
    let (program, _) = answered(&file, &["render", "--node", "n1"]);
    assert!(program.contains("ipset restore"), "{program}");
}

fn what_would_be_applied_counts_as_if_it_were(cluster: &Cluster) {
    let file = cluster.admin_kubeconfig().unwrap();
    let open = cluster.folder().join("open.yaml");
    fs::write(
        &open,
        DB.replace("app: web", "app: batch").replace("from: [{", "from: [{namespaceSelector: {}, "),
    )
    .unwrap();
    let open = open.to_str().unwrap();
    let (diff, _) = answered(&file, &["diff", open]);
    assert!(diff.contains("other/batch") && diff.contains("shop/web"), "{diff}");
    assert!(
        diff.contains("cluster:networkpolicies/shop/db:") && diff.contains("open.yaml:"),
        "{diff}"
    );
    let flow = ["--from", "other/batch", "--to", "shop/db", "--port", "5432"];
    let (now, _) = answered(&file, &[&["eval"][..], &flow].concat());
    let (then, _) = answered(&file, &[&["eval", open][..], &flow].concat());
    assert!(now.contains("denied") && then.contains("allowed"), "{now}{then}");
    let rules = cluster.folder().join("rules.yaml");
    let never = "rules:\n- name: batch never reaches the shop\n  never:\n    from: {namespaces: \
        {kubernetes.io/metadata.name: other}}\n    to: {namespaces: {kubernetes.io/metadata.name: \
        shop}, pods: {app: db}}\n";
    fs::write(&rules, never).unwrap();
    let gate = ["gate", "--rules", rules.to_str().unwrap()];
    answered(&file, &gate);
    let broken = portcullis(&file, &[&gate[..], &[open]].concat());
    assert_eq!(broken.status.code(), Some(1));
    let tests = cluster.folder().join("tests.yaml");
    let expect = "expect:\n- {from: shop/web, to: shop/db, port: 5432, expect: allow}\n";
    fs::write(&tests, expect).unwrap();
    answered(&file, &["test", tests.to_str().unwrap()]);
    let fix = refused(&file, &["check", "--fix"]);
    assert!(fix.contains("nothing in a cluster"), "{fix}");
}

async fn missing_rights_are_said(cluster: &Cluster, client: &Client) {
    let may = |group: &str, resources: &[&str]| json!({"apiGroups": [group], "resources": resources, "verbs": ["list", "watch"]});
    let without =
        account(cluster, client, "no-policies", json!([may("", &["pods", "namespaces"])]));
    let without = without.await;
    let why = refused(&without, &["list"]);
    assert!(why.contains("cannot list networkpolicies.networking.k8s.io"), "{why}");
    assert!(why.contains("--partial") && why.contains("-n"), "{why}");
    let (list, said) = answered(&without, &["list", "--partial"]);
    assert!(list.contains("all workloads (3)"), "{list}");
    assert!(said.contains("networkpolicies.networking.k8s.io"), "{said}");
    assert!(said.contains("can change this answer"), "{said}");
    let policies = may("networking.k8s.io", &["networkpolicies"]);
    let most = account(cluster, client, "most", json!([may("", &["pods"]), policies]));
    let (_, said) = answered(&most.await, &["list"]);
    for unread in ["namespaces", "nodes", "services", "deployments.apps"] {
        assert!(said.contains(unread), "{unread}: {said}");
    }
    let none = account(cluster, client, "none", json!([])).await;
    assert!(refused(&none, &["list"]).contains("cannot list"));
}

async fn rights_in_one_namespace_are_enough_for_it(cluster: &Cluster, client: &Client) {
    create_service_account(client, "shop", "dev").await.unwrap();
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": {"name": "dev"}, "rules": [{"apiGroups": ["*"], "resources": ["*"],
            "verbs": ["list"]}]});
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": "dev"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "dev"},
        "subjects": [{"kind": "ServiceAccount", "name": "dev", "namespace": "shop"}]});
    for (what, object) in [("roles", role), ("rolebindings", binding)] {
        let path = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/shop/{what}");
        let answer = send(client, &path, Body::Json(&object.to_string())).await.unwrap();
        assert_eq!(answer.status, 201, "{:?}", answer.body);
    }
    let token = token(client, ("shop", "dev"), 3_600).await.unwrap();
    let file = cluster.kubeconfig("dev", &token).unwrap();
    assert!(refused(&file, &["list"]).contains("name a namespace with -n"));
    let flow = ["eval", "-n", "shop", "--from", "web", "--to", "db", "--port", "5432"];
    let (verdict, said) = answered(&file, &flow);
    assert!(verdict.contains("allowed"), "{verdict}");
    assert!(said.contains("pods of other namespaces"), "{said}");
}

async fn credentials_are_those_of_the_kubeconfig(cluster: &Cluster, client: &Client) {
    let everything = json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["list"]}]);
    account(cluster, client, "plugin", everything).await;
    let token = token(client, ("other", "plugin"), 3_600).await.unwrap();
    let program = cluster.folder().join("credentials.sh");
    let answer = json!({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
        "status": {"token": token}});
    fs::write(&program, format!("#!/bin/sh\ncat <<'END'\n{answer}\nEND\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let known = fs::read_to_string(cluster.admin_kubeconfig().unwrap()).unwrap();
    let user = format!(
        "{{exec: {{apiVersion: client.authentication.k8s.io/v1, command: '{}', \
         interactiveMode: Never}}}}\n",
        program.display()
    );
    let (head, rest) = known.split_once("user: ").unwrap();
    let (_, tail) = rest.split_once('\n').unwrap();
    let file = cluster.folder().join("exec.kubeconfig");
    fs::write(&file, format!("{head}user: {user}{tail}")).unwrap();
    let (list, _) = answered(&file, &["list", "--context", "test"]);
    assert!(list.contains("shop/db"), "{list}");
    let why = refused(&file, &["list", "--context", "tset"]);
    assert!(why.contains("has no context `tset`; it has test"), "{why}");
    let stranger = cluster.kubeconfig("stranger", "nobody").unwrap();
    assert!(refused(&stranger, &["list"]).contains("does not accept the credentials"));
    fs::write(&program, "#!/bin/sh\necho not signed in >&2\nexit 1\n").unwrap();
    assert!(refused(&file, &["list"]).contains("credentials.sh"), "{}", refused(&file, &["list"]));
}

fn a_server_that_is_away_is_not_waited_for_for_ever(cluster: &mut Cluster) {
    let wire = Proxy::to(cluster.socket()).unwrap();
    let file = cluster.admin_kubeconfig().unwrap();
    let token = fs::read_to_string(&file).unwrap();
    let through = cluster.folder().join("wire.kubeconfig");
    fs::write(&through, token.replace(&cluster.url(), &wire.url())).unwrap();
    answered(&through, &["list"]);
    wire.trickle(Duration::from_millis(300));
    let start = Instant::now();
    let why = refused(&through, &["list", "--request-seconds", "1"]);
    assert!(why.contains("--request-seconds") || why.contains("cannot reach"), "{why}");
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
    cluster.stop_api_server();
    assert!(refused(&file, &["list"]).contains("cannot reach the API server"));
}

/// The command while it follows the cluster; it ends with the test.
struct Following {
    child: Child,
    lines: Receiver<String>,
}

impl Following {
    fn start(kubeconfig: &Path, args: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command.args(args).arg("--watch").arg("--kubeconfig").arg(kubeconfig);
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let (to, lines) = mpsc::channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            out.lines().map_while(Result::ok).for_each(|line| drop(to.send(line)));
        });
        Self { child, lines }
    }

    /// Waits for a line with all of some words.
    fn wait_for(&self, words: &[&str]) {
        let end = Instant::now() + Duration::from_secs(60);
        let mut seen = Vec::new();
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("no line with {words:?} in {seen:#?}");
            };
            if words.iter().all(|word| line.contains(word)) {
                return;
            }
            seen.push(line);
        }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn changes_are_printed_as_they_come(cluster: &mut Cluster, client: &Client) {
    let file = cluster.admin_kubeconfig().unwrap();
    let list = Following::start(&file, &["list"]);
    let flow = ["eval", "--from", "other/batch", "--to", "shop/db", "--port", "5432"];
    let eval = Following::start(&file, &flow);
    list.wait_for(&["shop/web", "shop/db"]);
    eval.wait_for(&["denied"]);
    let policies = Api::<NetworkPolicy>::namespaced(client.clone(), "shop");
    policies.delete("db", &DeleteParams::default()).await.unwrap();
    list.wait_for(&["other/batch", "shop/db"]);
    eval.wait_for(&["allowed"]);
    // What changes while nobody is there to tell it is found afterwards.
    cluster.restart_api_server().await.unwrap();
    create_policy(&cluster.admin().unwrap(), DB).await.unwrap();
    list.wait_for(&["other/batch", "shop/db"]);
    eval.wait_for(&["denied"]);
}

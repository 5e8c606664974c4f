//! Servers that are busy, old, interrupted, or wrong.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::fake::{Answer, Fake, discovery, list, pod};
use crate::{answered, refused};

pub const PODS: &str = "/api/v1/pods?limit=500&fieldSelector=status.phase%21%3DSucceeded%2C\
    status.phase%21%3DFailed";
pub const NAMESPACES: &str = "/api/v1/namespaces?limit=500";
const POLICIES: &str = "/apis/networking.k8s.io/v1/networkpolicies?limit=500";

pub fn namespace() -> Value {
    json!({"metadata": {"name": "shop", "labels": {"kubernetes.io/metadata.name": "shop"}}})
}

/// The lists of a small cluster, but for what a test answers itself.
pub fn small(path: &str) -> Option<Answer> {
    let answer = match path {
        PODS => list(&[pod("web", "10.1.0.1"), pod("db", "10.1.0.2")], ""),
        NAMESPACES => list(&[namespace()], ""),
        path if path.contains("?limit") => list(&[], ""),
        other => return discovery(other),
    };
    Some(answer)
}

#[test]
fn a_busy_server_is_asked_again() {
    let fake = Fake::start(|path, at| match (path, at) {
        (PODS, 0) => Some(Answer {
            headers: vec![("Retry-After", "1".into())],
            ..Answer::refusal(429, "too many requests")
        }),
        (POLICIES, 0) => Some(Answer::refusal(503, "not now")),
        // The connection breaks.
        (NAMESPACES, 0) => None,
        (path, _) => small(path),
    });
    let (list, _) = answered(&fake.kubeconfig, &["list"]);
    assert!(list.contains("shop/"), "{list}");
    assert_eq!([PODS, POLICIES, NAMESPACES].map(|path| fake.count(path)), [2, 2, 2]);
}

#[test]
fn a_server_that_stays_busy_is_given_up() {
    let fake = Fake::start(|path, _| match path {
        POLICIES => Some(Answer::refusal(500, "etcd is gone")),
        path => small(path),
    });
    let why = refused(&fake.kubeconfig, &["list"]);
    assert!(why.contains("cannot list networkpolicies.networking.k8s.io"), "{why}");
    assert!(why.contains("500: etcd is gone"), "{why}");
    assert_eq!(fake.count(POLICIES), 5);
}

#[test]
fn lists_come_in_pages_and_begin_again_where_they_expire() {
    let next = format!("{PODS}&continue=a%2Fb");
    let fake = Fake::start(move |path, at| match (path, at) {
        (PODS, _) => Some(list(&[pod("web", "10.1.0.1")], "a/b")),
        (path, 0) if path == next => Some(Answer::refusal(410, "the continue token is too old")),
        (path, _) if path == next => Some(list(&[pod("db", "10.1.0.2")], "")),
        (path, _) => small(path),
    });
    let (list, _) = answered(&fake.kubeconfig, &["list", "-o", "json"]);
    let list: Value = serde_json::from_str(&list).unwrap();
    assert_eq!(list["summary"]["pods"], 2);
    assert_eq!(fake.count(PODS), 2);
}

#[test]
fn what_is_not_judged_is_named_and_only_its_names_are_read() {
    let cilium = json!({"metadata": {"name": "c", "namespace": "shop"}, "spec": {"secret": 1}});
    let fake = Fake::start(move |path, _| match path {
        path if path.contains("ciliumnetworkpolicies") => {
            Some(list(std::slice::from_ref(&cilium), ""))
        }
        path => small(path),
    });
    let (_, said) = answered(&fake.kubeconfig, &["list"]);
    assert!(said.contains("CiliumNetworkPolicy"), "{said}");
}

#[test]
fn a_stored_policy_that_is_not_understood_closes() {
    let odd = json!({"metadata": {"name": "odd", "namespace": "shop"},
        "spec": {"podSelector": {}, "later": 1, "ingress": [{}]}});
    let fake = Fake::start(move |path, _| match path {
        POLICIES => Some(list(std::slice::from_ref(&odd), "")),
        path => small(path),
    });
    let flow = ["eval", "--from", "web", "--to", "db", "--port", "80"];
    let (verdict, said) = answered(&fake.kubeconfig, &flow);
    assert!(verdict.contains("denied"), "{verdict}{said}");
}

#[test]
fn servers_that_say_one_version_at_a_time_are_asked_so() {
    let fake = Fake::start(|path, _| {
        let resources =
            |all: Value| Some(Answer::ok(json!({"kind": "APIResourceList", "resources": all})));
        match path {
            "/api" => Some(Answer::ok(json!({"kind": "APIVersions", "versions": ["v1"]}))),
            "/apis" => Some(Answer::ok(json!({"kind": "APIGroupList", "groups": [
                {"name": "networking.k8s.io", "versions": [{"version": "v1"}]},
                {"name": "away.example", "versions": [{"version": "v1"}]}]}))),
            "/api/v1" => resources(json!([
                {"name": "pods", "kind": "Pod", "namespaced": true, "verbs": ["list"]},
                {"name": "pods/log", "kind": "Pod", "namespaced": true, "verbs": ["list"]},
                {"name": "namespaces", "kind": "Namespace", "namespaced": false, "verbs": ["list"]}])),
            "/apis/networking.k8s.io/v1" => resources(json!([
                {"name": "networkpolicies", "kind": "NetworkPolicy", "namespaced": true,
                    "verbs": ["list"]}])),
            "/apis/away.example/v1" => Some(Answer::refusal(503, "no endpoints")),
            path => small(path),
        }
    });
    let (list, said) = answered(&fake.kubeconfig, &["list", "--partial"]);
    assert!(list.contains("shop/"), "{list}");
    assert!(said.contains("the server of away.example is away"), "{said}");
    assert_eq!(fake.count(POLICIES), 1);
}

#[test]
fn answers_that_make_no_sense_are_refused() {
    for body in [json!("text"), json!({"items": 7}), json!(null), json!([])] {
        let told = body.clone();
        let fake = Fake::start(move |path, _| match path {
            POLICIES => Some(Answer::ok(told.clone())),
            path => small(path),
        });
        let why = refused(&fake.kubeconfig, &["list"]);
        assert!(why.contains("networkpolicies"), "{body}: {why}");
    }
    let fake = Fake::start(|_, _| Some(Answer::ok(json!({}))));
    assert!(!refused(&fake.kubeconfig, &["list"]).is_empty());
}

#[test]
fn names_of_a_server_do_not_reach_the_terminal() {
    let fake = Fake::start(|path, _| match path {
        POLICIES => Some(Answer::refusal(403, "no \u{1b}[31mrights\u{1b}[0m")),
        path => small(path),
    });
    assert!(!refused(&fake.kubeconfig, &["list"]).contains('\u{1b}'));
}

#[test]
fn kubeconfigs_that_lead_nowhere_say_why() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kubeconfig");
    let why = |text: &str| {
        fs::write(&file, text).unwrap();
        refused(&file, &["list"])
    };
    assert!(refused(&folder.path().join("none"), &["list"]).contains("no such file"));
    assert!(why("a: [").contains("cannot read the kubeconfig"));
    assert!(why("").contains("has no context"));
    let text = "clusters: [{name: a, cluster: {server: 'http://127.0.0.1:1'}}]\n\
        users: [{name: a, user: {}}]\ncontexts: [{name: b, context: {cluster: a, user: a}}]\n";
    assert!(why(text).contains("choose one with --context: b"));
    let start = Instant::now();
    let why = why(&format!("{text}current-context: b\n"));
    assert!(why.contains("cannot reach the API server at http://127.0.0.1:1: "), "{why}");
    assert!(
        why.to_lowercase().contains("connection refused") && !why.contains("os error"),
        "{why}"
    );
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "it is not tried again: {:?}",
        start.elapsed()
    );
}

/// A kind that the server says it has and does not find may be one that it does not know yet.
#[test]
fn a_list_that_is_not_found_is_no_empty_one() {
    let fake = Fake::start(|path, _| match path {
        POLICIES => Some(Answer::refusal(404, "the server could not find the requested resource")),
        path => small(path),
    });
    let why = refused(&fake.kubeconfig, &["list"]);
    assert!(why.contains("cannot list networkpolicies.networking.k8s.io"), "{why}");
}

#[test]
fn a_server_that_is_not_ready_is_waited_for() {
    let fake = Fake::start(|path, at| match (path, at) {
        ("/readyz", 0) => Some(Answer::refusal(500, "etcd failed")),
        ("/readyz", _) => Some(Answer::ok(Value::String("ok".into()))),
        (path, _) => small(path),
    });
    answered(&fake.kubeconfig, &["list"]);
    assert_eq!(fake.count("/readyz"), 2);
    let never = Fake::start(|path, _| match path {
        "/readyz" => Some(Answer::refusal(500, "etcd failed")),
        path => small(path),
    });
    let why = refused(&never.kubeconfig, &["list"]);
    assert!(why.contains("500: it is not ready"), "{why}");
}

#[test]
fn a_server_that_has_no_policies_is_none() {
    let fake = Fake::start(|path, _| match path {
        "/apis" => Some(Answer::ok(json!({}))),
        path => small(path),
    });
    let why = refused(&fake.kubeconfig, &["list"]);
    assert!(why.contains("does not say that it has the kind NetworkPolicy"), "{why}");
    answered(&fake.kubeconfig, &["list", "--partial"]);
}

#[test]
fn a_part_of_the_api_that_is_away_may_have_policies() {
    let fake = Fake::start(|path, _| match path {
        "/apis" => {
            let mut known = discovery("/apis")?;
            known.body["items"].as_array_mut()?.push(json!({
                "metadata": {"name": "projectcalico.org"},
                "versions": [{"version": "v3", "freshness": "Stale", "resources": []}]}));
            Some(known)
        }
        path => small(path),
    });
    let why = refused(&fake.kubeconfig, &["list"]);
    assert!(why.contains("the server of projectcalico.org is away"), "{why}");
    let (_, said) = answered(&fake.kubeconfig, &["list", "--partial", "-q"]);
    assert!(said.contains("projectcalico.org"), "{said}");
}

#[test]
fn pages_without_end_are_refused() {
    let fake = Fake::start(|path, _| match path {
        path if path.starts_with(PODS) => Some(list(&[pod("web", "10.1.0.1")], "again")),
        path => small(path),
    });
    let why = refused(&fake.kubeconfig, &["list"]);
    assert!(why.contains("a page that it had before"), "{why}");
    let nameless = Fake::start(|path, _| match path {
        PODS => Some(list(&[json!({"metadata": {}})], "")),
        path => small(path),
    });
    let why = refused(&nameless.kubeconfig, &["list"]);
    assert!(why.contains("an object of the list has no name"), "{why}");
}

/// What credentials are is never shown, whatever is wrong with them.
#[test]
fn credentials_that_do_not_work_are_not_shown() {
    let fake = Fake::start(|path, _| small(path));
    let text = fs::read_to_string(&fake.kubeconfig).unwrap();
    let with = |user: &str| {
        fs::write(&fake.kubeconfig, text.replace("user: {}", &format!("user: {user}"))).unwrap();
        refused(&fake.kubeconfig, &["list"])
    };
    let exec = |command: &str| {
        format!(
            "{{exec: {{apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, \
             command: sh, args: [-c, '{command}'], env: [{{name: KEY, value: SECRET}}]}}}}"
        )
    };
    let failing = with(&exec("echo SECRET; exit 7"));
    assert!(failing.contains("failed: exit status: 7"), "{failing}");
    let broken = with(&exec("echo SECRET"));
    assert!(broken.contains("printed no credentials"), "{broken}");
    let token = with("{token: \"SECRET\\nSECRET\"}");
    assert!(token.contains("a line break"), "{token}");
    for said in [failing, broken, token] {
        assert!(!said.contains("SECRET"), "{said}");
    }
    let file = fake.kubeconfig.with_file_name("token");
    fs::write(&file, "abc\n").unwrap();
    let user = format!("user: {{tokenFile: '{}'}}", file.display());
    fs::write(&fake.kubeconfig, text.replace("user: {}", &user)).unwrap();
    answered(&fake.kubeconfig, &["list"]);
    fs::write(&fake.kubeconfig, text.replace("user: fake,", "user: nobody,")).unwrap();
    let why = refused(&fake.kubeconfig, &["list"]);
    assert!(why.contains("no user `nobody`"), "{why}");
}

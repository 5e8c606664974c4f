//! Lists that come as streams, and servers that have none.

use serde_json::{Value, json};

use crate::answered;
use crate::fake::{Answer, Fake, pod, stream};
use crate::nasty::{NAMESPACES, PODS, small};

fn event(sort: &str, object: &Value) -> Value {
    json!({"type": sort, "object": object})
}

fn end() -> Value {
    event(
        "BOOKMARK",
        &json!({"metadata": {"resourceVersion": "9",
            "annotations": {"k8s.io/initial-events-end": "true"}}}),
    )
}

fn is_stream(path: &str) -> bool {
    path.contains("sendInitialEvents=true&resourceVersionMatch=NotOlderThan")
}

fn version(minor: &str) -> Option<Answer> {
    Some(Answer::ok(json!({"major": "1", "minor": minor})))
}

/// Streams of a small cluster; `pods` answers for its pods.
fn streaming(
    path: &str,
    pods: impl Fn() -> Option<Answer>,
    others: impl Fn() -> Option<Answer>,
) -> Option<Answer> {
    match path {
        "/version" => version("34+"),
        path if is_stream(path) && path.starts_with("/api/v1/pods") => pods(),
        path if is_stream(path) => others(),
        path => small(path),
    }
}

fn pods_of(fake: &Fake) -> u64 {
    let (list, _) = answered(&fake.kubeconfig, &["list", "-o", "json"]);
    let list: Value = serde_json::from_str(&list).unwrap();
    list["summary"]["pods"].as_u64().unwrap()
}

#[test]
fn streams_are_read_to_their_end_and_no_pages_are() {
    let fake = Fake::start(|path, _| {
        let pods = || {
            let changed = pod("web", "10.1.0.9");
            Some(stream(&[
                event("ADDED", &pod("web", "10.1.0.1")),
                event("ADDED", &pod("db", "10.1.0.2")),
                event("ADDED", &pod("gone", "10.1.0.3")),
                event("MODIFIED", &changed),
                event("BOOKMARK", &json!({"metadata": {"resourceVersion": "8"}})),
                event("DELETED", &pod("gone", "10.1.0.3")),
                end(),
            ]))
        };
        streaming(path, pods, || Some(stream(&[end()])))
    });
    assert_eq!(pods_of(&fake), 2);
    assert_eq!([PODS, NAMESPACES].map(|path| fake.count(path)), [0, 0]);
}

#[test]
fn a_stream_that_breaks_off_is_read_in_pages() {
    let fake = Fake::start(|path, _| {
        let pods = || Some(stream(&[event("ADDED", &pod("other", "10.1.0.7"))]));
        streaming(path, pods, || Some(stream(&[end()])))
    });
    assert_eq!(pods_of(&fake), 2);
    assert_eq!(fake.count(PODS), 1);
}

#[test]
fn who_may_not_watch_reads_pages() {
    let fake = Fake::start(|path, _| {
        let refused = || Some(Answer::refusal(403, "cannot watch"));
        streaming(path, refused, refused)
    });
    assert_eq!(pods_of(&fake), 2);
}

#[test]
fn a_server_without_streams_is_asked_for_none_or_says_so() {
    let refused = || Some(Answer::refusal(422, "sendInitialEvents: Forbidden"));
    let fake = Fake::start(move |path, _| streaming(path, refused, refused));
    assert_eq!(pods_of(&fake), 2);
    let old = Fake::start(|path, _| match path {
        "/version" => version("26"),
        path => small(path),
    });
    assert_eq!(pods_of(&old), 2);
    assert!(old.asked.lock().unwrap().keys().all(|path| !is_stream(path)));
}

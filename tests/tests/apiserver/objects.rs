//! What a real API server said about Pods, workloads, Services, Namespaces and Nodes.

use std::collections::BTreeSet;

use portcullis_engine::diagnostic::{Code, Severity};
use portcullis_engine::manifest::{Document, read_document};
use portcullis_tests::apiserver::{ObjectAnswer, ObjectObservation};
use portcullis_tests::cases::root;

use super::engine::texts;

/// Parts of a manifest that stand in it in this order, and why the engine may differ.
const DIFFERENCES: &[(&[&str], &str)] = &[
    (&["kind: Service\nmetadata: {name: \"1\"}"], RELAXED),
    (&["kind: Service\nmetadata: {name: 1t}"], RELAXED),
    (&["{containers: []"], MISSING),
    (&["containers: null"], MISSING),
    (&["containers: [null]"], MISSING),
    (&["containers: [{}]"], MISSING),
    (&["containers: [{name: c}]"], MISSING),
    (&["containers: [{image: x}]"], MISSING),
    (&["template: {metadata: {labels: {a: b}}}}"], MISSING),
    (&["kind: Pod\nmetadata: {name: t}\n$"], MISSING),
    (&["kind: DaemonSet", " replica"], NO_REPLICAS),
    (&["kind: DaemonSet", " Replicas"], NO_REPLICAS),
    (&["unknown: 1, "], LATER),
    (&[" unknown: 1}"], LATER),
    (&["{unknown: 1}"], LATER),
    (&["kind: ReplicaSet", "revisionHistoryLimit"], LATER),
    (&["kind: ReplicationController", "revisionHistoryLimit"], LATER),
];

const MISSING: &str = "what is missing and decides nothing is not asked for: containers, their \
    names and images";
const RELAXED: &str = "servers from 1.35 on let the name of a Service begin with a digit";
const NO_REPLICAS: &str = "a DaemonSet has none, and it decides nothing that they are dropped";
const LATER: &str = "a key that is like none that decides something may be one of a later release";

fn observations() -> Vec<ObjectObservation> {
    let path = root().join("tests/fixtures/objects.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn reason(text: &str) -> Option<&'static str> {
    let mut known = DIFFERENCES.iter().filter(|(parts, _)| has(text, parts));
    known.next().map(|(_, why)| *why)
}

/// Whether parts stand in a text in this order; `$` is its end.
fn has(text: &str, parts: &[&str]) -> bool {
    let text = format!("{text}$");
    let mut rest = text.as_str();
    parts.iter().all(|part| match rest.split_once(part) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}

#[test]
fn the_engine_takes_what_the_server_takes() {
    let observations = observations();
    let (mut failures, mut differences) = (Vec::new(), 0);
    for one in &observations {
        match (agrees(one), reason(&one.text)) {
            (Ok(()), None) => {}
            (Err(_), Some(_)) => differences += 1,
            (Ok(()), Some(why)) => failures.push(format!("agrees, although {why}: {one:?}")),
            (Err(why), None) => failures.push(format!("{}: {}{why}\n", one.case, one.text)),
        }
    }
    println!("{} manifests, {differences} differ on purpose", observations.len());
    assert!(failures.is_empty(), "{} differ\n{}", failures.len(), failures.join("\n"));
    let is_stale =
        |(parts, _): &&(&[&str], &str)| !observations.iter().any(|one| has(&one.text, parts));
    assert_eq!(DIFFERENCES.iter().find(is_stale), None);
}

/// Every kind of answer is there often, so that the test above says something.
#[test]
fn the_fixture_has_every_answer() {
    let observations = observations();
    let count =
        |of: fn(&ObjectAnswer) -> bool| observations.iter().filter(|one| of(&one.answer)).count();
    assert!(count(|one| matches!(one, ObjectAnswer::Stored(unknown) if unknown.is_empty())) > 250);
    assert!(count(|one| matches!(one, ObjectAnswer::Stored(unknown) if !unknown.is_empty())) > 80);
    assert!(count(|one| matches!(one, ObjectAnswer::Invalid(_))) > 300);
    assert!(count(|one| matches!(one, ObjectAnswer::Undecodable)) > 100);
}

fn agrees(one: &ObjectObservation) -> Result<(), String> {
    let document = read_document(&one.text);
    match &one.answer {
        ObjectAnswer::Stored(unknown) => stored(&document, unknown),
        ObjectAnswer::Invalid(fields) => refused(&document, Some(fields)),
        ObjectAnswer::Undecodable => refused(&document, None),
    }
}

fn stored(document: &Document, unknown: &[String]) -> Result<(), String> {
    let found: BTreeSet<&str> = document
        .findings
        .iter()
        .filter(|finding| finding.severity() == Severity::Error)
        .map(|finding| match finding.code {
            Code::UnknownField => finding.path.as_deref().unwrap_or_default(),
            _ => "another error",
        })
        .collect();
    let unknown: BTreeSet<&str> = unknown.iter().map(String::as_str).collect();
    match document.objects.len() == 1 && found == unknown {
        true => Ok(()),
        false => Err(format!("  server: stored but {unknown:?}\n  engine: {:?}", texts(document))),
    }
}

/// Left out, with an error at one of the fields that the server names.
fn refused(document: &Document, fields: Option<&[String]>) -> Result<(), String> {
    let paths = document.findings.iter().filter(|one| one.severity() == Severity::Error);
    let mut paths = paths.filter_map(|finding| finding.path.as_deref());
    let names = |path: &str, field: &str| {
        let field = as_engine(field);
        is_within(path, &field) || is_within(&field, path) || are_one(path, &field)
    };
    let at_field = match fields {
        None => paths.next().is_some(),
        Some(fields) => paths.any(|path| fields.iter().any(|field| names(path, field))),
    };
    match document.objects.is_empty() && at_field {
        true => Ok(()),
        false => Err(format!("  server: refused at {fields:?}\n  engine: {:?}", texts(document))),
    }
}

/// Whether a path is a field's, or that of something in it.
fn is_within(path: &str, field: &str) -> bool {
    let rest = path.strip_prefix(field);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// The server leaves `metadata` out of some paths.
fn as_engine(field: &str) -> String {
    let field = field.replace(".template.labels", ".template.metadata.labels");
    field.replace(".template.annotations", ".template.metadata.annotations")
}

/// Whether a fault of both fields together is at either: a selector that does not select the
/// template's labels, the name of a Job of which its labels are made, and a field of which the
/// server itself makes a list.
fn are_one(path: &str, field: &str) -> bool {
    let pairs = [
        ("spec.selector", "spec.template.metadata.labels"),
        ("metadata.name", "metadata.labels"),
        ("spec.clusterIP", "spec.clusterIPs"),
        ("spec.clusterIP", "spec.clusterIPs[0]"),
        ("spec.podCIDR", "spec.podCIDRs[0]"),
    ];
    pairs.contains(&(path, field))
}

//! The same for ClusterNetworkPolicy, by the definitions of both channels.

use std::collections::BTreeSet;

use portcullis_engine::diagnostic::{Code, Diagnostic, Severity};
use portcullis_engine::manifest::{Body, ClusterPolicy, Document, PeerKind, Rule, read_document};
use portcullis_tests::apiserver::{ClusterAnswer, ClusterObservation};
use portcullis_tests::cases::root;
use serde_json::{Value, json};

use super::engine::{requirements, same, texts};

/// Where the engine differs on purpose: a part of the manifest, and the reason.
const DIFFERENCES: &[(&str, &str)] = &[(
    "protocols: [{tcp: {}}]",
    "the API's overview says that it is all ports of the protocol: read so, with a warning",
)];

fn fixture() -> Vec<ClusterObservation> {
    let path = root().join("tests/fixtures/clusternetworkpolicy.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn the_engine_agrees_with_the_server_about_cluster_policies() {
    let observations = fixture();
    let (mut failures, mut differences) = (Vec::new(), 0);
    for one in &observations {
        let reason = DIFFERENCES.iter().find(|(part, _)| one.text.contains(part));
        match (agrees(one), reason) {
            (Ok(()), None) => {}
            (Err(_), Some(_)) => differences += 1,
            (Ok(()), Some((_, why))) => failures.push(format!("agrees, although {why}: {one:?}")),
            (Err(why), None) => failures.push(format!("{}: {}: {why}", one.case, one.text)),
        }
    }
    println!("{} manifests, {differences} differ on purpose", observations.len());
    assert!(failures.is_empty(), "{} differ\n{}", failures.len(), failures.join("\n"));
    let seen = |part: &str| observations.iter().any(|one| one.text.contains(part));
    let stale: Vec<_> = DIFFERENCES.iter().filter(|(part, _)| !seen(part)).collect();
    assert!(stale.is_empty(), "{stale:?}");
}

/// Every kind of answer is there often, so that the test above says something.
#[test]
fn the_fixture_of_cluster_policies_has_every_answer() {
    let observations = fixture();
    let count =
        |of: fn(&ClusterObservation) -> bool| observations.iter().filter(|one| of(one)).count();
    assert!(count(|one| matches!(one.experimental, ClusterAnswer::Stored { .. })) > 100);
    assert!(count(|one| matches!(one.experimental, ClusterAnswer::Invalid(_))) > 200);
    assert!(count(|one| one.standard.is_some()) > 20);
}

/// What one channel takes and the other does not has an experimental field.
#[test]
fn the_channels_differ_only_where_the_engine_says_so() {
    let differ = fixture().into_iter().filter(|one| one.standard.is_some());
    let silent = differ.filter(|one| {
        let document = read_document(&one.text);
        let kept = !document.objects.is_empty();
        let says = |code| document.findings.iter().any(|finding| finding.code == code);
        // Of a field that is refused as it stands it does not matter which channel has it.
        kept && !says(Code::ExperimentalField)
    });
    let silent: Vec<String> = silent.map(|one| one.text).collect();
    assert!(silent.is_empty(), "{silent:?}");
}

fn agrees(observation: &ClusterObservation) -> Result<(), String> {
    let document = read_document(&observation.text);
    match &observation.experimental {
        ClusterAnswer::Stored { spec, warnings } => stored(&document, spec, warnings),
        ClusterAnswer::Invalid(faults) => invalid(&document, faults),
        ClusterAnswer::Undecodable(why) => undecodable(&document, why),
    }
}

/// It is kept, for what the server keeps of it, and what is dropped is reported.
fn stored(document: &Document, spec: &Value, warnings: &[String]) -> Result<(), String> {
    let kept = json!({
        "apiVersion": "policy.networking.k8s.io/v1beta1",
        "kind": "ClusterNetworkPolicy",
        "metadata": {"name": "t"},
        "spec": spec,
    });
    same(policy(&read_document(&kept.to_string()))?, policy(document)?)?;
    let dropped = [Code::UnknownField, Code::DuplicateKey];
    let found = document.findings.iter().filter(|finding| dropped.contains(&finding.code));
    let found = found.map(|finding| match finding.code {
        Code::UnknownField => {
            format!("unknown field \"{}\"", finding.path.as_deref().unwrap_or_default())
        }
        _ => finding.message.split('`').nth(1).unwrap_or_default().to_owned(),
    });
    let warnings = warnings.iter().map(|text| match text.strip_suffix(" already set in map") {
        // `line 4: key "tier"`
        Some(key) => key.split('"').nth(1).unwrap_or_default().to_owned(),
        None => text.clone(),
    });
    same(warnings.collect::<BTreeSet<_>>(), found.collect())
}

/// The policy without positions.
fn policy(document: &Document) -> Result<String, String> {
    let [object] = document.objects.as_slice() else {
        return Err(format!("refused: {:?}", texts(document)));
    };
    let Body::ClusterPolicy(policy) = &object.body else {
        return Err("not a cluster policy".into());
    };
    let ClusterPolicy { tier, priority, subject, ingress, egress, .. } = policy;
    let rules = |rules: &[Rule]| rules.iter().map(rule).collect::<Vec<_>>();
    let (namespaces, pods) = (requirements(&subject.namespaces), requirements(&subject.pods));
    let (ingress, egress) = (rules(ingress), rules(egress));
    Ok(format!("{tier:?} {priority} {namespaces:?} {pods:?}\n  {ingress:?}\n  {egress:?}"))
}

fn rule(rule: &Rule) -> String {
    let peers = rule.peers.iter().map(|peer| match &peer.kind {
        PeerKind::Pods { namespaces, pods } => {
            let selector = |one: &Option<_>| one.as_ref().map(requirements).unwrap_or_default();
            format!("{:?} {:?}", selector(namespaces), selector(pods))
        }
        PeerKind::Nodes(selector) => format!("nodes {:?}", requirements(selector)),
        other => format!("{other:?}"),
    });
    let peers: Vec<String> = peers.collect();
    let ports: Vec<_> = rule.ports.iter().map(|port| (port.item, port.text())).collect();
    let Rule { name, action, fails_closed, .. } = rule;
    format!("{name:?} {action:?} {fails_closed} {peers:?} {ports:?}")
}

/// It is refused, for the fields that the server names. Once something is wrong with its form, the
/// server evaluates no expressions, and says so under `<nil>`.
fn invalid(document: &Document, faults: &[(String, String)]) -> Result<(), String> {
    if !document.objects.is_empty() {
        return Err(format!("not refused for {faults:?}: {:?}", texts(document)));
    }
    let unchecked = faults.iter().any(|(path, _)| path == "<nil>");
    let expected = faults.iter().map(|(path, _)| path.clone()).filter(|path| path != "<nil>");
    let expected: BTreeSet<String> = expected.collect();
    let kept = [Code::UnknownField, Code::DuplicateKey];
    let expressions =
        [Code::CidrInvalid, Code::CidrHostBits, Code::PortRangeOrder, Code::NamedPortWithAddresses];
    let errors = document
        .findings
        .iter()
        .filter(|finding| finding.severity() == Severity::Error && !kept.contains(&finding.code));
    let errors = errors.filter(|finding| {
        !unchecked || !expressions.contains(&finding.code) || expected.contains(&field(finding))
    });
    same(expected.clone(), errors.map(field).collect())
}

/// The server writes a label's key after a dot.
fn field(finding: &Diagnostic) -> String {
    let path = finding.path.clone().unwrap_or_default();
    match path.split_once("matchLabels[") {
        Some((before, key)) => format!("{before}matchLabels.{}", key.trim_end_matches(']')),
        None => path,
    }
}

fn undecodable(document: &Document, why: &str) -> Result<(), String> {
    let error = document.findings.iter().any(|finding| finding.severity() == Severity::Error);
    if document.objects.is_empty() && error {
        return Ok(());
    }
    Err(format!("not refused for {why}: {:?}", texts(document)))
}

//! What a real API server said about 115 policies, and what the engine says about them.
//!
//! `tests/fixtures/apiserver.json` holds the observations in our own short form. Where the raw
//! answers are at hand, they are shortened again and must give the same.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "test code: a fixture of another shape should stop the test where it is read"
)]

use std::collections::BTreeSet;
use std::path::PathBuf;

use portcullis_engine::diagnostic::{Code, Diagnostic, Severity};
use portcullis_engine::manifest::{
    Body, Document, NetworkPolicy, PeerKind, PortEntry, PortMatch, Rule,
};
use portcullis_engine::selector::Selector;
use portcullis_tests::cases::root;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One policy and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Observation {
    /// What the policy tries.
    case: String,
    /// The YAML text after `spec: `.
    spec: String,
    /// Whether unknown fields and duplicate keys were to be refused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    strict: bool,
    outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    /// Stored, perhaps with a warning.
    Stored(Box<Stored>),
    /// Not decoded: the field without indices, where the server names one.
    Undecodable(Option<String>),
    /// Decoded and found invalid: paths and reasons, sorted.
    Invalid(BTreeSet<(String, Reason)>),
}

/// A policy as stored, with defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    types: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    subject: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ingress: Vec<StoredRule>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    egress: Vec<StoredRule>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    warning: Option<Warning>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredRule {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ports: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    peers: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Warning {
    /// An unknown field, by path.
    Unknown(String),
    /// A key that was set before.
    Duplicate(String),
    /// A CIDR of another form than the usual: its path, and the form to use.
    Cidr(String, String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Reason {
    Invalid,
    Required,
    Forbidden,
    Unsupported,
}

fn fixture_path() -> PathBuf {
    root().join("tests/fixtures/apiserver.json")
}

fn fixture() -> Vec<Observation> {
    let text = std::fs::read_to_string(fixture_path()).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn the_fixture_is_what_the_server_said() {
    let raw = root().join("../shared/data/apiserver/networkpolicy-1.34.4.json");
    let Ok(text) = std::fs::read_to_string(&raw) else {
        println!("skipped: the server's own answers are not at hand");
        return;
    };
    let raw: Vec<Value> = serde_json::from_str(&text).unwrap();
    let found: Vec<Observation> = raw.iter().map(shorten).collect();
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        let lines: Vec<String> =
            found.iter().map(|one| serde_json::to_string(one).unwrap()).collect();
        std::fs::write(fixture_path(), format!("[\n{}\n]\n", lines.join(",\n"))).unwrap();
    }
    assert_eq!(found.len(), 115);
    assert_eq!(found, fixture());
}

#[test]
fn the_engine_agrees_with_the_server() {
    let observations = fixture();
    let failures: Vec<String> = observations
        .iter()
        .filter_map(|observation| Some((observation, agrees(observation).err()?)))
        .map(|(observation, why)| format!("{}: {}: {why}", observation.case, observation.spec))
        .collect();
    println!("{} policies, {} differ", observations.len(), failures.len());
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

/// Every kind of outcome is there, so that the test above says something.
#[test]
fn the_fixture_has_every_outcome() {
    let observations = fixture();
    let count = |of: fn(&Outcome) -> bool| {
        let outcomes = observations.iter().map(|one| &one.outcome);
        outcomes.filter(|outcome| of(outcome)).count()
    };
    let counts = [
        count(|outcome| matches!(outcome, Outcome::Stored(_))),
        count(|outcome| matches!(outcome, Outcome::Undecodable(_))),
        count(|outcome| matches!(outcome, Outcome::Invalid(_))),
    ];
    assert_eq!(counts, [44, 26, 45]);
}

// --- the engine's side

fn agrees(observation: &Observation) -> Result<(), String> {
    let text = format!(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: t}}\nspec: {}\n",
        observation.spec
    );
    let document = portcullis_engine::manifest::read_document(&text);
    match &observation.outcome {
        // What strict validation refuses is an error to the engine, and yet evaluated.
        Outcome::Undecodable(_) if observation.strict => same(
            ("stored with an error", true),
            ("stored with an error", document.objects.len() == 1 && has_error(&document)),
        ),
        Outcome::Stored(stored) => same(&**stored, &stored_by_engine(&document)?),
        Outcome::Undecodable(field) => undecodable(&document, field.as_deref()),
        Outcome::Invalid(faults) => invalid(&document, faults),
    }
}

fn same<T: PartialEq + std::fmt::Debug>(server: T, engine: T) -> Result<(), String> {
    if server == engine {
        return Ok(());
    }
    Err(format!("\n  server {server:?}\n  engine {engine:?}"))
}

fn has_error(document: &Document) -> bool {
    let mut findings = document.findings.iter();
    findings.any(|finding| finding.severity() == Severity::Error)
}

fn texts(document: &Document) -> Vec<String> {
    let text = |finding: &Diagnostic| {
        let path = finding.path.as_deref().unwrap_or_default();
        format!("{} {path} {}", finding.code.id(), finding.message)
    };
    document.findings.iter().map(text).collect()
}

fn stored_by_engine(document: &Document) -> Result<Stored, String> {
    let [object] = document.objects.as_slice() else {
        return Err(format!("refused: {:?}", texts(document)));
    };
    let Body::Policy(policy) = &object.body else {
        return Err("no policy".into());
    };
    let of_note = |finding: &&Diagnostic| finding.severity() >= Severity::Warning;
    let mut findings = document.findings.iter().filter(of_note);
    let warning = findings.next().map(warning_of_engine);
    if findings.next().is_some() {
        return Err(format!("several findings: {:?}", texts(document)));
    }
    Ok(stored_policy(policy, warning))
}

fn stored_policy(policy: &NetworkPolicy, warning: Option<Warning>) -> Stored {
    let types = [(policy.isolates_ingress, "Ingress"), (policy.isolates_egress, "Egress")];
    let types = types.into_iter().filter(|(active, _)| *active);
    let rules = |rules: &[Rule]| rules.iter().map(rule_of_engine).collect();
    Stored {
        types: types.map(|(_, name)| name.to_owned()).collect(),
        subject: requirements(&policy.subject),
        ingress: rules(&policy.ingress),
        egress: rules(&policy.egress),
        warning,
    }
}

fn warning_of_engine(finding: &Diagnostic) -> Warning {
    let path = finding.path.clone().unwrap_or_default();
    // The text between the last backticks of the advice, or the first of the message.
    let quoted = |text: &str, n: usize| text.split('`').nth(n).unwrap_or_default().to_owned();
    match finding.code {
        Code::UnknownField => Warning::Unknown(path),
        Code::DuplicateKey => Warning::Duplicate(quoted(&finding.message, 1)),
        Code::NoncanonicalCidr => {
            let help = finding.help.as_deref().unwrap_or_default();
            Warning::Cidr(path, quoted(help, 1))
        }
        other => Warning::Unknown(format!("{} at {path}", other.id())),
    }
}

fn rule_of_engine(rule: &Rule) -> StoredRule {
    let peers = rule.peers.iter().map(|peer| match &peer.kind {
        PeerKind::Block(block) => block_text(&block.cidr, &block.except),
        PeerKind::Pods { namespaces, pods } => {
            peer_text(namespaces.as_ref().map(requirements), pods.as_ref().map(requirements))
        }
    });
    StoredRule { ports: rule.ports.iter().map(port_of_engine).collect(), peers: peers.collect() }
}

fn port_of_engine(entry: &PortEntry) -> String {
    let protocol = entry.protocol.name();
    match &entry.ports {
        PortMatch::Any => protocol.to_owned(),
        PortMatch::Range(first, last) if first == last => format!("{protocol} {first}"),
        PortMatch::Range(first, last) => format!("{protocol} {first}-{last}"),
        PortMatch::Named(name) => format!("{protocol} {name}"),
    }
}

fn requirements(selector: &Selector) -> Vec<String> {
    let texts = selector.requirements().iter().map(|one| {
        let names = portcullis_engine::selector::Operator::NAMES;
        let operator = names.iter().find(|(_, known)| *known == one.operator);
        requirement_text(&one.key, operator.unwrap().0, &one.values)
    });
    let mut texts: Vec<String> = texts.collect();
    texts.sort();
    texts
}

fn undecodable(document: &Document, field: Option<&str>) -> Result<(), String> {
    if !document.objects.is_empty() || !has_error(document) {
        return Err(format!("not refused: {:?}", texts(document)));
    }
    let Some(field) = field else { return Ok(()) };
    let decoding = [Code::WrongType, Code::NonStringLabel];
    let mut found = document.findings.iter().filter(|finding| decoding.contains(&finding.code));
    let path = |finding: &Diagnostic| without_indices(finding.path.as_deref().unwrap_or_default());
    if found.any(|finding| path(finding) == field) {
        return Ok(());
    }
    Err(format!("not at {field}: {:?}", texts(document)))
}

fn without_indices(path: &str) -> String {
    let parts = path.split('[');
    let after = parts.map(|part| part.split_once(']').map_or(part, |(_, rest)| rest));
    after.collect()
}

fn invalid(document: &Document, faults: &BTreeSet<(String, Reason)>) -> Result<(), String> {
    if !document.objects.is_empty() {
        return Err(format!("not refused: {:?}", texts(document)));
    }
    let found: BTreeSet<String> = document.findings.iter().map(field_of_engine).collect();
    same(faults.iter().map(|(path, _)| path.clone()).collect(), found)?;
    for finding in &document.findings {
        let path = field_of_engine(finding);
        let reasons = faults.iter().filter(|(field, _)| *field == path);
        let possible = reasons_of(finding.code);
        if !reasons.clone().any(|(_, reason)| possible.contains(reason)) {
            let given: Vec<_> = reasons.collect();
            return Err(format!("{given:?} is not {:?}", texts(document)));
        }
    }
    Ok(())
}

/// The server names a mapping of labels, the engine the key in it.
fn field_of_engine(finding: &Diagnostic) -> String {
    let path = finding.path.clone().unwrap_or_default();
    match path.split_once("matchLabels[") {
        Some((before, _)) => format!("{before}matchLabels"),
        None => path,
    }
}

/// The reasons that the server may give where the engine has a code.
fn reasons_of(code: Code) -> &'static [Reason] {
    use Reason::{Forbidden, Invalid, Required, Unsupported};
    match code {
        Code::EnumCase | Code::PolicyTypes => &[Unsupported, Invalid],
        Code::ProtocolUnsupported => &[Unsupported],
        Code::SelectorValues => &[Required, Forbidden],
        Code::EmptyPeer => &[Required],
        Code::BlockWithSelector => &[Forbidden],
        Code::CidrInvalid => &[Required, Invalid],
        Code::PortAsString
        | Code::PortName
        | Code::PortRange
        | Code::EndPort
        | Code::HostName
        | Code::ExceptOutside
        | Code::SelectorOperator
        | Code::LabelKey
        | Code::LabelValue => &[Invalid],
        _ => &[],
    }
}

// --- words that both sides use

fn requirement_text<T: AsRef<str>>(key: &str, operator: &str, values: &[T]) -> String {
    let mut values: Vec<&str> = values.iter().map(AsRef::as_ref).collect();
    values.sort_unstable();
    match operator {
        "In" | "NotIn" => format!("{key} {operator} ({})", values.join(",")),
        _ => format!("{key} {operator}"),
    }
}

fn peer_text(namespaces: Option<Vec<String>>, pods: Option<Vec<String>>) -> String {
    let text = |what: &str, selector: Option<Vec<String>>| {
        selector.map(|requirements| format!("{what}({})", requirements.join(" and ")))
    };
    let parts = [text("namespaces", namespaces), text("pods", pods)];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    parts.join(" ")
}

fn block_text<T: AsRef<str>>(cidr: &str, except: &[T]) -> String {
    let except: Vec<&str> = except.iter().map(AsRef::as_ref).collect();
    match except.is_empty() {
        true => cidr.to_owned(),
        false => format!("{cidr} except {}", except.join(" ")),
    }
}

// --- the server's side: its own answers, shortened

fn shorten(raw: &Value) -> Observation {
    let text = |key: &str| raw[key].as_str().unwrap_or_default().to_owned();
    let outcome = match raw["status"].as_u64() {
        Some(201) => Outcome::Stored(Box::new(stored(&raw["stored"], raw["warning"].as_str()))),
        Some(400) => Outcome::Undecodable(go_field(&text("message"))),
        Some(422) => Outcome::Invalid(causes(&raw["causes"])),
        other => unreachable!("status {other:?}"),
    };
    Observation {
        case: text("case"),
        spec: text("spec"),
        strict: text("query").contains("Strict"),
        outcome,
    }
}

/// `json: cannot unmarshal bool into Go struct field TYPE.FIELD of type string`
fn go_field(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("Go struct field ")?;
    let (field, _) = rest.split_once(" of type")?;
    field.split_once('.').map(|(_, path)| path.to_owned())
}

fn causes(causes: &Value) -> BTreeSet<(String, Reason)> {
    let cause = |cause: &Value| {
        let reason = match cause["reason"].as_str() {
            Some("FieldValueInvalid") => Reason::Invalid,
            Some("FieldValueRequired") => Reason::Required,
            Some("FieldValueForbidden") => Reason::Forbidden,
            Some("FieldValueNotSupported") => Reason::Unsupported,
            other => unreachable!("reason {other:?}"),
        };
        (cause["field"].as_str().unwrap().to_owned(), reason)
    };
    causes.as_array().unwrap().iter().map(cause).collect()
}

fn stored(spec: &Value, warning: Option<&str>) -> Stored {
    let types = list(&spec["policyTypes"]).iter().map(|one| one.as_str());
    let rules = |field: &str, peers: &str| {
        let rules = list(&spec[field]).iter();
        rules.map(|rule| stored_rule(rule, peers)).collect()
    };
    Stored {
        types: types.map(|one| one.unwrap().to_owned()).collect(),
        subject: selector(&spec["podSelector"]).unwrap_or_default(),
        ingress: rules("ingress", "from"),
        egress: rules("egress", "to"),
        warning: warning.map(stored_warning),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn strings(value: &Value) -> Vec<&str> {
    list(value).iter().filter_map(Value::as_str).collect()
}

fn stored_rule(rule: &Value, peers: &str) -> StoredRule {
    let peer = |peer: &Value| match &peer["ipBlock"] {
        Value::Null => {
            peer_text(selector(&peer["namespaceSelector"]), selector(&peer["podSelector"]))
        }
        block => block_text(block["cidr"].as_str().unwrap(), &strings(&block["except"])),
    };
    StoredRule {
        ports: list(&rule["ports"]).iter().map(stored_port).collect(),
        peers: list(&rule[peers]).iter().map(peer).collect(),
    }
}

fn stored_port(port: &Value) -> String {
    let protocol = port["protocol"].as_str().unwrap();
    let first = match &port["port"] {
        Value::Null => return protocol.to_owned(),
        Value::String(name) => name.clone(),
        number => number.to_string(),
    };
    match &port["endPort"] {
        Value::Null => format!("{protocol} {first}"),
        last if last.to_string() == first => format!("{protocol} {first}"),
        last => format!("{protocol} {first}-{last}"),
    }
}

fn selector(selector: &Value) -> Option<Vec<String>> {
    let fields = selector.as_object()?;
    let mut texts = Vec::new();
    for (key, value) in fields.get("matchLabels").and_then(Value::as_object).into_iter().flatten() {
        texts.push(requirement_text(key, "In", &[value.as_str().unwrap()]));
    }
    for one in fields.get("matchExpressions").map_or(&[][..], list) {
        let text = |field: &str| one[field].as_str().unwrap();
        texts.push(requirement_text(text("key"), text("operator"), &strings(&one["values"])));
    }
    texts.sort();
    Some(texts)
}

/// `299 - "unknown field \"spec.x\""` and the like.
fn stored_warning(header: &str) -> Warning {
    let text: String = serde_json::from_str(header.strip_prefix("299 - ").unwrap()).unwrap();
    let quoted = |n: usize| text.split('"').nth(n).unwrap().to_owned();
    match text.split_once(": ") {
        Some((line, _)) if line.starts_with("line ") => Warning::Duplicate(quoted(1)),
        Some((path, _)) => Warning::Cidr(path.to_owned(), quoted(3)),
        None => Warning::Unknown(quoted(1)),
    }
}

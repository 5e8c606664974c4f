//! What the engine says of a policy.

use std::collections::BTreeSet;

use portcullis_engine::diagnostic::{Code, Diagnostic, Severity};
use portcullis_engine::manifest::{
    Body, Document, NetworkPolicy, PeerKind, PortEntry, PortMatch, Rule,
};
use portcullis_engine::selector::Selector;

use portcullis_tests::apiserver::{
    Observation, Outcome, Reason, Stored, StoredRule, Warning, block_text, peer_text,
    requirement_text,
};

pub fn agrees(observation: &Observation) -> Result<(), String> {
    let text = observation.text.manifest();
    let document = portcullis_engine::manifest::read_document(&text);
    match &observation.outcome {
        Outcome::Strict(errors) => strict(&document, errors),
        Outcome::Stored(stored) => same(&**stored, &stored_by_engine(&document)?),
        Outcome::Undecodable(field) => undecodable(&document, field.as_deref()),
        Outcome::Invalid(faults) => invalid(&document, faults),
    }
}

pub fn same<T: PartialEq + std::fmt::Debug>(server: T, engine: T) -> Result<(), String> {
    if server == engine {
        return Ok(());
    }
    Err(format!("\n  server {server:?}\n  engine {engine:?}"))
}

fn has_error(document: &Document) -> bool {
    let mut findings = document.findings.iter();
    findings.any(|finding| finding.severity() == Severity::Error)
}

pub fn texts(document: &Document) -> Vec<String> {
    let text = |finding: &Diagnostic| {
        let path = finding.path.as_deref().unwrap_or_default();
        format!("{} {path} {}", finding.code.id(), finding.message)
    };
    document.findings.iter().map(text).collect()
}

/// What strict validation refuses is an error to the engine, and yet evaluated.
fn strict(document: &Document, errors: &[Warning]) -> Result<(), String> {
    let dropped = [Code::UnknownField, Code::DuplicateKey];
    let found = document.findings.iter().filter(|finding| dropped.contains(&finding.code));
    if found.clone().any(|finding| finding.severity() != Severity::Error) {
        return Err(format!("no error: {:?}", texts(document)));
    }
    let mut found: Vec<Warning> = found.map(warning_of_engine).collect();
    found.sort();
    found.dedup();
    same(errors, &found)
}

fn stored_by_engine(document: &Document) -> Result<Stored, String> {
    let [object] = document.objects.as_slice() else {
        return Err(format!("refused: {:?}", texts(document)));
    };
    let mut stored = match &object.body {
        Body::Policy(policy) => stored_policy(policy),
        Body::Namespace => Stored::default(),
        _ => return Err("no policy".into()),
    };
    stored.labels =
        object.meta.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    stored.labels.sort();
    let findings = document.findings.iter();
    // What is likely a mistake, and says nothing that the server does.
    let pitfalls = ["L12", "L13", "L14", "L16", "L18"];
    let findings = findings.filter(|finding| {
        finding.severity() >= Severity::Warning && !pitfalls.contains(&finding.code.id())
    });
    stored.warnings = findings.map(warning_of_engine).collect();
    stored.warnings.sort();
    stored.warnings.dedup();
    Ok(stored)
}

fn stored_policy(policy: &NetworkPolicy) -> Stored {
    let types = [(policy.isolates_ingress, "Ingress"), (policy.isolates_egress, "Egress")];
    let types = types.into_iter().filter(|(active, _)| *active);
    let rules = |rules: &[Rule]| rules.iter().map(rule_of_engine).collect();
    Stored {
        types: types.map(|(_, name)| name.to_owned()).collect(),
        subject: requirements(&policy.subject),
        ingress: rules(&policy.ingress),
        egress: rules(&policy.egress),
        ..Stored::default()
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
        // No peers of a NetworkPolicy.
        other => format!("{other:?}"),
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

pub fn requirements(selector: &Selector) -> Vec<String> {
    let texts = selector.requirements().iter().map(|one| {
        let names = portcullis_engine::selector::Operator::NAMES;
        let operator = names.iter().find(|(_, known)| *known == one.operator);
        requirement_text(&one.key, operator.unwrap().0, &one.values)
    });
    let mut texts: Vec<String> = texts.collect();
    texts.sort();
    texts.dedup();
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
    // With a refusal the server says nothing of what it would only warn of.
    let warned =
        [Code::UnknownField, Code::DuplicateKey, Code::NoncanonicalCidr, Code::DeprecatedVersion];
    let refusals = document.findings.iter().filter(|finding| !warned.contains(&finding.code));
    let found: BTreeSet<String> = refusals.clone().map(field_of_engine).collect();
    same(faults.iter().map(|(path, _)| path.clone()).collect(), found)?;
    for finding in refusals {
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
    for mapping in ["matchLabels", "metadata.labels"] {
        if let Some((before, _)) = path.split_once(&format!("{mapping}[")) {
            return format!("{before}{mapping}");
        }
    }
    path
}

/// The reasons that the server may give where the engine has a code.
fn reasons_of(code: Code) -> &'static [Reason] {
    use Reason::{Forbidden, Invalid, Required, Unsupported};
    match code {
        Code::EnumCase | Code::PolicyTypes => &[Unsupported, Invalid],
        Code::ProtocolUnsupported => &[Unsupported],
        Code::SelectorValues => &[Required, Forbidden],
        Code::EmptyPeer | Code::MissingName => &[Required],
        Code::BlockWithSelector => &[Forbidden],
        Code::CidrInvalid => &[Required, Invalid],
        Code::BadName
        | Code::PortAsString
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

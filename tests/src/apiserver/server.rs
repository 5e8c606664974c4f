//! What the server said of an object, shortened. A field that a JSON value lacks is null.

use std::collections::BTreeSet;

use serde_json::Value;

use super::observation::{
    Outcome, Reason, Stored, StoredRule, Warning, block_text, peer_text, requirement_text,
};

/// The parts of an answer that matter.
#[derive(Clone, Copy, Debug)]
pub struct Said<'s> {
    /// The status code of HTTP.
    pub status: u64,
    /// `message` of a refusal.
    pub message: &'s str,
    /// `details.causes` of a refusal.
    pub causes: &'s Value,
    /// `metadata.labels` as stored.
    pub labels: &'s Value,
    /// `spec` as stored.
    pub spec: &'s Value,
    /// The texts of the warnings.
    pub warnings: &'s [String],
}

/// The outcome, or what about the answer was not expected.
///
/// # Errors
/// If the answer has a form that this does not know.
pub fn outcome(said: Said<'_>) -> Result<Outcome, String> {
    match said.status {
        201 => Ok(Outcome::Stored(Box::new(stored(said)?))),
        400 => match said.message.split_once("strict decoding error: ") {
            Some((_, errors)) => Ok(Outcome::Strict(strict_errors(errors)?)),
            None => Ok(Outcome::Undecodable(go_field(said.message))),
        },
        422 => Ok(Outcome::Invalid(causes(said.causes)?)),
        status => Err(format!("status {status}: {}", said.message)),
    }
}

/// `json: cannot unmarshal bool into Go struct field TYPE.FIELD of type string`
fn go_field(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("Go struct field ")?;
    let (field, _) = rest.split_once(" of type")?;
    field.split_once('.').map(|(_, path)| path.to_owned())
}

fn causes(causes: &Value) -> Result<BTreeSet<(String, Reason)>, String> {
    let cause = |cause: &Value| {
        let reason = match cause["reason"].as_str() {
            Some("FieldValueInvalid") => Reason::Invalid,
            Some("FieldValueRequired") => Reason::Required,
            Some("FieldValueForbidden") => Reason::Forbidden,
            Some("FieldValueNotSupported") => Reason::Unsupported,
            _ => return Err(format!("cause {cause}")),
        };
        Ok((text(&cause["field"]), reason))
    };
    list(causes).iter().map(cause).collect()
}

fn stored(said: Said<'_>) -> Result<Stored, String> {
    let rules = |field: &str, peers: &str| {
        let rules = list(&said.spec[field]).iter();
        rules.map(|rule| stored_rule(rule, peers)).collect()
    };
    let mut warnings =
        said.warnings.iter().map(|text| warning(text)).collect::<Result<Vec<_>, _>>()?;
    // Host bits and an unusual form are two warnings that advise the same.
    warnings.sort();
    warnings.dedup();
    Ok(Stored {
        types: strings(&said.spec["policyTypes"]).into_iter().map(str::to_owned).collect(),
        labels: labels(said.labels),
        subject: selector(&said.spec["podSelector"]).unwrap_or_default(),
        ingress: rules("ingress", "from"),
        egress: rules("egress", "to"),
        warnings,
    })
}

/// The server's own label of a namespace is left out: it is no part of what was sent.
fn labels(labels: &Value) -> Vec<String> {
    let entries = labels.as_object().into_iter().flatten();
    let entries = entries.filter(|(key, _)| *key != "kubernetes.io/metadata.name");
    let mut labels: Vec<String> =
        entries.map(|(key, value)| format!("{key}={}", text(value))).collect();
    labels.sort();
    labels
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn strings(value: &Value) -> Vec<&str> {
    list(value).iter().filter_map(Value::as_str).collect()
}

fn stored_rule(rule: &Value, peers: &str) -> StoredRule {
    let peer = |peer: &Value| match &peer["ipBlock"] {
        Value::Null => {
            peer_text(selector(&peer["namespaceSelector"]), selector(&peer["podSelector"]))
        }
        block => block_text(&text(&block["cidr"]), &strings(&block["except"])),
    };
    StoredRule {
        ports: list(&rule["ports"]).iter().map(stored_port).collect(),
        peers: list(&rule[peers]).iter().map(peer).collect(),
    }
}

fn stored_port(port: &Value) -> String {
    let protocol = text(&port["protocol"]);
    let first = match &port["port"] {
        Value::Null => return protocol,
        Value::String(name) => name.clone(),
        number => number.to_string(),
    };
    match &port["endPort"] {
        Value::Null => format!("{protocol} {first}"),
        last if *last == port["port"] => format!("{protocol} {first}"),
        last => format!("{protocol} {first}-{last}"),
    }
}

fn selector(selector: &Value) -> Option<Vec<String>> {
    let fields = selector.as_object()?;
    let mut texts = Vec::new();
    for (key, value) in fields.get("matchLabels").and_then(Value::as_object).into_iter().flatten() {
        texts.push(requirement_text(key, "In", &[text(value)]));
    }
    for one in fields.get("matchExpressions").map_or(&[][..], list) {
        let values = strings(&one["values"]);
        texts.push(requirement_text(&text(&one["key"]), &text(&one["operator"]), &values));
    }
    texts.sort();
    texts.dedup();
    Some(texts)
}

/// `unknown field "spec.x"`, `duplicate field "spec.x"`, `line 4: key "x" already set in map`,
/// `spec.x.cidr: CIDR value "a" should be "b"`.
fn warning(text: &str) -> Result<Warning, String> {
    let quoted = |n: usize| text.split('"').nth(n).map(str::to_owned).ok_or(text);
    let warning = match text.trim() {
        text if text.starts_with("unknown field ") => Warning::Unknown(quoted(1)?),
        text if text.starts_with("duplicate field ") => Warning::Duplicate(last(&quoted(1)?)),
        text if text.starts_with("line ") => Warning::Duplicate(quoted(1)?),
        text => match text.split_once(": ") {
            Some((path, _)) if path.starts_with("spec.") => {
                Warning::Cidr(path.to_owned(), quoted(3)?)
            }
            _ => return Err(format!("warning {text}")),
        },
    };
    Ok(warning)
}

/// JSON's duplicates are named by path, YAML's by key.
fn last(path: &str) -> String {
    path.rsplit('.').next().unwrap_or_default().to_owned()
}

/// Several on one line, or one below the other.
fn strict_errors(errors: &str) -> Result<Vec<Warning>, String> {
    let lines = errors.lines().flat_map(|line| line.split(", "));
    let lines = lines.map(str::trim).filter(|line| !line.is_empty() && !line.ends_with("errors:"));
    let mut warnings = lines.map(warning).collect::<Result<Vec<_>, _>>()?;
    warnings.sort();
    warnings.dedup();
    Ok(warnings)
}

//! What the server said of a policy, shortened.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::observation::{
    Observation, Outcome, Reason, Stored, StoredRule, Warning, block_text, peer_text,
    requirement_text,
};

pub fn shorten(raw: &Value) -> Observation {
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
        last if *last == port["port"] => format!("{protocol} {first}"),
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

//! What became of a policy, in our own short form.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// One policy and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observation {
    /// What the policy tries.
    pub case: String,
    /// The YAML text after `spec: `.
    pub spec: String,
    /// Whether unknown fields and duplicate keys were to be refused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strict: bool,
    pub outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
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
pub struct Stored {
    pub types: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subject: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ingress: Vec<StoredRule>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub egress: Vec<StoredRule>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<Warning>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredRule {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub peers: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Warning {
    /// An unknown field, by path.
    Unknown(String),
    /// A key that was set before.
    Duplicate(String),
    /// A CIDR of another form than the usual: its path, and the form to use.
    Cidr(String, String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    Invalid,
    Required,
    Forbidden,
    Unsupported,
}

pub fn requirement_text<T: AsRef<str>>(key: &str, operator: &str, values: &[T]) -> String {
    let mut values: Vec<&str> = values.iter().map(AsRef::as_ref).collect();
    values.sort_unstable();
    match operator {
        "In" | "NotIn" => format!("{key} {operator} ({})", values.join(",")),
        _ => format!("{key} {operator}"),
    }
}

pub fn peer_text(namespaces: Option<Vec<String>>, pods: Option<Vec<String>>) -> String {
    let text = |what: &str, selector: Option<Vec<String>>| {
        selector.map(|requirements| format!("{what}({})", requirements.join(" and ")))
    };
    let parts = [text("namespaces", namespaces), text("pods", pods)];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    parts.join(" ")
}

pub fn block_text<T: AsRef<str>>(cidr: &str, except: &[T]) -> String {
    let except: Vec<&str> = except.iter().map(AsRef::as_ref).collect();
    match except.is_empty() {
        true => cidr.to_owned(),
        false => format!("{cidr} except {}", except.join(" ")),
    }
}

//! What became of an object, in our own short form.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// One object and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observation {
    /// What it tries.
    pub case: String,
    /// What was sent.
    #[serde(flatten)]
    pub text: Text,
    /// Whether unknown fields and duplicate keys were to be refused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strict: bool,
    /// What the server made of it.
    pub outcome: Outcome,
}

/// What was sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Text {
    /// The YAML text after `spec: ` of a NetworkPolicy that has nothing else but a name.
    Spec(String),
    /// A whole manifest in YAML.
    Yaml(String),
    /// A whole manifest in JSON.
    Json(String),
}

impl Text {
    /// The whole manifest.
    pub fn manifest(&self) -> String {
        match self {
            Self::Spec(spec) => format!(
                "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: t}}\nspec: {spec}\n",
            ),
            Self::Yaml(text) | Self::Json(text) => text.clone(),
        }
    }
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Stored, perhaps with warnings.
    Stored(Box<Stored>),
    /// Decoded, but refused for what strict validation does not let pass.
    Strict(Vec<Warning>),
    /// Not decoded: the field without indices, where the server names one.
    Undecodable(Option<String>),
    /// Decoded and found invalid: paths and reasons, sorted.
    Invalid(BTreeSet<(String, Reason)>),
}

/// An object as stored, with defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stored {
    /// `policyTypes`.
    pub types: BTreeSet<String>,
    /// `metadata.labels`, `key=value`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// `podSelector`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subject: Vec<String>,
    /// `ingress`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ingress: Vec<StoredRule>,
    /// `egress`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub egress: Vec<StoredRule>,
    /// What the server warned of, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
}

/// A rule as stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredRule {
    /// `TCP`, `TCP 80`, `TCP 80-90`, `TCP http`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<String>,
    /// As [`peer_text`] and [`block_text`] write them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub peers: Vec<String>,
}

/// What does not keep an object from being stored.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Warning {
    /// An unknown field, by path.
    Unknown(String),
    /// A key that was set before.
    Duplicate(String),
    /// A CIDR of another form than the usual: its path, and the form to use.
    Cidr(String, String),
}

/// Why a field is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    /// Its value is none of those that are possible.
    Invalid,
    /// It is missing.
    Required,
    /// It is there and may not be.
    Forbidden,
    /// It is none of a few words.
    Unsupported,
}

/// A requirement of a selector, with its values in order and each once.
pub fn requirement_text<T: AsRef<str>>(key: &str, operator: &str, values: &[T]) -> String {
    let mut values: Vec<&str> = values.iter().map(AsRef::as_ref).collect();
    values.sort_unstable();
    values.dedup();
    match operator {
        "In" | "NotIn" => format!("{key} {operator} ({})", values.join(",")),
        _ => format!("{key} {operator}"),
    }
}

/// A peer that selects pods.
pub fn peer_text(namespaces: Option<Vec<String>>, pods: Option<Vec<String>>) -> String {
    let text = |what: &str, selector: Option<Vec<String>>| {
        selector.map(|requirements| format!("{what}({})", requirements.join(" and ")))
    };
    let parts = [text("namespaces", namespaces), text("pods", pods)];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    parts.join(" ")
}

/// A peer that is a block of addresses.
pub fn block_text<T: AsRef<str>>(cidr: &str, except: &[T]) -> String {
    let except: Vec<&str> = except.iter().map(AsRef::as_ref).collect();
    match except.is_empty() {
        true => cidr.to_owned(),
        false => format!("{cidr} except {}", except.join(" ")),
    }
}

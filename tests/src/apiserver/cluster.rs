//! What a real API server said about ClusterNetworkPolicies, by the definitions of each channel.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One manifest and what was said about it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterObservation {
    /// What it tries.
    pub case: String,
    /// The manifest as it was sent.
    pub text: String,
    /// The answer by the definitions of the experimental channel.
    pub experimental: ClusterAnswer,
    /// The answer by those of the standard channel, where it is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standard: Option<ClusterAnswer>,
}

/// What was said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ClusterAnswer {
    /// It would be stored.
    Stored {
        /// `spec` as it would be.
        spec: Value,
        /// Warnings, sorted.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        warnings: Vec<String>,
    },
    /// It is not valid: fields and reasons, sorted.
    Invalid(Vec<(String, String)>),
    /// It cannot be decoded, and why.
    Undecodable(String),
}

impl ClusterAnswer {
    /// The answer as sent: a status of HTTP, the body and the texts of warnings.
    pub fn new(status: u16, body: &Value, warnings: &[String]) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        if status < 300 {
            let mut warnings = warnings.to_vec();
            warnings.sort();
            return Self::Stored { spec: body.get("spec").cloned().unwrap_or_default(), warnings };
        }
        let causes = body.pointer("/details/causes").and_then(Value::as_array);
        match causes.filter(|causes| status == 422 && !causes.is_empty()) {
            Some(causes) => {
                let pair = |cause: &Value| {
                    let field = |name| cause.get(name).map(text).unwrap_or_default();
                    (field("field"), field("reason"))
                };
                let mut faults: Vec<_> = causes.iter().map(pair).collect();
                faults.sort();
                faults.dedup();
                Self::Invalid(faults)
            }
            None => Self::Undecodable(body.get("message").map(text).unwrap_or_default()),
        }
    }
}

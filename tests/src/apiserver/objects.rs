//! What a real API server said about the objects that policies are about.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One manifest and what was said about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectObservation {
    /// What it tries.
    pub case: String,
    /// The manifest as it was sent.
    pub text: String,
    /// The answer.
    pub answer: ObjectAnswer,
}

/// What was said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ObjectAnswer {
    /// It would be stored, without these fields, which the server does not know: paths, sorted.
    Stored(Vec<String>),
    /// It is not valid: fields, sorted.
    Invalid(Vec<String>),
    /// It cannot be decoded.
    Undecodable,
}

impl ObjectAnswer {
    /// The answer as sent: a status of HTTP, the body and the texts of warnings.
    ///
    /// # Errors
    /// If it has a form that this does not know.
    pub fn new(status: u16, body: &Value, warnings: &[String]) -> Result<Self, String> {
        let sorted = |mut texts: Vec<String>| {
            texts.sort();
            texts.dedup();
            texts
        };
        match status {
            201 => {
                let unknown = warnings.iter().filter_map(|text| {
                    let path = text.strip_prefix("unknown field ")?;
                    Some(path.trim_matches('"').to_owned())
                });
                Ok(Self::Stored(sorted(unknown.collect())))
            }
            400 => Ok(Self::Undecodable),
            422 => {
                let causes = body.pointer("/details/causes").and_then(Value::as_array);
                let field = |cause: &Value| Some(cause.get("field")?.as_str()?.to_owned());
                let fields = causes.into_iter().flatten().filter_map(field);
                Ok(Self::Invalid(sorted(fields.collect())))
            }
            _ => Err(format!("status {status}: {body}")),
        }
    }
}

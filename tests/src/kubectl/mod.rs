//! What kubectl makes of texts, and what the engine makes of them: acceptance and values.
//!
//! `tests/kube/yaml` is a program with kubectl's own reader. `portcullis-yaml compare` asks it, and
//! `portcullis-yaml record` writes down what it says, in `tests/fixtures/yaml.txt`.

mod differences;
mod engine;
mod fixture;
mod inputs;
mod program;

use serde_json::Value;

pub use differences::{Difference, difference};
pub use engine::answers as engine_answers;
pub use fixture::{MUTATIONS, fingerprint, path, variants};
pub use inputs::inputs;
pub use program::Program;

/// What becomes of a document that is not empty.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// It is read.
    Value(Value),
    /// It is refused, and why.
    Refused(String),
}

/// Answers to a text in a form of which equal ones have one: numbers by their value, keys in order,
/// of what is refused that it is, and nothing that the engine never looks at.
pub fn comparable(text: &[u8], answers: &[Answer]) -> String {
    match engine::leaves_out(text) {
        true => canonical(&engine::all_pruned(answers)),
        false => canonical(answers),
    }
}

fn canonical(answers: &[Answer]) -> String {
    let line = |answer: &Answer| match answer {
        Answer::Value(value) => written(value) + "\n",
        Answer::Refused(_) => "refused\n".to_owned(),
    };
    answers.iter().map(line).collect()
}

fn written(value: &Value) -> String {
    match value {
        Value::Number(number) => number.as_f64().map(|number| format!("{number:.12e}")),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(written).collect();
            Some(format!("[{}]", items.join(",")))
        }
        Value::Object(entries) => {
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            let entry = |(key, value): (&String, &Value)| format!("{key:?}:{}", written(value));
            let entries: Vec<String> = entries.into_iter().map(entry).collect();
            Some(format!("{{{}}}", entries.join(",")))
        }
        other => Some(other.to_string()),
    }
    .unwrap_or_default()
}

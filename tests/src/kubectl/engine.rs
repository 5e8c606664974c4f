//! What the engine makes of texts.

use portcullis_engine::SourceFile;
use portcullis_engine::diagnostic::Code;
use portcullis_engine::tree::{Entry, Node, Value, looks_like_json, read_trees};
use serde_json::Value as Json;

use super::Answer;

/// What the engine makes of a text.
pub fn answers(text: &[u8]) -> Vec<Answer> {
    let file = SourceFile::new("file.yaml", text);
    let mut answers = Vec::new();
    for part in &file.parts {
        let findings = &part.document.findings;
        if let Some(finding) = findings.iter().find(|finding| finding.code == Code::Encoding) {
            answers.push(Answer::Refused(finding.message.clone()));
            continue;
        }
        let trees = read_trees(file.text.get(part.range.clone()).unwrap_or_default());
        let values = trees.documents.iter().filter(|node| !node.is_null());
        answers.extend(values.map(|node| Answer::Value(json(node))));
        answers.extend(trees.fault.map(|fault| Answer::Refused(fault.message)));
    }
    answers
}

/// Whether the engine reads a text as JSON first, and then leaves out what it never looks at.
pub fn leaves_out(text: &[u8]) -> bool {
    looks_like_json(&String::from_utf8_lossy(text).replace('\u{FEFF}', ""))
}

fn json(node: &Node<'_>) -> Json {
    let entry = |entry: &Entry<'_>| (entry.key.to_string(), json(&entry.value));
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(value) => (*value).into(),
        Value::Number(number) => (*number).into(),
        Value::Str(text) => (&**text).into(),
        Value::Seq(items) => items.iter().map(json).collect(),
        Value::Map(entries) => Json::Object(entries.iter().map(entry).collect()),
    }
}

/// Answers without what the engine leaves out of JSON.
pub fn all_pruned(answers: &[Answer]) -> Vec<Answer> {
    let answer = |answer: &Answer| match answer {
        Answer::Value(value) => Answer::Value(pruned(value)),
        refused => refused.clone(),
    };
    answers.iter().map(answer).collect()
}

fn pruned(value: &Json) -> Json {
    match value {
        Json::Array(items) => items.iter().map(pruned).collect(),
        Json::Object(entries) => {
            let pruned = entries.iter().map(|(key, value)| (key.clone(), without(key, value)));
            Json::Object(pruned.collect())
        }
        other => other.clone(),
    }
}

fn without(key: &str, value: &Json) -> Json {
    match value {
        Json::Array(_) if UNREAD.contains(&key) => Json::Array(Vec::new()),
        Json::Object(_) if UNREAD.contains(&key) => Json::Object(serde_json::Map::new()),
        Json::Object(entries) if key == "annotations" => {
            let emptied = entries.iter().map(|(key, value)| {
                let is_text = matches!(value, Json::String(_));
                (key.clone(), if is_text { "".into() } else { pruned(value) })
            });
            Json::Object(emptied.collect())
        }
        other => pruned(other),
    }
}

/// Keys under which no kind's reader looks into lists and mappings.
const UNREAD: &[&str] = &[
    "managedFields",
    "finalizers",
    "env",
    "envFrom",
    "volumes",
    "volumeMounts",
    "resources",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "lifecycle",
    "tolerations",
    "affinity",
    "securityContext",
    "conditions",
    "containerStatuses",
    "initContainerStatuses",
    "images",
    "data",
    "binaryData",
];

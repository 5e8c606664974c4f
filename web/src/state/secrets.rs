//! Texts as they may be kept: without what Secrets hold.
//!
//! `data`, `stringData` and the copy of both that `kubectl apply` leaves in an annotation are cut
//! out of the text. What is left is read again; where that does not show that nothing remains, or
//! where the document cannot be read, it is cut by its lines, which takes too much rather than too
//! little.

use std::borrow::Cow;
use std::ops::Range;

use portcullis_engine::source::documents;
use portcullis_engine::tree::{Node, Value, looks_like_json, read_whole_trees};

const KIND: &str = "Secret";
const HOLDING: [&str; 2] = ["data", "stringData"];
const APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The text without what Secrets hold; the same if it has none.
pub fn without_secrets(text: &str) -> Cow<'_, str> {
    if !text.contains(KIND) {
        return text.into();
    }
    let parts = documents(text).into_iter().filter_map(|range| text.get(range));
    let parts: Vec<Cow<'_, str>> = parts.map(of_document).collect();
    match parts.iter().all(|part| matches!(part, Cow::Borrowed(_))) {
        true => text.into(),
        false => parts.concat().into(),
    }
}

fn of_document(text: &str) -> Cow<'_, str> {
    if !text.contains(KIND) {
        return text.into();
    }
    // A comment may hold what was held once, and stands in no tree.
    let has_comments = text.contains('#') && !looks_like_json(text);
    match spans(text) {
        Some(spans) if !spans.is_empty() && has_comments => by_lines(text).into(),
        Some(spans) if spans.is_empty() => text.into(),
        Some(spans) => {
            let cut = cut(text, spans);
            match self::spans(&cut).is_some_and(|left| left.is_empty()) {
                true => cut.into(),
                false => by_lines(text).into(),
            }
        }
        None => by_lines(text).into(),
    }
}

/// What is to be cut, and by what it is replaced. None if the document cannot be read, or has keys
/// twice, of which a tree has but one.
fn spans(text: &str) -> Option<Vec<(Range<usize>, &'static str)>> {
    let trees = read_whole_trees(text);
    if trees.fault.is_some() || !trees.findings.is_empty() {
        return None;
    }
    let mut spans = Vec::new();
    trees.documents.iter().for_each(|node| gather(node, &mut spans));
    spans.sort_by_key(|(range, _)| range.start);
    Some(spans)
}

fn gather(node: &Node<'_>, spans: &mut Vec<(Range<usize>, &'static str)>) {
    let is_secret = node.get("kind").and_then(Node::as_str) == Some(KIND);
    if is_secret {
        let held = HOLDING.into_iter().filter_map(|key| node.get(key));
        spans.extend(held.filter(|value| !is_empty(value)).map(|value| (range(value), "{}")));
        let annotations = node.get("metadata").and_then(|metadata| metadata.get("annotations"));
        let applied = annotations.and_then(|annotations| annotations.get(APPLIED));
        let applied = applied.filter(|value| value.as_str() != Some(""));
        spans.extend(applied.map(|value| (range(value), "\"\"")));
        return;
    }
    match &node.value {
        Value::Map(entries) => entries.iter().for_each(|entry| gather(&entry.value, spans)),
        Value::Seq(items) => items.iter().for_each(|item| gather(item, spans)),
        _ => {}
    }
}

fn is_empty(value: &Node<'_>) -> bool {
    match &value.value {
        Value::Map(entries) => entries.is_empty(),
        Value::Null => true,
        _ => false,
    }
}

fn range(node: &Node<'_>) -> Range<usize> {
    node.span.start as usize..node.span.end as usize
}

fn cut(text: &str, spans: Vec<(Range<usize>, &'static str)>) -> String {
    let (mut out, mut done) = (String::with_capacity(text.len()), 0);
    for (range, instead) in spans {
        out.push_str(text.get(done..range.start).unwrap_or_default());
        out.push_str(instead);
        if text.get(range.clone()).is_some_and(|cut| cut.ends_with('\n')) {
            out.push('\n');
        }
        done = done.max(range.end);
    }
    out.push_str(text.get(done..).unwrap_or_default());
    out
}

/// Without what is indented more than a key that holds something, and what stands beside the key.
/// What looks like JSON is cut at the first such key.
fn by_lines(text: &str) -> String {
    let mut out = String::new();
    let mut within: Option<usize> = None;
    for line in text.split_inclusive('\n') {
        let content = line.trim_start_matches([' ', '-']);
        let indent = line.len() - content.len();
        let is_nothing = content.trim().is_empty() || content.starts_with('#');
        if within.is_some_and(|of| indent > of || is_nothing) {
            continue;
        }
        within = None;
        let Some(key) = held_key(content) else {
            if looks_like_json(text) && holds(line) {
                break;
            }
            out.push_str(line);
            continue;
        };
        within = Some(indent);
        out.push_str(line.get(..indent).unwrap_or_default());
        out.push_str(key);
        out.push_str(":\n");
    }
    out
}

fn holds(line: &str) -> bool {
    HOLDING.into_iter().chain([APPLIED]).any(|key| line.contains(key))
}

/// The key at the start of a line, if it is one whose value is not kept.
fn held_key(line: &str) -> Option<&str> {
    let (key, _) = line.split_once(':')?;
    let bare = key.trim().trim_matches(['"', '\'']);
    (HOLDING.contains(&bare) || APPLIED == bare).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\n  annotations:\n    kubectl.kubernetes.io/last-applied-configuration: |\n      {\"data\":{\"password\":\"aHVudGVyMg==\"}}\n    other: kept\ndata:\n  # aHVudGVyMg==\n  password: aHVudGVyMg==\n  more: >-\n    aHVudGVyMg==\nstringData: {user: hunter2}\ntype: Opaque\n";
    const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n";

    fn kept(text: &str) -> String {
        let kept = without_secrets(text).into_owned();
        assert!(!kept.contains("aHVudGVyMg==") && !kept.contains("hunter2"), "{kept}");
        kept
    }

    #[test]
    fn a_secret_keeps_all_but_what_it_holds() {
        let text = kept(&format!("{POD}---\n{SECRET}---\n{POD}"));
        assert_eq!(text.matches("kind: Pod").count(), 2);
        for part in ["name: db", "other: kept", "type: Opaque"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn lists_and_json_are_looked_into() {
        let item = |value: &str| {
            format!(
                "{{\"kind\":\"Secret\",\"metadata\":{{\"name\":\"x\"}},\"data\":{{\"a\":\"{value}\"}}}}"
            )
        };
        let list =
            format!("{{\"kind\":\"List\",\"items\":[{},{}]}}", item("aHVudGVyMg=="), item("b"));
        assert!(kept(&list).contains("\"kind\":\"List\""));
        let yaml = format!("kind: List\nitems:\n- {}", SECRET.replace('\n', "\n  "));
        assert!(kept(&yaml).contains("type: Opaque"));
    }

    #[test]
    fn what_cannot_be_read_is_cut_by_its_lines() {
        let broken = format!("{SECRET}oops: }}\n");
        assert!(kept(&broken).contains("oops: }"));
        let twice = SECRET.replace("stringData: {user: hunter2}\n", "data: {}\n");
        assert!(kept(&twice).contains("type: Opaque"));
        kept("{\"kind\":\"Secret\",\n\"data\":{\"a\":\"aHVudGVyMg==\"},\n");
        kept(
            &SECRET
                .replace("data:\n", "data: &x\n")
                .replace("stringData: {user: hunter2}", "stringData: *x"),
        );
    }

    #[test]
    fn other_texts_are_kept_as_they_are() {
        for text in ["", POD, "kind: SealedSecret\ndata: {a: b}\n", "# Secret\ndata: {a: b}\n"] {
            assert_eq!(without_secrets(text), text);
        }
    }
}

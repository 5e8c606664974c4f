//! What the schema says is what the readers know.

use std::collections::BTreeSet;

use super::*;
use crate::manifest::SourceFile;

/// What a reader says of a key that no kind has, at a path of keys; `[]` is an item of a list.
fn known_at(kind: &Kind, path: &[&str]) -> Option<BTreeSet<String>> {
    let mut text = "{zzzzzzzz: 1}".to_owned();
    for step in path.iter().rev() {
        text = match *step {
            "[]" => format!("[{text}]"),
            key => format!("{{{key}: {text}}}"),
        };
    }
    let inner = text.strip_prefix('{')?.strip_suffix('}')?;
    let name = if path.first() == Some(&"metadata") { "" } else { "metadata: {name: a}, " };
    let document =
        format!("{{apiVersion: {}, kind: {}, {name}{inner}}}\n", kind.api_version, kind.name);
    let file = SourceFile::new("a.yaml", document.as_bytes());
    let findings: Vec<_> =
        file.parts.iter().flat_map(|part| part.document.findings.clone()).collect();
    let of_key = findings.iter().find(|one| one.message.contains("zzzzzzzz"))?;
    let help = of_key.help.as_deref()?.strip_prefix("known fields: ")?;
    Some(help.split(", ").map(str::to_owned).collect())
}

/// All mappings of a shape, with the ways to them.
fn mappings(path: &[&'static str], shape: Shape, found: &mut Vec<(Vec<&'static str>, Shape)>) {
    if let Some(item) = shape.item() {
        mappings(&[path, &["[]"]].concat(), item, found);
    }
    let fields = shape.fields();
    if !fields.is_empty() {
        found.push((path.to_vec(), shape));
    }
    for field in fields {
        mappings(&[path, &[field.name]].concat(), field.shape, found);
    }
}

#[test]
fn the_schema_has_the_fields_that_readers_know() {
    let mut compared = 0;
    for kind in kinds() {
        let mut found = Vec::new();
        mappings(&[], Shape::Fields(kind.fields), &mut found);
        for (path, shape) in found {
            // Readers that say nothing of unknown keys, and those that know far more of them.
            let Some(known) = known_at(kind, &path) else { continue };
            let known: BTreeSet<&str> = known.iter().map(String::as_str).collect();
            let own: BTreeSet<&str> = shape.fields().iter().map(|field| field.name).collect();
            let place = format!("{} {}", kind.name, path.join("."));
            if path.is_empty() || path.last() == Some(&"metadata") {
                assert!(own.is_subset(&known), "{place}: {:?}", own.difference(&known));
            } else {
                assert_eq!(own, known, "{place}");
            }
            compared += 1;
        }
    }
    assert!(compared > 60, "{compared}");
}

#[test]
fn no_field_is_unknown_to_its_reader() {
    for kind in kinds() {
        let mut found = Vec::new();
        mappings(&[], Shape::Fields(kind.fields), &mut found);
        for (path, shape) in found {
            for field in shape.fields() {
                let mut text = format!("{{{}: null}}", field.name);
                for step in path.iter().rev() {
                    text = match *step {
                        "[]" => format!("[{text}]"),
                        key => format!("{{{key}: {text}}}"),
                    };
                }
                let inner = text.trim_start_matches('{').to_owned();
                let head = format!("apiVersion: {}\nkind: {}\n", kind.api_version, kind.name);
                let (first, rest) = inner.split_once(':').unwrap();
                let rest = rest.strip_suffix('}').unwrap();
                if ["apiVersion", "kind"].contains(&first) {
                    continue;
                }
                let document = format!("{head}{first}:{rest}\n");
                let file = SourceFile::new("a.yaml", document.as_bytes());
                let findings = file.parts.iter().flat_map(|part| part.document.findings.clone());
                let unknown: Vec<_> =
                    findings.filter(|one| one.code.name() == "unknown-field").collect();
                assert!(unknown.is_empty(), "{document}{unknown:#?}");
            }
        }
    }
}

#[test]
fn every_field_and_kind_says_what_it_means() {
    for kind in kinds() {
        assert!(kind.doc.ends_with('.'), "{}", kind.name);
        let mut found = Vec::new();
        mappings(&[], Shape::Fields(kind.fields), &mut found);
        for field in found.iter().flat_map(|(_, shape)| shape.fields()) {
            assert!(field.doc.ends_with(['.', ')']), "{} {}", kind.name, field.name);
            assert_eq!(field.doc.matches('`').count() % 2, 0, "{} {}", kind.name, field.name);
        }
    }
}

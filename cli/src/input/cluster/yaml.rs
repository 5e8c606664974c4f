//! An object as YAML, line for line as `kubectl get -o yaml` shows it.
//!
//! Written by hand because it is read back by the rules of YAML 1.1, as `kubectl` reads: there `yes`
//! is a truth value and `1_000` a number, which writers of YAML 1.2 leave without quotes.

use std::fmt::Write as _;

use serde_json::Value;

/// Words that are not text to YAML 1.1, in any case.
const WORDS: [&str; 10] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan"];

/// The text of a value, with a line break at its end.
pub(super) fn text(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(_) | Value::Array(_) if !is_empty(value) => block(value, 0, &mut out),
        other => {
            scalar(other, 0, &mut out);
            out.push('\n');
        }
    }
    out
}

/// A map or a list that has something, from the place on at which its first line begins.
fn block(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::Object(map) => {
            for (at, (key, value)) in map.iter().enumerate() {
                start(at, indent, out);
                quoted(key, out);
                out.push(':');
                after(value, indent, out);
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                start(at, indent, out);
                out.push('-');
                match item {
                    Value::Object(_) | Value::Array(_) if !is_empty(item) => {
                        out.push(' ');
                        block(item, indent + 2, out);
                    }
                    other => after(other, indent, out),
                }
            }
        }
        _ => {}
    }
}

/// All lines but the first are indented here; that one stands where the caller is.
fn start(at: usize, indent: usize, out: &mut String) {
    if at > 0 || out.ends_with('\n') {
        out.extend(std::iter::repeat_n(' ', indent));
    }
}

/// What stands after `key:` or `-`, and the end of its line.
fn after(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::Object(_) if !is_empty(value) => {
            out.push('\n');
            block(value, indent + 2, out);
        }
        // Items stand below the first letter of their key.
        Value::Array(_) if !is_empty(value) => {
            out.push('\n');
            block(value, indent, out);
        }
        other => {
            out.push(' ');
            scalar(other, indent, out);
            out.push('\n');
        }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

fn scalar(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::String(text) if is_literal(text) => {
            out.push('|');
            for line in text.lines() {
                out.push('\n');
                out.extend(std::iter::repeat_n(' ', indent + 2));
                out.push_str(line);
            }
        }
        Value::String(text) => quoted(text, out),
        // Of JSON, and so of YAML.
        other => {
            let _ = write!(out, "{other}");
        }
    }
}

/// Whether a text is written as it is, on lines of its own.
fn is_literal(text: &str) -> bool {
    let is_plain = |line: &str| !line.is_empty() && !line.starts_with([' ', '\t', '#']);
    let is_printable = |letter: char| letter == '\n' || (' '..='~').contains(&letter);
    text.ends_with('\n') && text.lines().all(is_plain) && text.chars().all(is_printable)
}

/// A text in quotes, unless nothing else can be meant by it.
fn quoted(text: &str, out: &mut String) {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
    let is_word = WORDS.iter().any(|word| text.eq_ignore_ascii_case(word));
    let starts = text.starts_with(|first: char| first.is_ascii_alphabetic());
    match starts && !is_word && text.bytes().all(is_letter) {
        true => out.push_str(text),
        false => Value::from(text).to_string().chars().for_each(|letter| match letter {
            // Line breaks to YAML, and what may not stand there, that JSON leaves as they are.
            '\u{7f}'..='\u{9f}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{feff}'
            | '\u{fffe}'
            | '\u{ffff}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(letter));
            }
            letter => out.push(letter),
        }),
    }
}

#[cfg(test)]
mod tests {
    use portcullis_engine::SourceFile;
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_written_in_blocks() {
        let value = json!({
            "a": [{"b": 1, "c": {"d": []}}, [1, [2]], "x", {}],
            "e": {"f": "two\nlines\n", "g": null, "h": true},
        });
        let expected = "a:\n- b: 1\n  c:\n    d: []\n- - 1\n  - - 2\n- x\n- {}\n\
                        e:\n  f: |\n    two\n    lines\n  g: null\n  h: true\n";
        assert_eq!(text(&value), expected);
    }

    #[test]
    fn labels_are_read_as_they_were() {
        let odd =
            ["yes", "0o7", "1_000", "12:30:45", "1e3", ".5", "~", "", "a b", "-", "é", "NULL"];
        let labels: serde_json::Map<String, Value> =
            (0..).zip(odd).map(|(at, value)| (format!("l{at}"), value.into())).collect();
        let pod = json!({"apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": "n", "annotations": labels, "labels": {"on": "off", "x": "1_0"}}});
        let file = SourceFile::new("n", text(&pod).as_bytes());
        let document = &file.parts[0].document;
        assert!(document.findings.is_empty(), "{:?}", document.findings);
        let read = &document.objects[0].meta.labels;
        let read: Vec<String> = read.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(read, ["on=off", "x=1_0"]);
    }

    #[test]
    fn what_is_written_is_read_as_the_same() {
        let values = [
            json!({"a": {"b": {"c": [{"d": [{"e": "f"}]}]}}}),
            json!({"text": "{\"json\":1}\n", "lines": "a\n\nb", "tab": "\tx\n", "end": " \n"}),
            json!({"k: v": "x: y", "- z": "#no", "é": "\u{85}\u{2028}\u{0}", "n": [-1.5, 1e21]}),
        ];
        for value in values {
            let read: Value = serde_yaml::from_str(&text(&value)).unwrap();
            assert_eq!(read, value, "{}", text(&value));
        }
    }
}

//! How what is suggested is written, so that it fits the text around it.

use std::ops::Range;

use super::schema::Shape;
use crate::tree::{self, Node};

/// How text around the position is written.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Whether it is JSON.
    pub is_json: bool,
    /// Whether it is inside of braces or brackets.
    pub is_flow: bool,
    /// The column, from 0, at which what is replaced begins.
    pub column: usize,
    /// Whether more follows on the line, such as a colon: the key alone is replaced.
    pub has_rest: bool,
}

impl Style {
    /// Around a range of a document.
    pub fn of(text: &str, range: &Range<usize>) -> Self {
        let before = text.get(..range.start).unwrap_or_default();
        let line = before.rfind('\n').map_or(before, |at| before.get(at + 1..).unwrap_or_default());
        let after = text.get(range.end..).unwrap_or_default();
        let rest = after.split(['\n', '\r']).next().unwrap_or_default();
        Self {
            is_json: tree::looks_like_json(text),
            is_flow: before.trim_end().ends_with(['{', '[', ',']),
            column: line.chars().count(),
            has_rest: rest.trim_start().starts_with(':'),
        }
    }

    /// A key as it is written, with what its value begins with.
    pub fn key(self, name: &str, shape: Shape) -> String {
        if self.is_json {
            return if self.has_rest { format!("\"{name}\"") } else { format!("\"{name}\": ") };
        }
        let name = text_of(name);
        if self.has_rest {
            return name;
        }
        let indent = " ".repeat(self.column + 2);
        match shape {
            _ if self.is_flow => format!("{name}: "),
            shape if shape.is_list() => format!("{name}:\n{indent}- "),
            shape if shape.is_map() => format!("{name}:\n{indent}"),
            _ => format!("{name}: "),
        }
    }

    /// A text as it is written.
    pub fn value(self, text: &str) -> String {
        if self.is_json { quoted(text) } else { text_of(text) }
    }
}

/// A text as YAML: in quotes where it would be something else without.
fn text_of(text: &str) -> String {
    let document = format!("a: {text}\n");
    let trees = tree::read_trees(&document);
    let read = trees.documents.first().and_then(|node| node.get("a"));
    let is_itself = read.and_then(Node::as_str) == Some(text) && trees.fault.is_none();
    if is_itself && !text.contains([',', '[', ']', '{', '}']) {
        text.to_owned()
    } else {
        quoted(text)
    }
}

/// A text in quotes, as YAML and JSON have them.
pub fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

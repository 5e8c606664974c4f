//! YAML as a tree with byte offsets, as the API server and kubectl read it: they use `go-yaml`,
//! which differs from every specification of YAML. What it accepts is accepted here, with the same
//! values, and what it refuses is refused (docs/decisions/0002-yaml.md).
//!
//! `scan` makes tokens of the text, `grammar` a tree of these.

mod anchors;
mod cursor;
mod fault;
mod grammar;
mod key;
mod scan;
mod text;
mod token;

pub use fault::{too_deep, with_help};

use self::grammar::Grammar;
use super::node::Value;
use super::{Fault, Trees};
use crate::source::{is_empty_line, is_separator};

/// Reads the document of one chunk, from an offset on: an object, or nothing.
///
/// # Shape
/// A line that begins with `---` and stands before all else is not the document's: kubectl divides
/// files at such lines before it reads what is between.
pub fn read(text: &str, from: usize) -> Result<Trees<'_>, Fault> {
    let Start { offset: start, is_separated } = start(text, from)?;
    if let Some((offset, found)) = text.get(from..).and_then(fault::control) {
        let code = u32::from(found);
        return fault::at(format!("control character U+{code:04X}"), from + offset);
    }
    let (root, findings) = Grammar::new(text, start).document(is_separated)?;
    let documents = root.into_iter().filter(|node| node.value != Value::Null).collect();
    Ok(Trees { documents, findings, fault: None })
}

/// Where a document begins, and whether a `---` stands before it.
struct Start {
    offset: usize,
    is_separated: bool,
}

/// Where the document begins: after the line that separates it from what stands before, and after
/// a byte order mark.
fn start(text: &str, from: usize) -> Result<Start, Fault> {
    let (mut start, mut is_separated) = (from, false);
    let mut at = from;
    for line in text.get(from..).unwrap_or_default().split_inclusive('\n') {
        at += line.len();
        if is_separator(line) {
            let rest = line.get(3..).unwrap_or_default().trim();
            if !rest.is_empty() && !rest.starts_with('#') {
                let place = at - line.len() + 3;
                return fault::at("only a comment may follow `---` in its line", place);
            }
            (start, is_separated) = (at, true);
            break;
        }
        if !is_empty_line(line) {
            break;
        }
    }
    let mark = text.get(start..).is_some_and(|rest| rest.starts_with('\u{FEFF}'));
    let offset = start + if mark { '\u{FEFF}'.len_utf8() } else { 0 };
    Ok(Start { offset, is_separated })
}

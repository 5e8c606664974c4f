//! Documents as trees: what YAML and JSON have in common.

mod json;
mod merge;
mod node;
mod scalar;
mod yaml;

pub use node::{Entry, Node, Value};

use crate::diagnostic::{Code, Diagnostic};

/// How deep documents may nest. The YAML parser's own limit, kept for JSON too, so that walking
/// and dropping trees never runs out of stack.
const DEEPEST: usize = 255;

/// The trees of one chunk of text.
#[derive(Debug)]
pub struct Trees<'t> {
    /// One tree per document that is not empty.
    pub documents: Vec<Node<'t>>,
    /// Duplicate keys.
    pub findings: Vec<Diagnostic>,
}

/// Why a chunk is no tree; boxed, since it is large and rare.
pub type Fault = Box<Diagnostic>;

/// Whether a text is read as JSON rather than YAML.
pub fn looks_like_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
}

/// Reads one chunk: JSON if it looks like it and is, else YAML, of which JSON is nearly a part.
///
/// # Errors
/// If it is neither; the finding has the place.
pub fn read_trees(text: &str) -> Result<Trees<'_>, Fault> {
    if !looks_like_json(text) {
        return yaml::read(text);
    }
    let json = match json::read(text) {
        Ok(trees) => return Ok(trees),
        Err(finding) => finding,
    };
    // What begins like JSON and is not YAML either is more likely broken JSON.
    yaml::read(text).map_err(|yaml| if yaml.code == Code::Limits { yaml } else { json })
}

//! Documents as trees: what YAML and JSON have in common.

mod json;
mod merge;
mod node;
mod scalar;
mod yaml;

pub use node::{Entry, Node, Value};
pub use scalar::is_old_boolean;

use crate::diagnostic::{Code, Diagnostic};

/// How deep documents may nest. The YAML parser's own limit, kept for JSON too, so that walking
/// and dropping trees never runs out of stack.
const DEEPEST: usize = 255;

/// The trees of one chunk of text.
#[derive(Debug, Default)]
pub struct Trees<'t> {
    /// One tree per document that is not empty.
    pub documents: Vec<Node<'t>>,
    /// Duplicate keys, and text after the end of a document.
    pub findings: Vec<Diagnostic>,
    /// Why nothing more could be read; none if the chunk was read to its end.
    pub fault: Option<Fault>,
}

impl Trees<'_> {
    /// The trees, if all of the text could be read.
    ///
    /// # Errors
    /// Otherwise, with the place.
    pub fn whole(self) -> Result<Self, Fault> {
        match self.fault {
            Some(fault) => Err(fault),
            None => Ok(self),
        }
    }
}

/// Why a text is no tree; boxed, since it is large and rare.
pub type Fault = Box<Diagnostic>;

/// Whether kubectl tries to read a text as JSON before it reads it as YAML.
pub fn looks_like_json(text: &str) -> bool {
    text.trim_start().starts_with('{')
}

/// Reads one chunk: values of JSON that follow one another, or a document of YAML.
///
/// # Source
/// `YAMLOrJSONDecoder` of `k8s.io/apimachinery`: what is not JSON is read as YAML from where the
/// first value of JSON ends, or from the start if there is none.
pub fn read_trees(text: &str) -> Trees<'_> {
    read(text, Extent::Needed)
}

/// The same with all of JSON: lists and mappings that no reader of objects looks into are not
/// empty.
pub fn read_whole_trees(text: &str) -> Trees<'_> {
    read(text, Extent::Whole)
}

/// How much of JSON is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    /// What readers of objects look into: that is a small part of what `kubectl` prints.
    Needed,
    /// Everything.
    Whole,
}

fn read(text: &str, extent: Extent) -> Trees<'_> {
    if !looks_like_json(text) {
        return yaml(text, 0);
    }
    let (mut trees, end) = json::read(text, extent);
    let retry = end.filter(|_| trees.documents.len() <= 1);
    let Some((end, fault)) = retry.zip(trees.fault.take_if(|_| retry.is_some())) else {
        return trees;
    };
    if trees.documents.is_empty() {
        trees.findings.clear();
    }
    let Trees { documents, findings, fault: other } = yaml(text, end);
    trees.documents.extend(documents);
    trees.findings.extend(findings);
    // What begins like JSON and is not YAML either is more likely broken JSON, or a template.
    trees.fault = other.map(|other| match other.code == Code::Limits || is_template(text) {
        true => other,
        false => fault,
    });
    trees
}

fn yaml(text: &str, from: usize) -> Trees<'_> {
    yaml::read(text, from).unwrap_or_else(|fault| {
        let fault = Some(Box::new(yaml::with_help(*fault, text)));
        Trees { fault, ..Trees::default() }
    })
}

/// What to do about a template.
pub const TEMPLATE_HELP: &str =
    "this looks like a template: render it first, for example with `helm template`";

/// Whether a text has what Helm and others fill in.
pub fn is_template(text: &str) -> bool {
    text.contains("{{")
}

//! Files: named texts and the documents in them.

mod edit;

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use rustc_hash::FxHashMap;

use super::custom::MakesPods;
use super::document::{Document, read_document};
use super::workload;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::{self, LineIndex, Span};
use crate::tree;

/// A file that has been read.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Its name, as the caller gave it.
    pub name: Arc<str>,
    /// Its text.
    pub text: Arc<str>,
    /// Its documents, in order, covering the text.
    pub parts: Vec<Part>,
    /// Whether it was found in a folder, not named.
    pub is_found: bool,
    /// Whether it is not meant as a manifest; then it has no parts.
    pub is_foreign: bool,
    // Derived from `text` when a position is first asked for.
    lines: OnceLock<LineIndex>,
}

/// A document and its place in the file.
#[derive(Clone, Debug)]
pub struct Part {
    /// Byte offsets in the file.
    pub range: Range<usize>,
    /// What it holds.
    pub document: Arc<Document>,
}

/// What is said of a cluster policy that is left out.
const REJECTED: &str = "rejected ";

impl SourceFile {
    /// Reads a file.
    pub fn new(name: &str, bytes: &[u8]) -> Self {
        let source::Decoded { text, faults } = source::decode(bytes);
        Self::from_text(name, text.into(), faults, &Known::default())
    }

    /// Reads a file whose bytes nobody needs afterwards: they are gone before what they hold is
    /// built, which for large files is the moment of most memory.
    pub fn of(name: &str, bytes: Vec<u8>) -> Self {
        let source::Decoded { text, faults } = source::decode(&bytes);
        let text: Arc<str> = text.into();
        drop(bytes);
        Self::from_text(name, text, faults, &Known::default())
    }

    /// Reads a file again; documents before and after what has changed are taken from `before`,
    /// and so is a document in between whose text is the same.
    ///
    /// # Cost
    /// A comparison of the two texts, and reading what differs.
    pub fn update(name: &str, bytes: &[u8], before: &Self) -> Self {
        let source::Decoded { text, faults } = source::decode(bytes);
        let text: Arc<str> = text.into();
        if !faults.is_empty() || is_one_chunk(&text) || is_one_chunk(&before.text) {
            return Self::from_text(name, text, faults, &before.documents());
        }
        let parts = edit::parts(&text, before);
        Self::of_parts(name, text, parts)
    }

    /// The same file for whoever enforces it: policies that are wrong isolate what they select, and
    /// admit nothing, instead of being left out or read as far as they are understood.
    #[must_use]
    pub fn failing_closed(mut self) -> Self {
        for part in self.parts.iter_mut().filter(|part| !part.document.closed.is_empty()) {
            let document = Arc::make_mut(&mut part.document);
            let closed = std::mem::take(&mut document.closed);
            document.objects.retain(|object| closed.iter().all(|other| other.span != object.span));
            document.objects.extend(closed);
            // These are in force now.
            document.rejected.clear();
            document.not_judged.retain(|foreign| !foreign.kind.starts_with(REJECTED));
        }
        self
    }

    /// The same file as one that was found in a folder and not named: if nothing in it looks like a
    /// Kubernetes object, it is not meant as a manifest, and nothing is wrong with it.
    #[must_use]
    pub fn found(mut self) -> Self {
        let documents = || self.parts.iter().map(|part| &part.document);
        let is_silent =
            |document: &Document| document.is_foreign || *document == Document::default();
        self.is_foreign = documents().any(|document| document.is_foreign)
            && documents().all(|document| is_silent(document));
        self.is_found = true;
        if self.is_foreign {
            self.parts.clear();
        }
        self
    }

    /// The same file as one of a kustomize tree, read as it stands: what lacks a template or a
    /// selector there is no mistake.
    #[must_use]
    pub fn in_a_tree(mut self) -> Self {
        for part in &mut self.parts {
            let document = Arc::make_mut(&mut part.document);
            document.findings.iter_mut().for_each(workload::of_a_tree);
        }
        self
    }

    /// Its documents by their texts.
    fn documents(&self) -> Known<'_> {
        let known = |part: &'_ Part| self.text.get(part.range.clone());
        self.parts.iter().filter_map(|part| Some((known(part)?, &part.document))).collect()
    }

    fn from_text(name: &str, text: Arc<str>, faults: Vec<usize>, known: &Known<'_>) -> Self {
        let mut faults = faults.into_iter().peekable();
        let parts = split(&text).into_iter().map(|range| {
            let fault = faults.next_if(|fault| range.contains(fault));
            while faults.next_if(|fault| range.contains(fault)).is_some() {}
            match fault {
                Some(fault) => {
                    let document = Arc::new(broken(fault - range.start));
                    Part { range, document }
                }
                None => read_part(&text, range, known),
            }
        });
        let parts = parts.collect();
        Self::of_parts(name, text, parts)
    }

    fn of_parts(name: &str, text: Arc<str>, parts: Vec<Part>) -> Self {
        let (is_found, is_foreign) = (false, false);
        Self { name: name.into(), text, parts, is_found, is_foreign, lines: OnceLock::new() }
    }

    /// Where its lines begin.
    pub fn lines(&self) -> &LineIndex {
        self.lines.get_or_init(|| LineIndex::new(&self.text))
    }
}

/// Documents by their texts.
type Known<'f> = FxHashMap<&'f str, &'f Arc<Document>>;

fn read_part(text: &str, range: Range<usize>, known: &Known<'_>) -> Part {
    let chunk = text.get(range.clone()).unwrap_or_default();
    let document = match known.get(chunk) {
        Some(&document) => Arc::clone(document),
        None => Arc::new(read_document(chunk)),
    };
    Part { range, document }
}

/// JSON is one chunk: `---` cannot stand in it but inside a string.
fn is_one_chunk(text: &str) -> bool {
    tree::looks_like_json(text) && !text.contains("\n---")
}

fn split(text: &str) -> Vec<Range<usize>> {
    if is_one_chunk(text) {
        return std::iter::once(0..text.len()).collect();
    }
    source::documents(text)
}

/// A document with bytes that are no text: it is not evaluated, its neighbours are.
fn broken(fault: usize) -> Document {
    let makes_pods = std::iter::once(MakesPods::Anywhere).collect();
    let findings = vec![fault_at(fault)];
    Document { findings, makes_pods, is_incomplete: true, ..Document::default() }
}

fn fault_at(offset: usize) -> Diagnostic {
    Diagnostic::new(Code::Encoding, "not a text file: invalid UTF-8 or a NUL byte")
        .at(Span::new(offset, offset + 1))
        .with_help("save the file as UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_foreign(text: &str) -> bool {
        SourceFile::new("a.json", text.as_bytes()).found().is_foreign
    }

    #[test]
    fn one_value_of_another_program_does_not_make_a_policy_foreign() {
        let policy = r#"{"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":{"name":"p"},"spec":{"podSelector":{}}}"#;
        for other in [r#"{"a":1}"#, "{}"] {
            for text in [format!("{policy}\n{other}\n"), format!("{other}\n{policy}\n")] {
                let file = SourceFile::new("a.json", text.as_bytes()).found();
                assert!(!file.is_foreign, "{text}");
                assert_eq!(file.parts.iter().map(|p| p.document.objects.len()).sum::<usize>(), 1);
            }
        }
    }

    #[test]
    fn a_file_without_an_object_is_foreign() {
        for text in [r#"{"a":1}"#, "{\"a\":1}\n{\"b\":2}\n", "- a\n", "a: [", "a: 1\n---\n"] {
            assert!(is_foreign(text), "{text}");
        }
        for text in
            ["", "# nothing\n", r#"{"kind":"Pod"}"#, "kind: [", "{\"a\":1}\n{\"kind\":\"Pod\"}"]
        {
            assert!(!is_foreign(text), "{text}");
        }
    }
}

//! Files: named texts and the documents in them.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use rustc_hash::FxHashMap;

use super::document::{Document, read_document};
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

impl SourceFile {
    /// Reads a file.
    pub fn new(name: &str, bytes: &[u8]) -> Self {
        Self::read(name, bytes, &FxHashMap::default())
    }

    /// Reads a file again; documents whose text is in `before` are taken from there.
    pub fn update(name: &str, bytes: &[u8], before: &Self) -> Self {
        let known = before
            .parts
            .iter()
            .filter_map(|part| Some((before.text.get(part.range.clone())?, &part.document)));
        Self::read(name, bytes, &known.collect())
    }

    fn read(name: &str, bytes: &[u8], known: &FxHashMap<&str, &Arc<Document>>) -> Self {
        let decoded = source::decode(bytes);
        let text: Arc<str> = decoded.text.into();
        let mut faults = decoded.faults.into_iter().peekable();
        let parts = split(&text).into_iter().map(|range| {
            let chunk = text.get(range.clone()).unwrap_or_default();
            let fault = faults.next_if(|fault| range.contains(fault));
            while faults.next_if(|fault| range.contains(fault)).is_some() {}
            let document = match (fault, known.get(chunk)) {
                (Some(fault), _) => Arc::new(broken(fault - range.start)),
                (None, Some(&document)) => Arc::clone(document),
                (None, None) => Arc::new(read_document(chunk)),
            };
            Part { range, document }
        });
        let parts = parts.collect();
        Self { name: name.into(), text, parts, lines: OnceLock::new() }
    }

    /// Where its lines begin.
    pub fn lines(&self) -> &LineIndex {
        self.lines.get_or_init(|| LineIndex::new(&self.text))
    }
}

/// JSON is one chunk: `---` cannot stand in it but inside a string.
fn split(text: &str) -> Vec<Range<usize>> {
    if tree::looks_like_json(text) && !text.contains("\n---") {
        return std::iter::once(0..text.len()).collect();
    }
    source::documents(text)
}

/// A document with bytes that are no text: it is not evaluated, its neighbours are.
fn broken(fault: usize) -> Document {
    Document { findings: vec![fault_at(fault)], ..Document::default() }
}

fn fault_at(offset: usize) -> Diagnostic {
    Diagnostic::new(Code::Encoding, "this is no text: a byte that is not UTF-8, or a NUL")
        .at(Span::new(offset, offset + 1))
        .with_help("save the file as UTF-8")
}

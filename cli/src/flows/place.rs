//! Where flows stand in their file.

use portcullis_engine::source::LineIndex;
use portcullis_engine::tree::{Node, Value, read_trees};

/// Where a flow stands.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its place in the list, from 0.
    index: usize,
    pub file: String,
    pub line: Option<u32>,
    pub column: Option<u32>,
}

impl Place {
    /// Its number, from 1.
    pub fn number(&self) -> usize {
        self.index + 1
    }
}

/// Finds entries. The reader of values keeps no positions; the engine's reader does.
pub struct Places<'t> {
    text: &'t str,
    file: &'t str,
    lines: LineIndex,
    list: Option<Node<'t>>,
}

impl<'t> Places<'t> {
    pub fn new(text: &'t str, file: &'t str) -> Self {
        let trees = read_trees(text).whole().ok();
        Self {
            text,
            file,
            lines: LineIndex::new(text),
            list: trees.and_then(|trees| trees.documents.into_iter().next()),
        }
    }

    /// The place of an entry, or of a field of it.
    pub fn of(&self, index: usize, field: Option<&str>) -> Place {
        let entry = self.list.as_ref().and_then(|list| match &list.value {
            Value::Seq(entries) => entries.get(index),
            _ => None,
        });
        let value = entry.and_then(|entry| entry.get(field?));
        let start = value.or(entry).map(|node| node.span.start as usize);
        let at = start.map(|start| self.lines.position(self.text, start));
        Place {
            index,
            file: self.file.to_owned(),
            line: at.map(|at| at.line),
            column: at.map(|at| at.column),
        }
    }
}

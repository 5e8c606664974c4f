//! Anchors, and how much their aliases may make of a document.

use std::borrow::Cow;

use rustc_hash::FxHashMap;

use super::super::Fault;
use super::super::node::{Entry, Node, Value};
use super::super::scalar::Scalar;
use super::fault::at;
use super::key::Content;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

/// How much aliases may add to a document, in bytes as if it were written out: enough for any
/// real one, and far below what an alias bomb needs. In proportion to the text, or a file of many
/// small documents would cost as much as each of them may; and no more than this beyond twice
/// the text, or a large document would fill the memory.
const MOST_ADDED: usize = 8 << 20;

/// So many times as long as its text may a small document become.
const MOST_GROWTH: usize = 100;

/// The anchors of a document.
#[derive(Debug)]
pub struct Anchors<'t> {
    by_name: FxHashMap<Cow<'t, str>, State<'t>>,
    /// How many anchors have begun.
    begun: usize,
    /// What anchors and aliases have copied so far, and the most that they may.
    copied: usize,
    most: usize,
    /// How many values were read, the document itself among them, and how many of these are
    /// copies.
    values: u64,
    copies: u64,
}

/// An anchor of which the value is being read.
#[derive(Debug)]
pub struct Begun<'t> {
    name: Cow<'t, str>,
    number: usize,
    /// How many values had been read.
    values: u64,
}

/// What a name stands for.
#[derive(Debug)]
enum State<'t> {
    /// What is being read, the anchor of a number.
    Open(usize),
    /// What was read.
    Done(Anchor<'t>),
}

#[derive(Debug)]
struct Anchor<'t> {
    content: Content<'t>,
    /// How many values it has, itself among them.
    values: u64,
}

impl<'t> Anchors<'t> {
    /// None yet, in a text of a length.
    pub fn new(length: usize) -> Self {
        let most = length.saturating_mul(MOST_GROWTH).min(MOST_ADDED) + 2 * length;
        Self { by_name: FxHashMap::default(), begun: 0, copied: 0, most, values: 1, copies: 0 }
    }

    /// Counts a value.
    pub fn count(&mut self, span: Span) -> Result<(), Fault> {
        self.values += 1;
        self.check(span)
    }

    /// Counts a value less: a key that merges is none.
    pub fn uncount(&mut self) {
        self.values -= 1;
    }

    /// An anchor begins: from here on, its name means what follows.
    pub fn begin(&mut self, name: Cow<'t, str>) -> Begun<'t> {
        self.begun += 1;
        self.by_name.insert(name.clone(), State::Open(self.begun));
        Begun { name, number: self.begun, values: self.values }
    }

    /// An anchor has been read. Its name means something else by now if it stands within, too.
    pub fn define(
        &mut self,
        begun: Begun<'t>,
        content: &Content<'t>,
        span: Span,
    ) -> Result<(), Fault> {
        // Anchors around anchors copy what is in them once for each.
        self.copied += written_out(content);
        within(self.copied, self.most, span)?;
        let values = self.values - begun.values;
        let state = self.by_name.get_mut(&begun.name);
        if let Some(state) =
            state.filter(|state| matches!(state, State::Open(number) if *number == begun.number))
        {
            *state = State::Done(Anchor { content: content.clone(), values });
        }
        Ok(())
    }

    /// What an alias stands for.
    pub fn resolve(&mut self, name: &str, span: Span) -> Result<Content<'t>, Fault> {
        let place = span.start as usize;
        let Some(found) = self.by_name.get(name) else {
            return at(format!("no anchor `&{name}` stands before this alias"), place);
        };
        let State::Done(anchor) = found else {
            return at("an alias inside the value that it refers to", place);
        };
        self.copies += anchor.values;
        self.values += anchor.values;
        let length = written_out(&anchor.content);
        self.copied += length;
        let content = match within(self.copied, self.most, span)? {
            () if matches!(anchor.content, Content::Merge) => {
                Content::Scalar(Scalar::Str("<<".into()))
            }
            () => anchor.content.clone(),
        };
        self.check(span)?;
        Ok(content)
    }

    /// As `go-yaml` limits what aliases make of a document: 99 of 100 values may be copies where
    /// there are few, one in ten where there are very many.
    fn check(&self, span: Span) -> Result<(), Fault> {
        const FEW: f64 = 400_000.0;
        const MANY: f64 = 4_000_000.0;
        if self.copies <= 100 || self.values <= 1_000 {
            return Ok(());
        }
        #[expect(clippy::cast_precision_loss, reason = "no text has that many values")]
        let (copies, values) = (self.copies as f64, self.values as f64);
        let share = ((values - FEW) / (MANY - FEW)).clamp(0.0, 1.0);
        if copies / values <= 0.99 - 0.89 * share {
            return Ok(());
        }
        let message = "aliases make up too much of this document";
        Err(Box::new(Diagnostic::new(Code::Limits, message).at(span)))
    }
}

fn within(copied: usize, most: usize, span: Span) -> Result<(), Fault> {
    if copied <= most {
        return Ok(());
    }
    let message = format!("aliases expand to more than {most} bytes");
    Err(Box::new(Diagnostic::new(Code::Limits, message).at(span)))
}

/// How many bytes a value takes without aliases, about.
fn written_out(content: &Content<'_>) -> usize {
    match content {
        Content::Collection(value) => value_written_out(value),
        Content::Scalar(Scalar::Str(text)) => SIGNS + text.len(),
        _ => SIGNS,
    }
}

const SIGNS: usize = 2;

fn value_written_out(value: &Value<'_>) -> usize {
    let entry = |entry: &Entry<'_>| entry.key.len() + SIGNS + value_written_out(&entry.value.value);
    let item = |item: &Node<'_>| value_written_out(&item.value);
    match value {
        Value::Seq(items) => SIGNS + items.iter().map(item).sum::<usize>(),
        Value::Map(entries) => SIGNS + entries.iter().map(entry).sum::<usize>(),
        Value::Str(text) => SIGNS + text.len(),
        _ => SIGNS,
    }
}

//! Anchors, and how much their aliases may make of a document.

use std::borrow::Cow;

use rustc_hash::FxHashMap;

use super::super::node::{Entry, Value};
use super::super::scalar::Scalar;
use super::super::{DEEPEST, Fault};
use super::fault::{at, too_deep};
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
    size: Size,
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
        let size = Size::of(content);
        self.copied += size.bytes;
        within(self.copied, self.most, span)?;
        let values = self.values - begun.values;
        let state = self.by_name.get_mut(&begun.name);
        if let Some(state) =
            state.filter(|state| matches!(state, State::Open(number) if *number == begun.number))
        {
            *state = State::Done(Anchor { content: content.clone(), values, size });
        }
        Ok(())
    }

    /// What an alias stands for, in so many lists and mappings.
    pub fn resolve(&mut self, name: &str, span: Span, depth: usize) -> Result<Content<'t>, Fault> {
        let place = span.start as usize;
        let Some(found) = self.by_name.get(name) else {
            return at(format!("no anchor `&{name}` stands before this alias"), place);
        };
        let State::Done(anchor) = found else {
            return at("an alias inside the value that it refers to", place);
        };
        self.copies += anchor.values;
        self.values += anchor.values;
        if depth + anchor.size.height > DEEPEST {
            return Err(Box::new(too_deep(span)));
        }
        self.copied += anchor.size.bytes;
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

/// What a value takes without aliases.
#[derive(Clone, Copy, Debug)]
struct Size {
    /// Bytes, about.
    bytes: usize,
    /// Lists and mappings in each other; none in a single value.
    height: usize,
}

const SIGNS: usize = 2;

impl Size {
    fn of(content: &Content<'_>) -> Self {
        match content {
            Content::Collection(value) => Self::of_value(value),
            Content::Scalar(Scalar::Str(text)) => Self::single(text.len()),
            _ => Self::single(0),
        }
    }

    fn of_value(value: &Value<'_>) -> Self {
        let whole = |parts: &mut dyn Iterator<Item = Self>| {
            let empty = Self { bytes: SIGNS, height: 1 };
            parts.fold(empty, |whole, part| Self {
                bytes: whole.bytes + part.bytes,
                height: whole.height.max(part.height + 1),
            })
        };
        match value {
            Value::Seq(items) => whole(&mut items.iter().map(|item| Self::of_value(&item.value))),
            Value::Map(entries) => whole(&mut entries.iter().map(Self::of_entry)),
            Value::Str(text) => Self::single(text.len()),
            _ => Self::single(0),
        }
    }

    fn of_entry(entry: &Entry<'_>) -> Self {
        let value = Self::of_value(&entry.value.value);
        Self { bytes: value.bytes + entry.key.len() + SIGNS, ..value }
    }

    fn single(length: usize) -> Self {
        Self { bytes: SIGNS + length, height: 0 }
    }
}

//! What stands at a position of a text.
//!
//! Whoever writes is nearly always in the middle of something that does not parse yet. So the text is
//! completed at the position, in each of a few ways, until it does: then the reader of all manifests
//! says where the position is, and what stands around it.

use std::borrow::Cow;
use std::ops::Range;

use super::schema::{self, Shape};
use crate::source::Span;
use crate::tree::{self, Entry, Node, Value};

/// What marks the position in a completed text: a character that no manifest has.
const MARK: char = '\u{E000}';

/// A document's text, completed at a position.
pub struct Completed<'t> {
    text: Cow<'t, str>,
    /// Where the position's line is in the text as it was written.
    line: Range<usize>,
    position: usize,
}

/// What is to be written at a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A key of a mapping.
    Key,
    /// A value, or an item of a list.
    Value,
}

/// A step from an object to a part of it.
#[derive(Clone, Copy, Debug)]
pub enum Step<'n, 't> {
    /// To the value of a key.
    Key(&'n Entry<'t>),
    /// To an item of a list.
    Item(usize),
}

/// A place in an object.
pub struct Spot<'n, 't> {
    /// The object that it is in.
    pub object: &'n Node<'t>,
    /// The way there, from the object.
    pub steps: Vec<Step<'n, 't>>,
    /// What the steps lead to, and through: as many and one more, the object first.
    pub nodes: Vec<&'n Node<'t>>,
    /// Whether a key is meant, or a value.
    pub wanted: Wanted,
    /// What is written of it up to the position, and whether it is in quotes.
    pub typed: String,
    /// What stands there, as offsets in the text that was searched.
    pub span: Span,
}

impl<'n, 't> Spot<'n, 't> {
    /// The key whose value is meant, if the spot is one; of a list's item, that of the list.
    pub fn key(&self) -> Option<&'n str> {
        self.steps.iter().rev().find_map(|step| match step {
            Step::Key(entry) => Some(&*entry.key),
            Step::Item(_) => None,
        })
    }

    /// The mapping, list or value that a number of steps leads to.
    pub fn parent(&self) -> &'n Node<'t> {
        self.nodes.last().copied().unwrap_or(self.object)
    }

    /// What the schema says of the place; none where it says nothing.
    pub fn shape(&self) -> Option<Shape> {
        let shapes = self.shapes();
        (shapes.len() == self.steps.len() + 1).then(|| shapes.last().copied()).flatten()
    }

    /// What the schema says of what the steps lead through, the object first, as far as it goes.
    pub fn shapes(&self) -> Vec<Shape> {
        let mut shapes = vec![shape_of(self.object)];
        for step in &self.steps {
            let next = shapes.last().and_then(|shape| match step {
                Step::Key(entry) => shape.at_key(&entry.key),
                Step::Item(_) => shape.item(),
            });
            match next {
                Some(next) => shapes.push(next),
                None => break,
            }
        }
        shapes
    }
}

/// The fields of an object, by what it says it is.
pub fn shape_of(object: &Node<'_>) -> Shape {
    let text = |key: &str| object.get(key).and_then(Node::as_str);
    let kind = text("apiVersion").zip(text("kind"));
    let known = kind.and_then(|(version, kind)| schema::kind(version, kind));
    known.map_or_else(schema::of_any, |kind| Shape::Fields(kind.fields))
}

/// The object of a document that is at an offset: the document itself, or an item of a list of
/// objects.
pub fn object_at<'n, 't>(document: &'n Node<'t>, has: &dyn Fn(&Node<'_>) -> bool) -> &'n Node<'t> {
    let is_list =
        document.get("kind").and_then(Node::as_str).is_some_and(|kind| kind.ends_with("List"));
    let items = document.get("items").map(Node::items).unwrap_or_default();
    match items.iter().find(|item| is_list && has(item)) {
        Some(item) => object_at(item, has),
        None => document,
    }
}

/// The ways to complete a text at a position, the one that changes least first.
pub fn completed(text: &str, position: usize) -> Vec<Completed<'_>> {
    let start = text.get(..position).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
    let rest = text.get(position..).unwrap_or_default();
    let end = position + rest.find(['\n', '\r']).unwrap_or(rest.len());
    let line = start..end;
    let written = text.get(line.clone()).unwrap_or_default();
    let within = position - start;
    let indent = written.len() - written.trim_start_matches(' ').len();
    let marked = |suffix: &str| {
        let (before, after) = written.split_at_checked(within).unwrap_or((written, ""));
        format!("{before}{MARK}{after}{suffix}")
    };
    let blank = " ".repeat(indent.min(within));
    let mut lines = vec![marked(""), marked(":")];
    if written.trim().is_empty() {
        lines =
            vec![format!("{blank}{MARK}:"), format!("{blank}- {MARK}"), format!("{blank}{MARK}")];
    } else if !written.contains(':') && !written.trim_start().starts_with("- ") {
        // A word alone on its line is a key that is being written, more likely than a text over
        // several lines.
        lines.swap(0, 1);
    }
    let whole = lines.iter().map(|line| (line, true));
    let cut = lines.iter().map(|line| (line, false));
    let replaced = whole.chain(cut).map(|(new, is_whole)| {
        let before = text.get(..start).unwrap_or_default();
        let after = if is_whole { text.get(end..).unwrap_or_default() } else { "\n" };
        Completed {
            text: Cow::Owned(format!("{before}{new}{after}")),
            line: line.clone(),
            position,
        }
    });
    replaced.collect()
}

impl Completed<'_> {
    /// What `then` says of the place; none if the text does not parse, or has no such place.
    pub fn at<R>(&self, then: impl FnOnce(&Spot<'_, '_>) -> R) -> Option<R> {
        let trees = tree::read_whole_trees(&self.text);
        if trees.fault.is_some() {
            return None;
        }
        trees.documents.iter().find_map(find_mark).map(|spot| then(&spot))
    }

    /// Whether nothing but indentation stands before a spot on its line.
    pub fn is_on_own_line(&self, spot: &Spot<'_, '_>) -> bool {
        let before = self.text.get(..spot.span.start as usize).unwrap_or_default();
        let line = before.rsplit('\n').next().unwrap_or_default();
        line.trim_start_matches([' ', '-']).is_empty()
    }

    /// The range of the text as it was written that a spot of the completed one replaces.
    pub fn range(&self, spot: &Spot<'_, '_>) -> Range<usize> {
        let marked = self.text.find(MARK).unwrap_or(self.position);
        let start = (spot.span.start as usize).min(marked);
        let word = self.text.get(start..spot.span.end as usize).unwrap_or_default();
        let before = marked - start;
        let after = word.len().saturating_sub(before + MARK.len_utf8());
        let first = self.position.saturating_sub(before);
        let last = (self.position + after).min(self.line.end);
        first..last.max(first)
    }
}

/// The place of the mark in a document.
fn find_mark<'n, 't>(document: &'n Node<'t>) -> Option<Spot<'n, 't>> {
    let mut way = Way { steps: Vec::new(), nodes: Vec::new() };
    let object = object_at(document, &has_mark);
    way.nodes.push(object);
    let (wanted, typed, span) = way.find(object)?;
    let before = typed.split(MARK).next().unwrap_or_default().to_owned();
    Some(Spot { object, steps: way.steps, nodes: way.nodes, wanted, typed: before, span })
}

struct Way<'n, 't> {
    steps: Vec<Step<'n, 't>>,
    nodes: Vec<&'n Node<'t>>,
}

impl<'n, 't> Way<'n, 't> {
    /// What stands at the mark below a node, and the steps to it; those that led nowhere are gone.
    fn find(&mut self, node: &'n Node<'t>) -> Option<(Wanted, String, Span)> {
        match &node.value {
            Value::Str(text) => {
                text.contains(MARK).then(|| (Wanted::Value, text.to_string(), node.span))
            }
            Value::Map(entries) => entries.iter().find_map(|entry| self.entry(entry)),
            Value::Seq(items) => {
                let mut items = items.iter().enumerate();
                items.find_map(|(index, item)| self.step(Step::Item(index), item))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => None,
        }
    }

    fn entry(&mut self, entry: &'n Entry<'t>) -> Option<(Wanted, String, Span)> {
        if entry.key.contains(MARK) {
            return Some((Wanted::Key, entry.key.to_string(), entry.key_span));
        }
        self.step(Step::Key(entry), &entry.value)
    }

    fn step(&mut self, step: Step<'n, 't>, node: &'n Node<'t>) -> Option<(Wanted, String, Span)> {
        self.steps.push(step);
        self.nodes.push(node);
        let found = self.find(node);
        if found.is_none() {
            self.steps.pop();
            self.nodes.pop();
        }
        found
    }
}

fn has_mark(node: &Node<'_>) -> bool {
    match &node.value {
        Value::Str(text) => text.contains(MARK),
        Value::Map(entries) => {
            entries.iter().any(|entry| entry.key.contains(MARK) || has_mark(&entry.value))
        }
        Value::Seq(items) => items.iter().any(has_mark),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The place that is at an offset of a document as it is written.
pub fn at<'n, 't>(document: &'n Node<'t>, offset: u32) -> Spot<'n, 't> {
    let covers = |span: Span| span.start <= offset && offset <= span.end;
    let object = object_at(document, &|node| covers(node.span));
    let mut spot = Spot {
        object,
        steps: Vec::new(),
        nodes: vec![object],
        wanted: Wanted::Value,
        typed: String::new(),
        span: object.span,
    };
    let mut node = object;
    loop {
        let (step, next) = match &node.value {
            Value::Map(entries) => {
                // The last that begins before it: an entry goes as far as the next one.
                let own = entries.iter().filter(|entry| entry.key_span.start <= offset);
                let Some(entry) = own.max_by_key(|entry| entry.key_span.start) else { break };
                if covers(entry.key_span) {
                    spot.steps.push(Step::Key(entry));
                    spot.nodes.push(&entry.value);
                    (spot.wanted, spot.span) = (Wanted::Key, entry.key_span);
                    break;
                }
                (Step::Key(entry), &entry.value)
            }
            Value::Seq(items) => {
                let own = items.iter().enumerate().filter(|(_, item)| item.span.start <= offset);
                let Some((index, item)) = own.max_by_key(|(_, item)| item.span.start) else {
                    break;
                };
                (Step::Item(index), item)
            }
            _ => break,
        };
        if !covers(next.span) {
            break;
        }
        spot.steps.push(step);
        spot.nodes.push(next);
        spot.span = next.span;
        node = next;
    }
    spot
}

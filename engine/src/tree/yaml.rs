//! YAML as a tree with byte offsets, with the meaning that the API server gives it.
//!
//! The parser (a library) turns text into events; here events become values: YAML 1.1 scalars,
//! anchors and aliases, merge keys, tags, keys as strings.

use std::borrow::Cow;

use base64::Engine as _;
use granit_parser::{Event, Options, Parser, ScalarStyle, ScanError, Tag};
use rustc_hash::FxHashMap;

use super::merge::{Merge, merged};
use super::node::{Entry, Node, Value};
use super::{Fault, Trees, scalar};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

/// How much aliases may add to a document, in bytes as if it were written out: enough for any
/// real one, and far below what an alias bomb needs. In proportion to the text, or a file of many
/// small documents would cost as much as each of them may; and no more than this beyond twice
/// the text, or a large document would fill the memory.
const MOST_ADDED: usize = 8 << 20;

/// So many times as long as its text may a small document become.
const MOST_GROWTH: usize = 100;

/// Reads the documents of one chunk.
pub fn read(text: &str) -> Result<Trees<'_>, Fault> {
    let mut options = Options::default();
    options.set_emit_comments(false);
    let mut parser = Parser::new_from_str_with_options(text, options);
    let most = text.len().saturating_mul(MOST_GROWTH).min(MOST_ADDED) + 2 * text.len();
    let mut builder = Builder { most, ..Builder::default() };
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| Box::new(failure(&error, text)))?;
        let range = span.byte_range().unwrap_or_default();
        builder.event(event, Span::new(range.start, range.end))?;
    }
    let documents =
        builder.documents.into_iter().filter(|node| node.value != Value::Null).collect();
    Ok(Trees { documents, findings: builder.findings })
}

fn failure(error: &ScanError, text: &str) -> Diagnostic {
    let at = error.marker().byte_offset().unwrap_or(0).min(text.len());
    let span = Span::new(at, at + 1);
    let info = error.info();
    if info.contains("recursion") {
        return too_deep(span);
    }
    let finding = Diagnostic::new(Code::Syntax, format!("not valid YAML: {info}")).at(span);
    let line = text.get(at..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    if text.contains("{{") {
        return finding.with_help(
            "this looks like a template: render it first, for example with `helm template`",
        );
    }
    if line.starts_with('\t') || text.contains("\n\t") {
        return finding.with_help("indent with spaces: YAML does not allow tabs there");
    }
    finding
}

/// The finding for a document that nests too deep.
pub fn too_deep(span: Span) -> Diagnostic {
    Diagnostic::new(Code::Limits, format!("nested deeper than {} levels", super::DEEPEST)).at(span)
}

/// A collection that is being read.
enum Frame<'t> {
    Seq {
        items: Vec<Node<'t>>,
        span: Span,
        anchor: usize,
    },
    Map {
        entries: Vec<Entry<'t>>,
        merges: Vec<Merge<'t>>,
        key: Option<Key<'t>>,
        span: Span,
        anchor: usize,
    },
}

/// A key that waits for its value.
enum Key<'t> {
    Plain(Cow<'t, str>, Span),
    Merge,
}

#[derive(Default)]
struct Builder<'t> {
    documents: Vec<Node<'t>>,
    stack: Vec<Frame<'t>>,
    anchors: FxHashMap<usize, Node<'t>>,
    /// What anchors and aliases have copied so far, and the most that they may.
    copied: usize,
    most: usize,
    findings: Vec<Diagnostic>,
}

impl<'t> Builder<'t> {
    fn event(&mut self, event: Event<'t>, span: Span) -> Result<(), Fault> {
        match event {
            Event::DocumentStart(..) => {
                self.anchors.clear();
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                // An empty value is reported as `~` over no bytes.
                let empty = span.start == span.end && style == ScalarStyle::Plain;
                let text = if empty { Cow::Borrowed("") } else { text };
                self.scalar(text, style, (anchor, tag.as_deref()), span)
            }
            Event::SequenceStart(_, anchor, _) => {
                self.stack.push(Frame::Seq { items: Vec::new(), span, anchor });
                Ok(())
            }
            Event::MappingStart(_, anchor, _) => {
                let (entries, merges) = (Vec::new(), Vec::new());
                self.stack.push(Frame::Map { entries, merges, key: None, span, anchor });
                Ok(())
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            Event::Alias(anchor) => self.alias(anchor, span),
            _ => Ok(()),
        }
    }

    fn scalar(
        &mut self,
        text: Cow<'t, str>,
        style: ScalarStyle,
        (anchor, tag): (usize, Option<&Tag>),
        span: Span,
    ) -> Result<(), Fault> {
        let merge = style == ScalarStyle::Plain && text == "<<" && tag.is_none();
        if merge && let Some(Frame::Map { key: key @ None, .. }) = self.stack.last_mut() {
            *key = Some(Key::Merge);
            return Ok(());
        }
        let value = value_of(text, style, tag, span)?;
        self.add(Node { value, span }, anchor)
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), Fault> {
        let Some(target) = self.anchors.get(&anchor) else {
            let message = "an alias inside the value that it refers to";
            return Err(Box::new(Diagnostic::new(Code::Syntax, message).at(span)));
        };
        self.copied += written_out(target);
        within(self.copied, self.most, span)?;
        let mut node = target.clone();
        node.span = span;
        self.add(node, 0)
    }

    fn close(&mut self, end: Span) -> Result<(), Fault> {
        match self.stack.pop() {
            Some(Frame::Seq { items, span, anchor }) => {
                let last = items.last().map(|item| item.span.end);
                let span = whole(span, end, last);
                self.add(Node { value: Value::Seq(items), span }, anchor)
            }
            Some(Frame::Map { entries, merges, span, anchor, .. }) => {
                let last = entries.last().map(|entry| entry.value.span.end.max(entry.key_span.end));
                let span = whole(span, end, last);
                let entries = merged(entries, merges, &mut self.findings);
                self.add(Node { value: Value::Map(entries), span }, anchor)
            }
            None => Ok(()),
        }
    }

    /// Puts a finished node where it belongs: a document, an item, a key or a value.
    fn add(&mut self, node: Node<'t>, anchor: usize) -> Result<(), Fault> {
        if anchor != 0 {
            // Anchors around anchors copy what is in them once for each.
            self.copied += written_out(&node);
            within(self.copied, self.most, node.span)?;
            self.anchors.insert(anchor, node.clone());
        }
        match self.stack.last_mut() {
            None => self.documents.push(node),
            Some(Frame::Seq { items, .. }) => items.push(node),
            Some(Frame::Map { entries, merges, key, .. }) => match key.take() {
                None => *key = Some(Key::Plain(key_text(node.value, node.span)?, node.span)),
                Some(Key::Plain(key, key_span)) => {
                    entries.push(Entry { key, key_span, value: node });
                }
                Some(Key::Merge) => merges.push(Merge::new(entries.len(), node)?),
            },
        }
        Ok(())
    }
}

/// The span of a collection: to its closing bracket, or to the end of its last part in block
/// style, whose end event stands on the next token.
fn whole(start: Span, end: Span, last: Option<u32>) -> Span {
    let flow = start.end > start.start;
    Span { start: start.start, end: if flow { end.end } else { last.unwrap_or(start.end) } }
}

fn value_of<'t>(
    text: Cow<'t, str>,
    style: ScalarStyle,
    tag: Option<&Tag>,
    span: Span,
) -> Result<Value<'t>, Fault> {
    let Some(tag) = tag else {
        let plain = style == ScalarStyle::Plain;
        return Ok(if plain { scalar::resolve_plain(text) } else { Value::Str(text) });
    };
    let core = tag.handle() == "tag:yaml.org,2002:";
    match tag.suffix() {
        "binary" if core => binary(&text, span),
        "str" if core => Ok(Value::Str(text)),
        "null" if core => Ok(Value::Null),
        "int" | "float" | "bool" if core => Ok(scalar::resolve_plain(text)),
        _ => Ok(Value::Str(text)),
    }
}

fn binary<'t>(text: &str, span: Span) -> Result<Value<'t>, Fault> {
    let compact: String = text.split_ascii_whitespace().collect();
    let bytes = base64::engine::general_purpose::STANDARD.decode(compact).ok();
    match bytes.and_then(|bytes| String::from_utf8(bytes).ok()) {
        Some(text) => Ok(Value::Str(text.into())),
        None => Err(Box::new(
            Diagnostic::new(Code::Syntax, "a `!!binary` value that is not valid base64 text")
                .at(span),
        )),
    }
}

/// A key as the string that JSON needs: `1:` is `"1"`, `yes:` is `"true"`.
fn key_text(value: Value<'_>, span: Span) -> Result<Cow<'_, str>, Fault> {
    match value {
        Value::Str(text) => Ok(text),
        Value::Bool(value) => Ok(if value { "true" } else { "false" }.into()),
        Value::Number(number) => Ok(number.to_string().into()),
        Value::Null | Value::Seq(_) | Value::Map(_) => {
            let message = format!("a key must be a string, not {}", value.describe());
            Err(Box::new(Diagnostic::new(Code::Syntax, message).at(span)))
        }
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
fn written_out(node: &Node<'_>) -> usize {
    const SIGNS: usize = 2;
    let entry = |entry: &Entry<'_>| entry.key.len() + SIGNS + written_out(&entry.value);
    match &node.value {
        Value::Seq(items) => SIGNS + items.iter().map(written_out).sum::<usize>(),
        Value::Map(entries) => SIGNS + entries.iter().map(entry).sum::<usize>(),
        Value::Str(text) => SIGNS + text.len(),
        _ => SIGNS,
    }
}

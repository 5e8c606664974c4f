//! YAML as a tree with byte offsets, with the meaning that the API server gives it.
//!
//! The parser (a library) turns text into events; here events become values: YAML 1.1 scalars,
//! anchors and aliases, merge keys, tags, keys as strings.

use std::borrow::Cow;

use base64::Engine as _;
use granit_parser::{Event, Options, Parser, ScalarStyle, ScanError, Tag};
use rustc_hash::{FxHashMap, FxHashSet};

use super::node::{Entry, Node, Value};
use super::{Fault, Trees, scalar};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

/// How many nodes aliases may add to a document: enough for any real one, and far below what
/// an alias bomb needs.
const MOST_ALIASED: usize = 1_000_000;

/// Reads the documents of one chunk.
pub fn read(text: &str) -> Result<Trees<'_>, Fault> {
    let mut options = Options::default();
    options.set_emit_comments(false);
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut builder = Builder::default();
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
    let finding = Diagnostic::new(Code::Syntax, format!("this is no valid YAML: {info}")).at(span);
    let line = text.get(at..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    if text.contains("{{") {
        return finding.with_help(
            "this looks like a template: render it first, for example with `helm template`",
        );
    }
    if line.starts_with('\t') || text.contains("\n\t") {
        return finding.with_help("indent with blanks: YAML allows no tabs there");
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
        merged: Vec<Entry<'t>>,
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
    aliased: usize,
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
                let (entries, merged) = (Vec::new(), Vec::new());
                self.stack.push(Frame::Map { entries, merged, key: None, span, anchor });
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
            let message = "an alias inside the value that it names";
            return Err(Box::new(Diagnostic::new(Code::Syntax, message).at(span)));
        };
        self.aliased += count(target);
        if self.aliased > MOST_ALIASED {
            let message = format!("aliases expand to more than {MOST_ALIASED} values");
            return Err(Box::new(Diagnostic::new(Code::Limits, message).at(span)));
        }
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
            Some(Frame::Map { entries, merged, span, anchor, .. }) => {
                let last = entries.last().map(|entry| entry.value.span.end.max(entry.key_span.end));
                let span = whole(span, end, last);
                let mut entries = last_of_each_key(entries, &mut self.findings);
                for entry in merged {
                    if !entries.iter().any(|own| own.key == entry.key) {
                        entries.push(entry);
                    }
                }
                self.add(Node { value: Value::Map(entries), span }, anchor)
            }
            None => Ok(()),
        }
    }

    /// Puts a finished node where it belongs: a document, an item, a key or a value.
    fn add(&mut self, node: Node<'t>, anchor: usize) -> Result<(), Fault> {
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.stack.last_mut() {
            None => self.documents.push(node),
            Some(Frame::Seq { items, .. }) => items.push(node),
            Some(Frame::Map { entries, merged, key, .. }) => match key.take() {
                None => *key = Some(Key::Plain(key_text(node.value, node.span)?, node.span)),
                Some(Key::Plain(key, key_span)) => {
                    entries.push(Entry { key, key_span, value: node });
                }
                Some(Key::Merge) => {
                    let span = node.span;
                    let mut added = Vec::new();
                    merge(&mut added, node)?;
                    override_keys((entries, merged), &added, span, &mut self.findings);
                    merged.extend(added);
                }
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
            Diagnostic::new(Code::Syntax, "`!!binary` without valid base64 text").at(span),
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

/// Takes the entries of `<<: *base` or `<<: [*a, *b]`, of which the first wins.
fn merge<'t>(merged: &mut Vec<Entry<'t>>, node: Node<'t>) -> Result<(), Fault> {
    match node.value {
        Value::Map(entries) => merged.extend(entries),
        Value::Seq(items) => {
            for item in items {
                merge(merged, item)?;
            }
        }
        _ => {
            let message = "`<<` takes a mapping or a list of mappings";
            return Err(Box::new(Diagnostic::new(Code::Syntax, message).at(node.span)));
        }
    }
    let mut seen = FxHashSet::default();
    merged.retain(|entry| seen.insert(entry.key.clone()));
    Ok(())
}

/// Drops what a merge overrides: as the API server reads it, that is every such key above it, of
/// another merge or the mapping's own. Only keys below a merge override what it brings.
fn override_keys(
    (entries, merged): (&mut Vec<Entry<'_>>, &mut Vec<Entry<'_>>),
    added: &[Entry<'_>],
    span: Span,
    findings: &mut Vec<Diagnostic>,
) {
    let brings = |key: &str| added.iter().any(|entry| entry.key == key);
    merged.retain(|entry| !brings(&entry.key));
    entries.retain(|entry| {
        let stays = !brings(&entry.key);
        if !stays {
            let message = format!("the key `{}` is overridden by the `<<` below it", entry.key);
            let finding = Diagnostic::new(Code::DuplicateKey, message).at(span);
            findings.push(finding.with_help("put `<<` first, then the keys that differ"));
        }
        stays
    });
}

fn count(node: &Node<'_>) -> usize {
    match &node.value {
        Value::Seq(items) => 1 + items.iter().map(count).sum::<usize>(),
        Value::Map(entries) => 1 + entries.iter().map(|entry| count(&entry.value)).sum::<usize>(),
        _ => 1,
    }
}

/// Drops all but the last entry of each key and reports those dropped.
pub fn last_of_each_key<'t>(
    mut entries: Vec<Entry<'t>>,
    findings: &mut Vec<Diagnostic>,
) -> Vec<Entry<'t>> {
    // Small mappings are compared pairwise, which costs no memory.
    const FEW: usize = 12;
    let repeats = if entries.len() <= FEW {
        let mut rest = entries.as_slice();
        std::iter::from_fn(|| {
            let (first, others) = rest.split_first()?;
            rest = others;
            Some(others.iter().any(|other| other.key == first.key))
        })
        .any(|repeated| repeated)
    } else {
        let mut seen = FxHashSet::default();
        !entries.iter().all(|entry| seen.insert(&*entry.key))
    };
    if !repeats {
        return entries;
    }
    let mut seen: FxHashSet<Cow<'t, str>> = FxHashSet::default();
    for entry in &entries {
        if !seen.insert(entry.key.clone()) {
            let message =
                format!("the key `{}` stands above already, and the last one wins", entry.key);
            let finding = Diagnostic::new(Code::DuplicateKey, message).at(entry.key_span);
            findings.push(finding.with_help("remove one of the two"));
        }
    }
    entries.reverse();
    seen.clear();
    entries.retain(|entry| seen.insert(entry.key.clone()));
    entries.reverse();
    entries
}

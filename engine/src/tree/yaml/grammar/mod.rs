//! From tokens to a tree, as `go-yaml` makes it.

mod collections;
mod scalars;

use std::borrow::Cow;

use super::super::node::Node;
use super::super::{DEEPEST, Fault};
use super::anchors::Anchors;
use super::fault::{at, too_deep};
use super::key::Content;
use super::scan::Scanner;
use super::token::{Head, Kind};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

/// Reads one document.
#[derive(Debug)]
pub struct Grammar<'t> {
    scanner: Scanner<'t>,
    anchors: Anchors<'t>,
    depth: usize,
    findings: Vec<Diagnostic>,
}

/// What may stand at a place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Between brackets.
    Flow,
    /// Elsewhere.
    Block,
    /// As the value of a key: a list there need not be further in than its key.
    Value,
}

/// What stands before a value.
#[derive(Default)]
struct Properties<'t> {
    anchor: Option<Cow<'t, str>>,
    tag: Option<Cow<'t, str>>,
}

/// A tree, if there is one, and what was found in it.
pub type Document<'t> = (Option<Node<'t>>, Vec<Diagnostic>);

impl<'t> Grammar<'t> {
    /// Reads what follows some bytes of a text.
    pub fn new(text: &'t str, start: usize) -> Self {
        Self {
            scanner: Scanner::new(text, start),
            anchors: Anchors::new(text.len()),
            depth: 0,
            findings: Vec::new(),
        }
    }

    /// Reads the document, before which a `---` may have been read already. What follows its end
    /// is not read, which is a finding.
    pub fn document(mut self, is_separated: bool) -> Result<Document<'t>, Fault> {
        let has_start = self.scanner.peek()?.kind == Kind::DocumentStart;
        if has_start {
            self.scanner.take();
        }
        let root = match self.scanner.peek()?.kind {
            Kind::End => None,
            Kind::DocumentStart | Kind::DocumentEnd if has_start || is_separated => None,
            _ => Some(self.value(Place::Block)?),
        };
        let mut next = self.scanner.peek()?;
        if next.kind == Kind::DocumentEnd {
            self.scanner.take();
            next = self.scanner.peek().unwrap_or(Head { kind: Kind::Plain, ..next });
        }
        if next.kind != Kind::End {
            self.findings.push(unread(next));
        }
        Ok((root, self.findings))
    }

    /// A value, of which it is not known yet whether it is a key.
    fn content(&mut self, place: Place) -> Result<(Content<'t>, Span), Fault> {
        let first = self.scanner.peek()?;
        if first.kind == Kind::Alias {
            let name = self.scanner.take().text;
            self.anchors.count(span(first))?;
            return Ok((self.anchors.resolve(&name, span(first), self.depth)?, span(first)));
        }
        let Properties { anchor, tag } = self.properties()?;
        let begun = anchor.map(|name| self.anchors.begin(name));
        let head = self.scanner.peek()?;
        self.anchors.count(span(head))?;
        let (content, span) = match collections::start(head.kind, place) {
            Some(form) => self.nested(form, head)?,
            None => self.single(head, tag, begun.is_some())?,
        };
        if let Some(begun) = begun {
            self.anchors.define(begun, &content, span)?;
        }
        Ok((content, span))
    }

    /// A value that is no key.
    fn value(&mut self, place: Place) -> Result<Node<'t>, Fault> {
        let (content, span) = self.content(place)?;
        Ok(Node { value: content.into_value(span)?, span })
    }

    /// Nothing, where a value could stand.
    fn nothing(&mut self, place: usize) -> Result<Node<'t>, Fault> {
        let span = Span::new(place, place);
        self.anchors.count(span)?;
        Ok(Node { value: super::super::Value::Null, span })
    }

    fn properties(&mut self) -> Result<Properties<'t>, Fault> {
        let mut properties = Properties::default();
        loop {
            let head = self.scanner.peek()?;
            let place = match head.kind {
                Kind::Anchor => &mut properties.anchor,
                Kind::Tag => &mut properties.tag,
                Kind::UnknownTag => {
                    return at("a tag of which nothing says what it is", head.start);
                }
                _ => return Ok(properties),
            };
            if place.is_some() {
                return Ok(properties);
            }
            *place = Some(self.scanner.take().text);
        }
    }

    /// A list or mapping, if it is not too deep.
    fn nested(
        &mut self,
        form: collections::Form,
        head: Head,
    ) -> Result<(Content<'t>, Span), Fault> {
        if self.depth >= DEEPEST {
            return Err(Box::new(too_deep(Span::new(head.start, head.start + 1))));
        }
        self.depth += 1;
        let node = self.collection(form, head)?;
        self.depth -= 1;
        Ok((Content::Collection(node.value), node.span))
    }
}

fn span(head: Head) -> Span {
    Span::new(head.start, head.end)
}

fn unread(next: Head) -> Diagnostic {
    let message = "the document ends before this, and the rest is not read";
    Diagnostic::new(Code::TextAfterDocument, message)
        .at(Span::new(next.start, next.end.max(next.start + 1)))
        .with_help("put a line `---` between two documents")
}

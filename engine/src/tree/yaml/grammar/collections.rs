//! Lists and mappings.

use super::super::super::merge::{Merge, merged};
use super::super::super::node::{Entry, Node};
use super::super::super::{Fault, Value};
use super::super::fault::at;
use super::super::key::Content;
use super::super::token::{Head, Kind};
use super::{Grammar, Place};
use crate::source::Span;

/// How a list or a mapping is written.
#[derive(Clone, Copy)]
pub enum Form {
    /// `- a`
    BlockList,
    /// The same, no further in than its key.
    IndentlessList,
    /// `a: b`
    BlockMapping,
    /// `[a]`
    FlowList,
    /// `{a: b}`
    FlowMapping,
}

/// How the list or mapping is written that begins with a token.
pub fn start(kind: Kind, place: Place) -> Option<Form> {
    match kind {
        Kind::Item if place == Place::Value => Some(Form::IndentlessList),
        Kind::BlockList if place != Place::Flow => Some(Form::BlockList),
        Kind::BlockMapping if place != Place::Flow => Some(Form::BlockMapping),
        Kind::ListStart => Some(Form::FlowList),
        Kind::MappingStart => Some(Form::FlowMapping),
        _ => None,
    }
}

/// A mapping that is being read.
#[derive(Default)]
struct Entries<'t> {
    own: Vec<Entry<'t>>,
    merges: Vec<Merge<'t>>,
}

/// A key that waits for its value.
enum Key<'t> {
    Own(std::borrow::Cow<'t, str>, Span),
    Merge,
}

impl<'t> Grammar<'t> {
    pub(super) fn collection(&mut self, form: Form, head: Head) -> Result<Node<'t>, Fault> {
        match form {
            Form::BlockList => self.block_list(head),
            Form::IndentlessList => self.indentless_list(head),
            Form::BlockMapping => self.block_mapping(head),
            Form::FlowList => self.flow_list(head),
            Form::FlowMapping => self.flow_mapping(head),
        }
    }

    fn block_list(&mut self, start: Head) -> Result<Node<'t>, Fault> {
        self.scanner.take();
        let mut items = Vec::new();
        let otherwise = "a list goes on here with something that is not an item";
        while self.goes_on_in_block(Kind::Item, otherwise)? {
            items.push(self.item(&[Kind::Item, Kind::BlockEnd])?);
        }
        Ok(list(items, start))
    }

    fn indentless_list(&mut self, start: Head) -> Result<Node<'t>, Fault> {
        let mut items = Vec::new();
        while self.scanner.peek()?.kind == Kind::Item {
            items.push(self.item(&[Kind::Item, Kind::Key, Kind::Value, Kind::BlockEnd])?);
        }
        Ok(list(items, start))
    }

    /// An item of a block list, which is nothing if something stands there that ends it.
    fn item(&mut self, ends: &[Kind]) -> Result<Node<'t>, Fault> {
        let sign = self.scanner.take().head;
        if ends.contains(&self.scanner.peek()?.kind) {
            return self.nothing(sign.end);
        }
        self.value(Place::Block)
    }

    fn block_mapping(&mut self, start: Head) -> Result<Node<'t>, Fault> {
        const ENDS: &[Kind] = &[Kind::Key, Kind::Value, Kind::BlockEnd];
        self.scanner.take();
        let mut entries = Entries::default();
        let otherwise = "a mapping goes on here with something that is not a key";
        while self.goes_on_in_block(Kind::Key, otherwise)? {
            self.entry(&mut entries, Place::Value, ENDS)?;
        }
        let ends = entries.own.last().map(|entry| entry.value.span.end.max(entry.key_span.end));
        let end = ends.map_or(start.end, |end| end as usize);
        Ok(self.mapping(entries, Span::new(start.start, end)))
    }

    fn flow_list(&mut self, start: Head) -> Result<Node<'t>, Fault> {
        const ENDS: &[Kind] = &[Kind::Value, Kind::Comma, Kind::ListEnd];
        self.scanner.take();
        let mut items = Vec::new();
        while self.goes_on(Kind::ListEnd, (start, items.is_empty()))? {
            let head = self.scanner.peek()?;
            if head.kind != Kind::Key {
                items.push(self.value(Place::Flow)?);
                continue;
            }
            let mut entries = Entries::default();
            self.anchors.count(super::span(head))?;
            self.entry(&mut entries, Place::Flow, ENDS)?;
            let end = entries.own.last().map_or(head.end, |entry| entry.value.span.end as usize);
            items.push(self.mapping(entries, Span::new(head.start, end)));
        }
        let end = self.scanner.take().head.end;
        Ok(Node { value: Value::Seq(items), span: Span::new(start.start, end) })
    }

    fn flow_mapping(&mut self, start: Head) -> Result<Node<'t>, Fault> {
        const ENDS: &[Kind] = &[Kind::Value, Kind::Comma, Kind::MappingEnd];
        self.scanner.take();
        let mut entries = Entries::default();
        let mut first = true;
        while self.goes_on(Kind::MappingEnd, (start, first))? {
            first = false;
            if self.scanner.peek()?.kind == Kind::Key {
                self.entry(&mut entries, Place::Flow, ENDS)?;
                continue;
            }
            // `{a}` is `{a: null}`.
            let key = self.key(Place::Flow)?;
            let place = self.scanner.peek()?.start;
            let value = self.nothing(place)?;
            entries.push(key, value, false)?;
        }
        let end = self.scanner.take().head.end;
        Ok(self.mapping(entries, Span::new(start.start, end)))
    }

    /// Whether another entry of a block follows, which begins with a token of this kind; after the
    /// last one its end is taken.
    fn goes_on_in_block(&mut self, entry: Kind, otherwise: &str) -> Result<bool, Fault> {
        let head = self.scanner.peek()?;
        match head.kind {
            kind if kind == entry => Ok(true),
            Kind::BlockEnd => {
                self.scanner.take();
                Ok(false)
            }
            _ => at(otherwise, head.start),
        }
    }

    /// Whether another entry follows between brackets, after a comma if it is not the first.
    fn goes_on(&mut self, end: Kind, (open, first): (Head, bool)) -> Result<bool, Fault> {
        let head = self.scanner.peek()?;
        if head.kind == end {
            return Ok(false);
        }
        if first {
            return Ok(true);
        }
        match head.kind {
            Kind::Comma => {
                self.scanner.take();
                Ok(self.scanner.peek()?.kind != end)
            }
            Kind::End | Kind::DocumentStart | Kind::DocumentEnd => {
                at("this bracket is not closed", open.start)
            }
            _ => at("a comma or a closing bracket is missing here", head.start),
        }
    }

    /// A key, with or without `?`, and its value; each is nothing if something stands there that
    /// ends it.
    fn entry(
        &mut self,
        entries: &mut Entries<'t>,
        place: Place,
        ends: &[Kind],
    ) -> Result<(), Fault> {
        let sign = self.scanner.take().head;
        if ends.contains(&self.scanner.peek()?.kind) {
            return at("a key must be a string, not nothing", sign.start);
        }
        let key = self.key(place)?;
        let mut next = self.scanner.peek()?;
        let mut mark = next.start;
        let mut aliased = false;
        let value = if next.kind == Kind::Value {
            mark = self.scanner.take().head.end;
            next = self.scanner.peek()?;
            aliased = next.kind == Kind::Alias;
            let empty = next.kind != Kind::Value || place == Place::Value;
            match ends.contains(&next.kind) && empty {
                true => self.nothing(mark)?,
                false => self.value(place)?,
            }
        } else {
            self.nothing(mark)?
        };
        entries.push(key, value, aliased)
    }

    fn key(&mut self, place: Place) -> Result<Key<'t>, Fault> {
        let (content, span) = self.content(place)?;
        if matches!(content, Content::Merge) {
            self.anchors.uncount();
            return Ok(Key::Merge);
        }
        Ok(Key::Own(content.into_key(span)?, span))
    }

    fn mapping(&mut self, entries: Entries<'t>, span: Span) -> Node<'t> {
        let Entries { own, merges } = entries;
        Node { value: Value::Map(merged(own, merges, &mut self.findings)), span }
    }
}

impl<'t> Entries<'t> {
    fn push(&mut self, key: Key<'t>, value: Node<'t>, aliased: bool) -> Result<(), Fault> {
        match key {
            Key::Own(key, key_span) => self.own.push(Entry { key, key_span, value }),
            Key::Merge => self.merges.push(Merge::new(self.own.len(), value, aliased)?),
        }
        Ok(())
    }
}

fn list(items: Vec<Node<'_>>, start: Head) -> Node<'_> {
    let end = items.last().map_or(start.end, |item| item.span.end as usize);
    Node { value: Value::Seq(items), span: Span::new(start.start, end) }
}

//! L21: two different objects of the same kind, namespace and name; and L51, where whole files or
//! folders are variants of each other.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::{Finding, about};
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::Object;
use crate::session::{Repeated, Session};
use crate::source::Span;
use crate::tree::{self, Node, Value};

/// Files of one folder that share more objects than this are variants.
const MISTAKES: usize = 3;

/// One finding for each object that replaces a different one, and one for each two files or folders
/// that were not named and are variants. An object that says the same again is none: everybody who
/// applies both gets what each says.
pub fn findings(session: &Session) -> Vec<Finding> {
    let mut same = Sameness { session, trees: FxHashMap::default() };
    let mut pairs: BTreeMap<(usize, usize), Vec<&Repeated>> = BTreeMap::new();
    for repeated in session.repeated() {
        let first = session.origin(&repeated.first);
        if !same.holds(repeated, first) {
            let first = first.map_or(repeated.file, |(file, _)| file);
            pairs.entry((first, repeated.file)).or_default().push(repeated);
        }
    }
    let (mut found, mut variants) = (Vec::new(), BTreeMap::<_, Vec<&Repeated>>::new());
    for ((first, file), repeated) in pairs {
        match variant(session, first, file, repeated.len()) {
            Some(names) => variants.entry(names).or_default().extend(repeated),
            None => found.extend(repeated.into_iter().map(|repeated| alone(session, repeated))),
        }
    }
    let variants = variants.iter();
    found.extend(variants.filter_map(|((first, _), repeated)| together(session, first, repeated)));
    found
}

/// What two files are that hold variants of the same objects, if they do: two folders that nobody
/// would apply together, or two files with much in common.
fn variant(session: &Session, first: usize, file: usize, count: usize) -> Option<(String, String)> {
    let (first, file) = (session.files().get(first)?, session.files().get(file)?);
    let folder = |name: &str| name.rsplit_once('/').map_or(".", |(folder, _)| folder).to_owned();
    let (folders, files) = ((folder(&first.name), folder(&file.name)), first.name != file.name);
    if !(first.is_found && file.is_found) {
        return None;
    }
    if folders.0 != folders.1 {
        return Some(folders);
    }
    (files && count > MISTAKES).then(|| (first.name.to_string(), file.name.to_string()))
}

fn alone(session: &Session, Repeated { file, part, object, first }: &Repeated) -> Finding {
    let (kind, namespace, name) = session.identity(object);
    let place = match namespace.is_empty() {
        true => String::new(),
        false => format!(" in namespace `{namespace}`"),
    };
    let at = place_of(session, first).map_or_else(String::new, |at| format!(", at {at}"));
    let message = format!("a second {kind} `{name}`{place}: it replaces the first{at}");
    let finding = Diagnostic::new(Code::DuplicateName, message).with_help("rename one of the two");
    let (_, finding) = about(session, object, "metadata.name", finding);
    (Some((*file, *part)), finding)
}

fn together(session: &Session, first: &str, repeated: &[&Repeated]) -> Option<Finding> {
    let example = repeated.first()?;
    let (kind, _, name) = session.identity(&example.object);
    let message = match repeated.len() {
        1 => format!("{kind} `{name}` replaces a different one in {first}"),
        count => {
            format!("{kind} `{name}` and {} more replace different ones in {first}", count - 1)
        }
    };
    let help = "if these are variants of the same, ask about one of them at a time";
    let finding = Diagnostic::new(Code::Variants, message).with_help(help);
    let (_, finding) = about(session, &example.object, "metadata.name", finding);
    Some((Some((example.file, example.part)), finding))
}

/// `FILE:LINE` of an object.
fn place_of(session: &Session, object: &Arc<Object>) -> Option<String> {
    let (file, part) = session.origin(object)?;
    let source = session.files().get(file)?;
    let start = source.parts.get(part)?.range.start + object.span.start as usize;
    let line = source.lines().position(&source.text, start).line;
    Some(format!("{}:{line}", source.name))
}

/// Whether objects say the same. Their texts are read again, each document once: objects are read
/// without what does not decide, and few are there twice.
struct Sameness<'s> {
    session: &'s Session,
    trees: FxHashMap<(usize, usize), Vec<Node<'s>>>,
}

impl Sameness<'_> {
    fn holds(&mut self, again: &Repeated, first: Option<(usize, usize)>) -> bool {
        let Some(first) = first else { return false };
        let again_at = (again.file, again.part);
        self.read(first);
        self.read(again_at);
        let find = |at, object: &Object| {
            self.trees.get(&at)?.iter().find_map(|tree| node_at(tree, object.span))
        };
        match (find(first, &again.first), find(again_at, &again.object)) {
            (Some(first), Some(again)) => are_equal(first, again),
            _ => false,
        }
    }

    fn read(&mut self, (file, part): (usize, usize)) {
        let session = self.session;
        self.trees.entry((file, part)).or_insert_with(|| {
            let source = session.files().get(file);
            let range = source.and_then(|source| source.parts.get(part)).map(|p| p.range.clone());
            let text = source.zip(range).and_then(|(source, range)| source.text.get(range));
            let trees = text.map(tree::read_trees).filter(|trees| trees.fault.is_none());
            trees.map(|trees| trees.documents).unwrap_or_default()
        });
    }
}

/// The object that stands at a place: the document, or an item of a list.
fn node_at<'n, 't>(node: &'n Node<'t>, span: Span) -> Option<&'n Node<'t>> {
    if node.span == span {
        return Some(node);
    }
    match &node.get("items")?.value {
        Value::Seq(items) => {
            let at = items.partition_point(|item| item.span.start < span.start);
            let found = items.get(at).filter(|item| item.span == span);
            found.or_else(|| items.iter().find_map(|item| node_at(item, span)))
        }
        _ => None,
    }
}

/// Whether two trees are the same but for where they stand and the order of their keys.
fn are_equal(a: &Node<'_>, b: &Node<'_>) -> bool {
    match (&a.value, &b.value) {
        (Value::Seq(a), Value::Seq(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| are_equal(a, b))
        }
        (Value::Map(entries), Value::Map(others)) => {
            entries.len() == others.len()
                && entries.iter().all(|entry| {
                    b.get(&entry.key).is_some_and(|other| are_equal(&entry.value, other))
                })
        }
        (a, b) => a == b,
    }
}

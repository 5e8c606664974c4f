//! Where fields of objects stand: what is compiled does not keep all of them, so the texts of those
//! few objects that have findings are read again, each document once.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::{Finding, about};
use crate::diagnostic::Diagnostic;
use crate::manifest::Object;
use crate::session::Session;
use crate::source::Span;
use crate::tree::{self, Node, Value};

/// Documents that were read again.
pub struct Texts<'s> {
    session: &'s Session,
    documents: FxHashMap<(usize, usize), Objects<'s>>,
}

/// Objects of a document by their first and last byte there.
type Objects<'s> = FxHashMap<(u32, u32), Node<'s>>;

/// A part of an object.
#[derive(Clone, Copy, Debug)]
pub enum Field<'f> {
    /// The first field of these paths that is there.
    First(&'f [&'f str]),
    /// What a selector, the first of these paths that is there, says of a label.
    Label(&'f [String], &'f str),
    /// A selector, the first of these paths that is there.
    Selector(&'f [String]),
}

impl<'s> Texts<'s> {
    /// Without any document yet.
    pub fn new(session: &'s Session) -> Self {
        Self { session, documents: FxHashMap::default() }
    }

    /// The finding, said of a field of an object, and placed there; at the whole object if the
    /// field is not found.
    pub fn about(
        &mut self,
        object: &Arc<Object>,
        field: Field<'_>,
        finding: Diagnostic,
    ) -> Finding {
        let first = match field {
            Field::First(paths) => paths.first().copied().unwrap_or("spec"),
            Field::Label(paths, _) | Field::Selector(paths) => {
                paths.first().map_or("spec", String::as_str)
            }
        };
        let found = self.place(object, field);
        let (path, span) = found.unwrap_or_else(|| (first.to_owned(), object.span));
        let (origin, finding) = about(self.session, object, &path, finding);
        (origin, finding.at(span))
    }

    /// The path and the place of a field of an object, if it is found.
    pub fn place(&mut self, object: &Arc<Object>, field: Field<'_>) -> Option<(String, Span)> {
        let at = self.session.origin(object)?;
        self.read(at);
        find(self.node(at, object)?, field)
    }

    /// Where the first of some paths that is there begins in an object: the key of a field, the whole
    /// item of a list.
    pub fn start(&mut self, object: &Arc<Object>, paths: &[String]) -> Option<Span> {
        let at = self.session.origin(object)?;
        self.read(at);
        let node = self.node(at, object)?;
        paths.iter().find_map(|path| start(node, path))
    }

    /// The object's tree, once its document was read.
    pub fn node(&self, at: (usize, usize), object: &Object) -> Option<&Node<'s>> {
        self.documents.get(&at)?.get(&place(object.span))
    }

    /// Reads a document, unless that is done.
    pub fn read(&mut self, (file, part): (usize, usize)) {
        let session = self.session;
        self.documents.entry((file, part)).or_insert_with(|| {
            let source = session.files().get(file);
            let range = source.and_then(|source| source.parts.get(part)).map(|p| p.range.clone());
            let text = source.zip(range).and_then(|(source, range)| source.text.get(range));
            let trees = text.map(tree::read_whole_trees).filter(|trees| trees.fault.is_none());
            let mut objects = Objects::default();
            for node in trees.into_iter().flat_map(|trees| trees.documents) {
                add_objects(&mut objects, node);
            }
            objects
        });
    }
}

fn place(span: Span) -> (u32, u32) {
    (span.start, span.end)
}

/// Adds the object, or those of a list.
fn add_objects<'t>(objects: &mut Objects<'t>, mut node: Node<'t>) {
    let is_list =
        node.get("kind").and_then(Node::as_str).is_some_and(|kind| kind.ends_with("List"));
    let Value::Map(entries) = &mut node.value else { return };
    let items = entries.iter_mut().find(|entry| is_list && entry.key == "items");
    match items.map(|entry| std::mem::replace(&mut entry.value.value, Value::Null)) {
        Some(Value::Seq(items)) => items.into_iter().for_each(|item| add_objects(objects, item)),
        _ => drop(objects.insert(place(node.span), node)),
    }
}

/// The path and the place of a field.
fn find(object: &Node<'_>, field: Field<'_>) -> Option<(String, Span)> {
    let selector = |paths: &[String]| {
        paths.iter().find_map(|path| Some((path.clone(), at(object, path)?.clone())))
    };
    match field {
        Field::First(paths) => {
            let mut found = paths.iter().filter_map(|path| Some((path, at(object, path)?.span)));
            found.next().map(|(path, span)| ((*path).to_owned(), span))
        }
        Field::Selector(paths) => selector(paths).map(|(path, node)| (path, node.span)),
        Field::Label(paths, key) => {
            let (path, node) = selector(paths)?;
            Some(label(&path, &node, key).unwrap_or((path, node.span)))
        }
    }
}

/// What a selector says of a label.
fn label(path: &str, selector: &Node<'_>, key: &str) -> Option<(String, Span)> {
    if let Some(Value::Map(labels)) = selector.get("matchLabels").map(|node| &node.value)
        && let Some(entry) = labels.iter().find(|entry| entry.key == key)
    {
        let span = Span { start: entry.key_span.start, end: entry.value.span.end };
        return Some((format!("{path}.matchLabels[{key}]"), span));
    }
    let items = selector.get("matchExpressions")?.items();
    let has_key = |item: &Node<'_>| item.get("key").and_then(Node::as_str) == Some(key);
    let index = items.iter().position(has_key)?;
    Some((format!("{path}.matchExpressions[{index}]"), items.get(index)?.span))
}

/// Where a path begins: at the key that its last step names, or at the item.
fn start(object: &Node<'_>, path: &str) -> Option<Span> {
    let (above, last) = path.rsplit_once('.').unwrap_or(("", path));
    let above = if above.is_empty() { Some(object) } else { at(object, above) };
    match &above?.value {
        Value::Map(entries) if !last.contains('[') => {
            entries.iter().find(|entry| entry.key == last).map(|entry| entry.key_span)
        }
        _ => at(object, path).map(|node| node.span),
    }
}

/// The node of a path such as `spec.ingress[0].from[1].podSelector`.
fn at<'n, 't>(object: &'n Node<'t>, path: &str) -> Option<&'n Node<'t>> {
    path.split('.').try_fold(object, |node, step| {
        let (field, indexes) = step.split_at(step.find('[').unwrap_or(step.len()));
        let mut indexes = indexes.split('[').skip(1);
        indexes.try_fold(node.get(field)?, |node, index| {
            node.items().get(index.strip_suffix(']')?.parse::<usize>().ok()?)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_where_they_stand() {
        let text = "spec:\n  from:\n  - podSelector: {matchLabels: {a.b/c: d}}\n  - namespaceSelector: {matchExpressions: [{key: k, operator: Exists}]}\n";
        let trees = tree::read_whole_trees(text);
        let object = trees.documents.first().unwrap();
        let found = |field| {
            let (path, span) = find(object, field).unwrap();
            (path, &text[span.start as usize..span.end as usize])
        };
        let (pods, namespaces) = (
            ["spec.from[0].podSelector".to_owned()],
            ["spec.from[1].namespaceSelector".to_owned()],
        );
        let path = "spec.from[0].podSelector.matchLabels[a.b/c]".to_owned();
        assert_eq!(found(Field::Label(&pods, "a.b/c")), (path, "a.b/c: d"));
        let path = "spec.from[1].namespaceSelector.matchExpressions[0]".to_owned();
        assert_eq!(found(Field::Label(&namespaces, "k")), (path, "{key: k, operator: Exists}"));
        assert!(find(object, Field::First(&["spec.from[2]"])).is_none());
        assert_eq!(found(Field::First(&["spec.to", "spec.from[0]"])).0, "spec.from[0]");
    }
}

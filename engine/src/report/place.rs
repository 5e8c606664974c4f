//! From spans in documents to places in files.

use std::fmt;
use std::sync::Arc;

use super::types::{Location, ObjectRef};
use crate::manifest::Object;
use crate::session::Session;
use crate::source::Span;

/// Kind, namespace and name: `NetworkPolicy shop/db`.
impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let namespace = self.namespace.as_deref().map(|own| format!("{own}/"));
        write!(f, "{} {}{}", self.kind, namespace.unwrap_or_default(), self.name)
    }
}

/// The place of a span in a part of a file.
pub fn location(session: &Session, (file, part): (usize, usize), span: Span) -> Option<Location> {
    let source = session.files().get(file)?;
    let start = source.parts.get(part)?.range.start;
    let at = |offset: u32| source.lines().position(&source.text, start + offset as usize);
    let (first, end) = (at(span.start), at(span.end.max(span.start)));
    Some(Location {
        file: source.name.clone(),
        line: first.line,
        column: first.column,
        end_line: end.line,
        end_column: end.column,
    })
}

/// The place of a span of an object.
pub fn of_object(session: &Session, object: &Arc<Object>, span: Span) -> Option<Location> {
    location(session, session.origin(object)?, span)
}

/// An object as users name it, in the namespace that it is in.
pub fn object_ref(session: &Session, object: &Object) -> ObjectRef {
    let default = &session.options().default_namespace;
    let namespace =
        object.is_namespaced().then(|| crate::cluster::namespace_of(object, default).to_string());
    ObjectRef { kind: object.kind().to_owned(), namespace, name: object.meta.name.to_string() }
}

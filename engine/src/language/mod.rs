//! What helps while writing a manifest: what may stand at a position, what stands there and what it
//! does now, words at the ends of lines, and the way from a name to what it means.
//!
//! Pure answers about a session, a file and a position in it, for editors of whatever kind.
//! `schema` says what may be written, `spot` what stands at a position of a text, `pods` whom labels
//! and names are about there.

mod around;
mod complete;
mod defaults;
mod fold;
mod hover;
mod jump;
mod label;
mod lens;
mod pods;
mod schema;
mod spot;
mod style;
mod types;

pub use types::*;

use std::ops::Range;

use crate::manifest::SourceFile;
use crate::report::Location;
use crate::session::Session;
use crate::source::{Position, Span};

/// A document of a file.
#[derive(Clone, Copy, Debug)]
struct InFile<'s> {
    session: &'s Session,
    file: usize,
    part: usize,
    source: &'s SourceFile,
}

impl<'s> InFile<'s> {
    /// The document at a position of a file, and the offset in it; none if there is no such file.
    fn at(session: &'s Session, name: &str, position: Position) -> Option<(Self, usize)> {
        let file = session.files().iter().position(|file| *file.name == *name)?;
        let source = session.files().get(file)?;
        let offset = source.lines().offset(&source.text, position);
        let after = source.parts.partition_point(|part| part.range.start <= offset);
        let part = after.checked_sub(1)?;
        let start = source.parts.get(part)?.range.start;
        Some((Self { session, file, part, source }, offset - start))
    }

    /// The document's text.
    fn text(&self) -> &'s str {
        let range = self.source.parts.get(self.part).map(|part| part.range.clone());
        range.and_then(|range| self.source.text.get(range)).unwrap_or_default()
    }

    /// The place of a range of the document.
    fn location(&self, range: Range<usize>) -> Option<Location> {
        let cut = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        let span = Span { start: cut(range.start), end: cut(range.end) };
        crate::report::location(self.session, (self.file, self.part), span)
    }
}

#[cfg(test)]
mod tests;

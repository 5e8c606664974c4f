//! What is wrong with a text.

use super::super::Fault;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

/// That a text is not YAML, as the result of reading it.
pub fn at<T>(message: impl AsRef<str>, offset: usize) -> Result<T, Fault> {
    let message = format!("not valid YAML: {}", message.as_ref());
    let span = Span::new(offset, offset + 1);
    Err(Box::new(Diagnostic::new(Code::Syntax, message).at(span)))
}

/// A finding with advice that its text suggests.
pub fn with_help(finding: Diagnostic, text: &str) -> Diagnostic {
    if super::super::is_template(text) {
        return finding.with_help(super::super::TEMPLATE_HELP);
    }
    let at = finding.span.map_or(0, |span| span.start as usize);
    if text.as_bytes().get(at) == Some(&b'\t') {
        return finding.with_help("indent with spaces: YAML does not allow tabs there");
    }
    finding
}

/// The finding for a document that nests too deep.
pub fn too_deep(span: Span) -> Diagnostic {
    let message = format!("nested deeper than {} levels", super::super::DEEPEST);
    Diagnostic::new(Code::Limits, message).at(span)
}

/// The offset and the code of the first character that no YAML may hold, if there is one.
///
/// # Source
/// YAML 1.1, §5.1: printable characters; a byte order mark is one of them to `go-yaml`.
pub fn control(text: &str) -> Option<(usize, char)> {
    let suspect = |byte: &u8| match byte {
        b'\t' | b'\n' | b'\r' => false,
        byte => *byte < b' ' || matches!(byte, 0x7F | 0xC2 | 0xEF),
    };
    let forbidden = |c: char| match c {
        '\t' | '\n' | '\r' | '\u{85}' => false,
        c => c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}'),
    };
    let mut from = 0;
    while let Some(ahead) = text.as_bytes().get(from..)?.iter().position(suspect) {
        let found = text.get(from + ahead..)?.chars().next()?;
        if forbidden(found) {
            return Some((from + ahead, found));
        }
        from += ahead + found.len_utf8();
    }
    None
}

//! Which lints are not wanted of an object: an annotation of its own.

use super::read::{Path, Reader};
use crate::diagnostic::{Code, Diagnostic};
use crate::tree::Node;

/// The annotation that says so, of an object, or of a namespace for all that is in it: codes or
/// names of lints, with commas between them.
pub const IGNORE_ANNOTATION: &str = "portcullis.dev/ignore";

/// The lints that the annotation's value names. What is not a lint, or one that cannot be ignored,
/// is noted.
pub(super) fn read(reader: &mut Reader, path: &Path<'_>, value: &Node<'_>) -> Box<[Code]> {
    let words = value.as_str().unwrap_or_default().split(',').map(str::trim);
    let mut codes = Vec::new();
    for word in words.filter(|word| !word.is_empty()) {
        match Code::to_ignore(word) {
            Ok(code) => codes.push(code),
            Err(why) => {
                let finding = Diagnostic::new(Code::UnknownIgnore, why.to_string()).at(value.span);
                reader.report(path, finding.with_help("write codes or names, such as `L03,L10`"));
            }
        }
    }
    codes.into()
}

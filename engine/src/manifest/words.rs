//! Words that are not the strings that they look like.

use crate::diagnostic::{Code, Diagnostic};
use crate::tree;

/// Says of a word that is a boolean to YAML 1.1 alone that it is one.
pub fn explain(finding: &mut Diagnostic, text: &str) {
    if !matches!(finding.code, Code::WrongType | Code::NonStringLabel) {
        return;
    }
    let range = finding.span.map(|span| span.start as usize..span.end as usize);
    let word = range.and_then(|range| text.get(range)).filter(|word| tree::is_old_boolean(word));
    if let Some(word) = word {
        finding.help = Some(format!("`{word}` is a boolean in YAML 1.1: write \"{word}\""));
    }
}

//! A file read again after an edit: only what differs is split and read.

use super::{Known, Part, SourceFile, read_part};
use crate::source;

/// The parts of `text`, of which `before` is an earlier state.
///
/// # Shape
/// As if all of `text` were read: what lies before a document's `---` says nothing about what
/// follows it.
pub(super) fn parts(text: &str, before: &SourceFile) -> Vec<Part> {
    let (first, rest) = unchanged_before(text, before);
    let start = first.last().map_or(0, |part| part.range.end);
    let (changed, last) = unchanged_after(text, before, rest, start);
    let moved = |offset: usize| text.len() - (before.text.len() - offset);
    let end = last.first().map_or(text.len(), |part| moved(part.range.start));
    let known = documents(before, changed);
    let middle = source::documents(text.get(start..end).unwrap_or_default());
    let middle = middle.into_iter().map(|range| range.start + start..range.end + start);
    let mut parts = first.to_vec();
    parts.extend(middle.map(|range| read_part(text, range, &known)));
    parts.extend(last.iter().map(|part| Part {
        range: moved(part.range.start)..moved(part.range.end),
        document: part.document.clone(),
    }));
    parts
}

/// Parts that stand unchanged at the beginning, the marker behind each included; and the others.
fn unchanged_before<'f>(text: &str, before: &'f SourceFile) -> (&'f [Part], &'f [Part]) {
    const MARKER: usize = "---\n".len();
    let same = common_prefix(before.text.as_bytes(), text.as_bytes());
    let kept = before.parts.partition_point(|part| part.range.end + MARKER <= same);
    before.parts.split_at_checked(kept).unwrap_or((&[], &before.parts))
}

/// Of `rest`, parts that may have changed, and those that stand unchanged at the end.
///
/// The first whose text is the same counts among the former: without its marker before it, a
/// document that follows only blanks or comments would not begin where it did.
fn unchanged_after<'f>(
    text: &str,
    before: &SourceFile,
    rest: &'f [Part],
    start: usize,
) -> (&'f [Part], &'f [Part]) {
    let old = before.text.as_bytes().get(start..).unwrap_or_default();
    let same = common_suffix(old, text.as_bytes().get(start..).unwrap_or_default());
    let changed = before.text.len() - same;
    let from = rest.partition_point(|part| part.range.start <= changed) + 1;
    rest.split_at_checked(from).unwrap_or((rest, &[]))
}

fn documents<'f>(before: &'f SourceFile, parts: &'f [Part]) -> Known<'f> {
    let known = |part: &'f Part| Some((before.text.get(part.range.clone())?, &part.document));
    parts.iter().filter_map(known).collect()
}

/// Blocks are compared first: comparing bytes one by one is many times slower.
const BLOCK: usize = 4096;

fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    let blocks = a.chunks(BLOCK).zip(b.chunks(BLOCK)).take_while(|(a, b)| a == b);
    let whole: usize = blocks.map(|(a, _)| a.len()).sum();
    let rest = a.iter().skip(whole).zip(b.iter().skip(whole));
    whole + rest.take_while(|(a, b)| a == b).count()
}

fn common_suffix(a: &[u8], b: &[u8]) -> usize {
    let blocks = a.rchunks(BLOCK).zip(b.rchunks(BLOCK)).take_while(|(a, b)| a == b);
    let whole: usize = blocks.map(|(a, _)| a.len()).sum();
    let rest = a.iter().rev().skip(whole).zip(b.iter().rev().skip(whole));
    whole + rest.take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(file: &SourceFile) -> Vec<String> {
        file.parts.iter().map(|part| file.text[part.range.clone()].to_owned()).collect()
    }

    const PIECES: [&str; 8] =
        ["a: 1\n", "---\n", "--- # c\n", "\n", "# c\n", "b: 2", "\n---", "---x\n"];

    /// All texts of up to four pieces, edited into each other.
    #[test]
    fn an_edited_file_has_the_parts_of_one_read_afresh() {
        let mut all = vec![String::new()];
        for start in 0..PIECES.len().pow(4) {
            let mut rest = start;
            let pieces = (0..4).map(|_| {
                let piece = PIECES[rest % PIECES.len()];
                rest /= PIECES.len();
                piece
            });
            all.push(pieces.collect());
        }
        let mut random = 1usize;
        for before in &all {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let file = SourceFile::new("f", before.as_bytes());
            for after in all.iter().skip(random % 997).step_by(997) {
                let edited = SourceFile::update("f", after.as_bytes(), &file);
                let afresh = SourceFile::new("f", after.as_bytes());
                assert_eq!(texts(&edited), texts(&afresh), "{before:?} became {after:?}");
            }
        }
    }

    #[test]
    fn what_has_not_changed_is_not_read_again() {
        let name = |n| format!("---\nkind: ConfigMap\nmetadata: {{name: c{n}}}\n");
        let text: String = (0..9).map(name).collect();
        let before = SourceFile::new("f", text.as_bytes());
        let after = SourceFile::update("f", text.replace("c4", "long").as_bytes(), &before);
        let shared = before.parts.iter().zip(&after.parts);
        let shared: Vec<bool> =
            shared.map(|(a, b)| std::sync::Arc::ptr_eq(&a.document, &b.document)).collect();
        assert_eq!(shared, [true, true, true, true, false, true, true, true, true]);
    }

    #[test]
    fn common_ends_are_found_across_blocks() {
        let a = vec![7u8; 10_000];
        let mut b = a.clone();
        b[9_000] = 1;
        assert_eq!((common_prefix(&a, &b), common_suffix(&a, &b)), (9_000, 999));
        assert_eq!(common_prefix(&a, &a[..5_000]), 5_000);
        assert_eq!(common_suffix(&[], &a), 0);
    }
}

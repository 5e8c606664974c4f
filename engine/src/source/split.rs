//! Where the documents of a YAML stream begin.

/// The byte ranges of a text's documents, ascending and covering all of it.
///
/// A line that begins with `---` ends a document wherever it stands: kubectl divides files at such
/// lines before it reads any of them. So a broken document cannot hide the ones that follow.
///
/// # Shape
/// Comments before a document belong to it. The `---` line is the first of its document, except
/// for the very first one's.
pub fn documents(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut ranges = Vec::new();
    let (mut start, mut offset, mut content, mut marked) = (0, 0, false, false);
    for line in text.split_inclusive('\n') {
        if is_separator(line) {
            if content || marked {
                ranges.push(start..offset);
                start = offset;
            }
            (content, marked) = (!is_empty_line(line.get(3..).unwrap_or_default()), true);
        } else {
            content |= !is_empty_line(line);
        }
        offset += line.len();
    }
    ranges.push(start..text.len());
    ranges
}

/// Whether a line separates two documents.
pub fn is_separator(line: &str) -> bool {
    line.starts_with("---")
}

/// Whether a line has no more than spaces and a comment, which ends at whatever YAML takes for the
/// end of a line.
pub fn is_empty_line(line: &str) -> bool {
    let line = line.trim_matches([' ', '\r', '\n']);
    let is_comment = line.starts_with('#');
    line.is_empty() || (is_comment && !line.contains(['\r', '\u{85}', '\u{2028}', '\u{2029}']))
}

#[cfg(test)]
mod tests {
    use super::documents;

    fn split(text: &str) -> Vec<&str> {
        documents(text).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn markers_split_and_stay() {
        assert_eq!(split("a: 1\n---\nb: 2\n"), ["a: 1\n", "---\nb: 2\n"]);
        assert_eq!(split("---\na: 1\n--- \nb: 2"), ["---\na: 1\n", "--- \nb: 2"]);
        assert_eq!(split("# c\n\n---\na: 1\n"), ["# c\n\n---\na: 1\n"]);
        assert_eq!(split("# c\u{85}d\n---\na: 1\n"), ["# c\u{85}d\n", "---\na: 1\n"]);
        assert_eq!(split("%YAML 1.1\n---\na: 1\n"), ["%YAML 1.1\n", "---\na: 1\n"]);
        assert_eq!(split("a: 1\n---b\n"), ["a: 1\n", "---b\n"]);
        assert_eq!(split("---\r\na: 1\r\n---\r\nb: 2\r\n"), ["---\r\na: 1\r\n", "---\r\nb: 2\r\n"]);
    }

    #[test]
    fn what_only_looks_like_a_marker_does_not_split() {
        assert_eq!(split("a: |\n  ---\n  b\n"), ["a: |\n  ---\n  b\n"]);
        assert_eq!(split("----\n"), ["----\n"]);
        assert_eq!(split(""), [""]);
    }
}

//! Where the documents of a YAML stream begin.

/// The byte ranges of a text's documents, ascending and covering all of it.
///
/// A line that begins with `---` and a blank ends a document wherever it stands: YAML allows it
/// inside none. So a broken document cannot hide the ones that follow.
///
/// # Shape
/// Comments and directives before a document belong to it. The `---` line is the first of its
/// document, except for the very first one's.
pub fn documents(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut ranges = Vec::new();
    let (mut start, mut offset, mut content, mut marked) = (0, 0, false, false);
    for line in text.split_inclusive('\n') {
        if is_marker(line) {
            if content || marked {
                ranges.push(start..offset);
                start = offset;
            }
            (content, marked) = (has_content(line.get(3..).unwrap_or_default()), true);
        } else {
            content |= has_content(line);
        }
        offset += line.len();
    }
    ranges.push(start..text.len());
    ranges
}

fn is_marker(line: &str) -> bool {
    line.strip_prefix("---")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

/// Whether a line has more than blanks, a comment or a directive.
fn has_content(line: &str) -> bool {
    !matches!(line.trim_start().bytes().next(), None | Some(b'#')) && !line.starts_with('%')
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
        assert_eq!(split("# c\n%YAML 1.1\n---\na: 1\n"), ["# c\n%YAML 1.1\n---\na: 1\n"]);
        assert_eq!(split("---\r\na: 1\r\n---\r\nb: 2\r\n"), ["---\r\na: 1\r\n", "---\r\nb: 2\r\n"]);
    }

    #[test]
    fn what_only_looks_like_a_marker_does_not_split() {
        assert_eq!(split("a: |\n  ---\n  b\n"), ["a: |\n  ---\n  b\n"]);
        assert_eq!(split("----\n"), ["----\n"]);
        assert_eq!(split(""), [""]);
    }
}

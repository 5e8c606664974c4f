//! From byte offsets to lines and columns.

/// A place in a text.
///
/// # Units
/// Both count from 1; columns count Unicode scalar values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Line.
    pub line: u32,
    /// Column.
    pub column: u32,
}

/// After so many bytes characters are counted anew: a column in a line of megabytes, as printed
/// JSON is, costs no more than one in a short line.
const STRIDE: usize = 1024;

/// Where the lines of a text begin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineIndex {
    starts: Vec<usize>,
    /// How many characters begin before each multiple of the stride.
    characters: Vec<usize>,
}

impl LineIndex {
    /// The index of a text; lines end with LF, CRLF or CR.
    ///
    /// # Cost
    /// Linear in the text.
    pub fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let ends = bytes.iter().enumerate().filter(|&(i, &byte)| {
            byte == b'\n' || (byte == b'\r' && bytes.get(i + 1) != Some(&b'\n'))
        });
        let starts = std::iter::once(0).chain(ends.map(|(i, _)| i + 1)).collect();
        let characters = bytes.chunks(STRIDE).scan(0, |sum, chunk| {
            let before = *sum;
            *sum += beginnings(chunk);
            Some(before)
        });
        Self { starts, characters: characters.collect() }
    }

    /// The place of a byte offset, which is moved to the text's end if beyond it.
    ///
    /// # Cost
    /// Logarithmic in the number of lines.
    pub fn position(&self, text: &str, offset: usize) -> Position {
        let offset = offset.min(text.len());
        let line = self.starts.partition_point(|&start| start <= offset).max(1);
        let start = self.starts.get(line - 1).copied().unwrap_or(0);
        let column = self.between(text, start, offset) + 1;
        let cut = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Position { line: cut(line), column: cut(column) }
    }

    /// The byte offset of a place; of one beyond a line's end that end, of one beyond the text's end
    /// that one.
    ///
    /// # Cost
    /// Linear in the line.
    pub fn offset(&self, text: &str, position: Position) -> usize {
        let line = (position.line as usize).saturating_sub(1);
        let Some(start) = self.starts.get(line).copied() else { return text.len() };
        let end = self.starts.get(line + 1).copied().unwrap_or(text.len());
        let own = text.get(start..end).unwrap_or_default();
        let own = own.trim_end_matches(['\r', '\n']);
        let column = (position.column as usize).saturating_sub(1);
        start + own.char_indices().nth(column).map_or(own.len(), |(at, _)| at)
    }

    /// How many characters begin from one offset to a later one.
    fn between(&self, text: &str, start: usize, end: usize) -> usize {
        match text.as_bytes().get(start..end) {
            Some(bytes) if bytes.len() <= STRIDE => beginnings(bytes),
            _ => self.before(text, end) - self.before(text, start),
        }
    }

    /// How many characters begin before an offset.
    fn before(&self, text: &str, offset: usize) -> usize {
        // The end of the text may be one stride further than any that begins.
        let stride = (offset / STRIDE).min(self.characters.len().saturating_sub(1));
        let sum = self.characters.get(stride).copied().unwrap_or(0);
        sum + beginnings(text.as_bytes().get(stride * STRIDE..offset).unwrap_or_default())
    }
}

/// A continuation byte begins no character.
fn beginnings(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&&byte| byte & 0xC0 != 0x80).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_in_three_ways() {
        let text = "a\nb\r\nc\rdé f";
        let index = LineIndex::new(text);
        let at = |offset| {
            let Position { line, column } = index.position(text, offset);
            (line, column)
        };
        assert_eq!(at(0), (1, 1));
        assert_eq!(at(2), (2, 1));
        assert_eq!(at(5), (3, 1));
        assert_eq!(at(7), (4, 1));
        assert_eq!(at(11), (4, 4));
        assert_eq!(at(999), (4, 5));
    }

    #[test]
    fn columns_are_counted_in_long_lines_too() {
        for length in [STRIDE - 1, STRIDE, STRIDE + 1, 3 * STRIDE] {
            let text = format!("é\n{}", "é".repeat(length));
            let index = LineIndex::new(&text);
            for (offset, _) in text.char_indices().chain([(text.len(), 'x')]) {
                let before = &text[..offset];
                let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
                assert_eq!(index.position(&text, offset).column as usize, column, "{offset}");
            }
        }
    }
}

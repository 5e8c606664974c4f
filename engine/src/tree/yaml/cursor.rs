//! A place in a text, and what stands there.

/// Where reading is.
///
/// # Units
/// Bytes from the start of the text. Columns count from the start of the line.
#[derive(Clone, Copy, Debug)]
pub struct Cursor<'t> {
    /// All of the text.
    pub text: &'t str,
    /// The next byte.
    pub at: usize,
    /// Where its line begins.
    line: usize,
    /// Whether the newline that is missing at the end was given.
    is_ended: bool,
}

impl<'t> Cursor<'t> {
    /// The start of what follows some bytes of a text, which counts as the start of a line.
    pub fn new(text: &'t str, at: usize) -> Self {
        Self { text, at, line: at, is_ended: false }
    }

    /// A byte ahead; NUL beyond the end, which no text that is read holds otherwise.
    pub fn byte(&self, ahead: usize) -> u8 {
        self.text.as_bytes().get(self.at + ahead).copied().unwrap_or(0)
    }

    /// The text between an offset and here.
    pub fn since(&self, start: usize) -> &'t str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// How far into its line it is.
    pub fn column(&self) -> usize {
        self.at - self.line
    }

    /// Whether an earlier offset is in an earlier line.
    pub fn is_below(&self, earlier: usize) -> bool {
        earlier < self.line
    }

    /// Whether nothing is left.
    pub fn is_end(&self) -> bool {
        self.at >= self.text.len()
    }

    /// Whether a space or tab stands ahead.
    pub fn is_blank(&self, ahead: usize) -> bool {
        matches!(self.byte(ahead), b' ' | b'\t')
    }

    /// How many bytes the line break ahead has; 0 if there is none. YAML 1.1 knows six.
    pub fn break_length(&self, ahead: usize) -> usize {
        match self.byte(ahead) {
            b'\n' => 1,
            b'\r' => 1 + usize::from(self.byte(ahead + 1) == b'\n'),
            0xC2 if self.byte(ahead + 1) == 0x85 => 2,
            0xE2 if self.byte(ahead + 1) == 0x80 && matches!(self.byte(ahead + 2), 0xA8 | 0xA9) => {
                3
            }
            _ => 0,
        }
    }

    /// Whether a line break or the end is ahead.
    pub fn is_line_end(&self, ahead: usize) -> bool {
        self.at + ahead >= self.text.len() || self.break_length(ahead) > 0
    }

    /// Whether a space, a tab, a line break or the end is ahead.
    pub fn is_gap(&self, ahead: usize) -> bool {
        self.is_blank(ahead) || self.is_line_end(ahead)
    }

    /// Whether `---` or `...` begins the line here.
    pub fn is_marker(&self, sign: u8) -> bool {
        let signs = (0..3).all(|ahead| self.byte(ahead) == sign);
        self.column() == 0 && signs && self.is_gap(3)
    }

    /// Whether a document begins or ends here.
    pub fn is_any_marker(&self) -> bool {
        self.is_marker(b'-') || self.is_marker(b'.')
    }

    /// Goes to the next line, if it is not at the start of one.
    pub fn break_off(&mut self) {
        self.line = self.at;
    }

    /// Goes over some bytes of this line.
    pub fn advance(&mut self, bytes: usize) {
        self.at = (self.at + bytes).min(self.text.len());
    }

    /// Goes over what holds of each byte in this line.
    pub fn advance_while(&mut self, holds: impl Fn(u8) -> bool) {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        self.at += rest.iter().position(|byte| !holds(*byte)).unwrap_or(rest.len());
    }

    /// Goes over spaces and tabs.
    pub fn skip_blanks(&mut self) {
        self.advance_while(|byte| matches!(byte, b' ' | b'\t'));
    }

    /// Goes over a comment, if one begins here.
    pub fn skip_comment(&mut self) {
        if self.byte(0) == b'#' {
            while !self.is_line_end(0) {
                self.advance(1);
                self.advance_while(|byte| !matches!(byte, b'\n' | b'\r' | 0xC2 | 0xE2));
            }
        }
    }

    /// Goes over a line break, if there is one, and gives what it means in a value.
    pub fn skip_break(&mut self) -> Option<&'t str> {
        let length = self.break_length(0);
        let start = self.at;
        self.advance(length);
        self.line = if length > 0 { self.at } else { self.line };
        match length {
            0 => None,
            3 => Some(self.since(start)),
            _ => Some("\n"),
        }
    }

    /// As [`Self::skip_break`], and a text that does not end with a newline ends as if it did: that
    /// is how kubectl hands it on.
    pub fn end_line(&mut self) -> Option<&'t str> {
        let is_whole = self.is_ended || self.text.ends_with(['\n', '\r']);
        if !self.is_end() || is_whole {
            return self.skip_break();
        }
        (self.line, self.is_ended) = (self.at, true);
        Some("\n")
    }
}

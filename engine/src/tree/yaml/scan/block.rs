//! Values that are blocks of lines: `|` and `>`.

use super::super::super::Fault;
use super::super::fault::at;
use super::super::token::{Head, Kind, Token};
use super::Scanner;

/// What stands behind the sign that begins a block.
struct Header {
    start: usize,
    /// Line breaks stay as they are.
    literal: bool,
    /// What is done with line breaks at the end.
    chomping: Chomping,
    /// How much further in than the block around, if it says.
    indent: Option<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Chomping {
    Strip,
    Clip,
    Keep,
}

impl<'t> Scanner<'t> {
    /// Makes the token of a block of lines.
    pub(super) fn block(&mut self) -> Result<(), Fault> {
        self.keys.drop_last()?;
        self.key_allowed = true;
        let header = self.header()?;
        let around = self.indent.unwrap_or(0);
        let mut indent = header.indent.map(|more| around + more);
        let mut end = self.cursor.at;
        let (mut text, mut last, mut blank) = (String::new(), "", false);
        let mut breaks = self.breaks(&mut indent, &mut end)?;
        while Some(self.cursor.column()) == indent && !self.cursor.is_end() {
            let folds = !header.literal && last == "\n" && !blank && !self.cursor.is_blank(0);
            match folds {
                true if breaks.is_empty() => text.push(' '),
                true => {}
                false => text.push_str(last),
            }
            text.push_str(&breaks);
            blank = self.cursor.is_blank(0);
            text.push_str(self.line());
            last = self.cursor.end_line().unwrap_or_default();
            breaks = self.breaks(&mut indent, &mut end)?;
        }
        if header.chomping != Chomping::Strip {
            text.push_str(last);
        }
        if header.chomping == Chomping::Keep {
            text.push_str(&breaks);
        }
        let head = Head { kind: Kind::Quoted, start: header.start, end };
        self.queue.push_back(Token { head, text: text.into() });
        Ok(())
    }

    /// Takes the sign and what stands in its line.
    fn header(&mut self) -> Result<Header, Fault> {
        let (start, literal) = (self.cursor.at, self.cursor.byte(0) == b'|');
        self.cursor.advance(1);
        let (mut chomping, mut indent) = (self.chomping(), self.digit()?);
        if chomping.is_none() {
            chomping = self.chomping();
        }
        self.cursor.skip_blanks();
        self.cursor.skip_comment();
        if !self.cursor.is_line_end(0) {
            return at("only a comment may follow `|` or `>` in its line", self.cursor.at);
        }
        self.cursor.end_line();
        indent = indent.filter(|indent| *indent > 0);
        Ok(Header { start, literal, chomping: chomping.unwrap_or(Chomping::Clip), indent })
    }

    fn chomping(&mut self) -> Option<Chomping> {
        let chomping = match self.cursor.byte(0) {
            b'+' => Chomping::Keep,
            b'-' => Chomping::Strip,
            _ => return None,
        };
        self.cursor.advance(1);
        Some(chomping)
    }

    fn digit(&mut self) -> Result<Option<usize>, Fault> {
        let byte = self.cursor.byte(0);
        match byte {
            b'0' => at("the indentation of a block cannot be 0", self.cursor.at),
            b'1'..=b'9' => {
                self.cursor.advance(1);
                Ok(Some(usize::from(byte - b'0')))
            }
            _ => Ok(None),
        }
    }

    /// Takes the rest of a line.
    fn line(&mut self) -> &'t str {
        let start = self.cursor.at;
        while !self.cursor.is_line_end(0) {
            self.cursor.advance(1);
            self.cursor.advance_while(|byte| !matches!(byte, b'\n' | b'\r' | 0xC2 | 0xE2));
        }
        self.cursor.since(start)
    }

    /// Takes empty lines and the indentation of the next one, which is that of the block if none
    /// is known yet. `end` follows the last line.
    fn breaks(&mut self, indent: &mut Option<usize>, end: &mut usize) -> Result<String, Fault> {
        let (mut breaks, mut widest) = (String::new(), 0);
        *end = self.cursor.at;
        loop {
            let is_outside = |column: usize| indent.is_none_or(|indent| column < indent);
            while is_outside(self.cursor.column()) && self.cursor.byte(0) == b' ' {
                self.cursor.advance(1);
            }
            widest = widest.max(self.cursor.column());
            if is_outside(self.cursor.column()) && self.cursor.byte(0) == b'\t' {
                return at("a tab is used for indentation", self.cursor.at);
            }
            let Some(next) = self.cursor.end_line() else { break };
            breaks.push_str(next);
            *end = self.cursor.at;
        }
        let least = self.indent.map_or(1, |around| around + 1);
        *indent = indent.or(Some(widest.max(least)));
        Ok(breaks)
    }
}

//! Values in quotes.

use super::super::super::Fault;
use super::super::fault::at;
use super::super::text::{Breaks, Text};
use super::super::token::{Head, Kind, Token};
use super::Scanner;

impl<'t> Scanner<'t> {
    /// Makes the token of a value in quotes. Where its lines begin does not matter.
    pub(super) fn quoted(&mut self) -> Result<(), Fault> {
        self.save_key()?;
        self.key_allowed = false;
        let (start, quote) = (self.cursor.at, self.cursor.byte(0));
        self.cursor.advance(1);
        let mut text = Text::new(self.cursor.text, self.cursor.at);
        loop {
            if self.cursor.is_end() || self.cursor.is_any_marker() {
                return at("this quote is not closed", start);
            }
            let escaped = self.words(quote, &mut text)?;
            if self.cursor.byte(0) == quote {
                break;
            }
            self.gap(escaped, &mut text);
        }
        self.cursor.advance(1);
        let head = Head { kind: Kind::Quoted, start, end: self.cursor.at };
        self.queue.push_back(Token { head, text: text.finish() });
        Ok(())
    }

    /// Takes what stands before the next gap; the line breaks to go on with, if one was escaped.
    fn words(&mut self, quote: u8, text: &mut Text<'t>) -> Result<Option<Breaks<'t>>, Fault> {
        while !self.cursor.is_gap(0) {
            match self.cursor.byte(0) {
                b'\'' if quote == b'\'' && self.cursor.byte(1) == b'\'' => {
                    text.take_to(self.cursor.at + 1);
                    self.cursor.advance(2);
                    text.replace_to(self.cursor.at, "");
                }
                byte if byte == quote => break,
                b'\\' if quote == b'"' && self.cursor.break_length(1) > 0 => {
                    self.cursor.advance(1);
                    self.cursor.skip_break();
                    return Ok(Some(Breaks::new("")));
                }
                b'\\' if quote == b'"' => {
                    let escaped = self.escape()?;
                    text.replace_to(self.cursor.at, escaped.encode_utf8(&mut [0; 4]));
                }
                _ => {
                    self.cursor.advance(1);
                    self.cursor.advance_while(|byte| !is_special(byte));
                    text.take_to(self.cursor.at);
                }
            }
        }
        Ok(None)
    }

    /// Takes blanks as they are, or line breaks, folded, instead of the blanks around them.
    fn gap(&mut self, mut breaks: Option<Breaks<'t>>, text: &mut Text<'t>) {
        loop {
            self.cursor.skip_blanks();
            match (self.cursor.skip_break(), &mut breaks) {
                (None, _) => break,
                (Some(next), Some(breaks)) => breaks.push(next),
                (Some(first), None) => breaks = Some(Breaks::new(first)),
            }
        }
        match breaks {
            Some(breaks) => text.replace_to(self.cursor.at, &breaks.folded()),
            None => text.take_to(self.cursor.at),
        }
    }

    /// Takes a backslash and what belongs to it.
    fn escape(&mut self) -> Result<char, Fault> {
        let start = self.cursor.at;
        let sign = self.cursor.byte(1);
        let digits = match sign {
            b'x' => 2,
            b'u' => 4,
            b'U' => 8,
            _ => 0,
        };
        self.cursor.advance(2);
        if digits == 0 {
            let sign = self.cursor.text.get(start + 1..).and_then(|rest| rest.chars().next());
            let sign = sign.unwrap_or_default();
            let message = || format!("unknown escape `\\{sign}` in double quotes");
            return simple(sign).map_or_else(|| at(message(), start), Ok);
        }
        let first = self.cursor.at;
        self.cursor.advance(digits);
        let written = self.cursor.text.get(first..self.cursor.at).unwrap_or_default();
        let is_whole =
            written.len() == digits && written.bytes().all(|byte| byte.is_ascii_hexdigit());
        let code = u32::from_str_radix(written, 16).ok().filter(|_| is_whole);
        let message = format!("`\\{}` takes {digits} digits of a character", char::from(sign));
        code.and_then(char::from_u32).map_or_else(|| at(message, start), Ok)
    }
}

/// Whether a byte may be a gap, an escape or the end of a value in quotes.
fn is_special(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'\'' | b'"' | b'\\' | 0xC2 | 0xE2)
}

/// What a backslash and one character stand for.
fn simple(sign: char) -> Option<char> {
    Some(match sign {
        '0' => '\0',
        'a' => '\x07',
        'b' => '\x08',
        't' | '\t' => '\t',
        'n' => '\n',
        'v' => '\x0B',
        'f' => '\x0C',
        'r' => '\r',
        'e' => '\x1B',
        ' ' | '"' | '\'' | '\\' => sign,
        'N' => '\u{85}',
        '_' => '\u{A0}',
        'L' => '\u{2028}',
        'P' => '\u{2029}',
        _ => return None,
    })
}

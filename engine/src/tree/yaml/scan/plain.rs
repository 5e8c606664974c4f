//! Values without quotes.

use super::super::super::Fault;
use super::super::fault::at;
use super::super::text::{Breaks, Text};
use super::super::token::{Head, Kind, Token};
use super::Scanner;

impl<'t> Scanner<'t> {
    /// Makes the token of a value without quotes.
    pub(super) fn plain(&mut self) -> Result<(), Fault> {
        self.save_key()?;
        self.key_allowed = false;
        let start = self.cursor.at;
        let mut text = Text::new(self.cursor.text, start);
        let (mut end, mut breaks) = (start, None);
        while !self.cursor.is_any_marker() && self.cursor.byte(0) != b'#' {
            let word = self.cursor.at;
            self.skip_word();
            if self.cursor.at > word {
                if let Some(breaks) = breaks.take().map(Breaks::folded) {
                    text.replace_to(word, &breaks);
                }
                text.take_to(self.cursor.at);
                end = self.cursor.at;
            }
            if self.cursor.is_end() || !self.cursor.is_gap(0) {
                break;
            }
            self.skip_gap(&mut breaks)?;
            if !self.is_flow() && Some(self.cursor.column()) <= self.indent {
                break;
            }
        }
        self.key_allowed = breaks.is_some();
        let head = Head { kind: Kind::Plain, start, end };
        self.queue.push_back(Token { head, text: text.finish() });
        Ok(())
    }

    /// Goes to the next blank, or to a sign that ends the value.
    fn skip_word(&mut self) {
        let flow = self.is_flow();
        loop {
            let ends = |byte| match byte {
                b' ' | b'\t' | b'\n' | b'\r' | 0xC2 | 0xE2 | b':' => true,
                byte => flow && is_flow_sign(byte),
            };
            self.cursor.advance_while(|byte| !ends(byte));
            let sign = self.cursor.byte(0);
            let ends = self.cursor.is_gap(0)
                || (sign == b':' && self.cursor.is_gap(1))
                || (flow && is_flow_sign(sign));
            if ends {
                return;
            }
            self.cursor.advance(1);
        }
    }

    /// Goes over blanks and line breaks within a value.
    fn skip_gap(&mut self, breaks: &mut Option<Breaks<'t>>) -> Result<(), Fault> {
        loop {
            if let Some(next) = self.cursor.skip_break() {
                match breaks {
                    Some(breaks) => breaks.push(next),
                    None => *breaks = Some(Breaks::new(next)),
                }
            } else if self.cursor.is_blank(0) {
                let outside = Some(self.cursor.column()) <= self.indent;
                if breaks.is_some() && outside && self.cursor.byte(0) == b'\t' {
                    return at("a tab is used for indentation", self.cursor.at);
                }
                self.cursor.advance(1);
            } else {
                return Ok(());
            }
        }
    }
}

/// Signs that end a value between brackets.
fn is_flow_sign(byte: u8) -> bool {
    matches!(byte, b',' | b'?' | b'[' | b']' | b'{' | b'}')
}

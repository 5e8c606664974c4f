//! From text to tokens, as `go-yaml` makes them: where a `:` follows, what stands before it turns
//! out to be a key, and a token is put in front of it.

mod block;
mod keys;
mod plain;
mod properties;
mod quoted;

pub use self::properties::CORE;

use std::collections::VecDeque;

use self::keys::Keys;
use super::super::Fault;
use super::cursor::Cursor;
use super::fault::at;
use super::token::{Head, Kind, Token};

/// Makes the tokens of a text, as they are asked for.
#[derive(Debug)]
pub struct Scanner<'t> {
    cursor: Cursor<'t>,
    /// Tokens that were made and not taken yet.
    queue: VecDeque<Token<'t>>,
    /// How many tokens were taken.
    taken: usize,
    /// What may turn out to be a key.
    keys: Keys,
    /// Whether a key without `?` may begin here.
    key_allowed: bool,
    /// The column of the innermost block, and of those around it.
    indent: Option<usize>,
    indents: Vec<Option<usize>>,
}

impl<'t> Scanner<'t> {
    /// The tokens of what follows some bytes of a text.
    pub fn new(text: &'t str, start: usize) -> Self {
        Self {
            cursor: Cursor::new(text, start),
            queue: VecDeque::new(),
            taken: 0,
            keys: Keys::default(),
            key_allowed: true,
            indent: None,
            indents: Vec::new(),
        }
    }

    /// The next token, which stays the next one.
    pub fn peek(&mut self) -> Result<Head, Fault> {
        loop {
            match self.queue.front() {
                Some(token) if !self.keys.may_be_key(self.taken, &self.cursor)? => {
                    return Ok(token.head);
                }
                _ => self.fetch()?,
            }
        }
    }

    /// Takes the token that was seen last.
    pub fn take(&mut self) -> Token<'t> {
        self.taken += 1;
        self.queue.pop_front().unwrap_or_default()
    }

    fn is_flow(&self) -> bool {
        self.keys.depth() > 0
    }

    fn push(&mut self, kind: Kind, start: usize, end: usize) {
        self.queue.push_back(Token { head: Head { kind, start, end }, text: "".into() });
    }

    /// Takes some bytes as a token.
    fn sign(&mut self, kind: Kind, bytes: usize) {
        let start = self.cursor.at;
        self.cursor.advance(bytes);
        self.push(kind, start, self.cursor.at);
    }

    /// Puts a token before one that was made already, of a number, or behind all if that is taken.
    fn insert(&mut self, number: Option<usize>, kind: Kind, at: usize) {
        let place = number.and_then(|number| number.checked_sub(self.taken));
        let token = Token { head: Head { kind, start: at, end: at }, text: "".into() };
        let place = place.unwrap_or(self.queue.len()).min(self.queue.len());
        self.queue.insert(place, token);
    }

    /// Makes at least one more token.
    fn fetch(&mut self) -> Result<(), Fault> {
        self.skip_to_token();
        self.unroll(Some(self.cursor.column()));
        if self.cursor.is_end() {
            return self.end();
        }
        match self.cursor.byte(0) {
            b'%' if self.cursor.column() == 0 => at("directives are not supported", self.cursor.at),
            b'-' if self.cursor.is_marker(b'-') => self.marker(Kind::DocumentStart),
            b'.' if self.cursor.is_marker(b'.') => self.marker(Kind::DocumentEnd),
            b'[' => self.open(Kind::ListStart),
            b'{' => self.open(Kind::MappingStart),
            b']' => self.close(Kind::ListEnd),
            b'}' => self.close(Kind::MappingEnd),
            b',' => self.comma(),
            b'-' if self.cursor.is_gap(1) => self.item(),
            b'?' if self.is_flow() || self.cursor.is_gap(1) => self.key(),
            b':' if self.is_flow() || self.cursor.is_gap(1) => self.value(),
            _ => self.fetch_value(),
        }
    }

    /// Makes the tokens of a value or of what stands before one.
    fn fetch_value(&mut self) -> Result<(), Fault> {
        match self.cursor.byte(0) {
            b'*' => self.name(Kind::Alias),
            b'&' => self.name(Kind::Anchor),
            b'!' => self.tag(),
            b'|' | b'>' if !self.is_flow() => self.block(),
            b'\'' | b'"' => self.quoted(),
            b'\t' => at("a tab is used for indentation", self.cursor.at),
            sign @ (b'|' | b'>' | b'%' | b'@' | b'`') => {
                let message = format!("a value cannot start with `{}`", char::from(sign));
                at(message, self.cursor.at)
            }
            _ => self.plain(),
        }
    }

    /// Goes over blanks, comments and line breaks. A tab is no indentation.
    fn skip_to_token(&mut self) {
        loop {
            let tabs = self.is_flow() || !self.key_allowed;
            self.cursor.advance_while(|byte| byte == b' ' || (tabs && byte == b'\t'));
            self.cursor.skip_comment();
            if self.cursor.skip_break().is_none() {
                return;
            }
            self.key_allowed |= !self.is_flow();
        }
    }

    fn end(&mut self) -> Result<(), Fault> {
        // A new line, so that what stands in the last one is no longer waited for.
        self.cursor.break_off();
        self.unroll(None);
        self.keys.drop_last()?;
        self.key_allowed = false;
        self.sign(Kind::End, 0);
        Ok(())
    }

    fn marker(&mut self, kind: Kind) -> Result<(), Fault> {
        self.unroll(None);
        self.keys.drop_last()?;
        self.key_allowed = false;
        self.sign(kind, 3);
        Ok(())
    }

    fn open(&mut self, kind: Kind) -> Result<(), Fault> {
        self.save_key()?;
        self.keys.open(self.number());
        self.key_allowed = true;
        self.sign(kind, 1);
        Ok(())
    }

    fn close(&mut self, kind: Kind) -> Result<(), Fault> {
        self.keys.drop_last()?;
        self.keys.close();
        self.key_allowed = false;
        self.sign(kind, 1);
        Ok(())
    }

    fn comma(&mut self) -> Result<(), Fault> {
        self.keys.drop_last()?;
        self.key_allowed = true;
        self.sign(Kind::Comma, 1);
        Ok(())
    }

    fn item(&mut self) -> Result<(), Fault> {
        if !self.is_flow() {
            if !self.key_allowed {
                return at("a list item cannot start here", self.cursor.at);
            }
            self.roll(None, Kind::BlockList, self.cursor.at);
        }
        self.keys.drop_last()?;
        self.key_allowed = true;
        self.sign(Kind::Item, 1);
        Ok(())
    }

    fn key(&mut self) -> Result<(), Fault> {
        self.complex("a key cannot start here")?;
        self.keys.drop_last()?;
        self.key_allowed = !self.is_flow();
        self.sign(Kind::Key, 1);
        Ok(())
    }

    fn value(&mut self) -> Result<(), Fault> {
        if let Some((number, start)) = self.keys.found(&self.cursor)? {
            self.insert(Some(number), Kind::Key, start);
            self.roll(Some(number), Kind::BlockMapping, start);
            self.key_allowed = false;
        } else {
            self.complex("a value cannot start here: a `:` follows another one or stands alone")?;
            self.key_allowed = !self.is_flow();
        }
        self.sign(Kind::Value, 1);
        Ok(())
    }

    /// Begins a mapping at a `?`, or at a `:` that follows one.
    fn complex(&mut self, otherwise: &str) -> Result<(), Fault> {
        if !self.is_flow() {
            if !self.key_allowed {
                return at(otherwise, self.cursor.at);
            }
            self.roll(None, Kind::BlockMapping, self.cursor.at);
        }
        Ok(())
    }

    /// Begins a block if what stands at an offset of this line is further in than the one around.
    fn roll(&mut self, number: Option<usize>, kind: Kind, at: usize) {
        let column = Some(self.cursor.column() - (self.cursor.at - at));
        if !self.is_flow() && self.indent < column {
            self.indents.push(std::mem::replace(&mut self.indent, column));
            self.insert(number, kind, at);
        }
    }

    /// Ends the blocks that are further in than a column.
    fn unroll(&mut self, column: Option<usize>) {
        while !self.is_flow() && self.indent > column {
            self.indent = self.indents.pop().flatten();
            self.push(Kind::BlockEnd, self.cursor.at, self.cursor.at);
        }
    }

    /// The number of the token that is made next.
    fn number(&self) -> usize {
        self.taken + self.queue.len()
    }

    /// Notes that what begins here may turn out to be a key.
    fn save_key(&mut self) -> Result<(), Fault> {
        if self.key_allowed {
            let column = Some(self.cursor.column());
            let required = !self.is_flow() && self.indent == column;
            self.keys.save(self.number(), self.cursor.at, required)?;
        }
        Ok(())
    }
}

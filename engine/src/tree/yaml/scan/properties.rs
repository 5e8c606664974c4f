//! Anchors, aliases and tags.

use std::borrow::Cow;

use super::super::super::Fault;
use super::super::fault::at;
use super::super::token::{Head, Kind, Token};
use super::Scanner;

/// What `!!` stands for.
pub const CORE: &str = "tag:yaml.org,2002:";

impl<'t> Scanner<'t> {
    /// Makes the token of an anchor or an alias.
    pub(super) fn name(&mut self, kind: Kind) -> Result<(), Fault> {
        self.save_key()?;
        self.key_allowed = false;
        let start = self.cursor.at;
        self.cursor.advance(1);
        self.cursor.advance_while(is_word);
        let name = self.cursor.since(start + 1);
        let ends = matches!(self.cursor.byte(0), b'?' | b':' | b',' | b']' | b'}' | b'%' | b'@')
            || self.cursor.byte(0) == b'`'
            || self.cursor.is_gap(0);
        if name.is_empty() || !ends {
            return at("an anchor or alias takes letters, digits, `-` and `_`", self.cursor.at);
        }
        let head = Head { kind, start, end: self.cursor.at };
        self.queue.push_back(Token { head, text: name.into() });
        Ok(())
    }

    /// Makes the token of a tag, written out.
    pub(super) fn tag(&mut self) -> Result<(), Fault> {
        self.save_key()?;
        self.key_allowed = false;
        let start = self.cursor.at;
        let (kind, text) = match self.cursor.byte(1) {
            b'<' => (Kind::Tag, self.verbatim()?),
            _ => self.shorthand()?,
        };
        if !self.cursor.is_gap(0) {
            return at("a blank is missing after the tag", self.cursor.at);
        }
        let head = Head { kind, start, end: self.cursor.at };
        self.queue.push_back(Token { head, text });
        Ok(())
    }

    /// `!<tag>`
    fn verbatim(&mut self) -> Result<Cow<'t, str>, Fault> {
        self.cursor.advance(2);
        let tag = self.uri()?;
        if tag.is_empty() || self.cursor.byte(0) != b'>' {
            return at("a `>` is missing after the tag", self.cursor.at);
        }
        self.cursor.advance(1);
        Ok(tag)
    }

    /// `!!name`, `!name`, `!` or `!handle!name`, of which the last needs a directive.
    fn shorthand(&mut self) -> Result<(Kind, Cow<'t, str>), Fault> {
        let (before, start) = (self.cursor, self.cursor.at);
        self.cursor.advance(1);
        self.cursor.advance_while(is_word);
        if self.cursor.byte(0) != b'!' {
            self.cursor = before;
            self.cursor.advance(1);
            let name = self.uri()?;
            return Ok((Kind::Tag, format!("!{name}").into()));
        }
        self.cursor.advance(1);
        let is_core = self.cursor.since(start) == "!!";
        let name = self.uri()?;
        if name.is_empty() {
            return at("a tag without a name", start);
        }
        let kind = if is_core { Kind::Tag } else { Kind::UnknownTag };
        Ok((kind, format!("{CORE}{name}").into()))
    }

    /// The characters that a tag may have, `%` and two digits standing for a byte.
    fn uri(&mut self) -> Result<Cow<'t, str>, Fault> {
        let start = self.cursor.at;
        self.cursor.advance_while(is_uri);
        let written = self.cursor.since(start);
        if !written.contains('%') {
            return Ok(written.into());
        }
        match unescaped(written.as_bytes()) {
            Some(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned().into()),
            None => at("`%` in a tag takes two hexadecimal digits", start),
        }
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

fn is_uri(byte: u8) -> bool {
    is_word(byte) || b";/?:@&=+$,.!~*'()[]%".contains(&byte)
}

/// The bytes that a tag stands for; none if they are not the encoding of characters.
fn unescaped(mut written: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut following = 0_usize;
    while let Some((first, rest)) = written.split_first() {
        if *first != b'%' {
            bytes.push(*first);
            written = rest;
            following = if following > 0 { return None } else { 0 };
            continue;
        }
        let digits = rest.get(..2)?;
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let value = digit(*digits.first()?)? * 16 + digit(*digits.last()?)?;
        let byte = u8::try_from(value).ok()?;
        following = match (following, byte) {
            (0, 0..=0x7F) => 0,
            (0, 0xC0..=0xDF) => 1,
            (0, 0xE0..=0xEF) => 2,
            (0, 0xF0..=0xF7) => 3,
            (1.., 0x80..=0xBF) => following - 1,
            _ => return None,
        };
        bytes.push(byte);
        written = rest.get(2..)?;
    }
    (following == 0).then_some(bytes)
}

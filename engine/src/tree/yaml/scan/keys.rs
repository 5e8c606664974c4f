//! What may turn out to be a key, once a `:` follows.

use super::super::super::Fault;
use super::super::cursor::Cursor;
use super::super::fault::at;

/// So many characters may a key without `?` have.
const LONGEST: usize = 1024;

/// Of each bracket that is open, and outside of all, what may be a key.
#[derive(Debug)]
pub struct Keys {
    stack: Vec<Candidate>,
}

/// A token that may begin a key.
#[derive(Clone, Copy, Debug, Default)]
struct Candidate {
    possible: bool,
    /// Nothing but a key may stand here.
    required: bool,
    /// Whether the token waits for it to be found out.
    waits: bool,
    number: usize,
    start: usize,
}

impl Default for Keys {
    fn default() -> Self {
        Self { stack: vec![Candidate::default()] }
    }
}

impl Keys {
    /// How many brackets are open.
    pub fn depth(&self) -> usize {
        self.stack.len() - 1
    }

    /// A bracket opens, whose token has a number.
    pub fn open(&mut self, number: usize) {
        self.stack.push(Candidate { number, ..Candidate::default() });
    }

    /// A bracket closes.
    ///
    /// # Shape
    /// One without anything in it no longer waits: what `go-yaml` makes of `[]: x` is `[]`.
    pub fn close(&mut self) {
        if self.depth() == 0 {
            return;
        }
        let closed = self.stack.pop();
        let outer = self.stack.last_mut();
        if let (Some(closed), Some(outer)) = (closed, outer) {
            outer.waits &= closed.number != outer.number;
        }
    }

    /// Notes a candidate instead of the one before it.
    pub fn save(&mut self, number: usize, start: usize, required: bool) -> Result<(), Fault> {
        self.drop_last()?;
        if let Some(last) = self.stack.last_mut() {
            *last = Candidate { possible: true, required, waits: true, number, start };
        }
        Ok(())
    }

    /// Forgets the innermost candidate: it is no key.
    pub fn drop_last(&mut self) -> Result<(), Fault> {
        let Some(last) = self.stack.last_mut().filter(|last| last.possible) else { return Ok(()) };
        if last.required {
            return at("a `:` is missing after this key", last.start);
        }
        (last.possible, last.waits) = (false, false);
        Ok(())
    }

    /// The number and place of the innermost candidate, which a `:` has made a key.
    pub fn found(&mut self, cursor: &Cursor<'_>) -> Result<Option<(usize, usize)>, Fault> {
        let Some(last) = self.stack.last_mut() else { return Ok(None) };
        if !last.is_valid(cursor)? {
            return Ok(None);
        }
        (last.possible, last.waits) = (false, false);
        Ok(Some((last.number, last.start)))
    }

    /// Whether the token of a number may still turn out to be a key.
    pub fn may_be_key(&mut self, number: usize, cursor: &Cursor<'_>) -> Result<bool, Fault> {
        let waiting = |candidate: &&mut Candidate| candidate.waits && candidate.number == number;
        self.stack.iter_mut().find(waiting).map_or(Ok(false), |found| found.is_valid(cursor))
    }
}

impl Candidate {
    /// Whether a `:` here would make it a key: in the same line, and not too far away.
    fn is_valid(&mut self, cursor: &Cursor<'_>) -> Result<bool, Fault> {
        if !self.possible {
            return Ok(false);
        }
        let long = |key: &str| key.len() > LONGEST && key.chars().count() > LONGEST;
        if !cursor.is_below(self.start) && !long(cursor.since(self.start)) {
            return Ok(true);
        }
        if self.required {
            return at("a `:` is missing after this key", self.start);
        }
        self.possible = false;
        Ok(false)
    }
}

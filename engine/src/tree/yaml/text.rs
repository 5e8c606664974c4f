//! The text of a value, borrowed as long as it stands in the document as it is.

use std::borrow::Cow;

/// A value's text so far.
#[derive(Debug)]
pub struct Text<'t> {
    whole: &'t str,
    start: usize,
    end: usize,
    changed: Option<String>,
}

impl<'t> Text<'t> {
    /// The empty text at an offset.
    pub fn new(whole: &'t str, start: usize) -> Self {
        Self { whole, start, end: start, changed: None }
    }

    /// Takes everything up to an offset.
    pub fn take_to(&mut self, end: usize) {
        if let Some(changed) = &mut self.changed {
            changed.push_str(self.whole.get(self.end..end).unwrap_or_default());
        }
        self.end = end;
    }

    /// Goes to an offset, and takes something else instead of what is between.
    pub fn replace_to(&mut self, end: usize, by: &str) {
        let so_far = self.whole.get(self.start..self.end).unwrap_or_default();
        self.changed.get_or_insert_with(|| so_far.to_owned()).push_str(by);
        self.end = end;
    }

    /// The text.
    pub fn finish(self) -> Cow<'t, str> {
        match self.changed {
            Some(changed) => changed.into(),
            None => self.whole.get(self.start..self.end).unwrap_or_default().into(),
        }
    }
}

/// Line breaks between two words of a value.
#[derive(Debug)]
pub struct Breaks<'t> {
    first: &'t str,
    rest: String,
}

impl<'t> Breaks<'t> {
    /// A first one; an empty one if it was escaped.
    pub fn new(first: &'t str) -> Self {
        Self { first, rest: String::new() }
    }

    /// One more.
    pub fn push(&mut self, next: &str) {
        self.rest.push_str(next);
    }

    /// What they mean in a value that folds its lines: one break is a space, others stay.
    pub fn folded(self) -> Cow<'static, str> {
        match (self.first, self.rest.is_empty()) {
            ("\n", true) => " ".into(),
            ("\n", false) => self.rest.into(),
            (first, _) => (first.to_owned() + &self.rest).into(),
        }
    }
}

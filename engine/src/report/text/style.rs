//! Colours of a terminal.

use std::fmt;

use super::plain::Plain;

/// What a piece of text is, for its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// Lets the flow pass.
    Good,
    /// Stops it.
    Bad,
    /// Is not known.
    Doubt,
    /// Where something stands, and other things that one looks at last.
    Dim,
}

/// Whether text is coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// Characters only.
    #[default]
    Plain,
    /// With the escape sequences that terminals understand.
    Ansi,
}

impl Style {
    /// The text in a colour; control characters in it are shown, not obeyed.
    pub fn paint(self, ink: Ink, text: &str) -> Painted<'_> {
        Painted { style: self, ink, text }
    }
}

/// A text with its colour.
#[derive(Clone, Copy, Debug)]
pub struct Painted<'t> {
    style: Style,
    ink: Ink,
    text: &'t str,
}

impl fmt::Display for Painted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.style == Style::Plain {
            return Plain(self.text).fmt(f);
        }
        let code = match self.ink {
            Ink::Good => "1;32",
            Ink::Bad => "1;31",
            Ink::Doubt => "1;33",
            Ink::Dim => "2",
        };
        write!(f, "\x1b[{code}m{}\x1b[0m", Plain(self.text))
    }
}

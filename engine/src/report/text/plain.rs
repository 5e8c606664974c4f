//! Text that a terminal can show without being told what to do.

use std::fmt::{self, Write as _};

/// A text whose control characters are written as `\u{1b}`: a name must not move the cursor, end
/// the line, or turn the direction of reading.
#[derive(Clone, Copy, Debug)]
pub struct Plain<'t>(pub &'t str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Names are nearly always like this, and lists are long.
        if self.0.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return f.write_str(self.0);
        }
        for c in self.0.chars() {
            if acts(c) {
                write!(f, "{}", c.escape_unicode())?;
            } else {
                f.write_char(c)?;
            }
        }
        Ok(())
    }
}

/// Whether a character does something instead of being seen.
pub fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{feff}')
        || ('\u{202a}'..='\u{202e}').contains(&c)
        || ('\u{2066}'..='\u{2069}').contains(&c)
}

/// How many characters a text has as [`Plain`].
pub fn width(text: &str) -> usize {
    let of = |c: char| if acts(c) { c.escape_unicode().count() } else { 1 };
    text.chars().map(of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown() {
        let hostile = "a\x1b[31m\nb\u{202e}é";
        let plain = Plain(hostile).to_string();
        assert_eq!(plain, "a\\u{1b}[31m\\u{a}b\\u{202e}é");
        assert_eq!(width(hostile), plain.chars().count());
        assert_eq!(Plain("shop/web[Deployment]").to_string(), "shop/web[Deployment]");
    }
}

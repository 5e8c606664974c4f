//! Names made from contents.

use blake2::{Blake2s256, Digest as _};

/// 100 bits: enough that nobody finds a second content of a name, and short enough for the
/// kernel's limits.
pub const LETTERS: usize = 20;

/// What a name is made from, so that only equal contents share it.
///
/// Tenants choose what goes into it (labels, blocks), so it must be a hash that stands attack: a
/// policy whose set had the name of another one's would share its members.
#[derive(Clone, Default)]
pub struct Digest {
    hash: Blake2s256,
}

impl Digest {
    /// Adds a text, with its length, so that no two lists of texts are the same bytes.
    pub fn text(&mut self, text: &str) {
        self.number(u64::try_from(text.len()).unwrap_or(u64::MAX));
        self.hash.update(text);
    }

    /// Adds a number.
    pub fn number(&mut self, number: u64) {
        self.hash.update(number.to_le_bytes());
    }

    /// The name: letters and digits that every tool takes.
    pub fn name(self) -> String {
        const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
        // The first 128 bits, of which each letter takes five.
        let hash = self.hash.finalize();
        let first = hash.iter().take(16).fold(0, |sum, byte| sum << 8 | u128::from(*byte));
        let letter = |place: usize| {
            let five = (first >> (123 - 5 * place)) & 31;
            ALPHABET.get(five as usize).map_or('a', |letter| char::from(*letter))
        };
        (0..LETTERS).map(letter).collect()
    }
}

/// The name of a list of texts.
pub fn digest<'t>(parts: impl IntoIterator<Item = &'t str>) -> String {
    let mut digest = Digest::default();
    parts.into_iter().for_each(|part| digest.text(part));
    digest.name()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_apart() {
        assert_ne!(digest(["ab", "c"]), digest(["a", "bc"]));
        assert_eq!(digest(["ab", "c"]), digest(["ab", "c"]));
        assert_eq!(digest([]).len(), LETTERS);
    }
}

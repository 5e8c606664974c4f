//! Names made from contents.

use blake2::{Blake2s256, Digest as _};

/// 100 bits: enough that nobody finds a second content of a name, and short enough for the
/// kernel's limits.
const LETTERS: usize = 20;

/// A short text that only equal contents share.
///
/// Tenants choose what goes into it (labels, blocks), so it must be a hash that stands attack: a
/// policy whose set had the name of another one's would share its members.
pub fn digest<'t>(parts: impl IntoIterator<Item = &'t str>) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut hash = Blake2s256::new();
    for part in parts {
        // With the lengths, so that no two lists of parts are the same bytes.
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    let bytes = hash.finalize();
    let mut bits = bytes.iter().flat_map(|byte| (0..8).rev().map(move |i| (byte >> i) & 1));
    let mut letter = || {
        let five = bits.by_ref().take(5).fold(0u8, |sum, bit| sum << 1 | bit);
        ALPHABET.get(usize::from(five)).map_or('a', |letter| char::from(*letter))
    };
    (0..LETTERS).map(|_| letter()).collect()
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

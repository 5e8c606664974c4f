//! From bytes to text.

use std::borrow::Cow;

/// A file's text and what was no text in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decoded<'b> {
    /// The text, without a byte order mark; what is no UTF-8 has become U+FFFD.
    pub text: Cow<'b, str>,
    /// Byte offsets in `text` of what was no UTF-8 or is NUL, ascending.
    pub faults: Vec<usize>,
}

/// Decodes a file: UTF-8, or UTF-16 that says so by its byte order mark.
pub fn decode(bytes: &[u8]) -> Decoded<'_> {
    let utf16 = match bytes {
        [0xFF, 0xFE, rest @ ..] => Some((rest, u16::from_le_bytes as fn([u8; 2]) -> u16)),
        [0xFE, 0xFF, rest @ ..] => Some((rest, u16::from_be_bytes as fn([u8; 2]) -> u16)),
        _ => None,
    };
    if let Some((rest, join)) = utf16 {
        let (pairs, rest) = rest.as_chunks::<2>();
        let units = pairs.iter().map(|pair| join(*pair));
        let mut text: String = char::decode_utf16(units).map(|c| c.unwrap_or('\u{FFFD}')).collect();
        if !rest.is_empty() {
            text.push('\u{FFFD}');
        }
        let faults = text.match_indices(['\u{FFFD}', '\0']).map(|(i, _)| i).collect();
        return Decoded { text: text.into(), faults };
    }
    decode_utf8(bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes))
}

fn decode_utf8(bytes: &[u8]) -> Decoded<'_> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let faults = text.match_indices('\0').map(|(i, _)| i).collect();
        return Decoded { text: text.into(), faults };
    }
    let (mut text, mut faults) = (String::with_capacity(bytes.len()), Vec::new());
    for chunk in bytes.utf8_chunks() {
        let start = text.len();
        faults.extend(chunk.valid().match_indices('\0').map(|(i, _)| start + i));
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            faults.push(text.len());
            text.push('\u{FFFD}');
        }
    }
    Decoded { text: text.into(), faults }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_dropped_and_faults_kept() {
        assert_eq!(decode(b"\xEF\xBB\xBFa").text, "a");
        assert_eq!(decode(b"\xFF\xFEa\0b\0").text, "ab");
        let half = decode(b"\xFF\xFEa\0b");
        assert_eq!((&*half.text, half.faults.as_slice()), ("a\u{FFFD}", &[1][..]));
        let broken = decode(b"a\xFFb\0");
        assert_eq!((&*broken.text, broken.faults.as_slice()), ("a\u{FFFD}b\0", &[1, 5][..]));
    }
}

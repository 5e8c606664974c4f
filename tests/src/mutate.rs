//! Texts as an editor has them between two keystrokes: cut, doubled, with bytes changed.

use crate::random::Random;

/// Bytes that mean something to YAML or JSON, or to decoders.
const BYTES: &[&[u8]] = &[
    b":",
    b": ",
    b"-",
    b"- ",
    b"\n",
    b"\r\n",
    b"\r",
    b"\t",
    b" ",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b"\"",
    b"'",
    b"&a ",
    b"*a",
    b"*a ",
    b"<<: *a",
    b"<<: ",
    b"!!",
    b"! ",
    b"!x ",
    b"!!str ",
    b"!!int ",
    b"!!float ",
    b"!!null ",
    b"!!binary ",
    b"!<tag:yaml.org,2002:bool> ",
    b"|\n",
    b"|2\n",
    b"|+\n",
    b">-\n",
    b">\n",
    b"#",
    b" # ",
    b"---\n",
    b"\n---\n",
    b"...\n",
    b"%",
    b"@",
    b"`",
    b"? ",
    b"?",
    b"~",
    b"null",
    b"\\",
    b"\\\n",
    b"\\u00e9",
    b"\0",
    b"\x7f",
    b"\xff",
    b"\xc3",
    b"\xef\xbb\xbf",
    b"\xc2\x85",
    b"\xe2\x80\xa8",
    b"99999999999999999999",
    b"-1",
    b"0x",
    b"010",
    b"0b1",
    b"1_0",
    b"1:20",
    b"1.5",
    b"2001-01-01",
    b"yes",
    b"n",
    b".inf",
    b".nan",
    b"1e400",
    b"/",
    b"::",
    b"%eth0",
];

/// A text with one to four changes, some of them parts of another one.
pub fn mutate(rng: &mut Random, mut text: Vec<u8>, other: &[u8]) -> Vec<u8> {
    for _ in 0..1 + rng.below(4) {
        change(rng, &mut text, other);
    }
    text
}

fn change(rng: &mut Random, text: &mut Vec<u8>, other: &[u8]) {
    let (a, b) = (rng.below(text.len() + 1), rng.below(text.len() + 1));
    let (start, end) = (a.min(b), a.max(b));
    match rng.below(9) {
        0 => text.truncate(a),
        1 => drop(text.drain(start..end.min(start + 20))),
        2 => {
            let part: Vec<u8> = text.iter().copied().take(end).skip(start).collect();
            text.splice(a..a, part);
        }
        3 => {
            let (c, d) = (rng.below(other.len() + 1), rng.below(other.len() + 1));
            let part = other.get(c.min(d)..c.max(d)).unwrap_or_default();
            text.splice(a..a, part.iter().copied());
        }
        4 => {
            let byte = u8::try_from(rng.below(256)).unwrap_or_default();
            text.splice(a..(a + 1).min(text.len()), [byte]);
        }
        5 => {
            let before = text.get(..a).unwrap_or_default();
            let line = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            text.splice(line..line, std::iter::repeat_n(b' ', 1 + rng.below(4)));
        }
        _ => {
            let bytes = rng.pick(BYTES);
            text.splice(a..a, bytes.iter().copied());
        }
    }
}

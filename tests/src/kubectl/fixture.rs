//! What kubectl said of the small texts and of some mutations of each, written down.

use super::{Answer, comparable, inputs};
use crate::cases::root;
use crate::mutate::mutate;
use crate::random::Random;

/// How many mutations of each small text are written down.
pub const MUTATIONS: u64 = 3;

/// Where they are written down.
pub fn path() -> std::path::PathBuf {
    root().join("tests/fixtures/yaml.txt")
}

/// A small text with so many mutations of it, the text itself first.
pub fn variants(number: usize, mutations: u64) -> Vec<Vec<u8>> {
    let texts = inputs();
    let Some(text) = texts.get(number).map(String::as_bytes) else { return Vec::new() };
    let mutated = (0..mutations).map(|seed| {
        let mut rng = Random::new(number as u64 * 100_000 + seed);
        let other = rng.pick(&texts).clone();
        mutate(&mut rng, text.to_vec(), other.as_bytes())
    });
    std::iter::once(text.to_vec()).chain(mutated).collect()
}

/// Six digits that differ, most likely, where answers differ.
pub fn fingerprint(text: &[u8], answers: &[Answer]) -> String {
    const PRIME: u64 = 0x0100_0000_01b3;
    let start = 0xcbf2_9ce4_8422_2325_u64;
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(PRIME);
    let hash = comparable(text, answers).bytes().fold(start, step);
    format!("{:06x}", (hash ^ (hash >> 32)) & 0x00ff_ffff)
}

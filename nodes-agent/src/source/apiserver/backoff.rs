//! How long to wait before another attempt.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// The first wait and the longest.
const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(10);

/// How long to wait after so many failures in a row.
///
/// # Shape
/// Random in its upper half: thousands of agents lose an API server in the same moment, and must
/// not all come back in the same.
pub fn after(failures: u32) -> Duration {
    let longest = FIRST.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(LONGEST);
    longest / 2 + between(longest / 2)
}

/// A random time up to this one.
pub fn between(longest: Duration) -> Duration {
    // Each of these has keys of its own, which are random enough for this.
    let random = RandomState::new().hash_one(0_u8);
    longest.mul_f64(f64::from(u32::try_from(random >> 32).unwrap_or(0)) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_differ_and_have_an_end() {
        assert!(after(1) >= FIRST / 2 && after(1) <= FIRST);
        assert!(after(4) >= FIRST * 4 && after(4) <= FIRST * 8);
        assert!((LONGEST / 2..=LONGEST).contains(&after(1_000_000)));
        let waits: std::collections::BTreeSet<_> = (0..20).map(|_| after(9)).collect();
        assert!(waits.len() > 10);
    }
}

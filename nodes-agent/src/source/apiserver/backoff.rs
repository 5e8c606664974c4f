//! How long to wait before another attempt.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// The longest that a server may ask to wait: what asks for more is mistaken.
const LONGEST_ASKED: Duration = Duration::from_secs(300);

/// Waits that double from failure to failure.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    /// The longest wait after the first failure.
    pub first: Duration,
    /// The longest after any.
    pub longest: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_secs(1), longest: Duration::from_secs(30) }
    }
}

impl Backoff {
    /// How long to wait after so many failures in a row, and at least so long as the server asks.
    ///
    /// # Shape
    /// Random from nothing on: thousands of agents lose an API server in the same moment, and must
    /// not all come back in the same. Nor in the one that it names to all of them: up to half as
    /// long again is added to that.
    pub fn wait(self, failures: u32, asked: Option<Duration>) -> Duration {
        let doubled = self.first.saturating_mul(1 << failures.saturating_sub(1).min(16));
        let wait = between(doubled.min(self.longest));
        let Some(asked) = asked.map(|asked| asked.min(LONGEST_ASKED)) else { return wait };
        asked.max(wait) + between(asked / 2)
    }

    /// Whether something has gone well for so long that failures count from nothing again.
    pub fn is_stable(self, well: Duration) -> bool {
        well >= self.longest
    }

    /// How many failures still count after something has gone well for a while: so many that what
    /// is waited for next is not longer than that. (A proxy that ends what is silent for some seconds
    /// would have watches wait for most of the time.)
    pub fn still_count(self, failures: u32, well: Duration) -> u32 {
        let times = well.as_millis() / self.first.as_millis().max(1);
        match times {
            _ if self.is_stable(well) => 0,
            // What ends so soon may not have gone well at all.
            0..4 => failures,
            _ => failures.min(times.ilog2()),
        }
    }
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

    /// The shortest and the longest of many waits.
    fn range(failures: u32, asked: Option<u64>) -> (Duration, Duration) {
        let wait = || Backoff::default().wait(failures, asked.map(Duration::from_secs));
        let waits: std::collections::BTreeSet<_> = (0..2_000).map(|_| wait()).collect();
        assert!(waits.len() > 1_000, "all wait alike");
        (*waits.first().unwrap(), *waits.last().unwrap())
    }

    #[test]
    fn waits_grow_differ_and_have_an_end() {
        for (failures, longest) in [(1, 1), (2, 2), (4, 8), (6, 30), (1_000_000, 30)] {
            let (least, most) = range(failures, None);
            let longest = Duration::from_secs(longest);
            assert!(least < longest / 8 && most <= longest && most > longest / 2, "{failures}");
        }
    }

    #[test]
    fn failures_count_until_all_is_stable() {
        let left = |seconds| Backoff::default().still_count(9, Duration::from_secs(seconds));
        assert_eq!([0, 1, 3].map(left), [9, 9, 9]);
        assert_eq!([29, 30, 90].map(left), [4, 0, 0]);
        assert_eq!(Backoff::default().still_count(1, Duration::from_secs(20)), 1);
        for seconds in 4..30 {
            let longest = Duration::from_secs(1 << left(seconds));
            assert!(longest <= Duration::from_secs(seconds), "one more failure waits {longest:?}");
        }
    }

    #[test]
    fn a_server_that_names_a_time_is_not_asked_before() {
        let (least, most) = range(1, Some(20));
        assert!(least >= Duration::from_secs(20) && most <= Duration::from_secs(30));
        let (least, most) = range(9, Some(1));
        assert!(least >= Duration::from_secs(1) && most > Duration::from_secs(15));
        assert!(range(1, Some(1_000_000)).1 <= LONGEST_ASKED * 3 / 2);
    }
}

//! How many packets our rules have denied in all.
//!
//! Chains come and go, and their counters with them: what has grown between two readings is added
//! up. What a chain denied after it was read for the last time is lost.

use std::collections::BTreeMap;

use portcullis_engine::dataplane::{DenialCounts, Denier};
use portcullis_engine::manifest::Mode;
use portcullis_engine::net::Family;

/// The counts that were read last.
#[derive(Debug, Default)]
pub struct DenialCounters {
    last: Option<DenialCounts>,
}

impl DenialCounters {
    /// How many packets more there are than at the last reading. At the first there are none: what
    /// an earlier agent's rules denied was counted by it.
    pub fn growth(&mut self, now: DenialCounts) -> BTreeMap<(Mode, Denier, Family), u64> {
        let mut growth = BTreeMap::new();
        if let Some(last) = &self.last {
            for (key @ (mode, denier, family, _), count) in &now {
                // A chain that counts less is a new one of that name.
                let before = last.get(key).filter(|before| *before <= count).unwrap_or(&0);
                *growth.entry((*mode, *denier, *family)).or_default() += count - before;
            }
        }
        self.last = Some(now);
        growth
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_grown_counts() {
        let counts = |all: &[(&str, u64)]| {
            let one = |(chain, count): &(&str, u64)| {
                ((Mode::Enforce, Denier::Ingress, Family::IPv4, (*chain).to_owned()), *count)
            };
            all.iter().map(one).collect::<DenialCounts>()
        };
        let mut counters = DenialCounters::default();
        let mut growth = |all| counters.growth(counts(all)).values().sum::<u64>();
        assert_eq!(growth(&[("a", 100)]), 0);
        assert_eq!(growth(&[("a", 103), ("b", 2)]), 5);
        assert_eq!(growth(&[("a", 1), ("b", 2)]), 1, "the kernel began to count again");
        assert_eq!(growth(&[("b", 2)]), 0);
        assert_eq!(growth(&[("a", 1), ("b", 2)]), 1, "it has come back");
    }
}

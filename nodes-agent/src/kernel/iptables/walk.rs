//! How the kernel finds out whether chains lead on too often.
//!
//! Before it takes a change of a table, nftables walks from its own chains wherever rules lead. Older
//! kernels walk a chain as often as ways lead there, and can be busy for seconds; later ones look at
//! it once for each depth. Legacy tables are marked, and walked once.

use std::fs;

use super::Backend;

/// Where the kernel says its release.
const RELEASE: &str = "/proc/sys/kernel/osrelease";

/// The first release that remembers which chains it has walked, in the row of 6.18.
const REMEMBERING: (u32, u32, u32) = (6, 18, 6);

impl Backend {
    /// Whether the kernel looks at each chain about once, whatever leads there; no if it does not
    /// say its release.
    pub fn walks_once(self) -> bool {
        match self {
            Self::Legacy => true,
            Self::Nft => fs::read_to_string(RELEASE).is_ok_and(|release| remembers(&release)),
        }
    }
}

/// Whether the nftables of a release does. A distribution may have brought it to an earlier one:
/// that is not known.
///
/// # Source
/// Linux, "netfilter: nf_tables: avoid chain re-validation if possible": 6.19, and 6.18.6.
fn remembers(release: &str) -> bool {
    let numbers = release.split(|c: char| !c.is_ascii_digit());
    let mut numbers = numbers.map(|number| number.parse().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    (next(), next(), next()) >= REMEMBERING
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_kernels_remember_chains() {
        for release in ["6.18.6", "6.18.44-cloud", "6.19.0-rc1", "6.19", "7.0.1-2-generic\n"] {
            assert!(remembers(release), "{release}");
        }
        for release in ["6.18.5", "6.18.0-7-generic", "6.18", "6.8.0-100", "5.15.200", "", "x"] {
            assert!(!remembers(release), "{release}");
        }
    }
}

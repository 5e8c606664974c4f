//! How many packets our rules have denied, from the kernel's counters of rules.
//!
//! Chains come and go, and their counters with them: what has grown between two readings is added
//! up. What a chain denied after it was read for the last time is lost.

use std::collections::BTreeMap;

use portcullis_engine::net::Family;

/// On whose behalf packets are denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Denier {
    /// Policies of the pod that sends.
    Egress,
    /// Policies of the pod that receives.
    Ingress,
    /// Nobody's: an address is no known pod's.
    Unknown,
}

impl Denier {
    /// All.
    pub const ALL: [Self; 3] = [Self::Egress, Self::Ingress, Self::Unknown];

    /// In metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Egress => "egress",
            Self::Ingress => "ingress",
            Self::Unknown => "unknown",
        }
    }

    /// By a chain's name without the prefix.
    fn of(chain: &str) -> Option<Self> {
        match chain {
            "-UNKNOWN" => Some(Self::Unknown),
            _ if chain.starts_with("-E-") => Some(Self::Egress),
            _ if chain.starts_with("-I-") => Some(Self::Ingress),
            _ => None,
        }
    }
}

/// Packets that each chain has denied.
pub type Counts = BTreeMap<(Denier, Family, String), u64>;

/// What the tables of both families count, as `iptables-save -c` prints them.
pub fn read(prefix: &str, tables: [&str; 2]) -> Counts {
    let both = Family::BOTH.into_iter().zip(tables);
    both.flat_map(|(family, text)| text.lines().filter_map(move |line| count(prefix, family, line)))
        .collect()
}

/// A line such as `[3:180] -A PCL-I-x7k -j REJECT --reject-with icmp-port-unreachable`.
fn count(prefix: &str, family: Family, line: &str) -> Option<((Denier, Family, String), u64)> {
    let (counters, rule) = line.strip_prefix('[')?.split_once("] -A ")?;
    let (chain, rule) = rule.split_once(' ')?;
    let denier = Denier::of(chain.strip_prefix(prefix)?)?;
    let denies = rule.starts_with("-j REJECT") || rule.starts_with("-j DROP");
    let packets = counters.split(':').next()?.parse().ok().filter(|_| denies)?;
    Some(((denier, family, chain.to_owned()), packets))
}

/// The counts that were read last.
#[derive(Debug, Default)]
pub struct Tally {
    last: Option<Counts>,
}

impl Tally {
    /// How many packets more there are than at the last reading. At the first there are none: what
    /// an earlier agent's rules denied was counted by it.
    pub fn grown(&mut self, now: Counts) -> BTreeMap<(Denier, Family), u64> {
        let mut grown = BTreeMap::new();
        if let Some(last) = &self.last {
            for (key @ (denier, family, _), count) in &now {
                // A chain that counts less is a new one of that name.
                let before = last.get(key).filter(|before| *before <= count).unwrap_or(&0);
                *grown.entry((*denier, *family)).or_default() += count - before;
            }
        }
        self.last = Some(now);
        grown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAVED: &str = "\
        *filter\n\
        :PCL-I-x7k - [0:0]\n\
        [9:540] -A FORWARD -j PCL-FORWARD\n\
        [7:420] -A PCL-I-x7k -s 10.0.0.1/32 -j RETURN\n\
        [3:180] -A PCL-I-x7k -j REJECT --reject-with icmp-port-unreachable\n\
        [2:120] -A PCL-E-q2m -j DROP\n\
        [1:60] -A PCL-UNKNOWN -j REJECT --reject-with icmp-port-unreachable\n\
        [8:480] -A PCL-INVALID -m set --match-set PCL4-local src -j DROP\n\
        [8:480] -A PCX-I-x7k -j DROP\n\
        COMMIT\n";

    #[test]
    fn rules_that_deny_are_counted() {
        let counts = read("PCL", [SAVED, "[4:1] -A PCL-I-x7k -j DROP"]);
        let found: Vec<_> = counts.iter().map(|((d, f, _), n)| (*d, *f, *n)).collect();
        let wanted = [
            (Denier::Egress, Family::IPv4, 2),
            (Denier::Ingress, Family::IPv4, 3),
            (Denier::Ingress, Family::IPv6, 4),
            (Denier::Unknown, Family::IPv4, 1),
        ];
        assert_eq!(found, wanted);
    }

    #[test]
    fn only_what_has_grown_counts() {
        let counts = |all: &[(&str, u64)]| {
            let one = |(chain, count): &(&str, u64)| {
                ((Denier::Ingress, Family::IPv4, (*chain).to_owned()), *count)
            };
            all.iter().map(one).collect::<Counts>()
        };
        let mut tally = Tally::default();
        let mut grown = |all| tally.grown(counts(all)).values().sum::<u64>();
        assert_eq!(grown(&[("a", 100)]), 0);
        assert_eq!(grown(&[("a", 103), ("b", 2)]), 5);
        assert_eq!(grown(&[("a", 1), ("b", 2)]), 1, "the kernel began to count again");
        assert_eq!(grown(&[("b", 2)]), 0);
        assert_eq!(grown(&[("a", 1), ("b", 2)]), 1, "it has come back");
    }
}

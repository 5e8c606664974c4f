//! What a program's rules have denied, from the kernel's counters of rules.
//!
//! Which chains deny, and on whose behalf, is said by their names, and those are given where
//! programs are made. So it is here that they are read back.

use std::collections::BTreeMap;

use super::program::ChainName;
use crate::manifest::{Direction, Mode};
use crate::net::{ByFamily, Family};
use crate::policy::PolicyId;

/// On whose behalf packets are denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Denier {
    /// Policies of the pod that sends.
    Egress,
    /// Policies of the pod that receives.
    Ingress,
    /// No policy: an address is not known to belong to a pod.
    Unknown,
}

/// Packets that each chain has denied, or that an audit says would be.
pub type DenialCounts = BTreeMap<(Mode, Denier, Family, String), u64>;

/// Packets that each rule has met, in the order of the rules, by family and chain.
pub type RuleCounts = BTreeMap<(Family, ChainName), Vec<u64>>;

/// What a policy decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decided {
    /// The policy.
    pub policy: PolicyId,
    /// At which end.
    pub direction: Direction,
    /// What becomes of the packets.
    pub effect: Effect,
}

/// What becomes of a packet at one end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// It passes.
    Allowed,
    /// It does not.
    Denied,
}

impl Denier {
    /// All.
    pub const ALL: [Self; 3] = [Self::Egress, Self::Ingress, Self::Unknown];

    /// Its name in metrics and in the flow log.
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

/// Packets that rules have denied, or that audits have counted, in chains whose names begin with
/// `prefix`; `tables` is what
/// `iptables-save -c -t filter` and `ip6tables-save -c -t filter` print.
///
/// # Shape
/// Chains that deny, also those that have denied nothing yet. What cannot be read is left out.
pub fn denial_counts(prefix: &str, tables: &ByFamily<String>) -> DenialCounts {
    let mut counts = DenialCounts::new();
    for (family, text) in tables {
        for line in text.lines() {
            let Some((mode, denier, chain, packets)) = denied(prefix, line) else { continue };
            // A chain may deny by several rules.
            *counts.entry((mode, denier, family, chain.to_owned())).or_default() += packets;
        }
    }
    counts
}

/// Packets that rules have met in the chains of policies, whose names begin with `prefix`; `tables`
/// is what [`denial_counts`] takes.
///
/// # Shape
/// Chains that have rules, those of egress and ingress alone.
pub fn rule_counts(prefix: &str, tables: &ByFamily<String>) -> RuleCounts {
    let mut counts = RuleCounts::new();
    for (family, text) in tables {
        // Rules of a chain come one after the other.
        let rules = text.lines().filter_map(|line| counted(prefix, line));
        let mut last: Option<(&str, Vec<u64>)> = None;
        let mut put = |chain: Option<(&str, Vec<u64>)>| {
            counts.extend(chain.map(|(name, packets)| ((family, name.into()), packets)));
        };
        for (chain, packets) in rules {
            match &mut last {
                Some((name, all)) if *name == chain => all.push(packets),
                _ => put(last.replace((chain, vec![packets]))),
            }
        }
        put(last);
    }
    counts
}

/// The chain of policies that a line is a rule of, and how many packets that has met.
fn counted<'l>(prefix: &str, line: &'l str) -> Option<(&'l str, u64)> {
    let (counters, rule) = line.strip_prefix('[')?.split_once("] -A ")?;
    let (chain, _) = rule.split_once(' ')?;
    Denier::of(chain.strip_prefix(prefix)?).filter(|denier| *denier != Denier::Unknown)?;
    Some((chain, counters.split(':').next()?.parse().ok()?))
}

/// A line such as `[3:180] -A PCL-I-x7k -j REJECT --reject-with icmp-port-unreachable`.
fn denied<'l>(prefix: &str, line: &'l str) -> Option<(Mode, Denier, &'l str, u64)> {
    let (chain, target, packets) = targeted(prefix, line)?;
    let word = chain.strip_prefix(prefix)?;
    let (mode, denier) = match (target, word) {
        ("REJECT" | "DROP", _) => (Mode::Enforce, Denier::of(word)?),
        ("RETURN", "-WE") => (Mode::Audit, Denier::Egress),
        ("RETURN", "-WI") => (Mode::Audit, Denier::Ingress),
        ("RETURN", "-UNKNOWN") => (Mode::Audit, Denier::Unknown),
        _ => return None,
    };
    Some((mode, denier, chain, packets))
}

/// The chain of a rule of ours, its target, and the packets that it has counted.
fn targeted<'l>(prefix: &str, line: &'l str) -> Option<(&'l str, &'l str, u64)> {
    let (counters, rule) = line.strip_prefix('[')?.split_once("] -A ")?;
    let (chain, rule) = rule.split_once(' ').filter(|(chain, _)| chain.starts_with(prefix))?;
    let mut words = rule.split(' ').skip_while(|word| *word != "-j").skip(1);
    let target = words.next()?;
    let packets = counters.split(':').next()?.parse().ok()?;
    Some((chain, target, packets))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAVED: &str = "\
        *filter\n\
        :PCL-I-x7k - [0:0]\n\
        [9:540] -A FORWARD -j PCL-FORWARD\n\
        [7:420] -A PCL-I-x7k -s 10.0.0.1/32 -j RETURN\n\
        [4:240] -A PCL-I-x7k -s 10.0.0.2/32 -p tcp -j REJECT --reject-with tcp-reset\n\
        [3:180] -A PCL-I-x7k -j REJECT --reject-with icmp-port-unreachable\n\
        [2:120] -A PCL-E-q2m -j DROP\n\
        [1:60] -A PCL-UNKNOWN -j REJECT --reject-with icmp-port-unreachable\n\
        [8:480] -A PCL-INVALID -m set --match-set PCL4-local src -j DROP\n\
        [8:480] -A PCX-I-x7k -j DROP\n\
        COMMIT\n";

    #[test]
    fn what_audits_would_deny_is_counted() {
        const SAVED: &str = "\
            [5:300] -A PCL-WI -j RETURN\n\
            [2:120] -A PCL-WE -j RETURN\n\
            [9:540] -A PCL-AIx7k -j RETURN\n\
            [1:60] -A PCL-UNKNOWN -j RETURN\n\
            [4:240] -A PCL-I-x7k -j REJECT --reject-with icmp-port-unreachable\n";
        let counts = denial_counts("PCL", &ByFamily::from_array([SAVED, ""].map(str::to_owned)));
        let found: Vec<_> =
            counts.iter().map(|((mode, denier, ..), n)| (*mode, *denier, *n)).collect();
        let wanted = [
            (Mode::Enforce, Denier::Ingress, 4),
            (Mode::Audit, Denier::Egress, 2),
            (Mode::Audit, Denier::Ingress, 5),
            (Mode::Audit, Denier::Unknown, 1),
        ];
        assert_eq!(found, wanted);
    }

    #[test]
    fn rules_of_policies_are_counted_in_their_order() {
        let tables = ByFamily::from_array([SAVED, "[4:1] -A PCL-I-x7k -j DROP"].map(str::to_owned));
        let counts = rule_counts("PCL", &tables);
        let found: Vec<_> = counts.iter().map(|((f, chain), all)| (*f, &**chain, &**all)).collect();
        let wanted = [
            (Family::IPv4, "PCL-E-q2m", &[2][..]),
            (Family::IPv4, "PCL-I-x7k", &[7, 4, 3]),
            (Family::IPv6, "PCL-I-x7k", &[4]),
        ];
        assert_eq!(found, wanted);
    }

    #[test]
    fn rules_that_deny_are_counted() {
        let tables = [SAVED, "[4:1] -A PCL-I-x7k -j DROP"].map(str::to_owned);
        let counts = denial_counts("PCL", &ByFamily::from_array(tables));
        let found: Vec<_> = counts.iter().map(|((_, d, f, _), n)| (*d, *f, *n)).collect();
        let wanted = [
            (Denier::Egress, Family::IPv4, 2),
            (Denier::Ingress, Family::IPv4, 7),
            (Denier::Ingress, Family::IPv6, 4),
            (Denier::Unknown, Family::IPv4, 1),
        ];
        assert_eq!(found, wanted);
    }
}

//! How many packets our rules have denied in all, and how many policies have decided about.
//!
//! Chains come and go, and their counters with them: what has grown between two readings is added
//! up. What a chain counted after it was read for the last time is lost.

use std::collections::BTreeMap;

use portcullis_engine::Session;
use portcullis_engine::dataplane::{Decided, DenialCounts, Denier, RuleCounts};
use portcullis_engine::net::Family;
use portcullis_engine::policy::PolicyId;

use crate::observe::{Metrics, PolicyName};

/// The counts that were read last.
#[derive(Debug, Default)]
pub struct DenialCounters {
    last: Option<DenialCounts>,
}

impl DenialCounters {
    /// How many packets more there are than at the last reading. At the first there are none: what
    /// an earlier agent's rules denied was counted by it.
    pub fn growth(&mut self, now: DenialCounts) -> BTreeMap<(Denier, Family), u64> {
        let mut growth = BTreeMap::new();
        if let Some(last) = &self.last {
            for (key @ (denier, family, _), count) in &now {
                // A chain that counts less is a new one of that name.
                let before = last.get(key).filter(|before| *before <= count).unwrap_or(&0);
                *growth.entry((*denier, *family)).or_default() += count - before;
            }
        }
        self.last = Some(now);
        growth
    }
}

/// What policies have decided, each under its own name as long as there are not too many.
#[derive(Debug, Default)]
pub struct PolicyCounters {
    last: Option<RuleCounts>,
    /// So many policies have a name of their own, the first that decide anything.
    most: usize,
    named: BTreeMap<PolicyId, String>,
}

/// Under which name the policies count that have none of their own. No policy is called so: what
/// is in a namespace has a slash in its name, and others have their kind.
const OTHER: &str = "other";

impl PolicyCounters {
    /// Counters with names of their own for so many policies; nothing is counted if it is zero.
    pub fn of_most(most: usize) -> Self {
        Self { most, ..Self::default() }
    }

    /// How many packets more each rule has met since the last reading, by chains that have met any;
    /// at the first, none.
    pub fn growth(&mut self, now: RuleCounts) -> RuleCounts {
        if self.most == 0 {
            return RuleCounts::new();
        }
        let last = self.last.replace(now.clone());
        let Some(last) = last else { return RuleCounts::new() };
        let grown = now.into_iter().map(|(chain, counts)| {
            let before = last.get(&chain).filter(|before| continues(before, &counts));
            let before = before.into_iter().flatten().copied().chain(std::iter::repeat(0));
            let grown = counts.iter().zip(before).map(|(now, before)| now - before);
            (chain, grown.collect::<Vec<u64>>())
        });
        grown.filter(|(_, counts)| counts.iter().any(|count| *count > 0)).collect()
    }

    /// Adds what policies of a state have decided, and forgets names of policies that are gone.
    pub fn count(&mut self, session: &Session, decided: &BTreeMap<Decided, u64>, to: &Metrics) {
        self.named.retain(|id, name| {
            let stays = name_of(session, *id).as_ref() == Some(name);
            if !stays {
                to.forget_policy(name);
            }
            stays
        });
        for (one, packets) in decided {
            to.decided(self.name(session, one.policy), (one.direction, one.effect), *packets);
        }
    }

    fn name(&mut self, session: &Session, id: PolicyId) -> &str {
        let has_room = self.named.len() < self.most;
        let new = || has_room.then(|| name_of(session, id)).flatten();
        if !self.named.contains_key(&id)
            && let Some(name) = new()
        {
            self.named.insert(id, name);
        }
        self.named.get(&id).map_or(OTHER, String::as_str)
    }
}

fn name_of(session: &Session, id: PolicyId) -> Option<String> {
    PolicyName::of(session, id).map(|name| name.to_string())
}

/// Whether a chain has gone on counting: one that counts less is a new one of that name.
fn continues(before: &[u64], now: &[u64]) -> bool {
    before.len() == now.len() && before.iter().zip(now).all(|(before, now)| before <= now)
}

#[cfg(test)]
mod tests {
    use portcullis_engine::dataplane::Effect;
    use portcullis_engine::manifest::Direction;
    use portcullis_engine::{Change, Options, SourceFile};

    use super::*;

    #[test]
    fn rules_that_begin_again_count_from_nothing() {
        let counts = |all: &[u64]| -> RuleCounts {
            [((Family::IPv4, "a".into()), all.to_vec())].into_iter().collect()
        };
        let mut counters = PolicyCounters::of_most(1);
        let mut growth = |all: &[u64]| counters.growth(counts(all)).into_values().next();
        assert_eq!(growth(&[5, 5]), None, "of an earlier agent");
        assert_eq!(growth(&[5, 7]), Some(vec![0, 2]));
        assert_eq!(growth(&[5, 7]), None);
        assert_eq!(growth(&[6, 1]), Some(vec![6, 1]), "the kernel began to count again");
        assert_eq!(PolicyCounters::of_most(0).growth(counts(&[1])), RuleCounts::new());
    }

    fn policies(names: &[&str]) -> Session {
        let document = |name: &&str| {
            format!(
                "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n\
                 metadata: {{name: {name}}}\nspec: {{podSelector: {{}}}}\n"
            )
        };
        let text: String = names.iter().map(document).collect();
        let file = SourceFile::new("all.yaml", text.as_bytes());
        Session::new(Options::default()).apply(vec![Change::Put(file)])
    }

    #[test]
    fn names_are_bounded_and_make_room_when_policies_go() {
        let (mut counters, metrics) = (PolicyCounters::of_most(1), Metrics::default());
        let mut count = |session: &Session| {
            let ids = session.policies().policies().map(|(policy, _)| policy);
            let one =
                |policy| Decided { policy, direction: Direction::Ingress, effect: Effect::Denied };
            let decided = ids.map(|id| (one(id), 2)).collect();
            counters.count(session, &decided, &metrics);
            let text = metrics.text();
            let lines = text.lines().filter(|line| line.starts_with("portcullis_policy_packets_t"));
            let mut lines: Vec<String> = lines.map(str::to_owned).collect();
            lines.sort_unstable();
            lines
        };
        let line = |name: &str, packets: u64| {
            format!(
                "portcullis_policy_packets_total{{policy=\"{name}\",direction=\"ingress\",\
                 action=\"deny\"}} {packets}"
            )
        };
        let both = count(&policies(&["a", "b"]));
        assert_eq!(both, [line("default/a", 2), line("other", 2)]);
        assert_eq!(count(&policies(&["b"])), [line("default/b", 2), line("other", 2)]);
    }

    #[test]
    fn only_what_has_grown_counts() {
        let counts = |all: &[(&str, u64)]| {
            let one = |(chain, count): &(&str, u64)| {
                ((Denier::Ingress, Family::IPv4, (*chain).to_owned()), *count)
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

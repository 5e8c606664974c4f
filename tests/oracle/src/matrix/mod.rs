//! Every feature of a NetworkPolicy together with every other one, on nine pods in three
//! namespaces: each case is a policy, or a few, that carries the tags of what it uses. What is
//! judged is either read at once or is what an earlier state was changed into. [`tiered`] has those
//! of policies for all namespaces.

mod actions;
mod build;
mod peers;
mod pods;
mod policies;
mod ports;
pub mod tiered;

use std::collections::BTreeMap;

use crate::cluster::{Cluster, Policy};
use actions::ACTIONS;

/// A case: what it uses, and the cluster.
#[derive(Clone, Debug)]
pub struct Case {
    /// What it uses, for example `peer-namespaces: by label`.
    pub tags: Vec<&'static str>,
    /// What was there before, where it is changed into the cluster.
    pub before: Option<Cluster>,
    /// Nine pods and the policies.
    pub cluster: Cluster,
}

/// One feature: its tags, and what it does to the first policy, or to all of them.
type Feature = (&'static [&'static str], fn(&mut Vec<Policy>));

/// Features of one kind, of which a case has one; the first is the plain one.
type Kind = &'static [Feature];

/// In the order in which they are applied.
const KINDS: [Kind; 6] = [
    policies::DIRECTIONS,
    policies::TARGETS,
    peers::PEERS,
    ports::PORTS,
    policies::RULES,
    policies::STACKS,
];

/// What a case has of each kind, and last its action.
type Choice = [usize; 7];

/// What the tags before the colon may be: everything that the matrix is about.
pub const GROUPS: [&str; 12] = [
    "action",
    "conflict",
    "direction",
    "miscellaneous",
    "peer-ipblock",
    "peer-namespaces",
    "peer-pods",
    "policy-stack",
    "port",
    "protocol",
    "rule",
    "target",
];

/// Each feature with each feature of another kind, the other kinds being plain.
pub fn cases() -> Vec<Case> {
    let sizes: Vec<usize> = KINDS.iter().map(|kind| kind.len()).chain([ACTIONS.len()]).collect();
    let mut chosen: Vec<Choice> = Vec::new();
    for (i, a) in sizes.iter().enumerate() {
        for (j, b) in sizes.iter().enumerate().skip(i + 1) {
            let both = (0..*a).flat_map(|x| (0..*b).map(move |y| (x, y)));
            chosen.extend(both.map(|(x, y)| choice((i, x), (j, y))));
        }
    }
    chosen.sort_unstable();
    chosen.dedup();
    chosen.iter().map(case).collect()
}

fn choice((i, x): (usize, usize), (j, y): (usize, usize)) -> Choice {
    std::array::from_fn(|kind| match kind {
        kind if kind == i => x,
        kind if kind == j => y,
        _ => 0,
    })
}

fn case(choice: &Choice) -> Case {
    let mut policies = vec![build::plain()];
    let mut tags = Vec::new();
    for (kind, at) in KINDS.iter().zip(choice) {
        if let Some((own, apply)) = kind.get(*at) {
            tags.extend(*own);
            apply(&mut policies);
        }
    }
    let cluster = Cluster { policies, ..pods::nine_pods() };
    let action = choice.last().and_then(|at| ACTIONS.get(*at));
    tags.extend(action.map(|(tag, _)| tag));
    let before = action.and_then(|(_, undo)| undo(&cluster));
    Case { tags, before, cluster }
}

/// How many cases use each feature, and how many of them passed.
pub fn table(results: &[(Vec<&'static str>, bool)]) -> BTreeMap<&'static str, (usize, usize)> {
    let mut counts = BTreeMap::new();
    for (tags, passed) in results {
        for tag in tags {
            let (all, good): &mut (usize, usize) = counts.entry(*tag).or_default();
            *all += 1;
            *good += usize::from(*passed);
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn group(tag: &str) -> &str {
        tag.split_once(": ").unwrap().0
    }

    #[test]
    fn each_group_has_features_and_no_tag_is_outside() {
        let cases = cases();
        let found: BTreeSet<&str> =
            cases.iter().flat_map(|case| &case.tags).map(|t| group(t)).collect();
        assert_eq!(found, BTreeSet::from(GROUPS));
    }

    #[test]
    fn no_two_features_are_named_alike() {
        let names: Vec<_> =
            KINDS.iter().flat_map(|kind| kind.iter()).map(|(tags, _)| *tags).collect();
        let different: BTreeSet<_> = names.iter().collect();
        assert_eq!(different.len(), names.len());
    }

    #[test]
    fn each_feature_meets_each_feature_of_another_kind() {
        let cases = cases();
        let meet = |a: &[&str], b: &[&str]| {
            let has = |case: &Case, tags: &[&str]| tags.iter().all(|tag| case.tags.contains(tag));
            cases.iter().any(|case| has(case, a) && has(case, b))
        };
        let mut kinds: Vec<Vec<&[&str]>> =
            KINDS.iter().map(|kind| kind.iter().map(|(tags, _)| *tags).collect()).collect();
        kinds.push(ACTIONS.iter().map(|(tag, _)| std::slice::from_ref(tag)).collect());
        for (i, kind) in kinds.iter().enumerate() {
            for other in kinds.iter().skip(i + 1) {
                for (a, b) in kind.iter().flat_map(|a| other.iter().map(move |b| (a, b))) {
                    assert!(meet(a, b), "{a:?} and {b:?}");
                }
            }
        }
    }

    /// An action that changes nothing would test nothing.
    #[test]
    fn each_action_has_another_state_before() {
        for case in cases() {
            assert!(case.before.is_none_or(|before| before != case.cluster), "{:?}", case.tags);
        }
    }
}

//! Whether the reason of an unknown verdict is one.

use std::collections::{BTreeMap, BTreeSet};

use portcullis_engine::report::UnknownReason;

use super::{Mismatch, Pair, question};
use crate::cluster::{Cluster, Labels};
use crate::oracle::{Outcomes, Traffic, World, outcomes};

const REASONS: [UnknownReason; 7] = [
    UnknownReason::Tie,
    UnknownReason::Name,
    UnknownReason::Address,
    UnknownReason::Node,
    UnknownReason::Label,
    UnknownReason::Namespace,
    UnknownReason::Group,
];

/// Two worlds that differ in nothing but what the reason names must differ in their answers; for a
/// tie, one world must have both.
///
/// # Errors
/// If they do not, while for another reason they do.
pub fn check(
    cluster: &Cluster,
    pair: &Pair,
    (traffic, said): (&Traffic, Option<UnknownReason>),
) -> Result<(), Mismatch> {
    let answers = pair.worlds.iter().map(|world| outcomes(cluster, world, traffic));
    let answers: Vec<Outcomes> = answers.collect();
    let aspects = Aspects::of(&pair.worlds);
    let decides = |reason: &UnknownReason| aspects.decide(*reason, &answers);
    let deciding: Vec<UnknownReason> = REASONS.into_iter().filter(decides).collect();
    if deciding.is_empty() || said.is_some_and(|said| deciding.contains(&said)) {
        return Ok(());
    }
    Err(Mismatch {
        sort: "reason".into(),
        question: question(pair, traffic),
        engine: format!("{said:?}"),
        oracle: format!("one of {deciding:?}"),
    })
}

/// In what worlds differ, each as a number that worlds share which are alike in it.
struct Aspects {
    who: Vec<usize>,
    /// An address that is a node's in one world and nobody's in the other is another address.
    addresses: Vec<usize>,
    names: Vec<usize>,
    namespaces: Vec<usize>,
    labels: Vec<usize>,
    node: Vec<usize>,
}

impl Aspects {
    fn of(worlds: &[World]) -> Self {
        let ends = |world: &World| (world.source.address, world.destination.address);
        Self {
            who: numbers(worlds, |world| (world.source.identity, world.destination.identity)),
            addresses: numbers(worlds, |world| (ends(world), &world.destination.node)),
            names: numbers(worlds, |world| &world.destination.names),
            namespaces: numbers(worlds, namespaces),
            labels: numbers(worlds, labels),
            node: numbers(worlds, |world| world.own_node),
        }
    }

    /// Whether there are two worlds that differ in nothing but what a reason names, of which one
    /// allows and the other denies.
    fn decide(&self, reason: UnknownReason, answers: &[Outcomes]) -> bool {
        let Self { who, addresses, names, namespaces, labels, node } = self;
        let same: &[&[usize]] = match reason {
            UnknownReason::Tie => return answers.iter().any(|world| world.allow && world.deny),
            // Pods differ in everything.
            UnknownReason::Group => return self.decides_who(answers),
            UnknownReason::Name => &[who, addresses, labels, namespaces, node],
            // Another address may be another name's.
            UnknownReason::Address => &[who, labels, namespaces, node],
            UnknownReason::Node => &[who, labels, namespaces, addresses, names],
            UnknownReason::Label => &[who, addresses, node, names, namespaces],
            UnknownReason::Namespace => &[who, addresses, node, names, labels],
            // No world has a Service.
            UnknownReason::Translation => return false,
            // It is asked for one port at a time, and for pods that are there.
            UnknownReason::Ports | UnknownReason::PortName => return false,
            // Only Calico's policies ask for these, and no reason is compared where there are some.
            UnknownReason::Profile
            | UnknownReason::HostEndpoint
            | UnknownReason::HostAction
            | UnknownReason::Untracked
            | UnknownReason::ServiceAccount
            | UnknownReason::SourcePort
            | UnknownReason::Protocol
            | UnknownReason::Service => return false,
        };
        let mut alike: BTreeMap<Vec<Option<usize>>, (bool, bool)> = BTreeMap::new();
        for (world, outcomes) in answers.iter().enumerate() {
            let key = same.iter().map(|aspect| aspect.get(world).copied()).collect();
            let (allow, deny) = alike.entry(key).or_default();
            (*allow, *deny) = (*allow || outcomes.allow, *deny || outcomes.deny);
        }
        alike.values().any(|(allow, deny)| *allow && *deny)
    }

    fn decides_who(&self, answers: &[Outcomes]) -> bool {
        let of = |said: fn(&Outcomes) -> bool| {
            let all = self.who.iter().zip(answers).filter(|(_, outcomes)| said(outcomes));
            all.map(|(who, _)| *who).collect::<BTreeSet<usize>>()
        };
        let (allow, deny) = (of(|outcomes| outcomes.allow), of(|outcomes| outcomes.deny));
        !allow.is_empty() && !deny.is_empty() && allow.union(&deny).count() > 1
    }
}

/// What worlds have, each as a number.
fn numbers<'w, T: Ord>(worlds: &'w [World], of: impl Fn(&'w World) -> T) -> Vec<usize> {
    let mut known = BTreeMap::new();
    let number = |world| {
        let next = known.len();
        *known.entry(of(world)).or_insert(next)
    };
    worlds.iter().map(number).collect()
}

fn labels(world: &World) -> [Option<&Labels>; 2] {
    [&world.source, &world.destination].map(|party| party.pod.as_ref().map(|pod| &pod.labels))
}

fn namespaces(world: &World) -> [Option<&Labels>; 2] {
    [&world.source, &world.destination]
        .map(|party| party.pod.as_ref().map(|pod| &pod.namespace_labels))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::check::{every_protocol, pairs, ports};
    use crate::generate;

    #[test]
    fn a_reason_that_is_none_is_refused() {
        // Of each reason, how often it was taken and how often refused.
        let mut counts: BTreeMap<String, (u32, u32)> = BTreeMap::new();
        for seed in 0..20 {
            let cluster = generate::cluster(seed);
            for pair in pairs(&cluster) {
                for traffic in every_protocol(&ports(&cluster)).iter().take(12) {
                    // Where there is but one answer, any reason is as good.
                    let said = |reason| check(&cluster, &pair, (traffic, reason)).is_ok();
                    if said(None) {
                        continue;
                    }
                    for reason in REASONS {
                        let count = counts.entry(format!("{reason:?}")).or_default();
                        match said(Some(reason)) {
                            true => count.0 += 1,
                            false => count.1 += 1,
                        }
                    }
                }
            }
        }
        for reason in ["Address", "Group", "Namespace", "Node"] {
            let (taken, refused) = counts.get(reason).copied().unwrap_or_default();
            assert!(taken > 0 && refused > 0, "{reason}: {counts:?}");
        }
    }
}

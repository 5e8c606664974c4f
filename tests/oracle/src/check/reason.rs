//! Whether the reason of an unknown verdict is one.

use portcullis_engine::report::UnknownReason;

use super::{Mismatch, Pair, question};
use crate::cluster::{Cluster, Labels};
use crate::oracle::{Traffic, World, passes};

const REASONS: [UnknownReason; 4] =
    [UnknownReason::Address, UnknownReason::Node, UnknownReason::Label, UnknownReason::Group];

/// Two worlds that differ in nothing but what the reason names must differ in their answers.
///
/// # Errors
/// If they do not, while for another reason they do.
pub fn check(
    cluster: &Cluster,
    pair: &Pair,
    (traffic, said): (&Traffic, Option<UnknownReason>),
) -> Result<(), Mismatch> {
    let answers: Vec<bool> =
        pair.worlds.iter().map(|world| passes(cluster, world, traffic)).collect();
    let worlds: Vec<(&World, bool)> = pair.worlds.iter().zip(answers).collect();
    let decides = |reason: &UnknownReason| {
        worlds.iter().any(|(a, yes)| {
            *yes && worlds.iter().any(|(b, yes)| !*yes && differ_only_in(*reason, a, b))
        })
    };
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

fn differ_only_in(reason: UnknownReason, a: &World, b: &World) -> bool {
    let who =
        (a.source.identity, a.destination.identity) == (b.source.identity, b.destination.identity);
    let addresses =
        (a.source.address, a.destination.address) == (b.source.address, b.destination.address);
    let labels = labels(a) == labels(b);
    let node = a.own_node == b.own_node;
    match reason {
        UnknownReason::Address => who && labels && node,
        UnknownReason::Node => who && labels && addresses,
        UnknownReason::Label => who && addresses && node,
        // Pods differ in everything.
        UnknownReason::Group => !who,
        // NetworkPolicies have neither an order nor names.
        UnknownReason::Tie | UnknownReason::Name => false,
    }
}

fn labels(world: &World) -> [Option<&Labels>; 2] {
    [&world.source, &world.destination].map(|party| party.pod.as_ref().map(|pod| &pod.labels))
}

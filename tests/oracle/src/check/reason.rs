//! Whether the reason of an unknown verdict is one.

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
    let worlds: Vec<(&World, Outcomes)> = pair.worlds.iter().zip(answers).collect();
    let decides = |reason: &UnknownReason| {
        worlds.iter().any(|(a, outcomes)| {
            outcomes.allow
                && worlds.iter().any(|(b, outcomes)| outcomes.deny && differ_only_in(*reason, a, b))
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
    // An address that is a node's in one world and nobody's in the other is another address.
    let addresses = (a.source.address, a.destination.address, &a.destination.node)
        == (b.source.address, b.destination.address, &b.destination.node);
    let names = a.destination.names == b.destination.names;
    let namespaces = namespaces(a) == namespaces(b);
    let own_labels = labels(a) == labels(b);
    let labels = own_labels && namespaces;
    let node = a.own_node == b.own_node;
    match reason {
        UnknownReason::Tie => std::ptr::eq(a, b),
        UnknownReason::Name => who && addresses && labels && node,
        // Another address may be another name's.
        UnknownReason::Address => who && labels && node,
        UnknownReason::Node => who && labels && addresses && names,
        UnknownReason::Label => who && addresses && node && names && namespaces,
        UnknownReason::Namespace => who && addresses && node && names && own_labels,
        // No world has a Service.
        UnknownReason::Translation => false,
        // Pods differ in everything.
        UnknownReason::Group => !who,
        // It is asked for one port at a time, and for pods that are there.
        UnknownReason::Ports | UnknownReason::PortName => false,
        // Only Calico's policies ask for these, and no reason is compared where there are some.
        UnknownReason::Profile
        | UnknownReason::HostEndpoint
        | UnknownReason::HostAction
        | UnknownReason::Untracked
        | UnknownReason::ServiceAccount
        | UnknownReason::SourcePort
        | UnknownReason::Protocol
        | UnknownReason::Service => false,
    }
}

fn labels(world: &World) -> [Option<&Labels>; 2] {
    [&world.source, &world.destination].map(|party| party.pod.as_ref().map(|pod| &pod.labels))
}

fn namespaces(world: &World) -> [Option<&Labels>; 2] {
    [&world.source, &world.destination]
        .map(|party| party.pod.as_ref().map(|pod| &pod.namespace_labels))
}

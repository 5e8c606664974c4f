//! Pods of which it is said that a change takes nothing from them may do all that they could
//! before. Prints what was tried.
#![allow(clippy::panic, clippy::unwrap_used, clippy::print_stdout, reason = "test code")]

use std::collections::BTreeSet;
use std::net::IpAddr;

use portcullis_dataplane_tests::change::change;
use portcullis_dataplane_tests::site::{load, program, sometimes_audited};
use portcullis_dataplane_tests::{Kernel, Packet, Protocol, Verdict};
use portcullis_engine::dataplane::{FilterProgram, Members, Settings, restricted};
use portcullis_oracle::check::{Engine, edges, ports};
use portcullis_oracle::cluster::Cluster;
use portcullis_oracle::random::Random;

const NODE: &str = "n1";

fn program_of(cluster: &Cluster, seed: u64) -> FilterProgram {
    let engine = Engine::new(cluster, seed).unwrap_or_else(|mismatch| panic!("{mismatch}"));
    program(&engine.session, NODE, &Settings::default())
}

fn local(program: &FilterProgram) -> BTreeSet<IpAddr> {
    let sets = program.families.values().map(|family| family.sets.get(&family.local));
    let addresses = sets.flatten().flat_map(|set| match &set.members {
        Members::Addresses(all) => all.iter().copied().collect::<Vec<_>>(),
        _ => Vec::new(),
    });
    addresses.collect()
}

fn addresses(clusters: [&Cluster; 2]) -> BTreeSet<IpAddr> {
    let all = clusters.into_iter().flat_map(|cluster| {
        let pods = cluster.pods.iter().flat_map(|pod| pod.addresses.clone());
        pods.chain(edges(cluster)).collect::<Vec<IpAddr>>()
    });
    all.collect()
}

/// Whether a kernel takes something from a pod that another one let it do: send, or receive from
/// somebody whom no rules are about.
fn takes(
    (old, new): (&Kernel, &Kernel),
    subject: IpAddr,
    (peers, own, numbers): (&BTreeSet<IpAddr>, &BTreeSet<IpAddr>, &[u16]),
) -> Option<Packet> {
    let peers = peers.iter().filter(|peer| peer.is_ipv4() == subject.is_ipv4());
    let packets = peers.flat_map(|peer| {
        let sent = |port| ("INPUT", Packet::new(subject, *peer, (Protocol::Tcp, port)));
        let received = |port| ("FORWARD", Packet::new(*peer, subject, (Protocol::Tcp, port)));
        let sent = numbers.iter().copied().map(sent);
        let received = numbers.iter().copied().filter(|_| !own.contains(peer)).map(received);
        sent.chain(received).collect::<Vec<_>>()
    });
    let passes = |kernel: &Kernel, (hook, packet): &(&str, Packet)| {
        kernel.judge(hook, packet) == Verdict::Passes
    };
    { packets }.find(|one| passes(old, one) && !passes(new, one)).map(|one| one.1)
}

#[test]
fn nothing_is_taken_from_pods_that_are_not_named() {
    let mut random = Random::new(17);
    let (mut named, mut kept, mut lost) = (0, 0, 0);
    for seed in 0..700 {
        let before = sometimes_audited(seed, &mut random);
        let mut after = before.clone();
        let what = change(&mut after, &mut random);
        for pod in &mut after.pods {
            pod.spec.node.get_or_insert_with(|| NODE.to_owned());
        }
        let (old, new) = (program_of(&before, seed), program_of(&after, seed + 1));
        let (was, is) = (load(&old).unwrap(), load(&new).unwrap());
        let peers = addresses([&before, &after]);
        let own: BTreeSet<IpAddr> = local(&old).union(&local(&new)).copied().collect();
        let numbers: BTreeSet<u16> = ports(&before).into_iter().chain(ports(&after)).collect();
        let numbers: Vec<u16> = numbers.into_iter().collect();
        let restricted = restricted(&old, &new);
        for subject in local(&new) {
            let taken = takes((&was, &is), subject, (&peers, &own, &numbers));
            if restricted.contains(&subject) {
                named += 1;
                lost += usize::from(taken.is_some());
            } else {
                kept += 1;
                assert!(taken.is_none(), "seed {seed}, {what}: {subject} {taken:?}");
            }
        }
    }
    println!("{named} pods named, of which {lost} lost something; {kept} not named");
    assert!(lost > 20 && kept > 300);
}

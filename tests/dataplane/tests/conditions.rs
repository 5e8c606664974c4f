//! Calico's policies in the kernel: packets of which everything is known, through random programs,
//! are judged as the oracle judges them; what is not in the input is closed; and whatever is wrong in
//! a program is found. Prints what was compared.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "test code")]

use std::collections::BTreeSet;
use std::net::IpAddr;

use portcullis_dataplane_tests::mutate::{mutate, mutations};
use portcullis_dataplane_tests::site::{self, Site, addresses, load, settings, wiring};
use portcullis_dataplane_tests::{Kernel, Packet, Protocol, Verdict as Judged};
use portcullis_engine::dataplane::{FilterProgram, Input, Settings, Wiring, verify};
use portcullis_oracle::cluster::calico::{CalicoPort, number_of};
use portcullis_oracle::cluster::{self, Cluster};
use portcullis_oracle::oracle::calico::{self, Carried};
use portcullis_oracle::oracle::{End, Verdict, worlds_of};
use portcullis_oracle::random::Random;

/// Random clusters, unless `CALICO_CLUSTERS` asks for another number.
const CLUSTERS: u64 = 150;
/// Those of them of which every kind of mistake is tried.
const SPOILED: u64 = 40;
/// Packets of a cluster.
const PACKETS: usize = 600;

#[derive(Debug, Default)]
struct Counts {
    programs: usize,
    allowed: usize,
    denied: usize,
    closed: usize,
    caught: usize,
}

fn clusters() -> u64 {
    let asked = std::env::var("CALICO_CLUSTERS").ok().and_then(|number| number.parse().ok());
    asked.unwrap_or(CLUSTERS)
}

/// Ports at and next to the ends of all that rules ask for, and those that pods have.
fn ports(cluster: &Cluster) -> Vec<u16> {
    let rules = cluster.calico.policies.iter().flat_map(cluster::calico::CalicoPolicy::all_rules);
    let ends = rules.flat_map(|rule| [&rule.source, &rule.destination]);
    let mut ports: BTreeSet<u16> = portcullis_oracle::check::ports(cluster).into_iter().collect();
    for port in ends.flat_map(|end| end.ports.iter().chain(&end.not_ports)) {
        if let CalicoPort::Range(first, last) = port {
            ports.extend([first.saturating_sub(1), *first, *last, last.saturating_add(1)]);
        }
    }
    ports.remove(&0);
    ports.into_iter().collect()
}

const PORTLESS: [u8; 5] = [1, 58, 136, 47, 100];

/// A packet as the oracle and as the kernel see it.
fn packet(
    (from, to): (IpAddr, IpAddr),
    ports: &[u16],
    random: &mut Random,
) -> (calico::Packet, Packet) {
    if random.chance(25) {
        let own = if from.is_ipv4() { 58 } else { 1 };
        let all: Vec<u8> = PORTLESS.into_iter().filter(|number| *number != own).collect();
        let number = *random.pick(&all);
        let protocol = match number {
            1 => Protocol::Icmp,
            58 => Protocol::Icmpv6,
            other => Protocol::Other(other),
        };
        let oracle = calico::Packet { protocol: number, source: None, destination: None };
        return (oracle, Packet::new(from, to, (protocol, 128)));
    }
    let protocol = *random.pick(&cluster::Protocol::ALL);
    let (source, port) = (*random.pick(ports), *random.pick(ports));
    let number = number_of(protocol);
    let oracle = calico::Packet { protocol: number, source: Some(source), destination: Some(port) };
    let packet = Packet::new(from, to, (site::protocol(protocol), port));
    (oracle, Packet { from_port: source, ..packet })
}

#[test]
fn kernels_do_what_calicos_policies_say() {
    let mut counts = Counts::default();
    for seed in 0..clusters() {
        compare(seed, &mut counts);
    }
    println!("{counts:?}");
    assert!(counts.allowed > 10_000 && counts.denied > 5_000, "{counts:?}");
    assert!(counts.caught > 200, "{counts:?}");
}

fn compare(seed: u64, counts: &mut Counts) {
    let cluster = site::calico(seed);
    let (settings, wiring) = (Settings { unknown_local: Vec::new(), ..settings(seed) }, wiring(0));
    let site = Site::new(&cluster, seed, (&settings, &wiring)).unwrap();
    let mut random = Random::new(seed);
    let is_closed = site.nodes.values().any(|(program, _)| !program.notes.is_empty());
    for (node, (program, _)) in &site.nodes {
        let found = verify(program, input(&site, node, (&settings, &wiring)));
        assert!(found.is_ok(), "seed {seed}, {node}: {found:?}");
        counts.programs += 1;
    }
    let (addresses, ports) = (addresses(&cluster), ports(&cluster));
    let mut packets = Vec::new();
    for _ in 0..PACKETS {
        let (from, to) = (*random.pick(&addresses), *random.pick(&addresses));
        if from.is_ipv4() != to.is_ipv4() {
            continue;
        }
        let (oracle, packet) = packet((from, to), &ports, &mut random);
        packets.push(packet);
        let Some(passes) = site.passes_packet(packet) else { continue };
        let worlds = worlds_of(&cluster, &End::Address(from), &End::Address(to));
        let said = calico::verdict(&cluster, &worlds, Carried::Exactly(oracle));
        let what = format!("seed {seed}: {packet:?}: {passes}, {said:?}");
        match said {
            Some(Verdict::Allow) if passes => counts.allowed += 1,
            Some(Verdict::Deny) if !passes => counts.denied += 1,
            Some(Verdict::Allow) if is_closed => counts.closed += 1,
            Some(Verdict::Unknown) if !passes || has_ties(&cluster) => counts.closed += 1,
            None => {}
            _ => panic!("{what}"),
        }
    }
    if seed < SPOILED {
        spoil((&site, seed), (&settings, &wiring), &packets, (&mut random, counts));
    }
}

fn has_ties(cluster: &Cluster) -> bool {
    let mut seen = BTreeSet::new();
    cluster
        .cluster_policies
        .iter()
        .any(|one| !seen.insert((format!("{:?}", one.tier), one.priority)))
}

fn input<'i>(
    site: &'i Site,
    node: &'i str,
    (settings, wiring): (&'i Settings, &'i Wiring),
) -> Input<'i> {
    let (model, policies) = (site.session.model(), site.session.policies());
    Input { model, policies, node, settings, wiring }
}

/// Breaks programs in every way: what changes the fate of a packet must be found.
fn spoil(
    (site, seed): (&Site, u64),
    made: (&Settings, &Wiring),
    packets: &[Packet],
    (random, counts): (&mut Random, &mut Counts),
) {
    let passes =
        |kernel: &Kernel, packet: &Packet| kernel.judge("FORWARD", packet) == Judged::Passes;
    for (node, (program, kernel)) in &site.nodes {
        for kind in mutations() {
            let Some(spoiled) = mutate(program, kind, random) else { continue };
            let spoiled: FilterProgram = spoiled;
            let Ok(other) = load(&spoiled) else { continue };
            let differs = |packet: &&Packet| passes(kernel, packet) != passes(&other, packet);
            let Some(packet) = packets.iter().find(differs) else { continue };
            // What the node itself sends is not forwarded to its pods.
            if site::own_node(&site.session, node).contains(&packet.source) {
                continue;
            }
            let found = verify(&spoiled, input(site, node, made));
            assert!(found.is_err(), "seed {seed}, {node}: {kind} is missed: {packet:?}");
            counts.caught += 1;
        }
    }
}

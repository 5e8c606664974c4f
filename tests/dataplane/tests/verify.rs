//! The check of programs finds every program wrong that lets another packet pass, and none that
//! does not. What other packets pass is found out by letting packets through the model of the
//! kernel, not by the check. Prints the counts.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "test code"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use portcullis_dataplane_tests::mutate::{self, mutate, mutations};
use portcullis_dataplane_tests::site::{Site, clusters, load, mixed, own_node, settings, wiring};
use portcullis_dataplane_tests::spoiled::WAYS as OF_CALICO;
use portcullis_dataplane_tests::{Kernel, Packet, Protocol, State, Verdict};
use portcullis_engine::dataplane::{
    Counterexample, Disagreement, FilterProgram, Input, Verifier, verify,
};
use portcullis_engine::manifest::Direction;
use portcullis_oracle::check::ports;
use portcullis_oracle::cluster::Cluster;
use portcullis_oracle::random::Random;

/// Random clusters, unless `MUTATION_CLUSTERS` says more.
const CLUSTERS: u64 = 80;
/// What few programs have, and what rarely changes what passes.
const RARE: [&str; 2] = ["later classes exchanged", "except lost"];
/// So many times more it is tried.
const TRIES_OF_RARE: usize = 12;

/// Packets that tell programs apart: between all addresses at the ends of what the two name, at
/// some of the ports.
fn packets(
    cluster: &Cluster,
    (program, spoiled): (&FilterProgram, &FilterProgram),
    random: &mut Random,
) -> Vec<Packet> {
    let mut addresses = mutate::edges(program);
    addresses.extend(["0.0.0.0", "255.255.255.255", "fe80::5", "ff02::1:2"].map(address));
    addresses.extend(mutate::edges(spoiled));
    let asked = ports(cluster).into_iter().chain([67, 80, 547]);
    let numbers: Vec<u16> = near(asked.collect()).into_iter().collect();
    let mut packets = Vec::new();
    for &from in &addresses {
        for &to in addresses.iter().filter(|to| to.is_ipv4() == from.is_ipv4()) {
            for protocol in [Protocol::Tcp, Protocol::Udp, Protocol::Sctp] {
                let numbers = numbers.iter().filter(|_| random.chance(40));
                packets.extend(numbers.map(|&port| Packet::new(from, to, (protocol, port))));
            }
            packets.extend(others(from, to));
        }
    }
    let mut packets: Vec<Packet> =
        packets.into_iter().map(|packet| placed(packet, random)).collect();
    random.shuffle(&mut packets);
    packets
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Packets without ports, or of another than a new connection.
fn others(from: IpAddr, to: IpAddr) -> Vec<Packet> {
    let tcp = Packet::new(from, to, (Protocol::Tcp, 80));
    let mut packets = vec![
        Packet::new(from, to, (Protocol::Icmp, 8)),
        Packet { state: State::Established, ..tcp },
        Packet { state: State::Established, mark: 0x0080_0000, ..tcp },
        Packet { state: State::Invalid, ..tcp },
    ];
    if from.is_ipv6() {
        for kind in [128, 133, 134, 135, 136, 137] {
            let message = Packet::new(from, to, (Protocol::Icmpv6, kind));
            packets.extend([message, Packet { hops: 255, ..message }]);
        }
    }
    packets
}

/// The packet, on its way between devices, from the node itself or from others.
fn placed(packet: Packet, random: &mut Random) -> Packet {
    const DEVICES: [&str; 6] = ["up0", "p1", "p2", "p9", "br0", "br01"];
    let (enters, leaves) = (*random.pick(&DEVICES), *random.pick(&DEVICES));
    Packet { enters, leaves, from_node: random.chance(20), ..packet }
}

/// Each with its neighbours, so that a moved port is seen.
fn near(ports: Vec<u16>) -> BTreeSet<u16> {
    let all =
        ports.into_iter().flat_map(|port| [port.saturating_sub(1), port, port.saturating_add(1)]);
    all.filter(|port| *port > 0).collect()
}

/// The first packet of which two kernels judge differently, forwarded or sent to the node. Of the
/// node's own packets to its pods nothing is asked: they are not forwarded.
fn told_apart(
    (a, b): (&Kernel, &Kernel),
    packets: &[Packet],
    own_node: &BTreeSet<IpAddr>,
) -> Option<Packet> {
    let differ = |hook, packet: &Packet| {
        let passes = |kernel: &Kernel| kernel.judge(hook, packet) == Verdict::Passes;
        passes(a) != passes(b)
    };
    let told = |packet: &&Packet| {
        let forwarded = !own_node.contains(&packet.source)
            && (differ("FORWARD", packet) || (!packet.from_node && differ("OUTPUT", packet)));
        forwarded || differ("INPUT", packet) || (packet.from_node && differ("OUTPUT", packet))
    };
    packets.iter().find(told).copied()
}

/// What one kind of mutation came to.
#[derive(Default)]
struct Tally {
    changed: usize,
    refused: usize,
    same: usize,
}

/// What has become of the programs and mutations of some clusters.
#[derive(Default)]
struct Tallies {
    programs: usize,
    walked: usize,
    by_kind: BTreeMap<&'static str, Tally>,
}

impl Tallies {
    fn add(&mut self, other: &Self) {
        self.programs += other.programs;
        self.walked += other.walked;
        for (kind, Tally { changed, refused, same }) in &other.by_kind {
            let own = self.by_kind.entry(kind).or_default();
            own.changed += changed;
            own.refused += refused;
            own.same += same;
        }
    }
}

#[test]
fn what_is_right_is_found_right_and_what_is_wrong_wrong() {
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let share = |first| {
        let seeds = (first..clusters(CLUSTERS)).step_by(threads as usize);
        seeds.fold(Tallies::default(), |mut all, seed| {
            all.add(&of_cluster(seed));
            all
        })
    };
    let mut all = Tallies::default();
    std::thread::scope(|scope| {
        let shares = (0..threads).map(|first| scope.spawn(move || share(first)));
        for one in shares.collect::<Vec<_>>() {
            all.add(&one.join().expect("what is wrong is printed above"));
        }
    });
    println!("{} programs right, {} subjects walked region by region", all.programs, all.walked);
    for (kind, Tally { changed, refused, same }) in &all.by_kind {
        println!(
            "{kind:18} caught {changed:4}, refused by the kernel {refused:3}, harmless {same:4}"
        );
        // Most of what only Calico's rules ask for is not in these programs: `conditions.rs` has it.
        assert!(*changed > 0 || OF_CALICO.contains(kind), "{kind} never changed what passes");
    }
    let own = mutations().into_iter().filter(|kind| !OF_CALICO.contains(kind));
    let missing: Vec<_> = own.filter(|kind| !all.by_kind.contains_key(kind)).collect();
    assert!(missing.is_empty(), "{missing:?} never fitted");
}

fn of_cluster(seed: u64) -> Tallies {
    let mut random = Random::new(seed ^ 11);
    let mut all = Tallies::default();
    let cluster = mixed(seed);
    let (settings, wiring) = (settings(seed), wiring(seed / 2));
    let site = Site::new(&cluster, seed, (&settings, &wiring)).unwrap();
    for (node, (program, kernel)) in &site.nodes {
        let (model, policies) = (site.session.model(), site.session.policies());
        let input = Input { model, policies, node, settings: &settings, wiring: &wiring };
        let verified = verify(program, input).unwrap_or_else(|e| panic!("seed {seed}: {e:#?}"));
        all.programs += 1;
        all.walked += verified.walked;
        let mut verifier = Verifier::default();
        assert_eq!(verifier.verify(program, input), Ok(verified));
        assert_eq!(verifier.verify(program, input), Ok(verified));
        let own_node = own_node(&site.session, node);
        for kind in mutations().into_iter().chain([RARE; TRIES_OF_RARE].into_iter().flatten()) {
            let Some(spoiled) = mutate(program, kind, &mut random) else { continue };
            let tally = all.by_kind.entry(kind).or_default();
            let Ok(other) = load(&spoiled) else {
                tally.refused += 1;
                continue;
            };
            let packets = packets(&cluster, (program, &spoiled), &mut random);
            let packet = told_apart((kernel, &other), &packets, &own_node);
            let found = verify(&spoiled, input);
            let again = verifier.verify(&spoiled, input);
            assert_eq!(found, again, "seed {seed}, {node}: {kind}");
            let mut hooks = spoiled.families.values().zip(program.families.values());
            if packet.is_none() && hooks.all(|(a, b)| a.hooks == b.hooks) {
                tally.same += 1;
            } else {
                tally.changed += 1;
                assert!(found.is_err(), "seed {seed}, {node}: {kind} is missed: {packet:?}");
            }
            for wrong in found.err().into_iter().flatten() {
                confirm(&other, &wrong, (seed, kind, &spoiled));
            }
        }
    }
    all
}

/// The flow that is said to be judged otherwise is judged as is said.
fn confirm(kernel: &Kernel, wrong: &Disagreement, of: (u64, &str, &FilterProgram)) {
    let Disagreement::Flow(Counterexample {
        direction,
        subject,
        peer,
        protocol,
        port,
        admitted,
        ..
    }) = wrong
    else {
        return;
    };
    let protocol = match protocol {
        Some(portcullis_engine::net::Protocol::Tcp) => Protocol::Tcp,
        Some(portcullis_engine::net::Protocol::Udp) => Protocol::Udp,
        Some(portcullis_engine::net::Protocol::Sctp) => Protocol::Sctp,
        None => Protocol::Icmp,
    };
    let (from, to) = match direction {
        Direction::Ingress => (*peer, *subject),
        Direction::Egress => (*subject, *peer),
    };
    let packet = Packet::new(from, to, (protocol, *port));
    let passes = kernel.judge("FORWARD", &packet) == Verdict::Passes;
    // The other end may deny what this one admits; what this one denies nobody admits.
    let consistent = *admitted || !passes;
    assert!(consistent, "seed {}, {}: {wrong:?}", of.0, of.1);
}

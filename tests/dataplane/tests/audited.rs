//! Policies that are only audited: a kernel lets pass what it would without them, and says what it
//! would deny if they were in force; and the check of programs finds every program wrong that does
//! not. What programs do is found out by letting packets through the model of the kernel. Prints the
//! counts.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "test code")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use portcullis_dataplane_tests::mutate::{self, mutate, mutations};
use portcullis_dataplane_tests::site::{Site, clusters, load, mixed, own_node, settings, wiring};
use portcullis_dataplane_tests::spoiled::WAYS as OF_CALICO;
use portcullis_dataplane_tests::{Kernel, Packet, Protocol, Verdict};
use portcullis_engine::dataplane::{
    Action, Disagreement, FilterProgram, Input, Settings, Verifier, verify,
};
use portcullis_engine::manifest::Mode;
use portcullis_oracle::check::{ports, some_audited};
use portcullis_oracle::cluster::Cluster;
use portcullis_oracle::random::Random;

/// Random clusters, unless `MUTATION_CLUSTERS` says more.
const CLUSTERS: u64 = 60;
/// Random clusters whose programs are spoiled, likewise.
const SPOILED: u64 = 180;
/// What shows in messages of ICMPv6 alone, of which no packet here is one, and what few audits have.
const UNSEEN: [&str; 2] = ["hops changed", "later classes exchanged"];
const HOOKS: [&str; 3] = ["FORWARD", "INPUT", "OUTPUT"];
const DEVICES: [&str; 4] = ["up0", "p1", "p2", "br0"];

fn packets(cluster: &Cluster, program: &FilterProgram, random: &mut Random) -> Vec<Packet> {
    let addresses: Vec<IpAddr> = mutate::edges(program).into_iter().collect();
    let numbers: Vec<u16> = ports(cluster).into_iter().chain([80]).collect();
    let mut packets = Vec::new();
    for &from in &addresses {
        for &to in addresses.iter().filter(|to| to.is_ipv4() == from.is_ipv4()) {
            for protocol in [Protocol::Tcp, Protocol::Udp, Protocol::Sctp] {
                let port = *random.pick(&numbers);
                let (enters, leaves) = (*random.pick(&DEVICES), *random.pick(&DEVICES));
                let packet = Packet::new(from, to, (protocol, port));
                packets.push(Packet { enters, leaves, from_node: random.chance(10), ..packet });
            }
        }
    }
    random.shuffle(&mut packets);
    packets.truncate(1_500);
    packets
}

/// Whether a packet passes, and whether it is said that it would be denied.
fn judged(kernel: &Kernel, hook: &str, packet: &Packet) -> (bool, bool) {
    let (verdict, chains) = kernel.walk(hook, packet);
    let said = chains.iter().any(|chain| chain.ends_with("-WE") || chain.ends_with("-WI"));
    (verdict == Verdict::Passes, said)
}

#[test]
fn audited_policies_stop_nothing_and_are_said_to() {
    let (mut passed, mut said, mut denied) = (0, 0, 0);
    for seed in 0..clusters(CLUSTERS) {
        let mut random = Random::new(seed);
        let cluster = some_audited(&mixed(seed), &mut random);
        let (settings, wiring) = (settings(seed), wiring(seed / 2));
        let with = (&settings, &wiring);
        let site = Site::new(&cluster, seed, with).unwrap();
        let in_force = Site::new(&cluster.in_force(), seed, with).unwrap();
        let intended = Site::new(&cluster.intended(), seed, with).unwrap();
        for (node, (program, kernel)) in &site.nodes {
            let others = [&in_force, &intended].map(|site| &site.nodes.get(node).unwrap().1);
            for packet in packets(&cluster, program, &mut random) {
                for hook in HOOKS {
                    let (passes, says) = judged(kernel, hook, &packet);
                    let [now, then] = others.map(|other| judged(other, hook, &packet).0);
                    let expected = (now, now && !then);
                    assert_eq!((passes, says), expected, "seed {seed}, {node}, {hook}: {packet:?}");
                    passed += usize::from(passes);
                    denied += usize::from(!passes);
                    said += usize::from(says);
                }
            }
        }
    }
    println!("{passed} packets passed, {said} of them with what would deny them; {denied} denied");
    assert!(said > 1_000 && denied > 1_000, "{said} said, {denied} denied");
}

#[test]
fn nothing_is_denied_where_the_agent_only_audits() {
    let mut said = 0;
    for seed in 0..clusters(CLUSTERS) / 2 {
        let mut random = Random::new(seed);
        let cluster = some_audited(&mixed(seed), &mut random);
        let (settings, wiring) = (settings(seed), wiring(seed / 2));
        let auditing = Settings { mode: Mode::Audit, ..settings.clone() };
        let site = Site::new(&cluster, seed, (&auditing, &wiring)).unwrap();
        let intended = Site::new(&cluster.intended(), seed, (&settings, &wiring)).unwrap();
        for (node, (program, kernel)) in &site.nodes {
            let (model, policies) = (site.session.model(), site.session.policies());
            let input = Input { model, policies, node, settings: &auditing, wiring: &wiring };
            verify(program, input).unwrap_or_else(|wrong| panic!("seed {seed}: {wrong:#?}"));
            let rules = program.families.values().flat_map(|family| family.chains.values());
            let denies = |action: &Action| matches!(action, Action::Drop | Action::Reject(_));
            assert!(!rules.flat_map(|chain| &chain.rules).any(|rule| denies(&rule.action)));
            let other = &intended.nodes.get(node).unwrap().1;
            for packet in packets(&cluster, program, &mut random) {
                for hook in HOOKS {
                    let (passes, says) = judged(kernel, hook, &packet);
                    assert!(passes, "seed {seed}, {node}, {hook}: {packet:?}");
                    let unknown = kernel.walk(hook, &packet).1.iter().any(|c| c == "PCL-UNKNOWN");
                    let would = !judged(other, hook, &packet).0;
                    assert_eq!(says || unknown, would, "seed {seed}, {node}, {hook}: {packet:?}");
                    said += usize::from(would);
                }
            }
        }
    }
    assert!(said > 1_000, "{said}");
}

/// Names of chains have 28 bytes, and the kernel takes no longer ones.
#[test]
fn the_longest_prefix_leaves_room_for_audits() {
    let settings = Settings { prefix: "ABCDE".into(), ..Settings::default() }.checked().unwrap();
    let wiring = wiring(0);
    let mut said = 0;
    for seed in 0..20 {
        let mut random = Random::new(seed);
        let cluster = some_audited(&mixed(seed), &mut random);
        let site = Site::new(&cluster, seed, (&settings, &wiring)).unwrap();
        for (node, (program, kernel)) in &site.nodes {
            let (model, policies) = (site.session.model(), site.session.policies());
            let input = Input { model, policies, node, settings: &settings, wiring: &wiring };
            verify(program, input).unwrap_or_else(|wrong| panic!("seed {seed}: {wrong:#?}"));
            let packets = packets(&cluster, program, &mut random);
            said += packets.iter().filter(|packet| judged(kernel, "FORWARD", packet).1).count();
        }
    }
    assert!(said > 50, "{said}");
}

#[test]
fn every_other_program_is_found_wrong() {
    let mut random = Random::new(5);
    let mut caught: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let mut audits_wrong = 0;
    for seed in 0..clusters(SPOILED) {
        let cluster = some_audited(&mixed(seed), &mut random);
        let (settings, wiring) = (settings(seed), wiring(seed / 2));
        let site = Site::new(&cluster, seed, (&settings, &wiring)).unwrap();
        for (node, (program, kernel)) in &site.nodes {
            let (model, policies) = (site.session.model(), site.session.policies());
            let input = Input { model, policies, node, settings: &settings, wiring: &wiring };
            let right = verify(program, input).unwrap_or_else(|e| panic!("seed {seed}: {e:#?}"));
            let mut verifier = Verifier::default();
            assert_eq!(verifier.verify(program, input), Ok(right));
            let packets = packets(&cluster, program, &mut random);
            let own_node = own_node(&site.session, node);
            for kind in mutations().into_iter().filter(|kind| !OF_CALICO.contains(kind)) {
                let Some(spoiled) = mutate(program, kind, &mut random) else { continue };
                let Ok(other) = load(&spoiled) else { continue };
                let found = verify(&spoiled, input);
                assert_eq!(found, verifier.verify(&spoiled, input), "seed {seed}: {kind}");
                let wrong = found.as_ref().err().into_iter().flatten();
                let of_audits = |one: &&Disagreement| matches!(one, Disagreement::Audited(_));
                audits_wrong += wrong.filter(of_audits).count();
                let counts = caught.entry(kind).or_default();
                match first_told_apart((kernel, &other), &packets, &own_node) {
                    Some(packet) => {
                        counts.0 += 1;
                        assert!(found.is_err(), "seed {seed}, {node}: {kind} missed: {packet:?}");
                    }
                    None => counts.1 += 1,
                }
            }
        }
    }
    for (kind, (told, same)) in &caught {
        println!("{kind:18} caught {told:4}, harmless to these packets {same:4}");
    }
    let missing = mutations().into_iter().filter(|kind| caught.get(kind).is_none_or(|n| n.0 == 0));
    // What only Calico's rules ask for is spoiled by `conditions.rs`.
    let unseen = |kind: &&str| UNSEEN.contains(kind) || OF_CALICO.contains(kind);
    let missing: Vec<_> = missing.filter(|kind| !unseen(kind)).collect();
    assert!(missing.is_empty(), "{missing:?} never changed anything");
    println!("{audits_wrong} times what an audit says");
    assert!(audits_wrong > 100, "{audits_wrong}");
}

/// The first packet of which two kernels do, or say, another thing. The node's own packets to its
/// pods are not forwarded, and what chains do with them does not matter.
fn first_told_apart(
    (a, b): (&Kernel, &Kernel),
    packets: &[Packet],
    own_node: &BTreeSet<IpAddr>,
) -> Option<Packet> {
    let differ = |hook, packet: &Packet| judged(a, hook, packet) != judged(b, hook, packet);
    let told = |packet: &&Packet| {
        !packet.from_node
            && !own_node.contains(&packet.source)
            && (differ("FORWARD", packet) || differ("INPUT", packet))
    };
    packets.iter().find(told).copied()
}

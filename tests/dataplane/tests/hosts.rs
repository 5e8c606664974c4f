//! Chains of host endpoints, in random clusters and in the kernel's place: what the engine says of
//! nodes is what these chains do, the check finds them right, and finds them wrong when one thing is.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "test code"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use portcullis_dataplane_tests::kernel::{Kernel, Packet, Protocol as Kind, Verdict as Judged};
use portcullis_dataplane_tests::mutate::{mutate, mutations};
use portcullis_dataplane_tests::site::{self, load};
use portcullis_engine::dataplane::{
    FilterProgram, HostWiring, Input, Interface, Settings, Wiring, lower, verify,
};
use portcullis_engine::manifest::calico::HostAction;
use portcullis_engine::net::Protocol;
use portcullis_engine::verdict::Verdict;
use portcullis_engine::{FlowQuery, Session};
use portcullis_oracle::check::Engine;
use portcullis_oracle::generate;
use portcullis_oracle::random::Random;

/// The devices of pods, and of nobody.
const TO_PODS: [&str; 2] = ["p1", "p2"];

fn name(text: &str) -> Interface {
    text.parse().unwrap()
}

/// The interface that has an address of a node: the one that a host endpoint says, if one does.
fn holding(session: &Session, node: &str, address: IpAddr) -> &'static str {
    let claims = |interface: &&str| {
        session.policies().hosts().of_node(node).any(|host| {
            host.place.interface.as_deref() == Some(*interface)
                && host.place.addresses.contains(&address)
        })
    };
    if let Some(named) = ["eth0", "eth1"].into_iter().find(claims) {
        return named;
    }
    // One that names no interface is taken to list all addresses of its own.
    let by_address = session.policies().hosts().of_node(node);
    let mut by_address = by_address.filter(|host| host.place.interface.is_none());
    let at = by_address.position(|host| host.place.addresses.contains(&address));
    at.and_then(|at| ["eth3", "eth4", "eth5", "eth6", "eth7"].get(at).copied()).unwrap_or("eth2")
}

fn wiring(session: &Session, node: &str) -> Wiring {
    let mut interfaces: BTreeMap<Interface, Vec<IpAddr>> = BTreeMap::new();
    for &address in session.policies().addresses_of(node) {
        interfaces.entry(name(holding(session, node, address))).or_default().push(address);
    }
    interfaces.insert(name("lo"), vec!["127.0.0.1".parse().unwrap()]);
    let interfaces = interfaces.into_iter().collect();
    let host = Some(HostWiring { interfaces, to_host: HostAction::Accept });
    Wiring { pods: vec![name("p+")], host, ..Wiring::default() }
}

struct Node {
    program: FilterProgram,
    kernel: Kernel,
}

fn nodes(session: &Session, settings: &Settings) -> BTreeMap<String, Node> {
    let names = ["n1", "n2", "n3"];
    let node = |node: &str| {
        let wiring = &wiring(session, node);
        let (model, policies) = (session.model(), session.policies());
        let input = Input { model, policies, node, settings, wiring };
        let program = lower(input);
        if let Err(wrong) = verify(&program, input) {
            panic!("{node}: {wrong:#?}");
        }
        let kernel = load(&program).unwrap();
        Node { program, kernel }
    };
    names.into_iter().map(|name| (name.to_owned(), node(name))).collect()
}

/// Whether all kernels on the way let a first packet pass.
fn passes(session: &Session, nodes: &BTreeMap<String, Node>, packet: Packet) -> Option<bool> {
    let model = session.model();
    let node_of = |address: IpAddr| {
        let at = *model.node_by_address.get(&address)?;
        Some(model.nodes.get(at as usize)?.name.to_string())
    };
    let pod_of = |address: IpAddr| {
        let pod = model.endpoints.get(*model.by_address.get(&address)?)?;
        Some(pod.node.as_deref()?.to_owned())
    };
    let judge = |node: &str, hook: &str, enters: &'static str, leaves: &'static str| {
        let packet = Packet { enters, leaves, ..packet };
        nodes[node].kernel.judge(hook, &packet) == Judged::Passes
    };
    let device = |node: &str, address| holding(session, node, address);
    // What passes through a node may go by any.
    let uplink = "eth0";
    let [one, other] = TO_PODS;
    let (from, to) = (packet.source, packet.destination);
    let sends = match (node_of(from), pod_of(from)) {
        (Some(node), None) => match (node_of(to), pod_of(to)) {
            (Some(there), _) if there == node => judge(&node, "OUTPUT", "", "lo"),
            (_, Some(there)) if there == node => judge(&node, "OUTPUT", "", one),
            _ => judge(&node, "OUTPUT", "", device(&node, from)),
        },
        (None, Some(node)) => match (node_of(to), pod_of(to)) {
            (Some(there), _) if there == node => return Some(judge(&node, "INPUT", one, "")),
            (_, Some(there)) if there == node => return Some(judge(&node, "FORWARD", one, other)),
            _ => judge(&node, "FORWARD", one, uplink),
        },
        (None, None) => true,
        (Some(_), Some(_)) => return None,
    };
    let receives = match (node_of(to), pod_of(to)) {
        (Some(node), None) if node_of(from).as_ref() == Some(&node) => {
            judge(&node, "INPUT", "lo", "")
        }
        (Some(node), None) => judge(&node, "INPUT", device(&node, to), ""),
        (None, Some(node)) if node_of(from).as_ref() == Some(&node) => true,
        (None, Some(node)) => judge(&node, "FORWARD", uplink, other),
        (None, None) => true,
        (Some(_), Some(_)) => return None,
    };
    Some(sends && receives)
}

/// Where the engine knows what becomes of a flow, kernels do that.
#[test]
fn kernels_do_what_the_engine_says_of_nodes() {
    let (mut allowed, mut denied, mut bound) = (0, 0, 0);
    for seed in 0..site::clusters(60) {
        let cluster = generate::hosts(seed);
        let session = Engine::new(&cluster, seed).unwrap().session;
        let mut settings = site::settings(seed);
        settings.unknown_local = Vec::new();
        let nodes = nodes(&session, &settings);
        let has = |node: &Node| node.program.families.values().any(|one| one.hooks.len() == 3);
        bound += nodes.values().filter(|node| has(node)).count();
        let all = site::addresses(&cluster);
        for &from in all.iter().filter(|address| address.is_ipv4()) {
            // What a pod sends to itself does not leave it.
            for &to in all.iter().filter(|to| to.is_ipv4() && **to != from) {
                for (protocol, port) in [
                    (Protocol::Tcp, 80),
                    (Protocol::Tcp, 22),
                    (Protocol::Udp, 53),
                    (Protocol::Tcp, 8081),
                ] {
                    let query = FlowQuery {
                        from: from.to_string(),
                        to: to.to_string(),
                        protocol,
                        port: port.into(),
                    };
                    let Ok(answer) = session.evaluate(&query) else { continue };
                    let expected = match answer.verdict {
                        Verdict::Allow => true,
                        Verdict::Deny => false,
                        Verdict::Unknown => continue,
                    };
                    let kernel = match protocol {
                        Protocol::Tcp => Kind::Tcp,
                        Protocol::Udp => Kind::Udp,
                        Protocol::Sctp => Kind::Sctp,
                    };
                    let packet = Packet::new(from, to, (kernel, port));
                    let Some(found) = passes(&session, &nodes, packet) else { continue };
                    assert_eq!(
                        found, expected,
                        "seed {seed}: {from} -> {to} {protocol} {port}: {answer:?}"
                    );
                    *if expected { &mut allowed } else { &mut denied } += 1;
                }
            }
        }
    }
    println!("{allowed} allowed and {denied} denied; {bound} nodes with host endpoints");
    assert!(allowed > 1000 && denied > 1000 && bound > 30);
}

/// Packets of all kinds, as they may come by a node's interfaces.
fn packets(all: &[IpAddr], random: &mut Random) -> Vec<Packet> {
    const DEVICES: [&str; 6] = ["eth0", "eth1", "eth2", "eth3", "p1", "lo"];
    let mut packets = Vec::new();
    let pick = |random: &mut Random| -> Option<(IpAddr, IpAddr)> {
        let (from, to) = (*random.pick(all), *random.pick(all));
        (from.is_ipv4() == to.is_ipv4()).then_some((from, to))
    };
    for _ in 0..4_000 {
        let Some((from, to)) = pick(random) else { continue };
        let protocol = *random.pick(&[Kind::Tcp, Kind::Udp, Kind::Sctp, Kind::Icmp, Kind::Icmpv6]);
        let port =
            *random.pick(&[1, 21, 22, 23, 53, 67, 68, 79, 80, 81, 134, 135, 443, 8080, 8081]);
        let mut packet = Packet::new(from, to, (protocol, port));
        if random.chance(30) {
            packet.original = Some((*random.pick(all), *random.pick(&[22, 80, 443, 30_000])));
            packet.original = packet.original.filter(|(at, _)| at.is_ipv4() == from.is_ipv4());
        }
        if random.chance(20) {
            packet.from_port = *random.pick(&[79, 80, 81, 443, 8080, 65_535]);
        }
        if random.chance(20) {
            packet.hops = 255;
        }
        packet.enters = *random.pick::<&str>(&DEVICES);
        packet.leaves = *random.pick::<&str>(&DEVICES);
        packets.push(packet);
    }
    packets
}

/// Where programs have one thing wrong in a chain of hosts that lets another packet pass or stops
/// one, the check says so.
#[test]
fn what_is_wrong_is_found() {
    let (mut refused, mut same, mut kinds) = (0, 0, BTreeSet::new());
    for seed in 0..site::clusters(20) {
        let cluster = generate::hosts(seed);
        let session = Engine::new(&cluster, seed).unwrap().session;
        let settings = Settings::default();
        let mut all = site::addresses(&cluster);
        all.extend(
            ["0.0.0.0", "255.255.255.255", "fe80::5", "2001:db8::9"]
                .map(|a| a.parse::<IpAddr>().unwrap()),
        );
        let mut random = Random::new(seed);
        for node in ["n1", "n2", "n3"] {
            let wiring = &wiring(&session, node);
            let (model, policies) = (session.model(), session.policies());
            let input = Input { model, policies, node, settings: &settings, wiring };
            let program = lower(input);
            if program.families.values().all(|family| family.hooks.len() < 3) {
                continue;
            }
            let kernel = load(&program).unwrap();
            let packets = packets(&all, &mut random);
            for kind in mutations() {
                let Some(spoiled) = mutate(&program, kind, &mut random) else { continue };
                if verify(&spoiled, input).is_err() {
                    refused += 1;
                    kinds.insert(kind);
                    continue;
                }
                same += 1;
                let Ok(other) = load(&spoiled) else { continue };
                let own = site::own_node(&session, node);
                let differs = |packet: &&Packet| {
                    let apart = |hook| {
                        let passes = |one: &Kernel| one.judge(hook, packet) == Judged::Passes;
                        passes(&kernel) != passes(&other)
                    };
                    // What a node sends to its pods is not forwarded.
                    apart("INPUT")
                        || apart("OUTPUT")
                        || (!own.contains(&packet.source) && apart("FORWARD"))
                };
                if let Some(packet) = packets.iter().find(differs) {
                    panic!("seed {seed}, {node}: `{kind}` was not found: {packet:?}");
                }
            }
        }
    }
    println!("{refused} refused, {same} that change nothing; {} kinds", kinds.len());
    assert!(refused > 200 && kinds.len() > 15);
}

/// Policies of hosts come by the hundred, each about a block and a port of its own.
#[test]
fn many_policies_are_proven() {
    let count: usize = std::env::var("POLICIES").map_or(200, |text| text.parse().unwrap());
    let mut text = String::from(
        "apiVersion: v1\nkind: Node\nmetadata: {name: n1}\nstatus: {addresses: [{type: InternalIP, \
         address: 192.0.2.1}]}\n---\napiVersion: projectcalico.org/v3\nkind: HostEndpoint\n\
         metadata: {name: h, labels: {host: x}}\nspec: {node: n1, interfaceName: eth0}\n",
    );
    for at in 0..count {
        let (high, low) = (at / 250, at % 250 / 2 * 2);
        let action = if at % 5 == 0 { "Deny" } else { "Allow" };
        let stage = if at % 7 == 0 { "preDNAT: true, applyOnForward: true, " } else { "" };
        text += &format!(
            "---\napiVersion: projectcalico.org/v3\nkind: GlobalNetworkPolicy\nmetadata: {{name: \
             p{at}}}\nspec: {{order: {at}, {stage}selector: has(host), ingress: [{{action: {action}, \
             protocol: TCP, source: {{nets: [10.{high}.{low}.0/23]}}, destination: {{ports: \
             ['{}:{}']}}}}]}}\n",
            1000 + at,
            1010 + at,
        );
    }
    let session = site::session(&text);
    let (settings, wiring) = (Settings::default(), wiring(&session, "n1"));
    let (model, policies, node) = (session.model(), session.policies(), "n1");
    let input = Input { model, policies, node, settings: &settings, wiring: &wiring };
    let start = std::time::Instant::now();
    let program = lower(input);
    let lowered = start.elapsed();
    verify(&program, input).unwrap();
    println!(
        "{count} policies of a host: lowered in {lowered:?}, proven in {:?}",
        start.elapsed() - lowered
    );
}

/// Where no devices of pods are known, an address outside that a pod has does not get past policies
/// of the interface by which it comes.
#[test]
fn who_claims_the_address_of_a_pod_is_no_pod() {
    let session = site::session(
        "apiVersion: v1\nkind: Node\nmetadata: {name: n1}\nstatus: {addresses: [{type: InternalIP, \
         address: 192.0.2.1}]}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: a}\n\
         spec: {nodeName: n1, containers: [{name: c}]}\nstatus: {phase: Running, podIP: 10.0.0.1}\n\
         ---\napiVersion: projectcalico.org/v3\nkind: HostEndpoint\nmetadata: {name: h}\n\
         spec: {node: n1, interfaceName: eth0}\n",
    );
    let (settings, known) = (Settings::default(), wiring(&session, "n1"));
    let wiring = Wiring { pods: Vec::new(), ..known };
    let (model, policies, node) = (session.model(), session.policies(), "n1");
    let input = Input { model, policies, node, settings: &settings, wiring: &wiring };
    let program = lower(input);
    verify(&program, input).unwrap();
    let kernel = load(&program).unwrap();
    let [from, to] = ["10.0.0.1", "192.0.2.1"].map(|text| text.parse().unwrap());
    let packet = Packet::new(from, to, (Kind::Udp, 161));
    let judge = |enters| kernel.judge("INPUT", &Packet { enters, ..packet });
    assert_ne!(judge("eth0"), Judged::Passes);
    assert_eq!(judge("veth1"), Judged::Passes);
}

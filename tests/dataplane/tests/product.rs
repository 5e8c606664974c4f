//! Rules with many peers and many ports: what they admit, what they cost, and that the check of
//! programs finds whatever is wrong in them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use std::net::IpAddr;

use portcullis_dataplane_tests::mutate::{mutate, mutations};
use portcullis_dataplane_tests::site::{load, program};
use portcullis_dataplane_tests::written::{self, input};
use portcullis_dataplane_tests::{Kernel, Packet, Protocol, Verdict};
use portcullis_engine::Session;
use portcullis_engine::dataplane::{
    FilterProgram, KernelState, Match, Settings, Verifier, plan, verify,
};
use portcullis_engine::net::{ByFamily, Family};
use portcullis_oracle::random::Random;

const SUBJECT: &str = "10.0.0.1";
/// Pods with the labels that rules name, and at last a stranger.
const OTHERS: [&str; 5] = ["10.0.1.1", "10.0.1.2", "10.0.1.3", "10.0.1.4", "10.0.1.9"];
const PROTOCOLS: [Protocol; 4] = [Protocol::Tcp, Protocol::Udp, Protocol::Sctp, Protocol::Icmp];

fn pods() -> String {
    let pods = OTHERS.iter().enumerate().map(|(number, address)| {
        format!(
            "---
{{apiVersion: v1, kind: Pod, metadata: {{name: p{number}, namespace: x, labels: {{peer: p{number}}}}},
 spec: {{nodeName: n2}}, status: {{phase: Running, podIP: {address}}}}}
"
        )
    });
    let subject = format!(
        "{{apiVersion: v1, kind: Namespace, metadata: {{name: x}}}}
---
{{apiVersion: v1, kind: Pod, metadata: {{name: a, namespace: x, labels: {{app: a}}}},
 spec: {{nodeName: n1}}, status: {{phase: Running, podIP: {SUBJECT}}}}}
"
    );
    pods.fold(subject, |all, pod| all + &pod)
}

/// Whether the rules name this port: of TCP and UDP more than a set is needed for, with a wide
/// range; of SCTP, which sets of ports do not know.
fn names(protocol: Protocol, port: u16) -> bool {
    match protocol {
        Protocol::Tcp => (port % 10 == 3 && port < 400) || (20_000..=40_000).contains(&port),
        Protocol::Udp => port % 10 == 3 && port < 400,
        Protocol::Sctp => port % 10 == 3 && port < 200,
        Protocol::Icmp | Protocol::Icmpv6 | Protocol::Other(_) => false,
    }
}

fn ports(each: impl Fn(&str, u16) -> String) -> Vec<String> {
    let all = [("TCP", 400), ("UDP", 400), ("SCTP", 200)];
    let named = all.into_iter().flat_map(|(protocol, end)| {
        (3..end).step_by(10).map(move |port: u16| (protocol, port)).collect::<Vec<_>>()
    });
    named.map(|(protocol, port)| each(protocol, port)).collect()
}

/// A policy of a namespace: peers p0 to p3 at the ports above.
fn policy(direction: &str, peers: &str) -> String {
    let ports = ports(|protocol, port| format!("{{protocol: {protocol}, port: {port}}}"));
    let selectors = (0..4).map(|n| format!("{{podSelector: {{matchLabels: {{peer: p{n}}}}}}}"));
    let selectors: Vec<String> = selectors.collect();
    format!(
        "---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: p, namespace: x}}
spec:
  podSelector: {{matchLabels: {{app: a}}}}
  policyTypes: [{}]
  {direction}:
  - {peers}: [{}]
    ports: [{}, {{port: 20000, endPort: 40000}}]
",
        if direction == "ingress" { "Ingress" } else { "Egress" },
        selectors.join(", "),
        ports.join(", ")
    )
}

/// A policy for all namespaces that does something with what the policy above admits.
fn cluster_policy(action: &str) -> String {
    let ports = ports(|protocol, port| {
        format!("{{{}: {{destinationPort: {{number: {port}}}}}}}", protocol.to_lowercase())
    });
    let pods = |n| {
        format!(
            "{{pods: {{namespaceSelector: {{}}, podSelector: {{matchLabels: {{peer: p{n}}}}}}}}}"
        )
    };
    let peers: Vec<String> = (0..4).map(pods).collect();
    let chunks = ports.chunks(20).map(|ports| {
        format!(
            "  - {{action: {action}, from: [{}], protocols: [{}, {{tcp: {{destinationPort: {{range: {{start: 20000, end: 40000}}}}}}}}]}}\n",
            peers.join(", "),
            ports.join(", ")
        )
    });
    let rules: String = chunks.collect();
    format!(
        "---
apiVersion: policy.networking.k8s.io/v1beta1
kind: ClusterNetworkPolicy
metadata: {{name: admin}}
spec:
  tier: Admin
  priority: 1
  subject: {{pods: {{namespaceSelector: {{}}, podSelector: {{matchLabels: {{app: a}}}}}}}}
  ingress:
{rules}"
    )
}

fn session(policies: &str) -> Session {
    written::session(&(pods() + policies))
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Packets between the subject and each other pod, at ports on and beside what rules name.
fn packets(ingress: bool) -> Vec<(usize, Packet)> {
    let numbers = (0..420).chain([19_999, 20_000, 30_003, 40_000, 40_001, 65_535]);
    let numbers: Vec<u16> = numbers.collect();
    let mut packets = Vec::new();
    for (index, other) in OTHERS.iter().enumerate() {
        let (from, to) = if ingress { (*other, SUBJECT) } else { (SUBJECT, *other) };
        for protocol in PROTOCOLS {
            let packet = |&port| Packet::new(address(from), address(to), (protocol, port));
            packets.extend(numbers.iter().map(packet).map(|packet| (index, packet)));
        }
    }
    packets
}

fn passes(kernel: &Kernel, packet: &Packet) -> bool {
    kernel.judge("FORWARD", packet) == Verdict::Passes
}

/// Checks that the program is right by the check and in the kernel, and small; what it is.
fn is_right(session: &Session, ingress: bool, admits: impl Fn(bool) -> bool) -> FilterProgram {
    let settings = Settings::default();
    let program = program(session, "n1", &settings);
    verify(&program, input(session, &settings)).unwrap_or_else(|wrong| panic!("{wrong:#?}"));
    let kernel = load(&program).unwrap();
    for (index, packet) in packets(ingress) {
        let named = index < 4 && names(packet.protocol, packet.port);
        assert_eq!(passes(&kernel, &packet), admits(named), "{packet:?}");
    }
    program
}

fn asks_ports(program: &FilterProgram) -> usize {
    let rules = program.families[Family::IPv4].chains.values().flat_map(|chain| &chain.rules);
    rules.filter(|rule| rule.matches.iter().any(|one| matches!(one, Match::PortIn(_)))).count()
}

#[test]
fn a_rule_admits_each_of_its_peers_at_each_of_its_ports_and_nothing_else() {
    for (ingress, direction, peers) in [(true, "ingress", "from"), (false, "egress", "to")] {
        let session = session(&policy(direction, peers));
        let program = is_right(&session, ingress, |named| named);
        // For each peer: a set of TCP, one of UDP.
        assert_eq!(asks_ports(&program), 8, "{direction}");
    }
}

#[test]
fn ordered_tiers_do_what_they_say_with_many_peers_and_ports() {
    let both = |action| session(&(policy("ingress", "from") + &cluster_policy(action)));
    is_right(&both("Deny"), true, |_| false);
    is_right(&both("Pass"), true, |named| named);
    is_right(&session(&cluster_policy("Accept")), true, |_| true);
    is_right(&session(&cluster_policy("Deny")), true, |named| !named);
}

/// Twice as many peers and ports are about twice as many rules and members.
#[test]
fn what_a_rule_costs_is_the_sum_of_its_peers_and_ports() {
    let cost = |count: usize| {
        let peers = (0..count).map(|n| format!("{{podSelector: {{matchLabels: {{peer: p{n}}}}}}}"));
        let ports = (0..count).map(|n| format!("{{port: {}}}", 1 + 2 * n));
        let (peers, ports): (Vec<_>, Vec<_>) = (peers.collect(), ports.collect());
        let text = format!(
            "---\n{{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {{name: p, namespace: x}},
 spec: {{podSelector: {{}}, ingress: [{{from: [{}], ports: [{}]}}]}}}}\n",
            peers.join(", "),
            ports.join(", ")
        );
        let program = program(&session(&text), "n1", &Settings::default());
        let family = &program.families[Family::IPv4];
        family.rule_count() + family.member_count()
    };
    let (some, more) = (cost(100), cost(200));
    assert!(more < 2 * some, "{some} and {more}");
    assert!(some < 300, "{some}");
}

#[test]
fn what_is_small_stays_a_list() {
    let text = "---
{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p, namespace: x},
 spec: {podSelector: {}, ingress: [{from: [{podSelector: {}}, {podSelector: {matchLabels: {peer: p1}}}],
 ports: [{port: 80}, {port: 443}, {protocol: UDP, port: 53}]}]}}
";
    let program = program(&session(text), "n1", &Settings::default());
    assert_eq!(asks_ports(&program), 0);
}

/// The kernel lists sets of ports and rules that ask them as they were written.
#[test]
fn what_the_kernel_lists_is_the_program() {
    let program = program(&session(&policy("ingress", "from")), "n1", &Settings::default());
    let kernel = load(&program).unwrap();
    let tables = ByFamily::from_array([kernel.iptables_save(4), kernel.iptables_save(6)]);
    let state = KernelState::read("PCL", &tables, &kernel.ipset_save());
    assert!(plan(&state, &program).is_empty(), "{:?}", plan(&state, &program));
}

#[test]
fn what_is_wrong_in_such_rules_is_found() {
    let settings = Settings::default();
    let (mut random, mut caught) = (Random::new(3), 0);
    let texts = [
        policy("ingress", "from"),
        policy("egress", "to"),
        cluster_policy("Deny"),
        policy("ingress", "from") + &cluster_policy("Pass"),
    ];
    for (text, ingress) in texts.iter().zip([true, false, true, true]) {
        let session = session(text);
        let input = input(&session, &settings);
        let right = program(&session, "n1", &settings);
        let kernel = load(&right).unwrap();
        let packets = packets(ingress);
        let mut verifier = Verifier::default();
        verifier.verify(&right, input).unwrap();
        for kind in mutations().into_iter().flat_map(|kind| [kind; 3]) {
            let Some(spoiled) = mutate(&right, kind, &mut random) else { continue };
            let Ok(other) = load(&spoiled) else { continue };
            let differs =
                |(_, packet): &&(usize, Packet)| passes(&kernel, packet) != passes(&other, packet);
            let found = verify(&spoiled, input);
            assert_eq!(found, verifier.verify(&spoiled, input), "{kind}");
            if let Some(packet) = packets.iter().find(differs) {
                assert!(found.is_err(), "{kind} is missed: {packet:?}");
                caught += 1;
            }
        }
    }
    assert!(caught > 30, "{caught}");
}

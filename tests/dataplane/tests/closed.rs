//! Rules of Calico's of which no random cluster has any: messages of ICMP, and what the packet filter
//! cannot ask, which is closed and noted.
#![allow(clippy::unwrap_used, reason = "test code")]

use portcullis_dataplane_tests::mutate::{mutate, mutations};
use portcullis_dataplane_tests::site::{load, program, session};
use portcullis_dataplane_tests::{Kernel, Packet, Protocol, Verdict};
use portcullis_engine::Session;
use portcullis_engine::dataplane::{
    Action, FlowLog, Input, KernelState, Note, Settings, UNKNOWN_WIRING, plan, verify,
};
use portcullis_engine::net::{ByFamily, Family};
use portcullis_oracle::random::Random;

const PODS: &str = "
{apiVersion: v1, kind: Namespace, metadata: {name: x}}
---
{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: x, labels: {app: a}},
 spec: {nodeName: n1, containers: [{name: c, ports: [{name: web, containerPort: 80}]}]},
 status: {phase: Running, podIP: 10.0.0.1, podIPs: [{ip: 10.0.0.1}, {ip: 'fd00::1'}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: b, namespace: x, labels: {app: b}},
 spec: {nodeName: n2}, status: {phase: Running, podIP: 10.0.0.2, podIPs: [{ip: 10.0.0.2}, {ip: 'fd00::2'}]}}
";

/// A policy for `a`, with rules of ingress.
fn policy(name: &str, tier: &str, rules: &str) -> String {
    format!(
        "---
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {{name: {name}}}
spec: {{tier: {tier}, selector: \"app == 'a'\", types: [Ingress], ingress: [{rules}]}}
"
    )
}

fn input<'i>(session: &'i Session, settings: &'i Settings) -> Input<'i> {
    let (model, policies) = (session.model(), session.policies());
    Input { model, policies, node: "n1", settings, wiring: &UNKNOWN_WIRING }
}

fn message(six: bool, kind: u16, code: u16) -> Packet {
    let (from, to, protocol) = match six {
        false => ("10.0.0.2", "10.0.0.1", Protocol::Icmp),
        true => ("fd00::2", "fd00::1", Protocol::Icmpv6),
    };
    let packet = Packet::new(from.parse().unwrap(), to.parse().unwrap(), (protocol, kind));
    Packet { from_port: code, ..packet }
}

fn tcp(port: u16) -> Packet {
    Packet::new("10.0.0.2".parse().unwrap(), "10.0.0.1".parse().unwrap(), (Protocol::Tcp, port))
}

fn passes(kernel: &Kernel, packet: &Packet) -> bool {
    kernel.judge("FORWARD", packet) == Verdict::Passes
}

#[test]
fn messages_are_told_apart_by_type_and_code() {
    let rules = "{action: Allow, protocol: ICMP, icmp: {type: 8}}, \
                 {action: Allow, protocol: ICMPv6, icmp: {type: 128, code: 0}}, \
                 {action: Deny, protocol: ICMP, notICMP: {type: 13, code: 0}}, \
                 {action: Allow, protocol: ICMP}, \
                 {action: Allow, protocol: TCP, source: {ports: [40000]}}";
    let session = session(&(PODS.to_owned() + &policy("p", "default", rules)));
    let settings = Settings::default();
    let program = program(&session, "n1", &settings);
    assert_eq!(program.notes, []);
    verify(&program, input(&session, &settings)).unwrap();
    let kernel = load(&program).unwrap();
    let of = |six, kind, code| passes(&kernel, &message(six, kind, code));
    let four = [(8, 0), (8, 3), (13, 0), (13, 1), (17, 0)].map(|(n, code)| of(false, n, code));
    assert_eq!(four, [true, true, true, false, false]);
    let six = [(128, 0), (128, 3), (129, 0)].map(|(n, code)| of(true, n, code));
    assert_eq!(six, [true, false, false]);
    assert!(passes(&kernel, &tcp(80)) && !passes(&kernel, &Packet { from_port: 9, ..tcp(80) }));
    // What the kernel lists is the program.
    let tables = ByFamily::from_array([kernel.iptables_save(4), kernel.iptables_save(6)]);
    let state = KernelState::read("PCL", &tables, &kernel.ipset_save());
    assert!(plan(&state, &program).is_empty(), "{:?}", plan(&state, &program));
    let kinds = [0, 3, 5, 8, 9, 12, 13, 14, 17, 128, 129];
    let all = kinds.iter().flat_map(|kind| (0..4).map(move |code| (*kind, code)));
    let mut packets: Vec<Packet> = all
        .flat_map(|(kind, code)| [message(false, kind, code), message(true, kind, code)])
        .collect();
    packets.extend([39_999, 40_000, 40_001].map(|from_port| Packet { from_port, ..tcp(80) }));
    let (mut random, mut caught) = (Random::new(7), 0);
    for kind in mutations().into_iter().flat_map(|kind| [kind; 6]) {
        let Some(spoiled) = mutate(&program, kind, &mut random) else { continue };
        let Ok(other) = load(&spoiled) else { continue };
        if packets.iter().any(|packet| passes(&kernel, packet) != passes(&other, packet)) {
            let found = verify(&spoiled, input(&session, &settings));
            assert!(found.is_err(), "{kind} is missed");
            caught += 1;
        }
    }
    assert!(caught > 10, "{caught}");
}

#[test]
fn what_cannot_be_asked_is_closed_and_noted() {
    for (rules, admitted) in [
        // A Service that nobody knows.
        ("{action: Allow, source: {services: {name: s, namespace: x}}}", false),
        ("{action: Deny, source: {services: {name: s, namespace: x}}}, {action: Allow}", false),
        // Ports by name that are excluded, whatever the protocol.
        ("{action: Allow, destination: {notPorts: [web]}}", true),
        ("{action: Allow, protocol: TCP, destination: {notPorts: [web]}}", true),
    ] {
        let session = session(&(PODS.to_owned() + &policy("p", "default", rules)));
        let settings = Settings::default();
        let program = program(&session, "n1", &settings);
        verify(&program, input(&session, &settings)).unwrap();
        assert_eq!(passes(&load(&program).unwrap(), &tcp(81)), admitted, "{rules}");
        let noted = program.notes.iter().any(|note| matches!(note, Note::NotExpressed(_)));
        assert_eq!(noted, !admitted, "{rules}: {:?}", program.notes);
    }
}

/// So many tiers that pass everything on, and at last a policy that allows.
fn tiers(count: usize) -> String {
    let tiers = (0..count).map(|at| {
        let tier = format!(
            "---\napiVersion: projectcalico.org/v3\nkind: Tier\nmetadata: {{name: t{at}}}\n\
             spec: {{order: {at}, defaultAction: Pass}}\n"
        );
        tier + &policy(&format!("t{at}.p"), &format!("t{at}"), "{action: Pass, protocol: TCP}")
    });
    tiers.collect::<String>() + &policy("last", "default", "{action: Allow}")
}

#[test]
fn more_tiers_than_packets_can_be_led_through_are_closed() {
    for (count, admitted) in [(5, true), (6, false), (9, false)] {
        let session = session(&(PODS.to_owned() + &tiers(count)));
        let settings = Settings::default();
        let program = program(&session, "n1", &settings);
        verify(&program, input(&session, &settings)).unwrap();
        assert_eq!(passes(&load(&program).unwrap(), &tcp(80)), admitted, "{count}");
        let noted = program.notes.iter().any(|note| matches!(note, Note::TooManyTiers(_)));
        assert_eq!(noted, !admitted, "{count}");
    }
}

#[test]
fn rules_that_log_are_written_where_there_is_a_log() {
    let rules = "{action: Log, protocol: TCP}, {action: Allow}";
    let session = session(&(PODS.to_owned() + &policy("p", "default", rules)));
    let log = FlowLog { group: 1, per_second: 5, burst: 9, admitted: false };
    for flow_log in [None, Some(log)] {
        let settings = Settings { flow_log, ..Settings::default() };
        let program = program(&session, "n1", &settings);
        verify(&program, input(&session, &settings)).unwrap();
        assert!(passes(&load(&program).unwrap(), &tcp(80)));
        let chains = program.families[Family::IPv4].chains.values();
        let is_log = |action: &Action| matches!(action, Action::Log { prefix, .. } if &**prefix == "PCL:log:ingress");
        let logs = chains.flat_map(|chain| &chain.rules).filter(|rule| is_log(&rule.action));
        assert_eq!(logs.count(), usize::from(flow_log.is_some()));
    }
}

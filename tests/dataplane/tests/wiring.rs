//! What no address tells: devices that lead to pods, messages between neighbours, Services that
//! the kernel itself forwards. Beside each packet that is denied stands one that passes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use std::net::IpAddr;

use portcullis_dataplane_tests::site::{load, program_on};
use portcullis_dataplane_tests::{Kernel, Packet, Protocol, State, Verdict};
use portcullis_engine::dataplane::{Input, InvalidPackets, Settings, Wiring, verify};
use portcullis_engine::{Change, Options, Session, SourceFile, net};

const CLUSTER: &str = "
{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: shop, labels: {app: a}},
 spec: {nodeName: n1, containers: []},
 status: {phase: Running, podIPs: [{ip: 10.0.0.1}, {ip: 'fd00::1'}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: b, namespace: shop, labels: {app: b}},
 spec: {nodeName: n1, containers: []},
 status: {phase: Running, podIPs: [{ip: 10.0.0.2}, {ip: 'fd00::2'}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: c, namespace: shop, labels: {app: c}},
 spec: {nodeName: n1, containers: []},
 status: {phase: Running, podIPs: [{ip: 10.0.0.3}, {ip: 'fd00::3'}]}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: shop}
spec:
  podSelector: {matchExpressions: [{key: app, operator: NotIn, values: [c]}]}
  policyTypes: [Ingress, Egress]
  ingress: [{from: [{podSelector: {}}], ports: [{port: 80}]}]
  egress: [{to: [{podSelector: {}}], ports: [{port: 80}]}]
";

fn node(wiring: &Wiring, settings: &Settings) -> Kernel {
    let file = SourceFile::new("all.yaml", CLUSTER.as_bytes());
    let session = Session::new(Options::default()).apply(vec![Change::Put(file)]);
    assert_eq!(session.check().summary.errors, 0, "{:?}", session.check().diagnostics);
    let program = program_on(&session, "n1", (settings, wiring));
    let (model, policies) = (session.model(), session.policies());
    verify(&program, Input { model, policies, node: "n1", settings, wiring }).unwrap();
    load(&program).unwrap()
}

fn wired(pods: &[&str], forwarders: &[&str]) -> Wiring {
    let named = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect();
    Wiring { pods: named(pods), forwarders: named(forwarders), ..Wiring::default() }
}

fn packet(from: &str, to: &str, (enters, leaves): (&'static str, &'static str)) -> Packet {
    let address = |text: &str| text.parse::<IpAddr>().unwrap();
    let packet = Packet::new(address(from), address(to), (Protocol::Tcp, 80));
    Packet { enters, leaves, ..packet }
}

fn message(kind: u16, hops: u8, devices: (&'static str, &'static str)) -> Packet {
    let packet = packet("fe80::5", "fe80::6", devices);
    Packet { protocol: Protocol::Icmpv6, port: kind, hops, ..packet }
}

#[track_caller]
fn passes(kernel: &Kernel, hook: &str, packet: Packet) {
    assert_eq!(kernel.judge(hook, &packet), Verdict::Passes, "{hook} {packet:?}");
}

#[track_caller]
fn stops(kernel: &Kernel, hook: &str, packet: Packet) {
    assert_ne!(kernel.judge(hook, &packet), Verdict::Passes, "{hook} {packet:?}");
}

#[test]
fn an_address_that_no_pod_has_is_denied_where_pods_are() {
    for (pods, device) in [(["br0"], "br0"), (["p+"], "p1")] {
        let kernel = node(&wired(&pods, &[]), &Settings::default());
        for (from, to) in [("10.0.0.1", "10.0.0.2"), ("fd00::1", "fd00::2")] {
            passes(&kernel, "FORWARD", packet(from, to, (device, device)));
        }
        let sent = ["fe80::9", "224.0.0.1", "255.255.255.255", "ff02::1"];
        for (from, to) in [
            ("fe80::5", "fe80::9"),
            ("fd77::1", "fd00::3"),
            ("10.0.0.9", "10.0.0.3"),
            ("0.0.0.0", "10.0.0.3"),
        ] {
            stops(&kernel, "FORWARD", packet(from, to, (device, device)));
        }
        for to in sent {
            let from = if to.contains(':') { "fd00::3" } else { "10.0.0.3" };
            stops(&kernel, "FORWARD", packet(from, to, (device, device)));
        }
        // Of a pod that no policy selects, to everybody outside and back.
        passes(&kernel, "FORWARD", packet("10.0.0.3", "203.0.113.9", (device, "up0")));
        passes(&kernel, "FORWARD", packet("203.0.113.9", "10.0.0.3", ("up0", device)));
        // To the node: what pods have no address for, and a pod that no policy selects.
        stops(&kernel, "INPUT", packet("fe80::5", "fe80::1", (device, "")));
        passes(&kernel, "INPUT", packet("fd00::3", "fe80::1", (device, "")));
        // What does not concern pods.
        passes(&kernel, "FORWARD", packet("fe80::5", "ff02::1", ("br7", "br7")));
        passes(&kernel, "INPUT", packet("fe80::5", "fe80::1", ("up0", "")));
    }
}

#[test]
fn neighbours_find_each_other_and_nothing_else_comes_through_so() {
    let kernel = node(&wired(&["br0"], &[]), &Settings::default());
    for kind in [135, 136] {
        passes(&kernel, "FORWARD", message(kind, 255, ("br0", "br0")));
        stops(&kernel, "FORWARD", message(kind, 254, ("br0", "br0")));
        let outside = packet("fd00::1", "2001:db8::9", ("br0", "up0"));
        let outside = Packet { protocol: Protocol::Icmpv6, port: kind, ..outside };
        stops(&kernel, "FORWARD", outside);
    }
    for kind in [133, 135, 136] {
        passes(&kernel, "INPUT", message(kind, 255, ("br0", "")));
        stops(&kernel, "INPUT", message(kind, 64, ("br0", "")));
    }
    for kind in [134, 137] {
        // From a pod that no policy selects, too.
        let from_pod =
            Packet { source: "fd00::3".parse().unwrap(), ..message(kind, 255, ("", "")) };
        stops(&kernel, "FORWARD", Packet { enters: "br0", leaves: "br0", ..from_pod });
        stops(&kernel, "INPUT", Packet { enters: "br0", ..from_pod });
        passes(&kernel, "INPUT", message(kind, 255, ("up0", "")));
    }
}

#[test]
fn a_pod_may_ask_for_its_address() {
    let kernel = node(&wired(&["br0"], &[]), &Settings::default());
    for (from, to, port) in [("0.0.0.0", "255.255.255.255", 67), ("fe80::5", "ff02::1:2", 547)] {
        let request = packet(from, to, ("br0", ""));
        let udp = Packet { protocol: Protocol::Udp, port, ..request };
        passes(&kernel, "INPUT", udp);
        stops(&kernel, "INPUT", Packet { port: 53, ..udp });
        stops(&kernel, "INPUT", Packet { protocol: Protocol::Tcp, ..udp });
        stops(&kernel, "FORWARD", Packet { leaves: "br0", ..udp });
    }
}

#[test]
fn a_pod_that_forwards_for_others_may_have_any_address() {
    let kernel = node(&wired(&["p+"], &["p9"]), &Settings::default());
    passes(&kernel, "FORWARD", packet("198.51.100.7", "10.0.0.3", ("p9", "p1")));
    passes(&kernel, "FORWARD", packet("10.0.0.3", "198.51.100.7", ("p1", "p9")));
    stops(&kernel, "FORWARD", packet("198.51.100.7", "10.0.0.1", ("p9", "p1")));
    stops(&kernel, "FORWARD", packet("198.51.100.7", "10.0.0.3", ("p1", "p9")));
    stops(&kernel, "FORWARD", packet("198.51.100.7", "10.0.0.3", ("p8", "p1")));
    let advertisement = message(134, 255, ("p9", "p1"));
    stops(&kernel, "FORWARD", advertisement);
}

#[test]
fn packets_of_no_connection_pass_where_a_new_one_would() {
    let invalid = |from, to, port| {
        let packet = packet(from, to, ("p1", "p2"));
        Packet { state: State::Invalid, port, ..packet }
    };
    let policed = node(&wired(&["p+"], &[]), &Settings::default());
    passes(&policed, "FORWARD", invalid("10.0.0.1", "10.0.0.2", 80));
    stops(&policed, "FORWARD", invalid("10.0.0.1", "10.0.0.2", 81));
    passes(&policed, "FORWARD", Packet { enters: "up0", ..invalid("203.0.113.9", "10.0.0.3", 5) });
    stops(&policed, "FORWARD", Packet { enters: "up0", ..invalid("203.0.113.9", "10.0.0.1", 5) });
    let settings = Settings {
        invalid: InvalidPackets::Dropped,
        unknown_local: vec!["10.0.0.0/24".parse().unwrap()],
        ..Settings::default()
    };
    let dropped = node(&Wiring::default(), &settings);
    stops(&dropped, "FORWARD", invalid("10.0.0.1", "10.0.0.2", 80));
    stops(&dropped, "FORWARD", invalid("203.0.113.9", "10.0.0.3", 80));
    stops(&dropped, "FORWARD", invalid("203.0.113.9", "10.0.0.77", 80));
    passes(&dropped, "FORWARD", invalid("203.0.113.9", "198.51.100.7", 80));
}

/// The kernel takes a packet for a Service as one for the node and sends it on from there.
#[test]
fn what_goes_to_services_of_the_kernel_is_judged_when_it_leaves() {
    let service = |address: &str| (address.parse().unwrap(), net::Protocol::Tcp, 80);
    let services = Some(["10.96.0.1", "fd00:96::1"].map(service).into_iter().collect());
    let kernel = node(&Wiring { services, ..wired(&["p+"], &[]) }, &Settings::default());
    for (from, service) in [("10.0.0.1", "10.96.0.1"), ("fd00::1", "fd00:96::1")] {
        passes(&kernel, "INPUT", packet(from, service, ("p1", "")));
        stops(&kernel, "INPUT", Packet { port: 22, ..packet(from, service, ("p1", "")) });
    }
    stops(&kernel, "INPUT", packet("10.0.0.9", "10.96.0.1", ("p1", "")));
    let sent_on = |from, to| packet(from, to, ("", "p2"));
    passes(&kernel, "OUTPUT", sent_on("10.0.0.1", "10.0.0.2"));
    stops(&kernel, "OUTPUT", sent_on("10.0.0.1", "203.0.113.9"));
    stops(&kernel, "OUTPUT", sent_on("203.0.113.9", "10.0.0.2"));
    passes(&kernel, "OUTPUT", Packet { from_node: true, ..sent_on("192.0.2.1", "10.0.0.2") });
}

//! Packets to Services: policies judge the pod that they end at, and whom they come from by then.

use std::net::IpAddr;

use portcullis_engine::net::Protocol;
use portcullis_packets::fabric::Wiring;
use portcullis_packets::probe::Probe;

use super::Test;
use super::agent::Running;
use super::basics::shop;
use super::defects::with_policy;
use super::proxy::{External, Masquerade, Service, serve};
use super::scenario::{Files, KINDS, Scenario};

pub const TESTS: &[Test] = &[
    ("a Service's port and address mean nothing to policies, its pod's do", cluster_address),
    ("an egress policy names pods behind a Service, not the Service", egress),
    ("a node's port: the client is seen on the pod's own node, else the node is", node_port),
    ("a node's port that stays local shows the client", local_node_port),
    ("kube-proxy that hides who asks is found out", masquerade_all),
];

/// The pod's port is the one that policies admit; the Service's is not.
const A: Service = Service {
    name: "A",
    addresses: ["10.96.0.10", "fd96::10"],
    port: 8080,
    node_port: Some(30080),
    pod: "shop/db",
    target: 80,
    external: External::Cluster,
};

/// The other way round.
const B: Service =
    Service { name: "B", addresses: ["10.96.0.11", "fd96::11"], port: 80, target: 81, ..A };

const CLIENTS: [[&str; 2]; 2] = [["203.0.113.9", "2001:db8::9"], ["203.0.113.10", "2001:db8::10"]];

fn build(kind: (Wiring, portcullis_agent::kernel::iptables::Backend), files: &Files) -> Scenario {
    let clients = CLIENTS.as_flattened().iter().map(|client| client.parse().unwrap());
    Scenario::build(kind, files, &clients.collect::<Vec<IpAddr>>())
}

/// Sends flows from and to what is named, by TCP and UDP, in both families.
fn check(scenario: &Scenario, flows: &[(&str, &str, u16, bool)]) {
    let (mut probes, mut expected) = (Vec::new(), Vec::new());
    for ((from, to, port, allowed), six) in
        flows.iter().flat_map(|flow| [(flow, false), (flow, true)])
    {
        let address = |name: &str| match name {
            "A" => A.addresses[usize::from(six)].parse().unwrap(),
            "B" => B.addresses[usize::from(six)].parse().unwrap(),
            "client" => CLIENTS[0][usize::from(six)].parse().unwrap(),
            "stranger" => CLIENTS[1][usize::from(six)].parse().unwrap(),
            name => scenario.address(name, six),
        };
        for protocol in [Protocol::Tcp, Protocol::Udp] {
            probes.push(Probe { from: address(from), to: address(to), protocol, port: *port });
            expected.push(*allowed);
        }
    }
    scenario.expect(&probes, &expected);
}

/// `db` admits `web` and `far` at port 80.
fn two_clients() -> Files {
    with_policy(
        "  podSelector: {matchLabels: {app: db}}\n  ingress:\n  - from: [{podSelector: \
         {matchExpressions: [{key: app, operator: In, values: [web, far]}]}}]\n    \
         ports: [{port: 80}, {port: 80, protocol: UDP}]\n",
    )
}

fn cluster_address() {
    for kind in KINDS {
        let scenario = build(kind, &two_clients());
        let _answering = scenario.answering(&[80, 81]);
        serve(&scenario, &[A, B], Masquerade::Strangers);
        // Without policies everybody reaches the pod that way.
        let everybody = ["shop/web", "shop/far", "shop/job", "node-1", "node-2"];
        check(&scenario, &everybody.map(|from| (from, "A", A.port, true)));
        check(&scenario, &everybody.map(|from| (from, "B", B.port, true)));
        scenario.enforce();
        let flows = [
            ("shop/web", "A", A.port, true),
            ("shop/far", "A", A.port, true),
            ("shop/job", "A", A.port, false),
            ("shop/web", "B", B.port, false),
            ("shop/far", "B", B.port, false),
            ("shop/web", "shop/db", 80, true),
            ("node-1", "A", A.port, true),
            ("node-2", "A", A.port, false),
        ];
        check(&scenario, &flows);
        if kind.0 == Wiring::Routed {
            // On a bridge a packet must go back to where it came from, which few bridges do.
            check(&scenario, &[("shop/db", "A", A.port, true)]);
        }
    }
}

fn egress() {
    let policy = |pod: &str, to: &str| {
        format!(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {pod}, \
             namespace: shop}}\nspec:\n  podSelector: {{matchLabels: {{app: {pod}}}}}\n  policyTypes: \
             [Egress]\n  egress: [{{to: [{to}], ports: [{{port: 80}}, {{port: 80, protocol: UDP}}]}}]\n"
        )
    };
    let rules = [
        policy("web", "{podSelector: {matchLabels: {app: db}}}"),
        policy("far", "{ipBlock: {cidr: 10.0.0.2/32}}, {ipBlock: {cidr: 'fd00::2/128'}}"),
        policy("job", "{ipBlock: {cidr: 10.96.0.0/16}}, {ipBlock: {cidr: 'fd96::/64'}}"),
    ];
    let cluster = shop().into_iter().filter(|(name, _)| name != "policies.yaml");
    let files: Files = cluster.chain([("rules.yaml".into(), rules.join("---\n"))]).collect();
    for kind in KINDS {
        let scenario = build(kind, &files);
        let _answering = scenario.answering(&[80, 81]);
        serve(&scenario, &[A, B], Masquerade::Strangers);
        scenario.enforce();
        let flows = [
            ("shop/web", "A", A.port, true),
            ("shop/far", "A", A.port, true),
            ("shop/job", "A", A.port, false),
            ("shop/web", "B", B.port, false),
            ("shop/far", "B", B.port, false),
            ("shop/job", "B", B.port, false),
        ];
        check(&scenario, &flows);
    }
}

/// `db` admits blocks at port 80.
fn blocks(blocks: [&str; 2]) -> Files {
    let blocks = blocks.map(|block| format!("{{ipBlock: {{cidr: '{block}'}}}}")).join(", ");
    with_policy(&format!(
        "  podSelector: {{matchLabels: {{app: db}}}}\n  ingress:\n  - from: [{blocks}]\n    \
         ports: [{{port: 80}}, {{port: 80, protocol: UDP}}]\n"
    ))
}

fn node_port() {
    let port = A.node_port.unwrap();
    for kind in KINDS {
        let mut scenario = build(kind, &blocks(["203.0.113.9/32", "2001:db8::9/128"]));
        let _answering = scenario.answering(&[80]);
        serve(&scenario, &[A], Masquerade::Strangers);
        let ways = [
            ("client", "node-1"),
            ("stranger", "node-1"),
            ("client", "node-2"),
            ("stranger", "node-2"),
        ];
        let check = |scenario: &Scenario, allowed: [bool; 4]| {
            let flows = ways.iter().zip(allowed);
            let flows = flows.map(|((from, to), allowed)| (*from, *to, port, allowed));
            check(scenario, &flows.collect::<Vec<_>>());
        };
        check(&scenario, [true; 4]);
        scenario.enforce();
        check(&scenario, [true, false, false, false]);
        // Who admits the node admits everybody who comes in there.
        scenario.rewrite(&blocks(["192.168.0.2/32", "fd01::2/128"]));
        scenario.enforce();
        check(&scenario, [false, false, true, true]);
    }
}

fn local_node_port() {
    let port = A.node_port.unwrap();
    for kind in KINDS {
        let scenario = build(kind, &blocks(["203.0.113.9/32", "2001:db8::9/128"]));
        let _answering = scenario.answering(&[80]);
        serve(&scenario, &[Service { external: External::Local, ..A }], Masquerade::Strangers);
        scenario.enforce();
        check(&scenario, &[("client", "node-1", port, true), ("stranger", "node-1", port, false)]);
    }
}

fn masquerade_all() {
    for kind in KINDS {
        let scenario = build(kind, &two_clients());
        let _answering = scenario.answering(&[80]);
        serve(&scenario, &[A], Masquerade::Strangers);
        let agent = Running::start(&scenario, 0, &["--audit-seconds", "1"]);
        serve(&scenario, &[A], Masquerade::All);
        agent.wait("/metrics", "portcullis_masquerade_all 1\n");
        agent.wait_for("kube-proxy masquerades all Service traffic");
        let flows = [
            // On the pod's node the address is replaced only after policies have been asked.
            ("shop/web", "A", A.port, true),
            ("shop/job", "A", A.port, false),
            // From another node it is that node who asks.
            ("shop/far", "A", A.port, false),
            ("shop/far", "shop/db", 80, true),
        ];
        check(&scenario, &flows);
        // Rules as they mostly are, which were there at the start, are nothing to complain of.
        serve(&scenario, &[A], Masquerade::Strangers);
        agent.wait("/metrics", "portcullis_masquerade_all 0\n");
        check(&scenario, &[("shop/far", "A", A.port, true)]);
        let log = agent.complaints();
        assert_eq!(log.matches("kube-proxy masquerades all Service traffic").count(), 1, "{log}");
        agent.stop();
    }
}

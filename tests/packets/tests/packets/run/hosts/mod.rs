//! Host endpoints: what a node sends, receives and forwards, before and after its destination has
//! been translated.

mod random;
mod running;

use std::net::IpAddr;

use portcullis_agent::kernel::iptables::Backend;
use portcullis_engine::FlowQuery;
use portcullis_engine::net::Protocol::{self, Tcp, Udp};
use portcullis_engine::verdict::Verdict;
use portcullis_packets::fabric::Wiring;
use portcullis_packets::probe::Probe;

use super::Test;
use super::agent;
use super::proxy::{External, Masquerade, Service, serve};
use super::scenario::{Files, KINDS, Scenario};
use super::tiers::{cluster, with};

pub const TESTS: &[Test] = &[
    ("hosts: a node port answers inside of blocks, and to nobody else", node_ports),
    ("hosts: what a node sends and receives has policies, failsafe ports and profiles", local),
    ("hosts: one for all interfaces has policies at pods' interfaces, too", for_all),
    ("hosts: an agent that runs follows policies, interfaces and addresses", running::follow),
    ("hosts: what nobody confirms is taken back", running::trial),
    ("hosts: automatic ones have the labels of their nodes", automatic),
    ("hosts: random clusters: packets and engine agree", random::agree),
];

/// Somebody outside in the blocks of the example, and somebody in none of them.
const INSIDE: [&str; 2] = ["198.51.100.7", "2001:db8:1::7"];
const STRANGER: [&str; 2] = ["203.0.113.9", "2001:db8:2::9"];

const SERVICE: Service = Service {
    name: "N",
    addresses: ["10.96.0.20", "fd96::20"],
    port: 8080,
    node_port: Some(30080),
    pod: "shop/db",
    target: 80,
    external: External::Cluster,
};

/// What is sent, and whether it passes.
type Flow = (&'static str, &'static str, Protocol, u16, bool);

pub fn endpoint(node: &str, spec: &str) -> String {
    format!(
        "apiVersion: projectcalico.org/v3\nkind: HostEndpoint\n\
         metadata: {{name: {node}-up0, labels: {{host-endpoint: ingress}}}}\n\
         spec: {{node: {node}, {spec}}}\n---\n"
    )
}

fn both(spec: &str) -> String {
    ["node-1", "node-2"].map(|node| endpoint(node, spec)).concat()
}

fn policy(name: &str, order: u32, spec: &str) -> String {
    format!(
        "apiVersion: projectcalico.org/v3\nkind: GlobalNetworkPolicy\nmetadata: {{name: {name}}}\n\
         spec: {{selector: has(host-endpoint), order: {order}, {spec}}}\n---\n"
    )
}

fn build(kind: (Wiring, Backend), files: &Files) -> Scenario {
    let outside = [INSIDE, STRANGER].concat();
    let outside: Vec<IpAddr> = outside.iter().map(|address| address.parse().unwrap()).collect();
    Scenario::build(kind, files, &outside)
}

fn address(scenario: &Scenario, name: &str, six: bool) -> IpAddr {
    match name {
        "inside" => INSIDE[usize::from(six)].parse().unwrap(),
        "stranger" => STRANGER[usize::from(six)].parse().unwrap(),
        name => scenario.address(name, six),
    }
}

fn check(scenario: &Scenario, flows: &[Flow]) {
    let both = flows.iter().flat_map(|flow| [(flow, false), (flow, true)]);
    let (probes, expected): (Vec<Probe>, Vec<bool>) = both
        .map(|((from, to, protocol, port, allowed), six)| {
            let (from, to) = (address(scenario, from, six), address(scenario, to, six));
            (Probe { from, to, protocol: *protocol, port: *port }, *allowed)
        })
        .unzip();
    scenario.forget();
    scenario.expect(&probes, &expected);
}

/// The nodes let their own connections out; from two blocks everything comes in, before it is known
/// where it goes; everything else is denied.
pub fn example() -> String {
    let rule = |blocks: &str| format!("{{action: Allow, source: {{nets: [{blocks}]}}}}");
    let four = rule("10.0.0.0/24, 192.168.0.0/24, 198.51.100.0/24");
    let six = rule("'fd00::/64', 'fd01::/64', '2001:db8:1::/48'");
    let before = "preDNAT: true, applyOnForward: true";
    both("interfaceName: up0")
        + &policy("allow-outbound", 10, "egress: [{action: Allow}]")
        + &policy("allow-from-blocks", 10, &format!("{before}, ingress: [{four}, {six}]"))
        + &policy("drop-other-ingress", 20, &format!("{before}, ingress: [{{action: Deny}}]"))
}

fn node_ports() {
    for kind in KINDS {
        println!("packets: hosts: {:?} {}", kind.0, kind.1.name());
        let scenario = build(kind, &with(&example()));
        let _answering = scenario.answering(&[22, 80, 9100]);
        serve(&scenario, &[SERVICE], Masquerade::Strangers);
        check(&scenario, &[("stranger", "node-1", Tcp, 30080, true)]);
        scenario.enforce();
        check(
            &scenario,
            &[
                ("inside", "node-1", Tcp, 30080, true),
                ("inside", "node-1", Udp, 30080, true),
                // By the other node, which forwards it.
                ("inside", "node-2", Tcp, 30080, true),
                ("stranger", "node-1", Tcp, 30080, false),
                ("stranger", "node-2", Tcp, 30080, false),
                ("stranger", "node-1", Udp, 30080, false),
                // The pod itself is behind the same interface.
                ("stranger", "shop/db", Tcp, 80, false),
                ("inside", "shop/db", Tcp, 80, true),
                // What is accepted before DNAT has no other policies of hosts.
                ("inside", "node-1", Tcp, 9100, true),
                ("stranger", "node-1", Tcp, 9100, false),
                // Ports that stay open.
                ("stranger", "node-1", Tcp, 22, true),
                // The node's own connections, and those of its pods.
                ("node-1", "stranger", Tcp, 80, true),
                ("node-1", "node-2", Tcp, 9100, true),
                ("node-1", "shop/db", Tcp, 80, true),
                ("shop/db", "stranger", Tcp, 80, true),
                ("shop/db", "office/far", Tcp, 80, true),
                ("shop/db", "node-1", Tcp, 9100, true),
            ],
        );
        // A policy that asks for the port at which packets came in, which is no longer in them.
        let by_port = both("interfaceName: up0")
            + &policy("all", 100, "ingress: [{action: Allow}], egress: [{action: Allow}]")
            + &policy(
                "ports",
                10,
                "preDNAT: true, applyOnForward: true, ingress: [{action: Deny, protocol: TCP, \
                 destination: {ports: ['30000:32767']}}]",
            );
        let mut scenario = scenario;
        scenario.rewrite(&with(&by_port));
        scenario.enforce();
        check(
            &scenario,
            &[
                ("inside", "node-1", Tcp, 30080, false),
                ("inside", "node-1", Udp, 30080, true),
                ("inside", "shop/db", Tcp, 80, true),
                ("inside", "node-1", Tcp, 9100, true),
            ],
        );
    }
}

fn local() {
    for kind in KINDS {
        println!("packets: hosts: {:?} {}", kind.0, kind.1.name());
        let policies = both("interfaceName: up0")
            + &policy(
                "own",
                10,
                "ingress: [{action: Deny, source: {nets: [203.0.113.0/24]}}, {action: Allow, protocol: \
                 TCP, source: {notNets: ['2001:db8:2::/48']}, destination: {ports: [80]}}, {action: \
                 Allow, ipVersion: 4, protocol: TCP, destination: {ports: [80]}}], egress: [{action: \
                 Deny, destination: {nets: [203.0.113.0/24]}}, {action: Deny, destination: {nets: \
                 ['2001:db8:2::/48']}}, {action: Allow}]",
            );
        let mut scenario = build(kind, &with(&policies));
        let _answering = scenario.answering(&[22, 53, 80, 9100]);
        scenario.enforce();
        check(
            &scenario,
            &[
                ("inside", "node-1", Tcp, 80, true),
                ("inside", "node-1", Udp, 80, false),
                ("inside", "node-1", Tcp, 9100, false),
                ("stranger", "node-1", Tcp, 80, false),
                ("stranger", "node-1", Tcp, 22, true),
                ("node-1", "inside", Tcp, 9100, true),
                ("node-1", "stranger", Tcp, 80, false),
                ("node-1", "stranger", Udp, 53, true),
                ("node-2", "node-1", Tcp, 80, true),
                ("node-2", "node-1", Tcp, 9100, false),
                // What passes through has no policies here.
                ("stranger", "shop/db", Tcp, 9100, true),
                ("shop/db", "stranger", Tcp, 9100, true),
                // Pods of the node do not come by that interface.
                ("shop/db", "node-1", Tcp, 9100, true),
                ("node-1", "shop/db", Tcp, 9100, true),
                ("shop/db", "node-2", Tcp, 9100, false),
                ("shop/db", "node-2", Tcp, 80, true),
            ],
        );
        let compared = compare(&scenario, &[22, 53, 80, 9100]);
        assert!(compared > 50, "{compared}");
        // Without policies everything of the host itself is denied, but for what stays open; with
        // the profile that allows, nothing.
        scenario.rewrite(&with(&both("interfaceName: up0")));
        scenario.enforce();
        check(
            &scenario,
            &[
                ("inside", "node-1", Tcp, 80, false),
                ("inside", "node-1", Tcp, 22, true),
                ("node-1", "inside", Tcp, 80, false),
                ("node-1", "inside", Udp, 53, true),
                ("shop/db", "inside", Tcp, 80, true),
            ],
        );
        let open = "interfaceName: up0, profiles: [projectcalico-default-allow]";
        scenario.rewrite(&with(&both(open)));
        scenario.enforce();
        check(
            &scenario,
            &[("inside", "node-1", Tcp, 80, true), ("node-1", "inside", Tcp, 80, true)],
        );
        // Nothing is left when there are no host endpoints.
        scenario.rewrite(&cluster());
        scenario.enforce();
        check(&scenario, &[("inside", "node-1", Tcp, 80, true)]);
        let rules = scenario.node(0).namespace.run(&[&format!("iptables-{}-save", kind.1.name())]);
        assert!(!rules.unwrap().contains("PCL-H"), "chains of hosts are left");
    }
}

fn for_all() {
    for kind in KINDS {
        println!("packets: hosts: {:?} {}", kind.0, kind.1.name());
        let open = "interfaceName: '*', profiles: [projectcalico-default-allow]";
        let policies = both(open)
            + &policy(
                "forwarded",
                10,
                "applyOnForward: true, ingress: [{action: Deny, protocol: TCP, destination: \
                 {ports: [9100]}}, {action: Allow}]",
            );
        let mut scenario = build(kind, &with(&policies));
        let _answering = scenario.answering(&[22, 80, 9100]);
        scenario.enforce();
        check(
            &scenario,
            &[
                ("shop/db", "shop/web", Tcp, 9100, false),
                ("shop/db", "shop/web", Tcp, 80, true),
                ("shop/db", "office/far", Tcp, 9100, false),
                ("inside", "shop/db", Tcp, 9100, false),
                ("inside", "node-1", Tcp, 9100, false),
                ("inside", "node-1", Tcp, 80, true),
                ("node-1", "shop/db", Tcp, 9100, true),
                ("shop/db", "node-1", Tcp, 9100, true),
            ],
        );
        // Settings say what becomes of what pods send to their node.
        let settings = "apiVersion: projectcalico.org/v3\nkind: FelixConfiguration\n\
             metadata: {name: default}\nspec: {defaultEndpointToHostAction: Drop}\n---\n";
        scenario.rewrite(&with(&(both(open) + settings)));
        scenario.enforce();
        check(
            &scenario,
            &[
                ("shop/db", "node-1", Tcp, 80, false),
                ("shop/db", "node-2", Tcp, 80, true),
                ("node-1", "shop/db", Tcp, 80, true),
            ],
        );
        let compared = compare(&scenario, &[22, 80, 9100]);
        assert!(compared > 50, "{compared}");
    }
}

/// Sends everybody's probes to everybody, and compares what the engine knows; how many that were.
fn compare(scenario: &Scenario, ports: &[u16]) -> usize {
    let everybody: Vec<IpAddr> =
        scenario.fabric.hosts().flat_map(|host| host.addresses.clone()).collect();
    let same_host = |from: IpAddr, to: IpAddr| {
        scenario.fabric.owner(from).map(|host| &host.name)
            == scenario.fabric.owner(to).map(|host| &host.name)
    };
    let (mut probes, mut expected) = (Vec::new(), Vec::new());
    for &from in &everybody {
        for &to in everybody.iter().filter(|to| to.is_ipv4() == from.is_ipv4()) {
            if same_host(from, to) {
                continue;
            }
            for &port in ports {
                for protocol in [Tcp, Udp] {
                    let probe = Probe { from, to, protocol, port };
                    if let Some(allowed) = known(scenario, &probe) {
                        probes.push(probe);
                        expected.push(allowed);
                    }
                }
            }
        }
    }
    scenario.forget();
    scenario.expect(&probes, &expected);
    probes.len()
}

/// What the engine knows of a probe.
fn known(scenario: &Scenario, probe: &Probe) -> Option<bool> {
    let (from, to) = (probe.from.to_string(), probe.to.to_string());
    let query = FlowQuery { from, to, protocol: probe.protocol, port: probe.port.into() };
    // Of two that have no policies nothing can be asked.
    match scenario.session.evaluate(&query).ok()?.verdict {
        Verdict::Allow => Some(true),
        Verdict::Deny => Some(false),
        Verdict::Unknown => None,
    }
}

/// A policy selects nodes by their labels, without that anybody wrote a HostEndpoint.
fn automatic() {
    for kind in [KINDS[0], KINDS[3]] {
        let policies = "apiVersion: projectcalico.org/v3\nkind: GlobalNetworkPolicy\n\
            metadata: {name: zone}\nspec: {selector: zone == 'a', order: 10, ingress: [{action: \
            Deny, protocol: TCP, destination: {ports: [80]}}, {action: Allow}]}\n";
        let scenario = build(kind, &with(policies));
        let _answering = scenario.answering(&[80, 81]);
        let enforce = |mode: &str| {
            for node in [0, 1] {
                let more = ["--host-endpoints", mode];
                agent::once(scenario.node(node), &scenario.folder, scenario.backend, &more);
            }
        };
        enforce("auto");
        check(
            &scenario,
            &[
                ("inside", "node-1", Tcp, 80, false),
                ("inside", "node-1", Udp, 80, true),
                ("inside", "node-1", Tcp, 81, true),
                ("node-1", "inside", Tcp, 80, true),
                ("inside", "node-2", Tcp, 80, true),
                ("inside", "shop/db", Tcp, 80, true),
            ],
        );
        enforce("off");
        check(&scenario, &[("inside", "node-1", Tcp, 80, true)]);
    }
}

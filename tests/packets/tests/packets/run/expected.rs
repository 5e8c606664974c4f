//! Addresses of a node's own blocks that no known pod has.

use std::net::IpAddr;

use portcullis_engine::net::Protocol;
use portcullis_packets::fabric::Wiring;
use portcullis_packets::probe::Probe;

use super::Test;
use super::agent::{Running, once};
use super::basics::{shop, without};
use super::scenario::{Files, KINDS, Scenario};

pub const TESTS: &[Test] = &[
    ("a pod that is not known is cut off, and the node and its gateway are not", unknown),
    ("a pod elsewhere shows that the node's blocks say nothing", elsewhere),
];

const OUTSIDE: [&str; 2] = ["203.0.113.9", "2001:db8::9"];

/// The gateway of the first node's pods, as a bridge has it.
const GATEWAY: [&str; 2] = ["10.0.0.14", "fd00::e"];

/// The shop, the nodes having a block each.
pub fn blocks() -> Files {
    let text = |text: String| {
        let text = text.replace("10.0.0.4", "10.0.1.4").replace("fd00::4", "fd00:0:0:1::4");
        let node = |at: u8| format!("metadata: {{name: node-{at}}}\n");
        let first = format!("{}spec: {{podCIDRs: [10.0.0.0/28, 'fd00::/64']}}\n", node(1));
        let second = format!("{}spec: {{podCIDR: 10.0.1.0/28}}\n", node(2));
        text.replace(&node(1), &first).replace(&node(2), &second)
    };
    shop().into_iter().map(|(name, all)| (name, text(all))).collect()
}

fn build(kind: (Wiring, portcullis_agent::kernel::iptables::Backend)) -> Scenario {
    let outside = OUTSIDE.map(|address| address.parse().unwrap());
    let mut scenario = Scenario::build(kind, &blocks(), &outside);
    let link = if kind.0 == Wiring::Bridged { "br0" } else { "p0" };
    for address in GATEWAY.map(|address| address.parse::<IpAddr>().unwrap()) {
        let line = format!(
            "addr add {address} dev {link}{}\n",
            if address.is_ipv6() { " nodad" } else { "" }
        );
        scenario.node(0).namespace.ip(&line).unwrap();
        scenario.fabric.nodes[0].host.addresses.push(address);
    }
    scenario
}

/// Probes between names in both families, each with what is expected of it.
fn probes(scenario: &Scenario, flows: &[(&str, &str, bool)]) -> (Vec<Probe>, Vec<bool>) {
    let address = |name: &str, six: bool| match name {
        "outside" => OUTSIDE[usize::from(six)].parse().unwrap(),
        "gateway" => GATEWAY[usize::from(six)].parse().unwrap(),
        name => scenario.address(name, six),
    };
    let both = flows.iter().flat_map(|flow| [(flow, false), (flow, true)]);
    let probe = |((from, to, allowed), six): (&(&str, &str, bool), bool)| {
        let (from, to) = (address(from, six), address(to, six));
        (Probe { from, to, protocol: Protocol::Tcp, port: 80 }, *allowed)
    };
    both.map(probe).unzip()
}

fn unknown() {
    for kind in KINDS {
        let mut scenario = build(kind);
        let _answering = scenario.answering(&[80]);
        scenario.rewrite(&without("job", blocks()));
        let once = |more: &[&str]| drop(once(scenario.node(0), &scenario.folder, kind.1, more));
        once(&[]);
        let known = [
            ("shop/web", "shop/db", true),
            ("shop/web", "shop/far", true),
            ("shop/far", "shop/web", true),
            ("shop/far", "shop/db", false),
            ("shop/web", "outside", true),
            ("outside", "shop/web", true),
            ("node-1", "shop/web", true),
            ("node-1", "shop/db", true),
            ("gateway", "shop/db", true),
            ("shop/web", "gateway", true),
            ("shop/db", "node-1", true),
            ("node-2", "shop/web", true),
            ("node-1", "gateway", true),
            // What the node itself sends and gets does not pass FORWARD.
            ("node-1", "shop/job", true),
            ("gateway", "shop/job", true),
        ];
        let cut_off = [
            ("shop/job", "shop/web"),
            ("shop/web", "shop/job"),
            ("shop/job", "shop/far"),
            ("shop/far", "shop/job"),
            ("shop/job", "outside"),
            ("outside", "shop/job"),
            ("node-2", "shop/job"),
            ("shop/job", "gateway"),
        ];
        let flows = |passes: bool| {
            let cut_off = cut_off.map(|(from, to)| (from, to, passes));
            probes(&scenario, &[&known[..], &cut_off].concat())
        };
        let (sent, expected) = flows(false);
        scenario.expect(&sent, &expected);
        let (sent, expected) = flows(true);
        once(&["--node-pod-cidrs", "false", "--pod-interfaces", "off"]);
        scenario.expect(&sent, &expected);
        scenario.write(&blocks());
        once(&[]);
        scenario.expect(&sent, &expected);
    }
}

fn elsewhere() {
    let mut scenario = build(KINDS[0]);
    let _answering = scenario.answering(&[80]);
    let odd = |files: Files| -> Files {
        let text = |text: String| text.replace("10.0.0.0/28", "10.0.0.2/31");
        files.into_iter().map(|(name, all)| (name, text(all))).collect()
    };
    scenario.rewrite(&odd(without("job", without("web", blocks()))));
    let agent = Running::start(&scenario, 0, &["--pod-interfaces", "off"]);
    let flow = [("shop/job", "shop/far", false), ("shop/far", "shop/job", false)];
    let (sent, expected) = probes(&scenario, &flow);
    scenario.expect(&sent, &expected);
    // That pod has an address of the other family's block, but not of this one's.
    scenario.rewrite(&odd(without("job", blocks())));
    agent.wait_for("has the address 10.0.0.1, which is not in 10.0.0.2/31, fd00::/64");
    let (sent, _) = probes(&scenario, &flow);
    scenario.expect(&sent, &[true, false, true, false]);
    agent.stop();
}

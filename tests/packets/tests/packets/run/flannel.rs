//! Networks as they are: a block for each node, a gateway on the bridge, tunnels or routes between
//! nodes, and another address for what leaves the cluster.

use std::net::IpAddr;

use portcullis_agent::kernel::iptables::Backend;
use portcullis_engine::net::Protocol;
use portcullis_packets::fabric::Wiring;
use portcullis_packets::flannel::{Between, Block, lay};
use portcullis_packets::probe::Probe;

use super::Test;
use super::expected::blocks;
use super::life::variations;
use super::scenario::{Files, Scenario};

pub const TESTS: &[Test] = &[
    ("on Flannel and on routed blocks flows are what policies say", truth_table),
    ("on Flannel a node's packet to another node's pod comes from the tunnel", tunnel),
];

const OUTSIDE: [&str; 2] = ["203.0.113.9", "2001:db8::9"];

/// All pods' addresses, and the node's block of them.
const BLOCKS: [[(&str, &str); 2]; 2] = [
    [("10.0.0.0/23", "10.0.0.0/28"), ("fd00::/63", "fd00::/64")],
    [("10.0.0.0/23", "10.0.1.0/28"), ("fd00::/63", "fd00:0:0:1::/64")],
];

/// Everything but the pods of the cases, which are those of `expected::blocks`.
fn build(between: Between, backend: Backend, files: &Files) -> Scenario {
    let outside = OUTSIDE.map(|address| address.parse().unwrap());
    let mut scenario = Scenario::build((Wiring::Bridged, backend), files, &outside);
    let block = |(_, own): (&str, &str)| {
        let (first, length) = own.split_once('/').unwrap();
        let (first, length): (IpAddr, u8) = (first.parse().unwrap(), length.parse().unwrap());
        let gateway = match first {
            IpAddr::V4(first) => IpAddr::from((u32::from(first) | 14).to_be_bytes()),
            IpAddr::V6(first) => IpAddr::from((u128::from(first) | 14).to_be_bytes()),
        };
        Block { first, length, gateway }
    };
    let [one, other] = BLOCKS.map(|blocks| blocks.map(block));
    lay(&mut scenario.fabric, [&one, &other], between).unwrap();
    for (at, blocks) in BLOCKS.iter().enumerate() {
        for (tool, (all, own)) in ["iptables", "ip6tables"].iter().zip(blocks) {
            let tool = format!("{tool}-{}-restore", backend.name());
            let text = rules(all, own);
            scenario.node(at).namespace.feed(&[&tool, "--noflush"], &text).unwrap();
        }
    }
    scenario
}

/// What flanneld writes, on a host that forwards nothing by itself.
fn rules(all: &str, own: &str) -> String {
    let multicast = if all.contains(':') { "ff00::/8" } else { "224.0.0.0/4" };
    format!(
        "*nat\n:FLANNEL-POSTRTG - [0:0]\n-A POSTROUTING -j FLANNEL-POSTRTG\n\
         -A FLANNEL-POSTRTG -s {all} -d {all} -j RETURN\n\
         -A FLANNEL-POSTRTG -s {all} ! -d {multicast} -j MASQUERADE\n\
         -A FLANNEL-POSTRTG ! -s {all} -d {own} -j RETURN\n\
         -A FLANNEL-POSTRTG ! -s {all} -d {all} -j MASQUERADE\nCOMMIT\n\
         *filter\n:FORWARD DROP [0:0]\n:FLANNEL-FWD - [0:0]\n-A FORWARD -j FLANNEL-FWD\n\
         -A FLANNEL-FWD -s {all} -j ACCEPT\n-A FLANNEL-FWD -d {all} -j ACCEPT\nCOMMIT\n"
    )
}

const KINDS: [(Between, Backend); 4] = [
    (Between::Tunnel, Backend::Nft),
    (Between::Routes, Backend::Nft),
    (Between::Tunnel, Backend::Legacy),
    (Between::Routes, Backend::Legacy),
];

/// All pairs of pods, nodes with their gateways, and an address outside, in all protocols.
fn truth_table() {
    for (between, backend) in KINDS {
        let mut scenario = build(between, backend, &blocks());
        let _answering = scenario.answering(&[80, 81]);
        let probes = scenario.all_probes(&[80, 81]);
        scenario.expect(&probes, &vec![true; probes.len()]);
        let asked: Vec<Probe> = probes.iter().map(|probe| as_node(&scenario, *probe)).collect();
        let (mut sent, mut allowed) = (0, 0);
        for files in variations() {
            scenario.rewrite(&with_policies(files));
            scenario.enforce();
            let expected: Vec<bool> = asked.iter().map(|probe| scenario.allows(probe)).collect();
            scenario.expect(&probes, &expected);
            sent += expected.len();
            allowed += expected.into_iter().filter(|allowed| *allowed).count();
        }
        assert!(allowed > 0 && allowed < sent, "{allowed} of {sent}");
        println!("packets: {between:?}, {backend:?}: {sent} probes, {allowed} allowed");
    }
}

/// The policies of some files, for the pods of this network.
fn with_policies(files: Files) -> Files {
    let policies = files.into_iter().filter(|(name, _)| name != "cluster.yaml");
    blocks().into_iter().filter(|(name, _)| name == "cluster.yaml").chain(policies).collect()
}

/// A gateway is its node, which no manifest says: the engine is asked about an address of the node
/// that is known.
fn as_node(scenario: &Scenario, mut probe: Probe) -> Probe {
    for end in [&mut probe.from, &mut probe.to] {
        let node = (0..2).map(|at| scenario.node(at)).find(|n| n.addresses.contains(end));
        let known = node.and_then(|n| n.addresses.iter().find(|a| a.is_ipv6() == end.is_ipv6()));
        *end = *known.unwrap_or(end);
    }
    probe
}

/// Who admits nodes by their addresses does not admit them on Flannel, but by the addresses of their
/// tunnels.
fn tunnel() {
    let policy = |v4: &str, v6: &str| {
        let text = format!(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p, namespace: \
             shop}}\nspec: {{podSelector: {{}}, ingress: [{{from: [{{ipBlock: {{cidr: {v4}}}}}, \
             {{ipBlock: {{cidr: '{v6}'}}}}]}}]}}\n"
        );
        with_policies(vec![("policies.yaml".to_owned(), text)])
    };
    let nodes = policy("192.168.0.0/16", "fd01::/64");
    let tunnels = policy("10.0.0.0/32", "fd00::/128");
    for (between, backend) in KINDS {
        let scenario = build(between, backend, &nodes);
        let _answering = scenario.answering(&[80]);
        let probes = [false, true].map(|six| Probe {
            from: scenario.address("node-1", six),
            to: scenario.address("shop/far", six),
            protocol: Protocol::Tcp,
            port: 80,
        });
        scenario.enforce();
        scenario.expect(&probes, &[between == Between::Routes; 2]);
        scenario.write(&tunnels);
        scenario.enforce();
        scenario.expect(&probes, &[between == Between::Tunnel; 2]);
    }
}

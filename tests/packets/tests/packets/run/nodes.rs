//! Nodes: what they send to their pods, what pods send to them, and nodes that come.

use std::collections::BTreeSet;
use std::net::IpAddr;

use portcullis_agent::kernel::iptables::Backend;
use portcullis_engine::net::Protocol;
use portcullis_packets::fabric::Wiring;
use portcullis_packets::probe::Probe;

use super::Test;
use super::agent::Running;
use super::basics::{everything, without};
use super::defects::with_policy;
use super::life::handles;
use super::scenario::{Files, KINDS, Scenario};

pub const TESTS: &[Test] = &[
    ("a node reaches its own pods whatever policies say, another one does not", own_pods),
    ("what pods send to nodes and the API server there is up to egress policies", to_nodes),
    ("a node that comes changes sets on the others, and has rules for its own pods alone", joined),
];

/// Further addresses of the first node, such as that of another network card.
const MORE: [&str; 2] = ["172.31.0.1", "fd02::1"];

const API_SERVER: u16 = 6443;

/// A scenario in which the first node has further addresses.
fn build(kind: (Wiring, Backend), files: &Files) -> Scenario {
    let mut scenario = Scenario::build(kind, files, &[]);
    for address in MORE.map(|address| address.parse::<IpAddr>().unwrap()) {
        let line = format!("addr add {address} dev lo\n");
        scenario.node(0).namespace.ip(&line).unwrap();
        scenario.fabric.nodes[0].host.addresses.push(address);
    }
    scenario
}

/// Sends flows between hosts' names, or addresses, in both families and all protocols.
fn check(scenario: &Scenario, port: u16, flows: &[(&str, &str, bool)]) {
    let (mut probes, mut expected) = (Vec::new(), Vec::new());
    for ((from, to, allowed), six) in flows.iter().flat_map(|flow| [(flow, false), (flow, true)]) {
        let address = |name: &str| match name {
            "more" => MORE[usize::from(six)].parse().unwrap(),
            name => scenario.address(name, six),
        };
        let (from, to) = (address(from), address(to));
        probes.extend(Protocol::ALL.map(|protocol| Probe { from, to, protocol, port }));
        expected.extend([*allowed; 3]);
    }
    scenario.expect(&probes, &expected);
}

fn own_pods() {
    let nobody = with_policy("  podSelector: {}\n  policyTypes: [Ingress, Egress]\n");
    for kind in KINDS {
        let scenario = build(kind, &nobody);
        let _answering = scenario.answering(&[80]);
        scenario.enforce();
        let own = ["shop/web", "shop/db", "shop/job"];
        let flows =
            own.map(|pod| [("node-1", pod, true), ("more", pod, true), ("node-2", pod, false)]);
        let other = [("node-1", "shop/far", false), ("node-2", "shop/far", true)];
        check(&scenario, 80, &[flows.as_flattened(), &other].concat());
    }
}

/// `web` may speak to the API server on the other node, `db` to one on its own node.
fn to_nodes() {
    let rule = |pod: &str, node: u8| {
        format!(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {pod}, \
             namespace: shop}}\nspec:\n  podSelector: {{matchLabels: {{app: {pod}}}}}\n  policyTypes: \
             [Egress]\n  egress: [{{to: [{{ipBlock: {{cidr: 192.168.0.{node}/32}}}}, {{ipBlock: {{cidr: \
             'fd01::{node}/128'}}}}], ports: [{{port: {API_SERVER}}}, {{port: {API_SERVER}, protocol: UDP}}, \
             {{port: {API_SERVER}, protocol: SCTP}}]}}]\n"
        )
    };
    let mut files = with_policy("  podSelector: {}\n  policyTypes: [Egress]\n");
    files.push(("rules.yaml".into(), [rule("web", 2), rule("db", 1)].join("---\n")));
    for kind in KINDS {
        let scenario = build(kind, &files);
        let _answering = scenario.answering(&[API_SERVER, 80]);
        scenario.enforce();
        let flows = [
            ("shop/web", "node-2", true),
            ("shop/web", "node-1", false),
            ("shop/db", "node-1", true),
            ("shop/db", "more", false),
            ("shop/db", "node-2", false),
            ("shop/job", "node-1", false),
            ("shop/job", "more", false),
            ("shop/job", "node-2", false),
        ];
        check(&scenario, API_SERVER, &flows);
        check(&scenario, 80, &flows.map(|(from, to, _)| (from, to, false)));
    }
}

/// The rules of a dump, and its members of sets.
fn parts(text: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    text.lines().map(str::to_owned).partition(|line| !line.starts_with("add "))
}

fn joined() {
    let policy = "  podSelector: {matchLabels: {app: db}}\n  ingress: [{from: [{podSelector: \
                  {matchExpressions: [{key: app, operator: In, values: [web, far]}]}}]}]\n";
    let all = with_policy(policy);
    let before: Files = without("far", all.clone())
        .into_iter()
        .map(|(name, text)| (name, text.replace("name: node-2", "name: node-9")))
        .collect();
    for kind in KINDS {
        let scenario = Scenario::build(kind, &all, &[]);
        let _answering = scenario.answering(&[80]);
        scenario.write(&before);
        let first = Running::start(&scenario, 0, &[]);
        let (old, old_handles) = (parts(&everything(&scenario, 0)), handles(&scenario));
        check(&scenario, 80, &[("shop/web", "shop/db", true), ("shop/far", "shop/db", false)]);
        scenario.write(&all);
        let second = Running::start(&scenario, 1, &[]);
        let changed = ["add PCL4-", "add PCL6-"];
        let start = std::time::Instant::now();
        let new = loop {
            let new = parts(&everything(&scenario, 0));
            if new.1 != old.1 {
                break new;
            }
            assert!(start.elapsed().as_secs() < 5, "{kind:?}: not told of the new pod");
        };
        check(&scenario, 80, &[("shop/web", "shop/db", true), ("shop/far", "shop/db", true)]);
        assert_eq!(new.0, old.0, "{kind:?}: rules or sets of the first node are others");
        assert_eq!(handles(&scenario), old_handles, "{kind:?}: rules were written anew");
        let came: Vec<&String> = new.1.difference(&old.1).collect();
        assert_eq!(came.len(), 2, "{kind:?}: {came:?}");
        for (line, (set, pod)) in came.iter().zip(changed.iter().zip(["10.0.0.4", "fd00::4"])) {
            assert!(line.starts_with(set) && line.ends_with(pod), "{line}");
        }
        // Of the policy for a pod of the first node there is nothing on the second one.
        let text = everything(&scenario, 1);
        assert!(!text.contains("PCL-I-"), "{text}");
        for pod in ["10.0.0.1", "10.0.0.2", "10.0.0.3"] {
            assert!(!text.contains(&format!("{pod}/32")), "{kind:?}: {pod} is in {text}");
            assert!(!text.contains(&format!(" {pod}\n")), "{kind:?}: {pod} is in {text}");
        }
        first.stop();
        second.stop();
    }
}

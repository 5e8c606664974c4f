//! One flow that is allowed and one that is not; what the agent leaves, and what it does not touch.

use std::os::unix::fs::PermissionsExt;

use portcullis_agent::kernel::iptables::Backend;
use portcullis_packets::Error;
use portcullis_packets::fabric::Wiring;

use super::scenario::{Files, KINDS, Scenario};
use super::{Test, agent};

pub const TESTS: &[Test] = &[
    ("allowed flows pass and denied ones do not, however wired and enforced", both_ways),
    ("cleanup leaves nothing, and rules of others where they are", cleanup),
    ("cleanup passes over what the kernel does not have", cleanup_where_tables_are_not),
    ("a dry run prints and changes nothing", dry_run),
    ("the bridge is made to ask iptables", bridge),
];

/// Three pods on one node, one on another; only `web` may reach `db`, at port 80.
pub fn shop() -> Files {
    let pod = |name: &str, at: u8, node: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: shop, labels: {{app: {name}}}}}\n\
             spec: {{nodeName: {node}, containers: [{{name: c, image: i}}]}}\n\
             status: {{phase: Running, podIP: 10.0.0.{at}, podIPs: [{{ip: 10.0.0.{at}}}, {{ip: 'fd00::{at}'}}]}}\n"
        )
    };
    let node = |at: u8| {
        format!(
            "apiVersion: v1\nkind: Node\nmetadata: {{name: node-{at}}}\nstatus: {{addresses: \
             [{{type: InternalIP, address: 192.168.0.{at}}}, {{type: InternalIP, address: 'fd01::{at}'}}]}}\n"
        )
    };
    let policy = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: db, namespace: shop}\n\
         spec:\n  podSelector: {matchLabels: {app: db}}\n  ingress:\n    \
         - from: [{podSelector: {matchLabels: {app: web}}}]\n      ports: [{port: 80}]\n";
    let pods = [
        pod("web", 1, "node-1"),
        pod("db", 2, "node-1"),
        pod("job", 3, "node-1"),
        pod("far", 4, "node-2"),
    ];
    let cluster = [pods.as_slice(), &[node(1), node(2)]].concat().join("---\n");
    vec![("cluster.yaml".into(), cluster), ("policies.yaml".into(), policy.into())]
}

/// Files without the manifest of a pod, which is there all the same.
pub fn without(pod: &str, files: Files) -> Files {
    let its = format!("kind: Pod\nmetadata: {{name: {pod},");
    let documents = |text: &str| {
        let known = text.split("---\n").filter(|document| !document.contains(&its));
        known.collect::<Vec<_>>().join("---\n")
    };
    files.into_iter().map(|(name, text)| (name, documents(&text))).collect()
}

fn both_ways() {
    for kind in KINDS {
        let scenario = Scenario::build(kind, &shop(), &["203.0.113.9".parse().unwrap()]);
        let _answering = scenario.answering(&[80, 81]);
        let probes = scenario.all_probes(&[80, 81]);
        let all = vec![true; probes.len()];
        // Without rules everything passes: what is refused afterwards is refused by them.
        scenario.expect(&probes, &all);
        scenario.enforce();
        let allowed = scenario.compare(&probes);
        assert!(allowed > 0 && allowed < probes.len(), "{allowed} of {}", probes.len());
    }
}

/// All that iptables and ipset hold on a node, without counts of packets.
pub fn everything(scenario: &Scenario, node: usize) -> String {
    try_everything(scenario, node).unwrap()
}

/// The same, where it may change so much meanwhile that the tools fail.
pub fn try_everything(scenario: &Scenario, node: usize) -> Result<String, Error> {
    let namespace = &scenario.node(node).namespace;
    let backend = scenario.backend.name();
    let mut text = String::new();
    for tool in ["iptables", "ip6tables"] {
        let table = namespace.run(&[&format!("{tool}-{backend}-save"), "-t", "filter"])?;
        let lines = table.lines().filter(|line| !line.starts_with('#'));
        for line in lines {
            text.push_str(line.split(" [").next().unwrap_or(line));
            text.push('\n');
        }
    }
    let sets = namespace.run(&["ipset", "save"])?;
    let mut sets: Vec<&str> = sets.lines().collect();
    sets.sort_unstable();
    Ok(text + &sets.join("\n"))
}

fn cleanup() {
    for backend in [Backend::Nft, Backend::Legacy] {
        let scenario = Scenario::build((Wiring::Routed, backend), &shop(), &[]);
        let namespace = &scenario.node(0).namespace;
        let tool = format!("iptables-{}", backend.name());
        for rule in [["-A", "FORWARD", "-j", "OTHERS"], ["-A", "OTHERS", "-j", "RETURN"]] {
            let _ = namespace.run(&[&tool, "-N", "OTHERS"]);
            namespace.run(&[&[tool.as_str()], &rule[..]].concat()).unwrap();
        }
        let foreign = "create others hash:ip\nadd others 10.9.9.9\n";
        namespace.feed(&["ipset", "restore"], foreign).unwrap();
        // The first look makes legacy iptables have its table.
        everything(&scenario, 0);
        let before = everything(&scenario, 0);
        scenario.enforce();
        assert_ne!(before, everything(&scenario, 0));
        assert_eq!(agent::cleanup(scenario.node(0)), "removed all Portcullis chains and sets\n");
        assert_eq!(before, everything(&scenario, 0));
        assert_eq!(agent::cleanup(scenario.node(0)), "no Portcullis chains or sets found\n");
    }
}

/// Tools of legacy iptables as they are where the kernel has no such tables.
fn cleanup_where_tables_are_not() {
    let scenario = Scenario::build((Wiring::Routed, Backend::Nft), &shop(), &[]);
    scenario.enforce();
    let tools = scenario.folder.with_extension("tools");
    std::fs::create_dir_all(&tools).unwrap();
    for tool in ["iptables-legacy-save", "ip6tables-legacy-save"] {
        let says = "Cannot initialize: Table does not exist (do you need to insmod?)";
        let path = tools.join(tool);
        std::fs::write(&path, format!("#!/bin/sh\necho '{says}' >&2\nexit 1\n")).unwrap();
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
    }
    let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap());
    let cleanup = || agent::cleanup_with(scenario.node(0), &[("PATH", &path)]);
    assert_eq!(cleanup(), Ok("removed all Portcullis chains and sets\n".to_owned()));
    // Where there is a table that cannot be read, there may be rules of ours.
    scenario.node(0).namespace.run(&["iptables-legacy", "-S"]).unwrap();
    let refused = cleanup().unwrap_err();
    let said = "`iptables-legacy-save -t filter` failed: Cannot initialize";
    assert!(refused.contains(said), "{refused}");
    std::fs::remove_dir_all(tools).unwrap();
}

fn dry_run() {
    let scenario = Scenario::build((Wiring::Routed, Backend::Nft), &shop(), &[]);
    let before = everything(&scenario, 0);
    let printed = agent::once(scenario.node(0), &scenario.folder, scenario.backend, &["--dry-run"]);
    assert!(printed.contains("-I FORWARD 1 -j PCL-FORWARD"), "{printed}");
    assert!(printed.contains("create PCL4-"), "{printed}");
    assert_eq!(before, everything(&scenario, 0));
}

fn bridge() {
    let scenario = Scenario::build((Wiring::Bridged, Backend::Nft), &shop(), &[]);
    let switches = ["bridge/bridge-nf-call-iptables", "bridge/bridge-nf-call-ip6tables"];
    scenario.node(0).namespace.set(&switches.map(|switch| (switch, "0"))).unwrap();
    let _answering = scenario.answering(&[80, 81]);
    scenario.enforce();
    scenario.compare(&scenario.all_probes(&[80, 81]));
}

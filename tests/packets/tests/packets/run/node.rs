//! What an operator runs on a node besides the agent: the gate for the time before it, and the look
//! at what it needs.

use std::process::Command;

use portcullis_engine::net::Protocol;
use portcullis_packets::fabric::Wiring;
use portcullis_packets::probe::Probe;

use super::Test;
use super::agent::{WORD, once};
use super::basics::shop;
use super::scenario::{KINDS, Scenario};

pub const TESTS: &[Test] = &[
    ("a gate denies until an agent knows the pods", gate),
    ("what a node has is looked at, and what is in the way is said", check),
];

/// Runs a command of the agent on the first node: whether it succeeded, and what it printed.
fn run(scenario: &Scenario, words: &[&str]) -> (bool, String) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg(WORD).args(words);
    let output = scenario.node(0).namespace.enter(|| Ok(command.output().unwrap())).unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

fn gate() {
    for kind in KINDS {
        let scenario = Scenario::build(kind, &shop(), &[]);
        let _answering = scenario.answering(&[80]);
        let flows = |pairs: &[(&str, &str)]| -> Vec<Probe> {
            let probe = |six: bool, from: &str, to: &str| Probe {
                from: scenario.address(from, six),
                to: scenario.address(to, six),
                protocol: Protocol::Tcp,
                port: 80,
            };
            let both =
                pairs.iter().flat_map(|(from, to)| [(false, *from, *to), (true, *from, *to)]);
            both.map(|(six, from, to)| probe(six, from, to)).collect()
        };
        let all =
            flows(&[("shop/web", "shop/db"), ("shop/web", "shop/far"), ("shop/far", "shop/web")]);
        scenario.expect(&all, &[true; 6]);
        let device = if kind.0 == Wiring::Bridged { "br0" } else { "p+" };
        let close = ["gate", "--backend", kind.1.name(), "--pod-interfaces", device];
        let closed = "closed: pods have no network until an agent knows them\n";
        assert_eq!(run(&scenario, &close), (true, closed.to_owned()), "{kind:?}");
        scenario.forget();
        scenario.expect(&all, &[false; 6]);
        // The node itself reaches its pods.
        scenario.expect(&flows(&[("node-1", "shop/web")]), &[true; 2]);
        once(scenario.node(0), &scenario.folder, kind.1, &[]);
        scenario.forget();
        scenario.compare(&scenario.all_probes(&[80]));
        let left = "rules are in force already; nothing was changed\n";
        assert_eq!(run(&scenario, &close), (true, left.to_owned()), "{kind:?}");
        scenario.compare(&all);
    }
}

fn check() {
    for kind in [KINDS[1], KINDS[3]] {
        let scenario = Scenario::build(kind, &shop(), &[]);
        let look = || run(&scenario, &["check", "--backend", kind.1.name()]);
        let (well, text) = look();
        assert!(well && text.contains("the agent can enforce policies on this node"), "{text}");
        once(scenario.node(0), &scenario.folder, kind.1, &[]);
        let (well, text) = look();
        assert!(well && text.contains("begins with the agent's rules"), "{text}");
        let tool = format!("iptables-{}", kind.1.name());
        let namespace = &scenario.node(0).namespace;
        namespace.run(&[&tool, "-I", "FORWARD", "1", "-s", "10.9.0.0/16", "-j", "ACCEPT"]).unwrap();
        let (well, text) = look();
        let said = "`-A FORWARD -s 10.9.0.0/16 -j ACCEPT` comes before the agent's rules";
        assert!(!well && text.contains("FAIL") && text.contains(said), "{text}");
        // Nothing is left of the look.
        let rules = namespace.run(&[&format!("{tool}-save")]).unwrap();
        assert!(!rules.contains("PCLCHECK"), "{rules}");
        let (_, json) = run(&scenario, &["check", "--backend", kind.1.name(), "--format", "json"]);
        let items: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
        assert!(items.iter().any(|item| item["grade"] == "fail"), "{json}");
    }
}

//! What the agent says of its node: what is in force there, and a report of a fault.

use portcullis_agent::kernel::iptables::Backend;
use portcullis_agent::observe::NodeReport;
use portcullis_packets::fabric::Wiring;

use super::Test;
use super::agent::{Running, asked};
use super::basics::shop;
use super::scenario::Scenario;

pub const TESTS: &[Test] = &[
    ("the status says which policies are in force and which are closed", says),
    ("a report of a fault has the agent's rules and sets, and nobody else's", gathers),
];

/// What an agent says of its node.
pub fn report(agent: &Running) -> NodeReport {
    serde_json::from_str(&agent.get("/status")).unwrap()
}

/// The name and the state of each policy.
pub fn states(agent: &Running) -> Vec<String> {
    let report = report(agent);
    report.policies.iter().map(|one| format!("{} {:?}", one.name, one.state)).collect()
}

/// One that selects all pods of the shop, and says something that is not understood.
const LATER: &str = "\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: later, namespace: shop}
spec: {podSelector: {}, ingress: [{from: [{later: 1}]}]}
";

fn says() {
    let mut files = shop();
    files.push(("later.yaml".into(), LATER.into()));
    let scenario = Scenario::build((Wiring::Routed, Backend::Nft), &files, &[]);
    let agent = Running::start(&scenario, 0, &[]);
    assert_eq!(states(&agent), ["db InForce", "later Closed"]);
    let said = report(&agent);
    assert_eq!((said.counts.pods, &*said.identity.backend), (3, "nft"));
    assert!(said.families.iter().all(|family| family.rules > 0 && family.members > 0), "{said:?}");
    let other = Running::start(&scenario, 1, &[]);
    assert_eq!(states(&other), ["later Closed"], "`db` selects nothing there");
    let status = |words: &[&str]| asked(scenario.node(0), &[&["status"], words].concat());
    let (text, succeeds) = status(&["--faults"]);
    let text = String::from_utf8(text).unwrap();
    assert!(!succeeds && text.contains("policies  2 concern this node: in force 1, closed 1"));
    assert!(text.contains("\nclosed             -  NetworkPolicy shop/later\n"), "{text}");
    assert!(status(&["--policy", "shop/db"]).1);
    agent.stop();
    other.stop();
}

fn gathers() {
    for backend in [Backend::Nft, Backend::Legacy] {
        let scenario = Scenario::build((Wiring::Routed, backend), &shop(), &[]);
        let tool = format!("iptables-{}", backend.name());
        let rule = [&*tool, "-A", "FORWARD", "-s", "203.0.113.77", "-j", "ACCEPT"];
        scenario.node(0).namespace.run(&rule).unwrap();
        let agent = Running::start(&scenario, 0, &[]);
        let (archive, succeeds) = asked(scenario.node(0), &["diagnose"]);
        assert!(succeeds);
        let folder = scenario.folder.with_extension("diagnosed");
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("node.tar.gz");
        std::fs::write(&file, archive).unwrap();
        let unpack = ["tar", "-xzf", file.to_str().unwrap(), "-C", folder.to_str().unwrap()];
        scenario.node(0).namespace.run(&unpack).unwrap();
        let read = |name: &str| {
            std::fs::read_to_string(folder.join("portcullis-diagnose").join(name)).unwrap()
        };
        let rules = read(&format!("kernel/{tool}-filter.txt"));
        assert!(rules.contains(" -A FORWARD -j PCL-FORWARD\n"), "{rules}");
        assert!(rules.starts_with("# IPv4 filter; rules of other programs, left out: 1\n"));
        let other = read(&format!("kernel/iptables-{}-filter.txt", backend.other().name()));
        assert!(other.ends_with("left out: 0\n"), "{other}");
        assert!(read("kernel/ipset.txt").contains("\nadd PCL4-"), "{}", read("kernel/ipset.txt"));
        assert!(read("status.json").contains("\"name\": \"db\""));
        assert!(read("check.txt").contains("iptables"), "{}", read("errors.txt"));
        for name in ["kernel/sizes.txt", "kernel/routes-ipv4.txt", "kernel/devices.txt"] {
            assert!(!read(name).is_empty(), "{name}");
        }
        let all = std::fs::read_dir(folder.join("portcullis-diagnose/kernel")).unwrap();
        for file in all.flatten() {
            let text = std::fs::read_to_string(file.path()).unwrap();
            assert!(!text.contains("203.0.113.77"), "{file:?}: {text}");
        }
        std::fs::remove_dir_all(folder).unwrap();
        agent.stop();
    }
}

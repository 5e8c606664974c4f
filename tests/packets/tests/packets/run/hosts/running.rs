//! Agents that run while host endpoints, policies, interfaces and addresses come and go.

use portcullis_engine::net::Protocol::Tcp;
use portcullis_packets::probe::{Outcome, Probe};

use super::{address, both, build, endpoint, policy};
use crate::run::agent::{self, Running};
use crate::run::scenario::KINDS;
use crate::run::tiers::{cluster, until, with};

/// One agent, which sees host endpoints and policies come and go, and the address of an interface.
pub fn follow() {
    let scenario = build(KINDS[0], &cluster());
    let _answering = scenario.answering(&[22, 80]);
    let other = agent::once(scenario.node(1), &scenario.folder, scenario.backend, &[]);
    assert!(other.is_empty() || !other.contains("PCL-H"));
    let agent = Running::start(&scenario, 0, &["--audit-seconds", "1", "--check-seconds", "1"]);
    let probe = |port| {
        let (from, to) = (address(&scenario, "inside", false), scenario.address("node-1", false));
        Probe { from, to, protocol: Tcp, port }
    };
    let reaches = |port, expected| {
        until(|| {
            scenario.forget();
            let outcome = scenario.send(&[probe(port)]);
            (outcome == [Outcome::Allowed]) == expected
        });
    };
    reaches(80, true);
    // By an address that no interface has yet.
    let bound = endpoint("node-1", "expectedIPs: [192.0.2.77]");
    scenario.write(&with(&bound));
    until(|| agent.get("/status").contains("no interface of this node has one of its expectedIPs"));
    reaches(80, true);
    scenario.node(0).namespace.run(&["ip", "addr", "add", "192.0.2.77/32", "dev", "up0"]).unwrap();
    reaches(80, false);
    reaches(22, true);
    let allow = policy(
        "allow",
        10,
        "ingress: [{action: Allow, protocol: TCP, destination: {ports: [80]}}]",
    );
    scenario.write(&with(&(bound.clone() + &allow)));
    reaches(80, true);
    until(|| agent.get("/status").contains("\"allow\""));
    scenario.node(0).namespace.run(&["ip", "addr", "del", "192.0.2.77/32", "dev", "up0"]).unwrap();
    scenario.write(&with(&bound));
    reaches(80, true);
    // Untracked policies are not written as they are, and the operator is told.
    let untracked = endpoint("node-1", "interfaceName: up0")
        + &policy("fast", 10, "doNotTrack: true, applyOnForward: true, ingress: [{action: Allow}]");
    scenario.write(&with(&untracked));
    reaches(80, false);
    until(|| agent.get("/status").contains("fast"));
    scenario.write(&cluster());
    reaches(80, true);
    agent.stop();
}

/// Policies that cut a node off go by themselves; what its Node confirms stays.
pub fn trial() {
    let scenario = build(KINDS[0], &cluster());
    let _answering = scenario.answering(&[22, 80]);
    let more = ["--check-seconds", "1", "--audit-seconds", "1", "--host-confirm-seconds", "4"];
    let agent = Running::start(&scenario, 0, &more);
    let reaches = |expected| {
        let (from, to) = (address(&scenario, "inside", false), scenario.address("node-1", false));
        let probe = Probe { from, to, protocol: Tcp, port: 80 };
        until(|| {
            scenario.forget();
            (scenario.send(&[probe]) == [Outcome::Allowed]) == expected
        });
    };
    reaches(true);
    let closed = both("interfaceName: up0");
    scenario.write(&with(&closed));
    reaches(false);
    until(|| agent.get("/readyz").contains("on trial"));
    reaches(true);
    until(|| agent.get("/readyz").contains("NOT in force"));
    let mut confirmed = with(&closed);
    let node = "metadata: {name: node-1, labels: {zone: a}";
    let said = "annotations: {portcullis.dev/host-endpoints: confirmed}";
    assert!(confirmed[0].1.contains(node));
    confirmed[0].1 = confirmed[0].1.replace(node, &format!("{node}, {said}"));
    scenario.write(&confirmed);
    reaches(false);
    std::thread::sleep(std::time::Duration::from_secs(6));
    reaches(false);
    assert_eq!(agent.get("/readyz"), "ready\n");
    agent.stop();
}

//! One tenant's policy, however large, is no other tenant's matter.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use portcullis_agent::kernel::iptables::Backend;
use portcullis_engine::net::Protocol;
use portcullis_packets::fabric::Wiring;
use portcullis_packets::probe::Probe;

use super::Test;
use super::agent::Running;
use super::basics::{everything, shop};
use super::life::open_shop;
use super::scenario::{Files, KINDS, Scenario};

pub const TESTS: &[Test] = &[
    ("a policy with more blocks than a set holds is closed, and others are in force", alone),
    ("of a namespace over its budget the largest policy is closed, and nobody else's", together),
    ("many peers and many ports are admitted as written, and nothing else", product),
];

fn flow(scenario: &Scenario, (from, to): (&str, &str), protocol: Protocol, port: u16) -> Probe {
    let (from, to) = (scenario.address(from, false), scenario.address(to, false));
    Probe { from, to, protocol, port }
}

/// A policy of pod `web` that admits all but 70,000 addresses: what is left are more than a million
/// blocks.
fn huge() -> (String, String) {
    let mut text = String::from(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: huge, namespace: shop}\n\
         spec:\n  podSelector: {matchLabels: {app: web}}\n  ingress:\n  - from:\n    - ipBlock:\n        \
         cidr: 0.0.0.0/0\n        except:\n",
    );
    for n in 0..70_000_u32 {
        let _ = writeln!(text, "        - {}.{}.{}.1/32", 11 + n / 65_536, n / 256 % 256, n % 256);
    }
    ("huge.yaml".into(), text)
}

fn alone() {
    let mut scenario = Scenario::build((Wiring::Routed, Backend::Nft), &open_shop(), &[]);
    let _answering = scenario.answering(&[80]);
    let agent = Running::start(&scenario, 0, &[]);
    let flows = [("shop/job", "shop/web"), ("shop/job", "shop/db"), ("shop/web", "shop/db")];
    let flows = flows.map(|ends| flow(&scenario, ends, Protocol::Tcp, 80));
    scenario.expect(&flows, &[true, true, true]);
    let with_huge: Files = open_shop().into_iter().chain([huge()]).collect();
    scenario.rewrite(&with_huge);
    wait(&scenario, &agent, "-d 10.0.0.1/32 -g PCL-I-");
    scenario.expect(&flows, &[false, true, true]);
    // Another tenant's denial does not wait for the large one.
    scenario.rewrite(&shop().into_iter().chain([huge()]).collect());
    wait(&scenario, &agent, "-d 10.0.0.2/32 -g PCL-I-");
    scenario.expect(&flows, &[false, false, true]);
    agent.wait("/readyz", "ready\n");
    assert!(agent.get("/metrics").contains("portcullis_policies_over_limit 1\n"));
    agent.stop();
}

/// A policy of a pod in `shop` that admits its peers and some addresses more.
fn wide(app: &str, more: u32) -> (String, String) {
    let mut text = format!(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {app}-wide, namespace: shop}}\n\
         spec:\n  podSelector: {{matchLabels: {{app: {app}}}}}\n  ingress:\n  - from:\n    - podSelector: {{}}\n"
    );
    for n in 0..more {
        let _ = writeln!(text, "    - ipBlock: {{cidr: 192.0.2.{n}/32}}");
    }
    (format!("{app}-wide.yaml"), text)
}

fn together() {
    let files: Files = open_shop().into_iter().chain([wide("web", 5)]).collect();
    let mut scenario = Scenario::build((Wiring::Routed, Backend::Nft), &files, &[]);
    let _answering = scenario.answering(&[80]);
    let agent = Running::start(&scenario, 0, &["--most-rules-per-namespace", "100"]);
    let flows = [("shop/job", "shop/web"), ("shop/job", "shop/db"), ("shop/web", "shop/db")];
    let flows = flows.map(|ends| flow(&scenario, ends, Protocol::Tcp, 80));
    scenario.expect(&flows, &[true, true, true]);
    let metric = "portcullis_policies_over_budget{budget=\"namespace\"}";
    assert!(agent.get("/metrics").contains(&format!("{metric} 0\n")));
    let with_both: Files = files.iter().cloned().chain([wide("db", 100)]).collect();
    scenario.rewrite(&with_both);
    wait(&scenario, &agent, "-d 10.0.0.2/32 -g PCL-I-");
    // What is small goes on; what is too much admits nothing.
    scenario.expect(&flows, &[true, false, false]);
    agent.wait("/readyz", "ready\n");
    assert!(agent.get("/metrics").contains(&format!("{metric} 1\n")));
    assert!(agent.get("/status").contains("is one of the largest"), "{}", agent.get("/status"));
    agent.stop();
}

fn wait(scenario: &Scenario, agent: &Running, rule: &str) {
    let start = Instant::now();
    while !everything(scenario, 0).contains(rule) {
        assert!(start.elapsed() < Duration::from_secs(60), "{}", agent.complaints());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Many ports of many peers come to be looked up in sets, but for those of SCTP.
fn product() {
    let mut policy = String::from(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: db, namespace: shop}\n\
         spec:\n  podSelector: {matchLabels: {app: db}}\n  ingress:\n  - from:\n",
    );
    for app in ["web", "far", "nobody", "none"] {
        let _ = writeln!(policy, "    - podSelector: {{matchLabels: {{app: {app}}}}}");
    }
    policy.push_str("    ports:\n");
    for (port, protocol) in (0..60).flat_map(|n| Protocol::ALL.map(|one| (80 + 2 * n, one))) {
        let _ = writeln!(policy, "    - {{port: {port}, protocol: {}}}", protocol.name());
    }
    let files: Files = open_shop().into_iter().chain([("policies.yaml".into(), policy)]).collect();
    for kind in KINDS {
        let scenario = Scenario::build(kind, &files, &[]);
        let _answering = scenario.answering(&[80, 81, 198, 200]);
        scenario.enforce();
        assert!(everything(&scenario, 0).contains("bitmap:port"));
        let probes = scenario.all_probes(&[80, 81, 198, 200]);
        let allowed = scenario.compare(&probes);
        assert!(allowed > 0 && allowed < probes.len(), "{allowed} of {}", probes.len());
    }
}

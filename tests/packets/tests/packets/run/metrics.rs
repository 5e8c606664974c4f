//! What the agent counts.

use std::fs::File;
use std::time::{Duration, Instant};

use portcullis_agent::kernel::iptables::Backend;
use portcullis_engine::net::Protocol;
use portcullis_packets::fabric::Wiring;
use portcullis_packets::probe::{Outcome, Probe};
use rustix::fs::{FlockOperation, flock};

use super::Test;
use super::agent::Running;
use super::basics::{everything, shop, without};
use super::life::open_shop;
use super::scenario::Scenario;

pub const TESTS: &[Test] = &[
    ("denied packets are counted by direction and family", denied),
    ("what policies allow and deny is counted by policy, across changes of their rules", by_policy),
    ("waits for the lock of legacy iptables are timed", lock),
];

fn lock() {
    for backend in [Backend::Nft, Backend::Legacy] {
        let mut scenario = Scenario::build((Wiring::Routed, backend), &open_shop(), &[]);
        let path = scenario.folder.with_extension("lock");
        let other = File::create(&path).unwrap();
        let environment = [("XTABLES_LOCKFILE", path.to_str().unwrap())];
        let agent = Running::start_with(&scenario, 0, &[], &environment);
        let waits = || agent.metric("portcullis_xtables_lock_wait_seconds_count");
        assert_eq!(waits(), 0.0);
        flock(&other, FlockOperation::LockExclusive).unwrap();
        scenario.rewrite(&shop());
        let is_written = || everything(&scenario, 0).contains(" -g PCL-I-");
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(is_written(), backend == Backend::Nft);
        drop(other);
        let start = Instant::now();
        while !is_written() {
            assert!(start.elapsed() < Duration::from_secs(5), "{}", agent.complaints());
        }
        agent.wait(
            "/metrics",
            &format!("lock_wait_seconds_count {}", u8::from(backend == Backend::Legacy)),
        );
        agent.stop();
        std::fs::remove_file(path).unwrap();
    }
}

/// Sends a probe that is refused, so often.
fn refuse(scenario: &Scenario, (from, to): (&str, &str), six: bool, times: usize) {
    let (from, to) = (scenario.address(from, six), scenario.address(to, six));
    let probe = Probe { from, to, protocol: Protocol::Tcp, port: 80 };
    let outcomes = scenario.send(&vec![probe; times]);
    assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Refused), "{outcomes:?}");
}

/// Waits until so many packets have been counted.
fn counted(agent: &Running, labels: &str, packets: f64) {
    counted_as(agent, &format!("portcullis_denied_packets_total{{{labels}}}"), packets);
}

fn counted_as(agent: &Running, name: &str, packets: f64) {
    let start = Instant::now();
    let now = || {
        let text = agent.get("/metrics");
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.parse().unwrap())
    };
    while now() != packets {
        let now = now();
        assert!(start.elapsed() < Duration::from_secs(8), "{name}: {now} instead of {packets}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn denied() {
    for backend in [Backend::Nft, Backend::Legacy] {
        let mut scenario = Scenario::build((Wiring::Routed, backend), &shop(), &[]);
        let _answering = scenario.answering(&[80]);
        let options = ["--check-seconds", "1", "--local-pod-cidrs", "10.0.0.0/30,fd00::/126"];
        let agent = Running::start(&scenario, 0, &options);
        let (ingress4, ingress6) =
            ("direction=\"ingress\",family=\"IPv4\"", "direction=\"ingress\",family=\"IPv6\"");
        counted(&agent, ingress4, 0.0);
        refuse(&scenario, ("shop/job", "shop/db"), false, 5);
        refuse(&scenario, ("shop/job", "shop/db"), true, 3);
        counted(&agent, ingress4, 5.0);
        counted(&agent, ingress6, 3.0);
        // What the rules of an earlier agent counted is not this one's.
        agent.stop();
        let agent = Running::start(&scenario, 0, &options);
        refuse(&scenario, ("shop/job", "shop/db"), false, 2);
        counted(&agent, ingress4, 2.0);
        // Another chain goes on where the first one ends.
        let egress = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: \
                      {name: job, namespace: shop}\nspec: {podSelector: {matchLabels: {app: job}}, \
                      policyTypes: [Egress]}\n";
        let more = [open_shop(), vec![("job.yaml".into(), egress.into())]].concat();
        scenario.rewrite(&more);
        wait_for(&scenario, (true, true));
        refuse(&scenario, ("shop/job", "shop/web"), false, 4);
        counted(&agent, "direction=\"egress\",family=\"IPv4\"", 4.0);
        scenario.rewrite(&without("web", open_shop()));
        wait_for(&scenario, (false, false));
        refuse(&scenario, ("shop/job", "shop/web"), true, 6);
        counted(&agent, "direction=\"unknown\",family=\"IPv6\"", 6.0);
        counted(&agent, ingress4, 2.0);
        assert!(!agent.get("/metrics").contains("portcullis_tool_errors_total{"));
        agent.stop();
    }
}

/// Each agent has read its rules once before something is counted: from then on it adds up.
fn by_policy() {
    for backend in [Backend::Nft, Backend::Legacy] {
        let mut scenario = Scenario::build((Wiring::Routed, backend), &shop(), &[]);
        let _answering = scenario.answering(&[80]);
        let agent =
            Running::start(&scenario, 0, &["--check-seconds", "1", "--policy-metrics", "1"]);
        let db = |policy: &str, action: &str| {
            format!(
                "portcullis_policy_packets_total{{policy=\"{policy}\",direction=\"ingress\",\
                 action=\"{action}\"}}"
            )
        };
        let probe = |scenario: &Scenario, from: &str| Probe {
            from: scenario.address(from, false),
            to: scenario.address("shop/db", false),
            protocol: Protocol::Tcp,
            port: 80,
        };
        let (web, job) = (probe(&scenario, "shop/web"), probe(&scenario, "shop/job"));
        refuse(&scenario, ("shop/job", "shop/db"), true, 3);
        scenario.expect(&[web, web, job], &[true, true, false]);
        counted_as(&agent, &db("shop/db", "allow"), 2.0);
        counted_as(&agent, &db("shop/db", "deny"), 4.0);
        // Other rules are another chain, whose counters begin from nothing.
        let more = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: more, \
                    namespace: shop}\nspec: {podSelector: {matchLabels: {app: db}}, ingress: [{from: \
                    [{podSelector: {matchLabels: {app: job}}}], ports: [{port: 80}]}]}\n";
        scenario.rewrite(&[shop(), vec![("more.yaml".into(), more.into())]].concat());
        let start = Instant::now();
        while scenario.send(&[job]) != [Outcome::Allowed] {
            assert!(start.elapsed() < Duration::from_secs(5), "{}", agent.complaints());
        }
        let far = Probe { from: scenario.address("shop/far", false), ..web };
        scenario.expect(&[web, far], &[true, false]);
        counted_as(&agent, &db("shop/db", "allow"), 3.0);
        counted_as(&agent, &db("other", "allow"), 1.0);
        counted_as(&agent, &db("other", "deny"), 1.0);
        assert!(!agent.get("/metrics").contains("policy=\"shop/more\""));
        agent.stop();
    }
}

/// Waits until packets are sent to chains of egress or not, and until `web` is known or not.
fn wait_for(scenario: &Scenario, (egress, web): (bool, bool)) {
    let start = Instant::now();
    let now = || {
        let text = everything(scenario, 0);
        (text.contains(" -g PCL-E-"), text.contains(" 10.0.0.1\n"))
    };
    while now() != (egress, web) {
        assert!(start.elapsed() < Duration::from_secs(5), "{}", everything(scenario, 0));
        std::thread::sleep(Duration::from_millis(20));
    }
}

//! Policies that are only audited: nothing is denied by them, and it is said what would be.

use std::time::{Duration, Instant};

use portcullis_agent::kernel::iptables::Backend;
use portcullis_engine::net::Protocol;
use portcullis_packets::fabric::Wiring;
use portcullis_packets::probe::Probe;

use super::Test;
use super::agent::Running;
use super::basics::shop;
use super::scenario::{Files, Scenario};

pub const TESTS: &[Test] = &[
    ("audited policies deny nothing, and it is logged what they would", audited),
    ("an agent that only audits denies nothing at all", auditing),
];

const BACKENDS: [Backend; 2] = [Backend::Nft, Backend::Legacy];

/// The shop, with its policy audited or not, and one that is enforced for the pod `web`.
fn files(mode: &str) -> Files {
    let annotated =
        format!("name: db, namespace: shop, annotations: {{portcullis.dev/mode: {mode}}}");
    let mut files = shop();
    for (_, text) in &mut files {
        *text =
            text.replace("name: db, namespace: shop}\nspec:\n", &format!("{annotated}}}\nspec:\n"));
    }
    let web = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: web, \
               namespace: shop}\nspec: {podSelector: {matchLabels: {app: web}}}\n";
    files.push(("web.yaml".into(), web.into()));
    files
}

fn probe(scenario: &Scenario, (from, to): (&str, &str), six: bool) -> Probe {
    let (from, to) = (scenario.address(from, six), scenario.address(to, six));
    Probe { from, to, protocol: Protocol::Tcp, port: 80 }
}

/// Waits until something holds, eight seconds at most.
fn wait(agent: &Running, what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        let log = agent.complaints();
        assert!(start.elapsed() < Duration::from_secs(8), "{what}: {}; {log}", agent.printed());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Lines of the flow log with these words.
fn lines(agent: &Running, words: &[&str]) -> usize {
    let printed = agent.printed();
    printed.lines().filter(|line| words.iter().all(|word| line.contains(word))).count()
}

fn audited() {
    for backend in BACKENDS {
        let mut scenario = Scenario::build((Wiring::Routed, backend), &files("audit"), &[]);
        let _answering = scenario.answering(&[80]);
        let options = ["--flow-log", "denied", "--check-seconds", "1"];
        let agent = Running::start(&scenario, 0, &options);
        agent.wait("/readyz", "audited and not enforced: shop/db");
        assert_eq!(agent.metric("portcullis_policies_audited"), 1.0);
        for six in [false, true] {
            let ends = [("shop/web", "shop/db"), ("shop/job", "shop/db"), ("shop/job", "shop/web")];
            let probes = ends.map(|ends| probe(&scenario, ends, six));
            scenario.expect(&probes, &[true, true, false]);
        }
        let said = ["\"action\":\"audit\"", "\"direction\":\"ingress\"", "\"policy\":\"shop/db\""];
        wait(&agent, "what would be denied is logged", || lines(&agent, &said) >= 2);
        let denied = ["\"action\":\"deny\"", "\"policy\":\"shop/web\""];
        wait(&agent, "what is denied is logged", || lines(&agent, &denied) >= 2);
        assert_eq!(lines(&agent, &["\"action\":\"audit\"", "shop/web[", "10.0.0.1"]), 0);
        for family in ["IPv4", "IPv6"] {
            let counts = |what: &str| {
                let labels = format!("direction=\"ingress\",family=\"{family}\"");
                agent.metric(&format!("portcullis_{what}_packets_total{{{labels}}}"))
            };
            wait(&agent, "what would be denied is counted", || counts("would_be_denied") == 1.0);
            wait(&agent, "what is denied is counted", || counts("denied") == 1.0);
        }
        // Enforced from one moment to the next, and audited again.
        for (mode, passes) in [("enforce", false), ("audit", true), ("Audit", false)] {
            scenario.rewrite(&files(mode));
            let probes = [probe(&scenario, ("shop/job", "shop/db"), false)];
            let noted = |agent: &Running| agent.get("/readyz").contains("not enforced: shop/db");
            wait(&agent, mode, || noted(&agent) == passes);
            scenario.expect(&probes, &[passes]);
        }
        agent.stop();
    }
}

fn auditing() {
    for backend in BACKENDS {
        let scenario = Scenario::build((Wiring::Routed, backend), &files("enforce"), &[]);
        let _answering = scenario.answering(&[80]);
        let blocks = ["--local-pod-cidrs", "10.0.0.0/30,fd00::/126"];
        let options = ["--flow-log", "denied", "--check-seconds", "1"];
        // It takes over from one that enforces.
        let agent = Running::start(&scenario, 0, &[&options[..], &blocks].concat());
        let probes = scenario.all_probes(&[80]);
        scenario.compare(&probes);
        agent.stop();
        let more = [&options[..], &blocks, &["--mode", "audit"]].concat();
        let agent = Running::start(&scenario, 0, &more);
        agent.wait("/readyz", "nothing is denied: --mode audit");
        scenario.expect(&probes, &vec![true; probes.len()]);
        let said = ["\"action\":\"audit\"", "\"policy\":\"shop/db\""];
        wait(&agent, "what would be denied is logged", || lines(&agent, &said) > 0);
        assert_eq!(lines(&agent, &["\"action\":\"deny\""]), 0);
        agent.stop();
    }
}

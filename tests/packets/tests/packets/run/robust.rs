//! What is in force stays so whatever becomes of tools, and of other programs' rules.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use portcullis_agent::kernel::iptables::Backend;
use portcullis_engine::net::Protocol;
use portcullis_packets::fabric::Wiring;
use portcullis_packets::probe::Probe;

use super::Test;
use super::agent::{Running, once};
use super::basics::{everything, shop};
use super::life::open_shop;
use super::reports::states;
use super::scenario::Scenario;

pub const TESTS: &[Test] = &[
    ("while a tool hangs the agent is not ready, and then repairs; it stops at once", hanging),
    ("while a change is refused the last good rules are repaired", kept),
    ("native rules of others do not keep the agent from looking after its own", foreign),
    ("a family without tables leaves the other enforced, and is enforced once it has them", alone),
    ("a second agent on a node is noticed, and the first one says nothing", second),
    ("a set that somebody else's rule asks for stays, and is no drift", in_use),
    ("after a change of the implementation the old rules judge no more", switched),
];

/// Tools that do something first while a file is there, and else are the real ones.
struct Tools {
    folder: PathBuf,
}

impl Tools {
    fn new(scenario: &Scenario, (backend, end): (Backend, &str), first: &str) -> Self {
        let folder = scenario.folder.with_extension("tools");
        fs::create_dir_all(&folder).unwrap();
        for tool in ["iptables", "ip6tables"] {
            let name = format!("{tool}-{}{end}", backend.name());
            let trouble = folder.join("trouble");
            let text = format!(
                "#!/bin/sh\nif [ -e {} ]; then {first}; fi\nexec /usr/sbin/{name} \"$@\"\n",
                trouble.display()
            );
            fs::write(folder.join(&name), text).unwrap();
            fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self { folder }
    }

    fn path(&self) -> String {
        format!("{}:{}", self.folder.display(), std::env::var("PATH").unwrap())
    }

    fn trouble(&self) -> PathBuf {
        self.folder.join("trouble")
    }
}

impl Drop for Tools {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn flows(scenario: &Scenario) -> [Probe; 2] {
    ["shop/web", "shop/job"].map(|from| Probe {
        from: scenario.address(from, false),
        to: scenario.address("shop/db", false),
        protocol: Protocol::Tcp,
        port: 80,
    })
}

fn flush(scenario: &Scenario) {
    let tool = format!("iptables-{}", scenario.backend.name());
    scenario.node(0).namespace.run(&[&tool, "-F", "FORWARD"]).unwrap();
}

/// Waits until packets of both families enter our chains again.
fn wait_for_repair(scenario: &Scenario, agent: &Running) {
    let start = Instant::now();
    while everything(scenario, 0).matches("-A FORWARD -j PCL-FORWARD").count() < 2 {
        assert!(start.elapsed() < Duration::from_secs(30), "{}", agent.complaints());
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn hanging() {
    for backend in [Backend::Nft, Backend::Legacy] {
        let scenario = Scenario::build((Wiring::Routed, backend), &shop(), &[]);
        let _answering = scenario.answering(&[80]);
        let tools = Tools::new(&scenario, (backend, "-save"), "sleep 1000");
        let more = ["--check-seconds", "1", "--tool-seconds", "4"];
        let agent = Running::start_with(&scenario, 0, &more, &[("PATH", &tools.path())]);
        fs::write(tools.trouble(), "").unwrap();
        agent.wait("/readyz", "reading the kernel's rules has not ended in time");
        flush(&scenario);
        scenario.expect(&flows(&scenario), &[true, true]);
        fs::remove_file(tools.trouble()).unwrap();
        wait_for_repair(&scenario, &agent);
        scenario.expect(&flows(&scenario), &[true, false]);
        agent.wait("/readyz", "ready\n");
        assert!(agent.metric("portcullis_audit_errors_total") >= 1.0);
        // It hangs again, this time until the agent is to end.
        fs::write(tools.trouble(), "").unwrap();
        // The slower the last full look was, the longer until the next one.
        agent.wait_long("/readyz", "reading the kernel's rules has not ended in time");
        let start = Instant::now();
        agent.stop();
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    }
}

fn kept() {
    for backend in [Backend::Nft, Backend::Legacy] {
        let mut scenario = Scenario::build((Wiring::Routed, backend), &shop(), &[]);
        let _answering = scenario.answering(&[80]);
        // What refuses one program, and takes the one before it.
        let refuses = "cat > /dev/shm/$$; if grep -q 4321 /dev/shm/$$; then \
             echo 'line 1 failed: out of order' >&2; rm /dev/shm/$$; exit 1; fi; \
             exec 0< /dev/shm/$$; rm /dev/shm/$$";
        let tools = Tools::new(&scenario, (backend, "-restore"), refuses);
        fs::write(tools.trouble(), "").unwrap();
        let more = ["--check-seconds", "1"];
        let agent = Running::start_with(&scenario, 0, &more, &[("PATH", &tools.path())]);
        let mut more_policies = shop();
        more_policies.push(("refused.yaml".to_owned(), OTHER_PORT.to_owned()));
        scenario.rewrite(&more_policies);
        agent.wait("/readyz", "a change could not be applied");
        assert_eq!(states(&agent), ["db InForce", "refused Pending"]);
        scenario.expect(&flows(&scenario), &[true, false]);
        flush(&scenario);
        wait_for_repair(&scenario, &agent);
        scenario.expect(&flows(&scenario), &[true, false]);
        agent.wait("/readyz", "a change could not be applied");
        fs::remove_file(tools.trouble()).unwrap();
        agent.wait_long("/readyz", "ready\n");
        assert_eq!(states(&agent), ["db InForce", "refused InForce"]);
        scenario.expect(&flows(&scenario), &[true, true]);
        agent.stop();
    }
}

const OTHER_PORT: &str = "\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: refused, namespace: shop}
spec: {podSelector: {}, ingress: [{ports: [{port: 4321}, {port: 80}]}], policyTypes: [Ingress]}
";

fn foreign() {
    let mut scenario = Scenario::build((Wiring::Routed, Backend::Nft), &shop(), &[]);
    let _answering = scenario.answering(&[80]);
    let more = ["--check-seconds", "1"];
    let agent = Running::start(&scenario, 0, &more);
    let rule = "add rule ip filter FORWARD meta mark set meta mark and 0xff00ffff xor 0x40000";
    let nft = || scenario.node(0).namespace.run(&["nft", rule]).unwrap();
    nft();
    let errors = agent.metric("portcullis_audit_errors_total");
    flush(&scenario);
    nft();
    let start = Instant::now();
    while agent.metric("portcullis_drift_repairs_total") < 1.0 {
        assert!(start.elapsed() < Duration::from_secs(20), "{}", agent.complaints());
        std::thread::sleep(Duration::from_millis(50));
    }
    agent.wait("/readyz", "ready\n");
    scenario.expect(&flows(&scenario), &[true, false]);
    assert_eq!(agent.metric("portcullis_audit_errors_total"), errors, "{}", agent.complaints());
    agent.stop();
    // A restart beside it, and a change.
    scenario.rewrite(&open_shop());
    let agent = Running::start(&scenario, 0, &more);
    scenario.expect(&flows(&scenario), &[true, true]);
    agent.stop();
}

/// IPv6 has no tables at first, as where the kernel is built without them.
fn alone() {
    let refusals = [
        (Backend::Nft, "line 2: TABLE_ADD failed (Operation not supported): table filter"),
        (Backend::Legacy, "can't initialize table `filter': Table does not exist"),
    ];
    for (backend, says) in refusals {
        let scenario = Scenario::build((Wiring::Routed, backend), &shop(), &[]);
        let _answering = scenario.answering(&[80]);
        let refuses = format!("case $0 in */ip6*) echo \"{says}\" >&2; exit 1;; esac");
        let refuses = refuses.replace('`', "\\`");
        let tools = Tools::new(&scenario, (backend, "-restore"), &refuses);
        fs::write(tools.trouble(), "").unwrap();
        let more = ["--check-seconds", "1"];
        let agent = Running::launch_with(&scenario, 0, &more, &[("PATH", &tools.path())]);
        agent.wait("/readyz", "IPv6 is not enforced: the kernel has no tables for it");
        let six = flows(&scenario).map(|flow| Probe {
            from: *scenario.fabric.owner(flow.from).unwrap().addresses.last().unwrap(),
            to: scenario.address("shop/db", true),
            ..flow
        });
        scenario.expect(&flows(&scenario), &[true, false]);
        scenario.expect(&six, &[true, true]);
        // It is looked at, and no drift is seen.
        std::thread::sleep(Duration::from_millis(2_500));
        assert_eq!(agent.metric("portcullis_drift_repairs_total"), 0.0, "{}", agent.complaints());
        fs::remove_file(tools.trouble()).unwrap();
        agent.wait_long("/readyz", "ready\n");
        scenario.expect(&six, &[true, false]);
        scenario.expect(&flows(&scenario), &[true, false]);
        agent.stop();
    }
}

fn second() {
    let scenario = Scenario::build((Wiring::Routed, Backend::Nft), &shop(), &[]);
    let first = Running::start(&scenario, 0, &[]);
    let more = ["--listen", "127.0.0.1:9106"];
    let other = Running::launch_with(&scenario, 0, &more, &[]);
    other.wait_for("another agent runs on this node with the prefix PCL");
    assert!(!first.get("/readyz").contains("another agent"));
    drop((first, other));
}

fn in_use() {
    let mut scenario = Scenario::build((Wiring::Routed, Backend::Nft), &shop(), &[]);
    let agent = Running::start(&scenario, 0, &["--check-seconds", "1"]);
    let run = |words: &[&str]| scenario.node(0).namespace.run(words).unwrap();
    let names = run(&["ipset", "list", "-name"]);
    // The set of who may reach `db`: it goes with the policy.
    let known = |name: &&str| name.starts_with("PCL4-") && !name.contains("local");
    let set = names.lines().find(known).unwrap().to_owned();
    let rule = ["-m", "set", "--match-set", &set, "src", "-j", "RETURN"];
    run(&[&["iptables-legacy", "-A", "FORWARD"], &rule[..]].concat());
    scenario.rewrite(&open_shop());
    let ours = |scenario: &Scenario| {
        let names = scenario.node(0).namespace.run(&["ipset", "list", "-name"]).unwrap();
        names.lines().filter(|name| name.starts_with("PCL")).map(str::to_owned).collect::<Vec<_>>()
    };
    let start = Instant::now();
    while !agent.complaints().contains("stays for now") {
        assert!(start.elapsed() < Duration::from_secs(10), "{}", agent.complaints());
        std::thread::sleep(Duration::from_millis(50));
    }
    std::thread::sleep(Duration::from_millis(2_500));
    assert!(ours(&scenario).contains(&set));
    assert_eq!(agent.metric("portcullis_drift_repairs_total"), 0.0, "{}", agent.complaints());
    let run = |words: &[&str]| scenario.node(0).namespace.run(words).unwrap();
    run(&[&["iptables-legacy", "-D", "FORWARD"], &rule[..]].concat());
    // It goes with what the next change leaves.
    scenario.rewrite(&super::basics::without("far", open_shop()));
    let start = Instant::now();
    while ours(&scenario).contains(&set) {
        assert!(start.elapsed() < Duration::from_secs(20), "{}", agent.complaints());
        std::thread::sleep(Duration::from_millis(50));
    }
    agent.stop();
}

fn switched() {
    for (old, new) in [(Backend::Nft, Backend::Legacy), (Backend::Legacy, Backend::Nft)] {
        let mut scenario = Scenario::build((Wiring::Routed, new), &shop(), &[]);
        let _answering = scenario.answering(&[80]);
        let folder: &Path = &scenario.folder;
        once(scenario.node(0), folder, old, &[]);
        scenario.expect(&flows(&scenario), &[true, false]);
        scenario.rewrite(&open_shop());
        let agent = Running::start(&scenario, 0, &["--check-seconds", "1"]);
        scenario.expect(&flows(&scenario), &[true, true]);
        // Sets of the old rules can go.
        std::thread::sleep(Duration::from_millis(2_500));
        assert_eq!(agent.metric("portcullis_drift_repairs_total"), 0.0, "{}", agent.complaints());
        agent.stop();
    }
}

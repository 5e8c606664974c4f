//! The ipset that stays: what it was told is in the kernel, it survives what goes wrong, and it
//! never survives its agent.

use std::fs;
use std::time::{Duration, Instant};

use portcullis_agent::kernel::KernelError;
use portcullis_agent::kernel::iptables::{Backend, Iptables};
use portcullis_packets::fabric::Wiring;
use portcullis_packets::namespace::Namespace;
use rustix::process::{Pid, Signal, kill_process};

use super::Test;
use super::agent::Running;
use super::basics::{shop, without};
use super::life::open_shop;
use super::scenario::Scenario;

pub const TESTS: &[Test] = &[
    ("what an ipset that stays was told is in the kernel", told),
    ("an ipset that stays ends with its agent, and without harm before it", ended),
];

fn told() {
    let namespace = Namespace::new("sets").unwrap();
    let save = || namespace.run(&["ipset", "save"]).unwrap();
    let iptables = Iptables::find(None).unwrap();
    let restore = |text: &str| namespace.enter(|| Ok(iptables.sets.restore(text))).unwrap();
    let members = (0..1000).map(|at| format!("add a 10.1.{}.{}\n", at / 250, at % 250));
    restore("create a hash:ip family inet\n").unwrap();
    restore(&members.collect::<String>()).unwrap();
    let mut times = Vec::new();
    for round in 0..200 {
        let member = format!("a 10.2.0.{round}");
        let start = Instant::now();
        restore(&format!("add {member}\n")).unwrap();
        times.push(start.elapsed());
        assert!(round % 20 != 0 || save().contains(&member), "{member} is not there");
        restore(&format!("del {member}\n")).unwrap();
        assert!(round % 20 != 0 || !save().contains(&member), "{member} is still there");
    }
    times.sort_unstable();
    println!(
        "packets: a member of 1,000 added in {:.2?} median, {:.2?} p95",
        times[100], times[190]
    );
    restore("create b hash:ip family inet maxelem 1\nadd b 10.0.0.1\n").unwrap();
    let full = restore("add a 10.3.0.1\nadd b 10.0.0.2\n").unwrap_err();
    let KernelError::Failed { stderr, line, .. } = full else { panic!("{full}") };
    assert!(stderr.contains("full"), "{stderr}");
    assert_eq!(line.as_deref(), Some("add b 10.0.0.2"));
    restore("del b 10.0.0.1\nadd b 10.0.0.2\n").unwrap();
    assert!(save().contains("add b 10.0.0.2"), "{}", save());
}

/// The ipset processes of an agent.
fn children(agent: &Running) -> Vec<Pid> {
    let parent = format!("PPid:\t{}\n", agent.id());
    let is_child = |status: &str| status.starts_with("Name:\tipset\n") && status.contains(&parent);
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let ids = processes.filter_map(|process| {
        let status = fs::read_to_string(process.path().join("status")).ok()?;
        let id = process.file_name().to_str()?.parse().ok()?;
        is_child(&status).then(|| Pid::from_raw(id).unwrap())
    });
    ids.collect()
}

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(5), "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn has(scenario: &Scenario, text: &str) -> bool {
    scenario.node(0).namespace.run(&["ipset", "save"]).unwrap().contains(text)
}

fn ended() {
    let mut scenario = Scenario::build((Wiring::Routed, Backend::Nft), &shop(), &[]);
    let agent = Running::start(&scenario, 0, &[]);
    wait_until("no ipset stays", || children(&agent).len() == 1);
    let first = children(&agent);
    scenario.rewrite(&without("web", shop()));
    wait_until("10.0.0.1 is a member", || !has(&scenario, " 10.0.0.1"));
    assert_eq!(children(&agent), first, "the same one did it");
    kill_process(first[0], Signal::KILL).unwrap();
    scenario.rewrite(&shop());
    wait_until("10.0.0.1 is no member", || has(&scenario, " 10.0.0.1"));
    scenario.rewrite(&without("web", open_shop()));
    wait_until("no other one stays", || children(&agent).len() == 1 && children(&agent) != first);
    assert_eq!(agent.metric("portcullis_apply_errors_total"), 0.0);
    let last = children(&agent)[0];
    agent.kill();
    wait_until("it is left over", || rustix::process::test_kill_process(last).is_err());
}

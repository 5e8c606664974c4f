//! Many established connections that a change no longer allows.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use portcullis_agent::kernel::iptables::Backend;
use portcullis_packets::fabric::Wiring;

use super::Test;
use super::agent::Running;
use super::basics::shop;
use super::life::open_shop;
use super::scenario::Scenario;

pub const TESTS: &[Test] = &[
    ("all of many connections that a policy denies are marked, and no other", many),
    (
        "pings, and connections that a reset has closed, are marked; those that are over do not count",
        states,
    ),
    ("connections in zones and of both families are marked", zones),
];

/// How many connections a policy denies.
const DENIED: u32 = 20_000;

/// A line of `conntrack --load-file` for an established connection to port 80 of `to`.
fn entry((from, port): (&str, u32), to: &str, more: &str) -> String {
    format!(
        "-A -p tcp -s {from} -d {to} -r {to} -q {from} --sport {port} --dport 80 --reply-port-src 80 \
         --reply-port-dst {port} -t 3600 --state ESTABLISHED -u SEEN_REPLY,ASSURED {more}\n"
    )
}

/// How many connections there are with some words of `conntrack`.
fn count(scenario: &Scenario, words: &[&str]) -> usize {
    let words = [&["conntrack", "-L"], words].concat();
    scenario.node(0).namespace.run(&words).unwrap().lines().count()
}

/// The mark by which connections are ended.
const MARKED: [&str; 2] = ["-m", "0x800000/0x800000"];

fn load(scenario: &Scenario, entries: &str) {
    scenario.node(0).namespace.feed(&["conntrack", "-R", "-"], entries).unwrap();
}

fn marked(scenario: &Scenario, agent: &Running, words: &[&str], expected: usize) {
    let start = Instant::now();
    while count(scenario, &[&MARKED, words].concat()) < expected {
        assert!(start.elapsed() < Duration::from_secs(60), "{}", agent.complaints());
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn many() {
    let mut scenario = Scenario::build((Wiring::Routed, Backend::Nft), &open_shop(), &[]);
    let mut entries = String::new();
    for client in 0..DENIED {
        let from = format!("198.18.{}.{}", client >> 8, client & 0xff);
        entries.push_str(&entry((&from, 4000), "10.0.0.2", ""));
    }
    // From the pod that the policy admits.
    let admitted = 100;
    (0..admitted)
        .for_each(|port| entries.push_str(&entry(("10.0.0.1", 4000 + port), "10.0.0.2", "")));
    let agent = Running::start(&scenario, 0, &[]);
    load(&scenario, &entries);
    scenario.rewrite(&shop());
    let start = Instant::now();
    marked(&scenario, &agent, &[], usize::try_from(DENIED).unwrap());
    println!("{DENIED} connections are marked after {:?}", start.elapsed());
    assert_eq!(count(&scenario, &[&MARKED[..], &["-s", "10.0.0.1"]].concat()), 0);
    agent.wait("/metrics", &format!("portcullis_connections_cut_total {DENIED}\n"));
    agent.stop();
}

/// A reset that somebody forged leaves a connection in the state CLOSE, though its ends talk on; so
/// it is cut, as a ping is that goes on. The metric counts what was not over.
fn states() {
    let mut scenario = Scenario::build((Wiring::Routed, Backend::Nft), &open_shop(), &[]);
    let mut entries = entry(("198.18.0.1", 4000), "10.0.0.2", "");
    for (port, state) in (4001..).zip(["CLOSE", "TIME_WAIT"]) {
        let one = entry(("198.18.0.1", port), "10.0.0.2", "");
        entries.push_str(&one.replace("ESTABLISHED", state));
    }
    entries.push_str(
        "-A -p icmp -s 198.18.0.1 -d 10.0.0.2 -r 10.0.0.2 -q 198.18.0.1 --icmp-type 8 --icmp-code 0 \
         --icmp-id 7 -t 3600 -u SEEN_REPLY\n",
    );
    let agent = Running::start(&scenario, 0, &[]);
    load(&scenario, &entries);
    scenario.rewrite(&shop());
    marked(&scenario, &agent, &[], 4);
    marked(&scenario, &agent, &["-p", "icmp"], 1);
    marked(&scenario, &agent, &["-p", "tcp", "--state", "CLOSE"], 1);
    agent.wait("/metrics", "portcullis_connections_cut_total 2\n");
    agent.stop();
}

fn zones() {
    let mut scenario = Scenario::build((Wiring::Routed, Backend::Nft), &open_shop(), &[]);
    let mut entries = String::new();
    for (client, more) in (1..).zip(["", "--zone 7", "--orig-zone 9", "--reply-zone 11"]) {
        let _ =
            write!(entries, "{}", entry((&format!("198.18.0.{client}"), 4000), "10.0.0.2", more));
        let _ = write!(entries, "{}", entry((&format!("fd99::{client}"), 4000), "fd00::2", more));
    }
    let agent = Running::start(&scenario, 0, &[]);
    load(&scenario, &entries);
    scenario.rewrite(&shop());
    marked(&scenario, &agent, &[], 4);
    marked(&scenario, &agent, &["-f", "ipv6"], 4);
    agent.stop();
}

//! Others who take everything down, while packets keep coming.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use portcullis_agent::kernel::iptables::Backend;
use portcullis_packets::fabric::Wiring;
use portcullis_packets::probe::Outcome;

use super::Test;
use super::agent::Running;
use super::basics::shop;
use super::life::two_flows;
use super::scenario::Scenario;
use super::talk::{connect, echo, talks};

pub const TESTS: &[Test] = &[
    ("a firewall that reloads opens nothing for long", reloads),
    ("a connection made while rules were gone is cut when they are back", made_meanwhile),
];

/// Longer than this nothing may be open.
const LIMIT: Duration = Duration::from_secs(5);

/// How long the denied flow passed at a stretch, how long the allowed one did not, and how many
/// rounds of packets were sent.
#[derive(Debug, Default)]
struct Seen {
    open: Duration,
    shut: Duration,
    rounds: usize,
}

/// Sends both flows again and again while something happens, and then until they are as they should
/// be.
fn watch(scenario: &Scenario, work: impl FnOnce()) -> Seen {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let prober = scope.spawn(|| probe(scenario, &done));
        std::thread::sleep(Duration::from_millis(200));
        work();
        done.store(true, Ordering::Relaxed);
        prober.join().unwrap()
    })
}

fn probe(scenario: &Scenario, done: &AtomicBool) -> Seen {
    let flows = two_flows(scenario);
    let (mut seen, start) = (Seen::default(), Instant::now());
    let mut right_at = [start; 2];
    loop {
        // What was right before all was done may not be so after it.
        let last = done.load(Ordering::Relaxed);
        let outcomes = scenario.send(&flows);
        seen.rounds += 1;
        let right = [outcomes[1] != Outcome::Allowed, outcomes[0] == Outcome::Allowed];
        for (at, longest) in [&mut seen.open, &mut seen.shut].into_iter().enumerate() {
            match right[at] {
                true => right_at[at] = Instant::now(),
                false => *longest = right_at[at].elapsed().max(*longest),
            }
        }
        if last && outcomes == [Outcome::Allowed, Outcome::Refused] {
            return seen;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "never put right: {seen:?}");
    }
}

/// Runs lines of a shell on the first node, `$T` being `iptables` and `ip6tables` in turn.
fn both(scenario: &Scenario, lines: &str) {
    for tool in ["iptables", "ip6tables"] {
        let tool = format!("{tool}-{}", scenario.backend.name());
        let text = format!("set -e\nT={tool}\n{lines}\n");
        scenario.node(0).namespace.run(&["sh", "-c", &text]).unwrap();
    }
}

/// Everything of everybody goes, and policies accept.
const FLUSH: &str = "for table in filter nat mangle raw; do $T -t $table -F; $T -t $table -X; done\n\
                     for chain in INPUT FORWARD OUTPUT; do $T -P $chain ACCEPT; done";

/// As firewalld begins: what is established passes, zones decide, the rest is refused.
const OWN: &str = "$T -N FWD_zones\n$T -A FWD_zones -i lo -j ACCEPT\n$T -A FWD_zones -j ACCEPT\n\
                   $T -I FORWARD 1 -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT\n\
                   $T -I FORWARD 2 -j FWD_zones\n$T -A FORWARD -j REJECT";

/// Rules go, and with them what keeps sets from being destroyed.
const SETS_TOO: &str =
    "$T -F; $T -X; ipset list -n | while read set; do ipset destroy $set || true; done";

fn reloads() {
    for backend in [Backend::Nft, Backend::Legacy] {
        let scenario = Scenario::build((Wiring::Bridged, backend), &shop(), &[]);
        let _answering = scenario.answering(&[80]);
        let agent = Running::start(&scenario, 0, &[]);
        let vandals = [
            ("reload", FLUSH, OWN),
            ("second reload", FLUSH, OWN),
            ("flush", FLUSH, ":"),
            ("rules and sets", SETS_TOO, ":"),
            ("members of sets", "ipset flush", ":"),
            ("sets in use", "if ipset destroy; then exit 1; fi 2>&1", ":"),
            ("nft", "nft flush ruleset", ":"),
        ];
        for (name, first, then) in vandals {
            let seen = watch(&scenario, || {
                both(&scenario, first);
                std::thread::sleep(Duration::from_millis(300));
                both(&scenario, then);
            });
            println!("packets: {} {name}: {seen:.1?}", backend.name());
            // What is missing in sets closes, and is found by an audit, which has time.
            assert!(seen.open < LIMIT, "{backend:?}, {name}: {seen:?}");
        }
        agent.wait("/readyz", "ready\n");
        assert!(agent.metric("portcullis_drift_repairs_total") >= 5.0);
        agent.stop();
    }
}

/// What came through the gap does not stay. The firewall's own rules keep connections tracked.
fn made_meanwhile() {
    for backend in [Backend::Nft, Backend::Legacy] {
        let scenario = Scenario::build((Wiring::Bridged, backend), &shop(), &[]);
        let agent = Running::start(&scenario, 0, &[]);
        let to = [false, true].map(|six| echo(&scenario, "shop/db", six));
        let mut allowed = to.map(|to| connect(&scenario, "shop/web", to));
        both(&scenario, FLUSH);
        both(&scenario, OWN);
        let mut denied = to.map(|to| connect(&scenario, "shop/job", to));
        assert!(denied.iter_mut().all(talks), "ours are there already");
        let start = Instant::now();
        for stream in &mut denied {
            while talks(stream) {
                assert!(start.elapsed() < LIMIT, "{backend:?}: it lives on");
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        println!("packets: {} cut {:.1?} after the reload", backend.name(), start.elapsed());
        assert!(allowed.iter_mut().all(talks), "{backend:?}: an allowed one was cut");
        agent.stop();
    }
}

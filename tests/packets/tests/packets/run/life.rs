//! The agent over time: starts, ends, changes of what is wanted, strangers in the tables.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use portcullis_agent::enforce::Enforcer;
use portcullis_agent::kernel::iptables::{Backend, Iptables};
use portcullis_agent::kernel::{PacketFilter as _, Removal};
use portcullis_engine::dataplane::{
    Admitted, Denial, FilterProgram, FlowLog, Input, Settings, UNKNOWN_WIRING, lower,
};
use portcullis_engine::net::Protocol;
use portcullis_oracle::{generate, write};
use portcullis_packets::fabric::Wiring;
use portcullis_packets::namespace::Namespace;
use portcullis_packets::probe::{Outcome, Probe};

use super::Test;
use super::agent::{Running, once};
use super::basics::{everything, shop};
use super::scenario::{Files, KINDS, Scenario, session};

pub const TESTS: &[Test] = &[
    ("applying twice changes nothing", twice),
    ("any state may follow any other", state_to_state),
    ("restarts and kills never let a packet through", restarts),
    ("what strangers flush or put in front is put right", strangers),
    ("changes of files come into force", changes),
    ("churn neither opens nor closes what stays", churn),
];

const BACKENDS: [Backend; 2] = [Backend::Nft, Backend::Legacy];

/// The shop without its policy.
pub fn open_shop() -> Files {
    shop().into_iter().filter(|(name, _)| name != "policies.yaml").collect()
}

fn twice() {
    for backend in BACKENDS {
        let scenario = Scenario::build((Wiring::Routed, backend), &shop(), &[]);
        scenario.enforce();
        let (first, handles) = (everything(&scenario, 0), handles(&scenario));
        scenario.enforce();
        assert_eq!(first, everything(&scenario, 0));
        // The second one adopts what is there: not one rule was written anew.
        assert_eq!(handles, self::handles(&scenario));
        if backend == Backend::Nft {
            assert!(handles.contains("jump PCL-FORWARD # handle"), "{handles}");
        }
    }
}

/// All rules of nftables with the numbers that the kernel gave them, without counts of packets.
pub fn handles(scenario: &Scenario) -> String {
    // Not the bridges' table: each agent writes it once, in one transaction.
    let family = |family| ["nft", "-a", "list", "ruleset", family];
    let list = |name| scenario.node(0).namespace.run(&family(name)).unwrap();
    let text = list("ip") + &list("ip6");
    let counts = |word: &&str| word.parse::<u64>().is_err();
    let line = |line: &str| match line.split_once(" # handle") {
        Some((rule, handle)) => {
            let rule: Vec<&str> = rule.split(' ').filter(counts).collect();
            format!("{} # handle{handle}\n", rule.join(" "))
        }
        None => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

fn program(seed: u64) -> FilterProgram {
    let session = session(&write::files(&generate::cluster(seed), seed));
    // Every third one with what the agent's defaults leave out.
    let log = FlowLog { group: 7, per_second: 10, burst: 20, admitted: true };
    let settings = match seed % 3 {
        0 => Settings {
            flow_log: Some(log),
            admitted: Admitted::Accept,
            unknown_local: vec!["10.0.0.0/24".parse().unwrap(), "fd00::/64".parse().unwrap()],
            denial: if seed.is_multiple_of(2) { Denial::Drop } else { Denial::Reject },
            ..Settings::default()
        },
        _ => Settings::default(),
    };
    lower(Input {
        model: session.model(),
        policies: session.policies(),
        node: "n1",
        settings: &settings,
        wiring: &UNKNOWN_WIRING,
    })
}

/// The kernel's state after a walk through programs is that of the last one alone, and the agent
/// finds no difference.
fn state_to_state() {
    for backend in BACKENDS {
        let (walked, fresh) = (Namespace::new("walk").unwrap(), Namespace::new("fresh").unwrap());
        let new = || Enforcer::new(Iptables::find(Some(backend)).unwrap(), "PCL");
        let mut enforcer = new();
        for seed in 0..40 {
            let program = program(seed);
            let held = walked.enter(|| {
                // Sometimes it has to find out first what is there.
                if seed % 5 == 4 {
                    enforcer.distrust();
                }
                enforcer.apply(program.clone()).unwrap();
                assert_eq!(enforcer.differences().unwrap(), Vec::<String>::new(), "seed {seed}");
                // Sometimes the next change comes before what is out of force is removed.
                if seed % 4 == 1 {
                    return Ok(None);
                }
                enforcer.sweep().unwrap();
                assert_eq!(enforcer.differences().unwrap(), Vec::<String>::new(), "seed {seed}");
                Ok(Some(enforcer.held().unwrap()))
            });
            let Some(held) = held.unwrap() else { continue };
            let alone = fresh.enter(|| {
                let iptables = Iptables::find(Some(backend)).unwrap();
                iptables.remove("PCL", Removal::RulesAndSets).unwrap();
                let mut enforcer = new();
                enforcer.apply(program).unwrap();
                assert!(!enforcer.has_to_sweep(), "there was nothing before");
                Ok(enforcer.held().unwrap())
            });
            assert_eq!(held, alone.unwrap(), "{backend:?}, seed {seed}");
        }
    }
}

/// Two flows of the shop, of which policies allow the first.
pub fn two_flows(scenario: &Scenario) -> [Probe; 2] {
    let probe = |from: &str| Probe {
        from: scenario.address(from, false),
        to: scenario.address("shop/db", false),
        protocol: Protocol::Tcp,
        port: 80,
    };
    [probe("shop/web"), probe("shop/job")]
}

/// Sends both flows again and again while something happens; how often, and what went wrong.
pub fn probing(scenario: &Scenario, work: impl FnOnce()) -> (usize, Vec<String>) {
    let done = AtomicBool::new(false);
    let flows = two_flows(scenario);
    std::thread::scope(|scope| {
        let prober = scope.spawn(|| {
            let (mut count, mut wrong) = (0, Vec::new());
            while !done.load(Ordering::Relaxed) {
                let outcomes = scenario.send(&flows);
                count += 1;
                if outcomes != [Outcome::Allowed, Outcome::Refused] {
                    wrong.push(format!("{outcomes:?} at round {count}"));
                }
            }
            (count, wrong)
        });
        // The prober ends whatever becomes of the work, or nobody would learn of it.
        let worked = catch_unwind(AssertUnwindSafe(work));
        done.store(true, Ordering::Relaxed);
        let probed = prober.join().unwrap();
        worked.unwrap_or_else(|panic| resume_unwind(panic));
        probed
    })
}

fn restarts() {
    for backend in BACKENDS {
        let scenario = Scenario::build((Wiring::Bridged, backend), &shop(), &[]);
        let _answering = scenario.answering(&[80]);
        let (node, folder) = (scenario.node(0), scenario.folder.clone());
        let mut agent = Running::start(&scenario, 0, &[]);
        let (rounds, wrong) = probing(&scenario, || {
            for round in 0..6 {
                if round % 2 == 0 {
                    agent.kill();
                } else {
                    agent.stop();
                }
                std::thread::sleep(Duration::from_millis(50));
                agent = Running::start(&scenario, 0, &[]);
            }
            once(node, &folder, backend, &[]);
        });
        assert!(wrong.is_empty(), "{backend:?}: of {rounds} rounds, {wrong:?}");
        assert!(rounds > 100, "only {rounds} rounds");
        println!("packets: {rounds} rounds through restarts on {}", backend.name());
    }
}

/// Waits until the flows are as the policies say; how long that took.
pub fn time_to_right(scenario: &Scenario) -> Duration {
    let start = Instant::now();
    let flows = two_flows(scenario);
    while scenario.send(&flows) != [Outcome::Allowed, Outcome::Refused] {
        assert!(start.elapsed() < Duration::from_secs(10), "not put right");
        std::thread::sleep(Duration::from_millis(20));
    }
    start.elapsed()
}

fn strangers() {
    for backend in BACKENDS {
        let scenario = Scenario::build((Wiring::Routed, backend), &shop(), &[]);
        let _answering = scenario.answering(&[80]);
        let agent = Running::start(&scenario, 0, &["--check-seconds", "1"]);
        let tool = format!("iptables-{}", backend.name());
        let class = class_chain(&scenario);
        let vandals: [&[&str]; 6] = [
            &["-F"],
            &["-I", "FORWARD", "1", "-j", "ACCEPT"],
            &["-F", "PCL-IG"],
            &["-F", &class],
            &["-I", &class, "1", "-j", "RETURN"],
            &["-D", "PCL-IG", "2"],
        ];
        for vandal in vandals {
            let words = [&[tool.as_str()], vandal].concat();
            scenario.node(0).namespace.run(&words).unwrap();
            let took = time_to_right(&scenario);
            println!("packets: {} healed {} in {took:.1?}", backend.name(), vandal.join(" "));
            assert!(took < Duration::from_secs(5), "{vandal:?} took {took:?}");
        }
        assert!(agent.metric("portcullis_drift_repairs_total") >= 4.0);
        // The stranger's own rule stays, behind ours.
        let rules = scenario.node(0).namespace.run(&[&tool, "-S", "FORWARD"]).unwrap();
        assert!(rules.ends_with("-A FORWARD -j PCL-FORWARD\n-A FORWARD -j ACCEPT\n"), "{rules}");
        agent.stop();
    }
}

fn class_chain(scenario: &Scenario) -> String {
    let text = everything(scenario, 0);
    let chain = text.lines().find_map(|line| line.strip_prefix(":PCL-I-"));
    format!("PCL-I-{}", chain.unwrap().split(' ').next().unwrap())
}

/// From files that were changed to packets that show it. The figures are printed, not judged.
fn changes() {
    for backend in BACKENDS {
        let mut scenario = Scenario::build((Wiring::Routed, backend), &open_shop(), &[]);
        let _answering = scenario.answering(&[80]);
        let mut times = Vec::new();
        let agent = Running::start(&scenario, 0, &[]);
        for round in 0..20 {
            let files = if round % 2 == 0 { shop() } else { open_shop() };
            let wanted = if round % 2 == 0 { Outcome::Refused } else { Outcome::Allowed };
            scenario.rewrite(&files);
            times.push(time_until(&scenario, wanted));
        }
        times.sort_unstable();
        println!(
            "packets: {}: file to packet {:.1?} median, {:.1?} at most",
            backend.name(),
            times[times.len() / 2],
            times[times.len() - 1]
        );
        agent.stop();
    }
}

fn time_until(scenario: &Scenario, wanted: Outcome) -> Duration {
    let start = Instant::now();
    let [_, denied] = two_flows(scenario);
    while scenario.send(&[denied]) != [wanted] {
        assert!(start.elapsed() < Duration::from_secs(5), "{wanted:?} never came");
    }
    start.elapsed()
}

/// Further policies and labels, under which the two flows of the shop stay what they are.
pub fn variations() -> Vec<Files> {
    let policy = |name: &str, spec: &str| {
        let head = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: ";
        (format!("{name}.yaml"), format!("{head}{{name: {name}, namespace: shop}}\nspec:\n{spec}"))
    };
    let further = policy(
        "further",
        "  podSelector: {matchLabels: {app: db}}\n  ingress: [{from: [{podSelector: \
         {matchLabels: {app: far}}}]}, {from: [{ipBlock: {cidr: 10.0.0.1/32}}]}]\n",
    );
    let egress = policy(
        "egress",
        "  podSelector: {}\n  policyTypes: [Egress]\n  egress: [{to: [{podSelector: \
         {matchLabels: {app: db}}}], ports: [{port: 80, endPort: 90}]}]\n",
    );
    let closed = policy("closed", "  podSelector: {matchLabels: {app: job}}\n");
    let with = |more: &[&(String, String)]| -> Files {
        shop().into_iter().chain(more.iter().copied().cloned()).collect()
    };
    let relabelled = |files: Files| -> Files {
        let labels = |text: String| text.replace("labels: {app: far}", "labels: {app: near}");
        files.into_iter().map(|(name, text)| (name, labels(text))).collect()
    };
    vec![
        with(&[]),
        with(&[&further]),
        with(&[&further, &egress]),
        relabelled(with(&[&egress, &closed])),
        relabelled(with(&[&closed])),
        with(&[&egress]),
    ]
}

fn churn() {
    for kind in KINDS {
        let scenario = Scenario::build(kind, &shop(), &[]);
        let _answering = scenario.answering(&[80]);
        let agent = Running::start(&scenario, 0, &[]);
        let all = variations();
        let (rounds, wrong) = probing(&scenario, || {
            for round in 0..36 {
                // Each follows each other one, some before what the last one left is removed.
                scenario.write(&all[(round * 7 + round / 6) % all.len()]);
                std::thread::sleep(Duration::from_millis([10, 40, 150][round % 3]));
            }
        });
        assert!(wrong.is_empty(), "{kind:?}: of {rounds} rounds, {wrong:?}");
        scenario.write(&all[0]);
        time_to_right(&scenario);
        println!("packets: {kind:?}: {rounds} rounds through 36 changes");
        assert!(agent.metric("portcullis_applies_total") >= 12.0);
        agent.stop();
    }
}

//! What a change costs a node: its program made, checked and compared with the one in force; with
//! NetworkPolicies alone, and with policies for all namespaces before and after them.
//!
//!   cargo run --release -p portcullis-bench --example dataplane [CLUSTER_POLICIES...]
//!
//! With numbers, only of these many policies for all namespaces, at the smallest size.
#![allow(clippy::print_stdout, reason = "it prints figures")]

use std::time::{Duration, Instant};

use portcullis_bench::{Format, Size, cluster, edited};
use portcullis_engine::dataplane::{
    Input, KernelState, Lowering, Settings, UNKNOWN_WIRING, Verifier, lower, plan, verify,
};
use portcullis_engine::net::Family;
use portcullis_engine::{Change, Options, Session, SourceFile};

const RUNS: usize = 21;

fn main() {
    println!(
        "pods  policies     | rules members | lower   verify  plan    | again   again (ms, medians of {RUNS})"
    );
    let asked: Vec<usize> = std::env::args().filter_map(|number| number.parse().ok()).collect();
    if !asked.is_empty() {
        return asked.into_iter().for_each(|number| with(Size::of(1_100, 1_000), number));
    }
    for (pods, policies) in [(1_100, 1_000), (1_100, 5_000), (20_000, 5_000)] {
        [0, FEW, 200].into_iter().for_each(|number| with(Size::of(pods, policies), number));
    }
}

/// Policies for all namespaces, if they are few.
const FEW: usize = 6;

fn with(size: Size, cluster_policies: usize) {
    match cluster_policies {
        FEW => measure(size, &few_policies()),
        number => measure(size.with(number), ""),
    }
}

/// Policies for all namespaces as administrators write them: what monitoring and DNS need, what is
/// never allowed, what is left to namespaces, and a default.
fn few_policies() -> String {
    let admin = (0..5).map(|number| {
        format!(
            "apiVersion: policy.networking.k8s.io/v1beta1
kind: ClusterNetworkPolicy
metadata: {{name: admin-{number}}}
spec:
  tier: Admin
  priority: {number}
  subject: {{namespaces: {{}}}}
  ingress:
  - {{action: Accept, from: [{{namespaces: {{matchLabels: {{team: team{number}}}}}}}],
      protocols: [{{tcp: {{destinationPort: {{number: 9100}}}}}}]}}
  - {{action: Pass, from: [{{namespaces: {{matchLabels: {{team: team1{number}}}}}}}]}}
  - {{action: Deny, from: [{{namespaces: {{matchLabels: {{team: team{number}}}}}}}]}}
  egress:
  - {{action: Accept, to: [{{namespaces: {{matchLabels: {{team: team{number}}}}}}}],
      protocols: [{{udp: {{destinationPort: {{number: 53}}}}}}]}}
  - {{action: Deny, to: [{{networks: [169.254.{number}.0/24]}}]}}
---
"
        )
    });
    let baseline = "apiVersion: policy.networking.k8s.io/v1beta1
kind: ClusterNetworkPolicy
metadata: {name: baseline}
spec:
  tier: Baseline
  priority: 0
  subject: {namespaces: {}}
  ingress:
  - {action: Deny, from: [{namespaces: {}}]}
";
    admin.chain([baseline.to_owned()]).collect()
}

/// A tenth of the pods are on the node, but not more than 110.
fn texts(size: Size) -> (String, String) {
    let (workloads, _) = cluster(size, Format::Json);
    // One document each, so that only the one that is edited is read again.
    let (_, policies) = cluster(size, Format::Yaml);
    let nodes = size.pods / 110;
    let line = |line: &str| match line.split_once("\"nodeName\": \"node") {
        Some((head, number)) => {
            let number = number.trim_end_matches(['"', ',']).parse().unwrap_or(0);
            format!("{head}\"nodeName\": \"node{}\",\n", number % nodes.min(500))
        }
        None => format!("{line}\n"),
    };
    // The last field of its object has no comma.
    let text: String = workloads.lines().map(line).collect();
    (text.replace(",\n      }", "\n      }").replace(",\n        }", "\n        }"), policies)
}

fn session(workloads: &str, policies: &str, cluster_policies: &str) -> Session {
    let file = |name: &str, text: &str| Change::Put(SourceFile::new(name, text.as_bytes()));
    Session::new(Options::default()).apply(vec![
        file("policies.yaml", policies),
        file("workloads.json", workloads),
        file("cluster-policies.yaml", cluster_policies),
    ])
}

fn measure(size: Size, cluster_policies: &str) {
    let (workloads, policies) = texts(size);
    let before = session(&workloads, &policies, cluster_policies);
    let after = before.apply(vec![before.reread("policies.yaml", edited(&policies).as_bytes())]);
    // As on a kernel that walks each chain once.
    let settings = Settings { walked: usize::MAX, ..Settings::default() };
    let input = |session| -> Input<'_> {
        let session: &Session = session;
        Input {
            model: session.model(),
            policies: session.policies(),
            node: "node1",
            settings: &settings,
            wiring: &UNKNOWN_WIRING,
        }
    };
    let old = lower(input(&before));
    let state = KernelState::of(&old);
    let (made, new) = median(|| lower(input(&after)));
    let (checked, verified) = median(|| verify(&new, input(&after)));
    let (planned, _) = median(|| plan(&state, &new));
    // One policy to and fro.
    let (mut lowering, mut verifier) = (Lowering::default(), Verifier::default());
    let (mut made_again, mut checked_again) = (Vec::new(), Vec::new());
    for run in 0..RUNS * 2 {
        let input = input(if run % 2 == 0 { &before } else { &after });
        let start = Instant::now();
        let program = lowering.lower(input);
        made_again.push(start.elapsed());
        let start = Instant::now();
        let _ = verifier.verify(&program, input);
        checked_again.push(start.elapsed());
    }
    let (made_again, checked_again) = (middle(made_again), middle(checked_again));
    let v4 = &new.families[Family::IPv4];
    println!(
        "{:6} {:6} {:3} | {:5} {:6} | {made:7.3} {checked:7.3} {planned:7.3} | {made_again:7.3} {checked_again:7.3}   {}",
        size.pods,
        size.policies,
        if cluster_policies.is_empty() { size.cluster_policies } else { FEW },
        v4.rule_count(),
        v4.member_count(),
        verified.map_or_else(|wrong| format!("{wrong:?}"), |right| format!("{right:?}")),
    );
}

/// The median time of some runs, in milliseconds, and what the last one gave.
fn median<T>(run: impl Fn() -> T) -> (f64, T) {
    let mut times: Vec<Duration> = Vec::new();
    let mut result = run();
    for _ in 0..RUNS {
        let start = Instant::now();
        result = run();
        times.push(start.elapsed());
    }
    (middle(times), result)
}

fn middle(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times.get(times.len() / 2).map_or(0.0, |time| time.as_secs_f64() * 1e3)
}

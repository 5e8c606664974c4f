//! What one policy with many peers and many ports costs the node of a pod that it selects.
//!
//!   cargo run --release -p portcullis-bench --example product [-- <peers> ...]
#![allow(clippy::print_stdout, reason = "it prints figures")]

use std::fmt::Write as _;
use std::time::Instant;

use portcullis_engine::dataplane::{Input, Settings, UNKNOWN_WIRING, lower, verify};
use portcullis_engine::net::Family;
use portcullis_engine::{Change, Options, Session, SourceFile};

const SIZES: [usize; 3] = [300, 1_000, 3_000];

fn main() {
    println!("peers and ports |  rules members | lower  verify (ms)");
    let given: Vec<usize> = std::env::args().skip(1).filter_map(|one| one.parse().ok()).collect();
    let sizes = if given.is_empty() { &SIZES[..] } else { &given };
    sizes.iter().for_each(|size| measure(*size));
}

fn measure(size: usize) {
    let file = SourceFile::new("all.yaml", cluster(size).as_bytes());
    let session = Session::new(Options::default()).apply(vec![Change::Put(file)]);
    let settings = Settings::default();
    let (model, policies) = (session.model(), session.policies());
    let input = Input { model, policies, node: "n1", settings: &settings, wiring: &UNKNOWN_WIRING };
    let start = Instant::now();
    let program = lower(input);
    let lowered = start.elapsed();
    let start = Instant::now();
    let verified = verify(&program, input).is_ok();
    let proved = start.elapsed();
    let v4 = &program.families[Family::IPv4];
    println!(
        "{size:15} | {:6} {:7} | {:6.1} {:7.1} {}",
        v4.rule_count(),
        v4.member_count(),
        lowered.as_secs_f64() * 1e3,
        proved.as_secs_f64() * 1e3,
        if verified { "right" } else { "WRONG" },
    );
}

/// A pod, a neighbour, and a policy whose only rule names so many peers and so many ports, of which
/// no two are adjacent.
fn cluster(size: usize) -> String {
    let mut text = String::from(
        "{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: x, labels: {app: a}},
 spec: {nodeName: n1}, status: {phase: Running, podIP: 10.0.0.1}}
---
{apiVersion: v1, kind: Pod, metadata: {name: b, namespace: x, labels: {peer: p7}},
 spec: {nodeName: n2}, status: {phase: Running, podIP: 10.0.1.1}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: x}
spec:
  podSelector: {matchLabels: {app: a}}
  ingress:
  - from:
",
    );
    for peer in 0..size {
        let _ = writeln!(text, "    - {{podSelector: {{matchLabels: {{peer: p{peer}}}}}}}");
    }
    text.push_str("    ports:\n");
    for port in 0..size {
        let _ = writeln!(text, "    - {{port: {}}}", 1 + port * 2);
    }
    text
}

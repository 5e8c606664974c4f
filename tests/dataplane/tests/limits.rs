//! A policy that asks for too much is closed, and only that one.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use std::net::IpAddr;

use portcullis_dataplane_tests::site::load;
use portcullis_dataplane_tests::written::{self, input, proven};
use portcullis_dataplane_tests::{Packet, Protocol, Verdict};
use portcullis_engine::Session;
use portcullis_engine::dataplane::{FilterProgram, Limits, Members, Note, Settings, verify};
use portcullis_engine::manifest::Mode;
use portcullis_engine::net::Family;

const CLUSTER: &str = "
{apiVersion: v1, kind: Namespace, metadata: {name: x}}
---
{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: x, labels: {app: a}},
 spec: {nodeName: n1}, status: {phase: Running, podIP: 10.0.0.1}}
---
{apiVersion: v1, kind: Pod, metadata: {name: b, namespace: x, labels: {app: b}},
 spec: {nodeName: n1}, status: {phase: Running, podIP: 10.0.0.2}}
---
{apiVersion: v1, kind: Pod, metadata: {name: c, namespace: x, labels: {app: c}},
 spec: {nodeName: n2}, status: {phase: Running, podIP: 10.0.1.3}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: small, namespace: x}
spec:
  podSelector: {matchLabels: {app: b}}
  ingress: [{from: [{podSelector: {matchLabels: {app: c}}}], ports: [{port: 80}]}]
";

fn session(policy: &str) -> Session {
    written::session(&format!("{CLUSTER}---\n{policy}"))
}

/// A policy of pod `a` with rules of this direction.
fn network_policy(rules: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: big, namespace: x}}
spec: {{podSelector: {{matchLabels: {{app: a}}}}, ingress: {rules}}}
"
    )
}

fn cluster_policy(action: &str) -> String {
    let ports =
        (0..30).map(|n| format!("{{sctp: {{destinationPort: {{number: {}}}}}}}", 1 + n * 2));
    let ports: Vec<String> = ports.collect();
    let rules = ports.chunks(20).map(|ports| {
        let ports = ports.join(", ");
        format!("  - {{action: {action}, from: [{{namespaces: {{}}}}], protocols: [{ports}]}}\n")
    });
    let rules: String = rules.collect();
    format!(
        "apiVersion: policy.networking.k8s.io/v1beta1
kind: ClusterNetworkPolicy
metadata: {{name: big}}
spec:
  tier: Admin
  priority: 1
  subject: {{pods: {{namespaceSelector: {{}}, podSelector: {{matchLabels: {{app: a}}}}}}}}
  ingress:
{rules}"
    )
}

fn settings(rules: usize, members: usize) -> Settings {
    Settings { limits: Limits { rules, members }, ..Settings::default() }
}

fn passes(program: &FilterProgram, to: &str, port: u16) -> bool {
    let address = |text: &str| text.parse::<IpAddr>().unwrap();
    let packet = Packet::new(address("10.0.1.3"), address(to), (Protocol::Tcp, port));
    load(program).unwrap().judge("FORWARD", &packet) == Verdict::Passes
}

fn is_over(program: &FilterProgram) -> bool {
    program.notes.iter().any(|note| matches!(note, Note::OverLimits(_)))
}

/// What is not the big policy's is as ever.
fn others_are_enforced(program: &FilterProgram) {
    assert!(passes(program, "10.0.0.2", 80) && !passes(program, "10.0.0.2", 81));
}

#[test]
fn a_policy_with_too_many_rules_isolates_and_admits_nothing() {
    let rules =
        "[{from: [{podSelector: {}}, {ipBlock: {cidr: 0.0.0.0/0}}]}, {ports: [{port: 80}]}]";
    let session = session(&network_policy(rules));
    let open = proven(&session, &settings(3, 10));
    assert!(passes(&open, "10.0.0.1", 80) && !is_over(&open));
    let closed = proven(&session, &settings(2, 10));
    assert!(!passes(&closed, "10.0.0.1", 80) && is_over(&closed));
    others_are_enforced(&open);
    others_are_enforced(&closed);
    // The check knows the limits by itself.
    assert!(verify(&open, input(&session, &settings(2, 10))).is_err());
    assert!(verify(&closed, input(&session, &settings(3, 10))).is_err());
}

/// Few peers with some lines of ports have a set for these, with a member for each.
#[test]
fn ports_in_sets_are_members_however_few_the_peers() {
    let ports =
        (0..10).map(|n| format!("{{port: {}, endPort: {}}}", 1_000 * n + 1, 1_000 * n + 900));
    let ports: Vec<String> = ports.collect();
    let rules = format!(
        "[{{from: [{{podSelector: {{}}}}, {{ipBlock: {{cidr: 10.0.0.0/8}}}}, {{ipBlock: {{cidr: 192.0.2.0/24}}}}], ports: [{}]}}]",
        ports.join(", ")
    );
    let session = session(&network_policy(&rules));
    let open = proven(&session, &settings(100, 9_010));
    assert!(!is_over(&open) && passes(&open, "10.0.0.1", 80));
    let written = open.families.values().flat_map(|one| one.sets.values()).filter_map(|set| {
        match &set.members {
            Members::Numbers(ports) => Some(ports.iter().count()),
            _ => None,
        }
    });
    assert_eq!(written.max(), Some(9_000));
    let closed = proven(&session, &settings(100, 9_001));
    assert!(is_over(&closed) && !passes(&closed, "10.0.0.1", 80));
}

/// Each list of names that a rule of egress has is a set of those who call their ports so.
#[test]
fn names_of_ports_of_egress_are_limited() {
    let rules = (0..5).map(|n| format!("{{ports: [{{port: http}}, {{port: x{n}}}]}}"));
    let rules: Vec<String> = rules.collect();
    let policy = network_policy("[]")
        .replace("ingress: []", "PLACE")
        .replace("PLACE", &format!("policyTypes: [Egress], egress: [{}]", rules.join(", ")));
    let session = session(&policy);
    assert!(!is_over(&proven(&session, &settings(100, 5 * 1024))));
    assert!(is_over(&proven(&session, &settings(100, 5 * 1024 - 1))));
}

/// It closes nothing, so there is nothing to complain of.
#[test]
fn an_audited_policy_with_too_many_rules_is_not_noted() {
    let rules = "[{from: [{podSelector: {}}]}, {ports: [{port: 80}]}]";
    let audited = "name: big, annotations: {portcullis.dev/mode: audit},";
    let policy = network_policy(rules);
    for (policy, mode, noted) in [
        (policy.clone(), Mode::Enforce, true),
        (policy.replace("name: big,", audited), Mode::Enforce, false),
        (policy, Mode::Audit, false),
    ] {
        let settings = Settings { mode, ..settings(1, 10) };
        let program = proven(&session(&policy), &settings);
        assert_eq!(is_over(&program), noted, "{policy}");
        assert_eq!(passes(&program, "10.0.0.1", 80), !noted, "{policy}");
    }
}

#[test]
fn blocks_and_ports_are_counted_as_members_of_sets() {
    let blocks = "[{from: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.9.9.9/32]}}]}]";
    let session = session(&network_policy(blocks));
    assert!(is_over(&proven(&session, &settings(10, 31))));
    let open = proven(&session, &settings(10, 32));
    assert_eq!(
        open.families[Family::IPv4].sets.values().map(|set| set.members.len()).max(),
        Some(32)
    );
    assert!(passes(&open, "10.0.0.1", 80));
}

#[test]
fn many_ports_are_members_and_no_rules() {
    let ports = (0..300).map(|n| format!("{{port: {}}}", 1 + n * 2));
    let ports: Vec<String> = ports.collect();
    let session = session(&network_policy(&format!("[{{ports: [{}]}}]", ports.join(", "))));
    assert!(is_over(&proven(&session, &settings(16, 299))));
    let open = proven(&session, &settings(16, 300));
    assert!(!is_over(&open) && passes(&open, "10.0.0.1", 599) && !passes(&open, "10.0.0.1", 600));
}

#[test]
fn a_cluster_policy_with_too_many_rules_accepts_nothing_and_denies_all_that_it_may() {
    for (action, stays_open) in [("Accept", true), ("Deny", false), ("Pass", false)] {
        let session = session(&cluster_policy(action));
        let right = proven(&session, &settings(10, 10));
        assert!(!is_over(&right) && passes(&right, "10.0.0.1", 80), "{action}");
        let over = proven(&session, &settings(2, 10));
        assert!(is_over(&over), "{action}");
        assert_eq!(passes(&over, "10.0.0.1", 80), stays_open, "{action}");
        others_are_enforced(&over);
    }
}

/// A policy that needs more than a million blocks is closed by what an operator gets who sets
/// nothing, and one with all exceptions of a large network is not.
#[test]
fn nobody_meets_the_limits_by_honest_means() {
    let blocks = |count: u32| {
        let excepts =
            (0..count).map(|n| format!("{}.{}.{}.1/32", 11 + n / 65_536, n / 256 % 256, n % 256));
        let excepts: Vec<String> = excepts.collect();
        let excepts = excepts.join(", ");
        network_policy(&format!(
            "[{{from: [{{ipBlock: {{cidr: 0.0.0.0/0, except: [{excepts}]}}}}]}}]"
        ))
    };
    assert!(is_over(&proven(&session(&blocks(70_000)), &Settings::default())));
    assert!(!is_over(&proven(&session(&blocks(5_000)), &Settings::default())));
}

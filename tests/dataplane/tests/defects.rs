//! Mistakes that other programs make, each with a cluster that would show it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use std::net::{IpAddr, Ipv4Addr};

use portcullis_dataplane_tests::site::{load, program, session};
use portcullis_dataplane_tests::{Kernel, Packet, Protocol, Verdict};
use portcullis_engine::Session;
use portcullis_engine::dataplane::{Input, Members, Note, Settings, UNKNOWN_WIRING, lower, verify};
use portcullis_engine::manifest::Mode;
use portcullis_engine::net::Family;

const PODS: &str = "
{apiVersion: v1, kind: Namespace, metadata: {name: other}}
---
{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: shop, labels: {app: a}},
 spec: {nodeName: n1, containers: [{name: c, ports: [{name: web, containerPort: 80}]}]},
 status: {phase: Running, podIPs: [{ip: 10.0.0.1}, {ip: 'fd00::1'}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: c, namespace: shop, labels: {app: c}},
 spec: {nodeName: n1, containers: [{name: c, ports: [{name: web, containerPort: 8080}]}]},
 status: {phase: Running, podIPs: [{ip: 10.0.0.3}, {ip: 'fd00::3'}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: far, namespace: other, labels: {app: far}},
 spec: {nodeName: n2, containers: [{name: c, ports: [{name: web, containerPort: 9090}]}]},
 status: {phase: Running, podIP: 10.0.1.9}}
---
";

/// The pods with a policy of this specification.
fn with_policy(spec: &str) -> Session {
    let policy = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n\
                  metadata: {name: p, namespace: shop}\nspec: ";
    session(&format!("{PODS}{policy}{spec}"))
}

fn kernel(spec: &str, settings: &Settings) -> Kernel {
    load(&program(&with_policy(spec), "n1", settings)).unwrap()
}

fn passes(kernel: &Kernel, from: &str, to: &str, port: u16) -> bool {
    let address = |text: &str| text.parse::<IpAddr>().unwrap();
    let packet = Packet::new(address(from), address(to), (Protocol::Tcp, port));
    kernel.judge("FORWARD", &packet) == Verdict::Passes
}

/// One chain for both directions lets an ingress rule satisfy the egress policy.
#[test]
fn an_ingress_rule_does_not_let_anything_out() {
    let spec = "{podSelector: {}, policyTypes: [Ingress, Egress],
                 ingress: [{from: [{podSelector: {}}]}]}";
    let kernel = kernel(spec, &Settings::default());
    assert!(!passes(&kernel, "10.0.0.1", "10.0.0.3", 80));
    assert!(!passes(&kernel, "fd00::1", "fd00::3", 80));
    assert!(!passes(&kernel, "10.0.0.1", "203.0.113.9", 80));
}

/// One set for all blocks of a rule, with exceptions as members that do not match, takes an
/// exception of one block from the others.
#[test]
fn an_exception_takes_from_its_own_block_alone() {
    let block = |cidr: &str, except: &str| format!("{{ipBlock: {{cidr: {cidr}{except}}}}}");
    let with = block("10.0.0.0/8", ", except: [10.9.0.0/16]");
    for other in ["10.8.0.0/15", "10.0.0.0/8", "10.9.0.0/16"] {
        for peers in [[&with, &block(other, "")], [&block(other, ""), &with]] {
            let [one, two] = peers;
            let spec = format!("{{podSelector: {{}}, ingress: [{{from: [{one}, {two}]}}]}}");
            let kernel = kernel(&spec, &Settings::default());
            assert!(passes(&kernel, "10.9.0.5", "10.0.0.1", 80), "{spec}");
            assert!(passes(&kernel, "10.7.0.5", "10.0.0.1", 80), "{spec}");
            assert!(!passes(&kernel, "11.0.0.1", "10.0.0.1", 80), "{spec}");
        }
    }
    let alone = format!("{{podSelector: {{}}, ingress: [{{from: [{with}]}}]}}");
    let kernel = kernel(&alone, &Settings::default());
    assert!(!passes(&kernel, "10.9.0.5", "10.0.0.1", 80));
}

/// A port name for egress without peers means those of all namespaces, and only pods that call a
/// port so.
#[test]
fn a_port_name_for_egress_is_asked_of_each_pod_of_the_cluster() {
    let spec = "{podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: web}]}]}";
    let kernel = kernel(spec, &Settings::default());
    assert!(passes(&kernel, "10.0.0.1", "10.0.0.3", 8080));
    assert!(passes(&kernel, "10.0.0.1", "10.0.1.9", 9090), "a pod of another namespace");
    assert!(!passes(&kernel, "10.0.0.1", "10.0.1.9", 80));
    assert!(!passes(&kernel, "10.0.0.1", "10.0.0.3", 80));
    for port in [80, 8080, 9090] {
        assert!(!passes(&kernel, "10.0.0.1", "203.0.113.9", port), "no pod, no name");
    }
}

/// `::/0` split in two misses what is in neither part.
#[test]
fn all_of_ipv6_is_all_of_it() {
    let spec = "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: '::/0'}}]}]}";
    let all = kernel(spec, &Settings::default());
    let strangers =
        ["fe80::1", "64:ff9b::1", "fc00::1", "::1:2:3", "2001:db8::1", "ff02::1", "::ffff:1.2.3.4"];
    for from in strangers {
        assert!(passes(&all, from, "fd00::1", 80), "{from}");
    }
    assert!(!passes(&all, "203.0.113.9", "10.0.0.1", 80), "the families never mix");
    // What is left of everything has parts that read like IPv4 when they are written.
    let spec = "{podSelector: {}, ingress: [{from:
                 [{ipBlock: {cidr: '::/0', except: ['::fffe:0:0/96']}}]}]}";
    let but_one = kernel(spec, &Settings::default());
    for from in strangers {
        assert!(passes(&but_one, from, "fd00::1", 80), "{from}");
    }
    assert!(!passes(&but_one, "::fffe:1:2", "fd00::1", 80));
}

/// An address of the node's pods that no known pod has is cut off, whatever policies there are.
#[test]
fn an_address_that_no_known_pod_has_is_cut_off() {
    let unknown_local = vec!["10.0.0.0/24".parse().unwrap(), "fd00::/64".parse().unwrap()];
    let settings = Settings { unknown_local, ..Settings::default() };
    let kernel = kernel("{podSelector: {}, ingress: [{}]}", &settings);
    assert!(passes(&kernel, "10.0.0.1", "10.0.0.3", 80));
    for (from, to) in
        [("10.0.0.77", "10.0.0.1"), ("10.0.0.1", "10.0.0.77"), ("fd00::77", "fd00::1")]
    {
        assert!(!passes(&kernel, from, to, 80), "{from} -> {to}");
    }
    assert!(passes(&kernel, "203.0.113.9", "10.0.0.1", 80));
}

/// The kernel's sets cannot hold everything, and everything needs no set.
#[test]
fn no_set_holds_everything() {
    let spec = "{podSelector: {}, policyTypes: [Ingress, Egress],
                 ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}],
                 egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.3/32]}}]}]}";
    let program = program(&with_policy(spec), "n1", &Settings::default());
    let sets = &program.families[Family::IPv4].sets;
    let blocks = sets.values().filter(|set| matches!(set.members, Members::Blocks(_)));
    assert_eq!(blocks.count(), 1, "one for what has an exception, none for everything");
    let kernel = load(&program).unwrap();
    assert!(passes(&kernel, "10.0.0.1", "203.0.113.9", 80));
    assert!(!passes(&kernel, "10.0.0.1", "10.0.0.3", 80));
    assert!(!passes(&kernel, "fd00::9", "fd00::1", 80), "the families never mix");
}

/// nftables takes no more than 16 chains one after the other: with two trees of addresses, wherever
/// pods have theirs, and a denial at the end, which an audit has counted by one more.
#[test]
fn chains_do_not_lead_on_too_often() {
    let dense = |pod: u32| 0x0a00_0001 + pod;
    let spread = |pod: u32| 0x0a00_0000 | (pod.wrapping_mul(0x9e37_79b1) >> 8);
    // Each has one bit more in common with the last.
    let lopsided = |pod: u32| 0x4000_0000 | (1 << pod);
    let ways: [(&dyn Fn(u32) -> u32, u32); 3] = [(&dense, 500), (&spread, 500), (&lopsided, 30)];
    for (address, pods) in ways {
        let mut text = String::from(CLUSTER_POLICIES);
        for pod in 0..pods {
            let ip = Ipv4Addr::from(address(pod));
            text += &format!(
                "---\n{{apiVersion: v1, kind: Pod, metadata: {{name: p{pod}, namespace: x}}, \
                 spec: {{nodeName: n1}}, status: {{phase: Running, podIP: {ip}}}}}\n"
            );
        }
        let session = session(&text);
        let (model, policies) = (session.model(), session.policies());
        for mode in [Mode::Enforce, Mode::Audit] {
            let settings = &Settings { mode, ..Settings::default() };
            let input = Input { model, policies, node: "n1", settings, wiring: &UNKNOWN_WIRING };
            let program = lower(input);
            load(&program).unwrap();
            verify(&program, input).unwrap();
        }
    }
}

/// Only policies of one priority that do not do the same are noted, and none as its own rival.
#[test]
fn a_policy_does_not_rival_itself() {
    let policy = |name: &str, priority: u32| {
        format!(
            "---\n{{apiVersion: policy.networking.k8s.io/v1beta1, kind: ClusterNetworkPolicy,\n \
             metadata: {{name: {name}}}, spec: {{tier: Admin, priority: {priority}, subject: {{namespaces: {{}}}},\n \
             ingress: [{{action: Accept, from: [{{namespaces: {{matchLabels: {{a: b}}}}}}]}}, \
             {{action: Deny, from: [{{namespaces: {{}}}}]}}]}}}}\n"
        )
    };
    let notes = |second: u32| {
        let session = session(&format!("{PODS}{}{}", policy("one", 1), policy("two", second)));
        let mut notes = program(&session, "n1", &Settings::default()).notes;
        notes.retain(|note| matches!(note, Note::Tie(..)));
        notes
    };
    assert_eq!(notes(2), []);
    let rivals = notes(1);
    assert_eq!(rivals.len(), 2, "{rivals:?}");
    assert!(rivals.iter().all(|note| matches!(note, Note::Tie(one, other) if one != other)));
}

const CLUSTER_POLICIES: &str = "
apiVersion: policy.networking.k8s.io/v1beta1
kind: ClusterNetworkPolicy
metadata: {name: admin}
spec:
  tier: Admin
  priority: 1
  subject: {namespaces: {}}
  ingress: [{action: Pass, from: [{namespaces: {}}]}]
---
apiVersion: policy.networking.k8s.io/v1beta1
kind: ClusterNetworkPolicy
metadata: {name: baseline}
spec:
  tier: Baseline
  priority: 1
  subject: {namespaces: {}}
  ingress: [{action: Deny, from: [{namespaces: {}}]}]
";

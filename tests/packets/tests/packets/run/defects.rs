//! Mistakes that agents have been seen to make, each with what is right written by hand.

use std::net::IpAddr;

use portcullis_engine::net::Protocol;
use portcullis_packets::probe::Probe;

use super::Test;
use super::life::open_shop;
use super::scenario::{Files, KINDS, Scenario};

pub const TESTS: &[Test] = &[
    ("an ingress rule does not satisfy an egress check", egress_bypass),
    ("the exception of one peer takes nothing from another", exceptions),
    ("a port name in an egress rule is each destination's own", port_names),
    ("the whole of IPv6 is the whole of IPv6", whole_family),
];

/// The shop with a policy of these lines under `spec`.
pub fn with_policy(spec: &str) -> Files {
    let head = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n\
                metadata: {name: p, namespace: shop}\nspec:\n";
    let policy = format!("{head}{spec}");
    open_shop().into_iter().chain([("policies.yaml".to_owned(), policy)]).collect()
}

/// Flows as `FROM TO PORT`, whether each is allowed; by all protocols, however wired and enforced.
fn check(files: &Files, outside: &[&str], flows: &[(&str, bool)]) {
    let outside: Vec<IpAddr> = outside.iter().map(|text| text.parse().unwrap()).collect();
    for kind in KINDS {
        let scenario = Scenario::build(kind, files, &outside);
        let (mut probes, mut expected) = (Vec::new(), Vec::new());
        for (flow, allowed) in flows {
            let words: Vec<&str> = flow.split(' ').collect();
            let to = words[1].parse::<IpAddr>();
            let six = words[..2].iter().any(|word| word.contains(':'));
            let end = |word: &str| word.parse().unwrap_or_else(|_| scenario.address(word, six));
            let (from, to) = (end(words[0]), to.unwrap_or_else(|_| end(words[1])));
            for protocol in Protocol::ALL {
                probes.push(Probe { from, to, protocol, port: words[2].parse().unwrap() });
                expected.push(*allowed);
            }
        }
        let ports: std::collections::BTreeSet<u16> = probes.iter().map(|p| p.port).collect();
        let _answering = scenario.answering(&ports.into_iter().collect::<Vec<_>>());
        scenario.enforce();
        scenario.expect(&probes, &expected);
    }
}

fn egress_bypass() {
    let spec = "  podSelector: {}\n  policyTypes: [Ingress, Egress]\n  \
                ingress: [{from: [{namespaceSelector: {}}]}]\n";
    let flows = [
        ("shop/web shop/db 80", false),
        ("shop/web shop/far 80", false),
        ("shop/far shop/web 80", false),
        ("shop/web 203.0.113.9 80", false),
        ("203.0.113.9 shop/web 80", false),
    ];
    check(&with_policy(spec), &["203.0.113.9"], &flows);
}

fn exceptions() {
    let spec = "  podSelector: {matchLabels: {app: db}}\n  ingress:\n  - from:\n    \
                - ipBlock: {cidr: 10.0.0.0/8, except: [10.9.0.0/16, 10.7.0.0/16]}\n    \
                - ipBlock: {cidr: 10.8.0.0/15}\n    \
                - ipBlock: {cidr: 172.16.0.0/12, except: [172.17.0.0/16]}\n    \
                - ipBlock: {cidr: 172.16.0.0/12, except: [172.18.0.0/16]}\n";
    let flows = [
        ("10.9.0.1 shop/db 80", true),
        ("10.8.0.1 shop/db 80", true),
        ("10.7.0.1 shop/db 80", false),
        ("10.6.0.1 shop/db 80", true),
        ("172.17.0.1 shop/db 80", true),
        ("172.18.0.1 shop/db 80", true),
        ("11.0.0.1 shop/db 80", false),
    ];
    let outside: Vec<&str> = flows.iter().filter_map(|(flow, _)| flow.split(' ').next()).collect();
    check(&with_policy(spec), &outside, &flows);
}

fn port_names() {
    let named = |text: &str| {
        let ports = |name: &str, port: u16| {
            let all = ["TCP", "UDP", "SCTP"].map(|p| {
                format!("{{name: {}, containerPort: {port}, protocol: {p}}}", short(name, p))
            });
            format!("{{name: c, image: i, ports: [{}]}}", all.join(", "))
        };
        // `db` serves the name at 80, `job`, which is in another namespace, at 81, `far` not.
        text.split("---\n")
            .map(|document| match document {
                db if db.contains("name: db,") => {
                    db.replace("{name: c, image: i}", &ports("web", 80))
                }
                job if job.contains("name: job,") => job
                    .replace("{name: c, image: i}", &ports("web", 81))
                    .replace("namespace: shop", "namespace: other"),
                other => other.to_owned(),
            })
            .collect::<Vec<_>>()
            .join("---\n")
    };
    let spec = "  podSelector: {matchLabels: {app: web}}\n  policyTypes: [Egress]\n  egress:\n  \
                - ports: [{port: web-tcp}, {port: web-udp, protocol: UDP}, {port: web-sctp, protocol: SCTP}]\n";
    let files = with_policy(spec).into_iter().map(|(name, text)| (name, named(&text))).collect();
    let flows = [
        ("shop/web shop/db 80", true),
        ("shop/web shop/db 81", false),
        ("shop/web other/job 80", false),
        ("shop/web other/job 81", true),
        ("shop/web shop/far 80", false),
        ("shop/web 203.0.113.9 80", false),
        ("shop/web 203.0.113.9 81", false),
    ];
    check(&files, &["203.0.113.9"], &flows);
}

fn short(name: &str, protocol: &str) -> String {
    format!("{name}-{}", protocol.to_lowercase())
}

fn whole_family() {
    let spec = "  podSelector: {matchLabels: {app: web}}\n  policyTypes: [Ingress, Egress]\n  \
                ingress: [{from: [{ipBlock: {cidr: '::/0'}}]}]\n  \
                egress: [{to: [{ipBlock: {cidr: '::/0', except: ['fd12::/16']}}]}]\n";
    let outside =
        ["fc00::1", "64:ff9b::1", "2001:db8::1", "fd12::1", "fd13::1", "4000::1", "203.0.113.9"];
    let flows = [
        ("shop/web fc00::1 80", true),
        ("shop/web 64:ff9b::1 80", true),
        ("shop/web 2001:db8::1 80", true),
        ("shop/web 4000::1 80", true),
        ("shop/web fd13::1 80", true),
        ("shop/web fd12::1 80", false),
        ("fd12::1 shop/web 80", true),
        ("64:ff9b::1 shop/web 80", true),
        ("shop/web 203.0.113.9 80", false),
        ("203.0.113.9 shop/web 80", false),
    ];
    check(&with_policy(spec), &outside, &flows);
}

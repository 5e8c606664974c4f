//! Calico's policies: tiers, sets and negations, messages of ICMP, what is logged, what is staged.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use portcullis_engine::net::Protocol::{self, Sctp, Tcp, Udp};
use portcullis_oracle::generate;
use portcullis_packets::fabric::Wiring;
use portcullis_packets::probe::Probe;
use socket2::{Domain, Socket, Type};

use super::Test;
use super::agent::Running;
use super::clusters;
use super::escape::{arrivals, host};
use super::scenario::{KINDS, Scenario};
use super::tiers::{OUTSIDE, cluster, probes, until, with};

pub const TESTS: &[Test] = &[
    ("calico: tiers, sets and negations decide, however wired and enforced", decide),
    ("calico: types of ICMP are told apart", messages),
    ("calico: rules that log, and staged policies, deny nothing and are logged", logged),
    ("calico: random clusters: packets, engine and oracle agree", agree),
];

type Flow = (&'static str, &'static str, bool);

/// Policies, and what they do to port 80 of every protocol, and to others.
struct Case {
    name: &'static str,
    policies: String,
    flows: &'static [Flow],
    at: &'static [(Flow, Protocol, u16)],
}

fn object(kind: &str, name: &str, spec: &str) -> String {
    format!(
        "apiVersion: projectcalico.org/v3\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n---\n"
    )
}

fn tier(name: &str, order: u32, end: &str) -> String {
    object("Tier", name, &format!("{{order: {order}, defaultAction: {end}}}"))
}

/// A policy for everything that `selector` matches.
fn policy(name: &str, tier: &str, selector: &str, rules: &str) -> String {
    let spec = format!("{{tier: {tier}, order: 10, selector: \"{selector}\", {rules}}}");
    object("GlobalNetworkPolicy", name, &spec)
}

/// A set of somebody outside, in both families.
fn feed() -> String {
    "apiVersion: projectcalico.org/v3\nkind: GlobalNetworkSet\n\
     metadata: {name: feed, labels: {feed: bad}}\n\
     spec: {nets: [203.0.113.0/24, '2001:db8::/32']}\n---\n"
        .into()
}

const ISOLATED: &str = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n\
     metadata: {name: db, namespace: shop}\n\
     spec: {podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress]}\n---\n";

const DB: &str = "app == 'db'";

fn cases() -> Vec<Case> {
    let from = |app: &str| format!("source: {{selector: \"app == '{app}'\"}}");
    let sec = tier("sec", 100, "Deny");
    vec![
        Case {
            name: "a tier passes on what it does not deny, and its end denies the rest",
            policies: sec.clone()
                + &policy(
                    "sec.guard",
                    "sec",
                    DB,
                    &format!(
                        "types: [Ingress], ingress: [{{action: Deny, {}}}, {{action: Pass, {}}}]",
                        from("web"),
                        from("job")
                    ),
                ),
            flows: &[
                ("shop/web", "shop/db", false),
                ("shop/job", "shop/db", true),
                ("office/far", "shop/db", false),
                ("outside", "shop/db", false),
                ("shop/web", "shop/job", true),
                ("node-1", "shop/db", true),
            ],
            at: &[],
        },
        Case {
            name: "before a NetworkPolicy of Kubernetes, a policy denies; after it, one still allows",
            policies: ISOLATED.to_owned()
                + &policy(
                    "early",
                    "default",
                    DB,
                    &format!("types: [Ingress], ingress: [{{action: Deny, {}}}]", from("web")),
                )
                + &policy(
                    "late",
                    "default",
                    DB,
                    "types: [Ingress], ingress: [{action: Allow, source: {selector: \"app in {'web', 'job'}\"}}]",
                )
                .replace("order: 10", "order: 2000"),
            flows: &[
                ("shop/web", "shop/db", false),
                ("shop/job", "shop/db", true),
                ("office/far", "shop/db", false),
            ],
            at: &[],
        },
        Case {
            name: "a set of addresses is a peer, and so is what it does not have",
            policies: feed()
                + &sec
                + &policy(
                    "sec.feeds",
                    "sec",
                    "all()",
                    "types: [Egress], egress: [{action: Deny, destination: {selector: \"feed == 'bad'\"}}, {action: Pass}]",
                ),
            flows: &[
                ("shop/web", "outside", false),
                ("shop/web", "shop/db", true),
                ("outside", "shop/db", true),
            ],
            at: &[],
        },
        Case {
            name: "blocks that are excluded",
            policies: policy(
                "nets",
                "default",
                DB,
                "types: [Ingress], ingress: [{action: Allow, ipVersion: 4, source: {notNets: [10.0.0.1/32, 203.0.113.0/24]}}, \
                 {action: Allow, ipVersion: 6, source: {notNets: ['fd00::1/128', '2001:db8::/32']}}]",
            ),
            flows: &[
                ("shop/web", "shop/db", false),
                ("outside", "shop/db", false),
                ("shop/job", "shop/db", true),
                ("office/far", "shop/db", true),
            ],
            at: &[],
        },
        Case {
            name: "both ends, a protocol that is excluded, and ports that are",
            policies: policy(
                "ends",
                "default",
                "all()",
                "types: [Ingress], ingress: [\
                 {action: Deny, notProtocol: TCP, source: {notSelector: \"app == 'job'\"}, destination: {selector: \"app == 'db'\"}}, \
                 {action: Deny, protocol: TCP, destination: {selector: \"app == 'db'\", notPorts: [80, '82:90']}}, \
                 {action: Deny, protocol: TCP, source: {selector: \"app == 'far'\"}, destination: {selector: \"app == 'db'\", ports: [http]}}, \
                 {action: Allow}]",
            ),
            flows: &[("shop/web", "shop/job", true), ("outside", "shop/web", true)],
            at: &[
                (("shop/web", "shop/db", true), Tcp, 80),
                (("shop/web", "shop/db", false), Tcp, 81),
                (("shop/web", "shop/db", true), Tcp, 82),
                (("shop/web", "shop/db", false), Udp, 80),
                (("shop/web", "shop/db", false), Sctp, 80),
                (("shop/job", "shop/db", true), Udp, 80),
                (("outside", "shop/db", false), Udp, 80),
                (("office/far", "shop/db", false), Tcp, 80),
                (("office/far", "shop/db", true), Tcp, 82),
            ],
        },
    ]
}

fn decide() {
    let outside = OUTSIDE.map(|address| address.parse().unwrap());
    for kind in KINDS {
        let mut scenario = Scenario::build(kind, &cluster(), &outside);
        let _answering = scenario.answering(&[80, 81, 82]);
        for case in cases() {
            println!("packets: calico: {:?} {}: {}", kind.0, kind.1.name(), case.name);
            scenario.rewrite(&with(&case.policies));
            scenario.enforce();
            let everywhere = case.flows.iter();
            let everywhere = everywhere.flat_map(|flow| Protocol::ALL.map(|p| (*flow, p, 80)));
            let (sent, expected) = probes(&scenario, everywhere.chain(case.at.iter().copied()));
            scenario.expect(&sent, &expected);
            let all = scenario.all_probes(&[80, 81, 82]);
            let allowed = scenario.compare(&all);
            assert!(allowed > 0 && allowed < all.len(), "{}: nearly all the same", case.name);
        }
    }
}

/// Five messages of ICMP of a type, with a code.
fn message(kind: u8, code: u8, to: IpAddr) {
    let (domain, protocol) = match to {
        IpAddr::V4(_) => (Domain::IPV4, socket2::Protocol::ICMPV4),
        IpAddr::V6(_) => (Domain::IPV6, socket2::Protocol::ICMPV6),
    };
    let socket = Socket::new(domain, Type::RAW, Some(protocol)).unwrap();
    let mut bytes = [0; 40];
    (bytes[0], bytes[1]) = (kind, code);
    if to.is_ipv4() {
        // Of all words together the checksum is nothing but ones.
        let sum = !u16::from_be_bytes([kind, code]);
        bytes[2..4].copy_from_slice(&sum.to_be_bytes());
    }
    for _ in 0..5 {
        let _ = socket.send_to(&bytes, &SocketAddr::new(to, 0).into());
    }
}

/// `db` may be asked for an echo, for a time stamp only without a code; and of all other messages
/// none is let through.
fn messages() {
    let of = |protocol: &str, version: u8, echo: u8, other: u8| {
        format!(
            "{{action: Allow, protocol: {protocol}, ipVersion: {version}, icmp: {{type: {echo}}}}}, \
             {{action: Allow, protocol: {protocol}, ipVersion: {version}, icmp: {{type: {other}, code: 0}}}}"
        )
    };
    let rules = format!(
        "types: [Ingress], ingress: [{}, {}]",
        of("ICMP", 4, 8, 13),
        of("ICMPv6", 6, 128, 200)
    );
    let files = with(&policy("messages", "default", DB, &rules));
    for kind in KINDS {
        let scenario = Scenario::build(kind, &cluster(), &[]);
        scenario.write(&files);
        let (job, db) = (host(&scenario, "shop/job"), host(&scenario, "shop/db"));
        let heard = |six: bool, number: u8, code: u8| {
            let (protocol, option) = match six {
                false => ("icmp", "--icmp-type"),
                true => ("ipv6-icmp", "--icmpv6-type"),
            };
            let wanted = format!("{number}/{code}");
            let matches = ["-p", protocol, option, &wanted];
            let to = scenario.address("shop/db", six);
            arrivals(db, &matches, job, || message(number, code, to))
        };
        let all = || {
            let four = [(8, 0), (8, 3), (13, 0), (13, 1), (17, 0)].map(|(n, c)| heard(false, n, c));
            let six =
                [(128, 0), (128, 3), (200, 0), (200, 1), (201, 0)].map(|(n, c)| heard(true, n, c));
            [four, six]
        };
        assert_eq!(all(), [[5; 5]; 2], "{kind:?}: without the agent");
        scenario.enforce();
        assert_eq!(all(), [[5, 5, 5, 0, 0]; 2], "{kind:?}");
        scenario.write(&with(&policy(
            "messages",
            "default",
            DB,
            "types: [Ingress], ingress: [{action: Deny, protocol: ICMP, notICMP: {type: 8, code: 0}}, \
             {action: Deny, protocol: ICMPv6, notICMP: {type: 128}}, {action: Allow}]",
        )));
        scenario.enforce();
        assert_eq!(all(), [[5, 0, 0, 0, 0], [5, 5, 0, 0, 0]], "{kind:?}");
    }
}

/// Waits until the flow log has a line with these words.
fn until_logged(agent: &Running, words: &[&str], mut send: impl FnMut()) {
    let start = Instant::now();
    loop {
        send();
        let printed = agent.printed();
        if printed.lines().any(|line| words.iter().all(|word| line.contains(word))) {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(10), "{words:?} is not in {printed}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn logged() {
    let noted = policy(
        "noted",
        "default",
        DB,
        "types: [Ingress], ingress: [{action: Log, source: {selector: \"app == 'web'\"}}, {action: Allow}]",
    );
    let staged = object(
        "StagedGlobalNetworkPolicy",
        "later",
        "{order: 5, selector: \"app == 'db'\", types: [Ingress], ingress: [{action: Deny, source: {selector: \"app == 'job'\"}}]}",
    );
    for backend in [KINDS[0].1, KINDS[2].1] {
        let kind = (Wiring::Routed, backend);
        let scenario = Scenario::build(kind, &with(&(noted.clone() + &staged)), &[]);
        let _answering = scenario.answering(&[80]);
        let agent = Running::start(&scenario, 0, &["--flow-log", "denied", "--check-seconds", "1"]);
        for six in [false, true] {
            let probe = |from| {
                let (from, to) = (scenario.address(from, six), scenario.address("shop/db", six));
                Probe { from, to, protocol: Tcp, port: 80 }
            };
            let (web, job) = (probe("shop/web"), probe("shop/job"));
            scenario.expect(&[web, job], &[true, true]);
            let from = format!("\"from\":\"{}\"", web.from);
            let words = ["\"action\":\"log\"", &from, "\"policy\":\"GlobalNetworkPolicy noted\""];
            until_logged(&agent, &words, || drop(scenario.send(&[web])));
            let from = format!("\"from\":\"{}\"", job.from);
            let words = ["\"action\":\"audit\"", &from, "StagedGlobalNetworkPolicy later"];
            until_logged(&agent, &words, || drop(scenario.send(&[job])));
        }
        assert_eq!(agent.metric("portcullis_policies_audited"), 1.0);
        until(|| {
            let labels = "direction=\"ingress\",family=\"IPv4\"";
            agent.metric(&format!("portcullis_would_be_denied_packets_total{{{labels}}}")) > 0.0
        });
        agent.stop();
    }
}

fn agree() {
    clusters::agree_on("calico", clusters::wanted().0 / 2, generate::calico);
}

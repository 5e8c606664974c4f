//! ClusterNetworkPolicies: tiers before and after NetworkPolicy, from a directory of manifests.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use portcullis_engine::net::Protocol::{self, Tcp, Udp};
use portcullis_packets::probe::{Outcome, Probe};

use super::Test;
use super::agent::Running;
use super::scenario::{Files, KINDS, Scenario};
use super::talk::{connect, echo, talks};

pub const TESTS: &[Test] = &[
    ("tiers: every action, peer and port decides, however wired and enforced", decide),
    ("tiers: a live connection ends when it is denied, another one is left alone", ended),
    ("tiers: an agent that runs follows cluster policies, and its flow log names them", follow),
];

/// Somebody outside, in both families.
pub const OUTSIDE: [&str; 2] = ["203.0.113.9", "2001:db8::9"];

/// What is sent, and whether it passes: to a TCP and a UDP port unless a case says otherwise.
type Flow = (&'static str, &'static str, bool);

/// Policies, and what they do: to port 80, and to others where ports matter.
struct Case {
    name: &'static str,
    policies: String,
    flows: &'static [Flow],
    /// The same where only some protocol and port is asked about.
    at: &'static [(Flow, Protocol, u16)],
}

/// `web`, `db`, `job` of the shop on one node, `far` of the office on another.
pub fn cluster() -> Files {
    let pod = |(name, namespace): (&str, &str), at: u8, node: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: {namespace}, labels: {{app: {name}}}}}\n\
             spec: {{nodeName: {node}, containers: [{{name: c, image: i, ports: [{{name: http, \
             containerPort: 80}}]}}]}}\n\
             status: {{phase: Running, podIP: 10.0.0.{at}, podIPs: [{{ip: 10.0.0.{at}}}, {{ip: 'fd00::{at}'}}]}}\n"
        )
    };
    let node = |at: u8, zone: &str| {
        format!(
            "apiVersion: v1\nkind: Node\nmetadata: {{name: node-{at}, labels: {{zone: {zone}}}}}\n\
             status: {{addresses: [{{type: InternalIP, address: 192.168.0.{at}}}, \
             {{type: InternalIP, address: 'fd01::{at}'}}]}}\n"
        )
    };
    let namespace = |name: &str, team: &str| {
        format!(
            "apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}, labels: {{team: {team}}}}}\n"
        )
    };
    let documents = [
        namespace("shop", "retail"),
        namespace("office", "accounts"),
        pod(("web", "shop"), 1, "node-1"),
        pod(("db", "shop"), 2, "node-1"),
        pod(("job", "shop"), 3, "node-1"),
        pod(("far", "office"), 4, "node-2"),
        node(1, "a"),
        node(2, "b"),
    ];
    vec![("cluster.yaml".into(), documents.join("---\n"))]
}

/// The cluster with policies.
pub fn with(policies: &str) -> Files {
    let mut files = cluster();
    files.push(("policies.yaml".into(), policies.to_owned()));
    files
}

/// A policy for all pods of the shop.
pub fn policy(name: &str, tier: &str, priority: u16, rules: &str) -> String {
    format!(
        "apiVersion: policy.networking.k8s.io/v1beta1\nkind: ClusterNetworkPolicy\n\
         metadata: {{name: {name}}}\n\
         spec:\n  tier: {tier}\n  priority: {priority}\n  \
         subject: {{namespaces: {{matchLabels: {{team: retail}}}}}}\n  {rules}\n---\n"
    )
}

/// A peer: pods of the shop with an `app`.
fn app(name: &str) -> String {
    format!(
        "{{pods: {{namespaceSelector: {{matchLabels: {{team: retail}}}}, \
         podSelector: {{matchLabels: {{app: {name}}}}}}}}}"
    )
}

fn ingress(rules: &[(&str, &str)]) -> String {
    let rule = |(action, from): &(&str, &str)| format!("{{action: {action}, from: [{from}]}}");
    format!("ingress: [{}]", rules.iter().map(rule).collect::<Vec<_>>().join(", "))
}

fn egress(action: &str, to: &str) -> String {
    format!("egress: [{{action: {action}, to: [{to}]}}]")
}

/// A NetworkPolicy that lets nobody reach `db`.
const ISOLATED: &str = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n\
     metadata: {name: db, namespace: shop}\n\
     spec: {podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress]}\n";

const EVERYBODY: &str = "{namespaces: {}}";

fn cases() -> Vec<Case> {
    let (web, job) = (app("web"), app("job"));
    let admin = |rules: &str| policy("guard", "Admin", 10, rules);
    vec![
        Case {
            name: "admin deny",
            policies: admin(&ingress(&[("Deny", &web)])),
            flows: &[
                ("shop/web", "shop/db", false),
                ("shop/job", "shop/db", true),
                ("shop/web", "office/far", true),
                ("outside", "shop/db", true),
                ("node-1", "shop/db", true),
            ],
            at: &[],
        },
        Case {
            name: "admin accept before a NetworkPolicy",
            policies: admin(&ingress(&[("Accept", &job)])) + ISOLATED,
            flows: &[
                ("shop/job", "shop/db", true),
                ("shop/web", "shop/db", false),
                ("outside", "shop/db", false),
            ],
            at: &[],
        },
        Case {
            name: "the lower number comes first",
            policies: admin(&ingress(&[("Deny", EVERYBODY)]))
                + &policy("first", "Admin", 9, &ingress(&[("Accept", &job)])),
            flows: &[("shop/job", "shop/db", true), ("shop/web", "shop/db", false)],
            at: &[],
        },
        Case {
            name: "admin pass, and nobody else decides",
            policies: admin(&ingress(&[("Pass", &web), ("Deny", EVERYBODY)])),
            flows: &[
                ("shop/web", "shop/db", true),
                ("shop/job", "shop/db", false),
                ("office/far", "shop/db", false),
                ("outside", "shop/db", true),
            ],
            at: &[],
        },
        Case {
            name: "admin pass to the baseline, past which a NetworkPolicy goes",
            policies: admin(&ingress(&[("Pass", &web), ("Accept", &job)]))
                + &policy("default", "Baseline", 0, &ingress(&[("Deny", EVERYBODY)]))
                + ISOLATED,
            flows: &[
                ("shop/web", "shop/job", false),
                ("shop/job", "shop/web", true),
                ("office/far", "shop/web", false),
                ("outside", "shop/web", true),
                // Isolated: the baseline is not asked, and nobody is admitted but by the admin tier.
                ("outside", "shop/db", false),
                ("shop/web", "shop/db", false),
                ("shop/job", "shop/db", true),
            ],
            at: &[],
        },
        Case {
            name: "networks, those of pods too",
            policies: admin(&egress(
                "Deny",
                "{networks: [203.0.113.0/24, 10.0.0.4/32, '2001:db8::/32']}",
            )),
            flows: &[
                ("shop/web", "outside", false),
                ("outside", "shop/web", true),
                ("office/far", "outside", true),
                ("shop/web", "shop/db", true),
            ],
            at: &[],
        },
        Case {
            name: "nodes",
            policies: admin(&egress("Deny", "{nodes: {matchLabels: {zone: b}}}")),
            flows: &[
                ("shop/web", "node-2", false),
                ("shop/web", "node-1", true),
                ("shop/web", "office/far", true),
                ("node-2", "shop/web", true),
            ],
            at: &[],
        },
        Case {
            name: "ports by name and by number",
            policies: admin(&format!(
                "ingress: [{{action: Deny, from: [{EVERYBODY}], protocols: \
                 [{{destinationNamedPort: http}}, {{udp: {{destinationPort: {{range: {{start: 81, \
                 end: 82}}}}}}}}]}}]"
            )),
            flows: &[],
            at: &[
                (("shop/web", "shop/db", false), Tcp, 80),
                (("shop/web", "shop/db", true), Udp, 80),
                (("shop/web", "shop/db", true), Tcp, 81),
                (("shop/web", "shop/db", false), Udp, 81),
                (("office/far", "shop/db", false), Tcp, 80),
                (("shop/web", "office/far", true), Tcp, 80),
            ],
        },
    ]
}

/// An address of a host, or of outside, in a family.
fn address(scenario: &Scenario, name: &str, six: bool) -> IpAddr {
    match name {
        "outside" => OUTSIDE[usize::from(six)].parse().unwrap(),
        name => scenario.address(name, six),
    }
}

/// Probes of flows at a port, with what is expected.
pub fn probes(
    scenario: &Scenario,
    flows: impl Iterator<Item = (Flow, Protocol, u16)>,
) -> (Vec<Probe>, Vec<bool>) {
    let both = flows.flat_map(|flow| [(flow, false), (flow, true)]);
    let probe = |(((from, to, allowed), protocol, port), six)| {
        let (from, to) = (address(scenario, from, six), address(scenario, to, six));
        (Probe { from, to, protocol, port }, allowed)
    };
    both.map(probe).unzip()
}

fn decide() {
    let outside = OUTSIDE.map(|address| address.parse().unwrap());
    for kind in KINDS {
        let mut scenario = Scenario::build(kind, &cluster(), &outside);
        let _answering = scenario.answering(&[80, 81, 82]);
        for case in cases() {
            println!("packets: tiers: {:?} {}: {}", kind.0, kind.1.name(), case.name);
            scenario.rewrite(&with(&case.policies));
            scenario.enforce();
            let everywhere = case.flows.iter();
            let everywhere = everywhere.flat_map(|flow| Protocol::ALL.map(|p| (*flow, p, 80)));
            let flows = everywhere.chain(case.at.iter().copied());
            let (sent, expected) = probes(&scenario, flows);
            scenario.expect(&sent, &expected);
            let all = scenario.all_probes(&[80, 81, 82]);
            let allowed = scenario.compare(&all);
            assert!(allowed > 0 && allowed < all.len(), "{}: nearly all the same", case.name);
        }
    }
}

/// `web` and `job` talk to `db`. Then `web` comes into a set of pods that are denied, which takes
/// no other chain; and then nobody is accepted any more past a NetworkPolicy.
fn ended() {
    let labelled = |files: Files, labels: &str| -> Files {
        let text = |text: String| text.replace("labels: {app: web}", labels);
        files.into_iter().map(|(name, all)| (name, text(all))).collect()
    };
    let denied = "{pods: {namespaceSelector: {}, podSelector: {matchLabels: {bad: 'yes'}}}}";
    let deny = policy("guard", "Admin", 10, &ingress(&[("Deny", denied)]));
    let accept = policy("open", "Admin", 20, &ingress(&[("Accept", EVERYBODY)])) + ISOLATED;
    let before = with(&(deny.clone() + &accept));
    for kind in KINDS {
        let mut scenario = Scenario::build(kind, &before, &[]);
        let agent = Running::start(&scenario, 0, &[]);
        let to = [false, true].map(|six| echo(&scenario, "shop/db", six));
        let mut web = to.map(|to| connect(&scenario, "shop/web", to));
        let mut job = to.map(|to| connect(&scenario, "shop/job", to));
        assert!(web.iter_mut().chain(&mut job).all(talks), "{kind:?}");
        scenario.rewrite(&labelled(before.clone(), "labels: {app: web, bad: 'yes'}"));
        until(|| !web.iter_mut().any(talks));
        assert!(job.iter_mut().all(talks), "{kind:?}: others were cut");
        scenario.rewrite(&with(&(deny.clone() + ISOLATED)));
        until(|| !job.iter_mut().any(talks));
        agent.wait("/metrics", "portcullis_connections_cut_total 4\n");
        agent.stop();
    }
}

/// Waits until something is so, ten seconds at most.
pub fn until(mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(10), "not so yet");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn follow() {
    let outside = OUTSIDE.map(|address| address.parse().unwrap());
    let mut scenario = Scenario::build(KINDS[1], &cluster(), &outside);
    let _answering = scenario.answering(&[80]);
    let agents = [0, 1].map(|node| Running::start(&scenario, node, &["--flow-log", "denied"]));
    let flow = ("shop/web", "shop/db", true);
    let (sent, _) = probes(&scenario, [(flow, Tcp, 80)].into_iter());
    scenario.expect(&sent, &[true; 2]);
    scenario.rewrite(&with(&policy("guard", "Admin", 10, &ingress(&[("Deny", &app("web"))]))));
    until(|| scenario.send(&sent) == [Outcome::Refused; 2]);
    let is_told = || {
        let log = agents[0].printed();
        log.contains("\"policy\":\"ClusterNetworkPolicy guard\"")
            && log.contains("\"rule\":\"spec.ingress[0]\"")
    };
    until(is_told);
    scenario.rewrite(&cluster());
    until(|| scenario.send(&sent) == [Outcome::Allowed; 2]);
    agents.into_iter().for_each(Running::stop);
}

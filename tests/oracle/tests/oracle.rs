//! The oracle itself: the rules' own examples, and whether it would see an engine that errs.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "what goes wrong here is a failed test"
)]

use std::net::IpAddr;

use portcullis_oracle::check::{Effort, Engine, compare_with, shrink_by};
use portcullis_oracle::cluster::{
    Action, Cluster, ClusterPolicy, ClusterTier, Container, ContainerPort, Direction, Labels,
    Namespace, Net, Node, Peer, Phase, Pod, Policy, PolicyVersion, Port, PortName, Protocol, Rule,
    Selector, Spec,
};
use portcullis_oracle::generate;
use portcullis_oracle::oracle::{End, Traffic, Verdict, verdict, worlds_of};

fn labels(text: &str) -> Labels {
    let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
    pairs.map(|(key, value)| (key.into(), value.into())).collect()
}

fn select(text: &str) -> Selector {
    Selector { labels: labels(text), expressions: Vec::new() }
}

fn pod(namespace: &str, name: &str, (address, node): (&str, &str), ports: &[(&str, u16)]) -> Pod {
    let port = |(name, number): &(&str, u16)| ContainerPort {
        name: Some((*name).into()),
        number: *number,
        protocol: None,
    };
    let container = Container { ports: ports.iter().map(port).collect(), always: false };
    Pod {
        namespace: namespace.into(),
        name: name.into(),
        labels: labels(if name == "db" { "app=db,tier=data" } else { "" }),
        spec: Spec { containers: vec![container], node: Some(node.into()), ..Spec::default() },
        phase: Some(Phase::Running),
        addresses: vec![address.parse().unwrap()],
        host_address: None,
        owner: None,
        created: 0,
    }
}

/// The fixture of all examples: shop/web, shop/db, mon/prom, lone/x and two nodes.
fn fixture(policies: Vec<Policy>) -> Cluster {
    let mut pods = vec![
        pod("shop", "web", ("10.1.0.10", "n1"), &[("http", 8080), ("metrics", 9100)]),
        pod("shop", "db", ("10.1.0.20", "n1"), &[("pg", 5432), ("metrics", 9187)]),
        pod("mon", "prom", ("10.2.0.5", "n2"), &[]),
        pod("lone", "x", ("10.3.0.7", "n2"), &[]),
    ];
    pods[0].labels = labels("app=web");
    pods[2].labels = labels("app=prom");
    let namespace = |name: &str, text: &str| Namespace {
        name: name.into(),
        labels: labels(text),
        declared: true,
    };
    let node = |name: &str, address: &str| Node {
        name: name.into(),
        labels: Labels::new(),
        addresses: vec![address.parse().unwrap()],
    };
    Cluster {
        namespaces: vec![
            namespace("shop", "team=retail"),
            namespace("mon", "team=ops"),
            namespace("lone", ""),
        ],
        nodes: vec![node("n1", "192.168.0.1"), node("n2", "192.168.0.2")],
        pods,
        policies,
        ..Cluster::default()
    }
}

fn policy(namespace: &str, subject: &str) -> Policy {
    Policy {
        namespace: namespace.into(),
        name: format!("of-{subject}"),
        subject: Some(select(subject)),
        ..Policy::default()
    }
}

fn rule(peers: Vec<Peer>, ports: Vec<Port>) -> Option<Vec<Rule>> {
    Some(vec![Rule { peers: Some(peers), ports: Some(ports) }])
}

fn number(number: u16) -> Port {
    Port { port: Some(PortName::Number(number)), ..Port::default() }
}

fn named(name: &str) -> Port {
    Port { port: Some(PortName::Name(name.into())), ..Port::default() }
}

fn end(text: &str) -> End {
    match (text.split_once('/'), text.parse::<IpAddr>()) {
        (_, Ok(address)) => End::Address(address),
        (Some(("node", name)), _) => End::Node(name.into()),
        (Some((namespace, name)), _) => End::Pod(namespace.into(), name.into()),
        (None, _) => panic!("{text} is nobody"),
    }
}

/// Asks for `from to port` in TCP, or `from to port/PROTOCOL`.
fn expect(policies: Vec<Policy>, flows: &[(&str, &str, &str, Verdict)]) {
    let cluster = fixture(policies);
    for (from, to, port, expected) in flows {
        let (port, protocol) = port.split_once('/').unwrap_or((port, "TCP"));
        let protocol = Protocol::ALL.into_iter().find(|one| one.name() == protocol).unwrap();
        let traffic = Traffic { protocol, port: port.parse().unwrap() };
        let worlds = worlds_of(&cluster, &end(from), &end(to));
        let said = verdict(&cluster, &worlds, &traffic);
        assert_eq!(said, Some(*expected), "{from} -> {to} {port}");
    }
}

use Verdict::{Allow, Deny};

#[test]
fn types_are_defaulted() {
    // "author wanted no egress"
    let open = Policy { egress: Some(vec![]), ..policy("shop", "") };
    expect(
        vec![open],
        &[("shop/db", "203.0.113.9", "443", Allow), ("mon/prom", "shop/db", "5432", Deny)],
    );
    let pods = || rule(vec![Peer::Pods(None, Some(Selector::default()))], vec![]);
    let inert = Policy {
        types: Some(vec![Direction::Egress]),
        ingress: pods(),
        egress: pods(),
        ..policy("shop", "")
    };
    expect(
        vec![inert],
        &[
            ("lone/x", "shop/db", "5432", Allow),
            ("shop/db", "shop/web", "8080", Allow),
            ("shop/db", "mon/prom", "9090", Deny),
        ],
    );
}

#[test]
fn policies_add_up_and_both_ends_must_agree() {
    let a = Policy {
        ingress: rule(vec![Peer::Pods(None, Some(select("app=web")))], vec![number(5432)]),
        ..policy("shop", "app=db")
    };
    let ops = Peer::Pods(Some(select("team=ops")), None);
    let b = Policy { ingress: rule(vec![ops], vec![number(9187)]), ..policy("shop", "tier=data") };
    let c = Policy {
        types: Some(vec![Direction::Egress]),
        egress: Some(vec![]),
        ..policy("mon", "app=prom")
    };
    expect(
        vec![a.clone(), b.clone()],
        &[
            ("shop/web", "shop/db", "5432", Allow),
            ("mon/prom", "shop/db", "9187", Allow),
            ("mon/prom", "shop/db", "5432", Deny),
            ("shop/web", "shop/db", "9187", Deny),
        ],
    );
    expect(
        vec![a, b, c],
        &[("mon/prom", "shop/db", "9187", Deny), ("shop/db", "mon/prom", "9090", Allow)],
    );
}

#[test]
fn an_exception_is_no_denial() {
    let net = |text: &str, prefix| Net::of(text.parse().unwrap(), prefix);
    let first = Peer::Block(net("203.0.113.0", 24), Some(vec![net("203.0.113.9", 32)]));
    let second = Peer::Block(net("203.0.113.8", 30), None);
    let with = |peers| Policy { ingress: rule(peers, vec![]), ..policy("shop", "app=db") };
    expect(vec![with(vec![first.clone()])], &[("203.0.113.9", "shop/db", "80", Deny)]);
    expect(vec![with(vec![first, second])], &[("203.0.113.9", "shop/db", "80", Allow)]);
}

#[test]
fn names_of_ports_are_the_destinations() {
    let ingress = rule(vec![], vec![named("metrics")]);
    expect(
        vec![Policy { ingress, ..policy("shop", "") }],
        &[
            ("lone/x", "shop/web", "9100", Allow),
            ("lone/x", "shop/web", "9187", Deny),
            ("lone/x", "shop/db", "9187", Allow),
            ("lone/x", "shop/db", "9187/UDP", Deny),
        ],
    );
    let everywhere = vec![Peer::Pods(Some(Selector::default()), None)];
    let out = Policy {
        types: Some(vec![Direction::Egress]),
        egress: rule(everywhere, vec![named("metrics")]),
        ..policy("mon", "")
    };
    expect(
        vec![out],
        &[
            ("mon/prom", "shop/web", "9100", Allow),
            ("mon/prom", "shop/db", "9100", Deny),
            ("mon/prom", "203.0.113.9", "9100", Deny),
        ],
    );
}

#[test]
fn ranges_and_protocols() {
    let ranged = Port { end: Some(8080), ..number(8000) };
    let udp = Port { protocol: Some(Protocol::Udp), ..Port::default() };
    expect(
        vec![Policy { ingress: rule(vec![], vec![ranged, udp]), ..policy("shop", "app=web") }],
        &[
            ("lone/x", "shop/web", "8080", Allow),
            ("lone/x", "shop/web", "8081", Deny),
            ("lone/x", "shop/web", "1/UDP", Allow),
            ("lone/x", "shop/web", "8000/SCTP", Deny),
        ],
    );
}

#[test]
fn a_pod_reaches_itself_and_its_node_reaches_it() {
    expect(
        vec![Policy { types: Some(Direction::BOTH.into()), ..policy("shop", "") }],
        &[
            ("shop/db", "shop/db", "5432", Allow),
            ("node/n1", "shop/db", "5432", Allow),
            ("node/n2", "shop/db", "5432", Deny),
            ("192.168.0.1", "shop/db", "5432", Allow),
            ("shop/db", "node/n1", "10250", Deny),
        ],
    );
}

/// The engine reads one policy less than the oracle knows of: most of the time somebody notices,
/// and shrinking leaves little.
#[test]
fn an_engine_that_misses_a_policy_is_found_out() {
    let effort = Effort { seed: 7, flows_per_pair: 4 };
    let fails = |cluster: &Cluster| {
        let mut less = cluster.clone();
        less.policies.pop()?;
        let mut engine = Engine::new(&less, effort.seed).unwrap();
        engine.cluster = cluster;
        compare_with(&engine, effort).err()
    };
    let seeds = 0..40;
    let found: Vec<u64> = seeds.filter(|seed| fails(&generate::cluster(*seed)).is_some()).collect();
    assert!(found.len() > 25, "only {found:?}");
    let seed = found[0];
    let cluster = generate::cluster(seed);
    let (small, _) = shrink_by(&cluster, fails(&cluster).unwrap(), fails);
    // Two policies only where one pod is all that is left: it always reaches itself, so that the one
    // that is missed shows in the evidence alone, beside another.
    let ends = small.pods.len() + small.workloads.len();
    assert!(small.policies.len() <= 2 && ends <= 2, "{small:?}");
    assert!(small.policies.len() == 1 || ends == 1, "{small:?}");
}

/// The engine reads policies for all namespaces with one thing changed: somebody notices, for each
/// such thing.
#[test]
fn an_engine_that_errs_in_a_tier_is_found_out() {
    type Change = fn(&mut ClusterPolicy);
    let changes: [(&str, Change); 4] = [
        ("order", |policy| policy.priority = 1000 - policy.priority),
        ("tier", |policy| {
            policy.tier = match policy.tier {
                ClusterTier::Admin => ClusterTier::Baseline,
                ClusterTier::Baseline => ClusterTier::Admin,
            };
        }),
        ("Pass", |policy| {
            for direction in Direction::BOTH {
                let rules = policy.rules_mut(direction).iter_mut().flatten();
                let passing = rules.filter(|rule| rule.action == Action::Pass);
                passing.for_each(|rule| rule.action = Action::Accept);
            }
        }),
        ("ports", |policy| {
            for direction in Direction::BOTH {
                let rules = policy.rules_mut(direction).iter_mut().flatten();
                rules.for_each(|rule| rule.ports = None);
            }
        }),
    ];
    for (what, change) in changes {
        let found = (0..40).filter(|seed| {
            let cluster = generate::mixed(*seed);
            let mut other = cluster.clone();
            other.cluster_policies.iter_mut().for_each(|policy| {
                policy.version = PolicyVersion::V1Beta1;
                change(policy);
            });
            // Verdicts alone: evidence would tell what was changed without them.
            let Ok(mut engine) = Engine::new(&other, *seed) else { return false };
            engine.cluster = &cluster;
            compare_with(&engine, Effort { seed: *seed, flows_per_pair: 0 }).is_err()
        });
        let found = found.take(6).count();
        assert!(found == 6, "{what}: only {found} of 40");
    }
}

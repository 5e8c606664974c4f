//! Every feature of a NetworkPolicy together with every other one, on nine pods in three
//! namespaces: each case is a policy, or a few, that carries the tags of what it uses.

use std::collections::BTreeMap;

use crate::cluster::{
    Cluster, Container, ContainerPort, Direction, Expression, Labels, Namespace, Net, Node,
    Operator, Peer, Phase, Pod, Policy, Port, PortName, Protocol, Rule, Selector, Spec,
};

/// A case: what it uses, and the cluster.
#[derive(Clone, Debug)]
pub struct Case {
    /// What it uses, for example `peer: namespace by label`.
    pub tags: Vec<&'static str>,
    /// Nine pods and the policies.
    pub cluster: Cluster,
}

/// One feature: its tag, and what it does to the first policy, or to all of them.
type Feature = (&'static str, fn(&mut Vec<Policy>));

/// Features of one kind, of which a case has one; the first is the plain one.
type Kind = &'static [Feature];

const KINDS: [Kind; 6] = [DIRECTIONS, TARGETS, PEERS, PORTS, RULES, STACKS];

/// Each feature with each feature of another kind, the other kinds being plain.
pub fn cases() -> Vec<Case> {
    let mut chosen: Vec<[usize; 6]> = Vec::new();
    for (i, a) in KINDS.iter().enumerate() {
        for (j, b) in KINDS.iter().enumerate().skip(i + 1) {
            for x in 0..a.len() {
                for y in 0..b.len() {
                    let mut choice = [0; 6];
                    choice.iter_mut().enumerate().for_each(|(kind, at)| {
                        *at = if kind == i {
                            x
                        } else if kind == j {
                            y
                        } else {
                            0
                        };
                    });
                    chosen.push(choice);
                }
            }
        }
    }
    chosen.sort_unstable();
    chosen.dedup();
    chosen.iter().map(case).collect()
}

fn case(choice: &[usize; 6]) -> Case {
    let mut policies = vec![plain()];
    let mut tags = Vec::new();
    for (kind, at) in KINDS.iter().zip(choice) {
        if let Some((tag, apply)) = kind.get(*at) {
            tags.push(*tag);
            apply(&mut policies);
        }
    }
    Case { tags, cluster: Cluster { policies, ..nine_pods() } }
}

/// How many cases use each feature, and how many of them passed.
pub fn table(results: &[(Vec<&'static str>, bool)]) -> BTreeMap<&'static str, (usize, usize)> {
    let mut counts = BTreeMap::new();
    for (tags, passed) in results {
        for tag in tags {
            let (all, good): &mut (usize, usize) = counts.entry(*tag).or_default();
            *all += 1;
            *good += usize::from(*passed);
        }
    }
    counts
}

/// Namespaces x, y and z with pods a, b and c, which serve 80 and 81 under names by protocol.
fn nine_pods() -> Cluster {
    let mut cluster = Cluster::default();
    for (i, space) in ["x", "y", "z"].into_iter().enumerate() {
        let labels = labels(&[("ns", space)]);
        cluster.namespaces.push(Namespace { name: space.into(), labels, declared: true });
        for (j, name) in ["a", "b", "c"].into_iter().enumerate() {
            cluster.pods.push(pod(space, name, i * 4 + j));
        }
    }
    let address = "192.168.0.1".parse().ok();
    cluster.nodes.push(Node { name: "n1".into(), addresses: address.into_iter().collect() });
    cluster
}

fn pod(namespace: &str, name: &str, number: usize) -> Pod {
    let ports = Protocol::ALL.into_iter().flat_map(|protocol| {
        [80, 81].map(|number| ContainerPort {
            name: Some(format!("serve-{number}-{}", protocol.name().to_lowercase())),
            number,
            protocol: Some(protocol),
        })
    });
    let container = Container { ports: ports.collect(), always: false };
    // One pod runs on the node whose address is known.
    let node = if number == 0 { "n1" } else { "n2" };
    Pod {
        namespace: namespace.into(),
        name: name.into(),
        labels: labels(&[("pod", name)]),
        spec: Spec { containers: vec![container], node: Some(node.into()), ..Spec::default() },
        phase: Some(Phase::Running),
        addresses: format!("10.0.0.{number}").parse().ok().into_iter().collect(),
        host_address: None,
        owner: None,
        created: 0,
    }
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()
}

fn by_label(key: &str, value: &str) -> Selector {
    Selector { labels: labels(&[(key, value)]), ..Selector::default() }
}

fn by_expression(key: &str, operator: Operator, values: &[&str]) -> Selector {
    let values = values.iter().map(|value| (*value).into()).collect();
    let expressions = vec![Expression { key: key.into(), operator, values }];
    Selector { expressions, ..Selector::default() }
}

fn net(text: &str, prefix: u32) -> Option<Net> {
    Some(Net::of(text.parse().ok()?, prefix))
}

fn block(text: &str, prefix: u32, holes: &[(&str, u32)]) -> Vec<Peer> {
    let holes = holes.iter().filter_map(|(text, prefix)| net(text, *prefix)).collect();
    net(text, prefix).map(|net| Peer::Block(net, Some(holes))).into_iter().collect()
}

fn number(protocol: Option<Protocol>, number: u16) -> Port {
    Port { protocol, port: Some(PortName::Number(number)), end: None }
}

fn named(protocol: Option<Protocol>, name: &str) -> Port {
    Port { protocol, port: Some(PortName::Name(name.into())), end: None }
}

/// Pods a of x take TCP 80 from pods of x.
fn plain() -> Policy {
    let peers = Some(vec![Peer::Pods(None, Some(Selector::default()))]);
    let rule = Rule { peers, ports: Some(vec![number(Some(Protocol::Tcp), 80)]) };
    Policy {
        namespace: "x".into(),
        name: "base".into(),
        subject: Some(by_label("pod", "a")),
        types: Some(vec![Direction::Ingress]),
        ingress: Some(vec![rule]),
        egress: None,
    }
}

/// Changes every rule of every policy.
fn rules(policies: &mut [Policy], change: impl Fn(&mut Rule)) {
    for policy in policies {
        for direction in Direction::BOTH {
            policy.rules_mut(direction).iter_mut().flatten().for_each(&change);
        }
    }
}

fn peers(policies: &mut [Policy], peers: &[Peer]) {
    rules(policies, |rule| rule.peers = Some(peers.to_vec()));
}

fn ports(policies: &mut [Policy], ports: &[Port]) {
    rules(policies, |rule| rule.ports = Some(ports.to_vec()));
}

fn subject(policies: &mut [Policy], subject: &Selector) {
    for policy in policies {
        policy.subject = Some(subject.clone());
    }
}

fn direction(policies: &mut [Policy], types: &[Direction]) {
    for policy in policies {
        let rules = policy.ingress.take();
        policy.types = Some(types.to_vec());
        for direction in types {
            *policy.rules_mut(*direction) = rules.clone();
        }
    }
}

/// A second policy like the first one, changed.
fn second(policies: &mut Vec<Policy>, change: impl Fn(&mut Policy)) {
    if let Some(mut policy) = policies.first().cloned() {
        policy.name = format!("second-{}", policies.len());
        change(&mut policy);
        policies.push(policy);
    }
}

const DIRECTIONS: Kind = &[
    ("direction: ingress", |p| direction(p, &[Direction::Ingress])),
    ("direction: egress", |p| direction(p, &[Direction::Egress])),
    ("direction: both", |p| direction(p, &Direction::BOTH)),
];

const TARGETS: Kind = &[
    ("target: pods by label", |p| subject(p, &by_label("pod", "a"))),
    ("target: every pod", |p| subject(p, &Selector::default())),
    ("target: no selector", |p| p.iter_mut().for_each(|p| p.subject = None)),
    ("target: pods by expression", |p| {
        subject(p, &by_expression("pod", Operator::In, &["a", "b"]));
    }),
    ("target: pods by exclusion", |p| subject(p, &by_expression("pod", Operator::NotIn, &["a"]))),
    ("target: nobody", |p| subject(p, &by_expression("pod", Operator::DoesNotExist, &[]))),
    ("target: another namespace", |p| p.iter_mut().for_each(|p| p.namespace = "y".into())),
];

const PEERS: Kind = &[
    ("peer: pods of the namespace", |p| peers(p, &[Peer::Pods(None, Some(Selector::default()))])),
    ("peer: absent", |p| rules(p, |rule| rule.peers = None)),
    ("peer: empty list", |p| peers(p, &[])),
    ("peer: pods by label", |p| peers(p, &[Peer::Pods(None, Some(by_label("pod", "b")))])),
    ("peer: pods by expression", |p| {
        peers(p, &[Peer::Pods(None, Some(by_expression("pod", Operator::NotIn, &["b"])))]);
    }),
    ("peer: every namespace", |p| peers(p, &[Peer::Pods(Some(Selector::default()), None)])),
    ("peer: namespace by label", |p| peers(p, &[Peer::Pods(Some(by_label("ns", "y")), None)])),
    ("peer: namespace by name", |p| {
        peers(p, &[Peer::Pods(Some(by_label("kubernetes.io/metadata.name", "z")), None)]);
    }),
    ("peer: namespace by expression", |p| {
        peers(p, &[Peer::Pods(Some(by_expression("ns", Operator::NotIn, &["x"])), None)]);
    }),
    ("peer: namespace and pods", |p| {
        peers(p, &[Peer::Pods(Some(by_label("ns", "y")), Some(by_label("pod", "b")))]);
    }),
    ("peer: namespace or pods", |p| {
        let namespace = Peer::Pods(Some(by_label("ns", "y")), None);
        peers(p, &[namespace, Peer::Pods(None, Some(by_label("pod", "b")))]);
    }),
    ("peer: block of all", |p| peers(p, &block("0.0.0.0", 0, &[]))),
    ("peer: block of one pod", |p| peers(p, &block("10.0.0.5", 32, &[]))),
    ("peer: block with exception", |p| {
        peers(p, &block("10.0.0.0", 24, &[("10.0.0.0", 30), ("10.0.0.5", 32)]));
    }),
    ("peer: exception taken back", |p| {
        let mut both = block("10.0.0.0", 24, &[("10.0.0.4", 30)]);
        both.extend(block("10.0.0.4", 31, &[]));
        peers(p, &both);
    }),
    ("peer: block of a node", |p| peers(p, &block("192.168.0.0", 24, &[]))),
    ("peer: block of outside", |p| peers(p, &block("203.0.113.0", 24, &[("203.0.113.9", 32)]))),
    ("peer: block of IPv6", |p| peers(p, &block("::", 0, &[]))),
];

const PORTS: Kind = &[
    ("port: numbered", |p| ports(p, &[number(None, 80)])),
    ("port: absent", |p| rules(p, |rule| rule.ports = None)),
    ("port: empty list", |p| ports(p, &[])),
    ("port: empty entry", |p| ports(p, &[Port::default()])),
    ("port: protocol only, UDP", |p| {
        ports(p, &[Port { protocol: Some(Protocol::Udp), ..Port::default() }]);
    }),
    ("port: protocol only, SCTP", |p| {
        ports(p, &[Port { protocol: Some(Protocol::Sctp), ..Port::default() }]);
    }),
    ("port: numbered UDP", |p| ports(p, &[number(Some(Protocol::Udp), 80)])),
    ("port: numbered SCTP", |p| ports(p, &[number(Some(Protocol::Sctp), 80)])),
    ("port: named", |p| ports(p, &[named(None, "serve-80-tcp")])),
    ("port: named UDP", |p| ports(p, &[named(Some(Protocol::Udp), "serve-81-udp")])),
    ("port: named SCTP", |p| ports(p, &[named(Some(Protocol::Sctp), "serve-80-sctp")])),
    ("port: named, of another protocol", |p| ports(p, &[named(None, "serve-80-udp")])),
    ("port: named, nobody's", |p| ports(p, &[named(None, "serve-82-tcp")])),
    ("port: ranged", |p| {
        ports(p, &[Port { end: Some(81), ..number(None, 79) }]);
    }),
    ("port: range of one", |p| ports(p, &[Port { end: Some(81), ..number(None, 81) }])),
    ("port: several", |p| {
        let ranged = Port { end: Some(u16::MAX), ..number(Some(Protocol::Udp), 81) };
        ports(p, &[number(None, 81), ranged, named(Some(Protocol::Sctp), "serve-80-sctp")]);
    }),
];

const RULES: Kind = &[
    ("rule: one", |_| {}),
    ("rule: none, deny all", |p| {
        for policy in p {
            policy.ingress = Some(vec![]);
            policy.egress = None;
        }
    }),
    ("rule: one empty, allow all", |p| rules(p, |rule| *rule = Rule::default())),
    ("rule: two", |p| {
        for policy in p {
            for direction in Direction::BOTH {
                if let Some(rules) = policy.rules_mut(direction) {
                    let peers = Some(vec![Peer::Pods(Some(by_label("ns", "z")), None)]);
                    let ports = Some(vec![number(Some(Protocol::Udp), 81)]);
                    rules.push(Rule { peers, ports });
                }
            }
        }
    }),
    ("rule: types left out", |p| p.iter_mut().for_each(|policy| policy.types = None)),
];

const STACKS: Kind = &[
    ("stack: one policy", |_| {}),
    ("stack: deny all beside", |p| {
        second(p, |policy| {
            policy.subject = None;
            policy.ingress = None;
            policy.egress = None;
        });
    }),
    ("stack: allow all beside", |p| {
        second(p, |policy| {
            for direction in Direction::BOTH {
                *policy.rules_mut(direction) = Some(vec![Rule::default()]);
            }
        });
    }),
    ("stack: another port beside", |p| {
        second(p, |policy| ports(std::slice::from_mut(policy), &[number(None, 81)]));
    }),
    ("stack: the other end closed", |p| {
        second(p, |policy| {
            policy.subject = Some(by_label("pod", "b"));
            policy.types = Some(Direction::BOTH.into());
            policy.ingress = None;
            policy.egress = None;
        });
    }),
    ("stack: three policies", |p| {
        second(p, |policy| policy.subject = None);
        second(p, |policy| policy.namespace = "y".into());
    }),
];

//! The fixture of all examples, and short ways to write policies.

use std::net::IpAddr;

use portcullis_oracle::cluster::calico::{
    Account, Annotation, CalicoAction, CalicoPolicy, CalicoPort, CalicoRule, CalicoTier, Entity,
    Expression, Group, NetworkSet, Order, RuleProtocol, TierEnd,
};
use portcullis_oracle::cluster::{
    Calico, Cluster, Container, ContainerPort, Direction, Labels, Namespace, Net, Phase, Pod,
    Protocol, Spec,
};
use portcullis_oracle::oracle::calico::Carried;
use portcullis_oracle::oracle::{End, Traffic, Verdict, verdict, worlds_of};

pub fn labels(text: &str) -> Labels {
    let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
    pairs.map(|(key, value)| (key.into(), value.into())).collect()
}

fn pod((namespace, name): (&str, &str), own: &str, address: &str, ports: &[(&str, u16)]) -> Pod {
    let port = |(name, number): &(&str, u16)| ContainerPort {
        name: Some((*name).into()),
        number: *number,
        protocol: None,
    };
    let container = Container { ports: ports.iter().map(port).collect(), always: false };
    Pod {
        namespace: namespace.into(),
        name: name.into(),
        labels: labels(own),
        spec: Spec { containers: vec![container], ..Spec::default() },
        phase: Some(Phase::Running),
        addresses: vec![address.parse().unwrap()],
        host_address: None,
        owner: None,
        created: 0,
    }
}

/// shop/web, shop/db, mon/prom, lone/x; all have the account `default`, which has no labels.
pub fn fixture() -> Cluster {
    let namespace = |name: &str, text: &str| Namespace {
        name: name.into(),
        labels: labels(text),
        declared: true,
    };
    let account = |namespace: &str| Account {
        namespace: namespace.into(),
        name: "default".into(),
        labels: Labels::new(),
    };
    Cluster {
        namespaces: vec![
            namespace("shop", "team=retail"),
            namespace("mon", "team=ops"),
            namespace("lone", ""),
        ],
        pods: vec![
            pod(("shop", "web"), "app=web", "10.1.0.10", &[("http", 8080), ("metrics", 9100)]),
            pod(("shop", "db"), "app=db", "10.1.0.20", &[("pg", 5432), ("metrics", 9187)]),
            pod(("mon", "prom"), "app=prom", "10.2.0.5", &[]),
            pod(("lone", "x"), "", "10.3.0.7", &[]),
        ],
        calico: Calico {
            accounts: ["shop", "mon", "lone"].map(account).into(),
            ..Calico::default()
        },
        ..Cluster::default()
    }
}

/// The pod of a name.
pub fn pod_mut<'c>(cluster: &'c mut Cluster, name: &str) -> &'c mut Pod {
    cluster.pods.iter_mut().find(|pod| pod.name == name).unwrap()
}

/// A GlobalNetworkPolicy for all pods, without rules.
pub fn global(name: &str) -> CalicoPolicy {
    CalicoPolicy {
        group: Group::Public,
        namespace: None,
        name: name.into(),
        annotation: None,
        staged: false,
        tier: None,
        order: None,
        selector: None,
        accounts: None,
        namespaces: None,
        stage: None,
        types: None,
        ingress: None,
        egress: None,
    }
}

/// A NetworkPolicy of the namespace `shop` for all its pods, without rules.
pub fn shop(name: &str) -> CalicoPolicy {
    CalicoPolicy { namespace: Some("shop".into()), ..global(name) }
}

/// A policy with rules for what comes in.
pub fn ingress(policy: CalicoPolicy, rules: &[CalicoRule]) -> CalicoPolicy {
    let types = Some(vec![Direction::Ingress]);
    CalicoPolicy { types, ingress: Some(rules.to_vec()), ..policy }
}

/// A policy with rules for what goes out.
pub fn egress(policy: CalicoPolicy, rules: &[CalicoRule]) -> CalicoPolicy {
    let types = Some(vec![Direction::Egress]);
    CalicoPolicy { types, egress: Some(rules.to_vec()), ..policy }
}

/// A policy for pods that match.
pub fn select(selector: Expression, policy: CalicoPolicy) -> CalicoPolicy {
    CalicoPolicy { selector: Some(selector), ..policy }
}

/// A policy of an order.
pub fn ordered(order: i32, policy: CalicoPolicy) -> CalicoPolicy {
    CalicoPolicy { order: Some(Order::whole(order)), ..policy }
}

/// A policy in a tier.
pub fn in_tier(tier: &str, policy: CalicoPolicy) -> CalicoPolicy {
    CalicoPolicy { tier: Some(tier.into()), ..policy }
}

pub fn tier(name: &str, order: Option<i32>, end: Option<TierEnd>) -> CalicoTier {
    let order = order.map(Order::whole);
    CalicoTier { group: Group::Public, name: name.into(), order, end }
}

pub const ALLOW: CalicoAction = CalicoAction::Allow;
pub const DENY: CalicoAction = CalicoAction::Deny;
pub const PASS: CalicoAction = CalicoAction::Pass;

/// A rule about everything.
pub fn rule(action: CalicoAction) -> CalicoRule {
    CalicoRule::new(action)
}

/// A rule about a source.
pub fn from(action: CalicoAction, source: Entity) -> CalicoRule {
    CalicoRule { source, ..rule(action) }
}

/// A rule about a destination.
pub fn to(action: CalicoAction, destination: Entity) -> CalicoRule {
    CalicoRule { destination, ..rule(action) }
}

/// A rule about destination ports of a protocol.
pub fn on(action: CalicoAction, protocol: Protocol, ports: &[CalicoPort]) -> CalicoRule {
    let protocol = Some(RuleProtocol::ported(protocol));
    let destination = Entity { ports: ports.to_vec(), ..Entity::default() };
    CalicoRule { protocol, destination, ..rule(action) }
}

pub fn port(number: u16) -> CalicoPort {
    CalicoPort::Range(number, number)
}

pub fn named(name: &str) -> CalicoPort {
    CalicoPort::Named(name.into())
}

/// Whom a selector selects.
pub fn those(selector: Expression) -> Entity {
    Entity { selector: Some(selector), ..Entity::default() }
}

/// Whom a selector does not select.
pub fn not(selector: Expression) -> Entity {
    Entity { not_selector: Some(selector), ..Entity::default() }
}

/// Those of namespaces.
pub fn of(namespaces: Expression) -> Entity {
    Entity { namespaces: Some(namespaces), ..Entity::default() }
}

pub fn is(key: &str, value: &str) -> Expression {
    Expression::equals(key, value)
}

pub fn net(text: &str) -> Net {
    let (address, prefix) = text.split_once('/').unwrap();
    Net::of(address.parse().unwrap(), prefix.parse().unwrap())
}

/// A GlobalNetworkSet, or a NetworkSet of a namespace.
pub fn set(namespace: Option<&str>, own: &str, nets: &[&str]) -> NetworkSet {
    NetworkSet {
        group: Group::Public,
        namespace: namespace.map(Into::into),
        name: format!("set-{own}").replace('=', "-"),
        labels: labels(own),
        annotation: None,
        nets: nets.iter().map(|text| net(text)).collect(),
    }
}

/// What the annotation of stored objects says.
pub fn annotation(name: Option<&str>, own: &str) -> Option<Annotation> {
    Some(Annotation { name: name.map(Into::into), labels: labels(own) })
}

pub fn end(text: &str) -> End {
    match (text.split_once('/'), text.parse::<IpAddr>()) {
        (_, Ok(address)) => End::Address(address),
        (Some((namespace, name)), _) => End::Pod(namespace.into(), name.into()),
        (None, _) => panic!("{text} is nobody"),
    }
}

/// What becomes of `from to port`, in TCP, or `from to port/PROTOCOL`, or `from to other`: protocols
/// without ports.
pub fn ask(cluster: &Cluster, flow: &str) -> Verdict {
    let words: Vec<&str> = flow.split(' ').collect();
    let [from, to, port] = words[..] else { panic!("{flow} is no flow") };
    let worlds = worlds_of(cluster, &end(from), &end(to));
    if port == "other" {
        let said = portcullis_oracle::oracle::calico::verdict(cluster, &worlds, Carried::Portless);
        return said.unwrap();
    }
    let (port, protocol) = port.split_once('/').unwrap_or((port, "TCP"));
    let protocol = Protocol::ALL.into_iter().find(|one| one.name() == protocol).unwrap();
    let traffic = Traffic { protocol, port: port.parse().unwrap() };
    verdict(cluster, &worlds, &traffic).unwrap()
}

/// Asks about a cluster with these policies: flows that are allowed, and flows that are denied.
pub fn expect(cluster: &Cluster, policies: &[CalicoPolicy], allowed: &[&str], denied: &[&str]) {
    let mut cluster = cluster.clone();
    cluster.calico.policies.extend(policies.iter().cloned());
    for (flows, expected) in [(allowed, Verdict::Allow), (denied, Verdict::Deny)] {
        for flow in flows {
            assert_eq!(ask(&cluster, flow), expected, "{flow}");
        }
    }
}

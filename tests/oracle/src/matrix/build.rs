//! How features are put together.

use super::pods::labels;
use crate::cluster::{
    Direction, Expression, Net, Operator, Peer, Policy, Port, PortName, Protocol, Rule, Selector,
};

/// Selects by one label.
pub fn by_label(key: &str, value: &str) -> Selector {
    Selector { labels: labels(&[(key, value)]), ..Selector::default() }
}

/// Selects by one expression.
pub fn by_expression(key: &str, operator: Operator, values: &[&str]) -> Selector {
    let values = values.iter().map(|value| (*value).into()).collect();
    let expressions = vec![Expression { key: key.into(), operator, values }];
    Selector { expressions, ..Selector::default() }
}

/// A block of addresses.
fn net(text: &str, prefix: u32) -> Option<Net> {
    Some(Net::of(text.parse().ok()?, prefix))
}

/// A peer that is a block with holes.
pub fn block(text: &str, prefix: u32, holes: &[(&str, u32)]) -> Vec<Peer> {
    let holes = holes.iter().filter_map(|(text, prefix)| net(text, *prefix)).collect();
    net(text, prefix).map(|net| Peer::Block(net, Some(holes))).into_iter().collect()
}

/// A port by number.
pub fn number(protocol: Option<Protocol>, number: u16) -> Port {
    Port { protocol, port: Some(PortName::Number(number)), end: None }
}

/// A port by name.
pub fn named(protocol: Option<Protocol>, name: &str) -> Port {
    Port { protocol, port: Some(PortName::Name(name.into())), end: None }
}

/// Pods a of x take TCP 80 from pods of x.
pub fn plain() -> Policy {
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
pub fn rules(policies: &mut [Policy], change: impl Fn(&mut Rule)) {
    for policy in policies {
        for direction in Direction::BOTH {
            policy.rules_mut(direction).iter_mut().flatten().for_each(&change);
        }
    }
}

/// Gives every rule these peers.
pub fn peers(policies: &mut [Policy], peers: &[Peer]) {
    rules(policies, |rule| rule.peers = Some(peers.to_vec()));
}

/// Gives every rule these ports.
pub fn ports(policies: &mut [Policy], ports: &[Port]) {
    rules(policies, |rule| rule.ports = Some(ports.to_vec()));
}

/// Gives every policy this subject.
pub fn subject(policies: &mut [Policy], subject: &Selector) {
    for policy in policies {
        policy.subject = Some(subject.clone());
    }
}

/// Moves the rules to these directions.
pub fn direction(policies: &mut [Policy], types: &[Direction]) {
    for policy in policies {
        let rules = policy.ingress.take();
        policy.types = Some(types.to_vec());
        for direction in types {
            *policy.rules_mut(*direction) = rules.clone();
        }
    }
}

/// A second policy like the first one, changed.
pub fn second(policies: &mut Vec<Policy>, change: impl Fn(&mut Policy)) {
    if let Some(mut policy) = policies.first().cloned() {
        policy.name = format!("second-{}", policies.len());
        change(&mut policy);
        policies.push(policy);
    }
}

/// Closes namespace x in both directions.
pub fn deny_all() -> Policy {
    let (namespace, name) = ("x".into(), "deny-all".into());
    Policy { namespace, name, types: Some(Direction::BOTH.into()), ..Policy::default() }
}

/// Lets everything pass, to and from the pods of namespace x.
pub fn open_to_all() -> Policy {
    let rules = Some(vec![Rule::default()]);
    let (ingress, egress) = (rules.clone(), rules);
    Policy { name: "open".into(), ingress, egress, ..deny_all() }
}

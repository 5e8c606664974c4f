//! Whom policies select and what their rules match, where everything is known.

use super::super::rules::PodFacts;
use super::item::{self, Item};
use super::packet::Packet;
use crate::cluster::calico::{
    CalicoPolicy, CalicoPort, CalicoRule, Entity, Expression, Group, HostStage, RuleProtocol, Test,
    number_of,
};
use crate::cluster::{Direction, Labels, family_of};
use std::net::IpAddr;

/// One end of a packet.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'s> {
    /// Its address.
    pub address: IpAddr,
    /// Everything that Calico knows at that address.
    pub items: &'s [Item<'s>],
    /// The packet's port at this end.
    pub port: Option<u16>,
}

/// §4: whether a policy is one for a pod in a direction. Staged policies are for nobody (§1), and
/// neither are those that are for hosts alone (§10.11).
pub fn applies(policy: &CalicoPolicy, direction: Direction, labels: &Labels) -> bool {
    let hosts = matches!(policy.stage, Some(HostStage::BeforeDnat | HostStage::Untracked));
    !hosts && selects(policy, direction, labels)
}

/// The same of an endpoint of whatever sort, at whatever stage the policy is.
pub fn selects(policy: &CalicoPolicy, direction: Direction, labels: &Labels) -> bool {
    !policy.staged && types(policy).contains(&direction) && subject(policy).matches(labels)
}

/// §4: `types` as defaulted; §1: what is stored without them is for both.
fn types(policy: &CalicoPolicy) -> Vec<Direction> {
    let is_there = |direction| !policy.rules(direction).is_empty();
    match (&policy.types, policy.group) {
        (Some(types), _) => types.clone(),
        (None, Group::Stored) => Direction::BOTH.into(),
        (None, Group::Public) => {
            match (is_there(Direction::Ingress), is_there(Direction::Egress)) {
                (_, false) => vec![Direction::Ingress],
                (false, true) => vec![Direction::Egress],
                (true, true) => Direction::BOTH.into(),
            }
        }
    }
}

/// §4, §10.4: whom a policy selects.
pub fn subject(policy: &CalicoPolicy) -> Expression {
    let accounts = policy.accounts.as_ref().map(|one| one.prefixed(item::OF_ACCOUNT));
    let mut all: Vec<Expression> = policy.selector.iter().cloned().collect();
    if let Some(namespace) = &policy.namespace {
        all.push(Expression::equals(item::NAMESPACE, namespace));
        all.extend(accounts);
        return Expression::And(all);
    }
    // Only what is written is replaced, not what an absent selector means.
    let replace = |all: Vec<Expression>, key| {
        let other = Expression::has(key);
        all.iter().map(|one| one.with_all_as(&other)).collect::<Vec<_>>()
    };
    if let Some(namespaces) = &policy.namespaces {
        all.push(namespaces.prefixed(item::OF_NAMESPACE));
        all = replace(all, item::NAMESPACE);
    }
    if let Some(accounts) = accounts {
        all.push(accounts);
        all = replace(all, item::ACCOUNT);
    }
    Expression::And(all)
}

/// §5: AND over every given criterion.
pub fn rule_matches(
    (policy, rule): (&CalicoPolicy, &CalicoRule),
    (source, destination): (Seen<'_>, Seen<'_>),
    packet: Packet,
) -> bool {
    let is = |protocol: RuleProtocol| protocol.number == packet.protocol;
    rule.ip_version.is_none_or(|version| version == family_of(source.address))
        && rule.protocol.is_none_or(is)
        && !rule.not_protocol.is_some_and(is)
        && entity_matches((policy, &rule.source), source, packet)
        && entity_matches((policy, &rule.destination), destination, packet)
}

/// §5, §10.6: one end of a rule.
pub fn entity_matches(
    (policy, entity): (&CalicoPolicy, &Entity),
    end: Seen<'_>,
    packet: Packet,
) -> bool {
    let positive = positive(policy, entity);
    let excluded =
        |item: &Item<'_>| entity.not_selector.as_ref().is_some_and(|s| s.matches(&item.labels));
    // Positive and negative selectors combine per item.
    let selected = |item: &Item<'_>| {
        positive.as_ref().is_none_or(|all| all.matches(&item.labels) && !excluded(item))
    };
    let known = match positive {
        Some(_) => end.items.iter().any(selected),
        // A lone negative one excludes an address if any item there matches it.
        None => !end.items.iter().any(excluded),
    };
    let named = |pod: &PodFacts, name: &String| {
        let mut ports = pod.ports.iter();
        ports.any(|(own, protocol, number)| {
            own == name && number_of(*protocol) == packet.protocol && Some(*number) == end.port
        })
    };
    let port = |port: &CalicoPort| match port {
        CalicoPort::Range(first, last) => end.port.is_some_and(|p| *first <= p && p <= *last),
        // Of pods that themselves match the positive selector.
        CalicoPort::Named(name) => end
            .items
            .iter()
            .any(|item| selected(item) && item.pod.is_some_and(|pod| named(pod, name))),
    };
    (entity.nets.is_empty() || entity.nets.iter().any(|net| net.contains(end.address)))
        && !entity.not_nets.iter().any(|net| net.contains(end.address))
        && known
        && (entity.ports.is_empty() || entity.ports.iter().any(port))
        && !entity.not_ports.iter().any(port)
}

/// §5, §10.3: everything that must hold of an item, and the scope that a rule of a policy in a
/// namespace has; none if it asks for nothing.
pub fn positive(policy: &CalicoPolicy, entity: &Entity) -> Option<Expression> {
    let uses_selectors =
        entity.selector.is_some() || entity.not_selector.is_some() || entity.accounts.is_some();
    let scope = match (&entity.namespaces, &policy.namespace) {
        (Some(Expression::Global), _) => Some(Expression::has(item::NAMESPACE).negated()),
        (Some(namespaces), _) => {
            let namespaced = Expression::has(item::NAMESPACE);
            Some(namespaces.prefixed(item::OF_NAMESPACE).with_all_as(&namespaced))
        }
        (None, Some(own)) if uses_selectors => Some(Expression::equals(item::NAMESPACE, own)),
        (None, _) => None,
    };
    let accounts = entity.accounts.as_ref();
    let names = accounts.map(|accounts| &accounts.names).filter(|names| !names.is_empty());
    let names = names.map(|names| Expression::test(item::ACCOUNT, Test::In(names.clone())));
    let accounts = accounts.and_then(|accounts| accounts.selector.as_ref());
    let accounts = accounts.map(|selector| selector.prefixed(item::OF_ACCOUNT));
    let all: Vec<Expression> =
        [scope, names, accounts, entity.selector.clone()].into_iter().flatten().collect();
    (!all.is_empty()).then_some(Expression::And(all))
}

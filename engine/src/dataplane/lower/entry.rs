//! The chains that every program has: where packets come in, and what holds for all of them.

use ipnet::IpNet;

use super::super::program::{
    Action, ChainName, FilterRule, L4, Match, RejectWith, SetName, States,
};
use super::super::settings::{Admitted, Denial, Settings};
use super::class::denied;
use crate::manifest::Direction;
use crate::net::{Cidr, Family, Protocol};

/// Types of ICMPv6 messages by which neighbours find each other: without them there is no IPv6,
/// whatever policies admit.
const NEIGHBOUR_DISCOVERY: std::ops::RangeInclusive<u8> = 133..=137;

/// All of them but the roots, which hang on the pods.
///
/// # Shape
/// Each ends in a rule without matches.
pub fn chains(
    settings: &Settings,
    family: Family,
    local: &SetName,
) -> Vec<(ChainName, Vec<FilterRule>)> {
    vec![
        (settings.forward(), forward_rules(settings, family, local)),
        (settings.input(), input_rules(settings, family)),
        (settings.chain("CUT"), closed(cut(settings))),
        (settings.chain("DONE"), closed(cut(settings).into_iter().chain(accept(settings, local)))),
        (settings.chain("INVALID"), closed(invalid(local))),
        (settings.chain("UNKNOWN"), denied(settings, "unknown")),
    ]
}

/// The rules, and a return at the end.
fn closed(rules: impl IntoIterator<Item = FilterRule>) -> Vec<FilterRule> {
    rules.into_iter().chain([FilterRule::new([], Action::Return)]).collect()
}

/// Established connections first, since nearly all packets belong to one; then what has no
/// policy; then the policies of both ends, each of which may deny.
fn forward_rules(settings: &Settings, family: Family, local: &SetName) -> Vec<FilterRule> {
    let state =
        |state, chain| FilterRule::new([Match::State(state)], Action::Goto(settings.chain(chain)));
    let established = state(States::EstablishedOrRelated, "DONE");
    let invalid = state(States::Invalid, "INVALID");
    let ends = [Direction::Egress, Direction::Ingress]
        .map(|direction| FilterRule::new([], Action::Jump(settings.root(direction))));
    let rules = [established, invalid].into_iter().chain(neighbours(family)).chain(ends);
    let rules = rules.chain(unknown(settings, family, local));
    closed(rules.chain(log_admitted(settings, local)).chain(accept(settings, local)))
}

/// A pod's packets to its own node have only the pod's policies; what comes from anybody else is
/// none of ours, and is never accepted here, lest a firewall of the host were passed by.
fn input_rules(settings: &Settings, family: Family) -> Vec<FilterRule> {
    let established = FilterRule::new(
        [Match::State(States::EstablishedOrRelated)],
        Action::Goto(settings.chain("CUT")),
    );
    let egress = FilterRule::new([], Action::Jump(settings.root(Direction::Egress)));
    closed([established].into_iter().chain(neighbours(family)).chain([egress]))
}

/// Connections that a change of policies has ended: both sides are told.
fn cut(settings: &Settings) -> Vec<FilterRule> {
    let marked = Match::ConnectionMark(settings.kill_mark);
    if settings.denial == Denial::Drop {
        return vec![FilterRule::new([marked], Action::Drop)];
    }
    let tcp = Match::Protocol(L4::Ports(Protocol::Tcp));
    vec![
        FilterRule::new([tcp, marked.clone()], Action::Reject(RejectWith::TcpReset)),
        FilterRule::new([marked], Action::Reject(RejectWith::PortUnreachable)),
    ]
}

/// Packets of no connection are dropped where they concern pods of ours. An SCTP association's
/// INIT ACK is left alone: the kernel takes it for invalid where it comes by another way.
fn invalid(local: &SetName) -> Vec<FilterRule> {
    let sctp = Match::Protocol(L4::Ports(Protocol::Sctp));
    let drop = |concerns| FilterRule::new([concerns], Action::Drop);
    vec![
        FilterRule::new([sctp, Match::SctpInitAck], Action::Return),
        drop(Match::SourceIn(local.clone())),
        drop(Match::DestinationIn(local.clone())),
    ]
}

fn neighbours(family: Family) -> Vec<FilterRule> {
    let message = |kind| {
        FilterRule::new([Match::Protocol(L4::Icmpv6), Match::Icmpv6Type(kind)], Action::Return)
    };
    match family {
        Family::IPv4 => Vec::new(),
        Family::IPv6 => NEIGHBOUR_DISCOVERY.map(message).collect(),
    }
}

/// Where pods of the node have their addresses, an address of no known pod is one of a pod whose
/// policies are not in force yet.
fn unknown(settings: &Settings, family: Family, local: &SetName) -> Vec<FilterRule> {
    let blocks = settings.unknown_local.iter().map(|block| match block {
        IpNet::V4(net) => Cidr::V4(net.trunc()),
        IpNet::V6(net) => Cidr::V6(net.trunc()),
    });
    let own = blocks.filter(|block| matches!(block, Cidr::V4(_)) == (family == Family::IPv4));
    let rules = own.flat_map(|block| {
        let target = || Action::Goto(settings.chain("UNKNOWN"));
        [
            FilterRule::new([Match::Source(block), Match::SourceNotIn(local.clone())], target()),
            FilterRule::new(
                [Match::Destination(block), Match::DestinationNotIn(local.clone())],
                target(),
            ),
        ]
    });
    rules.collect()
}

fn log_admitted(settings: &Settings, local: &SetName) -> Vec<FilterRule> {
    let Some(log) = settings.flow_log.filter(|log| log.admitted) else {
        return Vec::new();
    };
    let prefix: std::sync::Arc<str> = format!("{}:allow", settings.prefix).into();
    let rule = |concerns: &[Match]| {
        let action = Action::Log { group: log.group, prefix: prefix.clone() };
        let limit = Match::Limit(log.per_second, log.burst);
        FilterRule::new([concerns, &[limit]].concat(), action)
    };
    // A packet between two pods of the node is logged once.
    let (from, to) = (Match::SourceIn(local.clone()), Match::DestinationIn(local.clone()));
    vec![rule(&[from]), rule(&[Match::SourceNotIn(local.clone()), to])]
}

fn accept(settings: &Settings, local: &SetName) -> Vec<FilterRule> {
    let rule = |concerns| FilterRule::new([concerns], Action::Accept);
    match settings.admitted {
        Admitted::Return => Vec::new(),
        Admitted::Accept => {
            vec![rule(Match::SourceIn(local.clone())), rule(Match::DestinationIn(local.clone()))]
        }
    }
}

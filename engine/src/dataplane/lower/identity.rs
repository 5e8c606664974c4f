//! What makes two chains the same: what their rules do and under which settings, as data. How a
//! tool writes a rule has no part in it.
//!
//! Every kind of thing has a number of its own. Numbers are only ever added: whoever changes one
//! renames chains, and a node then writes them all again once.

use super::super::digest::Digest;
use super::super::program::{Action, FilterRule, IcmpMessage, Match, RejectWith, States};
use super::super::settings::{Denial, FlowLog, Settings};

/// The name of what some rules do as a chain of some kind.
pub fn name(settings: &Settings, kind: Option<&str>, rules: &[FilterRule]) -> String {
    let mut digest = Digest::default();
    digest.text(kind.unwrap_or_default());
    add_settings(&mut digest, settings);
    for rule in rules {
        // Where it comes from is no part of what it does.
        for condition in &rule.matches {
            add_match(&mut digest, condition);
        }
        add_action(&mut digest, &rule.action);
    }
    digest.name()
}

/// Those on which the end of a chain depends, which has the chain's name in it.
fn add_settings(digest: &mut Digest, settings: &Settings) {
    let denial = match settings.denial {
        Denial::Reject => 0,
        Denial::Drop => 1,
    };
    match settings.flow_log {
        None => add(digest, 200, &[denial]),
        Some(FlowLog { group, per_second, burst, admitted }) => {
            let log = [group.into(), per_second.into(), burst.into(), admitted.into()];
            add(digest, 201, &[&[denial][..], &log].concat());
        }
    }
}

fn add_match(digest: &mut Digest, condition: &Match) {
    match condition {
        Match::Source(block) => add_text(digest, 0, &block.to_string()),
        Match::Destination(block) => add_text(digest, 1, &block.to_string()),
        Match::SourceIn(set) => add_text(digest, 2, set),
        Match::SourceNotIn(set) => add_text(digest, 3, set),
        Match::DestinationIn(set) => add_text(digest, 4, set),
        Match::DestinationNotIn(set) => add_text(digest, 5, set),
        Match::DestinationPortIn(set) => add_text(digest, 6, set),
        Match::Protocol(protocol) => add(digest, 7, &[protocol.number().into()]),
        Match::DestinationPorts(ranges) => {
            let ends = ranges.iter().flat_map(|(first, last)| [*first, *last]);
            add(digest, 8, &ends.map(u64::from).collect::<Vec<_>>());
        }
        Match::State(States::EstablishedOrRelated) => add(digest, 9, &[]),
        Match::State(States::Invalid) => add(digest, 10, &[]),
        Match::ConnectionMark(bit) => add(digest, 11, &[(*bit).into()]),
        Match::Icmpv6Type(kind) => add(digest, 12, &[(*kind).into()]),
        Match::Limit(per_second, burst) => {
            add(digest, 14, &[(*per_second).into(), (*burst).into()]);
        }
        // 13 was another thing.
        Match::HopLimit(hops) => add(digest, 15, &[(*hops).into()]),
        Match::Enters(interface) => add_text(digest, 16, interface.as_str()),
        Match::Leaves(interface) => add_text(digest, 17, interface.as_str()),
        Match::SourceIsNode => add(digest, 18, &[]),
        Match::PortIn(set) => add_text(digest, 19, set),
        Match::OtherProtocol(protocol) => add(digest, 20, &[protocol.number().into()]),
        Match::SourcePorts(ranges) => {
            let ends = ranges.iter().flat_map(|(first, last)| [*first, *last]);
            add(digest, 21, &ends.map(u64::from).collect::<Vec<_>>());
        }
        Match::Icmp(IcmpMessage { kind, code, is_other }) => {
            // There are 256 codes.
            let code = code.map_or(256, u64::from);
            add(digest, 22, &[(*kind).into(), code, (*is_other).into()]);
        }
        Match::SourcePortIn(set) => add_text(digest, 23, set),
        Match::SourcePortNotIn(set) => add_text(digest, 24, set),
        Match::DestinationPortNotIn(set) => add_text(digest, 25, set),
        Match::Translated => add(digest, 26, &[]),
        Match::OriginalDestination(block) => add_text(digest, 27, &block.to_string()),
        Match::OriginalPorts(first, last) => {
            add(digest, 28, &[(*first).into(), (*last).into()]);
        }
    }
}

/// A rule has one, after its matches: so it is known where a rule ends.
fn add_action(digest: &mut Digest, action: &Action) {
    match action {
        Action::Jump(chain) => add_text(digest, 100, chain),
        Action::Goto(chain) => add_text(digest, 101, chain),
        Action::Return => add(digest, 102, &[]),
        Action::Accept => add(digest, 103, &[]),
        Action::Drop => add(digest, 104, &[]),
        Action::Reject(RejectWith::PortUnreachable) => add(digest, 105, &[]),
        Action::Reject(RejectWith::TcpReset) => add(digest, 106, &[]),
        Action::Log { group, prefix } => {
            add(digest, 107, &[(*group).into()]);
            digest.text(prefix);
        }
    }
}

fn add_text(digest: &mut Digest, thing: u64, text: &str) {
    digest.number(thing);
    digest.text(text);
}

fn add(digest: &mut Digest, thing: u64, numbers: &[u64]) {
    digest.number(thing);
    digest.number(u64::try_from(numbers.len()).unwrap_or(u64::MAX));
    numbers.iter().for_each(|number| digest.number(*number));
}

#[cfg(test)]
mod tests {
    use super::super::super::program::L4;
    use super::*;
    use crate::net::Protocol;

    fn named(matches: &[Match], action: Action) -> String {
        let rule = FilterRule { matches: matches.to_vec(), action, origin: None };
        name(&Settings::default(), None, &[rule])
    }

    #[test]
    fn chains_that_differ_in_anything_have_names_of_their_own() {
        let tcp = Match::Protocol(L4::Ports(Protocol::Tcp));
        let ports = |ranges: &[(u16, u16)]| Match::DestinationPorts(ranges.to_vec());
        let log = |prefix: &str| Action::Log { group: 1, prefix: prefix.into() };
        let icmp = |kind, code, is_other| Match::Icmp(IcmpMessage { kind, code, is_other });
        let names = [
            named(&[], Action::Return),
            named(&[], Action::Accept),
            named(&[], Action::Jump("a".into())),
            named(&[], Action::Goto("a".into())),
            named(&[], Action::Goto("ab".into())),
            named(&[], log("a")),
            named(&[], log("b")),
            named(&[Match::SourceIn("a".into())], Action::Return),
            named(&[Match::SourceNotIn("a".into())], Action::Return),
            named(&[Match::DestinationPortIn("a".into())], Action::Return),
            named(&[Match::PortIn("a".into())], Action::Return),
            named(&[Match::DestinationPortNotIn("a".into())], Action::Return),
            named(&[Match::SourcePortIn("a".into())], Action::Return),
            named(&[Match::SourcePortNotIn("a".into())], Action::Return),
            named(&[icmp(8, None, false)], Action::Return),
            named(&[icmp(8, Some(0), false)], Action::Return),
            named(&[icmp(8, Some(0), true)], Action::Return),
            named(&[Match::OtherProtocol(L4::Ports(Protocol::Tcp))], Action::Return),
            named(&[tcp.clone(), Match::SourcePorts(vec![(1, 2), (3, 4)])], Action::Return),
            named(&[Match::Limit(1, 2)], Action::Return),
            named(&[Match::Limit(2, 1)], Action::Return),
            named(std::slice::from_ref(&tcp), Action::Return),
            named(&[tcp.clone(), ports(&[(1, 2), (3, 4)])], Action::Return),
            named(&[tcp.clone(), ports(&[(1, 2)]), ports(&[(3, 4)])], Action::Return),
        ];
        let distinct: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(distinct.len(), names.len());
    }

    #[test]
    fn names_depend_on_kind_and_settings_and_never_change() {
        let rules = [FilterRule::new([], Action::Return)];
        let plain = Settings::default();
        let silent = Settings { denial: Denial::Drop, ..plain.clone() };
        let log = FlowLog { group: 1, per_second: 2, burst: 3, admitted: false };
        let logged = Settings { flow_log: Some(log), ..plain.clone() };
        let names = [
            name(&plain, None, &rules),
            name(&plain, Some("tier"), &rules),
            name(&silent, None, &rules),
            name(&logged, None, &rules),
        ];
        let distinct: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(distinct.len(), names.len());
        assert_eq!(names[0], "yjsb2btaiv2bkqqueazj", "an upgrade would write all chains again");
    }
}

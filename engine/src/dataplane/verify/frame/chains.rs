//! The chains that all packets walk.

use std::sync::Arc;

use super::super::hosts;
use crate::dataplane::program::{
    Action, Chain, ChainKind, ChainName, FamilyProgram, Match, SetName,
};
use crate::dataplane::settings::Settings;
use crate::manifest::Direction;
use crate::net::Family;

/// The set of Services.
pub fn services_set(program: &FamilyProgram, settings: &Settings) -> SetName {
    let number = if program.family == Family::IPv4 { 4 } else { 6 };
    format!("{}{number}-services", settings.prefix).into()
}

/// The chains that all packets walk but for the two directions'; none if they lead elsewhere or
/// ask other sets than that of local addresses.
pub fn chains(program: &FamilyProgram, settings: &Settings) -> Option<Vec<Arc<Chain>>> {
    let roots = Direction::BOTH.map(|direction| settings.root(direction));
    let after_admin = Direction::BOTH.map(|direction| settings.root_after_admin(direction));
    let fixed = program.chains.values().filter(|chain| chain.kind == ChainKind::Fixed);
    let of_hosts = hosts::all_roots(settings);
    let apart = |name: &ChainName| {
        roots.contains(name) || after_admin.contains(name) || of_hosts.contains(name)
    };
    let frame: Vec<Arc<Chain>> = fixed.filter(|chain| !apart(&chain.name)).cloned().collect();
    let within = |name: &ChainName| {
        roots.contains(name)
            || of_hosts.contains(name)
            || frame.iter().any(|chain| chain.name == *name)
    };
    let services = services_set(program, settings);
    let asks_others = |one: &Match| match one {
        Match::SourceIn(set)
        | Match::SourceNotIn(set)
        | Match::DestinationIn(set)
        | Match::DestinationNotIn(set)
        | Match::DestinationPortIn(set)
        | Match::DestinationPortNotIn(set)
        | Match::SourcePortIn(set)
        | Match::SourcePortNotIn(set) => ![&program.local, &services].contains(&set),
        _ => false,
    };
    let mut rules = frame.iter().flat_map(|chain| &chain.rules);
    let closed = rules.all(|rule| {
        let stays = match &rule.action {
            Action::Jump(to) | Action::Goto(to) => within(to),
            _ => true,
        };
        stays && !rule.matches.iter().any(asks_others)
    });
    closed.then_some(frame)
}

//! Whether entries of rules match.

use super::{Party, Question, Trace};
use crate::cluster::Place;
use crate::manifest::{Direction, PortEntry, PortMatch};
use crate::policy::{BlockId, BlockPair, PolicySet, RulePeer, SetId};
use crate::selector::Match;

/// Whether one of a rule's port entries names the flow's port; none names every one.
pub fn ports_match<T: Trace>(
    ports: &[PortEntry],
    question: Question<'_, '_>,
    trace: &mut T,
) -> Match {
    let mut matches = Match::from(ports.is_empty());
    for entry in ports {
        let entry = port_matches(entry, question);
        trace.port(entry);
        matches = matches.max(entry);
        if matches == Match::Yes && !T::FULL {
            break;
        }
    }
    matches
}

/// Whether a port entry names the flow's port; a name is the destination pod's, and open if that
/// is not in the input.
///
/// # Source
/// NetworkPolicy §9.
pub fn port_matches(entry: &PortEntry, question: Question<'_, '_>) -> Match {
    let destination = match question.direction {
        Direction::Ingress => question.subject,
        Direction::Egress => question.peer,
    };
    match &entry.ports {
        _ if Some(entry.protocol) != question.protocol => Match::No,
        PortMatch::Any => Match::Yes,
        PortMatch::Range(first, last) => Match::from((*first..=*last).contains(&question.port)),
        PortMatch::Named(name) => destination.names_port(name, entry.protocol, question.port),
    }
}

/// Whether a rule's peer names a party.
///
/// # Source
/// NetworkPolicy §7, §8: selectors match pods only; blocks match addresses, those of pods and
/// nodes too (profile `upstream`). ClusterNetworkPolicy §3: nodes are matched by address.
pub fn peer_matches(set: &PolicySet, entry: RulePeer, party: &Party<'_>) -> Match {
    match entry {
        RulePeer::Pods(id) => in_set(set, id, party),
        RulePeer::Block(id) => within(set, id, party),
        // A pod with a network of its own never has a node's address.
        RulePeer::Nodes(..) if party.group.is_some() => Match::No,
        RulePeer::Nodes(pair, other) => match (within_pair(set, pair, party), &party.place) {
            (matches, Place::Within(_)) if party.host == Match::Yes => matches.max(other),
            (matches, _) => matches,
        },
        RulePeer::Names(pair) => within_pair(set, pair, party),
    }
}

/// Whether a party is a pod of a set.
pub(super) fn in_set(set: &PolicySet, pods: SetId, party: &Party<'_>) -> Match {
    match party.group {
        Some((group, _)) => set.set(pods).map_or(Match::Unknown, |pods| pods.matches(group)),
        None => Match::No,
    }
}

pub(super) fn within_pair(set: &PolicySet, pair: BlockPair, party: &Party<'_>) -> Match {
    match within(set, pair.certain, party) {
        Match::Yes => Match::Yes,
        certain => certain.max(within(set, pair.possible, party).min(Match::Unknown)),
    }
}

pub(super) fn within(set: &PolicySet, block: BlockId, party: &Party<'_>) -> Match {
    set.block(block).map_or(Match::Unknown, |block| party.place.within(block))
}

//! A second opinion: slow, and as literal to the rules of NetworkPolicy and ClusterNetworkPolicy
//! as it can be.
//!
//! It knows no classes, no programs, no sets of ports and no third truth value. What the input
//! does not say it makes up, in every way that matters: each such way is a *world*, in which
//! every label, address, node and domain name is known and the answer is yes or no; only policies
//! of equal priority, which may be evaluated in any order, leave it open in one world too. Where
//! the worlds do not agree the answer is unknown, and nowhere else.

mod apart;
pub mod calico;
mod names;
mod namespaces;
mod nodes;
mod rules;
mod tiers;
mod who;
mod world;

pub use apart::is_open_apart;
pub use rules::{
    Outcomes, Party, PodFacts, Traffic, outcomes, peer_matches, port_matches, rule_matches,
    selected_by, types,
};
pub use tiers::{
    Tier, cluster_peer_matches, cluster_port_matches, is_subject, may_decide, reaches,
    tier_actions, tier_rule_matches,
};
pub use who::{End, Host, Identity, Person, hidden, node_at, persons};
pub use world::{World, is_one_pod, worlds};

use crate::cluster::Cluster;

/// What the worlds say together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It passes in no world.
    Deny,
    /// It passes in some.
    Unknown,
    /// It passes in every world.
    Allow,
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Deny => "deny",
            Self::Unknown => "unknown",
            Self::Allow => "allow",
        })
    }
}

/// What worlds agree on; none if there is no world.
pub fn agreed(answers: impl Iterator<Item = bool>) -> Option<Verdict> {
    let mut verdict = None;
    for answer in answers {
        let one = if answer { Verdict::Allow } else { Verdict::Deny };
        match verdict {
            None => verdict = Some(one),
            Some(known) if known == one => {}
            Some(_) => return Some(Verdict::Unknown),
        }
    }
    verdict
}

/// Whether traffic passes in these worlds; none if there is no world.
pub fn verdict(cluster: &Cluster, worlds: &[World], traffic: &Traffic) -> Option<Verdict> {
    agreed(worlds.iter().flat_map(|world| rules::outcomes(cluster, world, traffic).answers()))
}

/// All worlds of two ends; none if no traffic between them is possible.
pub fn worlds_of(cluster: &Cluster, from: &End, to: &End) -> Vec<World> {
    let (sources, destinations) = (persons(cluster, from), persons(cluster, to));
    // Pods of one workload among each other: each to the others.
    let among = from == to && sources.len() > 1;
    let mut all = Vec::new();
    for source in &sources {
        for destination in &destinations {
            if !(among && source.identity == destination.identity) {
                all.extend(worlds(cluster, source, destination));
            }
        }
    }
    all
}

//! L41: a block of all addresses, next to peers that it makes superfluous.
//!
//! **What.** A policy admits certain pods by their labels, and `0.0.0.0/0` or `::/0` on the same
//! ports.
//!
//! **Why.** All addresses include those of all pods: the block admits every pod of the cluster, so
//! that the peer by labels limits nothing. It was probably meant to be the internet.
//!
//! **Fix.** Take the ranges of pods and Services out of the block, by `except`: 10.0.0.0/8,
//! 172.16.0.0/12 and 192.168.0.0/16 where the cluster uses private addresses.
//!
//! A block alone is left alone: everybody may be meant. Some network plugins (Cilium) never match
//! pods by a block; there both peers are needed, and it does no harm to take private ranges out.

use super::Finding;
use super::named::PeerPlace;
use super::text::{Field, Texts};
use crate::cluster::{Addresses, ClusterModel};
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::{
    Block, Body, Direction, NetworkPolicy, Peer, PeerKind, PortEntry, PortMatch, Rule,
};
use crate::net::{AddrSet, Cidr, Family};
use crate::session::Session;

/// One finding for each such block.
///
/// # Cost
/// Linear in the peers of policies, and in the pods where there is such a block.
pub fn findings(session: &Session) -> Vec<Finding> {
    let mut pods = None;
    let mut texts = Texts::new(session);
    let mut findings = Vec::new();
    for (_, policy) in session.policies().policies() {
        let Body::Policy(body) = &policy.object.body else { continue };
        for (place, block) in wide_blocks(body) {
            let Some(other) = superfluous(body, place) else { continue };
            let pods = pods.get_or_insert_with(|| PodAddresses::new(session.model()));
            if pods.are_in(block) {
                let path = format!("{}.ipBlock.cidr", place.path());
                let finding = finding(block, &other.path());
                findings.push(texts.about(&policy.object, Field::First(&[&path]), finding));
            }
        }
    }
    findings
}

fn finding(block: &Block, other: &str) -> Diagnostic {
    let family = family_of(block);
    let message = format!(
        "`{}` includes all pods: `{other}`, which names some by their labels, limits nothing over {}",
        block.cidr, family
    );
    let ranges = match family {
        Family::IPv6 => "the ranges of pods and Services, such as `fd00::/8`",
        Family::IPv4 => {
            "`except: [10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16]`, or the ranges of pods and \
                  Services"
        }
    };
    let help = format!("if the internet is meant, leave out {ranges}");
    Diagnostic::new(Code::AnyIncludesPods, message).with_help(help)
}

fn family_of(block: &Block) -> Family {
    if block.cidr.contains(':') { Family::IPv6 } else { Family::IPv4 }
}

/// Blocks of a whole family.
fn wide_blocks(policy: &NetworkPolicy) -> Vec<(PeerPlace, &Block)> {
    let all = peers(policy).filter_map(|(place, _, peer)| match &peer.kind {
        PeerKind::Block(block) => Some((place, block)),
        _ => None,
    });
    all.filter(|(_, block)| matches!(&*block.cidr, "0.0.0.0/0" | "::/0")).collect()
}

/// All peers of directions that the policy isolates.
fn peers(policy: &NetworkPolicy) -> impl Iterator<Item = (PeerPlace, &Rule, &Peer)> {
    let directions = Direction::BOTH.into_iter().filter(|direction| policy.isolates(*direction));
    directions.flat_map(move |direction| {
        policy.rules(direction).iter().enumerate().flat_map(move |(rule, one)| {
            let peers = one.peers.iter().enumerate();
            peers.map(move |(peer, it)| (PeerPlace { direction, rule, peer }, one, it))
        })
    })
}

/// A peer by labels that a block of all addresses makes superfluous.
fn superfluous(policy: &NetworkPolicy, block: PeerPlace) -> Option<PeerPlace> {
    let wide = policy.rules(block.direction).get(block.rule)?;
    let mut all = peers(policy).filter(|(place, _, peer)| {
        place.direction == block.direction && names_some_pods(&peer.kind)
    });
    all.find(|(_, rule, _)| covers(&wide.ports, &rule.ports)).map(|(place, ..)| place)
}

fn names_some_pods(peer: &PeerKind) -> bool {
    match peer {
        PeerKind::Pods { namespaces, pods } => {
            let all = [namespaces.as_ref(), pods.as_ref()];
            namespaces.is_none() || all.into_iter().flatten().any(|one| !one.is_empty())
        }
        _ => false,
    }
}

/// Whether ports cover all of some others.
fn covers(wide: &[PortEntry], others: &[PortEntry]) -> bool {
    let covered = |other: &PortEntry| {
        wide.iter().filter(|one| one.protocol == other.protocol).any(|one| {
            match (&one.ports, &other.ports) {
                (PortMatch::Any, _) => true,
                (PortMatch::Range(a, b), PortMatch::Range(c, d)) => a <= c && d <= b,
                (one, other) => one == other,
            }
        })
    };
    wide.is_empty() || (!others.is_empty() && others.iter().all(covered))
}

/// Where pods are.
struct PodAddresses {
    known: AddrSet,
    /// What stands for those that are not known.
    private: AddrSet,
}

impl PodAddresses {
    fn new(model: &ClusterModel) -> Self {
        let of = |addresses: &Addresses| match addresses {
            Addresses::Known(addresses) => addresses.to_vec(),
            _ => Vec::new(),
        };
        let pods = model.endpoints.values().filter(|endpoint| !endpoint.host_network());
        let known = AddrSet::from_addresses(pods.flat_map(|endpoint| of(&endpoint.addresses)));
        let private = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"];
        let private = private.into_iter().filter_map(|range| Cidr::parse(range).ok());
        Self { known, private: AddrSet::from_cidrs(private) }
    }

    /// Whether a block of a whole family has all of them of that family, or all that they may be.
    fn are_in(&self, block: &Block) -> bool {
        let family = family_of(block);
        let known = self.known.of_family(family);
        let pods = if known.is_empty() { self.private.of_family(family) } else { known };
        pods.difference(&block.addresses).is_empty()
    }
}

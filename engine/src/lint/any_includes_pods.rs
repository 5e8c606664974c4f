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

use std::collections::hash_map::Entry;

use rustc_hash::FxHashMap;

use super::blocks::{self, Written, peers, private, whole_family};
use super::implied::{Ports, covers, ports_of};
use super::named::PeerPlace;
use super::text::Field;
use super::{Context, Finding};
use crate::cluster::{Addresses, ClusterModel};
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::{Block, Body, Direction, NetworkPolicy, PeerKind, PortEntry};
use crate::net::{AddrSet, Cidr, Family};

/// One finding for each such block.
///
/// # Cost
/// Linear in the peers of policies, and in the pods where there is such a block; for each list of
/// ports with such a block, in those with peers by labels.
pub fn findings(context: &Context<'_>) -> Vec<Finding> {
    let mut pods = None;
    let mut findings = Vec::new();
    for (_, policy) in context.session.policies().policies() {
        let Body::Policy(body) = &policy.object.body else { continue };
        for Superfluous { block: (place, block, family), other } in superfluous(body) {
            let pods = pods.get_or_insert_with(|| PodAddresses::new(context.session.model()));
            if pods.are_in(block, family) {
                let path = place.block_path();
                let finding = finding((block, family), &other.path(), pods);
                findings.push(context.about(&policy.object, Field::First(&[&path]), finding));
            }
        }
    }
    findings
}

fn finding((block, family): (&Block, Family), other: &str, pods: &PodAddresses) -> Diagnostic {
    let message = format!(
        "`{}` includes all pods: `{other}`, which names some by their labels, limits nothing over {}",
        block.cidr, family
    );
    let given = pods.given.of_family(family).cidrs();
    let ranges = match family {
        _ if (1..=MOST_GIVEN).contains(&given.len()) => {
            format!("`except: [{}]`, where pods are, and the range of Services", given.join(", "))
        }
        Family::IPv6 => "the ranges of pods and Services, such as `fd00::/8`".to_owned(),
        Family::IPv4 => "`except: [10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16]`, or the ranges of \
                         pods and Services"
            .to_owned(),
    };
    let help = format!("if the internet is meant, leave out {ranges}");
    Diagnostic::new(Code::AnyIncludesPods, message).with_help(help)
}

/// No more ranges are written out.
const MOST_GIVEN: usize = 4;

/// A block of a whole family, and a peer by labels that it makes superfluous.
struct Superfluous<'p> {
    block: (PeerPlace, &'p Block, Family),
    other: PeerPlace,
}

fn superfluous(policy: &NetworkPolicy) -> Vec<Superfluous<'_>> {
    let mut all = Vec::new();
    for direction in Direction::BOTH.into_iter().filter(|one| policy.isolates(*one)) {
        let mut labelled = Labelled::of(policy, direction);
        for Written { place, rule, block } in blocks::of(policy, direction) {
            let Some(family) = whole_family(block) else { continue };
            let other = labelled.covered_by(&rule.ports);
            all.extend(other.map(|other| Superfluous { block: (place, block, family), other }));
        }
    }
    all
}

/// Peers by labels: of each list of ports the first.
struct Labelled<'p> {
    all: Vec<(Ports<'p>, PeerPlace)>,
    /// The first of which the ports are among those of a block.
    found: FxHashMap<Ports<'p>, Option<PeerPlace>>,
}

impl<'p> Labelled<'p> {
    fn of(policy: &'p NetworkPolicy, direction: Direction) -> Self {
        let (mut all, mut first) = (Vec::new(), FxHashMap::default());
        for (place, rule, peer) in peers(policy, direction) {
            if !names_some_pods(&peer.kind) {
                continue;
            }
            if let Entry::Vacant(new) = first.entry(ports_of(&rule.ports)) {
                all.push((new.key().clone(), place));
                new.insert(());
            }
        }
        Self { all, found: FxHashMap::default() }
    }

    fn covered_by(&mut self, wide: &'p [PortEntry]) -> Option<PeerPlace> {
        let all = &self.all;
        let found = self.found.entry(ports_of(wide));
        *found.or_insert_with_key(|wide| {
            all.iter().find(|(ports, _)| covers(wide, ports)).map(|(_, place)| *place)
        })
    }
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

/// Where pods are.
struct PodAddresses {
    /// Their ranges, as options or else nodes say.
    given: AddrSet,
    /// Where some are for certain, and where those may be that are not known.
    all: AddrSet,
}

impl PodAddresses {
    fn new(model: &ClusterModel) -> Self {
        let pods = || model.endpoints.values().filter(|endpoint| !endpoint.host_network());
        let known = pods().filter_map(|endpoint| match &endpoint.addresses {
            Addresses::Known(addresses) => Some(addresses.to_vec()),
            Addresses::SomePod | Addresses::SomeNode => None,
        });
        let known = AddrSet::from_addresses(known.flatten());
        let has_others = pods().any(|one| !matches!(one.addresses, Addresses::Known(_)));
        let given = model.space.pods.clone().unwrap_or_else(|| of_nodes(model));
        let all = match known.is_empty() {
            true if given.is_empty() => private(),
            false if !has_others => known,
            _ => known.union(&given),
        };
        Self { given, all }
    }

    /// Whether pods have addresses of a family, and a block of it has all of them.
    fn are_in(&self, block: &Block, family: Family) -> bool {
        let (block, all) = (&block.addresses, &self.all);
        match family {
            Family::IPv4 => !all.v4.is_empty() && block.v4.complement().is_disjoint(&all.v4),
            Family::IPv6 => !all.v6.is_empty() && block.v6.complement().is_disjoint(&all.v6),
        }
    }
}

/// What nodes give to their pods.
fn of_nodes(model: &ClusterModel) -> AddrSet {
    let blocks = model.nodes.iter().flat_map(|node| node.pod_cidrs.iter());
    AddrSet::from_cidrs(blocks.map(|block| match block {
        ipnet::IpNet::V4(net) => Cidr::V4(*net),
        ipnet::IpNet::V6(net) => Cidr::V6(*net),
    }))
}

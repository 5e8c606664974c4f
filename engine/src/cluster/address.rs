//! What is known of endpoints' addresses.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use super::{ClusterModel, Life};
use crate::net::{AddrSet, Cidr, Family};
use crate::selector::Match;

/// What is known of an endpoint's addresses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Addresses {
    /// These, in the order of the input; at least one.
    Known(Arc<[IpAddr]>),
    /// One that the cluster gives to pods.
    SomePod,
    /// One of a node's.
    SomeNode,
}

/// Where addresses lie that are not in the input. None: anywhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressSpace {
    /// Where pods' addresses lie.
    pub pods: Option<AddrSet>,
    /// Where nodes' addresses lie.
    pub nodes: Option<AddrSet>,
    /// What names resolve to: a name as policies write it, lower case and without a final dot.
    pub names: BTreeMap<String, AddrSet>,
    /// The one family that is asked about; none: both. What is in it does not depend on this.
    pub family: Option<Family>,
}

impl AddressSpace {
    /// The space that options name.
    pub fn new(pod_cidrs: &[IpNet], node_cidrs: &[IpNet]) -> Self {
        let set = |cidrs: &[IpNet]| {
            let union = cidrs.iter().fold(AddrSet::default(), |set, cidr| {
                set.union(&AddrSet::from_cidr(match cidr {
                    IpNet::V4(net) => Cidr::V4(net.trunc()),
                    IpNet::V6(net) => Cidr::V6(net.trunc()),
                }))
            });
            (!cidrs.is_empty()).then_some(union)
        };
        Self { pods: set(pod_cidrs), nodes: set(node_cidrs), names: BTreeMap::new(), family: None }
    }

    /// Whether a family is asked about.
    pub fn asks_for(&self, family: Family) -> bool {
        self.family.is_none_or(|asked| asked == family)
    }

    /// With what names resolve to.
    #[must_use]
    pub fn with_names(mut self, names: &BTreeMap<String, Vec<IpAddr>>) -> Self {
        for (name, addresses) in names {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            let known = self.names.entry(name).or_default();
            *known = known.union(&AddrSet::from_addresses(addresses.iter().copied()));
        }
        self
    }

    /// What some names resolve to: addresses that they do for certain, and those that they may. A
    /// name of which nothing is known may resolve to whatever one that stands for it does, and to
    /// anything without such a one.
    pub fn addresses_of(&self, names: &[Arc<str>]) -> (AddrSet, AddrSet) {
        let (mut certain, mut possible) = (AddrSet::default(), AddrSet::default());
        for name in names {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            let known = self.names.iter().filter(|(known, _)| names_also(&name, known));
            certain = known.fold(certain, |all, (_, addresses)| all.union(addresses));
            if !self.names.contains_key(&name) {
                possible = possible.union(&self.most_of(&name));
            }
        }
        possible = possible.union(&certain);
        (certain, possible)
    }

    /// What a name resolves to at most.
    fn most_of(&self, name: &str) -> AddrSet {
        let above = self.names.keys().filter(|known| names_also(known, name));
        let of = |wildcard: &String| {
            let known = self.names.iter().filter(|(known, _)| names_also(wildcard, known));
            known.fold(AddrSet::default(), |all, (_, addresses)| all.union(addresses))
        };
        above.map(of).reduce(|a, b| a.intersection(&b)).unwrap_or_else(AddrSet::full)
    }

    /// Where an address of this kind may lie within a family; all of the family if nothing is
    /// known.
    pub fn of(&self, addresses: &Addresses, family: Family) -> AddrSet {
        let known = match addresses {
            _ if !self.asks_for(family) => return AddrSet::default(),
            Addresses::Known(_) => return AddrSet::default(),
            Addresses::SomePod => &self.pods,
            Addresses::SomeNode => &self.nodes,
        };
        known.clone().unwrap_or_else(AddrSet::full).of_family(family)
    }

    /// The families in which an endpoint of these addresses can talk, and whether that is
    /// certain of each.
    pub fn families(&self, addresses: &Addresses) -> (Vec<Family>, bool) {
        let has = |family| match addresses {
            _ if !self.asks_for(family) => false,
            Addresses::Known(known) => known.iter().any(|a| Family::of(*a) == family),
            unknown => !self.of(unknown, family).is_empty(),
        };
        let certain = match addresses {
            Addresses::Known(_) => true,
            Addresses::SomePod => self.pods.is_some(),
            Addresses::SomeNode => self.nodes.is_some(),
        };
        (Family::BOTH.into_iter().filter(|family| has(*family)).collect(), certain)
    }
}

/// Whether a name means what another one resolves to: `*.` stands for one or more labels.
///
/// # Source
/// ClusterNetworkPolicy §3.
pub fn names_also(name: &str, known: &str) -> bool {
    match name.strip_prefix("*.") {
        Some(parent) => {
            name == known
                || known
                    .strip_suffix(parent)
                    .is_some_and(|labels| labels.len() > 1 && labels.ends_with('.'))
        }
        None => name == known,
    }
}

/// An end's address in one family, as a block asks it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// This one.
    Known(IpAddr),
    /// Somewhere in here; nowhere, if it has no address of the family.
    Within(AddrSet),
}

impl Place {
    /// The family of the address; none if it can be of either, or there is none.
    pub fn family(&self) -> Option<Family> {
        match self {
            Self::Known(address) => Some(Family::of(*address)),
            Self::Within(space) => {
                let has = |family: &Family| !space.of_family(*family).is_empty();
                let mut families = Family::BOTH.into_iter().filter(has);
                families.next().filter(|_| families.next().is_none())
            }
        }
    }

    /// Whether the address is in `block`.
    pub fn within(&self, block: &AddrSet) -> Match {
        match self {
            Self::Known(address) => Match::from(block.contains(*address)),
            Self::Within(space) => {
                let common = space.intersection(block);
                match common.is_empty() {
                    true => Match::No,
                    false if common == *space => Match::Yes,
                    false => Match::Unknown,
                }
            }
        }
    }
}

/// Notes which pod, or which node, has an address.
pub fn index_addresses(model: &mut ClusterModel) {
    for (id, endpoint) in model.endpoints.iter() {
        let Addresses::Known(addresses) = &endpoint.addresses else {
            continue;
        };
        if endpoint.life == Life::Active && !endpoint.host_network() {
            model.by_address.extend(addresses.iter().map(|address| (*address, id)));
        }
    }
    let nodes = (0..).zip(&*model.nodes);
    let addresses = nodes.flat_map(|(id, node)| node.addresses.iter().map(move |one| (*one, id)));
    model.node_by_address = Arc::new(addresses.collect());
}

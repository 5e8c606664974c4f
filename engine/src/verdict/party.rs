//! The ends of a flow.

use std::net::IpAddr;
use std::sync::Arc;

use crate::cluster::{Addresses, ClusterModel, EndpointId, Group, GroupId, Place};
use crate::net::{Family, Protocol};
use crate::policy::{PolicySet, SetId};
use crate::selector::Match;

/// One end of a flow, as the other end's policies see it.
#[derive(Clone, Debug)]
pub struct Party<'m> {
    /// The endpoint, if it is one.
    pub endpoint: Option<EndpointId>,
    /// Its labels and ports, for pods that selectors match.
    pub group: Option<(GroupId, &'m Group)>,
    /// Its address in the flow's family.
    pub place: Place,
    /// The node that it is on, if it is a pod, or that it is.
    pub node: Option<&'m str>,
    /// Whether it is a node, or a pod that uses its node's network, or may be.
    pub host: Match,
    /// Whether it stands for several pods, so that it can be its own peer.
    pub several: bool,
    /// What is known of the names of its ports.
    pub port_names: PortNames,
}

/// What is known of the names of an end's ports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PortNames {
    /// They are those of its group.
    #[default]
    OfGroup,
    /// Nothing: the pod is not in the input.
    Unknown,
    /// The port that is asked about has these names, and no other.
    Assumed(Vec<Arc<str>>),
}

impl<'m> Party<'m> {
    /// A pod or template in a family.
    pub fn endpoint(model: &'m ClusterModel, id: EndpointId, family: Family) -> Option<Self> {
        let endpoint = model.endpoints.get(id)?;
        let known = match &endpoint.addresses {
            Addresses::Known(known) => known.iter().find(|address| Family::of(**address) == family),
            Addresses::SomePod | Addresses::SomeNode => None,
        };
        let place = match known {
            Some(address) => Place::Known(*address),
            None => Place::Within(model.space.of(&endpoint.addresses, family)),
        };
        let group = endpoint.group.and_then(|id| Some((id, model.groups.get(id)?)));
        Some(Self {
            endpoint: Some(id),
            group,
            place,
            node: endpoint.node.as_deref(),
            host: Match::from(endpoint.host_network()),
            several: endpoint.template,
            port_names: PortNames::OfGroup,
        })
    }

    /// An address that is no pod's: a node's, or outside.
    pub fn address(model: &'m ClusterModel, address: IpAddr) -> Self {
        let node = model.node_by_address.get(&address);
        let node = node.and_then(|index| model.nodes.get(*index as usize));
        let among_nodes = model.space.nodes.as_ref().is_some_and(|nodes| nodes.contains(address));
        let host = match (node, among_nodes) {
            (Some(_), _) => Match::Yes,
            (None, true) => Match::Unknown,
            (None, false) => Match::No,
        };
        let node = node.map(|node| &*node.name);
        Self {
            endpoint: None,
            group: None,
            place: Place::Known(address),
            node,
            host,
            several: false,
            port_names: PortNames::OfGroup,
        }
    }

    /// Somebody who is neither a pod nor a node.
    pub fn outside(place: Place) -> Self {
        Self {
            endpoint: None,
            group: None,
            place,
            node: None,
            host: Match::No,
            several: false,
            port_names: PortNames::OfGroup,
        }
    }

    /// A pod that is not in the input, of a group, in a family; none if no pod has an address of it.
    pub fn supposed(model: &'m ClusterModel, group: GroupId, family: Family) -> Option<Self> {
        let space = model.space.of(&Addresses::SomePod, family);
        let group = (group, model.groups.get(group)?);
        let outside = Self::outside(Place::Within(space.clone()));
        let pod = Self { group: Some(group), port_names: PortNames::Unknown, ..outside };
        (!space.is_empty()).then_some(pod)
    }

    /// Whether a name stands for a port of it, among others.
    pub fn names_port(&self, name: &str, protocol: Protocol, number: u16) -> Match {
        match (&self.port_names, self.group) {
            (PortNames::Unknown, _) => Match::Unknown,
            (PortNames::Assumed(names), _) => Match::from(names.iter().any(|own| **own == *name)),
            (PortNames::OfGroup, group) => Match::from(
                group.is_some_and(|(_, group)| group.names_port(name, protocol, number)),
            ),
        }
    }

    /// Whether its pods may differ in labels that selectors ask for.
    pub fn has_variants(&self, model: &ClusterModel) -> bool {
        self.group.is_some_and(|(group, _)| model.variants.contains_key(&group))
    }

    /// Itself with every combination of labels that it may have.
    pub fn variants(&self, model: &'m ClusterModel) -> Vec<Self> {
        let groups = self.group.and_then(|(group, _)| model.variants.get(&group));
        groups.map_or_else(|| vec![self.clone()], |groups| self.as_groups(model, groups))
    }

    /// Itself as if it were of each of these groups.
    pub fn as_groups(&self, model: &'m ClusterModel, groups: &[GroupId]) -> Vec<Self> {
        let of = |id: &GroupId| {
            let group = Some((*id, model.groups.get(*id)?));
            Some(Self { group, ..self.clone() })
        };
        groups.iter().filter_map(of).collect()
    }

    /// Whether it is open whether it is in a set only for its namespace's labels.
    pub fn is_elsewhere(&self, set: &PolicySet, id: SetId) -> bool {
        let elsewhere = set.set(id).map(|pods| &pods.elsewhere);
        self.group.is_some_and(|(group, _)| elsewhere.is_some_and(|all| all.contains(group)))
    }

    /// Whether both can be what they are taken for: one namespace has the same labels for all.
    pub fn agrees_with(&self, other: &Self) -> bool {
        match (self.group, other.group) {
            (Some((_, a)), Some((_, b))) if a.namespace == b.namespace => {
                a.assumed.is_none() || b.assumed.is_none() || a.assumed == b.assumed
            }
            _ => true,
        }
    }

    /// Whether it is on `other`'s node.
    pub fn same_node(&self, other: &Self) -> Match {
        match (self.node, other.node) {
            (Some(a), Some(b)) => Match::from(a == b),
            _ => Match::Unknown,
        }
    }
}

//! The pairs of parties that a question is about.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::port::PortQuery;
use super::query::{QueryError, Side, part_name};
use super::service::{Dialled, ports};
use super::types::FlowQuery;
use crate::cluster::{Addresses, ClusterModel, Endpoint, EndpointId, GroupId, Place};
use crate::manifest::NamedPort;
use crate::net::{AddrSet, Family, PortSet, Protocol};
use crate::selector::Match;
use crate::session::Session;
use crate::verdict::Party;

impl Session {
    /// Names that containers of the input give to ports of a protocol.
    ///
    /// # Cost
    /// Linear in the endpoints.
    pub fn port_names(&self, protocol: Protocol) -> BTreeSet<Arc<str>> {
        let model = self.model();
        let all = model.endpoints.values().flat_map(|endpoint| ports(model, endpoint));
        let own = all.filter(|port| port.protocol == protocol);
        own.map(|port| port.name.clone()).collect()
    }
}

/// Two parties in one family, and the port at the destination.
#[derive(Clone)]
pub struct Case<'m> {
    /// Who sends.
    pub source: Party<'m>,
    /// Who receives.
    pub destination: Party<'m>,
    /// The port as the destination sees it.
    pub port: u16,
    /// All ports that it speaks for, where many are asked about and not all are alike.
    pub ports: Option<PortSet>,
    /// Which pair of endpoints it is about, and which port.
    pub pair: usize,
    /// The family.
    pub family: Family,
    /// What the source dials, where policies may see that in place of the destination.
    pub dialled: Option<(Party<'m>, u16)>,
    /// Whether what the source dials is the address of a Service.
    pub is_translated: bool,
}

impl<'m> Case<'m> {
    /// The same by way of what clients dial outside of the cluster; none in another family.
    pub fn by_way_of(self, model: &'m ClusterModel, dialled: &Dialled) -> Option<Self> {
        let mut own = dialled.addresses.iter();
        let address = own.find(|address| Family::of(**address) == self.family)?;
        let dialled = Some((Party::address(model, *address), dialled.port));
        Some(Self { dialled, ..self })
    }

    /// The same by way of a Service: a pod that reaches itself so is judged like any other.
    ///
    /// # Source
    /// NetworkPolicy §10: only traffic to the pod's own address is out of reach of policies.
    #[must_use]
    pub fn translated(mut self) -> Self {
        self.is_translated = true;
        self.source.several = true;
        self.destination.several = true;
        self
    }
}

/// Two ends, each an endpoint or the address of its side.
type Pair = (Option<EndpointId>, Option<EndpointId>);

/// Every pair of parties that some policy may tell apart, in every family in which both can talk;
/// none if there is no such family.
///
/// Of a range of ports that is the first one: `ranges` finds out which of them differ.
///
/// # Errors
/// If neither end is a pod, or if a port is asked for by a name that not every destination has.
pub fn cases<'m>(
    session: &'m Session,
    (source, destination): (&Side, &Side),
    query: &FlowQuery,
) -> Result<Vec<Case<'m>>, QueryError> {
    let pairs = pairs(session, (source, destination), query);
    if pairs.is_empty() {
        let has_hosts = !session.policies().hosts().is_empty();
        let or = if has_hosts { ", or a node with a HostEndpoint" } else { "" };
        return Err(QueryError::new(format!(
            "neither end is a pod, so no policy applies: at least one end must be a pod{or}"
        )));
    }
    let mut cases = Vec::new();
    let itself = source.is_same_replica(destination);
    let (mut pair, mut of_pairs) = (0, Vec::new());
    for (from, to) in pairs {
        let numbers = numbers(session.model(), destination, to, query)?;
        of_pairs.extend(numbers.into_iter().map(|port| ((from, to), port)));
    }
    for ((from, to), port) in of_pairs {
        pair += 1;
        for family in Family::BOTH {
            let source = party(session, source, from, family);
            let ends = source.zip(party(session, destination, to, family));
            let Some((mut source, mut destination)) = ends else { continue };
            // Only as its own peer does a template stand for two pods.
            let is_one = |id| itself || session.model().is_one_pod(id);
            let several = from == to && !from.is_some_and(is_one);
            source.several &= several;
            destination.several &= several;
            cases.push(Case {
                source,
                destination,
                port,
                ports: None,
                pair,
                family,
                dialled: None,
                is_translated: false,
            });
        }
    }
    Ok(cases)
}

/// Why no case is left.
pub fn no_family(model: &ClusterModel) -> QueryError {
    QueryError::impossible(match model.space.family {
        Some(family) => {
            format!("not both ends have an {family} address, so no traffic is possible")
        }
        None => "the ends have no address family in common, so no traffic is possible".into(),
    })
}

/// Whether two sides are the same pods of one workload, which has several: pairs are then of
/// different pods, since a pod always reaches itself.
pub fn are_siblings(model: &ClusterModel, source: &Side, destination: &Side) -> bool {
    let (Side::Endpoints { endpoints, .. }, Side::Endpoints { endpoints: others, .. }) =
        (source, destination)
    else {
        return false;
    };
    let are_several = match endpoints.as_slice() {
        [one] => !source.is_same_replica(destination) && !model.is_one_pod(*one),
        several => several.len() > 1,
    };
    endpoints == others && are_several
}

/// The numbers of the port that is asked for: of a name, all that the destination has.
fn numbers(
    model: &ClusterModel,
    side: &Side,
    endpoint: Option<EndpointId>,
    query: &FlowQuery,
) -> Result<Vec<u16>, QueryError> {
    let name = match &query.port {
        PortQuery::Number(number) | PortQuery::Range(number, _) => return Ok(vec![*number]),
        PortQuery::Name(name) => name,
    };
    let Some((id, endpoint)) = endpoint.and_then(|id| Some((id, model.endpoints.get(id)?))) else {
        return Err(nameless(side, query));
    };
    let found = named(model, endpoint, query);
    if !found.is_empty() {
        return Ok(found);
    }
    let who = match side {
        Side::Endpoints { endpoints, name, .. } if endpoints.len() == 1 => name.clone(),
        _ => part_name(model, id),
    };
    let known = names(ports(model, endpoint));
    Err(QueryError::new(format!("`{who}` has no {} port named `{name}`{known}", query.protocol)))
}

/// Why a port cannot be asked for by name of an end that is no pod of the input.
fn nameless(side: &Side, query: &FlowQuery) -> QueryError {
    let text = &query.to;
    QueryError::new(match side {
        Side::Supposed { .. } => format!(
            "`{text}` is not in the input, so it is unknown which number a port has by name: use a number"
        ),
        _ => format!("`{text}` is an address, which has no names of ports: use a number"),
    })
}

/// The numbers that a name stands for at an endpoint, ascending; none unless a name is asked for.
fn named(model: &ClusterModel, endpoint: &Endpoint, query: &FlowQuery) -> Vec<u16> {
    let PortQuery::Name(name) = &query.port else { return Vec::new() };
    let same = |port: &&NamedPort| port.name == *name && port.protocol == query.protocol;
    let found = ports(model, endpoint).iter().filter(same).map(|port| port.port);
    let mut found: Vec<u16> = found.collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// What there is instead of a name that is not there.
fn names(ports: &[NamedPort]) -> String {
    let known = ports.iter().map(|port| format!("{} {} ({})", port.protocol, port.name, port.port));
    let mut known: Vec<String> = known.collect();
    known.dedup();
    match known.is_empty() {
        true => ": its ports have no names, use a number".into(),
        false => format!(": it has {}", known.join(", ")),
    }
}

fn party<'m>(
    session: &'m Session,
    side: &Side,
    endpoint: Option<EndpointId>,
    family: Family,
) -> Option<Party<'m>> {
    let model = session.model();
    match (side, endpoint) {
        _ if !model.space.asks_for(family) => None,
        (Side::Addresses(addresses), _) => {
            let own = addresses.iter().filter(|address| Family::of(**address) == family);
            let own: Vec<IpAddr> = own.copied().collect();
            let party = Party::address(model, *own.first()?);
            // Which of them is meant decides which of its host endpoints is.
            let are_open = own.len() > 1 && may_be_host(session, party.node);
            let place = match are_open {
                true => Place::Within(AddrSet::from_addresses(own)),
                false => party.place,
            };
            Some(Party { place, ..party })
        }
        (Side::Endpoints { family: Some(asked), .. }, _) if *asked != family => None,
        (Side::Endpoints { .. }, Some(endpoint)) => {
            let addresses = &model.endpoints.get(endpoint)?.addresses;
            let (families, _) = model.space.families(addresses);
            families.contains(&family).then(|| Party::endpoint(model, endpoint, family))?
        }
        (Side::Supposed { group, .. }, _) => Party::supposed(model, *group, family),
        (Side::Endpoints { .. }, None) => None,
    }
}

fn pairs(session: &Session, (source, destination): (&Side, &Side), query: &FlowQuery) -> Vec<Pair> {
    let model = session.model();
    let of = |side: &Side, other: &Side| match side {
        Side::Endpoints { endpoints, .. } => {
            let by_node = !session.policies().hosts().is_empty();
            let nodes = by_node || is_host(model, side) || is_host(model, other);
            different(session, endpoints, (nodes, query)).into_iter().map(Some).collect()
        }
        Side::Addresses(_) | Side::Supposed { .. } => vec![None],
    };
    let same = match (source, destination) {
        (Side::Addresses(_), Side::Addresses(_)) => {
            let is_judged = [source, destination].iter().any(|side| has_hosts(session, side));
            return if is_judged { vec![(None, None)] } else { Vec::new() };
        }
        (Side::Endpoints { endpoints: a, .. }, Side::Endpoints { endpoints: b, .. }) => {
            a == b && a.len() > 1
        }
        _ => false,
    };
    let (from, to): (Vec<_>, Vec<_>) = (of(source, destination), of(destination, source));
    let all = from.iter().flat_map(|a| to.iter().map(move |b| (*a, *b)));
    // Pods of one workload among each other: a pod to itself is another question.
    all.filter(|(a, b)| !same || a != b).collect()
}

/// Whether a side is a node with a host endpoint, or may be.
fn has_hosts(session: &Session, side: &Side) -> bool {
    let Side::Addresses(addresses) = side else { return false };
    let parties = addresses.iter().map(|address| Party::address(session.model(), *address));
    { parties }.any(|party| party.host != Match::No && may_be_host(session, party.node))
}

/// Whether a node, or one that is not known, may have a host endpoint.
fn may_be_host(session: &Session, node: Option<&str>) -> bool {
    let hosts = session.policies().hosts();
    node.map_or(!hosts.is_empty(), |node| hosts.of_node(node).next().is_some())
}

/// Whether nodes play a part: a node, or a pod on its node's network.
fn is_host(model: &ClusterModel, side: &Side) -> bool {
    match side {
        Side::Addresses(addresses) => addresses.iter().any(|address| {
            let among = model.space.nodes.as_ref().is_some_and(|nodes| nodes.contains(*address));
            among || model.node_by_address.contains_key(address)
        }),
        Side::Supposed { .. } => false,
        Side::Endpoints { endpoints, .. } => {
            let mut endpoints = endpoints.iter().filter_map(|i| model.endpoints.get(*i));
            endpoints.any(Endpoint::host_network)
        }
    }
}

/// What tells endpoints apart: group, addresses, node, numbers of the port that is asked for.
type Told<'m> = (Option<GroupId>, Option<&'m Addresses>, Option<&'m str>, Vec<u16>);

/// Of endpoints that no policy tells apart two at most: enough for each to have a peer.
fn different(
    session: &Session,
    endpoints: &[EndpointId],
    (nodes, query): (bool, &FlowQuery),
) -> Vec<EndpointId> {
    let model = session.model();
    let blocks = !session.policies().blocks().is_empty();
    let mut seen: FxHashMap<Told<'_>, u32> = FxHashMap::default();
    let mut kept = Vec::new();
    for index in endpoints {
        let Some(endpoint) = model.endpoints.get(*index) else { continue };
        let addresses = (blocks || mixes_families(endpoint)).then_some(&endpoint.addresses);
        let node = if nodes { endpoint.node.as_deref() } else { None };
        let numbers = named(model, endpoint, query);
        let count = seen.entry((endpoint.group, addresses, node, numbers)).or_default();
        *count += 1;
        if *count <= 2 {
            kept.push(*index);
        }
    }
    kept
}

/// Whether its families are worth telling apart: not the common single IPv4 address.
fn mixes_families(endpoint: &Endpoint) -> bool {
    match &endpoint.addresses {
        Addresses::Known(addresses) => {
            addresses.len() > 1 || addresses.iter().any(std::net::IpAddr::is_ipv6)
        }
        Addresses::SomePod | Addresses::SomeNode => false,
    }
}

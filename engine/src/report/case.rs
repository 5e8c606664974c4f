//! The pairs of parties that a question is about.

use rustc_hash::FxHashMap;

use super::query::{QueryError, Side};
use crate::cluster::{Addresses, ClusterModel, Endpoint, EndpointId, GroupId};
use crate::net::Family;
use crate::session::Session;
use crate::verdict::Party;

/// Two parties in one family, and the port at the destination.
pub struct Case<'m> {
    /// Who sends.
    pub source: Party<'m>,
    /// Who receives.
    pub destination: Party<'m>,
    /// The port as the destination sees it.
    pub port: u16,
    /// Which pair of endpoints it is about.
    pub pair: usize,
    /// The family.
    pub family: Family,
}

impl Case<'_> {
    /// The same by way of a Service: a pod that reaches itself so is judged like any other.
    ///
    /// # Source
    /// NetworkPolicy §10: only traffic to the pod's own address is out of reach of policies.
    #[must_use]
    pub fn translated(mut self) -> Self {
        self.source.several = true;
        self.destination.several = true;
        self
    }
}

/// Two ends, each an endpoint or the address of its side.
type Pair = (Option<EndpointId>, Option<EndpointId>);

/// Every pair of parties that some policy may tell apart, in every family in which both can talk.
///
/// # Errors
/// If neither end is a pod, or no family is common to both.
pub fn cases<'m>(
    session: &'m Session,
    source: &Side,
    destination: &Side,
    port: u16,
) -> Result<Vec<Case<'m>>, QueryError> {
    let pairs = pairs(session, source, destination);
    if pairs.is_empty() {
        let message = "neither end is a pod, so no policy applies: at least one end must be a pod";
        return Err(QueryError::new(message));
    }
    let mut cases = Vec::new();
    let itself = source.is_same_replica(destination);
    for (pair, (from, to)) in pairs.into_iter().enumerate() {
        for family in Family::BOTH {
            let source = party(session.model(), source, from, family);
            let ends = source.zip(party(session.model(), destination, to, family));
            let Some((mut source, mut destination)) = ends else { continue };
            // Only as its own peer does a template stand for two pods.
            let is_one = |id| itself || session.model().is_one_pod(id);
            let several = from == to && !from.is_some_and(is_one);
            source.several &= several;
            destination.several &= several;
            cases.push(Case { source, destination, port, pair, family });
        }
    }
    if cases.is_empty() {
        let message = match session.model().space.family {
            Some(family) => format!("not both ends have an {family} address"),
            None => "the ends have no address family in common, so no traffic is possible".into(),
        };
        return Err(QueryError::new(message));
    }
    Ok(cases)
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

fn party<'m>(
    model: &'m ClusterModel,
    side: &Side,
    endpoint: Option<EndpointId>,
    family: Family,
) -> Option<Party<'m>> {
    match (side, endpoint) {
        _ if !model.space.asks_for(family) => None,
        (Side::Addresses(addresses), _) => {
            let mut own = addresses.iter().filter(|address| Family::of(**address) == family);
            own.next().map(|address| Party::address(model, *address))
        }
        (Side::Endpoints { family: Some(asked), .. }, _) if *asked != family => None,
        (Side::Endpoints { .. }, Some(endpoint)) => {
            let addresses = &model.endpoints.get(endpoint)?.addresses;
            let (families, _) = model.space.families(addresses);
            families.contains(&family).then(|| Party::endpoint(model, endpoint, family))?
        }
        (Side::Endpoints { .. }, None) => None,
    }
}

fn pairs(session: &Session, source: &Side, destination: &Side) -> Vec<Pair> {
    let model = session.model();
    let of = |side: &Side, other: &Side| match side {
        Side::Endpoints { endpoints, .. } => {
            let nodes = is_host(model, side) || is_host(model, other);
            different(session, endpoints, nodes).into_iter().map(Some).collect()
        }
        Side::Addresses(_) => vec![None],
    };
    let same = match (source, destination) {
        (Side::Addresses(_), Side::Addresses(_)) => return Vec::new(),
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

/// Whether nodes play a part: a node, or a pod on its node's network.
fn is_host(model: &ClusterModel, side: &Side) -> bool {
    match side {
        Side::Addresses(addresses) => addresses.iter().any(|address| {
            let among = model.space.nodes.as_ref().is_some_and(|nodes| nodes.contains(*address));
            among || model.node_by_address.contains_key(address)
        }),
        Side::Endpoints { endpoints, .. } => {
            let mut endpoints = endpoints.iter().filter_map(|i| model.endpoints.get(*i));
            endpoints.any(Endpoint::host_network)
        }
    }
}

/// What tells endpoints apart: group, addresses, node.
type Told<'m> = (Option<GroupId>, Option<&'m Addresses>, Option<&'m str>);

/// Of endpoints that no policy tells apart two at most: enough for each to have a peer.
fn different(session: &Session, endpoints: &[EndpointId], nodes: bool) -> Vec<EndpointId> {
    let model = session.model();
    let blocks = !session.policies().blocks().is_empty();
    let mut seen: FxHashMap<Told<'_>, u32> = FxHashMap::default();
    let mut kept = Vec::new();
    for index in endpoints {
        let Some(endpoint) = model.endpoints.get(*index) else { continue };
        let addresses = (blocks || mixes_families(endpoint)).then_some(&endpoint.addresses);
        let node = if nodes { endpoint.node.as_deref() } else { None };
        let count = seen.entry((endpoint.group, addresses, node)).or_default();
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

//! Flows that a change of a policy allows or denies otherwise.

use std::cell::Cell;
use std::net::IpAddr;
use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::ends::Ends;
use super::mutants::{groups, is_touched};
use super::supposed;
use crate::cluster::{EndpointId, Life};
use crate::manifest::{Direction, Object, PortMatch};
use crate::net::{ConnSet, Family, Protocol};
use crate::policy::PolicyId;
use crate::reach::{Conns, pair};
use crate::report::example::example;
use crate::report::flows::FlowEntry;
use crate::report::list::workload_id;
use crate::report::query::part_name;
use crate::report::service::ports;
use crate::report::types::{FlowQuery, Verdict};
use crate::session::Session;
use crate::verdict::Party;

/// Pairs that are compared for one change before the search ends.
const MOST_PAIRS: u32 = 50_000;

/// What a search has found.
pub enum Found {
    /// A flow, with the verdict that it has without the change.
    Flow(Box<Differing>),
    /// There are too many pairs to compare them all.
    TooMany,
    /// No flow differs.
    Nothing,
}

/// A flow that a change allows or denies otherwise.
#[derive(Clone, Debug)]
pub struct Differing {
    /// The flow, with the verdict that it has without the change.
    pub entry: FlowEntry,
    /// The verdict that it has with it.
    pub becomes: Verdict,
}

/// Somebody who can send and receive, for all that are like them to policies and changes of these.
pub struct One {
    /// The pod; none if it is an address outside.
    pub endpoint: Option<EndpointId>,
    /// The address, if it is one outside.
    address: Option<IpAddr>,
    /// How flows may name it, the shortest first.
    pub names: Vec<String>,
    /// The ports of its containers.
    pub ports: Vec<(Protocol, u16)>,
}

/// Looks for flows that differ.
pub struct Search<'s> {
    session: &'s Session,
    ends: &'s Ends<'s>,
    all: Vec<One>,
}

impl<'s> Search<'s> {
    /// One of each kind of pod and address.
    pub fn new(session: &'s Session, ends: &'s Ends<'s>) -> Self {
        let model = session.model();
        let mut seen = FxHashSet::default();
        let active = model.endpoints.iter().filter(|(_, one)| one.life == Life::Active);
        let pods = active.filter(|(id, _)| {
            // Those whose nodes play a part are asked one by one.
            ends.key(&[*id]).is_none_or(|key| seen.insert(key))
        });
        let pods = pods.map(|(id, _)| One::pod(session, id));
        let addresses = ends.outside.iter().filter_map(|(_, range)| example(range, model));
        let all = pods.chain(addresses.map(One::address)).collect();
        Self { session, ends, all }
    }

    /// A flow of which a change of a policy makes another verdict.
    pub fn difference(&self, mutated: &Session, id: PolicyId, policy: &Arc<Object>) -> Found {
        let left = Cell::new(MOST_PAIRS);
        for subject in &self.all {
            for direction in self.touched(mutated, subject, id) {
                for peer in &self.all {
                    if left.get() == 0 {
                        return Found::TooMany;
                    }
                    left.set(left.get() - 1);
                    let ends = Flow::new(direction, subject, peer);
                    if let Some(entry) = self.between(mutated, &ends, policy) {
                        return Found::Flow(Box::new(entry));
                    }
                }
            }
        }
        match self.with_supposed(mutated, id, policy) {
            Some(entry) => Found::Flow(Box::new(entry)),
            None => Found::Nothing,
        }
    }

    /// Directions in which a policy decides of somebody, before a change or after.
    fn touched(&self, mutated: &Session, subject: &One, id: PolicyId) -> Vec<Direction> {
        let Some(endpoint) = subject.endpoint else { return Vec::new() };
        let groups = groups(self.session, endpoint);
        let is_touched = |direction: &Direction| {
            let both = (self.session, mutated);
            groups.iter().any(|group| is_touched(both, (*group, *direction), id))
        };
        Direction::BOTH.into_iter().filter(is_touched).collect()
    }

    fn between(&self, mutated: &Session, ends: &Flow<'_>, policy: &Object) -> Option<Differing> {
        if ends.from.endpoint.is_some() && ends.from.endpoint == ends.to.endpoint {
            return None;
        }
        Family::BOTH.into_iter().find_map(|family| {
            let from = ends.from.party(self.session, family)?;
            let to = ends.to.party(self.session, family)?;
            let of = |session: &Session| pair(session.model(), session.policies(), &from, &to);
            let (before, after) = (of(self.session), of(mutated));
            let (protocol, port) = differing(&before, &after, &wanted(ends.to, policy))?;
            self.named(mutated, ends, (protocol, port))
        })
    }

    /// The flow by names of its ends of which it is so.
    fn named(
        &self,
        mutated: &Session,
        ends: &Flow<'_>,
        (protocol, port): (Protocol, u16),
    ) -> Option<Differing> {
        ends.from.names.iter().find_map(|from| {
            ends.to.names.iter().find_map(|to| {
                let query =
                    FlowQuery { from: from.clone(), to: to.clone(), protocol, port: port.into() };
                self.expected(mutated, &query)
            })
        })
    }

    /// A flow with its verdict, if that is known and another one after a change.
    pub fn expected(&self, mutated: &Session, query: &FlowQuery) -> Option<Differing> {
        let before = self.session.said(query).ok()?.verdict;
        let after = mutated.said(query).ok()?.verdict;
        if before == Verdict::Unknown || before == after {
            return None;
        }
        let verb = if before == Verdict::Allow { "reaches" } else { "does not reach" };
        let FlowQuery { from, to, protocol, port } = query.clone();
        let name = format!("{from} {verb} {to} on {protocol} {port}");
        let entry = FlowEntry {
            name: Some(name),
            from,
            to,
            protocol: (protocol != Protocol::Tcp).then_some(protocol),
            port,
            expect: Some(before),
        };
        Some(Differing { entry, becomes: after })
    }

    /// Whether an expectation would notice a change.
    pub fn differs(&self, mutated: &Session, entry: &FlowEntry) -> bool {
        let FlowEntry { from, to, protocol, port, expect, .. } = entry.clone();
        let protocol = protocol.unwrap_or(Protocol::Tcp);
        let said = mutated.said(&FlowQuery { from, to, protocol, port });
        said.ok().map(|said| said.verdict) != expect
    }

    /// A flow with a pod that is not in the input, and that the policy names or does not name.
    fn with_supposed(
        &self,
        mutated: &Session,
        id: PolicyId,
        policy: &Arc<Object>,
    ) -> Option<Differing> {
        let subjects = self.all.iter().take(supposed::MOST_SUBJECTS * 8).flat_map(|subject| {
            let touched = self.touched(mutated, subject, id);
            touched.into_iter().map(move |direction| (subject, direction))
        });
        let subjects: Vec<_> = subjects.take(supposed::MOST_SUBJECTS).collect();
        subjects.into_iter().find_map(|(subject, direction)| {
            let mut peers = supposed::peers(self.session, policy, direction);
            // What selects pods of the input means these, where it is expected.
            peers.retain(|peer| self.ends.is_supposed(peer));
            let asked = supposed::ports(policy, direction, subject);
            let mut flows = peers.iter().flat_map(|peer| {
                let ports = asked.iter();
                ports.map(move |port| supposed::flow(direction, subject, peer, *port))
            });
            flows.find_map(|query| self.expected(mutated, &query?))
        })
    }
}

/// The ends of a flow.
struct Flow<'o> {
    from: &'o One,
    to: &'o One,
}

impl<'o> Flow<'o> {
    fn new(direction: Direction, subject: &'o One, peer: &'o One) -> Self {
        match direction {
            Direction::Egress => Self { from: subject, to: peer },
            Direction::Ingress => Self { from: peer, to: subject },
        }
    }
}

impl One {
    fn pod(session: &Session, id: EndpointId) -> Self {
        let model = session.model();
        let endpoint = model.endpoints.get(id);
        let workload = endpoint.and_then(|endpoint| model.workload_of(endpoint));
        let namespace = workload.map_or("", |workload| model.namespace_name(workload.namespace));
        let short = workload.map(|workload| format!("{namespace}/{}", workload.name));
        let long = endpoint.map(|endpoint| workload_id(model, endpoint.workload).to_string());
        let names = short.into_iter().chain(long).chain([part_name(model, id)]).collect();
        let own = endpoint.map(|endpoint| ports(model, endpoint)).unwrap_or_default();
        let ports = own.iter().map(|port| (port.protocol, port.port)).collect();
        Self { endpoint: Some(id), address: None, names, ports }
    }

    fn address(address: IpAddr) -> Self {
        let (names, ports) = (vec![address.to_string()], Vec::new());
        Self { endpoint: None, address: Some(address), names, ports }
    }

    fn party<'m>(&self, session: &'m Session, family: Family) -> Option<Party<'m>> {
        let model = session.model();
        match (self.endpoint, self.address) {
            (Some(id), _) => {
                let addresses = &model.endpoints.get(id)?.addresses;
                let is_there = model.space.families(addresses).0.contains(&family);
                Party::endpoint(model, id, family).filter(|_| is_there)
            }
            (None, Some(address)) if Family::of(address) == family => {
                Some(Party::address(model, address))
            }
            (None, _) => None,
        }
    }
}

/// The ports that a reader expects: those of the destination, then those of the policy.
fn wanted(to: &One, policy: &Object) -> Vec<(Protocol, u16)> {
    let rules = Direction::BOTH.into_iter().flat_map(|direction| policy.rules(direction));
    let entries = rules.flat_map(|rule| &rule.ports);
    let numbers = entries.filter_map(|entry| match entry.ports {
        PortMatch::Range(first, _) => Some((entry.protocol, first)),
        PortMatch::Any | PortMatch::Named(_) => None,
    });
    let usual = [80, 443, 8080].map(|port| (Protocol::Tcp, port));
    to.ports.iter().copied().chain(numbers).chain(usual).collect()
}

/// A port at which the verdict is known before and another one after: one of those that are wanted
/// if there is one.
fn differing(before: &Conns, after: &Conns, wanted: &[(Protocol, u16)]) -> Option<(Protocol, u16)> {
    let closed = before.certain.difference(&after.certain);
    let opened = after.possible.difference(&before.possible);
    let all: ConnSet = closed.union(&opened);
    let known = wanted.iter().find(|(protocol, port)| all.ports(*protocol).contains(*port));
    let first = || {
        [Protocol::Tcp, Protocol::Udp, Protocol::Sctp].into_iter().find_map(|protocol| {
            let (first, _) = all.ports(protocol).ranges().first()?;
            Some((protocol, *first))
        })
    };
    known.copied().or_else(first)
}

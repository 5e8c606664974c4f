//! Finding flows that a rule forbids, by class: one of all that are alike.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;

use rustc_hash::FxHashMap;

use super::rules::{Ends, Flows};
use crate::cluster::{EndpointId, Life};
use crate::manifest::Direction;
use crate::net::{ConnId, ConnSet, Family, Protocol};
use crate::reach::{ClassId, Reach, UnitId, UnitKind};
use crate::report::example::{example, is_example};
use crate::report::hypothetical::World;
use crate::report::types::Verdict;
use crate::selector::Match;

/// A flow that was found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// Less certain flows come after certain ones, and pods that may come to be after those that
    /// are there.
    order: (bool, u32),
    /// Whether it passes for certain.
    pub verdict: Verdict,
    /// What the policies say of it, whether its ends are meant or not.
    said: Verdict,
    /// What another state says of it, if two are compared.
    pub before: Option<Verdict>,
    /// The source.
    pub from: End,
    /// The destination.
    pub to: End,
    /// Its protocol.
    pub protocol: Protocol,
    /// Its port.
    pub port: u16,
    /// Its family, where the two differ.
    pub family: Option<Family>,
}

impl Found {
    /// A flow of which two states say something else.
    pub fn differing(
        (is_certain, rank): (bool, u32),
        (before, said): (Option<Verdict>, Verdict),
        (from, to): (End, End),
        ((protocol, port), family): ((Protocol, u16), Option<Family>),
    ) -> Self {
        let order = (!is_certain, rank);
        let verdict = if is_certain { said } else { Verdict::Unknown };
        Self { order, verdict, said, before, from, to, protocol, port, family }
    }

    /// What asking about the flow alone says, if what was found is right: a flow that passes may be
    /// unknown only for whether its ends are meant.
    pub fn asked_verdict(&self) -> Verdict {
        self.said
    }
}

/// An end of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// A pod.
    Pod(EndpointId),
    /// An address that is no pod's.
    Address(IpAddr),
}

/// A unit that may be an end.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    /// What is not there comes after what is.
    rank: u32,
    unit: UnitId,
    matches: Match,
    end: End,
    /// Another pod of the unit, for flows between two of it.
    twin: Option<End>,
}

/// Candidates that one class speaks for, the best ones first.
type BySpeaker = BTreeMap<ClassId, Vec<Candidate>>;

/// Looks for flows in one state.
pub struct Search<'s, 'm> {
    world: &'s World,
    reach: Reach<'m>,
    /// What of sets of connections is asked for: a port of it.
    asked: FxHashMap<ConnId, Option<(Protocol, u16)>>,
}

impl<'s, 'm> Search<'s, 'm> {
    /// In a state in which a world has come to be.
    pub fn new(world: &'s World, reach: Reach<'m>) -> Self {
        Self { world, reach, asked: FxHashMap::default() }
    }

    /// Flows that pass or may: one at least for each pair of classes between which one does.
    ///
    /// # Cost
    /// Linear in the units, and in pairs of classes that policies let talk.
    pub fn flows(&mut self, flows: &Flows) -> Vec<Found> {
        self.asked.clear();
        let sources = self.candidates(&flows.from, Direction::Egress);
        let destinations = self.candidates(&flows.to, Direction::Ingress);
        let mut found = Vec::new();
        for (speaker, from) in &sources {
            if destinations.is_empty() {
                break;
            }
            if self.reach.is_host(*speaker) {
                from.iter().for_each(|one| self.of_host(*one, &destinations, (flows, &mut found)));
                continue;
            }
            for passage in self.reach.passages(*speaker) {
                let Some(to) = destinations.get(&passage.to) else { continue };
                let conns = (passage.allowed, passage.unknown);
                self.add((from, to), (conns, passage.family), (flows, &mut found));
            }
        }
        found.sort_unstable();
        found
    }

    /// From a pod on its node's network, which may reach something else than its like.
    fn of_host(
        &mut self,
        from: Candidate,
        destinations: &BySpeaker,
        (flows, found): (&Flows, &mut Vec<Found>),
    ) {
        let by_unit: FxHashMap<UnitId, Candidate> =
            destinations.values().flatten().map(|one| (one.unit, *one)).collect();
        for target in self.reach.targets(from.unit) {
            let Some(to) = by_unit.get(&target.unit) else { continue };
            let conns = (target.allowed, target.unknown);
            self.add((&[from], &[*to]), (conns, target.family), (flows, &mut *found));
        }
    }

    fn add(
        &mut self,
        (sources, destinations): (&[Candidate], &[Candidate]),
        ((allowed, unknown), family): ((ConnId, ConnId), Option<Family>),
        (flows, found): (&Flows, &mut Vec<Found>),
    ) {
        for (conns, said) in [(allowed, Verdict::Allow), (unknown, Verdict::Unknown)] {
            let Some((protocol, port)) = self.port(conns, &flows.ports) else { continue };
            let Some((from, to)) = self.pair(sources, destinations) else { continue };
            let are_meant = from.matches.min(to.matches) == Match::Yes;
            let is_certain = are_meant && said == Verdict::Allow;
            let (source, destination) = ends(&from, &to);
            found.push(Found {
                order: (!is_certain, from.rank + to.rank),
                verdict: if is_certain { Verdict::Allow } else { Verdict::Unknown },
                said,
                before: None,
                from: source,
                to: destination,
                protocol,
                port,
                family,
            });
        }
    }

    /// The best source and destination that are not the same pod: of two lists that are sorted, they
    /// are among the first two of each.
    fn pair(&self, from: &[Candidate], to: &[Candidate]) -> Option<(Candidate, Candidate)> {
        let some = from.iter().take(2).flat_map(|a| to.iter().take(2).map(move |b| (*a, *b)));
        let others = some.filter(|(a, b)| {
            a.unit != b.unit || a.end != b.end || a.twin.is_some() || b.twin.is_some()
        });
        others.min_by_key(|(a, b)| (Reverse(a.matches.min(b.matches)), a.rank + b.rank))
    }

    /// A port of what passes that is asked for.
    fn port(&mut self, conns: ConnId, asked: &ConnSet) -> Option<(Protocol, u16)> {
        if conns == ConnId::NONE {
            return None;
        }
        let reach = &self.reach;
        *self
            .asked
            .entry(conns)
            .or_insert_with(|| example_port(&reach.conn(conns).intersection(asked)))
    }

    fn candidates(&self, ends: &Ends, direction: Direction) -> BySpeaker {
        let addresses = ends.addresses(self.reach.model());
        let mut all = BySpeaker::new();
        for (id, unit) in self.reach.units().iter() {
            let Some(speaker) = self.reach.speaker(id, direction) else { continue };
            let candidate = match &unit.kind {
                UnitKind::Outside(_, own) => {
                    let meant = own.intersection(&addresses);
                    let address = (!meant.is_empty()).then(|| example(&meant, self.reach.model()));
                    address.flatten().map(|address| Candidate {
                        rank: u32::from(!is_example(address)),
                        unit: id,
                        matches: Match::Yes,
                        end: End::Address(address),
                        twin: None,
                    })
                }
                UnitKind::Workload { endpoints, .. } => self.pods(id, endpoints, ends),
            };
            all.entry(speaker).or_default().extend(candidate);
        }
        all.retain(|_, list| !list.is_empty());
        for list in all.values_mut() {
            list.sort_by_key(|one| (Reverse(one.matches), one.rank, one.unit));
        }
        all
    }

    /// A pod of a unit that is meant for certain, or else one that may be.
    fn pods(&self, unit: UnitId, endpoints: &[EndpointId], ends: &Ends) -> Option<Candidate> {
        let model = self.reach.model();
        let known = endpoints.iter().filter_map(|id| Some((*id, model.endpoints.get(*id)?)));
        let active = known.filter(|(_, endpoint)| endpoint.life == Life::Active);
        let matching = active.map(|(id, endpoint)| (ends.has(model, endpoint), id, endpoint));
        let mut matching: Vec<_> = matching.filter(|(matches, ..)| *matches != Match::No).collect();
        matching.sort_by_key(|(matches, id, _)| (Reverse(*matches), *id));
        let (matches, id, endpoint) = *matching.first()?;
        let twin = match matching.get(1) {
            Some((_, other, _)) => Some(End::Pod(*other)),
            None if self.reach.is_one_pod(unit) => None,
            None => Some(End::Pod(id)),
        };
        let workload = model.workload_of(endpoint)?;
        let namespace = model.namespace_name(workload.namespace);
        let rank = self.world.rank(namespace, &endpoint.name);
        Some(Candidate { rank, unit, matches, end: End::Pod(id), twin })
    }
}

/// The pods of a pair: where both are of one unit, two of it.
fn ends(from: &Candidate, to: &Candidate) -> (End, End) {
    match (from.end == to.end, to.twin, from.twin) {
        (true, Some(twin), _) => (from.end, twin),
        (true, None, Some(twin)) => (twin, to.end),
        _ => (from.end, to.end),
    }
}

/// A port that people know, or the first one.
pub fn example_port(conns: &ConnSet) -> Option<(Protocol, u16)> {
    [Protocol::Tcp, Protocol::Udp, Protocol::Sctp].into_iter().find_map(|protocol| {
        let ports = conns.ports(protocol);
        let (first, _) = *ports.ranges().first()?;
        let known = [443, 80, 8080, 53].into_iter().find(|port| ports.contains(*port));
        Some((protocol, known.unwrap_or(first)))
    })
}

//! What two states let pass differently, among pods that may come to be as well as those that are
//! there.
//!
//! Pods that may come to be are the same on both sides, and stand for all that one side alone has:
//! so only ends that both sides have are compared. What a side leaves open of one of them it leaves
//! open whatever pods there are.

use std::cmp::Reverse;

use crate::cluster::{Endpoint, EndpointId, Life};
use crate::net::{AddrSet, ConnSet, ConnTable, Protocol};
use crate::reach::{Reach, UnitKind};
use crate::report::diff::compare::{Compared, Comparer};
use crate::report::diff::flows::Flow;
use crate::report::diff::joint::{JointId, Joints};
use crate::report::diff::side::Sided;
use crate::report::diff::{BySide, DiffSide};
use crate::report::example::{example, is_example};
use crate::report::hypothetical::World;
use crate::report::list::ListFilter;
use crate::report::types::Verdict;
use crate::selector::Match;
use crate::session::Session;

use super::rules::{Ends, Flows};
use super::search::{End, Found, example_port};

/// Two states in which a world has come to be.
pub struct Comparison<'s> {
    world: &'s World,
    joints: Joints,
    sides: BySide<Sided<'s>>,
    conns: ConnTable,
    compared: Compared,
}

/// An end of what differs.
#[derive(Clone, Copy)]
struct Candidate {
    rank: u32,
    joint: JointId,
    matches: Match,
    end: End,
    twin: Option<End>,
}

impl<'s> Comparison<'s> {
    /// What differs.
    ///
    /// # Cost
    /// As [`Session::diff`].
    pub fn new(world: &'s World, probes: [&'s Session; 2]) -> Self {
        let filter = ListFilter { siblings: true, ..ListFilter::default() };
        let mut sides = BySide::from_array(probes).map(|_, one| Sided::new(one, &filter));
        let joints = Joints::new(BySide::from_fn(|side| &sides[side].reach));
        let mut conns = ConnTable::default();
        let compared = Comparer::new(&joints, &mut sides, &mut conns, &filter).compare();
        Self { world, joints, sides, conns, compared }
    }

    /// Flows of some ends that the new side lets pass, or may, and the old one does not: one at
    /// least for each set of ends between which they differ alike.
    pub fn opened(&self, flows: &Flows) -> Vec<Found> {
        let is_opened = |flow: &Flow| {
            matches!(
                (flow.before, flow.after),
                (Some(Verdict::Deny | Verdict::Unknown), Some(Verdict::Allow))
                    | (Some(Verdict::Deny), Some(Verdict::Unknown))
            )
        };
        self.found(flows, is_opened)
    }

    /// All flows that differ.
    pub fn differing(&self) -> Vec<Found> {
        let mut ports = ConnSet::none();
        Protocol::ALL.into_iter().for_each(|one| ports.add(one, &crate::net::all_ports()));
        let flows = Flows { from: Ends::anything(), to: Ends::anything(), ports };
        self.found(&flows, |flow| flow.before.is_some() && flow.after.is_some())
    }

    fn found(&self, flows: &Flows, is_asked: impl Fn(&Flow) -> bool) -> Vec<Found> {
        let mut found = Vec::new();
        for bundle in self.compared.bundles.iter().filter(|bundle| is_asked(&bundle.flow)) {
            let Some((protocol, port)) = self.port(&bundle.flow, &flows.ports) else { continue };
            let from = self.candidates(&bundle.from, &flows.from);
            let to = self.candidates(&bundle.to, &flows.to);
            let pairs = from.iter().flat_map(|a| to.iter().map(move |b| (*a, *b)));
            let others = pairs.filter(|(a, b)| a.joint != b.joint);
            let best = others
                .min_by_key(|(a, b)| (a.matches.min(b.matches) != Match::Yes, a.rank + b.rank));
            found.extend(best.map(|pair| self.flow(pair, &bundle.flow, (protocol, port))));
        }
        for (unit, flow) in self.compared.own.iter().filter(|(_, flow)| is_asked(flow)) {
            let Some(port) = self.port(flow, &flows.ports) else { continue };
            let (from, to) =
                (self.candidates(&[*unit], &flows.from), self.candidates(&[*unit], &flows.to));
            if let (Some(from), Some(to)) = (from.first(), to.first()) {
                found.push(self.flow((*from, *to), flow, port));
            }
        }
        found.sort_unstable();
        found
    }

    fn port(&self, flow: &Flow, asked: &ConnSet) -> Option<(Protocol, u16)> {
        example_port(&self.conns.get(flow.ports).intersection(asked))
    }

    fn flow(
        &self,
        (from, to): (Candidate, Candidate),
        flow: &Flow,
        (protocol, port): (Protocol, u16),
    ) -> Found {
        let are_meant = from.matches.min(to.matches) == Match::Yes;
        let are_known = [flow.before, flow.after].iter().all(|one| *one != Some(Verdict::Unknown));
        let is_certain = are_meant && are_known;
        let is_one = from.joint == to.joint && from.end == to.end;
        let end = if is_one { to.twin.unwrap_or(to.end) } else { to.end };
        Found::differing(
            (is_certain, from.rank + to.rank),
            (flow.before, flow.after.unwrap_or(Verdict::Unknown)),
            (from.end, end),
            ((protocol, port), flow.family),
        )
    }

    /// A few ends of some that are meant, the best ones of them.
    fn candidates(&self, joints: &[JointId], ends: &Ends) -> Vec<Candidate> {
        let addresses = ends.addresses(self.sides[DiffSide::New].reach.model());
        let all = joints.iter().filter_map(|joint| self.candidate(*joint, (ends, &addresses)));
        let mut all: Vec<Candidate> = all.collect();
        all.sort_by_key(|one| (one.matches != Match::Yes, one.rank, one.joint));
        all.truncate(2);
        all
    }

    /// Ends are those of the new side.
    fn candidate(&self, joint: JointId, (ends, addresses): (&Ends, &AddrSet)) -> Option<Candidate> {
        let reach = &self.sides[DiffSide::New].reach;
        let units = self.joints.all.get(joint)?.unit;
        let unit = units[DiffSide::New]?;
        let model = reach.model();
        match &reach.units().get(unit)?.kind {
            UnitKind::Outside(..) => {
                let crate::report::list::members::MemberKind::Outside(own) =
                    &self.joints.members.get(joint)?.kind
                else {
                    return None;
                };
                let address = example(&own.intersection(addresses), model)?;
                let (rank, end) = (u32::from(!is_example(address)), End::Address(address));
                Some(Candidate { rank, joint, matches: Match::Yes, end, twin: None })
            }
            UnitKind::Workload { endpoints, .. } => {
                let known =
                    endpoints.iter().filter_map(|id| Some((*id, model.endpoints.get(*id)?)));
                let active = known.filter(|(_, endpoint)| endpoint.life == Life::Active);
                let matching = active.map(|(id, one)| (ends.has(model, one), id, one));
                let mut matching: Vec<(Match, EndpointId, &Endpoint)> = matching.collect();
                matching.sort_by_key(|(matches, id, _)| (Reverse(*matches), *id));
                let (matches, first, endpoint) = *matching.first()?;
                if matches == Match::No {
                    return None;
                }
                let twin = matching.get(1).filter(|(matches, ..)| *matches != Match::No);
                let twin = twin.map_or(first, |(_, id, _)| *id);
                let namespace = model.namespace_name(model.workload_of(endpoint)?.namespace);
                let rank = self.world.rank(namespace, &endpoint.name);
                Some(Candidate {
                    rank,
                    joint,
                    matches,
                    end: End::Pod(first),
                    twin: Some(End::Pod(twin)),
                })
            }
        }
    }

    /// Flows between pods that may come to be, of which all is known, that a side leaves open all the
    /// same: the first of each side.
    pub fn open(&self) -> Vec<Found> {
        let sides = [DiffSide::Old, DiffSide::New].into_iter();
        sides.filter_map(|side| self.open_on(side)).collect()
    }

    fn open_on(&self, side: DiffSide) -> Option<Found> {
        let session = self.sides[side].session;
        let mut reach = Reach::new(session.model(), session.policies());
        for speaker in reach.sources() {
            let from = new_end(self.world, &reach, reach.units_from(speaker));
            let Some(from) = from else { continue };
            for passage in reach.passages(speaker) {
                let port = example_port(reach.conn(passage.unknown));
                let to = new_end(self.world, &reach, reach.units_to(passage.to));
                if let Some((port, to)) = port.zip(to) {
                    let verdicts = (Some(Verdict::Unknown), Verdict::Unknown);
                    let at = (port, passage.family);
                    return Some(Found::differing((false, 0), verdicts, (from, to), at));
                }
            }
        }
        None
    }
}

/// A pod that may come to be, or an address, of some units.
fn new_end(world: &World, reach: &Reach<'_>, units: &[crate::reach::UnitId]) -> Option<End> {
    units.iter().find_map(|unit| match &reach.units().get(*unit)?.kind {
        UnitKind::Outside(_, own) => Some(End::Address(example(own, reach.model())?)),
        UnitKind::Workload { endpoints, .. } => {
            let id = *endpoints.first()?;
            let endpoint = reach.model().endpoints.get(id)?;
            let namespace =
                reach.model().namespace_name(reach.model().workload_of(endpoint)?.namespace);
            world.pod(namespace, &endpoint.name).map(|_| End::Pod(id))
        }
    })
}

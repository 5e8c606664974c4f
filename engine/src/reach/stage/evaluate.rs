//! Evaluates tiers of ordered rules for classes, each combination of keys once.

use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::super::class::ClassId;
use super::super::pair;
use super::super::row::{Key, RowId, Span};
use super::{Fate, FrameId, Memory, Peer, Segment, SegmentId, Stages, signature};
use crate::cluster::ClusterModel;
use crate::net::{ConnId, ConnSet, ConnTable};
use crate::policy::PolicySet;
use crate::policy::fold::{Outcomes, Ties, Walk};

/// Evaluates stages of one cluster.
pub struct Evaluator<'e, 'm> {
    /// The cluster.
    pub model: &'m ClusterModel,
    /// Its policies.
    pub set: &'m PolicySet,
    /// Stages.
    pub stages: &'e Stages,
    /// Sets of connections.
    pub conns: &'e mut ConnTable,
    /// What is known already.
    pub memory: &'e mut Memory,
}

impl Memory {
    /// Whether the order of policies of equal priority decides what becomes of a class.
    pub fn is_tied(&self, segment: SegmentId, class: ClassId) -> bool {
        self.by_class.get(&(segment, class)).is_some_and(|(_, tied)| *tied)
    }
}

impl Evaluator<'_, '_> {
    /// What a frame lets pass between its subjects and a peer, given what NetworkPolicies admit.
    pub fn span(&mut self, id: FrameId, peer: Peer<'_, '_>, admitted: Span) -> Span {
        let Some(frame) = self.stages.get(id) else { return Span::NONE };
        let fates: Vec<Fate> = frame.segments().map(|one| self.fate(one, peer).0).collect();
        self.folded((fates, frame.isolates.then_some(admitted), frame.before.len()))
    }

    /// As [`Self::span`], if what each tier does with the class is known already.
    pub fn known_span(&mut self, id: FrameId, class: ClassId, admitted: Span) -> Option<Span> {
        let frame = self.stages.get(id)?;
        let known = |segment| Some(self.memory.by_class.get(&(segment, class))?.0);
        let fates: Option<Vec<Fate>> = frame.segments().map(known).collect();
        Some(self.folded((fates?, frame.isolates.then_some(admitted), frame.before.len())))
    }

    fn folded(&mut self, key: (Vec<Fate>, Option<Span>, usize)) -> Span {
        if let Some(known) = self.memory.folded.get(&key) {
            return *known;
        }
        let span = self.fold(&key.0, key.1, key.2);
        self.memory.folded.insert(key, span);
        span
    }

    /// Brings tiers together: what one passes on comes into the next.
    fn fold(&mut self, fates: &[Fate], admitted: Option<Span>, before: usize) -> Span {
        let (first, last) = fates.split_at_checked(before).unwrap_or((fates, &[]));
        let mut way = Way { entry: ConnId::ALL, accept: ConnId::NONE, deny: ConnId::NONE };
        first.iter().for_each(|fate| way.through(*fate, self.conns));
        if let Some(admitted) = admitted {
            let deny = self.conns.difference(ConnId::ALL, admitted.certain);
            let fate = Fate { accept: admitted.possible, deny, pass: ConnId::NONE };
            way.through(fate, self.conns);
        }
        last.iter().for_each(|fate| way.through(*fate, self.conns));
        // What no tier has decided is allowed.
        let possible = self.conns.union(way.accept, way.entry);
        Span { certain: self.conns.difference(ConnId::ALL, way.deny), possible }
    }

    /// What becomes of connections with a peer in a tier, and whether that hangs on the order of
    /// policies of equal priority.
    pub fn fate(&mut self, id: SegmentId, peer: Peer<'_, '_>) -> (Fate, bool) {
        if let Some(known) = self.memory.by_class.get(&(id, peer.id)) {
            return *known;
        }
        let Some(segment) = self.stages.segment_of(id) else { return (CLOSED, false) };
        let signature = (id, signature(&segment.keys, segment.names, peer));
        let known = self.memory.by_signature.get(&signature).copied();
        let fate = known.unwrap_or_else(|| self.evaluate(segment, peer));
        self.memory.by_signature.insert(signature, fate);
        self.memory.by_class.insert((id, peer.id), fate);
        fate
    }

    fn evaluate(&mut self, segment: &Segment, peer: Peer<'_, '_>) -> (Fate, bool) {
        let subject = segment.subject.and_then(|id| self.model.groups.get(id));
        let by = |ties| {
            let walk = Walk { set: self.set, direction: segment.direction, ties };
            pair::by_tier(walk, &segment.program, subject, peer.party)
        };
        let (any, by_name) = (by(Ties::Any), by(Ties::ByName));
        let tied = any != by_name;
        let mut intern = |set: ConnSet| self.conns.intern(set);
        let Outcomes { accept, deny, pass } = any;
        (Fate { accept: intern(accept), deny: intern(deny), pass: intern(pass) }, tied)
    }

    /// What a program lets pass where several of its tiers ask for an address that is not known:
    /// only together do they say what passes from each.
    pub fn joint(
        &mut self,
        (row, frame): (RowId, FrameId),
        own: impl Iterator<Item = Key>,
        peer: Peer<'_, '_>,
        whole: impl FnOnce() -> Option<pair::Conns>,
    ) -> Span {
        let Some(frame) = self.stages.get(frame) else { return Span::NONE };
        let mut keys: FxHashSet<Key> = own.collect();
        let mut names = true;
        for segment in frame.segments().filter_map(|id| self.stages.segment_of(id)) {
            keys.extend(&segment.keys);
            names |= segment.names;
        }
        let key = (row, signature(&keys, names, peer));
        if let Some(known) = self.memory.joint.get(&key) {
            return *known;
        }
        let span = whole().map_or(Span::NONE, |conns| Span {
            certain: self.conns.intern(conns.certain),
            possible: self.conns.intern(conns.possible),
        });
        self.memory.joint.insert(key, span);
        span
    }

    /// What [`Self::open`] has said of a frame.
    pub fn known_open(&self, id: FrameId) -> Option<Arc<[ClassId]>> {
        self.memory.open.get(&id).cloned()
    }

    /// Classes, of all that are given, with which a frame lets something pass even where no
    /// NetworkPolicy admits anything.
    pub fn open<'p, 'n: 'p>(
        &mut self,
        id: FrameId,
        peers: impl Iterator<Item = Peer<'p, 'n>>,
    ) -> Arc<[ClassId]> {
        if let Some(known) = self.memory.open.get(&id) {
            return known.clone();
        }
        let open = peers.filter(|peer| self.span(id, *peer, Span::NONE).possible != ConnId::NONE);
        let open: Arc<[ClassId]> = open.map(|peer| peer.id).collect();
        self.memory.open.insert(id, open.clone());
        open
    }
}

/// Denies everything.
const CLOSED: Fate = Fate { accept: ConnId::NONE, deny: ConnId::ALL, pass: ConnId::NONE };

/// Connections on their way through tiers.
struct Way {
    entry: ConnId,
    accept: ConnId,
    deny: ConnId,
}

impl Way {
    fn through(&mut self, fate: Fate, conns: &mut ConnTable) {
        let mut here = |outcome| conns.intersection(self.entry, outcome);
        let (accept, deny, pass) = (here(fate.accept), here(fate.deny), here(fate.pass));
        self.accept = conns.union(self.accept, accept);
        self.deny = conns.union(self.deny, deny);
        self.entry = pass;
    }
}

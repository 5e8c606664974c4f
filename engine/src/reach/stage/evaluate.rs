//! Evaluates tiers of ordered rules for classes, each combination of keys once.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::class::ClassId;
use super::super::pair;
use super::super::row::{Key, RowId};
use super::super::span::Span;
use super::passage::Ways;
use super::view::{Signature, ViewId, signature};
use super::{Effect, Fate, Frame, FrameId, Named, Segment, SegmentId, Stages};
use crate::cluster::ClusterModel;
use crate::net::{ConnId, ConnSet, ConnTable};
use crate::policy::PolicySet;
use crate::policy::fold::{Outcomes, Ties, Walk};
use crate::shared::Table;
use crate::verdict::Party;

/// What has been computed.
#[derive(Debug, Default)]
pub struct Memory {
    /// By segment, then by view.
    fates: Table<Table<Option<(Fate, bool)>, Signature>, Segment>,
    by_signature: FxHashMap<(SegmentId, Signature), (Fate, bool)>,
    /// By frame, then by view.
    effects: Table<Table<Option<Effect>, Signature>, Frame>,
    ways: Ways,
    joint: FxHashMap<(RowId, Signature), Span>,
    /// Classes to which a frame is open, whatever NetworkPolicies admit.
    open: FxHashMap<FrameId, Arc<[ClassId]>>,
    /// Frames of ingress rows that are open to a view, whatever NetworkPolicies admit.
    open_frames: FxHashMap<ViewId, Arc<[FrameId]>>,
}

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
    /// Whether the order of policies of equal priority decides what becomes of classes.
    pub fn is_tied(&self, segment: SegmentId, view: ViewId) -> bool {
        let fate = self.fates.get(segment).and_then(|own| *own.get(view)?);
        fate.is_some_and(|(_, tied)| tied)
    }
}

impl Evaluator<'_, '_> {
    /// What a frame lets pass between its subjects and a class, by what NetworkPolicies admit; the
    /// party, one of its members, is asked for only where that is not known yet.
    pub fn effect<'p>(
        &mut self,
        id: FrameId,
        class: ClassId,
        party: impl FnOnce() -> Option<Party<'p>>,
    ) -> Effect {
        let view = self.stages.views.of(class);
        let known = self.memory.effects.get(id).and_then(|own| *own.get(view)?);
        if let Some(known) = known {
            return known;
        }
        let effect = party().map_or(CLOSED_TO_ALL, |party| self.new_effect(id, (class, &party)));
        let slot = self.memory.effects.or_default(id).and_then(|own| own.or_default(view));
        slot.into_iter().for_each(|slot| *slot = Some(effect));
        effect
    }

    fn new_effect(&mut self, id: FrameId, peer: (ClassId, &Party<'_>)) -> Effect {
        let Some(frame) = self.stages.get(id) else { return CLOSED_TO_ALL };
        // Of those after NetworkPolicies that decide it is only asked what they leave open.
        for tier in frame.segments() {
            self.fate(tier, peer);
        }
        let view = self.stages.views.of(peer.0);
        let Memory { fates, ways, .. } = &mut *self.memory;
        let known = |tier: &SegmentId| {
            let fate = fates.get(*tier).and_then(|own| *own.get(view)?);
            fate.map_or(CLOSED, |(fate, _)| fate)
        };
        let after = (!frame.isolates).then(|| frame.after.iter().map(known));
        ways.effect(frame.before.iter().map(known), after, self.conns)
    }

    /// What passes, given what NetworkPolicies admit.
    pub fn span(&mut self, effect: Effect, admitted: Span) -> Span {
        self.memory.ways.span(effect, admitted, self.conns)
    }

    /// Whether something passes where NetworkPolicies admit nothing.
    fn is_open(&mut self, effect: Effect) -> bool {
        self.span(effect, Span::NONE).possible != ConnId::NONE
    }

    /// What becomes of connections with a peer in a tier, and whether that hangs on the order of
    /// policies of equal priority.
    pub fn fate(&mut self, id: SegmentId, (class, party): (ClassId, &Party<'_>)) -> (Fate, bool) {
        let view = self.stages.views.of(class);
        if let Some(known) = self.memory.fates.get(id).and_then(|own| *own.get(view)?) {
            return known;
        }
        let Some(segment) = self.stages.segment_of(id) else { return (CLOSED, false) };
        let Some(own) = self.stages.views.to(segment, view) else { return (CLOSED, false) };
        let own = (id, own);
        let fate = match self.memory.by_signature.get(&own) {
            Some(known) => *known,
            None => {
                let fate = self.evaluate(segment, party);
                self.memory.by_signature.insert(own, fate);
                fate
            }
        };
        let slot = self.memory.fates.or_default(id).and_then(|own| own.or_default(view));
        slot.into_iter().for_each(|slot| *slot = Some(fate));
        fate
    }

    fn evaluate(&mut self, segment: &Segment, party: &Party<'_>) -> (Fate, bool) {
        let subject = segment.subject.and_then(|id| self.model.groups.get(id));
        let own = segment
            .representative
            .and_then(|(endpoint, family)| Party::endpoint(self.model, endpoint, family));
        let by = |ties| {
            let walk = Walk { set: self.set, direction: segment.direction, ties };
            pair::by_tier(walk, &segment.program, (subject, own.as_ref()), party)
        };
        let any = by(Ties::Any);
        // Without policies of equal priority there is one order only.
        let tied = !segment.ties.is_empty() && any != by(Ties::ByName);
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
        peer: Named<'_>,
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

    /// Classes, of all that are given, with which a frame lets something pass even where no
    /// NetworkPolicy admits anything.
    pub fn open<'p>(
        &mut self,
        id: FrameId,
        classes: impl Iterator<Item = ClassId>,
        party: impl Fn(ClassId) -> Option<Party<'p>>,
    ) -> Arc<[ClassId]> {
        if let Some(known) = self.memory.open.get(&id) {
            return known.clone();
        }
        let open = classes.filter(|class| {
            let effect = self.effect(id, *class, || party(*class));
            self.is_open(effect)
        });
        let open: Arc<[ClassId]> = open.collect();
        self.memory.open.insert(id, open.clone());
        open
    }

    /// Frames of ingress rows that let something pass from a class even where no NetworkPolicy
    /// admits anything. Most rows of most clusters are not of such.
    pub fn open_frames<'p>(
        &mut self,
        class: ClassId,
        party: impl Fn() -> Option<Party<'p>>,
    ) -> Arc<[FrameId]> {
        let view = self.stages.views.of(class);
        if let Some(known) = self.memory.open_frames.get(&view) {
            return known.clone();
        }
        let open = self.stages.of_ingress().filter(|id| {
            let effect = self.effect(*id, class, &party);
            self.is_open(effect)
        });
        let open: Arc<[FrameId]> = open.collect();
        self.memory.open_frames.insert(view, open.clone());
        open
    }
}

/// Denies everything.
const CLOSED: Fate = Fate { accept: ConnId::NONE, deny: ConnId::ALL, pass: ConnId::NONE };
const CLOSED_TO_ALL: Effect = Effect::Fixed(Span::NONE);

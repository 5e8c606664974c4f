//! Asking rows that have tiers of ordered rules.

use std::sync::Arc;

use super::ask::{ClassReach, ClassSpans, Question, RowSpans};
use super::class::{Class, ClassId, PlaceKey};
use super::row::{Row, RowId, group_of};
use super::span::Span;
use super::stage::{Evaluator, FrameId, Memory};
use crate::manifest::Direction;
use crate::net::{ConnId, ConnTable};

impl Question<'_> {
    /// Has spans of rows that have tiers of ordered rules be what passes all tiers.
    pub(super) fn through_frames(
        &self,
        class: &Class,
        admitted: &mut RowSpans,
        (conns, memory): (&mut ConnTable, &mut Memory),
    ) {
        let stages = &self.rows.stages;
        if stages.rows.is_empty() {
            return;
        }
        let mut evaluator = self.evaluator((conns, memory));
        let open = match self.is_open_address(class) {
            true => stages.of_ingress().collect(),
            false => evaluator.open_frames(self.source, || self.party(class)),
        };
        for row in open.iter().filter_map(|frame| stages.rows.get(*frame)).flatten() {
            admitted.entry(*row).or_insert(Span::NONE);
        }
        for (row, span) in &mut *admitted {
            if let Some(frame) = self.rows.rows.get(*row).and_then(|own| own.frame) {
                let at = (*row, frame, Direction::Ingress);
                let subject = self.members(*row).first().and_then(|id| self.classes.get(*id));
                *span = self.framed_span(at, (subject, self.source), *span, &mut evaluator);
            }
        }
        admitted.retain(|_, span| span.possible != ConnId::NONE);
    }

    /// What one row with tiers of ordered rules lets pass between a subject and a peer, given what
    /// its NetworkPolicies admit.
    fn framed_span(
        &self,
        (row, frame, direction): (RowId, FrameId, Direction),
        (subject, peer): (Option<&Class>, ClassId),
        admitted: Span,
        evaluator: &mut Evaluator<'_, '_>,
    ) -> Span {
        let class = self.classes.get(peer);
        // What each tier says by itself tells why something is not known.
        let effect = evaluator.effect(frame, peer, || self.party(class?));
        let own = self.rows.rows.get(row);
        let joint =
            own.and_then(|own| Some((own.joint?, class.filter(|c| self.is_open_address(c))?)));
        let Some((program, class)) = joint else { return evaluator.span(effect, admitted) };
        let named = self.rows.keys.get(peer).map_or(&[][..], Vec::as_slice);
        let peer = (named, group_of(self.model, class));
        let keys = own.into_iter().flat_map(Row::keys).copied();
        let whole = || self.conns_between(direction, (subject?, class), program);
        evaluator.joint((row, frame), keys, peer, whole)
    }

    /// Whether a class's address is not known.
    fn is_open_address(&self, class: &Class) -> bool {
        matches!(class.place(self.family), Some(PlaceKey::SomePod | PlaceKey::SomeNode))
    }

    fn evaluator<'e>(
        &'e self,
        (conns, memory): (&'e mut ConnTable, &'e mut Memory),
    ) -> Evaluator<'e, 'e> {
        Evaluator { model: self.model, set: self.set, stages: &self.rows.stages, conns, memory }
    }

    /// From a source with tiers of ordered rules: starting from the end that names fewer.
    pub(super) fn framed(
        &self,
        (row, frame): (RowId, FrameId),
        (admitted, slow): (&RowSpans, &ClassSpans),
        (conns, memory): (&mut ConnTable, &mut Memory),
    ) -> ClassReach {
        let Some((own, class)) = self.rows.rows.get(row).zip(self.classes.get(self.source)) else {
            return ClassReach::new();
        };
        let isolates = self.rows.stages.get(frame).is_some_and(|frame| frame.isolates);
        // Then it sends only to whom its row names, and to whom its tiers let something pass anyway.
        let bound = isolates && own.joint.is_none();
        let few = bound && !self.is_taking_fewer(own, admitted, slow);
        let few = few.then(|| self.sent(own, conns));
        let others = match bound {
            true => self.open_to(frame, (&mut *conns, &mut *memory)),
            false => Arc::default(),
        };
        let candidates = match &few {
            Some(sent) => {
                let mut all: Vec<ClassId> =
                    others.iter().copied().chain(sent.keys().copied()).collect();
                all.sort_unstable();
                all.dedup();
                all.into_iter().map(|to| (to, self.ingress(to, admitted, slow))).collect()
            }
            None if bound => self.of_named((own, &others), admitted, slow),
            None => self.of_open(admitted, slow),
        };
        let mut reach = ClassReach::new();
        for (to, ingress) in candidates {
            let sent = match &few {
                Some(sent) => sent.get(&to).copied().unwrap_or(Span::NONE),
                None if isolates => self.sent_to(own, to, conns),
                None => Span::NONE,
            };
            let mut evaluator = self.evaluator((&mut *conns, &mut *memory));
            let at = (row, frame, Direction::Egress);
            let span = self.framed_span(at, (Some(class), to), sent, &mut evaluator);
            reach.push((to, span.and(ingress, conns)));
        }
        reach
    }

    /// Classes to which a frame lets something pass, whatever NetworkPolicies admit.
    fn open_to(
        &self,
        frame: FrameId,
        (conns, memory): (&mut ConnTable, &mut Memory),
    ) -> Arc<[ClassId]> {
        let party = |class| self.party(self.classes.get(class)?);
        self.evaluator((conns, memory)).open(frame, self.rows.targets.iter().copied(), party)
    }
}

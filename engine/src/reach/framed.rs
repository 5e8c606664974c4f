//! Asking rows that have tiers of ordered rules.

use std::sync::Arc;

use super::ask::{ClassReach, ClassSpans, Question, RowSpans};
use super::class::{Class, ClassId, PlaceKey};
use super::row::{Row, RowId, Span};
use super::stage::{Evaluator, FrameId, Memory, Peer};
use crate::manifest::Direction;
use crate::net::{ConnId, ConnTable};
use crate::verdict::Party;

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
        let Some(party) = self.party(class) else { return };
        let Some(peer) = self.peer((self.source, class), &party) else { return };
        let mut evaluator = self.evaluator((conns, memory));
        for (frame, rows) in stages.rows.iter().filter(|(_, rows)| !rows.is_empty()) {
            // Most rows of most clusters let pass only what NetworkPolicies admit.
            let open = evaluator.span(frame, peer, Span::NONE).possible != ConnId::NONE
                || self.is_open_address(class);
            for row in rows {
                if !open && !admitted.contains_key(row) {
                    continue;
                }
                let own = admitted.get(row).copied().unwrap_or(Span::NONE);
                let member = self.members(*row).first().and_then(|id| self.classes.get(*id));
                let ends = member.map(|member| (member, class));
                let at = (*row, frame, Direction::Ingress);
                let span = self.framed_span(at, (ends, peer), own, &mut evaluator);
                admitted.insert(*row, span);
            }
        }
        admitted.retain(|_, span| span.possible != ConnId::NONE);
    }

    /// What one row with tiers of ordered rules lets pass, given what its NetworkPolicies admit.
    fn framed_span(
        &self,
        (row, frame, direction): (RowId, FrameId, Direction),
        (ends, peer): (Option<(&Class, &Class)>, Peer<'_, '_>),
        admitted: Span,
        evaluator: &mut Evaluator<'_, '_>,
    ) -> Span {
        let own = self.rows.rows.get(row);
        match own.and_then(|own| own.joint).filter(|_| self.is_open_address(peer.class)) {
            Some(program) => {
                let keys = own.into_iter().flat_map(Row::keys).copied();
                let whole = || self.conns_between(direction, ends?, program);
                // What each tier says by itself tells why something is not known.
                evaluator.span(frame, peer, admitted);
                evaluator.joint((row, frame), keys, peer, whole)
            }
            None => evaluator.span(frame, peer, admitted),
        }
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

    pub(super) fn peer<'p, 'm>(
        &'p self,
        (id, class): (ClassId, &'p Class),
        party: &'p Party<'m>,
    ) -> Option<Peer<'p, 'm>> {
        let keys = self.rows.keys.get(id)?;
        Some(Peer { id, class, keys, party })
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
        let taking: usize = admitted.keys().map(|row| self.members(*row).len()).sum();
        let taking = taking + self.taking_all().len() + slow.len();
        let named_by: usize = own.keys().map(|key| self.named_by(key).len()).sum();
        let few = match isolates && own.joint.is_none() && named_by < taking {
            true => Some(self.sent(own, conns)),
            false => None,
        };
        let candidates = match &few {
            Some(sent) => {
                let open = self.open_to(frame, (&mut *conns, &mut *memory));
                let mut all: Vec<ClassId> =
                    open.iter().copied().chain(sent.keys().copied()).collect();
                all.sort_unstable();
                all.dedup();
                all.into_iter().map(|to| (to, self.ingress(to, admitted, slow))).collect()
            }
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
            if let Some(span) = self.sent_through(at, (class, to), sent, &mut evaluator) {
                reach.push((to, span.and(ingress, conns)));
            }
        }
        reach
    }

    /// What one class may send to another through its tiers, given what its NetworkPolicies admit.
    fn sent_through(
        &self,
        at: (RowId, FrameId, Direction),
        (class, to): (&Class, ClassId),
        admitted: Span,
        evaluator: &mut Evaluator<'_, '_>,
    ) -> Option<Span> {
        let joint = self.rows.rows.get(at.0).is_some_and(|row| row.joint.is_some());
        // Tiers do the same with a class whoever sends: most of it is known by now.
        let known = if joint { None } else { evaluator.known_span(at.1, to, admitted) };
        known.or_else(|| {
            let member = self.classes.get(to)?;
            let party = self.party(member)?;
            let peer = self.peer((to, member), &party)?;
            Some(self.framed_span(at, (Some((class, member)), peer), admitted, evaluator))
        })
    }

    /// Classes to which a frame lets something pass, whatever NetworkPolicies admit.
    fn open_to(
        &self,
        frame: FrameId,
        (conns, memory): (&mut ConnTable, &mut Memory),
    ) -> Arc<[ClassId]> {
        let mut evaluator = self.evaluator((conns, memory));
        evaluator.known_open(frame).unwrap_or_else(|| {
            let present = self.classes.iter().filter(|(_, c)| c.place(self.family).is_some());
            let parties: Vec<_> =
                present.filter_map(|(id, class)| Some((id, class, self.party(class)?))).collect();
            let peers =
                parties.iter().filter_map(|(id, class, party)| self.peer((*id, class), party));
            evaluator.open(frame, peers)
        })
    }
}

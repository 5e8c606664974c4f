//! Everything that a unit can reach: classes' answers, brought together and expanded.

use std::sync::Arc;

use super::ask::{ClassReach, Question};
use super::class::ClassId;
use super::note::{NoteId, NoteKey};
use super::row::is_outside;
use super::span::Span;
use super::unit::UnitKind;
use super::{Reach, Unit, UnitId};
use crate::manifest::Direction;
use crate::net::{ByFamily, ConnId, Family};
use crate::selector::Match;
use crate::verdict::UnknownReason;

/// What a unit can reach, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The destination.
    pub unit: UnitId,
    /// What is allowed for certain.
    pub allowed: ConnId,
    /// What is not known.
    pub unknown: ConnId,
    /// The family that this holds for, where the two differ.
    pub family: Option<Family>,
    /// Why something is not known, as numbers of [`Reach::notes`], ascending.
    pub notes: Arc<[NoteId]>,
}

/// What passes from all units that are alike as sources to all that are alike as destinations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// The speaker of the destinations.
    pub to: ClassId,
    /// What is allowed for certain.
    pub allowed: ConnId,
    /// What is not known.
    pub unknown: ConnId,
    /// The family that this holds for, where the two differ.
    pub family: Option<Family>,
    /// Why something is not known, as numbers of [`Reach::notes`], ascending.
    pub notes: Arc<[NoteId]>,
}

/// A class that can be reached: what passes, in which family if the two differ.
pub(super) type Merged = (ClassId, Span, Option<Family>);

impl Reach<'_> {
    /// What a unit can reach, ascending by unit; itself included, as one of its pods reaches
    /// another one, unless it is one pod.
    ///
    /// # Cost
    /// Linear in the answer, and in what policies name the unit by.
    pub fn targets(&mut self, unit: UnitId) -> Vec<Target> {
        let speaker = self.units.get(unit).and_then(|unit| {
            let speakers = &self.roles[Direction::Egress].speaker;
            speakers.get(unit.class).copied()
        });
        let Some(source) = speaker else { return Vec::new() };
        let passages = self.passages(source);
        self.expand(unit, source, &passages)
    }

    /// What passes from the units that a class speaks for, by destinations that are alike; also
    /// where nothing does, if they use their nodes' network: then single units may differ, as
    /// [`Reach::targets`] has it.
    ///
    /// # Cost
    /// Linear in the destinations that are not alike, and in what policies name the class by.
    pub fn passages(&mut self, source: ClassId) -> Vec<Passage> {
        let merged = self.by_class(source);
        let mut passages = Vec::with_capacity(merged.len());
        for &(to, span, family) in &*merged {
            let unknown = self.conns.difference(span.possible, span.certain);
            let mut notes = self.notes_between((source, to), unknown);
            // No rule leaves it open: families differ, and ends may have either.
            if unknown != ConnId::NONE && notes.is_empty() && self.rows.len() > 1 {
                let key = NoteKey { reason: UnknownReason::Address, rule: None };
                notes = [self.notes.intern(key)].into();
            }
            let hosts = self.set.hosts();
            let is_host = !hosts.is_empty() && (self.is_host(source) || self.is_host(to));
            if unknown != ConnId::NONE && (hosts.forwards() || is_host) {
                let key = NoteKey { reason: UnknownReason::HostEndpoint, rule: None };
                let mut all: Vec<NoteId> = notes.to_vec();
                all.push(self.notes.intern(key));
                all.sort_unstable();
                all.dedup();
                notes = all.into();
            }
            passages.push(Passage { to, allowed: span.certain, unknown, family, notes });
        }
        passages
    }

    /// What a class reaches; kept for outside addresses, of which one class has many units.
    fn by_class(&mut self, source: ClassId) -> Arc<[Merged]> {
        if let Some(known) = self.outside.get(&source) {
            return known.clone();
        }
        let mut answers: Vec<ClassReach> = Vec::with_capacity(self.rows.len());
        let memories = self.stages.iter_mut().zip(&mut self.admitted);
        for ((family, rows), memories) in self.rows.iter().zip(memories) {
            let question = Question {
                model: self.model,
                set: self.set,
                classes: &self.classes,
                rows,
                family: *family,
                source,
            };
            answers.push(question.reach(&mut self.conns, memories));
        }
        let merged: Arc<[Merged]> = match answers.as_slice() {
            [v4, v6] => self.merge_families(source, (v4, v6)),
            [both] => self.with_common_family(source, both),
            _ => Vec::new(),
        }
        .into();
        if self.classes.get(source).is_some_and(is_outside) {
            self.outside.insert(source, merged.clone());
        }
        merged
    }

    /// Where no block plays a part, families do not differ, but both ends need a common one.
    fn with_common_family(&self, source: ClassId, reach: &ClassReach) -> Vec<Merged> {
        let common = reach
            .iter()
            .filter(|(member, _)| self.common(source, *member).values().any(|one| *one));
        common.map(|(member, span)| (*member, *span, None)).collect()
    }

    /// Joins the two families' answers, both ascending.
    fn merge_families(
        &mut self,
        source: ClassId,
        (v4, v6): (&ClassReach, &ClassReach),
    ) -> Vec<Merged> {
        let mut merged = Vec::with_capacity(v4.len().max(v6.len()));
        let (mut v4, mut v6) = (v4.iter().copied().peekable(), v6.iter().copied().peekable());
        loop {
            let next = match (v4.peek(), v6.peek()) {
                (Some((a, _)), Some((b, _))) => *a.min(b),
                (Some((member, _)), None) | (None, Some((member, _))) => *member,
                (None, None) => return merged,
            };
            let a = v4.next_if(|(member, _)| *member == next).map_or(Span::NONE, |(_, span)| span);
            let b = v6.next_if(|(member, _)| *member == next).map_or(Span::NONE, |(_, span)| span);
            let spans = ByFamily::from_array([a, b]);
            self.merge_one((source, next), spans, &mut merged);
        }
    }

    fn merge_one(
        &mut self,
        (source, member): (ClassId, ClassId),
        spans: ByFamily<Span>,
        merged: &mut Vec<Merged>,
    ) {
        let common = self.common(source, member);
        let mut there = spans.iter().filter(|(family, _)| common[*family]).map(|(_, span)| *span);
        match (there.next(), there.next()) {
            (None, _) => {}
            (Some(one), None) => merged.push((member, one, None)),
            (Some(one), Some(other)) if one == other => merged.push((member, one, None)),
            _ if self.families_certain(source) && self.families_certain(member) => {
                merged.extend(spans.into_iter().map(|(family, span)| (member, span, Some(family))));
            }
            (Some(one), Some(other)) => {
                let certain = self.conns.intersection(one.certain, other.certain);
                let possible = self.conns.union(one.possible, other.possible);
                merged.push((member, Span { certain, possible }, None));
            }
        }
    }

    /// In which families two classes can talk.
    fn common(&self, a: ClassId, b: ClassId) -> ByFamily<bool> {
        let has = |class: ClassId, family| {
            self.classes.get(class).is_some_and(|class| class.place(Some(family)).is_some())
        };
        ByFamily::from_fn(|family| has(a, family) && has(b, family))
    }

    fn families_certain(&self, class: ClassId) -> bool {
        self.classes.get(class).is_some_and(|class| class.families_certain)
    }

    /// From destinations that are alike to units.
    fn expand(&mut self, unit: UnitId, source: ClassId, passages: &[Passage]) -> Vec<Target> {
        let host = self.is_host(source);
        let mut targets = Vec::with_capacity(passages.len());
        for passage in passages {
            for to in self.units_to(passage.to).to_vec() {
                if to == unit && self.is_one_pod(unit) {
                    continue;
                }
                let Passage { allowed, unknown, family, .. } = *passage;
                let notes = passage.notes.clone();
                let target = Target { unit: to, allowed, unknown, family, notes };
                // A node's own host endpoint for all interfaces decides what it sends to itself.
                let is_open = self.set.hosts().is_empty() || !self.is_host(passage.to);
                let target = if host && is_open { self.own_node(unit, target) } else { target };
                if target.allowed != ConnId::NONE || target.unknown != ConnId::NONE {
                    targets.push(target);
                }
            }
        }
        targets.sort_unstable_by_key(|target| (target.unit, target.family));
        targets
    }

    /// Whether units that a class speaks for use their nodes' network, so that single ones of them
    /// may reach more than others.
    pub fn is_host(&self, speaker: ClassId) -> bool {
        self.classes.get(speaker).is_some_and(|class| class.host_network)
    }

    /// Whether a unit is one pod, which has no siblings and reaches itself whatever policies say.
    pub fn is_one_pod(&self, unit: UnitId) -> bool {
        match self.units.get(unit).map(|unit| &unit.kind) {
            Some(UnitKind::Workload { endpoints, .. }) => match endpoints.as_slice() {
                [one] => self.model.is_one_pod(*one),
                _ => false,
            },
            _ => false,
        }
    }

    /// A node, and so a host-network pod, always reaches pods on it. [NetworkPolicy §10]
    fn own_node(&mut self, from: UnitId, mut target: Target) -> Target {
        match self.same_node(from, target.unit) {
            Match::No => {}
            Match::Yes => (target.allowed, target.unknown) = (ConnId::ALL, ConnId::NONE),
            Match::Unknown if target.allowed == ConnId::ALL => {}
            Match::Unknown => {
                target.unknown = self.conns.difference(ConnId::ALL, target.allowed);
                let key = NoteKey { reason: UnknownReason::Node, rule: None };
                let note = self.notes.intern(key);
                target.notes = target.notes.iter().copied().chain([note]).collect();
            }
        }
        target
    }

    /// Whether all pods of two units are on one node: unknown where only some are.
    fn same_node(&self, from: UnitId, to: UnitId) -> Match {
        let (from, to) = (self.nodes(from), self.nodes(to));
        if from.contains(&None) || to.contains(&None) {
            return Match::Unknown;
        }
        match (from.intersection(&to).next(), from.len(), to.len()) {
            (None, ..) => Match::No,
            (Some(_), 1, 1) => Match::Yes,
            _ => Match::Unknown,
        }
    }

    fn nodes(&self, unit: UnitId) -> std::collections::BTreeSet<Option<&str>> {
        let endpoints = match self.units.get(unit) {
            Some(Unit { kind: UnitKind::Workload { endpoints, .. }, .. }) => endpoints.as_slice(),
            _ => &[],
        };
        let endpoints = endpoints.iter().filter_map(|i| self.model.endpoints.get(*i));
        endpoints.map(|endpoint| endpoint.node.as_deref()).collect()
    }
}

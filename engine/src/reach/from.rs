//! Asking the rows: everything that a unit can reach.

use rustc_hash::FxHashMap;

use super::class::{Class, ClassId};
use super::row::{Key, Rows, Span, is_outside, keys};
use super::unit::UnitKind;
use super::{Reach, pair};
use crate::cluster::ClusterModel;
use crate::manifest::{Direction, PortEntry};
use crate::net::{ConnId, Family};
use crate::policy::ProgramId;
use crate::selector::Match;
use crate::verdict::{Party, UnknownReason};

/// What a unit can reach, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The destination, as an index of [`Reach::units`].
    pub unit: u32,
    /// What is allowed for certain.
    pub allowed: ConnId,
    /// What is not known.
    pub unknown: ConnId,
    /// The family that this holds for, where the two differ.
    pub family: Option<Family>,
    /// Why something is not known, as indices of [`Reach::notes`], ascending.
    pub notes: Vec<u32>,
}

/// What one class reaches in one family: by destination, ascending.
type ClassReach = Vec<(ClassId, Span)>;

impl Reach<'_> {
    /// What a unit can reach, ascending by unit; itself included, as one of its pods reaches
    /// another one.
    ///
    /// # Cost
    /// Linear in the answer, and in what policies name the unit by.
    pub fn targets(&mut self, unit: u32) -> Vec<Target> {
        let Some(class) = self.units.get(unit as usize).map(|unit| unit.class) else {
            return Vec::new();
        };
        let mut answers: Vec<(Option<Family>, ClassReach)> = Vec::new();
        for slot in 0..self.rows.len() {
            let family = self.rows.get(slot).and_then(|(family, _)| *family);
            let present = self
                .rows
                .get(slot)
                .and_then(|(_, rows)| rows.present.get(class as usize));
            if present == Some(&true) {
                answers.push((family, self.class_reach(class, slot)));
            }
        }
        let merged = self.merge_families(class, answers);
        self.expand(unit, class, merged)
    }

    /// What a class reaches in one family.
    fn class_reach(&mut self, source: ClassId, slot: usize) -> ClassReach {
        let Some((family, rows)) = self.rows.get(slot) else {
            return Vec::new();
        };
        let family = *family;
        let Some(class) = self.classes.get(source) else {
            return Vec::new();
        };
        let outside = is_outside(class);
        // A node reaches its own pods whatever their policies say, so none is left out.
        let host = class.sets.is_empty() && !outside && self.is_host(class);
        let conns = &mut self.conns;
        // What each ingress row admits from this class.
        let mut admitted: FxHashMap<u32, Span> = FxHashMap::default();
        for key in keys(&self.classes, class, family) {
            for (row, span) in rows.ingress_by_key.get(&key).map_or(&[][..], Vec::as_slice) {
                let entry = admitted.entry(*row).or_insert(Span::NONE);
                *entry = entry.or(*span, conns);
            }
        }
        let pairs = Pairs {
            model: self.model,
            set: self.set,
            family,
        };
        let slow: FxHashMap<ClassId, Span> = rows
            .slow_ingress
            .iter()
            .flat_map(|row| {
                let program = rows.rows.get(*row as usize).and_then(|row| row.slow);
                let members = rows.classes_by_ingress.get(*row as usize);
                members
                    .into_iter()
                    .flatten()
                    .map(move |member| (*member, program))
            })
            .filter_map(|(member, program)| {
                let span = pairs.span(
                    Direction::Ingress,
                    (self.classes.get(member)?, class),
                    program?,
                    conns,
                )?;
                Some((member, span))
            })
            .collect();
        let ingress = |member: ClassId| {
            let row = rows
                .ingress
                .get(member as usize)
                .copied()
                .unwrap_or_default();
            match row {
                0 => Span::ALL,
                row => slow
                    .get(&member)
                    .or_else(|| admitted.get(&row))
                    .copied()
                    .unwrap_or(Span::NONE),
            }
        };
        let egress_row = rows
            .egress
            .get(source as usize)
            .copied()
            .unwrap_or_default();
        let mut reach: ClassReach = Vec::new();
        if egress_row == 0 {
            let taking = rows
                .classes_by_ingress
                .first()
                .map_or(&[][..], Vec::as_slice);
            reach.extend(taking.iter().map(|member| (*member, Span::ALL)));
            if host {
                let isolated = rows.classes_by_ingress.iter().skip(1).flatten();
                reach.extend(isolated.map(|member| (*member, ingress(*member))));
            } else {
                let slow_members = slow.iter().map(|(member, span)| (*member, *span));
                let by_row = admitted.iter().filter(|(row, _)| {
                    rows.rows
                        .get(**row as usize)
                        .is_some_and(|row| row.slow.is_none())
                });
                let by_row = by_row.flat_map(|(row, span)| {
                    let members = rows.classes_by_ingress.get(*row as usize);
                    members
                        .into_iter()
                        .flatten()
                        .map(move |member| (*member, *span))
                });
                reach.extend(slow_members.chain(by_row));
            }
            if outside {
                reach
                    .retain(|(member, _)| self.classes.get(*member).is_none_or(|c| !is_outside(c)));
            }
        } else {
            let egress = Egress {
                rows,
                classes: &self.classes,
                pairs,
                source: class,
            };
            for (member, span) in egress.reach(egress_row, conns) {
                reach.push((member, span.and(ingress(member), conns)));
            }
        }
        reach.retain(|(_, span)| host || span.possible != ConnId::NONE);
        reach.sort_unstable_by_key(|(member, _)| *member);
        reach
    }

    fn is_host(&self, class: &Class) -> bool {
        let endpoint = class
            .representative()
            .and_then(|i| self.model.endpoints.get(i as usize));
        endpoint.is_some_and(crate::cluster::Endpoint::host_network)
    }

    /// Brings the two families' answers together: `(destination, what, family if they differ)`.
    fn merge_families(
        &mut self,
        source: ClassId,
        mut answers: Vec<(Option<Family>, ClassReach)>,
    ) -> Vec<(ClassId, Span, Option<Family>)> {
        if let [(None, reach)] = answers.as_mut_slice() {
            let reach = std::mem::take(reach);
            let common = reach
                .into_iter()
                .filter(|(member, _)| !self.common(source, *member).is_empty());
            return common.map(|(member, span)| (member, span, None)).collect();
        }
        let mut by_member: std::collections::BTreeMap<ClassId, [Option<Span>; 2]> =
            std::collections::BTreeMap::new();
        for (family, reach) in answers {
            for (member, span) in reach {
                let spans = by_member.entry(member).or_default();
                if let Some(slot) = family.and_then(|family| spans.get_mut(family as usize)) {
                    *slot = Some(span);
                }
            }
        }
        let mut merged = Vec::with_capacity(by_member.len());
        for (member, spans) in by_member {
            let common = self.common(source, member);
            let of = |family: Family| {
                spans
                    .get(family as usize)
                    .copied()
                    .flatten()
                    .unwrap_or(Span::NONE)
            };
            match common.as_slice() {
                [] => {}
                [family] => merged.push((member, of(*family), None)),
                _ => {
                    let (v4, v6) = (of(Family::IPv4), of(Family::IPv6));
                    if v4 == v6 {
                        merged.push((member, v4, None));
                    } else if self.families_certain(source) && self.families_certain(member) {
                        merged.push((member, v4, Some(Family::IPv4)));
                        merged.push((member, v6, Some(Family::IPv6)));
                    } else {
                        let certain = self.conns.intersection(v4.certain, v6.certain);
                        let possible = self.conns.union(v4.possible, v6.possible);
                        merged.push((member, Span { certain, possible }, None));
                    }
                }
            }
        }
        merged
    }

    /// Families in which two classes can talk.
    fn common(&self, a: ClassId, b: ClassId) -> Vec<Family> {
        let (Some(a), Some(b)) = (self.classes.get(a), self.classes.get(b)) else {
            return Vec::new();
        };
        let has = |class: &Class, family: Family| class.place(Some(family)).is_some();
        Family::BOTH
            .into_iter()
            .filter(|family| has(a, *family) && has(b, *family))
            .collect()
    }

    fn families_certain(&self, class: ClassId) -> bool {
        self.classes
            .get(class)
            .is_some_and(|class| class.families_certain)
    }

    /// From classes to units, with notes.
    fn expand(
        &mut self,
        unit: u32,
        source: ClassId,
        reach: Vec<(ClassId, Span, Option<Family>)>,
    ) -> Vec<Target> {
        let host = self
            .classes
            .get(source)
            .is_some_and(|class| !is_outside(class) && self.is_host(class));
        let mut targets = Vec::new();
        for (member, span, family) in reach {
            let notes = self.notes_between(source, member, span);
            for index in 0..self.units_by_class.get(member as usize).map_or(0, Vec::len) {
                let Some(to) = self
                    .units_by_class
                    .get(member as usize)
                    .and_then(|u| u.get(index))
                else {
                    continue;
                };
                let (to, mut span, mut notes) = (*to, span, notes.clone());
                if host {
                    self.own_node((unit, to), &mut span, &mut notes);
                }
                if span.possible != ConnId::NONE {
                    let unknown = self.conns.difference(span.possible, span.certain);
                    targets.push(Target {
                        unit: to,
                        allowed: span.certain,
                        unknown,
                        family,
                        notes,
                    });
                }
            }
        }
        targets.sort_by_key(|target| (target.unit, target.family));
        targets
    }

    /// A node, and so a host-network pod, always reaches pods on it. [NetworkPolicy §10]
    fn own_node(&mut self, (from, to): (u32, u32), span: &mut Span, notes: &mut Vec<u32>) {
        match self.same_node(from, to) {
            Match::No => {}
            Match::Yes => *span = Span::ALL,
            Match::Unknown if span.certain == ConnId::ALL => {}
            Match::Unknown => {
                span.possible = ConnId::ALL;
                let key = super::NoteKey {
                    reason: UnknownReason::Node,
                    rule: None,
                };
                notes.push(self.notes.intern(key));
            }
        }
    }

    /// Whether all pods of two units are on one node: unknown where only some are.
    fn same_node(&self, from: u32, to: u32) -> Match {
        let nodes = |unit: u32| {
            let endpoints = match self.units.get(unit as usize).map(|unit| &unit.kind) {
                Some(UnitKind::Workload { endpoints, .. }) => endpoints.as_slice(),
                _ => &[],
            };
            let endpoints = endpoints
                .iter()
                .filter_map(|i| self.model.endpoints.get(*i as usize));
            endpoints
                .map(|endpoint| endpoint.node.as_deref())
                .collect::<std::collections::BTreeSet<_>>()
        };
        let (from, to) = (nodes(from), nodes(to));
        if from.contains(&None) || to.contains(&None) {
            return Match::Unknown;
        }
        match (from.intersection(&to).next(), from.len(), to.len()) {
            (None, ..) => Match::No,
            (Some(_), 1, 1) => Match::Yes,
            _ => Match::Unknown,
        }
    }

    /// Rules that leave open what is open between two classes.
    fn notes_between(&mut self, source: ClassId, destination: ClassId, span: Span) -> Vec<u32> {
        let unknown = self.conns.difference(span.possible, span.certain);
        if unknown == ConnId::NONE {
            return Vec::new();
        }
        let mut notes = Vec::new();
        for (family, rows) in &self.rows {
            let (Some(from), Some(to)) = (self.classes.get(source), self.classes.get(destination))
            else {
                continue;
            };
            let ends = [
                (rows.egress.get(source as usize), to),
                (rows.ingress.get(destination as usize), from),
            ];
            for (row, peer) in ends {
                let Some(row) = row.and_then(|row| rows.rows.get(*row as usize)) else {
                    continue;
                };
                if row.notes.is_empty() {
                    continue;
                }
                let keys = keys(&self.classes, peer, *family);
                for (key, conn, note) in &row.notes {
                    if keys.contains(key) && self.conns.intersection(*conn, unknown) != ConnId::NONE
                    {
                        notes.push(*note);
                    }
                }
            }
        }
        notes.sort_unstable();
        notes.dedup();
        notes
    }
}

/// Pairs that are computed for themselves.
#[derive(Clone, Copy)]
struct Pairs<'p> {
    model: &'p ClusterModel,
    set: &'p crate::policy::PolicySet,
    family: Option<Family>,
}

impl Pairs<'_> {
    fn party<'c>(&'c self, class: &'c Class) -> Option<Party<'c>> {
        let family = self.family.unwrap_or(match class.places {
            [None, Some(_)] => Family::IPv6,
            _ => Family::IPv4,
        });
        match &class.kind {
            super::ClassKind::Endpoints(_) => {
                let mut party = Party::endpoint(self.model, class.representative()?, family)?;
                // A class stands for all its members, which can be each other's peers.
                party.several = true;
                Some(party)
            }
            super::ClassKind::Outside(_, addresses) => {
                Some(Party::address(self.model, addresses.first()?))
            }
        }
    }

    fn span(
        &self,
        direction: Direction,
        (subject, peer): (&Class, &Class),
        program: ProgramId,
        conns: &mut crate::net::ConnTable,
    ) -> Option<Span> {
        let (subject, peer) = (self.party(subject)?, self.party(peer)?);
        let family = self.family.unwrap_or(Family::IPv4);
        let result = pair::by_program(self.set, program, (direction, family), (&subject, &peer));
        Some(Span {
            certain: conns.intern(result.certain),
            possible: conns.intern(result.possible),
        })
    }
}

/// What an isolated source may send.
struct Egress<'e> {
    rows: &'e Rows,
    classes: &'e super::class::Classes,
    pairs: Pairs<'e>,
    source: &'e Class,
}

impl Egress<'_> {
    fn reach(&self, row: u32, conns: &mut crate::net::ConnTable) -> Vec<(ClassId, Span)> {
        let Some(row) = self.rows.rows.get(row as usize) else {
            return Vec::new();
        };
        if let Some(program) = row.slow {
            return self.each(program, conns);
        }
        let mut out: FxHashMap<ClassId, Span> = FxHashMap::default();
        let members = |key: &Key| {
            self.rows
                .classes_by_key
                .get(key)
                .map_or(&[][..], Vec::as_slice)
        };
        for (key, span) in &row.entries {
            for member in members(key) {
                let entry = out.entry(*member).or_insert(Span::NONE);
                *entry = entry.or(*span, conns);
            }
        }
        for (key, ports) in &row.named {
            for member in members(key) {
                let span = self.named(*member, ports, conns);
                let entry = out.entry(*member).or_insert(Span::NONE);
                *entry = entry.or(span, conns);
            }
        }
        out.into_iter().collect()
    }

    /// Names of ports, as a destination resolves them.
    fn named(
        &self,
        member: ClassId,
        ports: &[PortEntry],
        conns: &mut crate::net::ConnTable,
    ) -> Span {
        let class = self.classes.get(member);
        let endpoint = class.and_then(Class::representative);
        let endpoint = endpoint.and_then(|i| self.pairs.model.endpoints.get(i as usize));
        let group = endpoint
            .and_then(|e| e.group)
            .and_then(|id| self.pairs.model.groups.get(id));
        let id = conns.intern(pair::ports(ports, group));
        Span {
            certain: id,
            possible: id,
        }
    }

    fn each(&self, program: ProgramId, conns: &mut crate::net::ConnTable) -> Vec<(ClassId, Span)> {
        let present = self
            .classes
            .iter()
            .filter(|(_, class)| class.place(self.pairs.family).is_some());
        let spans = present.filter_map(|(id, class)| {
            Some((
                id,
                self.pairs
                    .span(Direction::Egress, (self.source, class), program, conns)?,
            ))
        });
        spans.collect()
    }
}

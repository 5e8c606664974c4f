//! Asking the rows of one family: what one class reaches.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::class::{Class, ClassId, ClassKind, Classes};
use super::pair::{self, Conns, Ends};
use super::row::{Key, OPEN, Row, RowId, Rows};
use super::span::Span;
use super::stage::Memory;
use crate::cluster::ClusterModel;
use crate::manifest::{Direction, PortEntry};
use crate::net::{ConnId, ConnTable, Family};
use crate::policy::{PolicySet, ProgramId};
use crate::verdict::Party;

/// What one class reaches in one family: by destination, ascending; of destinations that are alike
/// there is one.
pub type ClassReach = Vec<(ClassId, Span)>;

/// Spans by class.
pub(super) type ClassSpans = FxHashMap<ClassId, Span>;
/// Spans by row.
pub(super) type RowSpans = FxHashMap<RowId, Span>;

/// What ingress rows admit from those that some keys name: what was asked last.
pub(super) type LastAdmitted = Option<(Box<[Key]>, Arc<RowSpans>)>;

/// Whose reach is asked, and among whom.
#[derive(Clone, Copy)]
pub struct Question<'q> {
    /// The cluster.
    pub model: &'q ClusterModel,
    /// Its policies.
    pub set: &'q PolicySet,
    /// Its classes.
    pub classes: &'q Classes,
    /// Rows of the family.
    pub rows: &'q Rows,
    /// The family; none where families do not differ.
    pub family: Option<Family>,
    /// The class that is asked about.
    pub source: ClassId,
}

impl Question<'_> {
    /// What the source reaches; nothing if it has no address in the family.
    pub fn reach(
        &self,
        conns: &mut ConnTable,
        (memory, last): (&mut Memory, &mut LastAdmitted),
    ) -> ClassReach {
        let Some(class) = self.classes.get(self.source).filter(|c| c.place(self.family).is_some())
        else {
            return Vec::new();
        };
        let admitted = if self.rows.stages.rows.is_empty() {
            self.admitted_again(last, conns)
        } else {
            let mut admitted = self.admitted(conns);
            self.through_frames(class, &mut admitted, (&mut *conns, &mut *memory));
            Arc::new(admitted)
        };
        let slow = self.slow_ingress(class, conns);
        let Some(&egress) = self.rows.of[Direction::Egress].get(self.source) else {
            return Vec::new();
        };
        let frame = self.rows.rows.get(egress).and_then(|own| own.frame);
        let mut reach = match frame {
            _ if egress == OPEN && class.host_network => self.of_host(&admitted, &slow),
            _ if egress == OPEN => self.of_open(&admitted, &slow),
            Some(frame) => {
                self.framed((egress, frame), (&admitted, &slow), (&mut *conns, &mut *memory))
            }
            None => self.isolated(class, egress, (&admitted, &slow), conns),
        };
        if !self.model.variants.is_empty() {
            self.settle(class, &mut reach, conns);
        }
        self.through_hosts(class, &mut reach);
        // Whether a node and a pod are one another's own is seen only when units are known.
        reach.retain(|(_, span)| class.host_network || span.possible != ConnId::NONE);
        reach.sort_unstable_by_key(|(member, _)| *member);
        reach
    }

    /// Host endpoints decide by node and interface, which classes do not distinguish: what they may
    /// deny is not certain.
    fn through_hosts(&self, source: &Class, reach: &mut ClassReach) {
        let hosts = self.set.hosts();
        if hosts.is_empty() {
            return;
        }
        for (member, span) in reach {
            let is_host = self.classes.get(*member).is_some_and(|class| class.host_network);
            if hosts.forwards() || is_host || source.host_network {
                span.certain = ConnId::NONE;
            }
        }
    }

    /// The same for all sources that are named by the same, which often follow each other.
    fn admitted_again(&self, last: &mut LastAdmitted, conns: &mut ConnTable) -> Arc<RowSpans> {
        let keys = self.rows.keys.get(self.source).into_iter().flatten();
        let keys = keys.filter(|key| self.rows.ingress_by_key.contains_key(key)).copied();
        let keys: Box<[Key]> = keys.collect();
        match last {
            Some((known, admitted)) if *known == keys => admitted.clone(),
            _ => {
                let admitted = Arc::new(self.admitted(conns));
                *last = Some((keys, admitted.clone()));
                admitted
            }
        }
    }

    /// What each ingress row admits from the source, by row.
    fn admitted(&self, conns: &mut ConnTable) -> RowSpans {
        let mut admitted = RowSpans::default();
        for key in self.rows.keys.get(self.source).into_iter().flatten() {
            for (row, span) in self.rows.ingress_by_key.get(key).into_iter().flatten() {
                let entry = admitted.entry(*row).or_insert(Span::NONE);
                *entry = entry.or(*span, conns);
            }
        }
        admitted
    }

    /// What classes admit whose rows cannot say it, by class.
    fn slow_ingress(&self, class: &Class, conns: &mut ConnTable) -> ClassSpans {
        let mut spans = ClassSpans::default();
        for row in &self.rows.slow_ingress {
            let program = self.rows.rows.get(*row).and_then(|row| row.slow);
            for member in self.members(*row) {
                let ends = self.classes.get(*member).map(|member| (member, class));
                let span = ends.zip(program).and_then(|(ends, program)| {
                    self.pair(Direction::Ingress, ends, program, conns)
                });
                spans.extend(span.map(|span| (*member, span)));
            }
        }
        spans
    }

    /// Classes with an ingress row.
    pub(super) fn members(&self, row: RowId) -> &[ClassId] {
        self.rows.classes_by_ingress.get(row).map_or(&[], Vec::as_slice)
    }

    /// Classes that take everything; those outside only if the source is not outside too, since
    /// what outside addresses send each other is nobody's business here.
    pub(super) fn taking_all(&self) -> &[ClassId] {
        let all = self.members(OPEN);
        let first_outside = self.classes.first_outside();
        let inside = all.partition_point(|member| *member < first_outside);
        match self.source < first_outside {
            true => all,
            false => all.get(..inside).unwrap_or_default(),
        }
    }

    pub(super) fn ingress(&self, member: ClassId, admitted: &RowSpans, slow: &ClassSpans) -> Span {
        match self.rows.of[Direction::Ingress].get(member) {
            None => Span::NONE,
            Some(row) if *row == OPEN => Span::ALL,
            Some(row) => {
                slow.get(&member).or_else(|| admitted.get(row)).copied().unwrap_or(Span::NONE)
            }
        }
    }

    /// From a source that may send everything: whoever takes everything, and whoever admits it.
    pub(super) fn of_open(&self, admitted: &RowSpans, slow: &ClassSpans) -> ClassReach {
        let mut reach: ClassReach =
            self.taking_all().iter().map(|member| (*member, Span::ALL)).collect();
        self.add_admitting(&mut reach, admitted, slow);
        reach
    }

    /// From a source that may send only to whom its row names, and to some others: of these those
    /// that take everything, and whoever admits it.
    pub(super) fn of_named(
        &self,
        (row, others): (&Row, &[ClassId]),
        admitted: &RowSpans,
        slow: &ClassSpans,
    ) -> ClassReach {
        let ingress = &self.rows.of[Direction::Ingress];
        let open = |to: &&ClassId| ingress.get(**to).is_some_and(|row| *row == OPEN);
        let named = row.keys().flat_map(|key| self.open_by(key));
        let mut named: Vec<ClassId> = named.chain(others.iter().filter(open)).copied().collect();
        named.sort_unstable();
        named.dedup();
        let mut reach: ClassReach = named.into_iter().map(|member| (member, Span::ALL)).collect();
        self.add_admitting(&mut reach, admitted, slow);
        reach
    }

    fn add_admitting(&self, reach: &mut ClassReach, admitted: &RowSpans, slow: &ClassSpans) {
        reach.extend(slow.iter().map(|(member, span)| (*member, *span)));
        for (row, span) in admitted {
            let fast = self.rows.rows.get(*row).is_some_and(|row| row.slow.is_none());
            if fast {
                reach.extend(self.members(*row).iter().map(|member| (*member, *span)));
            }
        }
    }

    /// Classes that take everything and that a key names.
    fn open_by(&self, key: &Key) -> &[ClassId] {
        self.rows.open_by_key.get(key).map_or(&[], Vec::as_slice)
    }

    /// From a node: everybody, since it may be their own.
    fn of_host(&self, admitted: &RowSpans, slow: &ClassSpans) -> ClassReach {
        let all = self.rows.classes_by_ingress.values().flatten();
        all.map(|member| (*member, self.ingress(*member, admitted, slow))).collect()
    }

    /// From an isolated source: starting from the end that names fewer.
    fn isolated(
        &self,
        class: &Class,
        row: RowId,
        (admitted, slow): (&RowSpans, &ClassSpans),
        conns: &mut ConnTable,
    ) -> ClassReach {
        let Some(row) = self.rows.rows.get(row) else {
            return ClassReach::new();
        };
        if row.slow.is_none() && self.is_taking_fewer(row, admitted, slow) {
            let taking = self.of_named((row, &[]), admitted, slow).into_iter();
            return taking
                .map(|(to, span)| (to, span.and(self.sent_to(row, to, conns), conns)))
                .collect();
        }
        let sent = match row.slow {
            Some(program) => self.sent_slowly(class, program, conns),
            None => self.sent(row, conns),
        };
        let both = sent.into_iter();
        both.map(|(to, span)| (to, span.and(self.ingress(to, admitted, slow), conns))).collect()
    }

    /// Whether fewer classes take something from the source than its row names.
    pub(super) fn is_taking_fewer(
        &self,
        row: &Row,
        admitted: &RowSpans,
        slow: &ClassSpans,
    ) -> bool {
        let admitting: usize = admitted.keys().map(|row| self.members(*row).len()).sum();
        let open: usize = row.keys().map(|key| self.open_by(key).len()).sum();
        let named_by: usize = row.keys().map(|key| self.named_by(key).len()).sum();
        admitting + open + slow.len() < named_by
    }

    /// Classes that a key names.
    pub(super) fn named_by(&self, key: &Key) -> &[ClassId] {
        self.rows.classes_by_key.get(key).map_or(&[], Vec::as_slice)
    }

    /// What an isolated source may send, by destination.
    pub(super) fn sent(&self, row: &Row, conns: &mut ConnTable) -> ClassSpans {
        let named = row.entries.iter().map(|(key, _)| self.named_by(key).len());
        let most = named.max().unwrap_or_default();
        let mut sent = ClassSpans::with_capacity_and_hasher(most, Default::default());
        for (key, span) in &row.entries {
            for member in self.named_by(key) {
                let entry = sent.entry(*member).or_insert(Span::NONE);
                *entry = entry.or(*span, conns);
            }
        }
        for (key, ports) in &row.named {
            for member in self.named_by(key) {
                let span = self.named(*member, ports, conns);
                let entry = sent.entry(*member).or_insert(Span::NONE);
                *entry = entry.or(span, conns);
            }
        }
        sent
    }

    /// What an isolated source may send to one destination.
    pub(super) fn sent_to(&self, row: &Row, member: ClassId, conns: &mut ConnTable) -> Span {
        let keys = self.rows.keys.get(member).map_or(&[][..], Vec::as_slice);
        let mut sent = Span::NONE;
        for span in row.spans_of(keys) {
            sent = sent.or(span, conns);
        }
        for (key, ports) in &row.named {
            if keys.binary_search(key).is_ok() {
                sent = sent.or(self.named(member, ports, conns), conns);
            }
        }
        sent
    }

    /// Names of ports, as a destination resolves them.
    fn named(&self, member: ClassId, ports: &[PortEntry], conns: &mut ConnTable) -> Span {
        let class = self.classes.get(member);
        let endpoint = class.and_then(Class::representative);
        let endpoint = endpoint.and_then(|i| self.model.endpoints.get(i));
        let group = endpoint.and_then(|e| e.group).and_then(|id| self.model.groups.get(id));
        let id = conns.intern(pair::ports(ports, group));
        Span { certain: id, possible: id }
    }

    fn sent_slowly(&self, class: &Class, program: ProgramId, conns: &mut ConnTable) -> ClassSpans {
        let spans = self.rows.targets.iter().filter_map(|id| {
            let member = self.classes.get(*id)?;
            Some((*id, self.pair(Direction::Egress, (class, member), program, conns)?))
        });
        spans.collect()
    }

    /// What a program lets pass between two classes, computed for itself.
    fn pair(
        &self,
        direction: Direction,
        (subject, peer): (&Class, &Class),
        program: ProgramId,
        conns: &mut ConnTable,
    ) -> Option<Span> {
        let result = self.conns_between(direction, (subject, peer), program)?;
        Some(Span {
            certain: conns.intern(result.certain),
            possible: conns.intern(result.possible),
        })
    }

    pub(super) fn conns_between(
        &self,
        direction: Direction,
        (subject, peer): (&Class, &Class),
        program: ProgramId,
    ) -> Option<Conns> {
        let (subject, peer) = (self.party(subject)?, self.party(peer)?);
        let ends = Ends { direction, subject: &subject, peer: &peer };
        Some(pair::by_program(self.set, program, ends))
    }

    /// Asks again, label by label, where selectors one by one leave something open.
    fn settle(&self, class: &Class, reach: &mut ClassReach, conns: &mut ConnTable) {
        let sources = self.variants(class);
        for (member, span) in reach.iter_mut().filter(|(_, span)| span.certain != span.possible) {
            let Some(member) = self.classes.get(*member) else { continue };
            if class.variants.is_empty() && member.variants.is_empty() {
                continue;
            }
            let members = self.variants(member);
            let result = pair::over_variants(&sources, &members, |a, b| self.both_ends(a, b));
            span.certain = conns.intern(result.certain);
            span.possible = conns.intern(result.possible);
        }
    }

    /// A class with every combination of hidden labels that selectors tell apart.
    fn variants<'c>(&'c self, class: &'c Class) -> Vec<Party<'c>> {
        match self.party(class) {
            Some(party) if class.variants.is_empty() => vec![party],
            Some(party) => party.as_groups(self.model, &class.variants),
            None => Vec::new(),
        }
    }

    /// What the programs of two parties let pass, wherever these run.
    fn both_ends(&self, source: &Party<'_>, destination: &Party<'_>) -> Conns {
        let end = |ends: Ends<'_, '_>| {
            let group = ends.subject.group.map(|(id, _)| id);
            let program = group.map(|group| self.set.program_id(group, ends.direction));
            program.map_or_else(Conns::all, |program| pair::by_program(self.set, program, ends))
        };
        let (sends, receives) = Ends::of(source, destination);
        end(sends).and(&end(receives))
    }

    pub(super) fn party<'c>(&'c self, class: &'c Class) -> Option<Party<'c>> {
        match &class.kind {
            ClassKind::Endpoints(_) => {
                // Without a family no block plays a part, and so no address does.
                let family = self.family.unwrap_or(Family::IPv4);
                let mut party = Party::endpoint(self.model, class.representative()?, family)?;
                // A class stands for all its members, which can be each other's peers.
                party.several = true;
                Some(party)
            }
            ClassKind::Outside(_, pieces) => {
                Some(Party::address(self.model, pieces.first()?.first()?))
            }
        }
    }
}

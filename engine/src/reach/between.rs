//! Which rules leave open what is open between two classes.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::Reach;
use super::class::{Class, ClassId};
use super::note::NoteId;
use super::row::{Key, Row, RowId, Rows};
use super::stage::{self, Frame};
use crate::manifest::Direction;
use crate::net::{ConnId, ConnTable};
use crate::shared::Table;

/// What has been found out about notes.
///
/// What rows leave open to a peer depends on what names the peer, unless they have ordered tiers.
/// In a cluster in which every pod has a policy of its own and nothing else names the pods, there
/// are as many rows as pods and all pods are named by the same: each row is asked once, not once for
/// each pod.
#[derive(Debug, Default)]
pub struct Memory {
    /// Of each family, the same number for classes that are named by the same.
    alike: Vec<Table<u32, Class>>,
    /// The source that was asked about last, and the numbers of it.
    source: Option<(ClassId, Vec<u32>)>,
    /// What ingress rows leave open to sources of these numbers.
    ingress: FxHashMap<(usize, RowId, ConnId), Box<[NoteId]>>,
    /// The same of rows with ordered tiers, to this source.
    framed: FxHashMap<(usize, RowId, ConnId), Box<[NoteId]>>,
    /// What the source's rows leave open to destinations, by the numbers of these.
    egress: FxHashMap<(usize, u32, ConnId), Box<[NoteId]>>,
    /// The last answer.
    last: Arc<[NoteId]>,
    /// Room for the next one.
    notes: Vec<NoteId>,
}

impl Memory {
    fn start(&mut self, rows: &[&Rows], source: ClassId) {
        if self.alike.is_empty() {
            self.alike = rows.iter().map(|rows| numbers(rows)).collect();
        }
        if self.source.as_ref().is_some_and(|(known, _)| *known == source) {
            return;
        }
        let number = |of: &Table<u32, Class>| of.get(source).copied().unwrap_or(u32::MAX);
        let own: Vec<u32> = self.alike.iter().map(number).collect();
        if self.source.as_ref().is_none_or(|(_, known)| *known != own) {
            self.ingress.clear();
        }
        self.framed.clear();
        self.egress.clear();
        self.source = Some((source, own));
    }
}

/// The number of the keys of each class, of those that notes of rows are about.
fn numbers(rows: &Rows) -> Table<u32, Class> {
    let notes = rows.rows.values().flat_map(|row| &row.notes);
    let asked: FxHashSet<Key> = notes.map(|(key, ..)| *key).collect();
    let mut known: FxHashMap<Vec<Key>, u32> = FxHashMap::default();
    let mut numbers = Table::filled(0, rows.keys.len());
    for (class, keys) in rows.keys.iter() {
        let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
        let own = keys.iter().filter(|key| asked.contains(key)).copied().collect();
        let number = *known.entry(own).or_insert(next);
        numbers.get_mut(class).into_iter().for_each(|own| *own = number);
    }
    numbers
}

impl Reach<'_> {
    /// Rules that leave open what is open from a source to a destination, ascending.
    pub(super) fn notes_between(
        &mut self,
        (source, destination): (ClassId, ClassId),
        unknown: ConnId,
    ) -> Arc<[NoteId]> {
        if unknown == ConnId::NONE {
            return Arc::default();
        }
        let Self { rows, stages, conns, between, .. } = self;
        let all: Vec<&Rows> = rows.iter().map(|(_, rows)| rows).collect();
        between.start(&all, source);
        let mut notes = std::mem::take(&mut between.notes);
        notes.clear();
        for (slot, rows) in all.into_iter().enumerate() {
            let asked = Asked { slot, rows, stages: stages.get(slot), unknown };
            asked.add_egress((source, destination), (&mut *conns, &mut *between), &mut notes);
            asked.add_ingress((source, destination), (&mut *conns, &mut *between), &mut notes);
        }
        notes.sort_unstable();
        notes.dedup();
        if *between.last != *notes {
            between.last = notes.as_slice().into();
        }
        between.notes = notes;
        between.last.clone()
    }
}

/// What is asked of rows of one family.
struct Asked<'a> {
    slot: usize,
    rows: &'a Rows,
    stages: Option<&'a stage::Memory>,
    unknown: ConnId,
}

impl Asked<'_> {
    fn add_egress(
        &self,
        (source, destination): (ClassId, ClassId),
        (conns, memory): (&mut ConnTable, &mut Memory),
        notes: &mut Vec<NoteId>,
    ) {
        let Some(row) = self.row(Direction::Egress, source) else { return };
        if row.frame.is_some() {
            notes.extend(self.open(row, destination, conns));
            return;
        }
        let alike = memory.alike.get(self.slot).and_then(|of| of.get(destination));
        let key = (self.slot, alike.copied().unwrap_or(u32::MAX), self.unknown);
        let open = || self.open(row, destination, conns).into();
        notes.extend_from_slice(memory.egress.entry(key).or_insert_with(open));
    }

    fn add_ingress(
        &self,
        (source, destination): (ClassId, ClassId),
        (conns, memory): (&mut ConnTable, &mut Memory),
        notes: &mut Vec<NoteId>,
    ) {
        let Some(row) = self.row(Direction::Ingress, destination) else { return };
        let Some(id) = self.rows.of[Direction::Ingress].get(destination) else { return };
        let known = if row.frame.is_some() { &mut memory.framed } else { &mut memory.ingress };
        let open = || self.open(row, source, conns).into();
        let key = (self.slot, *id, self.unknown);
        notes.extend_from_slice(known.entry(key).or_insert_with(open));
    }

    /// The row of a class, if it may leave something open.
    fn row(&self, direction: Direction, of: ClassId) -> Option<&Row> {
        let row = self.rows.rows.get(*self.rows.of[direction].get(of)?)?;
        Some(row).filter(|row| !row.notes.is_empty() || row.frame.is_some())
    }

    /// What a row leaves open to a peer.
    fn open(&self, row: &Row, peer: ClassId, conns: &mut ConnTable) -> Vec<NoteId> {
        let keys = self.rows.keys.get(peer).map_or(&[][..], Vec::as_slice);
        let frame = row.frame.and_then(|frame| self.rows.stages.get(frame));
        let segments: Vec<_> = frame.into_iter().flat_map(Frame::segments).collect();
        let ordered = segments.iter().filter_map(|id| self.rows.stages.segment_of(*id));
        let entries = row.notes.iter().chain(ordered.flat_map(|segment| &segment.notes));
        let open = entries.filter(|(key, conn, _)| {
            keys.binary_search(key).is_ok()
                && conns.intersection(*conn, self.unknown) != ConnId::NONE
        });
        let mut open: Vec<NoteId> = open.map(|(.., note)| *note).collect();
        let view = self.rows.stages.views.of(peer);
        let tied = segments
            .iter()
            .filter(|id| self.stages.is_some_and(|memory| memory.is_tied(**id, view)));
        let tied = tied.filter_map(|id| self.rows.stages.segment_of(*id));
        open.extend(tied.flat_map(|segment| &segment.ties));
        open
    }
}

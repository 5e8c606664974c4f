//! What one side says, in numbers that both sides have in common.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::types::{BySide, DiffSide};
use crate::net::{ByFamily, ConnId, ConnTable, Family};
use crate::reach::{ClassId, NoteId, Passage, Reach, Target, UnitId};
use crate::report::list::ListFilter;
use crate::report::list::focus::Focus;
use crate::report::list::{endpoints, members};
use crate::session::Session;

/// What passes for certain, and what is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passing {
    pub allowed: ConnId,
    pub unknown: ConnId,
}

impl Default for Passing {
    fn default() -> Self {
        Self { allowed: ConnId::NONE, unknown: ConnId::NONE }
    }
}

/// What passes between two ends, in each family.
pub type State = ByFamily<Passing>;

/// What is said of a pair.
#[derive(Clone, Debug, Default)]
pub struct Said {
    pub state: State,
    /// Why something is not known.
    pub notes: Option<Arc<[NoteId]>>,
}

/// What a source reaches.
pub type Row<To> = FxHashMap<To, Said>;

/// One side.
pub struct Sided<'m> {
    pub session: &'m Session,
    pub reach: Reach<'m>,
    pub focus: Focus,
    /// Numbers of sets of connections in the common table.
    known: FxHashMap<ConnId, ConnId>,
}

impl<'m> Sided<'m> {
    pub fn new(session: &'m Session, filter: &ListFilter) -> Self {
        let reach = Reach::new(session.model(), session.policies());
        // Reports on all ends are made only if they are looked at.
        let endpoints = match filter.has_focus() || filter.port.is_some() {
            true => endpoints(session, &reach, &members::of_reach(&reach)),
            false => Vec::new(),
        };
        let focus = Focus::new(&reach, filter, &endpoints);
        Self { session, reach, focus, known: FxHashMap::default() }
    }

    /// What the units that a class speaks for reach, by who speaks for the others.
    pub fn row(&mut self, speaker: ClassId, conns: &mut ConnTable) -> Row<ClassId> {
        let mut row = Row::default();
        for Passage { to, allowed, unknown, family, notes } in self.reach.passages(speaker) {
            self.add((to, (allowed, unknown), family, notes), &mut row, conns);
        }
        row
    }

    /// What one unit reaches.
    pub fn unit_row(&mut self, unit: UnitId, conns: &mut ConnTable) -> Row<UnitId> {
        let mut row = Row::default();
        for Target { unit, allowed, unknown, family, notes } in self.reach.targets(unit) {
            self.add((unit, (allowed, unknown), family, notes), &mut row, conns);
        }
        row
    }

    fn add<To: Eq + std::hash::Hash>(
        &mut self,
        (to, passing, family, notes): (To, (ConnId, ConnId), Option<Family>, Arc<[NoteId]>),
        row: &mut Row<To>,
        conns: &mut ConnTable,
    ) {
        let (allowed, unknown) = (self.common(passing.0, conns), self.common(passing.1, conns));
        let said = row.entry(to).or_default();
        for family in Family::BOTH.into_iter().filter(|of| family.is_none_or(|own| own == *of)) {
            said.state[family] = Passing { allowed, unknown };
        }
        said.notes = match said.notes.take() {
            known if notes.is_empty() => known,
            None => Some(notes),
            Some(known) => {
                let all: BTreeSet<NoteId> = known.iter().chain(&*notes).copied().collect();
                Some(all.into_iter().collect())
            }
        };
    }

    fn common(&mut self, id: ConnId, conns: &mut ConnTable) -> ConnId {
        // Of every table the same.
        if id == ConnId::NONE || id == ConnId::ALL {
            return id;
        }
        *self.known.entry(id).or_insert_with(|| conns.intern(self.reach.conn(id).clone()))
    }
}

/// A row, and how many sources are to come that need it.
type Kept = (Rc<Row<ClassId>>, usize);

/// Rows of both sides, kept as long as a source is to come that needs them.
#[derive(Default)]
pub struct Rows(BySide<FxHashMap<ClassId, Kept>>);

impl Rows {
    /// The row of a class, which so many sources have in all.
    pub fn of(
        &mut self,
        (side, speaker, sources): (DiffSide, ClassId, usize),
        sides: &mut BySide<Sided<'_>>,
        conns: &mut ConnTable,
    ) -> Rc<Row<ClassId>> {
        let known = &mut self.0[side];
        if let Some((row, left)) = known.get_mut(&speaker) {
            let row = Rc::clone(row);
            *left = left.saturating_sub(1);
            if *left == 0 {
                known.remove(&speaker);
            }
            return row;
        }
        let row = Rc::new(sides[side].row(speaker, conns));
        if sources > 1 {
            known.insert(speaker, (Rc::clone(&row), sources - 1));
        }
        row
    }
}

//! Classes that nobody treats differently, whatever policies they are under.
//!
//! A class is what policies distinguish, and a policy of its own makes a pod a class of its own. As
//! a source, though, classes are alike that may send the same and that all others admit alike; as a
//! destination, those that admit the same and to which all others may send alike. Of six thousand
//! workloads that admit everybody to a port of their own, all are one source. So reach is computed
//! once for all that are alike, and one of them stands for them: their *speaker*.

use std::hash::Hash;

use rustc_hash::{FxHashMap, FxHashSet};

use super::Unit;
use super::class::{Class, ClassId, Classes};
use super::row::{Key, OPEN, Row, RowId, Rows, is_outside};
use super::stage::{FrameId, keys_of_rule};
use super::unit::UnitId;
use crate::manifest::{ByDirection, Direction, NamedPort, PortMatch};
use crate::net::{ByFamily, Family, Protocol};
use crate::policy::{PolicyRule, PolicySet, ProgramId};
use crate::shared::Table;

/// Which classes are alike in one role, that of a source or that of a destination.
#[derive(Debug)]
pub struct Roles {
    /// The speaker of each class.
    pub speaker: Table<ClassId, Class>,
    /// Units of all classes of which a class is the speaker, ascending.
    pub units: Table<Vec<UnitId>, Class>,
}

impl Roles {
    /// Speakers, ascending.
    pub fn speakers(&self) -> impl Iterator<Item = ClassId> + '_ {
        self.speaker.iter().filter(|(class, speaker)| class == *speaker).map(|(class, _)| class)
    }

    /// Each class for itself.
    pub fn apart(classes: &Classes, units: &Table<Unit>) -> Self {
        Self::of(classes, units, |class, _| class)
    }

    /// Classes that are alike as sources (the direction is egress) or as destinations.
    pub fn alike<'r>(
        (classes, set): (&Classes, &PolicySet),
        units: &Table<Unit>,
        rows: impl Iterator<Item = &'r Rows>,
        direction: Direction,
    ) -> Self {
        let rows: Vec<(&Rows, Table<RowId, Row>)> = rows.map(|rows| (rows, same(rows))).collect();
        let named = named(set, direction.opposite());
        let names_sources = names_sources(set);
        Self::of(classes, units, |id, class| Likeness {
            outside: is_outside(class),
            families: ByFamily::from_fn(|family: Family| class.places[family].is_some()),
            families_certain: class.families_certain,
            host_network: class.host_network,
            ports: match direction == Direction::Ingress || names_sources {
                true => class.ports.clone(),
                false => Vec::new(),
            },
            own: rows.iter().map(|(rows, same)| own_row(rows, same, id, direction)).collect(),
            keys: rows.iter().map(|(rows, _)| known_by(rows, id, &named)).collect(),
            // What is settled label by label asks for more than rows have.
            alone: (!class.variants.is_empty()).then_some(id),
        })
    }

    fn of<L: Eq + Hash>(
        classes: &Classes,
        units: &Table<Unit>,
        likeness: impl Fn(ClassId, &Class) -> L,
    ) -> Self {
        let mut first: FxHashMap<L, ClassId> = FxHashMap::default();
        let speaker = classes.iter();
        let speaker = speaker.map(|(id, class)| *first.entry(likeness(id, class)).or_insert(id));
        let speaker: Table<ClassId, Class> = speaker.collect();
        let mut by_speaker = Table::filled(Vec::new(), classes.len());
        for (id, unit) in units.iter() {
            let list = speaker.get(unit.class).and_then(|one| by_speaker.get_mut(*one));
            list.into_iter().for_each(|list: &mut Vec<UnitId>| list.push(id));
        }
        Self { speaker, units: by_speaker }
    }
}

/// What decides about a class in one role, whoever the other end is.
#[derive(PartialEq, Eq, Hash)]
struct Likeness {
    outside: bool,
    families: ByFamily<bool>,
    families_certain: bool,
    host_network: bool,
    /// How names of ports are resolved there.
    ports: Vec<NamedPort>,
    /// What its own policies let pass, per family.
    own: Vec<RowId>,
    /// By what the policies of others may name it, per family.
    keys: Vec<Vec<Key>>,
    alone: Option<ClassId>,
}

fn own_row(rows: &Rows, same: &Table<RowId, Row>, id: ClassId, direction: Direction) -> RowId {
    let row = rows.of[direction].get(id).copied().unwrap_or(RowId::MAX);
    same.get(row).copied().unwrap_or(row)
}

fn known_by(rows: &Rows, id: ClassId, named: &FxHashSet<Key>) -> Vec<Key> {
    let keys = rows.keys.get(id).into_iter().flatten();
    keys.filter(|key| named.contains(key)).copied().collect()
}

/// Whether some rule asks for ports of sources by name.
fn names_sources(set: &PolicySet) -> bool {
    let placed = set.policies().filter(|(_, policy)| policy.place.is_some());
    placed.flat_map(|(_, policy)| policy.all_rules()).any(PolicyRule::names_source_ports)
}

/// By what rules of a direction name their peers.
fn named(set: &PolicySet, direction: Direction) -> FxHashSet<Key> {
    let rules = set.policies().flat_map(|(_, policy)| policy.rules(direction).unwrap_or_default());
    rules.flat_map(keys_of_rule).chain([Key::SomePod, Key::SomeNode]).collect()
}

/// What a row lets pass and what of it is open; the row of whoever admits everything is like no
/// other one.
#[derive(PartialEq, Eq, Hash)]
struct Content<'r> {
    entries: &'r [(Key, super::span::Span)],
    named: Vec<(Key, Vec<(Protocol, &'r PortMatch)>)>,
    notes: &'r [(Key, crate::net::ConnId, super::NoteId)],
    slow: Option<ProgramId>,
    frame: Option<FrameId>,
    joint: Option<ProgramId>,
}

/// The first row of those with the same content, by row.
fn same(rows: &Rows) -> Table<RowId, Row> {
    let mut first: FxHashMap<Content<'_>, RowId> = FxHashMap::default();
    let mut of =
        |(id, row)| if id == OPEN { OPEN } else { *first.entry(content(row)).or_insert(id) };
    rows.rows.iter().map(&mut of).collect()
}

fn content(row: &Row) -> Content<'_> {
    let named = row.named.iter().map(|(key, ports)| {
        let ports = ports.iter().map(|entry| (entry.protocol, &entry.ports));
        (*key, ports.collect())
    });
    Content {
        entries: &row.entries,
        named: named.collect(),
        notes: &row.notes,
        slow: row.slow,
        frame: row.frame,
        joint: row.joint,
    }
}

/// Both roles.
pub type ByRole = ByDirection<Roles>;

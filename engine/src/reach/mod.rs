//! Who can reach whom, on which ports: for all pairs, computed by class.
//!
//! Endpoints that no policy tells apart share a class; each class's reach is computed once and
//! expanded to workloads only where it is shown.
//!
//! `class` finds the classes. `row` holds what a program admits, by whom its rules name, and `stage`
//! what tiers of ordered rules do with those that they name; `ask` and `framed` answer for one
//! class, `from` brings families together and expands to `unit`s, `why` says which rules decide.
//! `pair` computes the same for two parties without any of that: for single questions, for programs
//! that rows cannot express, and to be compared with.

mod ask;
mod class;
mod framed;
mod from;
mod interned;
mod note;
mod pair;
mod row;
mod span;
mod stage;
mod ties;
mod unit;
mod why;

pub use class::{Class, ClassId, ClassKind};
pub use from::Target;
pub use note::{NoteId, NoteKey, NoteReason};
pub use pair::{Conns, pair};
pub use ties::Tie;
pub use unit::{Unit, UnitId, UnitKind};
pub use why::{Admission, Admissions};

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::cluster::ClusterModel;
use crate::net::{ConnId, ConnSet, ConnTable, Family};
use crate::policy::PolicySet;
use crate::shared::Table;

use class::Classes;
use row::Rows;

/// The reach of a cluster, ready to be asked by source.
///
/// # Cost
/// Building it is linear in endpoints, policies and the pairs of selectors and classes.
#[derive(Debug)]
pub struct Reach<'m> {
    model: &'m ClusterModel,
    set: &'m PolicySet,
    classes: Classes,
    units: Table<Unit>,
    units_by_class: Table<Vec<UnitId>, Class>,
    /// Rows per family; one of both where no block of addresses plays a part.
    rows: Vec<(Option<Family>, Rows)>,
    /// What has been computed of ordered tiers, per family as `rows`.
    stages: Vec<stage::Memory>,
    conns: ConnTable,
    notes: note::Notes,
    /// What outside addresses reach, by class.
    outside: FxHashMap<ClassId, Arc<[from::Merged]>>,
    rule_ports: FxHashMap<why::RulePorts, ConnId>,
}

impl<'m> Reach<'m> {
    /// The reach of a model under its policies.
    pub fn new(model: &'m ClusterModel, set: &'m PolicySet) -> Self {
        let classes = Classes::new(model, set);
        let (units, units_by_class) = unit::units(model, &classes);
        let mut conns = ConnTable::default();
        let mut notes = note::Notes::default();
        let families: &[Option<Family>] =
            if classes.uses_blocks() { &[Some(Family::IPv4), Some(Family::IPv6)] } else { &[None] };
        let rows = families
            .iter()
            .map(|family| {
                (*family, Rows::new((model, set), &classes, *family, (&mut conns, &mut notes)))
            })
            .collect();
        let stages = families.iter().map(|_| stage::Memory::default()).collect();
        Self {
            model,
            set,
            classes,
            units,
            units_by_class,
            rows,
            stages,
            conns,
            notes,
            outside: FxHashMap::default(),
            rule_ports: FxHashMap::default(),
        }
    }

    /// What is listed: ranges of addresses first (IPv4, then IPv6, ascending), then workloads by
    /// namespace, name and kind, each as one unit or as the groups that policies tell apart.
    pub fn units(&self) -> &Table<Unit> {
        &self.units
    }

    /// A set of connections.
    pub fn conn(&self, id: ConnId) -> &ConnSet {
        self.conns.get(id)
    }

    /// Notes by number, as [`Target::notes`] has them.
    pub fn notes(&self) -> &Table<NoteKey> {
        self.notes.keys()
    }
}

//! Who can reach whom, on which ports: for all pairs, computed by class.
//!
//! Endpoints that no policy tells apart share a class; each class's reach is computed once and
//! expanded to workloads only where it is shown.
//!
//! `class` finds the classes. `row` holds what a program admits, by whom its rules name, and `stage`
//! what tiers of ordered rules do with those that they name; `role` finds the classes that may be
//! answered for together, `arrange` has rows be found by what they name; `ask` and `framed` answer for one
//! class, `from` brings families together and expands to `unit`s, `between` says what leaves something open,
//! `why` which rules decide.
//! `pair` computes the same for two parties without any of that: for single questions, for programs
//! that rows cannot express, and to be compared with.

mod arrange;
mod ask;
mod between;
mod class;
mod framed;
mod from;
mod interned;
mod note;
mod pair;
mod role;
mod row;
mod span;
mod stage;
mod ties;
mod unit;
mod why;

pub use class::{Class, ClassId, ClassKind};
pub use from::{Passage, Target};
pub use note::{NoteId, NoteKey, NoteReason};
pub use pair::{Conns, pair};
pub use ties::Tie;
pub use unit::{Unit, UnitId, UnitKind};
pub use why::{Admission, Admissions, Decision};

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::cluster::ClusterModel;
use crate::manifest::Direction;
use crate::net::{ConnId, ConnSet, ConnTable, Family};
use crate::policy::PolicySet;
use crate::shared::Table;

use class::Classes;
use role::{ByRole, Roles};
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
    /// Who is alike: as sources (egress) and as destinations (ingress).
    roles: ByRole,
    /// Rows per family; one of both where no block of addresses plays a part.
    rows: Vec<(Option<Family>, Rows)>,
    /// What has been computed of ordered tiers, per family as `rows`.
    stages: Vec<stage::Memory>,
    conns: ConnTable,
    notes: note::Notes,
    /// What ingress rows admit from the source that was asked about last, per family as `rows`.
    admitted: Vec<ask::LastAdmitted>,
    /// What has been found out about notes.
    between: between::Memory,
    /// What outside addresses reach, by class.
    outside: FxHashMap<ClassId, Arc<[from::Merged]>>,
    rule_ports: FxHashMap<why::RulePorts, ConnId>,
}

impl<'m> Reach<'m> {
    /// The reach of a model under its policies.
    pub fn new(model: &'m ClusterModel, set: &'m PolicySet) -> Self {
        Self::with(model, set, |classes, units, rows| {
            ByRole::from_fn(|direction| {
                let rows = rows.iter().map(|(_, rows)| rows);
                Roles::alike((classes, set), units, rows, direction)
            })
        })
    }

    /// The same, but only those are alike that are under the same policies: whatever is asked about
    /// one of them is answered for all.
    pub fn by_policies(model: &'m ClusterModel, set: &'m PolicySet) -> Self {
        let apart =
            |classes: &_, units: &_, _: &_| ByRole::from_fn(|_| Roles::apart(classes, units));
        Self::with(model, set, apart)
    }

    fn with(
        model: &'m ClusterModel,
        set: &'m PolicySet,
        roles: impl FnOnce(&Classes, &Table<Unit>, &[(Option<Family>, Rows)]) -> ByRole,
    ) -> Self {
        let classes = Classes::new(model, set);
        let units = unit::units(model, &classes);
        let mut conns = ConnTable::default();
        let mut notes = note::Notes::default();
        let families = families(model, &classes);
        let mut rows: Vec<_> = families
            .iter()
            .map(|family| {
                (*family, Rows::new((model, set), &classes, *family, (&mut conns, &mut notes)))
            })
            .collect();
        let roles = roles(&classes, &units, &rows);
        for (family, rows) in &mut rows {
            rows.arrange(&classes, *family, roles[Direction::Ingress].speakers());
        }
        let stages = families.iter().map(|_| stage::Memory::default()).collect();
        Self {
            model,
            set,
            classes,
            units,
            roles,
            rows,
            stages,
            conns,
            notes,
            admitted: families.iter().map(|_| None).collect(),
            between: between::Memory::default(),
            outside: FxHashMap::default(),
            rule_ports: FxHashMap::default(),
        }
    }

    /// What is listed: ranges of addresses first (IPv4, then IPv6, ascending), then workloads by
    /// namespace, name and kind, each as one unit or as the groups that policies tell apart.
    pub fn units(&self) -> &Table<Unit> {
        &self.units
    }

    /// Those who speak for all that are alike as sources, ascending.
    pub fn sources(&self) -> Vec<ClassId> {
        self.roles[Direction::Egress].speakers().collect()
    }

    /// Those who speak for all that are alike as destinations, ascending.
    pub fn destinations(&self) -> Vec<ClassId> {
        self.roles[Direction::Ingress].speakers().collect()
    }

    /// The cluster.
    pub fn model(&self) -> &'m ClusterModel {
        self.model
    }

    /// Units that are alike as sources, by their speaker, ascending.
    pub fn units_from(&self, speaker: ClassId) -> &[UnitId] {
        self.roles[Direction::Egress].units.get(speaker).map_or(&[], Vec::as_slice)
    }

    /// Units that are alike as destinations, by their speaker, ascending.
    pub fn units_to(&self, speaker: ClassId) -> &[UnitId] {
        self.roles[Direction::Ingress].units.get(speaker).map_or(&[], Vec::as_slice)
    }

    /// Who speaks for a unit as a source (egress) or as a destination.
    pub fn speaker(&self, unit: UnitId, role: Direction) -> Option<ClassId> {
        let class = self.units.get(unit)?.class;
        self.roles[role].speaker.get(class).copied()
    }

    /// The number of a set of connections.
    pub fn intern(&mut self, conns: ConnSet) -> ConnId {
        self.conns.intern(conns)
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

/// The families that are evaluated apart: both where blocks play a part, unless one is asked for.
fn families(model: &ClusterModel, classes: &Classes) -> Vec<Option<Family>> {
    match (classes.uses_blocks(), model.space.family) {
        (false, _) => vec![None],
        (true, Some(asked)) => vec![Some(asked)],
        (true, None) => Family::BOTH.map(Some).into(),
    }
}

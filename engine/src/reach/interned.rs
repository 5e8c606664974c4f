//! Sets of connections by their numbers, as the walk through tiers needs them.

use crate::net::{ConnId, ConnTable};
use crate::policy::fold::Flows;

/// Numbers of a table.
pub struct Interned<'t> {
    /// The table.
    pub table: &'t mut ConnTable,
    /// What the walk is about.
    pub all: ConnId,
}

impl Flows for Interned<'_> {
    type Set = ConnId;

    fn all(&mut self) -> ConnId {
        self.all
    }

    fn none(&mut self) -> ConnId {
        ConnId::NONE
    }

    fn union(&mut self, a: &ConnId, b: &ConnId) -> ConnId {
        self.table.union(*a, *b)
    }

    fn intersection(&mut self, a: &ConnId, b: &ConnId) -> ConnId {
        self.table.intersection(*a, *b)
    }

    fn difference(&mut self, a: &ConnId, b: &ConnId) -> ConnId {
        self.table.difference(*a, *b)
    }

    fn is_empty(&self, set: &ConnId) -> bool {
        *set == ConnId::NONE
    }
}

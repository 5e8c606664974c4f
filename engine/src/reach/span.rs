//! What passes for certain and what may.

use crate::net::{ConnId, ConnTable};

/// What passes for certain and what may, as numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    /// In every case.
    pub certain: ConnId,
    /// In some case.
    pub possible: ConnId,
}

impl Span {
    /// Nothing.
    pub const NONE: Self = Self { certain: ConnId::NONE, possible: ConnId::NONE };
    /// Everything.
    pub const ALL: Self = Self { certain: ConnId::ALL, possible: ConnId::ALL };

    /// What either lets pass.
    pub fn or(self, other: Self, conns: &mut ConnTable) -> Self {
        Self {
            certain: conns.union(self.certain, other.certain),
            possible: conns.union(self.possible, other.possible),
        }
    }

    /// What both let pass.
    pub fn and(self, other: Self, conns: &mut ConnTable) -> Self {
        Self {
            certain: conns.intersection(self.certain, other.certain),
            possible: conns.intersection(self.possible, other.possible),
        }
    }
}

//! Readings of a set of policies, some of which are only audited.

use crate::manifest::Mode;

/// Which policies are taken to be in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Considered {
    /// Those that are enforced.
    Enforced,
    /// Audited ones as well.
    All,
    /// All, for endpoints of which audited ones select some; for others none.
    AllWhereAudited,
    /// None.
    Nothing,
}

impl Considered {
    /// What decides on a node whose operator asks for a mode.
    pub fn in_force(mode: Mode) -> Self {
        match mode {
            Mode::Enforce => Self::Enforced,
            Mode::Audit => Self::Nothing,
        }
    }

    /// What is only said to deny there.
    pub fn audited(mode: Mode) -> Self {
        match mode {
            Mode::Enforce => Self::AllWhereAudited,
            Mode::Audit => Self::All,
        }
    }
}

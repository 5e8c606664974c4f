//! Programs in two parts: the tier that may pass on to others, and those.
//!
//! Pods under the same Admin tier have all sorts of NetworkPolicies. What is made of that tier, or
//! proved of it, is made once where it has a number of its own.

use std::sync::Arc;

use super::{OPEN, PolicySet, Program, ProgramId, TierKind};

/// The parts of a program, as programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split {
    /// The Admin tier alone.
    pub admin: ProgramId,
    /// The tiers that it passes on to; [`OPEN`] if there is none.
    pub after: ProgramId,
}

impl PolicySet {
    /// The parts of a program that has an Admin tier; none of another.
    pub fn split(&self, id: ProgramId) -> Option<Split> {
        match self.program(id).tiers.as_slice() {
            [only] if only.kind == TierKind::Admin => Some(Split { admin: id, after: OPEN }),
            [first, ..] if first.kind == TierKind::Admin => self.splits.get(id).copied().flatten(),
            _ => None,
        }
    }

    /// The number of a program.
    pub(super) fn intern(&mut self, program: Program) -> ProgramId {
        if let Some(&id) = self.program_ids.get(&program) {
            return id;
        }
        let split = match program.tiers.split_first() {
            Some((admin, after)) if admin.kind == TierKind::Admin && !after.is_empty() => {
                let admin = self.intern(Program { tiers: vec![admin.clone()] });
                Some(Split { admin, after: self.intern(Program { tiers: after.to_vec() }) })
            }
            _ => None,
        };
        let program = Arc::new(program);
        let id = self.programs.push(program.clone());
        self.splits.push(split);
        self.program_ids.insert(program, id);
        id
    }
}

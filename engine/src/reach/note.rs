//! What cannot be known, gathered per rule.

use rustc_hash::FxHashMap;

use crate::manifest::Direction;
use crate::policy::PolicyId;
use crate::verdict::UnknownReason;

/// Why, without the rule.
pub type NoteReason = UnknownReason;

/// A rule, or a policy, or nothing in particular, that leaves connections open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NoteKey {
    /// Why.
    pub reason: NoteReason,
    /// The policy, and the direction and number of its rule; no number if it is the policy's
    /// subject that is open.
    pub rule: Option<(PolicyId, Direction, Option<u32>)>,
}

/// Interned notes.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    keys: Vec<NoteKey>,
    ids: FxHashMap<NoteKey, u32>,
}

impl Notes {
    /// The note's number.
    pub fn intern(&mut self, key: NoteKey) -> u32 {
        let next = u32::try_from(self.keys.len()).unwrap_or(u32::MAX);
        let id = *self.ids.entry(key).or_insert(next);
        if id == next {
            self.keys.push(key);
        }
        id
    }

    /// All notes, by number.
    pub fn keys(&self) -> &[NoteKey] {
        &self.keys
    }
}

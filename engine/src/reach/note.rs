//! What cannot be known, gathered per rule.

use rustc_hash::FxHashMap;

use crate::manifest::Direction;
use crate::policy::PolicyId;
use crate::shared::{Id, Table};
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

/// The number of a [`NoteKey`] in a reach.
pub type NoteId = Id<NoteKey>;

/// Interned notes.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    keys: Table<NoteKey>,
    ids: FxHashMap<NoteKey, NoteId>,
}

impl Notes {
    /// The note's number.
    pub fn intern(&mut self, key: NoteKey) -> NoteId {
        *self.ids.entry(key).or_insert_with(|| self.keys.push(key))
    }

    /// All notes, by number.
    pub fn keys(&self) -> &Table<NoteKey> {
        &self.keys
    }
}

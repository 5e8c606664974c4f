//! Numbers of entries, each of one kind of table.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;

/// The number of an entry in tables about `T`: that of another kind is another type.
///
/// # Shape
/// Four bytes, ordered as the entries are. Only a table gives a new one out; one that it gave out
/// is always found there, as entries are never taken out. Of another state of the cluster it may
/// name no entry, or another one, so looking one up may find nothing: what stands for nothing must
/// never be what lets something pass.
pub struct Id<T: ?Sized> {
    number: u32,
    of: PhantomData<fn() -> T>,
}

impl<T: ?Sized> Id<T> {
    /// The smallest one.
    pub const MIN: Self = Self::new(0);
    /// The greatest one. No entry has it: a table that is full gives it out, and does not find it.
    pub const MAX: Self = Self::new(u32::MAX);

    /// A number: for entries that a table always has in the same place.
    pub const fn new(number: u32) -> Self {
        Self { number, of: PhantomData }
    }

    /// Of an entry in a place.
    pub(super) fn at(index: usize) -> Self {
        u32::try_from(index).map_or(Self::MAX, Self::new)
    }

    /// The place of its entry.
    pub(super) fn index(self) -> usize {
        self.number as usize
    }

    /// Numbers from this one up to another one, which is left out.
    pub fn up_to(self, end: Self) -> impl Iterator<Item = Self> + Clone {
        (self.number..end.number).map(Self::new)
    }

    /// The number itself.
    pub const fn number(self) -> u32 {
        self.number
    }
}

// Not derived: whatever `T` is, its number can be copied and compared.
impl<T: ?Sized> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized> Copy for Id<T> {}

impl<T: ?Sized> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl<T: ?Sized> Eq for Id<T> {}

impl<T: ?Sized> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: ?Sized> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.number.cmp(&other.number)
    }
}

impl<T: ?Sized> Hash for Id<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.number.hash(state);
    }
}

impl<T: ?Sized> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number.fmt(f)
    }
}

//! Lists whose entries are found by numbers of one kind.

use std::fmt;
use std::marker::PhantomData;

use super::{Id, Pages};

/// A list that is found in by numbers of `Of`: a column of what is known of each.
pub struct Table<T, Of: ?Sized = T> {
    entries: Vec<T>,
    of: PhantomData<fn() -> Of>,
}

/// A [`Table`] in pages that its copies share.
pub struct PagedTable<T, Of: ?Sized = T> {
    entries: Pages<T>,
    of: PhantomData<fn() -> Of>,
}

impl<T, Of: ?Sized> Table<T, Of> {
    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The number that the next entry gets.
    pub fn next_id(&self) -> Id<Of> {
        Id::at(self.entries.len())
    }

    /// Puts an entry at the end; its number.
    pub fn push(&mut self, entry: T) -> Id<Of> {
        let id = self.next_id();
        self.entries.push(entry);
        id
    }

    /// An entry.
    pub fn get(&self, id: Id<Of>) -> Option<&T> {
        self.entries.get(id.index())
    }

    /// An entry that is about to change.
    pub fn get_mut(&mut self, id: Id<Of>) -> Option<&mut T> {
        self.entries.get_mut(id.index())
    }

    /// All numbers, ascending.
    pub fn ids(&self) -> impl Iterator<Item = Id<Of>> + use<T, Of> {
        ids(0).take(self.entries.len())
    }

    /// All entries with their numbers, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (Id<Of>, &T)> {
        ids(0).zip(&self.entries)
    }

    /// All entries, which are about to change, by number.
    pub fn values_mut(&mut self) -> std::slice::IterMut<'_, T> {
        self.entries.iter_mut()
    }

    /// All entries, by number.
    pub fn values(&self) -> std::slice::Iter<'_, T> {
        self.entries.iter()
    }
}

impl<T: Clone, Of: ?Sized> Table<T, Of> {
    /// The same for each of so many numbers.
    pub fn filled(entry: T, count: usize) -> Self {
        Self { entries: vec![entry; count], of: PhantomData }
    }
}

impl<T: Clone + Default, Of: ?Sized> Table<T, Of> {
    /// Has an entry for each of so many numbers and no more; new ones begin as default ones.
    pub fn resize(&mut self, count: usize) {
        self.entries.resize(count, T::default());
    }

    /// An entry that is about to change; it and those before it begin as default ones. None of a
    /// number that no entry has.
    pub fn or_default(&mut self, id: Id<Of>) -> Option<&mut T> {
        if id != Id::MAX && id.index() >= self.entries.len() {
            self.resize(id.index() + 1);
        }
        self.get_mut(id)
    }
}

impl<T, Of: ?Sized> PagedTable<T, Of> {
    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The number that the next entry gets.
    pub fn next_id(&self) -> Id<Of> {
        Id::at(self.entries.len())
    }

    /// An entry.
    pub fn get(&self, id: Id<Of>) -> Option<&T> {
        self.entries.get(id.index())
    }

    /// All entries with their numbers, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (Id<Of>, &T)> {
        ids(0).zip(&self.entries)
    }

    /// All entries, by number.
    pub fn values(&self) -> impl Iterator<Item = &T> + Clone {
        self.entries.iter()
    }

    /// The number of the first entry of which a condition does not hold that holds of all before;
    /// that of the next entry, if it holds of all.
    ///
    /// # Cost
    /// Logarithmic.
    pub fn partition_point(&self, holds: impl FnMut(&T) -> bool) -> Id<Of> {
        Id::at(self.entries.partition_point(holds))
    }

    /// Entries from a number on.
    pub fn from(&self, first: Id<Of>) -> impl Iterator<Item = (Id<Of>, &T)> {
        ids(first.number()).zip(self.entries.from(first.index()))
    }

    /// Numbers of entries that may be others than in another table, or be in only one of the two.
    ///
    /// # Cost
    /// Linear in the pages; nothing is compared.
    pub fn unshared(&self, other: &Self) -> impl Iterator<Item = Id<Of>> {
        self.entries.unshared(&other.entries).map(Id::at)
    }
}

impl<T: Clone, Of: ?Sized> PagedTable<T, Of> {
    /// Puts an entry at the end; its number.
    pub fn push(&mut self, entry: T) -> Id<Of> {
        let id = self.next_id();
        self.entries.push(entry);
        id
    }

    /// An entry that is about to change.
    pub fn get_mut(&mut self, id: Id<Of>) -> Option<&mut T> {
        self.entries.get_mut(id.index())
    }

    /// All entries, which are about to change, by number.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.entries.iter_mut()
    }
}

impl<T: Clone + Default, Of: ?Sized> PagedTable<T, Of> {
    /// An entry that is about to change; it and those before it begin as default ones. None of a
    /// number that no entry has.
    pub fn or_default(&mut self, id: Id<Of>) -> Option<&mut T> {
        while id != Id::MAX && self.next_id() <= id {
            self.push(T::default());
        }
        self.get_mut(id)
    }
}

/// Numbers from one on.
fn ids<Of: ?Sized>(first: u32) -> impl Iterator<Item = Id<Of>> + Clone {
    (first..=u32::MAX).map(Id::new)
}

// Not derived: what numbers are of need not be copied or printed.
impl<T: Clone, Of: ?Sized> Clone for Table<T, Of> {
    fn clone(&self) -> Self {
        Self { entries: self.entries.clone(), of: PhantomData }
    }
}

impl<T, Of: ?Sized> Clone for PagedTable<T, Of> {
    fn clone(&self) -> Self {
        Self { entries: self.entries.clone(), of: PhantomData }
    }
}

impl<T, Of: ?Sized> Default for Table<T, Of> {
    fn default() -> Self {
        Self { entries: Vec::new(), of: PhantomData }
    }
}

impl<T, Of: ?Sized> Default for PagedTable<T, Of> {
    fn default() -> Self {
        Self { entries: Pages::default(), of: PhantomData }
    }
}

impl<T: fmt::Debug, Of: ?Sized> fmt::Debug for Table<T, Of> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entries.fmt(f)
    }
}

impl<T: fmt::Debug, Of: ?Sized> fmt::Debug for PagedTable<T, Of> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entries.fmt(f)
    }
}

impl<T, Of: ?Sized> FromIterator<T> for Table<T, Of> {
    fn from_iter<I: IntoIterator<Item = T>>(entries: I) -> Self {
        Self { entries: entries.into_iter().collect(), of: PhantomData }
    }
}

impl<T, Of: ?Sized> FromIterator<T> for PagedTable<T, Of> {
    fn from_iter<I: IntoIterator<Item = T>>(entries: I) -> Self {
        Self { entries: entries.into_iter().collect(), of: PhantomData }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_table_numbers_it_finds() {
        let (mut table, mut paged): (Table<usize, str>, PagedTable<usize, str>) =
            Default::default();
        for n in 0..200 {
            let (id, in_pages) = (table.push(n), paged.push(n));
            assert_eq!(id, in_pages);
            assert_eq!((table.get(id), paged.get(id)), (Some(&n), Some(&n)));
        }
        assert!(table.iter().eq(paged.iter()));
        let beyond = table.next_id();
        assert_eq!((table.get(beyond), paged.get(beyond), table.get(Id::MAX)), (None, None, None));
        let last = paged.from(Id::new(199));
        assert!(last.eq([(Id::new(199), &199)]));
    }

    #[test]
    fn a_number_takes_four_bytes() {
        assert_eq!(std::mem::size_of::<Id<Vec<String>>>(), 4);
    }
}

//! Lists.

use std::ops::Range;
use std::sync::Arc;

/// A change copies so many entries at most.
const PAGE: usize = 64;

/// A list, in pages that its copies share.
///
/// # Shape
/// INVARIANT: all pages but the last one are full, so that a number tells its page.
pub struct Pages<T> {
    pages: Vec<Arc<Vec<T>>>,
}

impl<T> Pages<T> {
    /// How many entries there are.
    pub fn len(&self) -> usize {
        let last = self.pages.last().map_or(0, |page| page.len());
        self.pages.len().saturating_sub(1) * PAGE + last
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.pages.is_empty()
    }

    /// An entry.
    pub fn get(&self, index: usize) -> Option<&T> {
        self.pages.get(index / PAGE)?.get(index % PAGE)
    }

    /// The last entry.
    pub fn last(&self) -> Option<&T> {
        self.pages.last()?.last()
    }

    /// All entries, in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> + Clone {
        self.pages.iter().flat_map(|page| page.iter())
    }

    /// Entries from a number on.
    pub fn from(&self, start: usize) -> impl Iterator<Item = &T> {
        let pages = self.pages.iter().skip(start / PAGE);
        pages.flat_map(|page| page.iter()).skip(start % PAGE)
    }

    /// Where the first entry stands of which a condition does not hold that holds of all before.
    ///
    /// # Cost
    /// Logarithmic.
    pub fn partition_point(&self, mut holds: impl FnMut(&T) -> bool) -> usize {
        let full = self.pages.partition_point(|page| page.last().is_some_and(&mut holds));
        match self.pages.get(full) {
            Some(page) => full * PAGE + page.partition_point(holds),
            None => self.len(),
        }
    }

    /// Numbers of entries that may be others than in another list, or be in only one of the two.
    ///
    /// # Cost
    /// Linear in the pages; nothing is compared.
    pub fn unshared(&self, other: &Self) -> impl Iterator<Item = usize> {
        let pages = self.pages.len().max(other.pages.len());
        let other_at = (0..pages).filter(move |&page| {
            let (own, theirs) = (self.pages.get(page), other.pages.get(page));
            !matches!((own, theirs), (Some(a), Some(b)) if Arc::ptr_eq(a, b))
        });
        let length = self.len().max(other.len());
        other_at
            .flat_map(move |page| Range { start: page * PAGE, end: length.min(page * PAGE + PAGE) })
    }
}

impl<T: Clone> Pages<T> {
    /// Puts an entry at the end.
    pub fn push(&mut self, entry: T) {
        match self.pages.last_mut() {
            Some(page) if page.len() < PAGE => Arc::make_mut(page).push(entry),
            _ => self.pages.push(Arc::new(vec![entry])),
        }
    }

    /// An entry that is about to change.
    pub fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        Arc::make_mut(self.pages.get_mut(index / PAGE)?).get_mut(index % PAGE)
    }

    /// All entries, which are about to change.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.pages.iter_mut().flat_map(|page| Arc::make_mut(page).iter_mut())
    }
}

// Not derived: copies are made of pages, not of entries.
impl<T> Clone for Pages<T> {
    fn clone(&self) -> Self {
        Self { pages: self.pages.clone() }
    }
}

impl<T> Default for Pages<T> {
    fn default() -> Self {
        Self { pages: Vec::new() }
    }
}

impl<T: std::fmt::Debug> std::fmt::Debug for Pages<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<T> FromIterator<T> for Pages<T> {
    fn from_iter<I: IntoIterator<Item = T>>(entries: I) -> Self {
        let mut entries = entries.into_iter();
        let mut pages = Vec::new();
        loop {
            let page: Vec<T> = entries.by_ref().take(PAGE).collect();
            if page.is_empty() {
                return Self { pages };
            }
            pages.push(Arc::new(page));
        }
    }
}

impl<'p, T> IntoIterator for &'p Pages<T> {
    type Item = &'p T;
    type IntoIter = std::iter::FlatMap<
        std::slice::Iter<'p, Arc<Vec<T>>>,
        std::slice::Iter<'p, T>,
        fn(&'p Arc<Vec<T>>) -> std::slice::Iter<'p, T>,
    >;

    fn into_iter(self) -> Self::IntoIter {
        self.pages.iter().flat_map(|page| page.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_keeps_what_it_had_and_shares_the_rest() {
        let first: Pages<usize> = (0..200).collect();
        let mut second = first.clone();
        *second.get_mut(70).unwrap() = 7;
        second.push(200);
        assert!(first.iter().copied().eq(0..200));
        assert_eq!((second.get(70), second.get(200), second.len()), (Some(&7), Some(&200), 201));
        let unshared: Vec<usize> = second.unshared(&first).collect();
        assert_eq!(unshared, (64..128).chain(192..201).collect::<Vec<_>>());
        assert!(first.unshared(&second).eq(unshared));
    }

    #[test]
    fn it_is_searched_as_a_slice_is() {
        let numbers: Vec<usize> = (0..150).collect();
        let pages: Pages<usize> = numbers.iter().copied().collect();
        for bound in [0, 1, 63, 64, 65, 128, 149, 150] {
            assert_eq!(pages.partition_point(|n| *n < bound), bound);
            assert!(pages.from(bound).eq(&numbers[bound..]));
        }
        assert_eq!(Pages::<usize>::default().partition_point(|_| true), 0);
    }
}

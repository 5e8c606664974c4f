//! Sets.

use std::sync::Arc;

/// A change copies so many members at most.
const RUN: usize = 128;

/// A sorted set, in runs that its copies share.
///
/// # Shape
/// INVARIANT: no run is empty or longer than [`RUN`]; each begins after the end of the one before.
pub struct Sorted<T> {
    runs: Vec<Arc<Vec<T>>>,
    len: usize,
}

/// Which of two sets a member is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// In the first one only.
    First,
    /// In the second one only.
    Second,
}

impl<T> Sorted<T> {
    /// How many members there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The least member.
    pub fn first(&self) -> Option<&T> {
        self.runs.first()?.first()
    }

    /// The greatest member.
    pub fn last(&self) -> Option<&T> {
        self.runs.last()?.last()
    }

    /// All members, ascending.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.runs.iter().flat_map(|run| run.iter())
    }
}

impl<T: Copy + Ord> Sorted<T> {
    /// Whether it has a member.
    pub fn contains(&self, member: &T) -> bool {
        self.runs.get(self.run_of(member)).is_some_and(|run| run.binary_search(member).is_ok())
    }

    /// Puts a member in; whether it is new.
    pub fn insert(&mut self, member: T) -> bool {
        let at = self.run_of(&member);
        let Some(run) = self.runs.get_mut(at) else {
            self.runs.push(Arc::new(vec![member]));
            self.len += 1;
            return true;
        };
        let Err(place) = run.binary_search(&member) else { return false };
        let run = Arc::make_mut(run);
        run.insert(place, member);
        self.len += 1;
        if run.len() > RUN {
            let rest = run.split_off(RUN / 2);
            self.runs.insert(at + 1, Arc::new(rest));
        }
        true
    }

    /// Takes a member out; whether it was there.
    pub fn remove(&mut self, member: &T) -> bool {
        let at = self.run_of(member);
        let Some(run) = self.runs.get_mut(at) else { return false };
        let Ok(place) = run.binary_search(member) else { return false };
        let run = Arc::make_mut(run);
        run.remove(place);
        self.len -= 1;
        if run.is_empty() {
            self.runs.remove(at);
        } else {
            self.join(at);
        }
        true
    }

    /// Whether all members are in another set too.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.len <= other.len && !self.differences(other, &mut |side, _| side == Side::First)
    }

    /// The members of which either set has one and the other has not, ascending.
    ///
    /// # Cost
    /// Linear in the runs, and in the members of those that are not shared.
    pub fn difference(&self, other: &Self) -> Vec<(Side, T)> {
        let mut all = Vec::new();
        self.differences(other, &mut |side, member| {
            all.push((side, member));
            false
        });
        all
    }

    /// The run in which a member is if it is there.
    fn run_of(&self, member: &T) -> usize {
        let after = self.runs.partition_point(|run| run.first().is_some_and(|one| one <= member));
        after.saturating_sub(1)
    }

    /// Joins a run with the next one if both are short, so that those that shrink do not stay.
    fn join(&mut self, at: usize) {
        let length = |at: usize| self.runs.get(at).map(|run| run.len());
        if let (Some(one), Some(next)) = (length(at), length(at + 1))
            && one + next <= RUN / 2
        {
            let next = self.runs.remove(at + 1);
            if let Some(run) = self.runs.get_mut(at) {
                Arc::make_mut(run).extend(next.iter());
            }
        }
    }

    /// Tells of each difference until it is enough; whether it was.
    fn differences(&self, other: &Self, enough: &mut dyn FnMut(Side, T) -> bool) -> bool {
        let (mut a, mut b) = (Cursor::new(self), Cursor::new(other));
        loop {
            if let (Some(one), Some(two)) = (a.run(), b.run())
                && Arc::ptr_eq(one, two)
                && (a.at, b.at) == (0, 0)
            {
                (a.runs, b.runs) = (rest(a.runs), rest(b.runs));
                continue;
            }
            let step = match (a.peek(), b.peek()) {
                (None, None) => return false,
                (Some(x), Some(y)) if x == y => {
                    a.advance();
                    b.advance();
                    continue;
                }
                (Some(x), None) => a.take(Side::First, x),
                (None, Some(y)) => b.take(Side::Second, y),
                (Some(x), Some(y)) if x < y => a.take(Side::First, x),
                (Some(_), Some(y)) => b.take(Side::Second, y),
            };
            if enough(step.0, step.1) {
                return true;
            }
        }
    }
}

/// A place in a set.
struct Cursor<'s, T> {
    runs: &'s [Arc<Vec<T>>],
    at: usize,
}

impl<'s, T: Copy> Cursor<'s, T> {
    fn new(set: &'s Sorted<T>) -> Self {
        Self { runs: &set.runs, at: 0 }
    }

    fn run(&self) -> Option<&'s Arc<Vec<T>>> {
        self.runs.first()
    }

    fn peek(&self) -> Option<T> {
        self.run()?.get(self.at).copied()
    }

    fn take(&mut self, side: Side, member: T) -> (Side, T) {
        self.advance();
        (side, member)
    }

    fn advance(&mut self) {
        self.at += 1;
        if self.run().is_some_and(|run| run.len() <= self.at) {
            (self.runs, self.at) = (rest(self.runs), 0);
        }
    }
}

fn rest<T>(runs: &[Arc<Vec<T>>]) -> &[Arc<Vec<T>>] {
    runs.get(1..).unwrap_or_default()
}

impl<T> Clone for Sorted<T> {
    fn clone(&self) -> Self {
        Self { runs: self.runs.clone(), len: self.len }
    }
}

impl<T> Default for Sorted<T> {
    fn default() -> Self {
        Self { runs: Vec::new(), len: 0 }
    }
}

impl<T: Copy + Ord> PartialEq for Sorted<T> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && !self.differences(other, &mut |_, _| true)
    }
}

impl<T: Copy + Ord> Eq for Sorted<T> {}

impl<T: std::fmt::Debug> std::fmt::Debug for Sorted<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl<T: Copy + Ord> FromIterator<T> for Sorted<T> {
    fn from_iter<I: IntoIterator<Item = T>>(members: I) -> Self {
        let mut members: Vec<T> = members.into_iter().collect();
        members.sort_unstable();
        members.dedup();
        // Not to the brim, so that the next member does not split a run.
        let runs = members.chunks(RUN / 4 * 3).map(|run| Arc::new(run.to_vec())).collect();
        Self { runs, len: members.len() }
    }
}

impl<'s, T> IntoIterator for &'s Sorted<T> {
    type Item = &'s T;
    type IntoIter = std::iter::FlatMap<
        std::slice::Iter<'s, Arc<Vec<T>>>,
        std::slice::Iter<'s, T>,
        fn(&'s Arc<Vec<T>>) -> std::slice::Iter<'s, T>,
    >;

    fn into_iter(self) -> Self::IntoIter {
        self.runs.iter().flat_map(|run| run.iter())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Numbers that look random.
    fn numbers(seed: u32) -> impl Iterator<Item = u32> {
        let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
        std::iter::repeat_with(move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 8
        })
    }

    #[test]
    fn it_is_what_a_plain_set_is_after_any_changes() {
        for seed in 0..20 {
            let mut random = numbers(seed);
            let mut next = |below: u32| random.next().unwrap() % below;
            let mut plain: BTreeSet<u32> = (0..next(3000)).map(|_| next(5000)).collect();
            let mut set: Sorted<u32> = plain.iter().copied().collect();
            for _ in 0..40 {
                let (plain_before, before) = (plain.clone(), set.clone());
                let (changes, add) = (next(120), next(3));
                for _ in 0..changes {
                    let number = next(5000);
                    match next(3) >= add {
                        true => assert_eq!(set.insert(number), plain.insert(number)),
                        false => assert_eq!(set.remove(&number), plain.remove(&number)),
                    }
                }
                assert!(set.iter().eq(&plain) && set.len() == plain.len());
                assert!(plain.iter().all(|number| set.contains(number)));
                assert!(set.runs.iter().all(|run| !run.is_empty() && run.len() <= RUN));
                let side = |number: &u32| match plain_before.contains(number) {
                    true => (Side::First, *number),
                    false => (Side::Second, *number),
                };
                let differing = plain_before.symmetric_difference(&plain).map(side);
                assert!(before.difference(&set).into_iter().eq(differing));
                assert_eq!(before == set, plain_before == plain);
                assert_eq!(set.is_subset(&before), plain.is_subset(&plain_before));
                assert_eq!(set, plain.iter().copied().collect());
            }
        }
    }
}

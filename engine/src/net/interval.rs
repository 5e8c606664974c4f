//! Sets of ordered points, kept as ranges.

use crate::shared::Id;

/// A point of a finite ordered line.
pub trait Point: Copy + Ord + std::fmt::Debug {
    /// The smallest point.
    const MIN: Self;
    /// The largest point.
    const MAX: Self;
    /// The next larger point, if there is one.
    fn next(self) -> Option<Self>;
    /// The next smaller point, if there is one.
    fn previous(self) -> Option<Self>;
}

macro_rules! point {
    ($($integer:ty),*) => {$(
        impl Point for $integer {
            const MIN: Self = <$integer>::MIN;
            const MAX: Self = <$integer>::MAX;
            fn next(self) -> Option<Self> { self.checked_add(1) }
            fn previous(self) -> Option<Self> { self.checked_sub(1) }
        }
    )*};
}
point!(u16, u32, u128);

impl<T: ?Sized> Point for Id<T> {
    const MIN: Self = Self::MIN;
    const MAX: Self = Self::MAX;

    fn next(self) -> Option<Self> {
        self.number().next().map(Self::new)
    }

    fn previous(self) -> Option<Self> {
        self.number().previous().map(Self::new)
    }
}

/// A set of points as inclusive ranges.
///
/// # Shape
/// INVARIANT: ranges are ascending, disjoint and not adjacent, so equal sets are equal values.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IntervalSet<T> {
    ranges: Vec<(T, T)>,
}

impl<T> Default for IntervalSet<T> {
    fn default() -> Self {
        Self { ranges: Vec::new() }
    }
}

impl<T: Point> IntervalSet<T> {
    /// The set without points.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Every point from `first` to `last`, both included; empty if `first > last`.
    pub fn range(first: T, last: T) -> Self {
        let ranges = if first <= last { vec![(first, last)] } else { Vec::new() };
        Self { ranges }
    }

    /// Every point.
    pub fn full() -> Self {
        Self::range(T::MIN, T::MAX)
    }

    /// The union of inclusive ranges, which may overlap and come in any order.
    pub fn from_ranges(ranges: impl IntoIterator<Item = (T, T)>) -> Self {
        let mut sorted: Vec<(T, T)> = ranges.into_iter().filter(|(a, b)| a <= b).collect();
        sorted.sort_unstable();
        let mut set = Self { ranges: Vec::with_capacity(sorted.len()) };
        for range in sorted {
            set.push(range);
        }
        set
    }

    /// The set of points that come in ascending order.
    pub fn from_sorted(points: impl IntoIterator<Item = T>) -> Self {
        let mut set = Self::default();
        for point in points {
            set.push((point, point));
        }
        set
    }

    /// Appends a range that begins no earlier than the last one.
    fn push(&mut self, (first, last): (T, T)) {
        match self.ranges.last_mut() {
            Some((_, end)) if end.next().is_none_or(|next| first <= next) => *end = last.max(*end),
            _ => self.ranges.push((first, last)),
        }
    }

    /// The ranges, ascending.
    pub fn ranges(&self) -> &[(T, T)] {
        &self.ranges
    }

    /// Whether the set has no point.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Whether `point` is in the set.
    ///
    /// # Cost
    /// Logarithmic in the number of ranges.
    pub fn contains(&self, point: T) -> bool {
        let after = self.ranges.partition_point(|&(first, _)| first <= point);
        after
            .checked_sub(1)
            .and_then(|i| self.ranges.get(i))
            .is_some_and(|&(_, last)| point <= last)
    }

    /// Points of either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        if self.is_empty() {
            return other.clone();
        }
        if other.is_empty() {
            return self.clone();
        }
        let mut set = Self { ranges: Vec::with_capacity(self.ranges.len() + other.ranges.len()) };
        let (mut left, mut right) = (self.ranges.iter().peekable(), other.ranges.iter().peekable());
        while let Some(&range) = match (left.peek(), right.peek()) {
            (Some(a), Some(b)) if a.0 <= b.0 => left.next(),
            (_, Some(_)) => right.next(),
            (_, None) => left.next(),
        } {
            set.push(range);
        }
        set
    }

    /// Points of both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let mut ranges = Vec::new();
        let (mut left, mut right) = (self.ranges.iter().peekable(), other.ranges.iter().peekable());
        while let (Some(&&(a, b)), Some(&&(c, d))) = (left.peek(), right.peek()) {
            let (first, last) = (a.max(c), b.min(d));
            if first <= last {
                ranges.push((first, last));
            }
            if b <= d {
                left.next();
            } else {
                right.next();
            }
        }
        Self { ranges }
    }

    /// Points that are not in the set.
    #[must_use]
    pub fn complement(&self) -> Self {
        let mut ranges = Vec::with_capacity(self.ranges.len() + 1);
        let mut start = Some(T::MIN);
        for &(first, last) in &self.ranges {
            if let (Some(begin), Some(end)) = (start, first.previous())
                && begin <= end
            {
                ranges.push((begin, end));
            }
            start = last.next();
        }
        if let Some(begin) = start {
            ranges.push((begin, T::MAX));
        }
        Self { ranges }
    }

    /// Points of this set that are not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        if self.is_empty() || other.is_empty() {
            return self.clone();
        }
        self.intersection(&other.complement())
    }

    /// Whether every point of this set is in `other`.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.ranges.iter().all(|&(first, last)| {
            let after = other.ranges.partition_point(|&(start, _)| start <= first);
            let range = after.checked_sub(1).and_then(|i| other.ranges.get(i));
            range.is_some_and(|&(_, end)| last <= end)
        })
    }

    /// Whether the sets share no point.
    ///
    /// # Cost
    /// A binary search for each range of the set that has fewer.
    pub fn is_disjoint(&self, other: &Self) -> bool {
        let mut sets = [&self.ranges, &other.ranges];
        sets.sort_by_key(|ranges| ranges.len());
        let [few, many] = sets;
        few.iter().all(|&(first, last)| {
            let after = many.partition_point(|&(_, end)| end < first);
            many.get(after).is_none_or(|&(start, _)| last < start)
        })
    }
}

impl<T: ?Sized> IntervalSet<Id<T>> {
    /// The points, ascending.
    pub fn iter(&self) -> impl Iterator<Item = Id<T>> + '_ {
        let numbers = self.ranges.iter().flat_map(|(first, last)| first.number()..=last.number());
        numbers.map(Id::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(ranges: &[(u16, u16)]) -> IntervalSet<u16> {
        IntervalSet::from_ranges(ranges.iter().copied())
    }

    #[test]
    fn ranges_that_touch_become_one() {
        assert_eq!(set(&[(5, 9), (1, 4), (20, 30), (10, 12)]).ranges(), &[(1, 12), (20, 30)]);
        assert_eq!(set(&[(9, 5)]), IntervalSet::empty());
        assert_eq!(set(&[(u16::MAX, u16::MAX), (0, u16::MAX)]), IntervalSet::full());
    }

    #[test]
    fn a_set_and_its_complement_are_everything() {
        for s in [set(&[]), set(&[(0, 3)]), set(&[(7, 7), (65535, 65535)]), IntervalSet::full()] {
            assert_eq!(s.union(&s.complement()), IntervalSet::full());
            assert!(s.is_disjoint(&s.complement()));
            assert_eq!(s.complement().complement(), s);
        }
    }

    #[test]
    fn membership_agrees_with_the_algebra_on_every_small_set() {
        // Every pair of subsets of eight points, exhaustively.
        let subset =
            |bits: u32| IntervalSet::from_sorted((0u16..8).filter(move |i| bits & (1 << i) != 0));
        for a in 0..256u32 {
            for b in 0..256u32 {
                let (x, y) = (subset(a), subset(b));
                assert_eq!(x.union(&y), subset(a | b));
                assert_eq!(x.intersection(&y), subset(a & b));
                assert_eq!(x.difference(&y), subset(a & !b));
                assert_eq!(x.is_subset(&y), a & !b == 0);
                assert_eq!(x.is_disjoint(&y), a & b == 0);
            }
            assert!((0u16..8).all(|i| subset(a).contains(i) == (a & (1 << i) != 0)));
        }
    }
}

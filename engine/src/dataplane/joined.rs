//! Two maps side by side.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A name with what two maps have of it: one of them at least has something.
pub type Pair<'m, A, B> = (&'m Arc<str>, Option<&'m A>, Option<&'m B>);

/// All names of two maps, ascending, with what each has.
///
/// # Cost
/// Linear. Names that are the very same are not compared: they begin alike, so that comparing is
/// what a look-up of each would cost.
pub fn joined<'m, A, B>(
    old: &'m BTreeMap<Arc<str>, A>,
    new: &'m BTreeMap<Arc<str>, B>,
) -> impl Iterator<Item = Pair<'m, A, B>> {
    let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
    std::iter::from_fn(move || {
        let order = match (old.peek(), new.peek()) {
            (Some((a, _)), Some((b, _))) if Arc::ptr_eq(a, b) => Ordering::Equal,
            (Some((a, _)), Some((b, _))) => a.cmp(b),
            (Some(_), None) => Ordering::Less,
            (None, _) => Ordering::Greater,
        };
        let one = if order.is_le() { old.next() } else { None };
        let other = if order.is_ge() { new.next() } else { None };
        let name = one.map(|one| one.0).or(other.map(|other| other.0))?;
        Some((name, one.map(|one| one.1), other.map(|other| other.1)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_comes_once() {
        let map = |text: &str| -> BTreeMap<Arc<str>, usize> {
            text.split_whitespace().zip(0..).map(|(name, number)| (name.into(), number)).collect()
        };
        let (old, new) = (map("a b d e"), map("b c e f"));
        let all: Vec<_> =
            joined(&old, &new).map(|(n, a, b)| (&**n, a.copied(), b.copied())).collect();
        let expected = [
            ("a", Some(0), None),
            ("b", Some(1), Some(0)),
            ("c", None, Some(1)),
            ("d", Some(2), None),
            ("e", Some(3), Some(2)),
            ("f", None, Some(3)),
        ];
        assert_eq!(all, expected);
    }
}

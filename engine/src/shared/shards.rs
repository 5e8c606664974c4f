//! Maps.

use std::borrow::Borrow;
use std::hash::{BuildHasher as _, Hash};
use std::sync::Arc;

use rustc_hash::{FxBuildHasher, FxHashMap};

/// A shard holds so many entries on average before there are twice as many shards.
const SHARD: usize = 64;

/// A map, in parts that its copies share.
pub struct Shards<K, V> {
    /// INVARIANT: none, or a power of two; an entry is in the one that its key's hash tells.
    shards: Vec<Arc<FxHashMap<K, V>>>,
    len: usize,
}

impl<K: Eq + Hash, V> Shards<K, V> {
    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The value of a key.
    pub fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.shards.get(self.at(key))?.get(key)
    }

    /// Whether there is a value of a key.
    pub fn contains_key<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.get(key).is_some()
    }

    /// All entries, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.shards.iter().flat_map(|shard| shard.iter())
    }

    /// All keys, in no order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    fn at<Q: Hash + ?Sized>(&self, key: &Q) -> usize {
        // Mixed once more: within a shard the hash's own bits tell the places, and on machines of
        // 32 bits it has no higher ones.
        let mixed = FxBuildHasher.hash_one(key).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        usize::try_from(mixed).unwrap_or(0) & self.shards.len().saturating_sub(1)
    }
}

impl<K: Clone + Eq + Hash, V: Clone> Shards<K, V> {
    /// Puts a value in; the one that was there.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        if self.len >= self.shards.len() * SHARD {
            self.grow();
        }
        let at = self.at(&key);
        let before = Arc::make_mut(self.shards.get_mut(at)?).insert(key, value);
        self.len += usize::from(before.is_none());
        before
    }

    /// Takes a value out.
    pub fn remove<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let at = self.at(key);
        let shard = self.shards.get_mut(at).filter(|shard| shard.contains_key(key))?;
        let value = Arc::make_mut(shard).remove(key);
        self.len -= usize::from(value.is_some());
        value
    }

    /// The value of a key, about to change; it begins as the default one.
    pub fn or_default(&mut self, key: &K) -> Option<&mut V>
    where
        V: Default,
    {
        if !self.contains_key(key) {
            self.insert(key.clone(), V::default());
        }
        let at = self.at(key);
        Arc::make_mut(self.shards.get_mut(at)?).get_mut(key)
    }

    fn grow(&mut self) {
        let count = (self.shards.len() * 2).max(1);
        let before = std::mem::replace(&mut self.shards, vec![Arc::default(); count]);
        for shard in before {
            for (key, value) in Arc::unwrap_or_clone(shard) {
                let at = self.at(&key);
                if let Some(shard) = self.shards.get_mut(at) {
                    Arc::make_mut(shard).insert(key, value);
                }
            }
        }
    }
}

impl<K, V> Clone for Shards<K, V> {
    fn clone(&self) -> Self {
        Self { shards: self.shards.clone(), len: self.len }
    }
}

impl<K, V> Default for Shards<K, V> {
    fn default() -> Self {
        Self { shards: Vec::new(), len: 0 }
    }
}

impl<K: Eq + Hash + std::fmt::Debug, V: std::fmt::Debug> std::fmt::Debug for Shards<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K: Clone + Eq + Hash, V: Clone> Extend<(K, V)> for Shards<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

impl<K: Clone + Eq + Hash, V: Clone> FromIterator<(K, V)> for Shards<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut all = Self::default();
        all.extend(entries);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_keeps_what_it_had() {
        let mut first: Shards<u32, u32> = (0..1000).map(|n| (n, n * n)).collect();
        let second = first.clone();
        assert_eq!((first.remove(&5), first.remove(&5)), (Some(25), None));
        assert_eq!((first.insert(6, 1), first.insert(2000, 2)), (Some(36), None));
        *first.or_default(&3000).unwrap() += 1;
        assert_eq!((first.len(), second.len()), (1001, 1000));
        let mut all: Vec<_> = second.iter().map(|(key, value)| (*key, *value)).collect();
        all.sort_unstable();
        assert!(all.into_iter().eq((0..1000).map(|n| (n, n * n))));
        assert_eq!(
            (first.get(&6), first.get(&3000), second.get(&6)),
            (Some(&1), Some(&1), Some(&36))
        );
        assert!(Shards::<u32, u32>::default().get(&1).is_none());
    }
}

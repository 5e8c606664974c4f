//! For a NetworkPolicy, those that select all of its pods as well: all pods that could exist.

use rustc_hash::FxHashMap;

use super::implied::implies;
use super::shadowed_by_allow_all::admits_all;
use crate::cluster::NamespaceId;
use crate::manifest::{Body, Direction, NetworkPolicy};
use crate::policy::{CompiledPolicy, PolicySet};
use crate::selector::{Operator, Requirement, Selector};

/// A NetworkPolicy that is in force.
#[derive(Clone, Copy, Debug)]
pub struct Own<'s> {
    /// As compiled.
    pub policy: &'s CompiledPolicy,
    /// As written.
    pub body: &'s NetworkPolicy,
    /// Its namespace.
    pub namespace: NamespaceId,
}

/// NetworkPolicies that are in force, by what they ask of pods first.
pub struct Wider<'s> {
    all: Vec<Own<'s>>,
    by_first: FxHashMap<(NamespaceId, First<'s>), Vec<usize>>,
}

/// What a selector asks first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum First<'s> {
    /// Nothing.
    Nothing,
    /// A label with a value, among others that it takes.
    Label(&'s str, &'s str),
    /// Anything else of a key.
    Key(&'s str),
}

impl<'s> Wider<'s> {
    /// All of them.
    pub fn new(set: &'s PolicySet) -> Self {
        let own = set.in_force().filter_map(|(_, policy)| {
            let Body::Policy(body) = &policy.object.body else { return None };
            Some(Own { policy, body, namespace: policy.namespace? })
        });
        let mut all: Vec<Own<'_>> = own.collect();
        // The order of the input decides nothing.
        all.sort_by(|a, b| {
            let key = |one: &Own<'s>| (one.namespace, one.policy.object.meta.name.clone());
            key(a).cmp(&key(b))
        });
        let mut by_first: FxHashMap<_, Vec<usize>> = FxHashMap::default();
        for (index, one) in all.iter().enumerate() {
            for first in firsts(&one.body.subject) {
                by_first.entry((one.namespace, first)).or_default().push(index);
            }
        }
        Self { all, by_first }
    }

    /// The policies with their indexes, by namespace and name.
    pub fn all(&self) -> impl Iterator<Item = (usize, Own<'s>)> + use<'s, '_> {
        self.all.iter().copied().enumerate()
    }

    /// Whether any of them admits everything in a direction.
    pub fn opens(&self, direction: Direction) -> bool {
        self.all.iter().any(|one| admits_all(one.body, direction))
    }

    /// Those that select all pods of a policy, itself among them; in the same order.
    ///
    /// # Cost
    /// Linear in the policies whose first requirement this policy's pods meet.
    pub fn of(&self, narrow: Own<'s>) -> Vec<(usize, Own<'s>)> {
        let asked = narrow.body.subject.requirements();
        let label = |one: &'s Requirement| {
            let value = one.values.first().filter(|_| one.operator == Operator::In);
            value.map(|value| First::Label(&one.key, value))
        };
        let keys = asked.iter().map(|one| First::Key(&one.key));
        let keys = keys.chain(asked.iter().filter_map(label)).chain([First::Nothing]);
        let lists = keys.filter_map(|first| self.by_first.get(&(narrow.namespace, first)));
        let mut found: Vec<usize> = lists.flatten().copied().collect();
        found.sort_unstable();
        found.dedup();
        let found = found.into_iter().filter_map(|index| Some((index, *self.all.get(index)?)));
        found.filter(|(_, one)| implies(&narrow.body.subject, &one.body.subject)).collect()
    }
}

/// What pods that a selector matches have been asked first: one of these.
fn firsts(selector: &Selector) -> Vec<First<'_>> {
    match selector.requirements().first() {
        None => vec![First::Nothing],
        Some(Requirement { key, operator: Operator::In, values }) => {
            values.iter().map(|value| First::Label(key, value)).collect()
        }
        Some(one) => vec![First::Key(&one.key)],
    }
}

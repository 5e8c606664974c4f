//! From a list of groups to one of pairs.

use rustc_hash::FxHashMap;

use crate::report::types::{Connection, ListReport};

impl ListReport {
    /// How many connections it has at most with each pair of endpoints for itself.
    pub fn pairs(&self) -> u64 {
        let size = |members: usize| u64::try_from(members).unwrap_or(u64::MAX);
        let groups: FxHashMap<_, u64> =
            self.groups.iter().map(|group| (&group.id, size(group.members.len()))).collect();
        let of = |id| groups.get(id).copied().unwrap_or(1);
        let pairs = self.connections.iter().map(|one| {
            let (from, to) = (of(&one.from), of(&one.to));
            // Members of a group reach each other, none itself.
            let to = if one.from == one.to && to > 1 { to - 1 } else { to };
            from.saturating_mul(to)
        });
        pairs.fold(0, u64::saturating_add)
    }

    /// The same list with an entry for each pair of endpoints, in their order, and without groups.
    ///
    /// # Cost
    /// Linear in the pairs, of which there may be millions.
    #[must_use]
    pub fn in_pairs(mut self) -> Self {
        let index: FxHashMap<_, usize> =
            self.endpoints.iter().enumerate().map(|(i, one)| (one.id.clone(), i)).collect();
        let groups: FxHashMap<_, Vec<usize>> = self
            .groups
            .iter()
            .map(|group| {
                let members = group.members.iter().filter_map(|id| index.get(id).copied());
                (group.id.clone(), members.collect())
            })
            .collect();
        let members = |id| match groups.get(id) {
            Some(members) => members.clone(),
            None => index.get(id).copied().into_iter().collect(),
        };
        let mut pairs: Vec<(usize, usize, &Connection)> = Vec::new();
        for one in &self.connections {
            let own = one.from == one.to && !groups.contains_key(&one.from);
            let (from, to) = (members(&one.from), members(&one.to));
            let all = from.into_iter().flat_map(|from| to.iter().map(move |to| (from, *to)));
            let different = all.filter(|(from, to)| own || from != to);
            pairs.extend(different.map(|(from, to)| (from, to, one)));
        }
        pairs.sort_by_key(|(from, to, one)| (*from, *to, one.family));
        let id = |i: usize| self.endpoints.get(i).map(|one| one.id.clone()).unwrap_or_default();
        let connections = pairs.into_iter().map(|(a, b, one)| Connection {
            from: id(a),
            to: id(b),
            ..one.clone()
        });
        self.connections = connections.collect();
        self.groups.clear();
        self
    }
}

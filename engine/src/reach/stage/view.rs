//! Classes that no tier of ordered rules tells apart: what these do is computed once for all of
//! them.

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::class::{Class, ClassId};
use super::super::row::Key;
use super::Segment;
use crate::cluster::GroupId;
use crate::shared::{Id, Table};

/// The number of what classes have in common that ordered tiers can tell.
pub type ViewId = Id<Signature>;

/// What of a class some keys can tell.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Signature {
    /// Those of its keys, ascending.
    keys: Vec<Key>,
    /// The group of its pods, if the names that it has for ports count.
    group: Option<GroupId>,
    /// Whether it is of pods with a network of their own.
    is_pod: bool,
}

/// By what rules may name a class, ascending, and the group of its pods.
pub type Named<'k> = (&'k [Key], Option<GroupId>);

/// The views of all classes.
#[derive(Debug, Default)]
pub struct Views {
    by_class: Table<ViewId, Class>,
    /// What there is to tell, by view.
    signatures: Table<Signature>,
}

impl Views {
    /// The views of classes, in their order.
    ///
    /// # Cost
    /// Linear in the keys of segments and of classes.
    pub fn new<'k>(segments: &Table<Segment>, classes: impl Iterator<Item = Named<'k>>) -> Self {
        let keys: FxHashSet<Key> = segments.values().flat_map(|one| &one.keys).copied().collect();
        let names = segments.values().any(|one| one.names);
        let mut ids: FxHashMap<Signature, ViewId> = FxHashMap::default();
        let mut signatures = Table::default();
        let view = |class| {
            let own = ids.entry(signature(&keys, names, class));
            *own.or_insert_with_key(|new| signatures.push(new.clone()))
        };
        let by_class = classes.map(view).collect();
        Self { by_class, signatures }
    }

    /// The view of a class.
    pub fn of(&self, class: ClassId) -> ViewId {
        self.by_class.get(class).copied().unwrap_or(ViewId::MAX)
    }

    /// What of a view one segment can tell.
    pub fn to(&self, segment: &Segment, view: ViewId) -> Option<Signature> {
        let Signature { keys, group, is_pod } = self.signatures.get(view)?;
        let keys = keys.iter().filter(|key| segment.keys.contains(*key)).copied().collect();
        Some(Signature { keys, group: group.filter(|_| segment.names), is_pod: *is_pod })
    }
}

/// What of a class some keys can tell; `names` if the names that it has for ports count.
pub fn signature(keys: &FxHashSet<Key>, names: bool, (own, group): Named<'_>) -> Signature {
    let keys = own.iter().filter(|key| keys.contains(*key)).copied().collect();
    // Nodes are never pods with a network of their own.
    Signature { keys, group: group.filter(|_| names), is_pod: group.is_some() }
}

//! Classes that no tier of ordered rules tells apart: what these do is computed once for all of
//! them.

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::class::ClassId;
use super::super::row::Key;
use super::Segment;
use crate::cluster::GroupId;

/// The number of what classes have in common that ordered tiers can tell.
pub type ViewId = u32;

/// What of a class some keys can tell.
pub type Signature = (Vec<Key>, Option<GroupId>, bool);

/// By what rules may name a class, ascending, and the group of its pods.
pub type Named<'k> = (&'k [Key], Option<GroupId>);

/// The views of all classes.
#[derive(Debug, Default)]
pub struct Views {
    by_class: Vec<ViewId>,
    /// What there is to tell, by view.
    signatures: Vec<Signature>,
}

impl Views {
    /// The views of classes, in their order.
    ///
    /// # Cost
    /// Linear in the keys of segments and of classes.
    pub fn new<'k>(segments: &[Segment], classes: impl Iterator<Item = Named<'k>>) -> Self {
        let keys: FxHashSet<Key> = segments.iter().flat_map(|one| &one.keys).copied().collect();
        let names = segments.iter().any(|one| one.names);
        let mut ids: FxHashMap<Signature, ViewId> = FxHashMap::default();
        let mut signatures = Vec::new();
        let view = |class| {
            let next = ViewId::try_from(signatures.len()).unwrap_or(ViewId::MAX);
            *ids.entry(signature(&keys, names, class)).or_insert_with_key(|new| {
                signatures.push(new.clone());
                next
            })
        };
        let by_class = classes.map(view).collect();
        Self { by_class, signatures }
    }

    /// The view of a class.
    pub fn of(&self, class: ClassId) -> ViewId {
        self.by_class.get(class as usize).copied().unwrap_or(ViewId::MAX)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.signatures.len()
    }

    /// What of a view one segment can tell.
    pub fn to(&self, segment: &Segment, view: ViewId) -> Option<Signature> {
        let (keys, group, is_pod) = self.signatures.get(view as usize)?;
        let named = keys.iter().filter(|key| segment.keys.contains(*key)).copied().collect();
        Some((named, group.filter(|_| segment.names), *is_pod))
    }
}

/// What of a class some keys can tell; `names` if the names that it has for ports count.
pub fn signature(keys: &FxHashSet<Key>, names: bool, (own, group): Named<'_>) -> Signature {
    let named = own.iter().filter(|key| keys.contains(*key)).copied().collect();
    // Nodes are never pods with a network of their own.
    (named, group.filter(|_| names), group.is_some())
}

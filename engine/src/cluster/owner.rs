//! From a pod upwards to what it belongs to.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::manifest::{Object, Owner};

/// Namespace, kind and name of a workload.
pub type WorkloadKey = (Arc<str>, Arc<str>, Arc<str>);

/// Workload objects of the input by namespace, kind and name.
#[derive(Debug, Default)]
pub struct Owners {
    objects: FxHashMap<WorkloadKey, Arc<Object>>,
}

impl Owners {
    /// Adds a workload object.
    pub fn insert(&mut self, namespace: &Arc<str>, object: &Arc<Object>) {
        let key = (namespace.clone(), object.kind().into(), object.meta.name.clone());
        self.objects.insert(key, object.clone());
    }

    /// A workload object.
    pub fn get(&self, key: &WorkloadKey) -> Option<&Arc<Object>> {
        self.objects.get(key)
    }

    /// The topmost owner that the input names, following `ownerReferences` upwards.
    pub fn root(&self, namespace: &Arc<str>, object: &Arc<Object>) -> WorkloadKey {
        // Real chains have three links; hostile ones may be circular.
        const LONGEST: usize = 8;
        let mut key = (namespace.clone(), Arc::from(object.kind()), object.meta.name.clone());
        let mut owner = object.meta.owner.as_ref();
        for _ in 0..LONGEST {
            let Some(Owner { kind, name }) = owner else {
                break;
            };
            // A static pod's owner is its node, which is no workload.
            if &**kind == "Node" {
                break;
            }
            key = (namespace.clone(), kind.clone(), name.clone());
            owner = self.objects.get(&key).and_then(|object| object.meta.owner.as_ref());
        }
        key
    }
}

//! One copy of what many pods have in common.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::manifest::{LabelList, NamedPort};

/// Keeps one copy of equal strings, label lists and port lists.
#[derive(Debug, Default)]
pub struct Interner {
    texts: FxHashSet<Arc<str>>,
    labels: FxHashMap<LabelList, Arc<LabelList>>,
    ports: FxHashMap<Vec<NamedPort>, Arc<Vec<NamedPort>>>,
}

impl Interner {
    /// A string.
    pub fn text(&mut self, text: Arc<str>) -> Arc<str> {
        if let Some(known) = self.texts.get(&text) {
            return known.clone();
        }
        self.texts.insert(text.clone());
        text
    }

    /// Labels.
    pub fn labels(&mut self, labels: LabelList) -> Arc<LabelList> {
        if let Some(known) = self.labels.get(&labels) {
            return known.clone();
        }
        let own =
            labels.iter().map(|(k, v)| (self.text(k.clone()), self.text(v.clone()))).collect();
        let shared = Arc::new(own);
        self.labels.insert(labels, Arc::clone(&shared));
        shared
    }

    /// Ports.
    pub fn ports(&mut self, ports: Vec<NamedPort>) -> Arc<Vec<NamedPort>> {
        self.ports.entry(ports.clone()).or_insert_with(|| Arc::new(ports)).clone()
    }
}

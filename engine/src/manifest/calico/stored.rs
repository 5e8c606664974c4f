//! What stored objects keep of the metadata that Calico's API shows.

use std::sync::Arc;

use super::super::meta::LabelList;
use super::Group;
use crate::tree::{self, Node, Value};

/// Where a stored object keeps the metadata that Calico's API shows, as JSON.
const ANNOTATION: &str = "projectcalico.org/metadata";

/// What tiers' names are put before names of policies with.
const PREFIX: &str = "default.";

/// Metadata as Calico's API shows it.
#[derive(Debug)]
pub struct Shown {
    /// The name, by which policies of one order are sorted.
    pub name: Arc<str>,
    /// Labels, sorted by key.
    pub labels: LabelList,
}

/// What the annotation of a stored object says; none if it is not there or cannot be read.
///
/// # Source
/// Calico §10.8.
pub fn shown(object: &Node<'_>, group: Group, name: &Arc<str>) -> Option<Shown> {
    let annotations = object.get("metadata")?.get("annotations")?;
    let text = annotations.get(ANNOTATION)?.as_str().filter(|_| group == Group::Stored)?;
    let trees = tree::read_trees(text);
    let kept = trees.documents.first().filter(|_| trees.fault.is_none())?;
    let own = kept.get("name").and_then(Node::as_str).filter(|own| !own.is_empty());
    let name = match own {
        Some(own) => own.into(),
        None => name.strip_prefix(PREFIX).map_or_else(|| name.clone(), Arc::from),
    };
    let mut labels = LabelList::new();
    if let Some(Node { value: Value::Map(entries), .. }) = kept.get("labels") {
        let texts = entries
            .iter()
            .filter_map(|entry| Some((Arc::from(&*entry.key), Arc::from(entry.value.as_str()?))));
        labels.extend(texts);
        labels.sort_unstable();
        labels.dedup_by(|a, b| a.0 == b.0);
    }
    Some(Shown { name, labels })
}

//! What pods of a template may be, where policies ask for labels that their controller adds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::hidden;
use crate::manifest::LabelList;

/// Labels that controllers add and that selectors ask for, with the values that these mention.
pub type AskedLabels = BTreeMap<&'static str, BTreeSet<Arc<str>>>;

/// Of more kinds of pods than these, what hangs on their labels stays unknown.
const MOST: usize = 64;

/// Stands for every value that no selector mentions; it is no label value itself.
const OTHER: &str = "?";

/// The template's labels with every combination of values that selectors can tell apart.
///
/// # Shape
/// Empty if no selector asks for what is hidden.
pub fn labelings(labels: &LabelList, keys: &[&'static str], asked: &AskedLabels) -> Vec<LabelList> {
    if !keys.iter().any(|key| asked.contains_key(key)) {
        return Vec::new();
    }
    let mut all = vec![labels.clone()];
    for key in keys {
        let values = asked.get(key).into_iter().flatten().map(|value| &**value).chain([OTHER]);
        let values: Vec<&str> = values.collect();
        if all.len() * values.len() > MOST {
            return Vec::new();
        }
        let with = |labels: &LabelList, value: &str| {
            let mut labels = labels.clone();
            hidden::set(&mut labels, key, value);
            labels
        };
        all = all.iter().flat_map(|one| values.iter().map(|value| with(one, value))).collect();
    }
    all
}

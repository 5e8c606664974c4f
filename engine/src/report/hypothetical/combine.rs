//! Combinations of labels that some selectors distinguish.
//!
//! Two objects are alike to a set of selectors if the same ones match them. There are many sets of
//! labels and few such classes: keys are taken one after the other, and what has failed the same
//! selectors so far is continued only once.

use std::collections::BTreeSet;
use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::Undecidable;
use crate::manifest::LabelList;
use crate::selector::{Requirement, Selector};

/// Which selectors have failed: a bit for each.
type Failed = Box<[u64]>;

/// What a key may be: absent, or present with a value.
#[derive(Clone, Debug)]
struct Choice {
    value: Option<Arc<str>>,
    failed: Failed,
}

/// Values of one key that are not any of its own.
pub struct Key<'k> {
    /// The key.
    pub key: &'k str,
    /// All values that it may have; never absent then.
    pub values: &'k [Arc<str>],
}

/// Labels, sorted by key, of each class that the selectors distinguish: those with the fewest keys
/// that were found first.
///
/// # Cost
/// Linear in the keys, in the classes and in what a key may be.
///
/// # Errors
/// If there are more classes than `most`.
pub fn combinations(
    selectors: &[&Selector],
    fixed: Option<&Key<'_>>,
    most: usize,
) -> Result<Vec<LabelList>, Undecidable> {
    let all = selectors.iter().flat_map(|selector| selector.requirements());
    let mut keys: BTreeSet<&Arc<str>> = all.map(|requirement| &requirement.key).collect();
    let own = fixed.map(|fixed| Arc::from(fixed.key));
    keys.extend(own.as_ref());
    let nothing: Failed = vec![0; selectors.len().div_ceil(64)].into();
    let mut states: Vec<(Failed, LabelList)> = vec![(nothing, LabelList::new())];
    for key in keys {
        let values = fixed.filter(|fixed| *fixed.key == **key).map(|fixed| fixed.values);
        let choices = choices(selectors, key, values);
        states = step(states, key, &choices, most)?;
    }
    Ok(states.into_iter().map(|(_, labels)| labels).collect())
}

fn step(
    states: Vec<(Failed, LabelList)>,
    key: &Arc<str>,
    choices: &[Choice],
    most: usize,
) -> Result<Vec<(Failed, LabelList)>, Undecidable> {
    let mut known: FxHashSet<Failed> = FxHashSet::default();
    let mut next = Vec::with_capacity(states.len());
    for choice in choices {
        for (failed, labels) in &states {
            let both: Failed = failed.iter().zip(&choice.failed).map(|(a, b)| a | b).collect();
            if !known.insert(both.clone()) {
                continue;
            }
            let mut labels = labels.clone();
            labels.extend(choice.value.iter().map(|value| (key.clone(), value.clone())));
            next.push((both, labels));
            if next.len() > most {
                return Err(Undecidable::TooMany { found: next.len() });
            }
        }
    }
    Ok(next)
}

/// What a key may be, as far as selectors distinguish it: absence first.
fn choices(selectors: &[&Selector], key: &Arc<str>, values: Option<&[Arc<str>]>) -> Vec<Choice> {
    let on_key = |selector: &Selector| -> Vec<Requirement> {
        selector.requirements().iter().filter(|one| one.key == *key).cloned().collect()
    };
    let asked: Vec<(usize, Vec<Requirement>)> =
        selectors.iter().map(|one| on_key(one)).enumerate().collect();
    let mentioned = || asked.iter().flat_map(|(_, all)| all).flat_map(|one| &one.values);
    let values: Vec<Option<Arc<str>>> = match values {
        Some(values) => values.iter().cloned().map(Some).collect(),
        None => {
            let mentioned: BTreeSet<&Arc<str>> = mentioned().collect();
            let other = other(&mentioned);
            let all = mentioned.into_iter().cloned().chain([other]).map(Some);
            [None].into_iter().chain(all).collect()
        }
    };
    let mut known: FxHashSet<Failed> = FxHashSet::default();
    let choice = |value: Option<Arc<str>>| {
        let mut failed: Failed = vec![0; selectors.len().div_ceil(64)].into();
        let meets = |one: &Requirement| match &value {
            None => one.takes_absence(),
            Some(value) => one.takes(value),
        };
        for (number, _) in asked.iter().filter(|(_, all)| !all.iter().all(meets)) {
            if let Some(word) = failed.get_mut(number / 64) {
                *word |= 1 << (number % 64);
            }
        }
        Choice { value, failed }
    };
    let all = values.into_iter().map(choice);
    all.filter(|choice| known.insert(choice.failed.clone())).collect()
}

/// A value that is none of these.
fn other(mentioned: &BTreeSet<&Arc<str>>) -> Arc<str> {
    let numbered = (2_u32..).map(|number| Arc::from(format!("other-{number}")));
    let mut all = [Arc::from("other")].into_iter().chain(numbered);
    all.find(|one| !mentioned.contains(one)).unwrap_or_else(|| "other".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::parse_selector;

    fn texts(selectors: &[&str], fixed: Option<&Key<'_>>) -> Vec<String> {
        let selectors: Vec<Selector> =
            selectors.iter().map(|text| parse_selector(text).unwrap()).collect();
        let all: Vec<&Selector> = selectors.iter().collect();
        let found = combinations(&all, fixed, 100).unwrap();
        let text = |labels: &LabelList| {
            let labels = labels.iter().map(|(key, value)| format!("{key}={value}"));
            labels.collect::<Vec<_>>().join(",")
        };
        found.iter().map(text).collect()
    }

    #[test]
    fn a_class_is_a_set_of_selectors_that_match() {
        assert_eq!(texts(&[], None), [""]);
        assert_eq!(texts(&["app=web"], None), ["", "app=web"]);
        // Not one for each pair of values: what matches neither is one class.
        let found = texts(&["app=a,tier=x", "app=b,tier=y"], None);
        assert_eq!(found, ["", "app=a,tier=x", "app=b,tier=y"]);
        assert_eq!(texts(&["a", "a in (x,y)", "a!=x"], None), ["", "a=x", "a=y", "a=other"]);
        assert_eq!(texts(&["a,!a"], None), [""]);
        assert_eq!(texts(&["a!=other,a"], None), ["", "a=other-2"]);
    }

    #[test]
    fn keys_may_have_only_some_values() {
        let fixed = Key { key: "name", values: &["b".into(), "new".into()] };
        assert_eq!(texts(&["name=a"], Some(&fixed)), ["name=b"]);
        assert_eq!(texts(&["name=b", "x=1"], Some(&fixed)).len(), 4);
    }

    #[test]
    fn too_many_are_refused() {
        let selectors: Vec<Selector> =
            (0..20).map(|i| parse_selector(&format!("k{i}")).unwrap()).collect();
        let all: Vec<&Selector> = selectors.iter().collect();
        assert!(combinations(&all, None, 1000).is_err());
    }
}

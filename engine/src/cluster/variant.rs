//! What pods may be, where policies ask for labels that the input does not show: labels of pods
//! that their controller adds, and labels of namespaces that are not in the input.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::namespace::NAME_LABEL;
use super::{ClusterModel, Group, GroupId, GroupIndex, hidden};
use crate::manifest::LabelList;
use crate::selector::{Requirement, Selector};

/// What selectors ask for that the input may not show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AskedLabels {
    /// Labels that controllers add, with the values that selectors of pods mention.
    pub of_pods: BTreeMap<&'static str, BTreeSet<Arc<str>>>,
    /// Selectors of namespaces that ask for more than the name.
    pub of_namespaces: BTreeSet<Selector>,
    /// Whether labels of namespaces are asked for in ways that these selectors do not say.
    pub otherwise: bool,
    /// Whether ServiceAccounts of pods are asked for.
    pub of_accounts: bool,
}

impl AskedLabels {
    /// Takes in a selector of namespaces.
    pub fn add_namespaces(&mut self, selector: &Selector) {
        if unnamed(selector).next().is_some() {
            self.of_namespaces.insert(selector.clone());
        }
    }

    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        let of_namespaces = !self.of_namespaces.is_empty() || self.otherwise;
        self.of_pods.is_empty() && !of_namespaces && !self.of_accounts
    }
}

/// Requirements on other labels of a namespace than its name.
fn unnamed(selector: &Selector) -> impl Iterator<Item = &Requirement> {
    selector.requirements().iter().filter(|one| *one.key != *NAME_LABEL)
}

/// Of more kinds of pods than these, what hangs on their labels stays unknown.
const MOST: usize = 64;

/// If labels of namespaces would make more groups than these, what hangs on them stays unknown.
const MOST_GROUPS: usize = 20_000;

/// Stands for every value that no selector mentions; it is no label value itself.
const OTHER: &str = "?";

/// Makes the groups that pods may be of.
#[derive(Debug)]
pub struct Variants<'a> {
    asked: &'a AskedLabels,
    /// Labels that an open namespace may have, one list for all that no selector tells apart.
    of_namespaces: Vec<Arc<LabelList>>,
}

impl<'a> Variants<'a> {
    /// For as many pods in namespaces of which not all labels are known.
    pub fn new(asked: &'a AskedLabels, open: usize) -> Self {
        let mut of_namespaces = Vec::new();
        if open > 0 && !asked.otherwise {
            of_namespaces = namespace_labelings(&asked.of_namespaces);
        }
        if of_namespaces.len().saturating_mul(open) > MOST_GROUPS {
            of_namespaces.clear();
        }
        Self { asked, of_namespaces: of_namespaces.into_iter().map(Arc::new).collect() }
    }

    /// The group's number; its variants get theirs.
    pub fn add(&self, model: &mut ClusterModel, groups: &mut GroupIndex, group: Group) -> GroupId {
        let open = model.namespaces.get(group.namespace).is_some_and(|namespace| namespace.open);
        let variants = self.of(&group, open).into_iter().map(|variant| groups.intern(variant));
        let variants: Vec<GroupId> = variants.collect();
        let id = groups.intern(group);
        if !variants.is_empty() {
            model.variants.insert(id, variants);
        }
        id
    }

    /// The group with every combination of labels that selectors can tell apart; none if they ask
    /// for nothing that is not known.
    fn of(&self, group: &Group, open: bool) -> Vec<Group> {
        let labels = labelings(&group.labels, group.hidden, &self.asked.of_pods).into_iter();
        let known =
            labels.map(|labels| Group { labels: Arc::new(labels), hidden: &[], ..group.clone() });
        let known: Vec<Group> = known.collect();
        if !open || self.of_namespaces.is_empty() {
            return known;
        }
        if known.len() * self.of_namespaces.len() > MOST {
            return known;
        }
        let known = if known.is_empty() { vec![group.clone()] } else { known };
        let with = |labels: &Arc<LabelList>, group: &Group| Group {
            assumed: Some(Arc::clone(labels)),
            ..group.clone()
        };
        let all = self.of_namespaces.iter();
        all.flat_map(|labels| known.iter().map(|group| with(labels, group))).collect()
    }
}

/// The template's labels with every combination of values that selectors can tell apart.
///
/// # Shape
/// Empty if no selector asks for what is hidden.
fn labelings(
    labels: &LabelList,
    keys: hidden::Keys,
    asked: &BTreeMap<&'static str, BTreeSet<Arc<str>>>,
) -> Vec<LabelList> {
    if !keys.iter().any(|key| asked.contains_key(key)) || !hidden::are_asked(keys) {
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

/// Labels that a namespace may have, for each combination of selectors that may match it.
///
/// # Shape
/// Empty if all are the same to selectors, or if there are too many.
fn namespace_labelings(selectors: &BTreeSet<Selector>) -> Vec<LabelList> {
    let keys: BTreeSet<&Arc<str>> =
        selectors.iter().flat_map(unnamed).map(|one| &one.key).collect();
    let mut all = BTreeMap::from([(vec![true; selectors.len()], LabelList::new())]);
    for key in keys {
        let Some(next) = with_key(&all, selectors, key) else { return Vec::new() };
        all = next;
    }
    if all.len() > 1 { all.into_values().collect() } else { Vec::new() }
}

/// Labels by which selectors may still match.
type ByMatches = BTreeMap<Vec<bool>, LabelList>;

/// The same with one more label, absent or of each value that makes a difference; none if that is
/// too many.
///
/// # Cost
/// Memory is linear in the selectors: it ends with the first labels that are too many.
fn with_key(all: &ByMatches, selectors: &BTreeSet<Selector>, key: &Arc<str>) -> Option<ByMatches> {
    let own = |selector: &Selector| -> Vec<Requirement> {
        selector.requirements().iter().filter(|one| one.key == *key).cloned().collect()
    };
    let own: Vec<Vec<Requirement>> = selectors.iter().map(own).collect();
    let mentioned = own.iter().flatten().flat_map(|one| &one.values).map(|value| &**value);
    let values: BTreeSet<&str> = mentioned.chain([OTHER]).collect();
    let mut next = ByMatches::new();
    for value in [None].into_iter().chain(values.into_iter().map(Some)) {
        let met = |one: &Requirement| value.map_or(one.takes_absence(), |value| one.takes(value));
        let met: Vec<bool> = own.iter().map(|requirements| requirements.iter().all(met)).collect();
        for (before, labels) in all {
            let matches = before.iter().zip(&met).map(|(before, met)| *before && *met).collect();
            let mut labels = labels.clone();
            value.into_iter().for_each(|value| hidden::set(&mut labels, key, value));
            next.entry(matches).or_insert(labels);
            if next.len() > MOST {
                return None;
            }
        }
    }
    Some(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::selector::Operator;

    fn with(key: &str, value: &str) -> Selector {
        let (key, values) = (key.into(), vec![value.into()]);
        Selector::new(vec![Requirement { key, operator: Operator::In, values }])
    }

    /// As many lists of as many matches would not fit into memory.
    #[test]
    fn very_many_values_of_a_label_stay_unknown() {
        let selectors = (0..200_000).map(|i| with("team", &i.to_string())).collect();
        assert_eq!(namespace_labelings(&selectors), Vec::<LabelList>::new());
    }

    #[test]
    fn each_value_that_is_asked_for_is_one_kind_of_namespace() {
        let selectors: BTreeSet<Selector> =
            [with("team", "a"), with("team", "b"), with("stage", "live")].into();
        let labels = namespace_labelings(&selectors);
        // Absent, another value, a or b; and live or not.
        assert_eq!(labels.len(), 6);
        assert_eq!(namespace_labelings(&BTreeSet::new()), Vec::<LabelList>::new());
    }
}

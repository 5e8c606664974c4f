//! Which pods a selector matches, by group.

use std::sync::Arc;

use crate::cluster::{
    ClusterModel, Group, GroupId, ItemLabels, NamespaceId, NamespaceLabels, PodLabels,
};
use crate::net::IntervalSet;
use crate::selector::expression::{Expression, NAMESPACE_LABEL, Test};
use crate::selector::{Match, Operator, Requirement, Selector};

/// Pods that a peer or a policy's subject names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PeerSet {
    /// Groups that match for certain.
    pub certain: IntervalSet<GroupId>,
    /// Groups of which it cannot be known.
    pub unknown: IntervalSet<GroupId>,
    /// Among them those of which all is known but the labels of their namespace.
    pub elsewhere: IntervalSet<GroupId>,
    key: SetKey,
}

impl PeerSet {
    /// Whether a group's pods match.
    pub fn matches(&self, group: GroupId) -> Match {
        if self.certain.contains(group) {
            Match::Yes
        } else if self.unknown.contains(group) {
            Match::Unknown
        } else {
            Match::No
        }
    }

    /// Takes a group in that has come to be; it is the greatest so far.
    pub(super) fn admit(&mut self, id: GroupId, group: &Group, matches: Match) {
        let point = IntervalSet::range(id, id);
        match matches {
            Match::Yes => self.certain = self.certain.union(&point),
            Match::Unknown => self.unknown = self.unknown.union(&point),
            Match::No => {}
        }
        let labels = PodLabels { labels: &group.labels, hidden: group.hidden };
        let by_namespace = self.key.scope.is_open_by_namespace(group);
        if matches == Match::Unknown && by_namespace && self.key.pods.matches(&labels) == Match::Yes
        {
            self.elsewhere = self.elsewhere.union(&point);
        }
    }

    /// What it was made from.
    pub(super) fn key(&self) -> &SetKey {
        &self.key
    }

    /// The pods of a scope that a selector matches.
    pub(crate) fn of(model: &ClusterModel, scope: Scope, pods: Selector) -> Self {
        select(model, &SetKey { scope, pods })
    }

    /// Which namespaces' pods are meant.
    pub(crate) fn scope(&self) -> &Scope {
        &self.key.scope
    }

    /// The selector of pods.
    pub(crate) fn pods(&self) -> &Selector {
        &self.key.pods
    }

    /// Whether no group matches, nor may match.
    pub fn is_empty(&self) -> bool {
        self.certain.is_empty() && self.unknown.is_empty()
    }

    /// What it was made from, namespaces and pods, in words that are the same whatever else there
    /// is.
    pub fn meaning(&self, model: &ClusterModel) -> [String; 2] {
        let scope = match &self.key.scope {
            Scope::Own(index) => format!("of {}", model.namespace_name(*index)),
            Scope::Matching(selector) => format!("in {}", selector.text()),
            Scope::Items(expression) => expression.to_string(),
        };
        [scope, self.key.pods.text()]
    }

    /// Groups that match or may match.
    pub fn groups(&self) -> impl Iterator<Item = (GroupId, bool)> + '_ {
        let certain = self.certain.iter().map(|group| (group, true));
        certain.chain(self.unknown.iter().map(|group| (group, false)))
    }

    /// Groups of which it cannot be known for more than the labels of their namespace.
    pub fn unknown_by_labels(&self) -> IntervalSet<GroupId> {
        self.unknown.difference(&self.elsewhere)
    }
}

/// Which namespaces' pods are meant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Those of one namespace.
    Own(NamespaceId),
    /// Those of namespaces that match.
    Matching(Selector),
    /// Those whose labels match, as Calico gives them to pods.
    Items(Arc<Expression>),
}

impl Scope {
    /// Whether a group is meant, whatever its pods' own labels are otherwise.
    fn has(&self, model: &ClusterModel, group: &Group) -> Match {
        match self {
            Self::Own(own) => Match::from(group.namespace == *own),
            Self::Matching(selector) => matches_scope(model, selector, group),
            Self::Items(expression) => expression.matches(&model.item_labels(group)),
        }
    }

    /// Whether it is a namespace's labels, if anything, that leave open whether a group is meant.
    fn is_open_by_namespace(&self, group: &Group) -> bool {
        match self {
            Self::Own(_) | Self::Matching(_) => true,
            Self::Items(expression) => {
                let asks_own =
                    expression.asks().iter().any(|(key, _)| group.hidden.contains(&&***key));
                !asks_own && !self.is_open_by_account(group)
            }
        }
    }

    /// Whether labels of a ServiceAccount are asked for that are not known of a group.
    pub fn is_open_by_account(&self, group: &Group) -> bool {
        let Self::Items(expression) = self else { return false };
        let is_open = group.account.as_ref().is_none_or(|account| account.is_open);
        is_open && expression.asks().iter().any(|(key, _)| ItemLabels::is_of_account(key))
    }
}

/// What a [`PeerSet`] is made from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SetKey {
    /// Namespaces.
    pub scope: Scope,
    /// Pods.
    pub pods: Selector,
}

/// The pods that a key names.
///
/// # Cost
/// Linear in the groups that its rarest label has, not in all.
pub fn select(model: &ClusterModel, key: &SetKey) -> PeerSet {
    let scope = Scoped::new(model, &key.scope);
    let (mut certain, mut unknown, mut elsewhere) = (Vec::new(), Vec::new(), Vec::new());
    for id in candidates(model, key) {
        let Some(group) = model.groups.get(id) else { continue };
        let in_scope = scope.has(group);
        if in_scope == Match::No {
            continue;
        }
        let labels = PodLabels { labels: &group.labels, hidden: group.hidden };
        match (key.pods.matches(&labels), in_scope) {
            (Match::Yes, Match::Yes) => certain.push(id),
            (Match::Yes, _) => {
                unknown.push(id);
                if key.scope.is_open_by_namespace(group) {
                    elsewhere.push(id);
                }
            }
            (Match::Unknown, _) => unknown.push(id),
            (Match::No, _) => {}
        }
    }
    PeerSet {
        certain: IntervalSet::from_sorted(certain),
        unknown: IntervalSet::from_sorted(unknown),
        elsewhere: IntervalSet::from_sorted(elsewhere),
        key: key.clone(),
    }
}

/// Whether a key names a group.
pub fn names(model: &ClusterModel, key: &SetKey, group: &Group) -> Match {
    let in_scope = key.scope.has(model, group);
    if in_scope == Match::No {
        return Match::No;
    }
    in_scope.min(key.pods.matches(&PodLabels { labels: &group.labels, hidden: group.hidden }))
}

/// Whether a selector matches a namespace of these labels.
pub fn matches_namespace(selector: &Selector, labels: NamespaceLabels<'_>) -> Match {
    selector.matches(&labels)
}

fn matches_scope(model: &ClusterModel, selector: &Selector, group: &Group) -> Match {
    let labels = model.namespace_labels(group);
    labels.map_or(Match::No, |labels| matches_namespace(selector, labels))
}

/// A scope with the namespaces in it.
struct Scoped<'s> {
    model: &'s ClusterModel,
    scope: &'s Scope,
    matching: IntervalSet<NamespaceId>,
    unknown: IntervalSet<NamespaceId>,
}

impl<'s> Scoped<'s> {
    fn new(model: &'s ClusterModel, scope: &'s Scope) -> Self {
        let (mut matching, mut unknown) = (Vec::new(), Vec::new());
        if let Scope::Matching(selector) = scope {
            for (id, namespace) in model.namespaces.iter() {
                match matches_namespace(selector, namespace.labels()) {
                    Match::Yes => matching.push(id),
                    Match::Unknown => unknown.push(id),
                    Match::No => {}
                }
            }
        }
        let (matching, unknown) =
            (IntervalSet::from_sorted(matching), IntervalSet::from_sorted(unknown));
        Self { model, scope, matching, unknown }
    }

    fn has(&self, group: &Group) -> Match {
        match self.scope {
            Scope::Own(own) => Match::from(group.namespace == *own),
            Scope::Matching(_) if self.matching.contains(group.namespace) => Match::Yes,
            Scope::Matching(_) if !self.unknown.contains(group.namespace) => Match::No,
            Scope::Matching(_) | Scope::Items(_) => self.scope.has(self.model, group),
        }
    }
}

/// Groups among which all matches are, ascending: the shortest list that the index offers.
fn candidates(model: &ClusterModel, key: &SetKey) -> Vec<GroupId> {
    let groups = &model.groups;
    let mut best: Option<Vec<&[GroupId]>> = match key.scope {
        Scope::Own(namespace) => Some(vec![groups.in_namespace(namespace)]),
        Scope::Matching(_) => None,
        Scope::Items(ref expression) => lists_of_items(model, expression),
    };
    let length = |lists: &Vec<&[GroupId]>| lists.iter().map(|list| list.len()).sum::<usize>();
    for requirement in key.pods.requirements() {
        if let Some(lists) = lists_of(model, requirement)
            && best.as_ref().is_none_or(|best| length(&lists) < length(best))
        {
            best = Some(lists);
        }
    }
    let Some(best) = best else {
        return groups.iter().map(|(id, _)| id).collect();
    };
    let mut ids: Vec<GroupId> = best.iter().flat_map(|list| list.iter().copied()).collect();
    if best.len() > 1 {
        ids.sort_unstable();
        ids.dedup();
    }
    ids
}

/// Lists of groups that together have all matches of an expression: the shortest that one of its
/// parts offers; none if most groups may match.
fn lists_of_items<'m>(
    model: &'m ClusterModel,
    expression: &Expression,
) -> Option<Vec<&'m [GroupId]>> {
    let parts = match expression {
        Expression::And(parts) => parts.as_slice(),
        other => std::slice::from_ref(other),
    };
    let lists = parts.iter().filter_map(|part| lists_of_part(model, part));
    lists.min_by_key(|lists| lists.iter().map(|list| list.len()).sum::<usize>())
}

fn lists_of_part<'m>(model: &'m ClusterModel, part: &Expression) -> Option<Vec<&'m [GroupId]>> {
    let Expression::Label(key, test) = part else { return None };
    let values = match test {
        Test::Is(value) => std::slice::from_ref(value),
        Test::In(values) => values.as_slice(),
        _ => return None,
    };
    if **key == *NAMESPACE_LABEL {
        let named = values.iter().filter_map(|name| model.namespace(name));
        return Some(named.map(|id| model.groups.in_namespace(id)).collect());
    }
    if ItemLabels::is_given(key) {
        return None;
    }
    let mut lists: Vec<&[GroupId]> =
        values.iter().map(|value| model.groups.with_label(key, value)).collect();
    lists.push(model.groups.with_hidden(key));
    Some(lists)
}

/// Lists of groups that together have all matches of a requirement; none if most groups match.
fn lists_of<'m>(model: &'m ClusterModel, requirement: &Requirement) -> Option<Vec<&'m [GroupId]>> {
    let key = &requirement.key;
    let mut lists = match requirement.operator {
        Operator::NotIn | Operator::DoesNotExist => return None,
        Operator::Exists => vec![model.groups.with_key(key)],
        Operator::In => {
            requirement.values.iter().map(|value| model.groups.with_label(key, value)).collect()
        }
    };
    lists.push(model.groups.with_hidden(key));
    lists.retain(|list| !list.is_empty());
    Some(lists)
}

//! Which pods a selector matches, by group.

use crate::cluster::{ClusterModel, Group, GroupId, NamespaceId, PodLabels};
use crate::manifest::LabelList;
use crate::net::IntervalSet;
use crate::selector::{Match, Operator, Requirement, Selector};

/// Pods that a peer or a policy's subject names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PeerSet {
    /// Groups that match for certain.
    pub certain: IntervalSet<GroupId>,
    /// Groups of which it cannot be known.
    pub unknown: IntervalSet<GroupId>,
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
    pub(super) fn admit(&mut self, group: GroupId, matches: Match) {
        let point = IntervalSet::range(group, group);
        match matches {
            Match::Yes => self.certain = self.certain.union(&point),
            Match::Unknown => self.unknown = self.unknown.union(&point),
            Match::No => {}
        }
    }

    /// What it was made from.
    pub(super) fn key(&self) -> &SetKey {
        &self.key
    }

    /// What it was made from, namespaces and pods, in words that are the same whatever else there
    /// is.
    pub fn meaning(&self, model: &ClusterModel) -> [String; 2] {
        let scope = match &self.key.scope {
            Scope::Own(index) => format!("of {}", model.namespace_name(*index)),
            Scope::Matching(selector) => format!("in {}", selector.text()),
        };
        [scope, self.key.pods.text()]
    }

    /// Groups that match or may match.
    pub fn groups(&self) -> impl Iterator<Item = (GroupId, bool)> + '_ {
        let certain = self.certain.iter().map(|group| (group, true));
        certain.chain(self.unknown.iter().map(|group| (group, false)))
    }
}

/// Which namespaces' pods are meant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Those of one namespace.
    Own(NamespaceId),
    /// Those of namespaces that match.
    Matching(Selector),
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
    let namespaces = match &key.scope {
        Scope::Own(_) => None,
        Scope::Matching(selector) if selector.is_empty() => None,
        Scope::Matching(selector) => Some(matching_namespaces(model, selector)),
    };
    let in_scope = |namespace: NamespaceId| match (&key.scope, &namespaces) {
        (Scope::Own(own), _) => namespace == *own,
        (_, None) => true,
        (_, Some(matching)) => matching.contains(namespace),
    };
    let (mut certain, mut unknown) = (Vec::new(), Vec::new());
    for id in candidates(model, key) {
        let Some(group) = model.groups.get(id).filter(|group| in_scope(group.namespace)) else {
            continue;
        };
        match key.pods.matches(&PodLabels { labels: &group.labels, hidden: group.hidden }) {
            Match::Yes => certain.push(id),
            Match::Unknown => unknown.push(id),
            Match::No => {}
        }
    }
    PeerSet {
        certain: IntervalSet::from_sorted(certain),
        unknown: IntervalSet::from_sorted(unknown),
        key: key.clone(),
    }
}

/// Whether a key names a group.
pub fn names(model: &ClusterModel, key: &SetKey, group: &Group) -> Match {
    let in_scope = match &key.scope {
        Scope::Own(own) => group.namespace == *own,
        Scope::Matching(selector) => {
            let namespace = model.namespaces.get(group.namespace);
            namespace.is_some_and(|namespace| matches_namespace(selector, &namespace.labels))
        }
    };
    if !in_scope {
        return Match::No;
    }
    key.pods.matches(&PodLabels { labels: &group.labels, hidden: group.hidden })
}

/// Whether a selector matches a namespace of these labels.
pub fn matches_namespace(selector: &Selector, labels: &LabelList) -> bool {
    selector.matches(&PodLabels { labels, hidden: &[] }) == Match::Yes
}

fn matching_namespaces(model: &ClusterModel, selector: &Selector) -> IntervalSet<NamespaceId> {
    let matching = model
        .namespaces
        .iter()
        .filter(|(_, namespace)| matches_namespace(selector, &namespace.labels));
    IntervalSet::from_sorted(matching.map(|(id, _)| id))
}

/// Groups among which all matches are, ascending: the shortest list that the index offers.
fn candidates(model: &ClusterModel, key: &SetKey) -> Vec<GroupId> {
    let groups = &model.groups;
    let mut best: Option<Vec<&[GroupId]>> = match key.scope {
        Scope::Own(namespace) => Some(vec![groups.in_namespace(namespace)]),
        Scope::Matching(_) => None,
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

//! L03: a selector of pods that matches none of the input.
//!
//! **What.** The `podSelector` of a policy or of a peer, where the namespaces that it means have
//! pods and none of these has the labels: `app: frontned` where pods have `app: frontend`.
//!
//! **Why.** Such a policy does nothing, and such a peer admits or denies nothing. The pods that it
//! was written for stay open, or cannot be reached.
//!
//! **Fix.** Correct the label, or set it in the pods' template. The finding names a label of the
//! pods that is nearly the same, if there is one.
//!
//! Nothing is said where pods may be missing: in a namespace without pods, or with custom
//! resources whose controllers make some; where a Helm chart or a kustomize tree is not rendered; of
//! peers where the input has only the pods that the policy selects, and of those in whatever
//! namespace, since most are not in the input; and of labels that are there for others to take,
//! such as `db-client: "true"`.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;

use super::cross_namespace_pod_selector::{elsewhere, is_alone};
use super::host_pods::HostPods;
use super::named::{Named, Role};
use super::text::Field;
use super::{Context, Finding, workload_label};
use crate::cluster::{ClusterModel, NamespaceId};
use crate::diagnostic::{Code, Diagnostic, nearly_same};
use crate::policy::{PeerSet, PolicySet, SetId};
use crate::selector::{Match, Operator, Requirement, Selector};

/// One finding for each such selector.
///
/// # Cost
/// Linear in the selectors; in the labels of its namespaces' pods for those that match nothing.
pub fn findings(context: &Context<'_>) -> Vec<Finding> {
    let (model, set) = (context.session.model(), context.session.policies());
    let (shown, found) = (FxHashMap::default(), FxHashMap::default());
    let mut search = Search { context, model, set, shown, found };
    let finding = |named: &Named<'_>| {
        if !search.shows_others(named) {
            return None;
        }
        let miss = search.miss(named)?;
        if workload_label::meant(context, named).is_some() {
            return None;
        }
        if is_alone(named) && !elsewhere(model, named.set).is_empty() {
            return None;
        }
        let mut finding = Diagnostic::new(Code::SelectorMatchesNothing, message(named, miss));
        finding.help = Some(miss.help.clone());
        let paths = named.pods_paths();
        let field = match &miss.key {
            Some(key) => Field::Label(&paths, key),
            None => Field::Selector(&paths),
        };
        Some(context.about(&named.policy.object, field, finding))
    };
    context.dead().iter().filter_map(finding).collect()
}

/// Why a selector matches nothing.
struct Miss {
    /// Which pods have been looked at.
    place: String,
    /// What none of them has.
    lacking: String,
    /// The label that it is about, if it is one.
    key: Option<String>,
    help: String,
}

/// Misses of sets that are known so far; none of those that may match pods that are not there.
struct Search<'c, 's> {
    context: &'c Context<'s>,
    model: &'s ClusterModel,
    set: &'s PolicySet,
    shown: FxHashMap<Vec<NamespaceId>, Shown<'s>>,
    found: FxHashMap<SetId, Option<Miss>>,
}

impl Search<'_, '_> {
    fn miss(&mut self, named: &Named<'_>) -> Option<&Miss> {
        if !self.found.contains_key(&named.id) {
            let miss = self.explain(named.set);
            self.found.insert(named.id, miss);
        }
        self.found.get(&named.id)?.as_ref()
    }

    /// Whether the namespaces of a peer have other pods than those that the policy selects: else the
    /// input is a part of an application, and the peers are in another one.
    fn shows_others(&self, named: &Named<'_>) -> bool {
        let Role::Peer(_) = named.role else { return true };
        let Some(subject) = self.set.set(named.policy.subject) else { return false };
        let Some(namespaces) = self.context.known().namespaces_of(named.set.scope()) else {
            return false;
        };
        let groups = &self.model.groups;
        let mut ids = namespaces.iter().flat_map(|one| groups.in_namespace(*one));
        subject.pods().is_empty() || ids.any(|id| subject.matches(*id) == Match::No)
    }

    fn explain(&mut self, set: &PeerSet) -> Option<Miss> {
        let namespaces = self.context.known().namespaces_of(set.scope())?;
        let on_host = |pods: &HostPods| pods.would_match(self.model, set) != Match::No;
        if self.context.host().iter().any(on_host) {
            return None;
        }
        let place = place(self.model, &namespaces);
        let model = self.model;
        let shown = self.shown.entry(namespaces);
        let shown = shown.or_insert_with_key(|namespaces| Shown::new(model, namespaces));
        let selector = set.pods();
        let Some(requirement) = selector.requirements().iter().find(|one| shown.lacks(one)) else {
            let lacking = format!("all of `{}`", selector.text());
            let help = "pods there have some of these labels, but none has all".to_owned();
            return Some(Miss { place, lacking, key: None, help });
        };
        let (lacking, help) = (lacking(requirement), shown.help(selector, requirement));
        Some(Miss { place, lacking, key: Some(requirement.key.to_string()), help })
    }
}

fn message(named: &Named<'_>, Miss { place, lacking, .. }: &Miss) -> String {
    let effect = match named.role {
        Role::Subject => "the policy selects no pod of the input",
        Role::Peer(_) => "this peer matches no pod of the input",
    };
    format!("{effect}: none {place} has {lacking}")
}

fn place(model: &ClusterModel, namespaces: &[NamespaceId]) -> String {
    match namespaces {
        [one] => format!("in namespace `{}`", model.namespace_name(*one)),
        [one, _] | [one, _, ..] => {
            let (name, others) = (model.namespace_name(*one), namespaces.len() - 1);
            format!("in namespace `{name}` and {others} more that match")
        }
        [] => "in these namespaces".to_owned(),
    }
}

fn lacking(requirement: &Requirement) -> String {
    let Requirement { key, values, .. } = requirement;
    match values.as_slice() {
        [] => format!("the label `{key}`"),
        [value] => format!("the label `{key}: {value}`"),
        values => format!("the label `{key}` with one of `{}`", values.join("`, `")),
    }
}

/// Labels of the pods of some namespaces.
struct Shown<'m> {
    values: BTreeMap<&'m str, BTreeSet<&'m str>>,
    /// Keys that some pods have with values that the input does not show.
    hidden: BTreeSet<&'static str>,
}

impl<'m> Shown<'m> {
    fn new(model: &'m ClusterModel, namespaces: &[NamespaceId]) -> Self {
        let mut shown = Self { values: BTreeMap::new(), hidden: BTreeSet::new() };
        let ids = namespaces.iter().flat_map(|one| model.groups.in_namespace(*one));
        for group in ids.filter_map(|id| model.groups.get(*id)) {
            shown.hidden.extend(group.hidden);
            for (key, value) in &*group.labels {
                shown.values.entry(key).or_default().insert(value);
            }
        }
        shown
    }

    /// Whether no pod has a label that must be there; what must not be there is never lacking.
    fn lacks(&self, requirement: &Requirement) -> bool {
        let Requirement { key, operator, values } = requirement;
        let known = self.values.get(&**key);
        let is_there = match operator {
            Operator::In => {
                known.is_some_and(|known| values.iter().any(|value| known.contains(&**value)))
            }
            Operator::Exists => known.is_some(),
            Operator::NotIn | Operator::DoesNotExist => true,
        };
        !is_there && !self.hidden.contains(&**key)
    }

    /// What the pods have instead.
    fn help(&self, selector: &Selector, requirement: &Requirement) -> String {
        if let Some(known) = self.values.get(&*requirement.key) {
            return help_of_values(requirement, known);
        }
        let is_asked = |key: &str| selector.requirements().iter().any(|one| *one.key == *key);
        let others = || self.values.iter().filter(|(key, _)| !is_asked(key)).take(MOST_COMPARED);
        if let Some(key) = nearly_same(&requirement.key, others().map(|(key, _)| *key)) {
            return format!("did you mean the label `{key}`?");
        }
        let same = others().find_map(|(key, values)| {
            let mut asked = requirement.values.iter();
            Some((key, asked.find(|value| values.contains(&***value))?))
        });
        match same {
            Some((key, value)) => {
                format!("pods there have `{key}: {value}`: did you mean that label?")
            }
            None => "correct the selector, or set the label in the pods' template".to_owned(),
        }
    }
}

/// With no more keys or values than these a word is compared.
const MOST_COMPARED: usize = 500;

fn help_of_values(requirement: &Requirement, known: &BTreeSet<&str>) -> String {
    const MOST: usize = 5;
    let key = &requirement.key;
    let near = |value| nearly_same(value, known.iter().copied().take(MOST_COMPARED));
    if let Some(value) = requirement.values.iter().find_map(|value| near(value)) {
        return format!("did you mean `{key}: {value}`?");
    }
    let some: Vec<&str> = known.iter().take(MOST).copied().collect();
    let more = if known.len() > MOST { ", …" } else { "" };
    format!("pods there have `{key}` with `{}`{more}", some.join("`, `"))
}

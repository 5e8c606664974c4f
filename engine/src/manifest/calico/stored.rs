//! Objects as they are stored: what they keep of the metadata that Calico's API shows, and what
//! whoever enforces them makes of them.

use std::sync::Arc;

use super::super::meta::{LabelList, Meta};
use super::super::read::Reader;
use super::super::{Object, stored};
use super::{CalicoAction, CalicoBody, CalicoKind, CalicoPolicy, Group};
use crate::diagnostic::{Code, Diagnostic};
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

/// Reads an object of which a watch tells. A policy in which anything is not understood accepts
/// nothing, and denies everything where it would deny or pass. None of what is not evaluated.
pub(in super::super) fn read_stored(
    node: &Node<'_>,
    kind: CalicoKind,
) -> (Option<Object>, Vec<Diagnostic>) {
    // Servers leave it out in lists of kinds that they know themselves: Calico's own does.
    let version = node.get("apiVersion").and_then(Node::as_str).unwrap_or_default();
    let group = version.split_once('/').and_then(|(group, _)| Group::find(group));
    let group = group.unwrap_or(Group::Public);
    let mut reader = Reader::default();
    let meta = Meta::read(&mut reader, node, node.span);
    let body = super::read(&mut reader, node, kind, group);
    let why = (!stored::understood(&reader)).then(|| stored::not_understood(&reader.diagnostics));
    let is_closed = why.is_some();
    let object = (!meta.name.is_empty()).then(|| kept((meta, body), (kind, group), node, why));
    let mut findings = reader.diagnostics;
    findings.retain(|finding| is_closed || finding.code == Code::UnknownMode);
    (object.flatten(), findings)
}

/// What counts of an object; it is closed for a reason, if it is a policy.
pub(in super::super) fn kept(
    (meta, body): (Meta, CalicoBody),
    (kind, group): (CalicoKind, Group),
    node: &Node<'_>,
    why: Option<Arc<str>>,
) -> Option<Object> {
    let body = match body {
        CalicoBody::Policy(policy) if why.is_some() => {
            CalicoBody::Policy(Box::new(closed(*policy)))
        }
        body => body,
    };
    let shown = shown(node, group, &meta.name);
    let judged = body.judged(kind, shown.as_ref().map_or(&meta.name, |shown| &shown.name))?;
    let labels = shown.map_or_else(|| meta.labels.clone(), |shown| shown.labels);
    let closed = why.filter(|_| judged.is_policy());
    Some(Object { closed, ..Object::of(Meta { labels, ..meta }, judged, node) })
}

/// What remains of a policy that is not understood.
fn closed(mut policy: CalicoPolicy) -> CalicoPolicy {
    for rules in policy.rules.values_mut().flatten() {
        let opens = |action| matches!(action, Some(CalicoAction::Allow | CalicoAction::Log));
        rules.retain(|rule| !opens(rule.action));
        // A rule without an action denies everything.
        rules.iter_mut().for_each(|rule| rule.action = None);
    }
    policy
}

//! L01: pods that no policy selects, in a namespace where policies select others.
//!
//! **What.** A namespace has policies for some of its pods, and none for the rest: the database is
//! protected, and the front end next to it is not.
//!
//! **Why.** Pods that no policy selects accept everything, or send everything.
//!
//! **Fix.** Add a policy with `podSelector: {}` that denies what no other policy allows, or policies
//! for these pods.
//!
//! For egress it is said only where most of a namespace is isolated for egress: few namespaces are
//! meant to be. Nothing is said where policies may be missing from the input. It is an information.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::text::Field;
use super::{Context, Finding};
use crate::cluster::{Life, NamespaceId, Workload, WorkloadId};
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::{Direction, Object};
use crate::policy::OPEN;

/// One finding for each namespace and direction, at one of the workloads.
///
/// # Cost
/// Linear in the pods.
pub fn findings(context: &Context<'_>) -> Vec<Finding> {
    let found = context.open().iter().map(|(place, OpenPods { first, more })| {
        let message = message(context, *place, (&first.meta.name, *more));
        let finding = Diagnostic::new(Code::DefaultAllow, message).with_help(
            "add a policy with `podSelector: {}` that denies what no other policy allows, or \
             policies for these pods",
        );
        context.about(first, Field::First(&["metadata.name"]), finding)
    });
    found.collect()
}

fn message(
    context: &Context<'_>,
    (namespace, direction): Place,
    (name, more): (&str, usize),
) -> String {
    let namespace = context.session.model().namespace_name(namespace);
    let others = if more == 0 { String::new() } else { format!(" and {more} more") };
    let (what, verb) = match direction {
        Direction::Ingress => ("ingress", "accept"),
        Direction::Egress => ("egress", "send"),
    };
    format!(
        "no policy selects `{name}`{others} of namespace `{namespace}` for {what}, though policies \
         select other pods there: they {verb} everything"
    )
}

/// A namespace and a direction.
pub type Place = (NamespaceId, Direction);

/// Workloads that no policy selects.
#[derive(Debug)]
pub struct OpenPods {
    /// The first of them by name.
    first: Arc<Object>,
    /// How many others there are.
    more: usize,
}

/// Workloads that no policy selects, by where.
pub type Open = BTreeMap<Place, OpenPods>;

/// Workloads that no policy selects, where policies select others.
pub fn open(context: &Context<'_>) -> Open {
    let (model, set) = (context.session.model(), context.session.policies());
    let mut found = Open::new();
    if !context.session.not_judged().is_empty() {
        return found;
    }
    let known = context.known();
    let mut open: BTreeMap<Place, BTreeSet<WorkloadId>> = BTreeMap::new();
    let mut closed = open.clone();
    for endpoint in model.endpoints.values().filter(|one| one.life == Life::Active) {
        let Some(group) = endpoint.group else { continue };
        let Some(namespace) = model.groups.get(group).map(|group| group.namespace) else {
            continue;
        };
        for direction in Direction::BOTH {
            let is_open = set.program_id(group, direction) == OPEN;
            let into = if is_open { &mut open } else { &mut closed };
            into.entry((namespace, direction)).or_default().insert(endpoint.workload);
        }
    }
    for (place, workloads) in open {
        let isolated = closed.get(&place).map_or(0, BTreeSet::len);
        let is_meant = isolated > 0
            && (place.1 == Direction::Ingress || isolated > workloads.len())
            && known.has_all_of(place.0);
        let mut named: Vec<&Workload> =
            workloads.iter().filter_map(|id| model.workloads.get(*id)).collect();
        named.sort_by_key(|one| (&one.name, &one.kind));
        let first = named.iter().find_map(|one| one.object.clone());
        if let Some(first) = first.filter(|_| is_meant) {
            found.insert(place, OpenPods { first, more: named.len().saturating_sub(1) });
        }
    }
    found
}

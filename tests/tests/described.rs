//! What `describe` says that a rule decides alone is what a list loses or gains without the rule.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "test code")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use portcullis_engine::report::{Action, Describe, ListReport};
use portcullis_engine::{ListFilter, Session};
use portcullis_tests::random::{Cluster, hold_with_calico};
use serde_json::{Map, Value, json};

fn list(session: &Session) -> ListReport {
    session.list(&ListFilter { expand: true, ..ListFilter::default() }).in_pairs()
}

/// What is allowed for certain between each pair, in each family.
fn allowed(list: &ListReport) -> BTreeMap<(Arc<str>, Arc<str>), BTreeSet<String>> {
    let mut all: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
    for one in &list.connections {
        if let Some(allowed) = &one.allowed {
            let text = format!("{allowed} {:?}", one.family);
            all.entry((one.from.clone(), one.to.clone())).or_default().insert(text);
        }
    }
    all
}

/// The cluster without a rule of a policy; none if the policy has no such rule.
fn without(cluster: &Cluster, index: usize, direction: &str, rule: usize) -> Option<Cluster> {
    let mut next = cluster.clone();
    let is_calico = is_calico(&next.objects[index]);
    let spec = next.objects[index]["spec"].as_object_mut()?;
    let has_rules = |spec: &Map<String, Value>, direction: &str| {
        spec.get(direction).and_then(Value::as_array).is_some_and(|all| !all.is_empty())
    };
    let rules = spec.get(direction)?.as_array()?;
    (rule < rules.len()).then_some(())?;
    let field = if is_calico { "types" } else { "policyTypes" };
    let types = spec.get(field).filter(|all| all.as_array().is_some_and(|all| !all.is_empty()));
    let default = match (has_rules(spec, "ingress"), has_rules(spec, "egress")) {
        (_, false) => json!(["Ingress"]),
        (false, true) if is_calico => json!(["Egress"]),
        (_, true) => json!(["Ingress", "Egress"]),
    };
    let types = types.cloned().unwrap_or(default);
    spec.insert(field.into(), types);
    spec[direction].as_array_mut()?.remove(rule);
    Some(next)
}

fn is_calico(object: &Value) -> bool {
    object["apiVersion"].as_str().is_some_and(|version| version.contains("projectcalico.org"))
}

#[test]
fn a_rule_decides_alone_what_differs_without_it() {
    let compared = AtomicUsize::new(0);
    hold_with_calico("describe", |cluster, _| {
        let session = cluster.session();
        let before = list(&session);
        for (index, object) in cluster.objects.iter().enumerate() {
            if object["kind"] != "NetworkPolicy" {
                continue;
            }
            let namespace = object["metadata"]["namespace"].as_str().unwrap_or("default");
            let group = if is_calico(object) { ".projectcalico.org" } else { "" };
            let name = object["metadata"]["name"].as_str().unwrap();
            let name = format!("{namespace}/NetworkPolicy{group}/{name}");
            let Ok(report) = session.describe(Describe::Policy, &name) else { continue };
            for one in &report.directions {
                for (number, rule) in one.policies[0].rules.iter().enumerate() {
                    let Some(next) = without(cluster, index, one.direction.field(), number) else {
                        continue;
                    };
                    let after = list(&next.session());
                    let ids = |list: &ListReport| -> Vec<Arc<str>> {
                        list.endpoints.iter().map(|one| one.id.clone()).collect()
                    };
                    // Without the rule, policies may distinguish less.
                    if ids(&before) != ids(&after) || rule.pairs != Some(rule.alone.len()) {
                        continue;
                    }
                    let (had, has) = (allowed(&before), allowed(&after));
                    let (more, less) = match rule.action {
                        Action::Accept => (&had, &has),
                        Action::Deny => (&has, &had),
                        Action::Pass | Action::Log => continue,
                    };
                    let lost = more.iter().filter(|(pair, all)| less.get(*pair) != Some(*all));
                    let lost: BTreeSet<_> = lost.map(|(pair, _)| pair.clone()).collect();
                    let said = rule.alone.iter().map(|one| (one.from.clone(), one.to.clone()));
                    let said: BTreeSet<_> = said.collect();
                    compared.fetch_add(said.len(), Relaxed);
                    if said != lost {
                        return Err(format!("{name} {}: {said:?}, differing {lost:?}", rule.path));
                    }
                }
            }
        }
        Ok(())
    });
    let compared = compared.into_inner();
    assert!(compared > 20, "only {compared} pairs are decided alone");
}

//! What `describe` says that a rule opens alone is what a list loses without the rule.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "test code")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use portcullis_engine::report::{Describe, ListReport};
use portcullis_engine::{ListFilter, Session};
use portcullis_tests::random::{Cluster, hold_with_calico};
use serde_json::json;

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

/// The cluster without a rule of a NetworkPolicy; none if the policy has no such rule.
fn without(cluster: &Cluster, index: usize, direction: &str, rule: usize) -> Option<Cluster> {
    let mut next = cluster.clone();
    let spec = next.objects[index]["spec"].as_object_mut()?;
    let rules = spec.get(direction)?.as_array()?;
    (rule < rules.len()).then_some(())?;
    let has_egress =
        spec.get("egress").and_then(|all| all.as_array()).is_some_and(|all| !all.is_empty());
    let types =
        spec.get("policyTypes").filter(|all| all.as_array().is_some_and(|all| !all.is_empty()));
    let default = if has_egress { json!(["Ingress", "Egress"]) } else { json!(["Ingress"]) };
    let types = types.cloned().unwrap_or(default);
    spec.insert("policyTypes".into(), types);
    spec[direction].as_array_mut()?.remove(rule);
    Some(next)
}

#[test]
fn a_rule_opens_alone_what_a_list_loses_without_it() {
    let compared = std::cell::Cell::new(0);
    hold_with_calico("describe", |cluster, _| {
        let session = cluster.session();
        let before = list(&session);
        for (index, object) in cluster.objects.iter().enumerate() {
            if object["kind"] != "NetworkPolicy" {
                continue;
            }
            let namespace = object["metadata"]["namespace"].as_str().unwrap_or("default");
            let name = format!(
                "{namespace}/NetworkPolicy/{}",
                object["metadata"]["name"].as_str().unwrap()
            );
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
                    let lost = had.iter().filter(|(pair, all)| has.get(*pair) != Some(*all));
                    let lost: BTreeSet<_> = lost.map(|(pair, _)| pair.clone()).collect();
                    let said = rule.alone.iter().map(|one| (one.from.clone(), one.to.clone()));
                    let said: BTreeSet<_> = said.collect();
                    compared.set(compared.get() + said.len());
                    if said != lost {
                        return Err(format!("{name} {}: {said:?}, lost {lost:?}", rule.path));
                    }
                }
            }
        }
        Ok(())
    });
    assert!(compared.get() > 20, "only {} pairs are opened alone", compared.get());
}

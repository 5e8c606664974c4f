//! Labels that namespaces may have.

use super::calico;
use super::rules::selector_matches;
use crate::cluster::calico::Atom;
use crate::cluster::{Cluster, Labels, Namespace, Selector};

const NAME: &str = "kubernetes.io/metadata.name";

/// §4: the labels of a namespace, of which the API server sets one; of one that is not in the
/// input, any others may be there: one list for all that no selector tells apart.
pub fn labelings(cluster: &Cluster, name: &str) -> Vec<Labels> {
    let is_declared = |one: &&Namespace| one.declared && one.name == name;
    let mut labels = match cluster.namespaces.iter().find(is_declared) {
        Some(declared) => vec![declared.labels.clone()],
        None => made_up(cluster),
    };
    for one in &mut labels {
        one.insert(NAME.into(), name.into());
    }
    without_doubles(cluster, labels)
}

/// Each label that some selector asks for: absent, of each value that one mentions, and of another.
fn made_up(cluster: &Cluster) -> Vec<Labels> {
    let asked = calico::asked_of_namespaces(cluster);
    let mut all = vec![Labels::new()];
    for key in keys(cluster, &asked) {
        let mut values: Vec<String> =
            cluster.namespace_selectors().flat_map(|s| s.values_of(&key)).cloned().collect();
        values.push("mentioned-by-nobody".into());
        if asked.iter().any(|atom| atom.key == key) {
            values.extend(calico::values(&key, &asked));
        }
        values.sort();
        values.dedup();
        let with = |labels: &Labels, value: &String| {
            let mut labels = labels.clone();
            labels.insert(key.clone(), value.clone());
            labels
        };
        let present = all.iter().flat_map(|labels| values.iter().map(move |v| with(labels, v)));
        let present: Vec<Labels> = present.collect();
        all.extend(present);
    }
    all
}

fn keys(cluster: &Cluster, asked: &[Atom]) -> Vec<String> {
    let of = |selector: &Selector| {
        let expressions = selector.expressions.iter().map(|one| one.key.clone());
        selector.labels.keys().cloned().chain(expressions).collect::<Vec<_>>()
    };
    let mut keys: Vec<String> = cluster.namespace_selectors().flat_map(of).collect();
    keys.extend(asked.iter().map(|atom| atom.key.clone()));
    keys.sort();
    keys.dedup();
    keys.retain(|key| key != NAME);
    keys
}

fn without_doubles(cluster: &Cluster, all: Vec<Labels>) -> Vec<Labels> {
    if let [_] = &*all {
        return all;
    }
    let asked = calico::asked_of_namespaces(cluster);
    let mut seen: Vec<Vec<bool>> = Vec::new();
    let mut kept = Vec::new();
    for labels in all {
        let matches =
            cluster.namespace_selectors().map(|selector| selector_matches(selector, &labels));
        let matches = matches.chain(asked.iter().map(|atom| atom.matches(&labels)));
        let matches: Vec<bool> = matches.collect();
        if !seen.contains(&matches) {
            seen.push(matches);
            kept.push(labels);
        }
    }
    kept
}

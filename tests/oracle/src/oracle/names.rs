//! What domain names may resolve to.

use std::net::IpAddr;

use crate::cluster::{Cluster, ClusterPolicy};

/// A name in the one form in which names are compared: lower case, without a final dot.
pub fn written(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// §3: whether a name with `*.` in front stands for another one as well: one or more labels.
fn stands_for(wildcard: &str, name: &str) -> bool {
    let Some(parent) = wildcard.strip_prefix('*') else { return false };
    wildcard != name && name.len() > parent.len() && name.ends_with(parent)
}

/// Every set of names of policies that may resolve to an address, all others not doing so.
///
/// A name that the options give resolves to exactly what they say; one with `*.` in front to
/// whatever a name below it does.
pub fn resolving_to(cluster: &Cluster, address: IpAddr) -> Vec<Vec<String>> {
    let asked = cluster.cluster_policies.iter().flat_map(ClusterPolicy::domain_names);
    let mut names: Vec<String> = asked.map(|name| written(name)).collect();
    names.sort();
    names.dedup();
    let mut sets: Vec<Vec<String>> = vec![Vec::new()];
    for name in &names {
        let more: Vec<Vec<String>> =
            sets.iter().map(|set| set.iter().chain([name]).cloned().collect()).collect();
        match told(cluster, name, address) {
            Some(true) => sets = more,
            Some(false) => {}
            None => sets.extend(more),
        }
    }
    sets.retain(|set| is_possible(cluster, &names, set, address));
    sets
}

/// What the options say of a name; nothing, if it is open.
fn told(cluster: &Cluster, name: &str, address: IpAddr) -> Option<bool> {
    let resolves = |of: &dyn Fn(&str) -> bool| {
        cluster.domains.iter().any(|(known, at)| of(&written(known)) && *at == address)
    };
    let known = cluster.domains.iter().any(|(known, _)| written(known) == name);
    let yes = resolves(&|known| known == name || stands_for(name, known));
    (known || yes).then_some(yes)
}

/// A name below another one resolves to no more than that does.
fn is_possible(cluster: &Cluster, names: &[String], set: &[String], address: IpAddr) -> bool {
    let options = cluster.domains.iter().map(|(known, _)| written(known));
    let mut above = names.iter().cloned().chain(options);
    above.all(|wildcard| {
        let below = set.iter().any(|name| stands_for(&wildcard, name));
        let resolves = match names.contains(&wildcard) {
            true => set.contains(&wildcard),
            false => told(cluster, &wildcard, address) != Some(false),
        };
        resolves || !below
    })
}

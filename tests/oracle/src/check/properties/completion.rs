//! One of the clusters that fit the input.

use std::net::IpAddr;

use crate::check::flows;
use crate::cluster::{Cluster, ClusterPolicy, Kind, Labels, Net, Phase, Pod, Workload};
use crate::oracle::End;
use crate::random::Random;

/// The cluster with addresses and labels for pods, with pods for templates, with labels for namespaces,
/// with addresses for domain names and an order for policies of equal priority; none if all of that is known.
pub fn completed(cluster: &Cluster, random: &mut Random) -> Option<Cluster> {
    let mut other = cluster.clone();
    let templates = cluster.workloads.iter().filter(|one| may_have_pods(cluster, one));
    for (i, workload) in templates.enumerate() {
        // Two, so that they are each other's siblings; of a single replica there is one.
        for j in 0..if workload.is_alone() { 1 } else { 2 } {
            let pod = pod_of(cluster, workload, (i, j), random);
            other.pods.push(pod);
        }
    }
    let mut taken: Vec<IpAddr> = asked_about(cluster);
    for i in 0..other.pods.len() {
        let address = address(cluster, &taken, random)?;
        if let Some(pod) = other.pods.get_mut(i)
            && pod.addresses.is_empty()
            && !pod.spec.host_network
            && pod.phase != Some(Phase::Pending)
        {
            pod.addresses.push(address);
            taken.push(address);
        }
    }
    name_addresses(&mut other, &taken, random);
    for namespace in &mut other.namespaces {
        namespace.declared |= random.chance(50);
    }
    order(&mut other, random);
    (other != *cluster).then_some(other)
}

/// What is outside of the cluster or known in it may be nobody else's.
fn asked_about(cluster: &Cluster) -> Vec<IpAddr> {
    let ends = flows::ends(cluster).into_iter().flat_map(|(from, to)| [from, to]);
    let mut all: Vec<IpAddr> = ends
        .filter_map(|end| match end {
            End::Address(address) => Some(address),
            _ => None,
        })
        .collect();
    all.extend(cluster.node_addresses());
    all
}

/// An address on which something depends, or any other one, where pods' addresses lie.
fn address(cluster: &Cluster, taken: &[IpAddr], random: &mut Random) -> Option<IpAddr> {
    let mut candidates: Vec<IpAddr> = Vec::new();
    for net in cluster.nets() {
        let size = net.last() - net.first();
        for _ in 0..2 {
            let number = net.first() + u128::from(random.number()) % size.saturating_add(1).max(1);
            candidates.extend(Net::address(net.family, number));
        }
    }
    candidates
        .extend((0..4).filter_map(|_| Net::address(4, u128::from(random.number() % (1 << 32)))));
    let cidrs = &cluster.pod_cidrs;
    candidates.retain(|address| {
        let inside = cidrs.is_empty() || cidrs.iter().any(|net| net.contains(*address));
        let node = cluster.node_cidrs.iter().any(|net| net.contains(*address));
        inside && !node && !taken.contains(address)
    });
    (!candidates.is_empty()).then(|| *random.pick(&candidates))
}

/// A template of which no pod is given, and that is its own topmost owner.
fn may_have_pods(cluster: &Cluster, workload: &Workload) -> bool {
    let owned = |owner: Option<&(Kind, String)>| {
        owner.is_some_and(|(kind, name)| *kind == workload.kind && *name == workload.name)
    };
    let pods = cluster.pods.iter().any(|pod| owned(pod.owner.as_ref()));
    let templates = cluster.workloads.iter().any(|one| owned(one.owner.as_ref()));
    // Pods of a StatefulSet have names and labels of their own.
    let simple = workload.kind != Kind::StatefulSet && workload.owner.is_none();
    simple && !pods && !templates && !workload.spec.host_network
}

fn pod_of(
    cluster: &Cluster,
    workload: &Workload,
    (i, j): (usize, usize),
    random: &mut Random,
) -> Pod {
    let mut labels = workload.labels.clone();
    if workload.kind == Kind::Job {
        for key in ["job-name", "batch.kubernetes.io/job-name"] {
            labels.insert(key.into(), workload.name.clone());
        }
    }
    for key in crate::oracle::hidden(workload.kind) {
        labels.insert((*key).into(), value(cluster, key, random));
    }
    Pod {
        namespace: workload.namespace.clone(),
        name: format!("completed-{i}-{j}"),
        labels: Labels::clone(&labels),
        spec: workload.spec.clone(),
        phase: Some(Phase::Running),
        addresses: Vec::new(),
        host_address: None,
        owner: Some((workload.kind, workload.name.clone())),
        created: 0,
    }
}

/// A value that some policy mentions, or another one.
fn value(cluster: &Cluster, key: &str, random: &mut Random) -> String {
    let mut values: Vec<String> =
        cluster.pod_selectors().flat_map(|s| s.values_of(key)).cloned().collect();
    values.push("completed".into());
    random.pick(&values).clone()
}

/// Some names resolve to an address that somebody has, the others to none of these.
fn name_addresses(other: &mut Cluster, taken: &[IpAddr], random: &mut Random) {
    let asked = other.cluster_policies.iter().flat_map(ClusterPolicy::domain_names);
    let mut names: Vec<String> = asked.map(|name| name.replace("*.", "some.")).collect();
    names.sort();
    names.dedup();
    if taken.is_empty() {
        return;
    }
    let known: Vec<String> = other.domains.iter().map(|(name, _)| name.to_lowercase()).collect();
    let wildcard = known.iter().any(|name| name.starts_with("*."));
    for name in names {
        let lower = name.trim_end_matches('.').to_lowercase();
        // A name below one that is known already resolves to no more than that.
        if !known.contains(&lower) && !wildcard && random.chance(70) {
            other.domains.push((lower, *random.pick(taken)));
        }
    }
}

/// Another priority for each, so that none is equal and those that were not keep their order.
fn order(other: &mut Cluster, random: &mut Random) {
    // A BaselineAdminNetworkPolicy has none of its own.
    if other.cluster_policies.iter().any(|one| one.kind() == "BaselineAdminNetworkPolicy") {
        return;
    }
    random.shuffle(&mut other.cluster_policies);
    other.cluster_policies.sort_by_key(|policy| policy.priority);
    for (policy, priority) in other.cluster_policies.iter_mut().zip(0..) {
        policy.priority = priority;
    }
}

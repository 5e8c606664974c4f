//! Clusters change: one object at a time.

use std::net::Ipv4Addr;

use portcullis_oracle::cluster::{
    Action, Cluster, ClusterTier, Direction, Labels, Phase, PolicyVersion,
};
use portcullis_oracle::generate;
use portcullis_oracle::random::Random;

/// What one object's change does to a cluster.
pub fn change(cluster: &mut Cluster, random: &mut Random) -> &'static str {
    let labels = |random: &mut Random| -> Labels {
        let value = ["x", "y", ""];
        let keys = ["app", "tier", "team"].into_iter().filter(|_| random.chance(50));
        let keys: Vec<&str> = keys.collect();
        keys.into_iter().map(|key| (key.to_owned(), (*random.pick(&value)).to_owned())).collect()
    };
    let tiered = !cluster.cluster_policies.is_empty();
    match random.below(if tiered { 21 } else { 12 }) {
        0 => {
            let policy = generate::another_policy(cluster, random.number());
            cluster.policies.push(policy);
            "policy created"
        }
        1 if !cluster.policies.is_empty() => {
            let at = random.below(cluster.policies.len());
            cluster.policies.remove(at);
            "policy deleted"
        }
        2 if !cluster.policies.is_empty() => {
            let at = random.below(cluster.policies.len());
            let other = generate::another_policy(cluster, random.number());
            if let Some(known) = cluster.policies.get_mut(at) {
                (known.ingress, known.egress) = (other.ingress, other.egress);
                (known.types, known.subject) = (other.types, other.subject);
            }
            "policy changed"
        }
        3 if !cluster.pods.is_empty() => {
            let at = random.below(cluster.pods.len());
            cluster.pods.get_mut(at).into_iter().for_each(|pod| pod.labels = labels(random));
            "pod relabelled"
        }
        4 if cluster.namespaces.iter().any(|namespace| namespace.declared) => {
            let at = random.below(cluster.namespaces.len());
            let namespace = cluster.namespaces.get_mut(at).into_iter();
            namespace.for_each(|one| one.labels = labels(random));
            "namespace relabelled"
        }
        5 if cluster.pods.len() > 1 => {
            let at = random.below(cluster.pods.len());
            cluster.pods.remove(at);
            "pod deleted"
        }
        6 => some(&mut cluster.pods, random).map_or("nothing", |pod| {
            let other = if pod.spec.node.as_deref() == Some("n1") { "n2" } else { "n1" };
            pod.spec.node = Some(other.into());
            "pod on another node"
        }),
        7 => {
            // Perhaps one that another pod has: then the newer one keeps it.
            let address = Ipv4Addr::new(10, 0, 0, *random.pick(&[1, 2, 3, 4, 5, 9]));
            let pod = some(&mut cluster.pods, random);
            pod.map_or("nothing", |pod| {
                pod.addresses = vec![address.into()];
                "pod at another address"
            })
        }
        8 => {
            let phase = *random.pick(&[Phase::Succeeded, Phase::Running, Phase::Pending]);
            let pod = some(&mut cluster.pods, random);
            pod.map_or("nothing", |pod| {
                pod.phase = Some(phase);
                "pod in another phase"
            })
        }
        9 => {
            let address = Ipv4Addr::new(192, 168, 0, *random.pick(&[1, 2, 3]));
            let node = some(&mut cluster.nodes, random);
            node.map_or("nothing", |node| {
                node.addresses = vec![address.into()];
                "node at another address"
            })
        }
        10 => {
            let ports = cluster.pods.iter().map(|pod| pod.spec.containers.clone());
            let ports = { ports }.max_by_key(|_| random.number());
            let pod = some(&mut cluster.pods, random);
            pod.zip(ports).map_or("nothing", |(pod, ports)| {
                pod.spec.containers = ports;
                "pod with other ports"
            })
        }
        12..=17 => tiered_change(cluster, random),
        18 => some(&mut cluster.nodes, random).map_or("nothing", |node| {
            node.labels = labels(random);
            "node relabelled"
        }),
        19 => some(&mut cluster.nodes, random).map_or("nothing", |node| {
            node.addresses.clear();
            "node without address"
        }),
        20 => some(&mut cluster.workloads, random).map_or("nothing", |workload| {
            workload.labels = labels(random);
            "template relabelled"
        }),
        _ => {
            let Some(mut pod) = cluster.pods.first().cloned() else { return "nothing" };
            pod.name = "new".into();
            pod.labels = labels(random);
            pod.addresses = vec![Ipv4Addr::new(10, 0, 0, 9).into()];
            pod.created = 200;
            cluster.pods.push(pod);
            "pod created"
        }
    }
}

/// What one policy's change does to a cluster that has policies for all namespaces.
fn tiered_change(cluster: &mut Cluster, random: &mut Random) -> &'static str {
    let direction = *random.pick(&Direction::BOTH);
    let rule = generate::another_tier_rule(cluster, direction, random.number());
    let at = random.below(cluster.cluster_policies.len());
    let Some(policy) = cluster.cluster_policies.get_mut(at) else { return "nothing" };
    // What an older kind has no word for is said in a newer one.
    policy.version = PolicyVersion::V1Beta1;
    let rules = policy.rules_mut(direction).get_or_insert_default();
    let place = random.below(rules.len() + 1);
    match random.below(6) {
        0 if rules.len() > 1 => {
            let last = rules.len() - 1;
            rules.swap(random.below(last), last);
            "rules reordered"
        }
        1 if place < rules.len() => {
            let actions = [Action::Accept, Action::Deny, Action::Pass];
            let action = *random.pick(&actions);
            rules.get_mut(place).into_iter().for_each(|rule| rule.action = action);
            "action changed"
        }
        2 if rules.len() > 1 => {
            rules.remove(random.below(rules.len()));
            "rule gone"
        }
        3 => {
            policy.priority = *random.pick(&[0, 3, 5, 7]);
            "priority changed"
        }
        4 => {
            let tiers = [ClusterTier::Admin, ClusterTier::Baseline];
            policy.tier = *random.pick(&tiers);
            "tier changed"
        }
        _ => {
            rules.insert(place, rule);
            "rule inserted"
        }
    }
}

fn some<'a, T>(all: &'a mut [T], random: &mut Random) -> Option<&'a mut T> {
    let at = random.below(all.len().max(1));
    all.get_mut(at)
}

//! Clusters change: one object at a time.

use std::net::Ipv4Addr;

use portcullis_oracle::cluster::{Cluster, Labels};
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
    match random.below(7) {
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

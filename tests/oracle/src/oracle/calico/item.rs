//! What Calico knows at an address, and under which labels.

use super::super::rules::{Party, PodFacts};
use super::open::Completion;
use crate::cluster::calico::{HostEndpoint, NetworkSet};
use crate::cluster::{Cluster, Labels};

/// The label of the namespace's name.
pub const NAMESPACE: &str = "projectcalico.org/namespace";
/// The label of the ServiceAccount's name.
pub const ACCOUNT: &str = "projectcalico.org/serviceaccount";
/// What stands before the keys of a namespace's labels.
pub const OF_NAMESPACE: &str = "pcns.";
/// What stands before the keys of a ServiceAccount's labels.
pub const OF_ACCOUNT: &str = "pcsa.";
/// The key of the name among both.
pub const NAME: &str = "projectcalico.org/name";

/// Names of ServiceAccounts that are longer are not a label.
const SHORTER_THAN: usize = 63;

/// A pod or a set.
#[derive(Clone, Debug)]
pub struct Item<'w> {
    /// Its labels, inherited ones among them.
    pub labels: Labels,
    /// The pod, if it is one.
    pub pod: Option<&'w PodFacts>,
}

/// §10.6: everything that Calico knows at the address of an end.
pub fn items<'w>(cluster: &Cluster, party: &'w Party, completion: &Completion) -> Vec<Item<'w>> {
    let pod = party.pod.as_ref();
    let pod = pod.map(|pod| Item { labels: of_pod(pod, completion), pod: Some(pod) });
    let sets = cluster.calico.sets.iter();
    let sets = sets.filter(|set| set.nets.iter().any(|net| net.contains(party.address)));
    let sets = sets.map(|set| Item { labels: of_set(set, completion), pod: None });
    let hosts = cluster.calico.hosts.iter();
    let hosts = hosts.filter(|host| host.addresses.contains(&party.address));
    let hosts = hosts.map(|host| Item { labels: of_host(cluster, host), pod: None });
    pod.into_iter().chain(sets).chain(hosts).collect()
}

/// §2, §8: labels of a host endpoint.
pub fn of_host(cluster: &Cluster, host: &HostEndpoint) -> Labels {
    let mut labels = host.labels.clone();
    for name in &host.profiles {
        let profile = cluster.calico.profiles.iter().find(|profile| profile.name == *name);
        for (key, value) in profile.iter().flat_map(|profile| &profile.labels) {
            labels.entry(key.clone()).or_insert_with(|| value.clone());
        }
    }
    labels
}

/// §2, §10.2: labels of a pod.
fn of_pod(pod: &PodFacts, completion: &Completion) -> Labels {
    let mut labels = pod.labels.clone();
    labels.retain(|key, _| !key.starts_with(OF_NAMESPACE) && !key.starts_with(OF_ACCOUNT));
    labels.insert(NAMESPACE.into(), pod.namespace.clone());
    labels.insert("projectcalico.org/orchestrator".into(), "k8s".into());
    if pod.account.len() < SHORTER_THAN {
        labels.insert(ACCOUNT.into(), pod.account.clone());
    }
    let account = completion.account(&pod.namespace, &pod.account);
    inherit(&mut labels, (OF_NAMESPACE, &pod.namespace), &pod.namespace_labels);
    inherit(&mut labels, (OF_ACCOUNT, &pod.account), account);
    labels
}

/// §2: labels of a set.
fn of_set(set: &NetworkSet, completion: &Completion) -> Labels {
    let mut labels = set.real_labels().clone();
    if let Some(namespace) = &set.namespace {
        labels.insert(NAMESPACE.into(), namespace.clone());
        inherit(&mut labels, (OF_NAMESPACE, namespace), completion.namespace(namespace));
    }
    labels
}

/// What is there already stays.
fn inherit(labels: &mut Labels, (prefix, name): (&str, &str), from: &Labels) {
    let name = (NAME.to_owned(), name.to_owned());
    let inherited = [name].into_iter().chain(from.clone().into_iter().filter(|(k, _)| k != NAME));
    for (key, value) in inherited {
        labels.entry(format!("{prefix}{key}")).or_insert(value);
    }
}

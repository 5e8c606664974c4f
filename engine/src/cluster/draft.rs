//! Endpoints on their way into the model, and which of them has an address that two claim.

use std::net::IpAddr;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::owner::WorkloadKey;
use super::{Addresses, Life, hidden};
use crate::manifest::{LabelList, NamedPort, Object, Phase, PodSpec, PodStatus};

/// An endpoint before its workload and group have numbers.
pub struct Draft {
    /// Its workload.
    pub workload: WorkloadKey,
    /// Its name.
    pub name: Arc<str>,
    /// Its labels, sorted by key.
    pub labels: LabelList,
    /// Keys of labels that are there with values that are not known.
    pub hidden: &'static [&'static str],
    /// Its named ports.
    pub ports: Vec<NamedPort>,
    /// Whether it uses its node's network.
    pub host_network: bool,
    /// The name of its ServiceAccount; none means `default`.
    pub account: Option<Arc<str>>,
    /// Its node, where known.
    pub node: Option<Arc<str>>,
    /// Its addresses.
    pub addresses: Addresses,
    /// Whether it stands for pods that are not in the input.
    pub template: bool,
    /// Where it is in its life.
    pub life: Life,
    /// The pod, or the workload with the template.
    pub object: Arc<Object>,
}

/// What pods that are made from a template do not have from it.
pub struct Templated {
    /// Their workload.
    pub workload: WorkloadKey,
    /// The name that stands for them.
    pub name: Arc<str>,
    /// Their labels.
    pub labels: LabelList,
    /// Keys of labels that they have besides, with values that are not known.
    pub hidden: hidden::Keys,
}

/// Pods that a workload makes from its template, as an endpoint.
pub fn template(object: &Arc<Object>, pod: &PodSpec, one: Templated) -> Draft {
    let Templated { workload: root, name, labels, hidden } = one;
    let host_network = pod.host_network;
    Draft {
        workload: root,
        name,
        labels,
        hidden,
        ports: pod.ports.clone(),
        host_network,
        account: pod.account.clone(),
        node: pod.node_name.clone(),
        addresses: if host_network { Addresses::SomeNode } else { Addresses::SomePod },
        template: true,
        life: Life::Active,
        object: object.clone(),
    }
}

/// Where a pod is in its life.
///
/// # Source
/// NetworkPolicy §11.
pub fn life(status: &PodStatus) -> Life {
    match (status.phase, status.addresses.is_empty()) {
        (Some(Phase::Finished), _) => Life::Finished,
        (Some(Phase::Pending), true) => Life::NoAddress,
        _ => Life::Active,
    }
}

/// Of pods that claim one address, the unfinished and newest has it; the others do without it.
///
/// # Source
/// NetworkPolicy §11.
pub fn settle_shared_addresses(drafts: &mut [Draft]) {
    let mut holders: FxHashMap<IpAddr, usize> = FxHashMap::default();
    let mut shared = false;
    for (i, draft) in drafts.iter().enumerate() {
        for address in claims(draft) {
            let other = *holders.entry(*address).or_insert(i);
            shared |= other != i;
            if drafts.get(other).is_some_and(|other| birth(draft) > birth(other)) {
                holders.insert(*address, i);
            }
        }
    }
    if !shared {
        return;
    }
    for (i, draft) in drafts.iter_mut().enumerate() {
        let claimed = claims(draft);
        let held: Arc<[IpAddr]> =
            claimed.iter().copied().filter(|address| holders.get(address) == Some(&i)).collect();
        if held.len() == claimed.len() {
            continue;
        }
        if held.is_empty() {
            draft.life = Life::NoAddress;
        } else {
            draft.addresses = Addresses::Known(held);
        }
    }
}

/// The addresses that a pod has for itself.
fn claims(draft: &Draft) -> &[IpAddr] {
    match &draft.addresses {
        Addresses::Known(addresses) if !draft.host_network && draft.life == Life::Active => {
            addresses
        }
        _ => &[],
    }
}

/// Newer pods have the greater one; of equal ones the name decides, so that the order does not.
fn birth(draft: &Draft) -> (Option<&str>, &str, &str) {
    (draft.object.meta.created.as_deref(), &draft.workload.0, &draft.name)
}

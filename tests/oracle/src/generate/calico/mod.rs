//! Clusters with Calico's policies, in which as much as possible collides.

mod expression;
mod host;
mod policy;
mod rule;

pub use host::hosts;

use std::net::IpAddr;

use super::{Flavour, Maker, V4, V6};
use crate::cluster::calico::{Account, Annotation, CalicoTier, Group, NetworkSet, Order, TierEnd};
use crate::cluster::{
    Cluster, ClusterPolicy, Labels, Namespace, Net, Phase, Pod, PodsOf, Policy, Spec, TierPeer,
};
use crate::random::Random;

const NAMESPACES: [&str; 4] = ["a", "b", "c", "d"];
const VALUES: [&str; 3] = ["x", "y", "xy"];
const TIERS: [&str; 3] = ["app", "ops", "sec"];
/// The last one is too long to be a label.
const ACCOUNTS: [&str; 3] =
    ["default", "sa1", "sa-with-a-name-of-sixty-three-letters-which-is-too-long-for-a-label"];
/// Names of policies of all sorts: some begin alike, with a sign behind that sorts before `/`.
const NAMES: [&str; 5] = ["p", "p-1", "pa", "b", "q"];

/// The cluster of a seed, with policies of Calico's, of Kubernetes and for all namespaces.
pub fn calico(seed: u64) -> Cluster {
    let mut random = Random::new(seed ^ 0x6361_6c69_636f);
    let flavour = Flavour {
        six: random.chance(20),
        controllers: &[],
        size: 5,
        blocks: *random.pick(&[0, 25, 50]),
        host_addresses: false,
    };
    Maker { random, flavour, cluster: Cluster::default() }.calico()
}

/// A further rule for a policy of Calico's.
pub fn another_calico_rule(cluster: &Cluster, seed: u64) -> crate::cluster::calico::CalicoRule {
    super::maker(cluster, seed).calico_rule()
}

impl Maker {
    fn calico(mut self) -> Cluster {
        // What is not in the input has many worlds: one namespace or account at most.
        let missing = self.random.below(12);
        self.calico_namespaces(missing == 0);
        if self.random.chance(40) {
            super::Maker::nodes(&mut self);
        }
        for i in 0..self.random.between(3, 8) {
            self.calico_pod(i);
        }
        self.accounts(missing == 1);
        self.calico_tiers();
        for i in 0..*self.random.pick(&[0, 1, 2, 2, 3]) {
            self.network_set(i);
        }
        for _ in 0..self.random.between(1, 8) {
            self.another_policy();
        }
        if self.random.chance(20) {
            self.tie();
        }
        for _ in 0..*self.random.pick(&[0, 0, 1, 1, 2]) {
            self.kubernetes_policy();
        }
        for i in 0..*self.random.pick(&[0, 0, 0, 1, 2]) {
            self.policy_for_all(i);
        }
        self.cluster
    }

    fn calico_namespaces(&mut self, missing: bool) {
        let count = self.random.between(2, 4);
        for name in NAMESPACES.iter().take(count) {
            let labels = self.calico_labels(&["team", "tier"]);
            let declared = !(missing && *name == "b");
            self.cluster.namespaces.push(Namespace { name: (*name).into(), labels, declared });
        }
    }

    /// Each key absent, or with one of a few values.
    fn calico_labels(&mut self, keys: &[&str]) -> Labels {
        let mut labels = Labels::new();
        for key in keys {
            if self.random.chance(65) {
                labels.insert((*key).into(), (*self.random.pick(&VALUES)).into());
            }
        }
        labels
    }

    fn calico_pod(&mut self, i: usize) {
        let mut labels = self.calico_labels(&["app", "tier"]);
        if self.random.chance(6) {
            // Calico drops it.
            let key = *self.random.pick(&["pcns.team", "pcsa.role", "pcns.other"]);
            labels.insert(key.into(), (*self.random.pick(&VALUES)).into());
        }
        let account = match self.random.below(20) {
            0..=9 => None,
            10 => Some(ACCOUNTS[2].into()),
            11 | 12 => Some(ACCOUNTS[0].into()),
            _ => Some(ACCOUNTS[1].into()),
        };
        let mut spec = Spec {
            host_network: self.random.chance(4),
            account,
            containers: vec![self.container(false)],
            ..Spec::default()
        };
        if spec.host_network && !self.cluster.nodes.is_empty() {
            spec.node = Some("n1".into());
        }
        let addresses = self.calico_addresses(&spec);
        let pod = Pod {
            namespace: self.namespace(),
            name: format!("p{i}"),
            labels,
            spec,
            phase: Some(if self.random.chance(4) { Phase::Succeeded } else { Phase::Running }),
            addresses,
            host_address: None,
            owner: None,
            created: u8::try_from(i).unwrap_or(0),
        };
        self.cluster.pods.push(pod);
    }

    /// Of its own, seldom not known.
    fn calico_addresses(&mut self, spec: &Spec) -> Vec<IpAddr> {
        if spec.host_network {
            return self.addresses(spec);
        }
        let unknown = self.cluster.pods.iter().any(|pod| pod.addresses.is_empty());
        if !unknown && self.random.chance(4) {
            return Vec::new();
        }
        let taken = |a: &IpAddr| self.cluster.pods.iter().any(|pod| pod.addresses.contains(a));
        let free = |pool: &[&str]| {
            let all = pool.iter().filter_map(|text| text.parse::<IpAddr>().ok());
            all.filter(|address| !taken(address)).collect::<Vec<_>>()
        };
        let four = free(V4.get(..8).unwrap_or(&V4));
        let six = free(V6.get(..5).unwrap_or(&V6));
        let kind = if self.flavour.six { self.random.below(6) } else { 0 };
        let mut addresses = Vec::new();
        if kind != 1 && !four.is_empty() {
            addresses.push(*self.random.pick(&four));
        }
        if (kind == 1 || kind > 3) && !six.is_empty() {
            addresses.push(*self.random.pick(&six));
        }
        addresses
    }

    fn accounts(&mut self, missing: bool) {
        let spaces: Vec<String> =
            self.cluster.namespaces.iter().map(|one| one.name.clone()).collect();
        for namespace in spaces {
            for name in ACCOUNTS {
                if missing && namespace == "a" && name == "default" {
                    continue;
                }
                let labels = self.calico_labels(&["role"]);
                let (namespace, name) = (namespace.clone(), name.into());
                self.cluster.calico.accounts.push(Account { namespace, name, labels });
            }
        }
    }

    fn group(&mut self) -> Group {
        if self.random.chance(70) { Group::Public } else { Group::Stored }
    }

    fn calico_tiers(&mut self) {
        const ORDERS: [Option<Order>; 9] = [
            None,
            Some(Order(11)),
            Some(Order::whole(-1)),
            Some(Order::whole(100)),
            Some(Order::whole(1_000)),
            Some(Order::whole(1_000_000)),
            Some(Order::whole(1_000_001)),
            Some(Order::whole(10_000_000)),
            Some(Order::whole(10_000_001)),
        ];
        const ENDS: [Option<TierEnd>; 4] =
            [None, Some(TierEnd::Deny), Some(TierEnd::Pass), Some(TierEnd::Pass)];
        let count = *self.random.pick(&[0, 1, 1, 2]);
        for _ in 0..count {
            let name = *self.random.pick(&TIERS);
            if self.cluster.calico.tiers.iter().any(|tier| tier.name == name) {
                continue;
            }
            let (order, end) = (*self.random.pick(&ORDERS), *self.random.pick(&ENDS));
            let (group, name) = (self.group(), name.into());
            self.cluster.calico.tiers.push(CalicoTier { group, name, order, end });
        }
        if self.random.chance(10) {
            let (group, order, end) = (self.group(), Some(Order::whole(1_000_000)), None);
            let name = "default".into();
            self.cluster.calico.tiers.push(CalicoTier { group, name, order, end });
        }
    }

    fn network_set(&mut self, i: usize) {
        let group = self.group();
        let namespace = self.random.chance(50).then(|| self.namespace());
        let mut labels = self.calico_labels(&["app", "feed"]);
        if self.random.chance(25) {
            // Here it stays, as an own label that beats an inherited one.
            labels.insert("pcns.team".into(), (*self.random.pick(&VALUES)).into());
        }
        let annotation = (group == Group::Stored && self.random.chance(15)).then(|| {
            let labels = self.calico_labels(&["app", "feed"]);
            Annotation { name: self.random.chance(50).then(|| format!("real-{i}")), labels }
        });
        let mut nets: Vec<Net> = Vec::new();
        for _ in 0..self.random.between(1, 3) {
            let net = self.net();
            if !nets.contains(&net) {
                nets.push(net);
            }
        }
        let name = format!("set{i}");
        let set = NetworkSet { group, namespace, name, labels, annotation, nets };
        self.cluster.calico.sets.push(set);
    }

    /// A policy of Kubernetes, whose name may be that of another.
    fn kubernetes_policy(&mut self) {
        let policy = self.policy(0);
        let policy = Policy { name: (*self.random.pick(&NAMES)).into(), ..policy };
        let taken = |one: &Policy| one.namespace == policy.namespace && one.name == policy.name;
        if !self.cluster.policies.iter().any(taken) {
            self.cluster.policies.push(policy);
        }
    }

    /// A ClusterNetworkPolicy without nodes and domain names, which have worlds of their own.
    fn policy_for_all(&mut self, i: usize) {
        let mut policy: ClusterPolicy = self.cluster_policy(i);
        for rule in [&mut policy.ingress, &mut policy.egress].into_iter().flatten().flatten() {
            let simple =
                |peer: &TierPeer| matches!(peer, TierPeer::Pods(_) | TierPeer::Networks(_));
            rule.peers.retain(simple);
            if rule.peers.is_empty() {
                rule.peers.push(TierPeer::Pods(PodsOf::Namespaces(Default::default())));
            }
        }
        let mut others = self.cluster.cluster_policies.iter();
        if !others.any(|one| one.kind() == policy.kind() && one.name == policy.name) {
            self.cluster.cluster_policies.push(policy);
        }
    }
}

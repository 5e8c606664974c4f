//! Clusters with host endpoints: every pod has a node.

use std::net::IpAddr;

use super::super::{Flavour, Maker, V4};
use super::VALUES;
use crate::cluster::calico::{
    CalicoAction, CalicoRule, Failsafe, Felix, HostEndpoint, HostStage, Profile, ToHost,
};
use crate::cluster::{Cluster, Labels, Node, Protocol};
use crate::random::Random;

const NODES: [&str; 3] = ["n1", "n2", "n3"];
/// Names of host endpoints: which of two counts depends on them.
const NAMES: [&str; 5] = ["c", "a", "d", "b", "e"];

/// The cluster of a seed, with host endpoints and policies that may select them.
pub fn hosts(seed: u64) -> Cluster {
    let mut random = Random::new(seed ^ 0x686f_7374);
    let flavour = Flavour {
        six: false,
        controllers: &[],
        size: 4,
        blocks: *random.pick(&[0, 25, 50]),
        host_addresses: false,
    };
    Maker { random, flavour, cluster: Cluster::default() }.hosts()
}

impl Maker {
    fn hosts(mut self) -> Cluster {
        self.calico_namespaces(false);
        for (i, name) in NODES.iter().enumerate() {
            let mut addresses: Vec<IpAddr> = Vec::new();
            addresses.extend(V4.get(8 + i).and_then(|text| text.parse::<IpAddr>().ok()));
            self.cluster.nodes.push(Node {
                name: (*name).into(),
                labels: Labels::new(),
                addresses,
            });
        }
        for i in 0..self.random.between(2, 4) {
            self.calico_pod(i);
        }
        for pod in &mut self.cluster.pods {
            let node = *self.random.pick(&NODES);
            pod.spec.node = Some(node.into());
            if pod.spec.host_network {
                let known = self.cluster.nodes.iter().find(|known| known.name == node);
                pod.addresses = known.map(|node| node.addresses.clone()).unwrap_or_default();
            }
        }
        // One whose address is not known may have that of a host endpoint.
        self.cluster.pods.retain(|pod| !pod.addresses.is_empty());
        self.accounts(false);
        self.calico_tiers();
        for i in 0..*self.random.pick(&[0, 1, 2]) {
            self.network_set(i);
        }
        for (i, name) in NAMES.iter().enumerate().take(self.random.between(1, 4)) {
            self.host_endpoint(name, i);
        }
        self.profiles();
        self.felix();
        for _ in 0..self.random.between(1, 6) {
            self.another_policy();
        }
        self.for_hosts();
        self.cluster
    }

    fn host_endpoint(&mut self, name: &str, i: usize) {
        let node = *self.random.pick(&NODES);
        let known = self.cluster.nodes.iter().find(|known| known.name == node);
        let own = known.map(|node| node.addresses.clone()).unwrap_or_default();
        let interface = match self.random.below(8) {
            0..=3 => Some("*"),
            4 | 5 => Some("eth0"),
            6 => Some("eth1"),
            _ => None,
        };
        let other = || format!("192.0.2.{}", i + 1).parse().into_iter().collect();
        let addresses: Vec<IpAddr> = match (interface, self.random.below(4)) {
            (None, 0) => other(),
            (_, 0 | 1) | (None, _) => own,
            (_, 2) => other(),
            (_, _) => Vec::new(),
        };
        let profiles = ["one", "projectcalico-default-allow", "two", "gone"];
        let profiles = (0..*self.random.pick(&[0, 0, 1, 1, 2]))
            .map(|_| (*self.random.pick(&profiles)).to_owned());
        let mut profiles: Vec<String> = profiles.collect();
        profiles.dedup();
        if profiles.len() == 2 && profiles.first() == profiles.last() {
            profiles.pop();
        }
        let labels = self.calico_labels(&["app", "host"]);
        let (name, node) = (name.into(), node.into());
        let interface = interface.map(Into::into);
        let host = HostEndpoint { name, labels, node, interface, addresses, profiles };
        self.cluster.calico.hosts.push(host);
    }

    fn profiles(&mut self) {
        for name in ["one", "two"] {
            let mut rules = || -> Vec<CalicoRule> {
                let count = self.random.between(0, 2);
                let rules = (0..count).map(|_| self.calico_rule());
                let decides = |rule: &CalicoRule| {
                    matches!(rule.action, CalicoAction::Allow | CalicoAction::Deny)
                };
                rules.filter(decides).collect()
            };
            let (ingress, egress) = (rules(), rules());
            let labels = self.calico_labels(&["tier"]);
            let profile = Profile { name: name.into(), labels, ingress, egress };
            self.cluster.calico.profiles.push(profile);
        }
    }

    fn felix(&mut self) {
        for name in ["default", "node.n1"] {
            if self.random.chance(50) {
                continue;
            }
            let mut ports = || {
                let chance = self.random.chance(50);
                chance.then(|| {
                    let count = self.random.below(3);
                    (0..count).map(|_| self.failsafe()).collect::<Vec<Failsafe>>()
                })
            };
            let (inbound, outbound) = (ports(), ports());
            let to_host = *self.random.pick(&[None, Some(ToHost::Accept), Some(ToHost::Drop)]);
            self.cluster.calico.felix.push(Felix { name: name.into(), inbound, outbound, to_host });
        }
    }

    fn failsafe(&mut self) -> Failsafe {
        let net = self.random.chance(30).then(|| self.net());
        let protocol = *self.random.pick(&[Protocol::Tcp, Protocol::Udp]);
        Failsafe { protocol, port: *self.random.pick(&[22, 80, 443, 8080]), net }
    }

    /// Makes policies in no namespace more often ones for hosts.
    fn for_hosts(&mut self) {
        for at in 0..self.cluster.calico.policies.len() {
            let stage = match self.random.below(10) {
                0..=2 => Some(HostStage::Forward),
                3 | 4 => Some(HostStage::BeforeDnat),
                5 => Some(HostStage::Untracked),
                _ => None,
            };
            let value = *self.random.pick(&VALUES);
            let is_changed = self.random.chance(60);
            let Some(policy) = self.cluster.calico.policies.get_mut(at) else { continue };
            if policy.namespace.is_some() || !is_changed {
                continue;
            }
            policy.stage = stage;
            if value == "x" {
                policy.selector = None;
                policy.namespaces = None;
            }
            if stage == Some(HostStage::BeforeDnat) {
                policy.egress = None;
                policy.types = Some(vec![crate::cluster::Direction::Ingress]);
            }
        }
    }
}

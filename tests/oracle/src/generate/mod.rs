//! Small clusters in which as much as possible collides.

mod calico;
mod policy;
mod tiered;

pub use calico::{another_calico_rule, calico, hosts};

use std::net::IpAddr;

use crate::cluster::{
    Cluster, Container, ContainerPort, Direction, Kind, Labels, Namespace, Net, Node, Owner, Phase,
    Pod, Policy, Protocol, Rule, Spec, TierRule, Workload,
};
use crate::random::Random;

const NAMESPACES: [&str; 3] = ["a", "b", "c"];
const VALUES: [&str; 3] = ["x", "y", ""];
const PORT_NAMES: [&str; 2] = ["web", "api"];
const PORTS: [u16; 7] = [1, 79, 80, 81, 443, 8080, 65535];
const NODES: [&str; 2] = ["n1", "n2"];

/// Addresses close to each other: of pods, of nodes and of nobody.
const V4: [&str; 12] = [
    "10.0.0.0",
    "10.0.0.1",
    "10.0.0.2",
    "10.0.0.3",
    "10.0.0.4",
    "10.0.0.7",
    "10.0.0.8",
    "10.0.1.0",
    "192.168.0.1",
    "192.168.0.2",
    "203.0.113.9",
    "255.255.255.255",
];
const V6: [&str; 8] =
    ["fd00::", "fd00::1", "fd00::2", "fd00::3", "fd00::7", "fd00:1::1", "fd00:1::2", "2001:db8::9"];

/// Keys that controllers set, as policies of one cluster ask for them.
const CONTROLLER_KEYS: [&[&str]; 6] = [
    &["pod-template-hash"],
    &["controller-revision-hash"],
    &["job-name", "controller-uid"],
    &["statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index"],
    &["pod-template-hash", "controller-revision-hash", "apps.kubernetes.io/pod-index"],
    &["controller-uid", "batch.kubernetes.io/controller-uid", "job-name"],
];

/// What a cluster is made of.
#[derive(Clone, Copy, Debug)]
struct Flavour {
    /// Both families rather than IPv4 alone.
    six: bool,
    /// Selectors ask for these labels, which controllers set.
    controllers: &'static [&'static str],
    /// How many pods and policies there are at most.
    size: usize,
    /// Blocks of addresses: how many of a hundred peers.
    blocks: usize,
    /// Pods say on which host's address they are.
    host_addresses: bool,
}

/// The cluster of a seed, with NetworkPolicies alone.
pub fn cluster(seed: u64) -> Cluster {
    let mut random = Random::new(seed);
    let flavour = flavour(&mut random);
    Maker { random, flavour, cluster: Cluster::default() }.make()
}

/// The cluster of a seed; two of three have policies for all namespaces as well, and what these
/// ask for: labels of nodes, domain names.
pub fn mixed(seed: u64) -> Cluster {
    let cluster = cluster(seed);
    if seed.is_multiple_of(3) {
        return cluster;
    }
    // Selectors of both sorts of policies ask for the same labels.
    let flavour = flavour(&mut Random::new(seed));
    Maker { random: Random::new(seed ^ 0x7169_6572), flavour, cluster }.tiers()
}

fn flavour(random: &mut Random) -> Flavour {
    Flavour {
        six: random.chance(40),
        controllers: CONTROLLER_KEYS.get(random.below(24)).copied().unwrap_or_default(),
        size: if random.chance(8) { 12 } else { 5 },
        blocks: *random.pick(&[0, 25, 50]),
        host_addresses: random.chance(20),
    }
}

/// A further policy for a cluster, whose subject and types may be set afterwards.
pub fn another_policy(cluster: &Cluster, seed: u64) -> Policy {
    maker(cluster, seed).policy(99)
}

/// A further rule for a policy of a cluster.
pub fn another_rule(cluster: &Cluster, seed: u64) -> Rule {
    maker(cluster, seed).rule()
}

/// A further rule for a policy for all namespaces.
pub fn another_tier_rule(cluster: &Cluster, direction: Direction, seed: u64) -> TierRule {
    maker(cluster, seed).tier_rule(direction)
}

fn maker(cluster: &Cluster, seed: u64) -> Maker {
    let flavour =
        Flavour { six: true, controllers: &[], size: 5, blocks: 40, host_addresses: false };
    Maker { random: Random::new(seed), flavour, cluster: cluster.clone() }
}

struct Maker {
    random: Random,
    flavour: Flavour,
    cluster: Cluster,
}

impl Maker {
    fn make(mut self) -> Cluster {
        self.namespaces();
        self.nodes();
        let most = if self.flavour.controllers.is_empty() { 3 } else { 4 };
        for i in 0..self.random.between(0, most) {
            self.workload(i);
        }
        for i in 0..self.random.between(1, self.flavour.size) {
            self.pod(i);
        }
        for i in 0..self.random.between(1, self.flavour.size) {
            let policy = self.policy(i);
            self.cluster.policies.push(policy);
        }
        self.ranges();
        self.cluster
    }

    fn namespaces(&mut self) {
        let count = self.random.between(1, 3);
        for name in NAMESPACES.iter().take(count) {
            let mut labels = self.labels(&["team", "tier"]);
            if self.random.chance(10) {
                labels.insert("kubernetes.io/metadata.name".into(), "wrong".into());
            }
            let declared = self.random.chance(85);
            let name = (*name).into();
            self.cluster.namespaces.push(Namespace { name, labels, declared });
        }
    }

    fn nodes(&mut self) {
        let count = *self.random.pick(&[0, 1, 2, 2]);
        for (i, name) in NODES.iter().take(count).enumerate() {
            let mut addresses: Vec<IpAddr> = Vec::new();
            addresses.extend(V4.get(8 + i).and_then(|a| a.parse::<IpAddr>().ok()));
            if self.flavour.six {
                addresses.extend(V6.get(5 + i).and_then(|a| a.parse::<IpAddr>().ok()));
            }
            let (name, labels) = ((*name).into(), Labels::new());
            self.cluster.nodes.push(Node { name, labels, addresses });
        }
    }

    /// Each key absent, empty, or with one of a few values.
    fn labels(&mut self, keys: &[&str]) -> Labels {
        let mut labels = Labels::new();
        for key in keys {
            if self.random.chance(60) {
                labels.insert((*key).into(), (*self.random.pick(&VALUES)).into());
            }
        }
        labels
    }

    fn pod_labels(&mut self) -> Labels {
        let mut labels = self.labels(&["app", "tier"]);
        if !self.flavour.controllers.is_empty() && self.random.chance(20) {
            let key = *self.random.pick(self.flavour.controllers);
            labels.insert(key.into(), (*self.random.pick(&VALUES)).into());
        }
        labels
    }

    fn namespace(&mut self) -> String {
        let names: Vec<String> =
            self.cluster.namespaces.iter().map(|one| one.name.clone()).collect();
        self.random.pick(&names).clone()
    }

    fn workload(&mut self, i: usize) {
        const KINDS: [Kind; 6] = [
            Kind::Deployment,
            Kind::ReplicaSet,
            Kind::StatefulSet,
            Kind::DaemonSet,
            Kind::Job,
            Kind::CronJob,
        ];
        let kind =
            if self.random.chance(40) { Kind::Deployment } else { *self.random.pick(&KINDS) };
        let has_replicas = !matches!(kind, Kind::DaemonSet | Kind::Job | Kind::CronJob);
        let replicas = [None, Some(0), Some(1), Some(2), Some(3)];
        let workload = Workload {
            kind,
            namespace: self.namespace(),
            name: format!("w{i}"),
            first: if kind == Kind::StatefulSet && self.random.chance(20) { Some(1) } else { None },
            replicas: if has_replicas { *self.random.pick(&replicas) } else { None },
            labels: self.pod_labels(),
            spec: self.spec(),
            owner: None,
        };
        self.cluster.workloads.push(workload);
        if kind == Kind::Deployment && self.random.chance(25) {
            self.replica_set(i);
        }
    }

    /// The ReplicaSet of the last Deployment, which may itself be missing.
    fn replica_set(&mut self, i: usize) {
        let Some(above) = self.cluster.workloads.pop() else { return };
        let owned = Workload {
            kind: Kind::ReplicaSet,
            name: format!("w{i}-7f"),
            labels: self.pod_labels(),
            owner: Some((above.kind, above.name.clone())),
            ..above.clone()
        };
        if self.random.chance(60) {
            self.cluster.workloads.push(above);
        }
        self.cluster.workloads.push(owned);
    }

    fn spec(&mut self) -> Spec {
        Spec {
            host_network: self.random.chance(12),
            node: self.random.chance(50).then(|| (*self.random.pick(&NODES)).into()),
            account: None,
            containers: (0..self.random.between(0, 2)).map(|_| self.container(false)).collect(),
            init: (0..self.random.below(2)).map(|_| self.container(true)).collect(),
        }
    }

    fn container(&mut self, init: bool) -> Container {
        let mut ports: Vec<ContainerPort> = Vec::new();
        for _ in 0..self.random.between(0, 3) {
            let name = self.random.chance(80).then(|| (*self.random.pick(&PORT_NAMES)).into());
            let port = ContainerPort {
                name,
                number: *self.random.pick(&PORTS),
                protocol: self.protocol(),
            };
            // Names are unique within a container; between containers they may be the same.
            if port.name.is_none() || ports.iter().all(|other| other.name != port.name) {
                ports.push(port);
            }
        }
        Container { ports, always: init && self.random.chance(50) }
    }

    fn protocol(&mut self) -> Option<Protocol> {
        *self.random.pick(&[None, Some(Protocol::Tcp), Some(Protocol::Udp), Some(Protocol::Sctp)])
    }

    fn pod(&mut self, i: usize) {
        let spec = self.spec();
        let (namespace, owner) = self.owner();
        let phases = [
            None,
            Some(Phase::Running),
            Some(Phase::Running),
            Some(Phase::Running),
            Some(Phase::Pending),
            Some(Phase::Unknown),
            Some(Phase::Succeeded),
            Some(Phase::Failed),
        ];
        let pod = Pod {
            namespace,
            name: format!("p{i}"),
            labels: self.pod_labels(),
            addresses: self.addresses(&spec),
            host_address: self.host_address(&spec),
            phase: *self.random.pick(&phases),
            spec,
            owner,
            created: u8::try_from(i).unwrap_or(0),
        };
        let twin = self.random.chance(15).then(|| pod.clone());
        self.cluster.pods.push(pod);
        if let Some(pod) = twin {
            self.twin(pod);
        }
    }

    /// A second pod that only its name and addresses tell from the first.
    fn twin(&mut self, pod: Pod) {
        let addresses = self.addresses(&pod.spec);
        let name = format!("{}-twin", pod.name);
        self.cluster.pods.push(Pod { name, addresses, ..pod });
    }

    /// A namespace, and an owner in it that may or may not be in the input.
    fn owner(&mut self) -> (String, Option<Owner>) {
        if self.random.chance(70) {
            return (self.namespace(), None);
        }
        let known: Vec<(String, Owner)> = self
            .cluster
            .workloads
            .iter()
            .map(|w| (w.namespace.clone(), (w.kind, w.name.clone())))
            .collect();
        if known.is_empty() || self.random.chance(25) {
            return (self.namespace(), Some((Kind::ReplicaSet, "gone".into())));
        }
        let (namespace, owner) = self.random.pick(&known).clone();
        (namespace, Some(owner))
    }

    fn addresses(&mut self, spec: &Spec) -> Vec<IpAddr> {
        if spec.host_network {
            let node =
                self.cluster.nodes.iter().find(|node| Some(&node.name) == spec.node.as_ref());
            let known = node.map(|node| node.addresses.clone()).unwrap_or_default();
            return if self.random.chance(60) { known } else { Vec::new() };
        }
        let four = self.random.pick(V4.get(..8).unwrap_or(&V4)).parse();
        let six = self.random.pick(V6.get(..5).unwrap_or(&V6)).parse();
        let kind = if self.flavour.six { self.random.below(8) } else { self.random.below(4) };
        let chosen = match kind {
            0 => vec![],
            1..=4 => vec![four],
            5 => vec![six],
            6 => vec![six, four],
            _ => vec![four, six],
        };
        let chosen = chosen.into_iter().flatten();
        // An address is seldom another pod's too.
        let seldom = self.random.chance(10);
        let taken = |a: &IpAddr| self.cluster.pods.iter().any(|pod| pod.addresses.contains(a));
        chosen.filter(|address| seldom || !taken(address)).collect()
    }

    fn host_address(&mut self, spec: &Spec) -> Option<IpAddr> {
        if !self.flavour.host_addresses {
            return None;
        }
        let at = NODES.iter().position(|name| Some(*name) == spec.node.as_deref())?;
        V4.get(8 + at)?.parse().ok()
    }

    fn ranges(&mut self) {
        let four = |text: &str, prefix| text.parse().ok().map(|a: IpAddr| Net::of(a, prefix));
        if self.random.chance(20) {
            let prefix = *self.random.pick(&[29, 24, 16, 8]);
            self.cluster.pod_cidrs.extend(four("10.0.0.0", prefix));
            if self.flavour.six && self.random.chance(50) {
                self.cluster.pod_cidrs.extend(four("fd00::", 64));
            }
            if self.random.chance(20) {
                self.cluster.pod_cidrs.extend(four("10.0.1.0", 24));
            }
        }
        if self.random.chance(15) {
            self.cluster.node_cidrs.extend(four("192.168.0.0", *self.random.pick(&[24, 30, 16])));
        }
    }
}

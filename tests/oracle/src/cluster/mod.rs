//! A cluster as plain data: everything that policies can see, and nothing that the engine knows.

mod audits;
pub mod calico;
mod net;
mod tiered;
mod workload;

pub use audits::{Audits, Mode};
pub use calico::Calico;
pub use net::{Net, family_of, number_of};
pub use tiered::{Action, ClusterPolicy, ClusterTier, PodsOf, PolicyVersion};
pub use tiered::{TierPeer, TierPort, TierRule};
pub use workload::{Kind, Workload};

use std::collections::BTreeMap;
use std::net::IpAddr;

/// Labels of an object.
pub type Labels = BTreeMap<String, String>;

/// A cluster, with what the command line says of addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cluster {
    /// Namespaces that objects are in or that are declared.
    pub namespaces: Vec<Namespace>,
    /// Nodes.
    pub nodes: Vec<Node>,
    /// Pods given as such.
    pub pods: Vec<Pod>,
    /// Workloads with a template.
    pub workloads: Vec<Workload>,
    /// NetworkPolicies.
    pub policies: Vec<Policy>,
    /// Policies for all namespaces.
    pub cluster_policies: Vec<ClusterPolicy>,
    /// `--pod-cidr`.
    pub pod_cidrs: Vec<Net>,
    /// `--node-cidr`.
    pub node_cidrs: Vec<Net>,
    /// `--domain`: names and addresses that they resolve to.
    pub domains: Vec<(String, IpAddr)>,
    /// Annotations that say which policies are only audited.
    pub audits: Audits,
    /// What it has of Calico's kinds, and ServiceAccounts, which only those ask for.
    pub calico: Calico,
}

/// A namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace {
    /// Name.
    pub name: String,
    /// Labels as written.
    pub labels: Labels,
    /// Whether the input has the object.
    pub declared: bool,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Name.
    pub name: String,
    /// Labels.
    pub labels: Labels,
    /// Addresses; none: the input does not tell them.
    pub addresses: Vec<IpAddr>,
}

/// Where a pod is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not yet running.
    Pending,
    /// Running.
    Running,
    /// Its node does not answer.
    Unknown,
    /// Finished well.
    Succeeded,
    /// Finished badly.
    Failed,
}

/// What pods and templates have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spec {
    /// `hostNetwork`.
    pub host_network: bool,
    /// `nodeName`.
    pub node: Option<String>,
    /// `serviceAccountName`.
    pub account: Option<String>,
    /// `containers`.
    pub containers: Vec<Container>,
    /// `initContainers`.
    pub init: Vec<Container>,
}

/// A container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Container {
    /// `ports`.
    pub ports: Vec<ContainerPort>,
    /// `restartPolicy: Always`, which makes an init container a sidecar.
    pub always: bool,
}

/// A port of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerPort {
    /// `name`.
    pub name: Option<String>,
    /// `containerPort`.
    pub number: u16,
    /// `protocol`.
    pub protocol: Option<Protocol>,
}

/// An owner: kind and name.
pub type Owner = (Kind, String);

/// A pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Labels.
    pub labels: Labels,
    /// `spec`.
    pub spec: Spec,
    /// `status.phase`.
    pub phase: Option<Phase>,
    /// `status.podIPs`: at most one of each family.
    pub addresses: Vec<IpAddr>,
    /// `status.hostIP`.
    pub host_address: Option<IpAddr>,
    /// Who made it.
    pub owner: Option<Owner>,
    /// `creationTimestamp`, as a number of seconds.
    pub created: u8,
}

/// A direction, seen from the subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of Kubernetes")]
pub enum Direction {
    Ingress,
    Egress,
}

/// A protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of Kubernetes")]
pub enum Protocol {
    Tcp,
    Udp,
    Sctp,
}

/// A policy, as written: absent and empty lists are two things here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// `podSelector`.
    pub subject: Option<Selector>,
    /// `policyTypes`.
    pub types: Option<Vec<Direction>>,
    /// `ingress`.
    pub ingress: Option<Vec<Rule>>,
    /// `egress`.
    pub egress: Option<Vec<Rule>>,
}

/// A rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// `from` or `to`.
    pub peers: Option<Vec<Peer>>,
    /// `ports`.
    pub ports: Option<Vec<Port>>,
}

/// A peer of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Pods: at least one of the selectors is there.
    Pods(Option<Selector>, Option<Selector>),
    /// A block and what is taken out of it.
    Block(Net, Option<Vec<Net>>),
}

/// A port entry of a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Port {
    /// `protocol`.
    pub protocol: Option<Protocol>,
    /// `port`.
    pub port: Option<PortName>,
    /// `endPort`, only with a number.
    pub end: Option<u16>,
}

/// A number or a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortName {
    /// A number.
    Number(u16),
    /// A name.
    Name(String),
}

/// A label selector.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// `matchLabels`.
    pub labels: Labels,
    /// `matchExpressions`.
    pub expressions: Vec<Expression>,
}

/// An element of `matchExpressions`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression {
    /// `key`.
    pub key: String,
    /// `operator`.
    pub operator: Operator,
    /// `values`.
    pub values: Vec<String>,
}

/// An operator of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of Kubernetes")]
pub enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
}

impl Direction {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Ingress, Self::Egress];
}

impl Protocol {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Tcp, Self::Udp, Self::Sctp];

    /// As Kubernetes writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Sctp => "SCTP",
        }
    }
}

impl Policy {
    /// Rules of a direction as written.
    pub fn rules(&self, direction: Direction) -> &[Rule] {
        let rules = match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        };
        rules.as_deref().unwrap_or_default()
    }

    /// Rules of a direction, to be changed.
    pub fn rules_mut(&mut self, direction: Direction) -> &mut Option<Vec<Rule>> {
        match direction {
            Direction::Ingress => &mut self.ingress,
            Direction::Egress => &mut self.egress,
        }
    }

    /// All selectors of pods that it mentions.
    pub fn pod_selectors(&self) -> impl Iterator<Item = &Selector> {
        let peers = self.peers().filter_map(|peer| match peer {
            Peer::Pods(_, pods) => pods.as_ref(),
            Peer::Block(..) => None,
        });
        self.subject.iter().chain(peers)
    }

    /// All peers of all rules.
    pub fn peers(&self) -> impl Iterator<Item = &Peer> {
        let rules = Direction::BOTH.into_iter().flat_map(|d| self.rules(d));
        rules.flat_map(|rule| rule.peers.iter().flatten())
    }

    /// All port entries of all rules.
    pub fn ports(&self) -> impl Iterator<Item = &Port> {
        let rules = Direction::BOTH.into_iter().flat_map(|d| self.rules(d));
        rules.flat_map(|rule| rule.ports.iter().flatten())
    }
}

impl Selector {
    /// The values that it mentions of a key.
    pub fn values_of<'s>(&'s self, key: &'s str) -> impl Iterator<Item = &'s String> {
        let written = self.expressions.iter().filter(move |e| e.key == key);
        self.labels.get(key).into_iter().chain(written.flat_map(|e| &e.values))
    }
}

impl Cluster {
    /// Every block and exception that some policy mentions, the ranges of the options, and the
    /// addresses that nodes and domain names have, where policies ask for these.
    pub fn nets(&self) -> Vec<Net> {
        let mut nets: Vec<Net> = self.pod_cidrs.iter().chain(&self.node_cidrs).copied().collect();
        for peer in self.policies.iter().flat_map(Policy::peers) {
            if let Peer::Block(cidr, except) = peer {
                nets.push(*cidr);
                nets.extend(except.iter().flatten());
            }
        }
        nets.extend(self.cluster_policies.iter().flat_map(ClusterPolicy::networks));
        nets.extend(self.calico.nets());
        if self.cluster_policies.iter().any(|one| one.node_selectors().next().is_some()) {
            nets.extend(self.node_addresses().map(Net::one));
        }
        if self.cluster_policies.iter().any(|one| one.domain_names().next().is_some()) {
            nets.extend(self.domains.iter().map(|(_, address)| Net::one(*address)));
        }
        nets
    }

    /// Every address that the input says a node has.
    pub fn node_addresses(&self) -> impl Iterator<Item = IpAddr> {
        let declared = self.nodes.iter().flat_map(|node| &node.addresses).copied();
        let told = self.pods.iter().filter(|pod| pod.spec.node.is_some()).flat_map(|pod| {
            let own: &[IpAddr] = if pod.spec.host_network { &pod.addresses } else { &[] };
            own.iter().copied().chain(pod.host_address)
        });
        declared.chain(told)
    }

    /// Every selector of namespaces that some policy mentions.
    pub fn namespace_selectors(&self) -> impl Iterator<Item = &Selector> {
        let own = self.policies.iter().flat_map(Policy::peers).filter_map(|peer| match peer {
            Peer::Pods(namespaces, _) => namespaces.as_ref(),
            Peer::Block(..) => None,
        });
        own.chain(self.cluster_policies.iter().flat_map(ClusterPolicy::namespace_selectors))
    }

    /// Every selector of pods that some policy mentions.
    pub fn pod_selectors(&self) -> impl Iterator<Item = &Selector> {
        let own = self.policies.iter().flat_map(Policy::pod_selectors);
        own.chain(self.cluster_policies.iter().flat_map(ClusterPolicy::pod_selectors))
    }
}

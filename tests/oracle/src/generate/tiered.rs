//! Policies for all namespaces with everything that they can have, and what they ask for.

use super::{Maker, PORT_NAMES, PORTS, V4, V6};
use crate::cluster::{
    Action, Cluster, ClusterPolicy, ClusterTier, Direction, Net, PodsOf, PolicyVersion, Protocol,
    TierPeer, TierPort, TierRule,
};

/// Names that policies ask for: a name, what stands for it and others, and one in another form.
const NAMES: [&str; 5] =
    ["api.example.com", "*.example.com", "*.b.example.com", "API.Example.com.", "db.example.org"];
/// Names of which the options may tell.
const TOLD: [&str; 4] = ["api.example.com", "x.b.example.com", "*.example.com", "db.example.org"];
/// Keys of nodes' labels.
const NODE_KEYS: [&str; 2] = ["role", "tier"];

impl Maker {
    /// The cluster with policies for all namespaces.
    pub(super) fn tiers(mut self) -> Cluster {
        self.label_nodes();
        if self.random.chance(50) {
            // Baseline decides only where no NetworkPolicy isolates.
            self.cluster.policies.truncate(1);
        }
        for i in 0..self.random.between(2, self.flavour.size) {
            let policy = self.cluster_policy(i);
            let taken =
                |one: &ClusterPolicy| one.kind() == policy.kind() && one.name == policy.name;
            if !self.cluster.cluster_policies.iter().any(taken) {
                self.cluster.cluster_policies.push(policy);
            }
        }
        if self.random.chance(50) {
            self.domains();
        }
        self.cluster
    }

    fn label_nodes(&mut self) {
        // Whose node it is follows from the name of a template's node, for which nobody looks.
        for one in self.cluster.workloads.iter_mut().filter(|one| one.spec.host_network) {
            one.spec.node = None;
        }
        for i in 0..self.cluster.nodes.len() {
            let labels = self.labels(&NODE_KEYS);
            // Of a pod on the network of a node without addresses nothing is known but the name.
            let known = self.random.chance(80) || self.has_hosts();
            if let Some(node) = self.cluster.nodes.get_mut(i) {
                node.labels = labels;
                node.addresses.retain(|_| known);
            }
        }
    }

    fn has_hosts(&self) -> bool {
        let pods = self.cluster.pods.iter().map(|pod| &pod.spec);
        let mut specs = pods.chain(self.cluster.workloads.iter().map(|one| &one.spec));
        specs.any(|spec| spec.host_network)
    }

    fn domains(&mut self) {
        for _ in 0..self.random.between(1, 3) {
            let name = (*self.random.pick(&TOLD)).to_owned();
            let six = self.flavour.six && self.random.chance(40);
            let text = if six { *self.random.pick(&V6) } else { *self.random.pick(&V4) };
            self.cluster.domains.extend(text.parse().ok().map(|address| (name, address)));
        }
    }

    pub(super) fn cluster_policy(&mut self, i: usize) -> ClusterPolicy {
        let versions = [PolicyVersion::V1Beta1, PolicyVersion::V1Alpha2, PolicyVersion::V1Alpha1];
        let version =
            if self.random.chance(50) { versions[0] } else { *self.random.pick(&versions) };
        let tier = if self.random.chance(60) { ClusterTier::Admin } else { ClusterTier::Baseline };
        let only = version == PolicyVersion::V1Alpha1 && tier == ClusterTier::Baseline;
        let mut policy = ClusterPolicy {
            name: if only { "default".into() } else { format!("cp{i}") },
            version,
            tier,
            priority: if only { 0 } else { *self.random.pick(&[0, 0, 5, 5, 1000]) },
            subject: self.pods_of(),
            ingress: self.tier_rules(Direction::Ingress),
            egress: self.tier_rules(Direction::Egress),
        };
        if only {
            // What the kind has no word for.
            for rule in [&mut policy.ingress, &mut policy.egress].into_iter().flatten().flatten() {
                rule.action = if rule.action == Action::Pass { Action::Deny } else { rule.action };
                rule.peers.retain(|peer| !matches!(peer, TierPeer::DomainNames(_)));
                if rule.peers.is_empty() {
                    rule.peers.push(TierPeer::Pods(PodsOf::Namespaces(Default::default())));
                }
            }
        }
        policy
    }

    /// Often everybody, so that policies meet.
    fn pods_of(&mut self) -> PodsOf {
        if self.random.chance(35) {
            return PodsOf::Namespaces(Default::default());
        }
        let namespaces = match self.random.below(3) {
            0 => Default::default(),
            _ => self.namespace_selector(),
        };
        if self.random.chance(40) {
            return PodsOf::Namespaces(namespaces);
        }
        PodsOf::Pods(namespaces, self.selector(&["app", "tier"]))
    }

    fn tier_rules(&mut self, direction: Direction) -> Option<Vec<TierRule>> {
        let count = match self.random.below(10) {
            0..=1 => return None,
            2 => 0,
            3..=5 => 1,
            6..=8 => 2,
            _ => 4,
        };
        Some((0..count).map(|_| self.tier_rule(direction)).collect())
    }

    pub(super) fn tier_rule(&mut self, direction: Direction) -> TierRule {
        let peers = if self.random.chance(65) { 1 } else { 2 };
        let ports = *self.random.pick(&[0, 0, 1, 1, 2]);
        let action = *self.random.pick(&[Action::Accept, Action::Deny, Action::Pass]);
        let peers: Vec<TierPeer> = (0..peers).map(|_| self.tier_peer(direction)).collect();
        let addresses = peers.iter().any(|peer| !matches!(peer, TierPeer::Pods(_)));
        let ports: Vec<TierPort> = (0..ports).map(|_| self.tier_port(!addresses)).collect();
        TierRule {
            name: self.random.chance(30).then(|| "rest".into()),
            action,
            peers,
            ports: (!ports.is_empty()).then_some(ports),
        }
    }

    fn tier_peer(&mut self, direction: Direction) -> TierPeer {
        if direction == Direction::Ingress || self.random.chance(35) {
            return TierPeer::Pods(self.pods_of());
        }
        match self.random.below(7) {
            0 | 1 => TierPeer::Nodes(self.node_selector()),
            2 | 3 => {
                let count = self.random.between(1, 2);
                let names = (0..count).map(|_| (*self.random.pick(&NAMES)).to_owned());
                let mut names: Vec<String> = names.collect();
                names.dedup();
                TierPeer::DomainNames(names)
            }
            _ => {
                let count = self.random.between(1, 2);
                let mut nets: Vec<Net> = (0..count).map(|_| self.net()).collect();
                nets.dedup();
                TierPeer::Networks(nets)
            }
        }
    }

    fn node_selector(&mut self) -> crate::cluster::Selector {
        if self.random.chance(30) {
            return Default::default();
        }
        // Two requirements could contradict each other, which nobody looks for in labels that are
        // not known.
        let mut selector = self.selector(&NODE_KEYS);
        if !selector.labels.is_empty() {
            selector.expressions.clear();
        }
        selector.expressions.truncate(1);
        while selector.labels.len() > 1 {
            selector.labels.pop_first();
        }
        selector
    }

    fn tier_port(&mut self, may_be_named: bool) -> TierPort {
        let protocol = *self.random.pick(&Protocol::ALL);
        let number = *self.random.pick(&PORTS);
        match self.random.below(10) {
            0..=2 if may_be_named => TierPort::Named((*self.random.pick(&PORT_NAMES)).into()),
            3..=5 if number < u16::MAX => {
                let last = self.end(number).max(number + 1);
                TierPort::Range(protocol, number, last)
            }
            6 => TierPort::Range(protocol, 1, u16::MAX),
            _ => TierPort::Number(protocol, number),
        }
    }
}

//! Policies for all namespaces as manifests of any of their versions.

use super::{Objects, direction_name};
use crate::cluster::{
    Action, ClusterPolicy, ClusterTier, Direction, Labels, Net, PodsOf, PolicyVersion, Protocol,
    TierPeer, TierPort, TierRule,
};
use crate::tree::Tree;

/// What a version calls things.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Words {
    /// ClusterNetworkPolicy's.
    Now,
    /// Those of AdminNetworkPolicy and BaselineAdminNetworkPolicy.
    Before,
}

impl Objects<'_> {
    /// A policy for all namespaces.
    pub fn cluster_policy(&mut self, policy: &ClusterPolicy) -> Tree {
        let kind = policy.kind();
        let (version, words) = match (kind, policy.version) {
            ("ClusterNetworkPolicy", PolicyVersion::V1Alpha2) => ("v1alpha2", Words::Now),
            ("ClusterNetworkPolicy", _) => ("v1beta1", Words::Now),
            _ => ("v1alpha1", Words::Before),
        };
        let tier = match policy.tier {
            ClusterTier::Admin => "Admin",
            ClusterTier::Baseline => "Baseline",
        };
        let has_priority = kind != "BaselineAdminNetworkPolicy";
        let spec = vec![
            ("tier", (words == Words::Now).then(|| tier.into())),
            ("priority", has_priority.then(|| Tree::Number(policy.priority.into()))),
            ("subject", Some(self.pods_of(&policy.subject))),
            ("ingress", self.tier_rules((words, Direction::Ingress), policy.ingress.as_ref())),
            ("egress", self.tier_rules((words, Direction::Egress), policy.egress.as_ref())),
        ];
        let spec = self.map(spec);
        let meta = self.meta(("", &policy.name), &Labels::new(), None);
        let version = format!("policy.networking.k8s.io/{version}");
        self.object((&version, kind), meta, vec![("spec", Some(spec))])
    }

    fn pods_of(&mut self, pods: &PodsOf) -> Tree {
        match pods {
            PodsOf::Namespaces(namespaces) => {
                let namespaces = self.selector(namespaces);
                self.map(vec![("namespaces", Some(namespaces))])
            }
            PodsOf::Pods(namespaces, pods) => {
                let both = vec![
                    ("namespaceSelector", Some(self.selector(namespaces))),
                    ("podSelector", Some(self.selector(pods))),
                ];
                let both = self.map(both);
                self.map(vec![("pods", Some(both))])
            }
        }
    }

    fn tier_rules(
        &mut self,
        (words, direction): (Words, Direction),
        rules: Option<&Vec<TierRule>>,
    ) -> Option<Tree> {
        let rules = rules?.iter().map(|rule| {
            let peers = rule.peers.iter().map(|peer| self.tier_peer(peer)).collect();
            let ports = rule.ports.as_ref().map(|ports| {
                Tree::List(ports.iter().map(|port| self.tier_port(words, port)).collect())
            });
            let action = match (words, rule.action) {
                (Words::Before, Action::Accept) => "Allow",
                (_, action) => action.name(),
            };
            let from = direction_name(direction) == "Ingress";
            self.map(vec![
                ("name", rule.name.as_deref().map(Into::into)),
                ("action", Some(action.into())),
                (if from { "from" } else { "to" }, Some(Tree::List(peers))),
                (if words == Words::Now { "protocols" } else { "ports" }, ports),
            ])
        });
        Some(Tree::List(rules.collect()))
    }

    /// A peer of a rule.
    pub fn tier_peer(&mut self, peer: &TierPeer) -> Tree {
        match peer {
            TierPeer::Pods(pods) => self.pods_of(pods),
            TierPeer::Nodes(selector) => {
                let selector = self.selector(selector);
                self.map(vec![("nodes", Some(selector))])
            }
            TierPeer::Networks(nets) => {
                let nets = nets.iter().map(|net: &Net| Tree::Text(net.to_string())).collect();
                self.map(vec![("networks", Some(Tree::List(nets)))])
            }
            TierPeer::DomainNames(names) => {
                let names = names.iter().map(|name| name.as_str().into()).collect();
                self.map(vec![("domainNames", Some(Tree::List(names)))])
            }
        }
    }

    /// A port entry of a rule, as the kind that a policy is written as has it.
    pub fn tier_port_of(&mut self, policy: &ClusterPolicy, port: &TierPort) -> Tree {
        let now = policy.kind() == "ClusterNetworkPolicy";
        self.tier_port(if now { Words::Now } else { Words::Before }, port)
    }

    fn tier_port(&mut self, words: Words, port: &TierPort) -> Tree {
        match words {
            Words::Now => self.protocol(port),
            Words::Before => self.port_before(port),
        }
    }

    fn protocol(&mut self, port: &TierPort) -> Tree {
        let (protocol, destination) = match port {
            TierPort::Named(name) => {
                return self.map(vec![("destinationNamedPort", Some(name.as_str().into()))]);
            }
            TierPort::Number(protocol, number) => {
                (protocol, self.map(vec![("number", Some(Tree::Number((*number).into())))]))
            }
            TierPort::Range(protocol, first, last) => {
                let range = self.range(*first, *last);
                (protocol, self.map(vec![("range", Some(range))]))
            }
        };
        let inner = self.map(vec![("destinationPort", Some(destination))]);
        let field = match protocol {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Sctp => "sctp",
        };
        self.map(vec![(field, Some(inner))])
    }

    fn range(&mut self, first: u16, last: u16) -> Tree {
        self.map(vec![
            ("start", Some(Tree::Number(first.into()))),
            ("end", Some(Tree::Number(last.into()))),
        ])
    }

    /// A protocol that is left out is TCP.
    fn port_before(&mut self, port: &TierPort) -> Tree {
        let mut named = |protocol: Protocol| {
            let left_out = protocol == Protocol::Tcp && self.0.chance(50);
            (!left_out).then(|| Tree::from(protocol.name()))
        };
        let (field, inner) = match port {
            TierPort::Named(name) => {
                return self.map(vec![("namedPort", Some(name.as_str().into()))]);
            }
            TierPort::Number(protocol, number) => {
                let protocol = named(*protocol);
                let port = Some(Tree::Number((*number).into()));
                ("portNumber", vec![("protocol", protocol), ("port", port)])
            }
            TierPort::Range(protocol, first, last) => {
                let protocol = named(*protocol);
                let (first, last) = (Tree::Number((*first).into()), Tree::Number((*last).into()));
                let ends = [("start", Some(first)), ("end", Some(last))];
                ("portRange", [("protocol", protocol)].into_iter().chain(ends).collect())
            }
        };
        let inner = self.map(inner);
        self.map(vec![(field, Some(inner))])
    }
}

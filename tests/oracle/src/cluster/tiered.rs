//! Policies for all namespaces, as plain data.

use super::{Direction, Net, Protocol, Selector};

/// A ClusterNetworkPolicy, or what came before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterPolicy {
    /// Name.
    pub name: String,
    /// The version that it is written in, if it has everything that the policy says.
    pub version: PolicyVersion,
    /// `tier`.
    pub tier: ClusterTier,
    /// `priority`.
    pub priority: u16,
    /// `subject`.
    pub subject: PodsOf,
    /// `ingress`.
    pub ingress: Option<Vec<TierRule>>,
    /// `egress`.
    pub egress: Option<Vec<TierRule>>,
}

/// A version of `policy.networking.k8s.io`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of Kubernetes")]
pub enum PolicyVersion {
    V1Beta1,
    V1Alpha2,
    V1Alpha1,
}

/// A tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of Kubernetes")]
pub enum ClusterTier {
    Admin,
    Baseline,
}

/// Pods of all namespaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PodsOf {
    /// `namespaces`: all pods of those that match.
    Namespaces(Selector),
    /// `pods`: `namespaceSelector` and `podSelector`.
    Pods(Selector, Selector),
}

/// A rule with an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TierRule {
    /// `name`.
    pub name: Option<String>,
    /// `action`.
    pub action: Action,
    /// `from` or `to`: at least one.
    pub peers: Vec<TierPeer>,
    /// `protocols`, which were `ports`: absent, or at least one.
    pub ports: Option<Vec<TierPort>>,
}

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of Kubernetes")]
pub enum Action {
    Accept,
    Deny,
    Pass,
}

/// A peer of a rule with an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TierPeer {
    /// Pods.
    Pods(PodsOf),
    /// `nodes`, in egress rules only.
    Nodes(Selector),
    /// `networks`, in egress rules only: at least one.
    Networks(Vec<Net>),
    /// `domainNames`, in egress rules only: at least one.
    DomainNames(Vec<String>),
}

/// A port entry of a rule with an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TierPort {
    /// A number.
    Number(Protocol, u16),
    /// A range of two numbers or more.
    Range(Protocol, u16, u16),
    /// A name, of whatever protocol.
    Named(String),
}

impl ClusterPolicy {
    /// Rules of a direction as written.
    pub fn rules(&self, direction: Direction) -> &[TierRule] {
        let rules = match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        };
        rules.as_deref().unwrap_or_default()
    }

    /// Rules of a direction, to be changed.
    pub fn rules_mut(&mut self, direction: Direction) -> &mut Option<Vec<TierRule>> {
        match direction {
            Direction::Ingress => &mut self.ingress,
            Direction::Egress => &mut self.egress,
        }
    }

    /// All rules of both directions.
    pub fn all_rules(&self) -> impl Iterator<Item = &TierRule> {
        Direction::BOTH.into_iter().flat_map(|direction| self.rules(direction))
    }

    /// All peers of all rules.
    pub fn peers(&self) -> impl Iterator<Item = &TierPeer> {
        self.all_rules().flat_map(|rule| &rule.peers)
    }

    /// All port entries of all rules.
    pub fn ports(&self) -> impl Iterator<Item = &TierPort> {
        self.all_rules().flat_map(|rule| rule.ports.iter().flatten())
    }

    /// All selectors of pods that it mentions.
    pub fn pod_selectors(&self) -> impl Iterator<Item = &Selector> {
        let peers = self.peers().filter_map(|peer| match peer {
            TierPeer::Pods(pods) => Some(pods),
            _ => None,
        });
        [&self.subject].into_iter().chain(peers).filter_map(|pods| match pods {
            PodsOf::Namespaces(_) => None,
            PodsOf::Pods(_, pods) => Some(pods),
        })
    }

    /// All selectors of namespaces that it mentions.
    pub fn namespace_selectors(&self) -> impl Iterator<Item = &Selector> {
        let peers = self.peers().filter_map(|peer| match peer {
            TierPeer::Pods(pods) => Some(pods),
            _ => None,
        });
        [&self.subject].into_iter().chain(peers).map(|pods| match pods {
            PodsOf::Namespaces(namespaces) | PodsOf::Pods(namespaces, _) => namespaces,
        })
    }

    /// All selectors of nodes that it mentions.
    pub fn node_selectors(&self) -> impl Iterator<Item = &Selector> {
        self.peers().filter_map(|peer| match peer {
            TierPeer::Nodes(selector) => Some(selector),
            _ => None,
        })
    }

    /// All blocks that it mentions.
    pub fn networks(&self) -> impl Iterator<Item = &Net> {
        self.peers().flat_map(|peer| match peer {
            TierPeer::Networks(nets) => nets.as_slice(),
            _ => &[],
        })
    }

    /// All domain names that it mentions.
    pub fn domain_names(&self) -> impl Iterator<Item = &String> {
        self.peers().flat_map(|peer| match peer {
            TierPeer::DomainNames(names) => names.as_slice(),
            _ => &[],
        })
    }

    /// The kind that it is written as: one of v1alpha1 where that kind can say it.
    pub fn kind(&self) -> &'static str {
        let passes = || self.all_rules().any(|rule| rule.action == Action::Pass);
        let baseline = || {
            self.name == "default"
                && self.priority == 0
                && !passes()
                && self.domain_names().next().is_none()
        };
        match (self.version, self.tier) {
            (PolicyVersion::V1Alpha1, ClusterTier::Admin) => "AdminNetworkPolicy",
            (PolicyVersion::V1Alpha1, ClusterTier::Baseline) if baseline() => {
                "BaselineAdminNetworkPolicy"
            }
            _ => "ClusterNetworkPolicy",
        }
    }
}

impl Action {
    /// As Kubernetes writes it; v1alpha1 says `Allow`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accept => "Accept",
            Self::Deny => "Deny",
            Self::Pass => "Pass",
        }
    }
}

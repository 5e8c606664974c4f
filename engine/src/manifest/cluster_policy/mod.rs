//! ClusterNetworkPolicy, and the two kinds that came before it: AdminNetworkPolicy and
//! BaselineAdminNetworkPolicy are read as what replaces them.
//!
//! What the schema of the experimental channel says decides whether an object is refused; what is
//! not understood of an object that stands closes its rule, or the whole policy. A selector is the
//! case to remember: the schema lets any label key and any operator pass, so that such a policy is
//! stored although nobody can evaluate it.

mod closed;
mod context;
mod peer;
mod port;
mod rule;
mod selector;
mod spec;

use super::policy::{Direction, Rule};
use crate::selector::Selector;

pub use context::Origin;
pub use spec::read;

/// The group of the API.
pub const GROUP: &str = "policy.networking.k8s.io";

/// The tier of a cluster's administrator that a policy is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClusterTier {
    /// Before NetworkPolicy: namespaces cannot override it.
    Admin,
    /// After NetworkPolicy: for pods that no NetworkPolicy isolates.
    Baseline,
}

/// The kind that a policy was written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClusterPolicyKind {
    /// `policy.networking.k8s.io/v1beta1` and `v1alpha2`.
    ClusterNetworkPolicy,
    /// `policy.networking.k8s.io/v1alpha1`: tier Admin.
    AdminNetworkPolicy,
    /// `policy.networking.k8s.io/v1alpha1`: tier Baseline, of which there is one.
    BaselineAdminNetworkPolicy,
}

impl ClusterPolicyKind {
    /// The kind's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::ClusterNetworkPolicy => "ClusterNetworkPolicy",
            Self::AdminNetworkPolicy => "AdminNetworkPolicy",
            Self::BaselineAdminNetworkPolicy => "BaselineAdminNetworkPolicy",
        }
    }

    /// The tier that its policies are in, unless they name one themselves.
    pub fn tier(self) -> ClusterTier {
        match self {
            Self::BaselineAdminNetworkPolicy => ClusterTier::Baseline,
            Self::ClusterNetworkPolicy | Self::AdminNetworkPolicy => ClusterTier::Admin,
        }
    }

    /// The kind of a name.
    pub fn find(name: &str) -> Option<Self> {
        [Self::ClusterNetworkPolicy, Self::AdminNetworkPolicy, Self::BaselineAdminNetworkPolicy]
            .into_iter()
            .find(|kind| kind.name() == name)
    }

    /// The versions that are, or once were, served.
    pub fn versions(self) -> &'static [&'static str] {
        match self {
            Self::ClusterNetworkPolicy => &["v1beta1", "v1alpha2"],
            Self::AdminNetworkPolicy | Self::BaselineAdminNetworkPolicy => &["v1alpha1"],
        }
    }

    /// The version that is to be written.
    pub fn current_version(self) -> &'static str {
        match self {
            Self::ClusterNetworkPolicy => "policy.networking.k8s.io/v1beta1",
            Self::AdminNetworkPolicy | Self::BaselineAdminNetworkPolicy => {
                "policy.networking.k8s.io/v1alpha1"
            }
        }
    }

    /// The one name that its objects may have, if there is one.
    pub(super) fn only_name(self) -> Option<&'static str> {
        (self == Self::BaselineAdminNetworkPolicy).then_some("default")
    }

    /// What is to be said of a kind of `v1alpha1`: that it is gone, and what replaces it.
    pub(super) fn outdated(self) -> Option<(String, String)> {
        let tier = match self {
            Self::ClusterNetworkPolicy => return None,
            Self::AdminNetworkPolicy => "`tier: Admin` with the same `priority`",
            Self::BaselineAdminNetworkPolicy => "`tier: Baseline` and `priority: 0`",
        };
        let message = format!("{} of v1alpha1 is no longer served", self.name());
        let help = format!(
            "write `apiVersion: policy.networking.k8s.io/v1beta1`, `kind: ClusterNetworkPolicy`, and \
             in `spec` {tier}; in its rules `action: Accept` for `Allow`, and `protocols` for \
             `ports`: `- tcp: {{destinationPort: {{number: 80}}}}` for `- portNumber: {{port: 80}}`, \
             `- tcp: {{destinationPort: {{range: {{start: 80, end: 90}}}}}}` for `portRange`, \
             `- destinationNamedPort: http` for `- namedPort: http`"
        );
        Some((message, help))
    }

    /// The field of a rule that has the ports.
    pub fn ports_field(self) -> &'static str {
        match self {
            Self::ClusterNetworkPolicy => "protocols",
            Self::AdminNetworkPolicy | Self::BaselineAdminNetworkPolicy => "ports",
        }
    }
}

/// A policy for all namespaces, as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterPolicy {
    /// The kind that it was written as.
    pub kind: ClusterPolicyKind,
    /// `tier`.
    pub tier: ClusterTier,
    /// `priority`: lower numbers come first. Zero for a BaselineAdminNetworkPolicy.
    pub priority: u16,
    /// The pods that it selects.
    pub subject: Subject,
    /// `ingress`, in order.
    pub ingress: Vec<Rule>,
    /// `egress`, in order.
    pub egress: Vec<Rule>,
}

/// Pods that a policy for all namespaces selects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// Of namespaces that this matches.
    pub namespaces: Selector,
    /// Pods that this matches; the empty one where only namespaces are named.
    pub pods: Selector,
}

impl ClusterPolicy {
    /// Its rules of a direction, in order.
    pub fn rules(&self, direction: Direction) -> &[Rule] {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }
}

//! ClusterNetworkPolicy, and the two kinds that came before it: AdminNetworkPolicy and
//! BaselineAdminNetworkPolicy are read as what replaces them.

use super::policy::{Direction, Rule};
use super::read::{Keys, Path, Reader};
use crate::selector::Selector;
use crate::tree::Node;

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

/// Reads `spec`.
pub fn read(reader: &mut Reader, object: &Node<'_>) -> ClusterPolicy {
    reader.fields(&Path::Root, object, Keys::Exactly(&["spec"]));
    let (kind, tier) = (ClusterPolicyKind::ClusterNetworkPolicy, ClusterTier::Admin);
    let (subject, ingress, egress) = (Subject::default(), Vec::new(), Vec::new());
    ClusterPolicy { kind, tier, priority: 0, subject, ingress, egress }
}

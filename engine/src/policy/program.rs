//! What applies to an endpoint: tiers of policies, in order.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::PolicyId;
use super::host::HostStage;
use crate::manifest::Action;
use crate::selector::Match;

/// What applies to an endpoint in a direction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Program {
    /// Tiers in the order of evaluation; none: everything is allowed. Each kind is there once at
    /// most, but for Calico's, of which each name is.
    pub tiers: Vec<Tier>,
}

/// Policies that are evaluated together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tier {
    /// Which one.
    pub kind: TierKind,
    /// Its name, if it is one of Calico's.
    pub name: Option<Arc<str>>,
    /// At which of a host's stages it stands; none if it is a pod's.
    pub stage: Option<HostStage>,
    /// What becomes of what no rule of it matches, if one of its policies selects the pod.
    pub end: Action,
    /// Policies that select the endpoint or may, in the order of evaluation: by priority, then by
    /// name; of NetworkPolicies, whose order changes nothing, by number. None: the tier applies,
    /// whatever policies there are.
    pub policies: Vec<PolicyRef>,
}

/// The tiers, in the order of evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum TierKind {
    /// ClusterNetworkPolicies of tier Admin, and AdminNetworkPolicies.
    Admin,
    /// NetworkPolicies.
    NetworkPolicy,
    /// ClusterNetworkPolicies of tier Baseline, and the BaselineAdminNetworkPolicy.
    Baseline,
    /// One that has policies of Calico's kinds, with those of the others that Calico has there.
    Calico,
}

impl TierKind {
    /// What becomes of what no rule of a tier of Kubernetes' matches. Each of Calico's says it for
    /// itself, and what is not known is denied.
    pub fn end(self) -> Action {
        match self {
            Self::NetworkPolicy | Self::Calico => Action::Deny,
            Self::Admin | Self::Baseline => Action::Pass,
        }
    }

    /// Whether all rules accept, so that their order changes nothing.
    pub fn only_accepts(self) -> bool {
        self == Self::NetworkPolicy
    }
}

/// A policy of a tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyRef {
    /// The policy.
    pub policy: PolicyId,
    /// Whether it is certain that it selects the endpoint.
    pub certain: bool,
}

impl Program {
    /// Denies everything.
    pub fn closed() -> Self {
        Self { tiers: vec![Tier::of(TierKind::NetworkPolicy, Vec::new())] }
    }

    /// Whether nothing applies.
    pub fn is_open(&self) -> bool {
        self.tiers.is_empty()
    }

    /// The tier of a kind, if it is there.
    pub fn tier(&self, kind: TierKind) -> Option<&Tier> {
        self.tiers.iter().find(|tier| tier.kind == kind)
    }

    /// All policies, tier by tier.
    pub fn policies(&self) -> impl Iterator<Item = PolicyRef> + '_ {
        self.tiers.iter().flat_map(|tier| tier.policies.iter().copied())
    }

    /// Whether a tier that ends in denial applies: for certain, or perhaps.
    pub fn isolates(&self) -> Match {
        let ending = self.tiers.iter().filter(|tier| tier.end == Action::Deny);
        let applies = ending.map(|tier| match tier.is_certain() {
            true => Match::Yes,
            false => Match::Unknown,
        });
        applies.max().unwrap_or(Match::No)
    }

    /// Whether rules only accept.
    pub fn only_accepts(&self) -> bool {
        self.tiers.iter().all(|tier| tier.kind.only_accepts())
    }
}

impl Tier {
    /// One of Kubernetes' tiers.
    pub fn of(kind: TierKind, policies: Vec<PolicyRef>) -> Self {
        Self { kind, name: None, stage: None, end: kind.end(), policies }
    }

    /// Whether it is certain that the tier applies: that one of its policies selects the pod.
    pub fn is_certain(&self) -> bool {
        self.policies.is_empty() || self.policies.iter().any(|policy| policy.certain)
    }
}

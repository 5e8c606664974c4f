//! Which kinds there are, in which groups.

use super::super::syntax;
use crate::diagnostic::{Code, Diagnostic, nearest};

/// One of the two groups that have Calico's kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// `projectcalico.org`: Calico's API, which sets defaults and validates.
    Public,
    /// `crd.projectcalico.org`: what is stored, as CustomResourceDefinitions.
    Stored,
}

impl Group {
    /// The group of a name.
    pub fn find(name: &str) -> Option<Self> {
        [Self::Public, Self::Stored].into_iter().find(|group| group.name() == name)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Public => "projectcalico.org",
            Self::Stored => "crd.projectcalico.org",
        }
    }

    /// The version that it has.
    pub fn version(self) -> &'static str {
        match self {
            Self::Public => "v3",
            Self::Stored => "v1",
        }
    }
}

/// Why no API server has a kind of one of the groups in the version that it stands in: either the
/// version is another, or the kind is misspelt; none if it may be a kind that is not read here.
pub fn unserved(group: Group, kind: &str) -> Option<Diagnostic> {
    let (name, version) = (group.name(), group.version());
    if let Some(known) = CalicoKind::find(kind) {
        let message = format!("`{name}` has the kind {} in {version} only", known.name());
        let finding = Diagnostic::new(Code::UnsupportedVersion, message);
        return Some(finding.with_help(format!("write `apiVersion: {name}/{version}`")));
    }
    // Calico has more kinds that are configurations of something.
    let read = CalicoKind::ALL.into_iter().filter(|one| *one != CalicoKind::FelixConfiguration);
    let meant = nearest(kind, read.map(CalicoKind::name))?;
    let message = format!("`{name}` has no kind `{kind}`");
    let finding = Diagnostic::new(Code::UnknownKind, message);
    Some(finding.with_help(format!("did you mean `{meant}`?")))
}

/// A kind of Calico's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CalicoKind {
    /// A policy in a namespace, for its pods.
    NetworkPolicy,
    /// A policy for pods of all namespaces and for hosts.
    GlobalNetworkPolicy,
    /// A policy that is only looked at.
    StagedNetworkPolicy,
    /// A policy that is only looked at.
    StagedGlobalNetworkPolicy,
    /// A policy of Kubernetes' kind that is only looked at.
    StagedKubernetesNetworkPolicy,
    /// Policies that are evaluated together.
    Tier,
    /// Blocks under labels, in a namespace.
    NetworkSet,
    /// Blocks under labels.
    GlobalNetworkSet,
    /// Interfaces of a node that policies may select.
    HostEndpoint,
    /// Rules that endpoints name.
    Profile,
    /// Settings of Calico's agent.
    FelixConfiguration,
}

impl CalicoKind {
    /// All.
    pub const ALL: [Self; 11] = [
        Self::NetworkPolicy,
        Self::GlobalNetworkPolicy,
        Self::StagedNetworkPolicy,
        Self::StagedGlobalNetworkPolicy,
        Self::StagedKubernetesNetworkPolicy,
        Self::Tier,
        Self::NetworkSet,
        Self::GlobalNetworkSet,
        Self::HostEndpoint,
        Self::Profile,
        Self::FelixConfiguration,
    ];

    /// The kind of a name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The kind's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::NetworkPolicy => "NetworkPolicy",
            Self::GlobalNetworkPolicy => "GlobalNetworkPolicy",
            Self::StagedNetworkPolicy => "StagedNetworkPolicy",
            Self::StagedGlobalNetworkPolicy => "StagedGlobalNetworkPolicy",
            Self::StagedKubernetesNetworkPolicy => "StagedKubernetesNetworkPolicy",
            Self::Tier => "Tier",
            Self::NetworkSet => "NetworkSet",
            Self::GlobalNetworkSet => "GlobalNetworkSet",
            Self::HostEndpoint => "HostEndpoint",
            Self::Profile => "Profile",
            Self::FelixConfiguration => "FelixConfiguration",
        }
    }

    /// The kind's name as those who have several kinds of one name write it.
    pub fn full_name(self) -> &'static str {
        match self {
            // Kubernetes has a kind of this name, which means something else.
            Self::NetworkPolicy => "NetworkPolicy.projectcalico.org",
            other => other.name(),
        }
    }

    /// Whether its objects are in namespaces.
    pub fn is_namespaced(self) -> bool {
        matches!(
            self,
            Self::NetworkPolicy
                | Self::StagedNetworkPolicy
                | Self::StagedKubernetesNetworkPolicy
                | Self::NetworkSet
        )
    }

    /// Whether nothing enforces it.
    pub fn is_staged(self) -> bool {
        matches!(
            self,
            Self::StagedNetworkPolicy
                | Self::StagedGlobalNetworkPolicy
                | Self::StagedKubernetesNetworkPolicy
        )
    }

    /// The kind of staged policies that stand for one of this kind; none if there is none.
    pub fn staged(self) -> Option<Self> {
        match self {
            Self::NetworkPolicy => Some(Self::StagedNetworkPolicy),
            Self::GlobalNetworkPolicy => Some(Self::StagedGlobalNetworkPolicy),
            _ => None,
        }
    }

    /// The kind of the policies that one of this kind stands for: itself, unless it is staged.
    pub fn enforced(self) -> Self {
        match self {
            Self::StagedNetworkPolicy => Self::NetworkPolicy,
            Self::StagedGlobalNetworkPolicy => Self::GlobalNetworkPolicy,
            other => other,
        }
    }

    /// Whether it is a kind of policies, staged or not, that is evaluated.
    pub fn is_policy(self) -> bool {
        matches!(
            self,
            Self::NetworkPolicy
                | Self::GlobalNetworkPolicy
                | Self::StagedNetworkPolicy
                | Self::StagedGlobalNetworkPolicy
        )
    }

    /// Whether what its objects say of pods and of nodes themselves is enforced on nodes.
    pub fn is_enforced(self) -> bool {
        let others = [
            Self::Tier,
            Self::NetworkSet,
            Self::GlobalNetworkSet,
            Self::HostEndpoint,
            Self::Profile,
            Self::FelixConfiguration,
        ];
        self.is_policy() || others.contains(&self)
    }

    /// The name of its objects in the API.
    pub fn plural(self) -> &'static str {
        match self {
            Self::NetworkPolicy => "networkpolicies",
            Self::GlobalNetworkPolicy => "globalnetworkpolicies",
            Self::StagedNetworkPolicy => "stagednetworkpolicies",
            Self::StagedGlobalNetworkPolicy => "stagedglobalnetworkpolicies",
            Self::StagedKubernetesNetworkPolicy => "stagedkubernetesnetworkpolicies",
            Self::Tier => "tiers",
            Self::NetworkSet => "networksets",
            Self::GlobalNetworkSet => "globalnetworksets",
            Self::HostEndpoint => "hostendpoints",
            Self::Profile => "profiles",
            Self::FelixConfiguration => "felixconfigurations",
        }
    }

    /// Whether its policies are in no namespace.
    pub fn is_global_policy(self) -> bool {
        matches!(self, Self::GlobalNetworkPolicy | Self::StagedGlobalNetworkPolicy)
    }

    /// Whether a name fits, and what is asked of it.
    ///
    /// # Source
    /// Calico §10.14: tiers have no dots; policies one at most, behind their tier's name. Names
    /// that Calico makes of Kubernetes' policies have more.
    pub fn names(self) -> (fn(&str) -> bool, &'static str) {
        match self {
            Self::Tier => {
                (syntax::is_dns_label, "lowercase letters, digits and `-`, 63 characters at most")
            }
            Self::NetworkPolicy
            | Self::GlobalNetworkPolicy
            | Self::StagedNetworkPolicy
            | Self::StagedGlobalNetworkPolicy => (
                |name| {
                    let is_made = ["knp.default.", "ossg.default."];
                    let is_made = is_made.iter().any(|prefix| name.starts_with(prefix));
                    syntax::is_subdomain(name) && (is_made || name.matches('.').count() <= 1)
                },
                "lowercase letters, digits, `-` and one `.` behind its tier's name at most",
            ),
            _ => (
                syntax::is_subdomain,
                "lowercase letters, digits, `-` and `.`, 253 characters at most",
            ),
        }
    }
}

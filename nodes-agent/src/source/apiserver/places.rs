//! Where kinds are served that a server may lack.

use portcullis_engine::manifest::{CalicoKind, Stored};

/// A version of an API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where the group is.
    pub group: &'static str,
    /// The version.
    pub version: &'static str,
    /// Where the version is.
    pub base: &'static str,
}

/// What a kind is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Names {
    /// By operators.
    pub name: &'static str,
    /// In its API.
    pub plural: &'static str,
}

const CLUSTER_POLICIES: &str = "/apis/policy.networking.k8s.io";
const STORED: &str = "/apis/crd.projectcalico.org";
const PUBLIC: &str = "/apis/projectcalico.org";

/// Both versions have the same fields.
const OF_CLUSTER_POLICIES: [Place; 2] = [
    Place {
        group: CLUSTER_POLICIES,
        version: "v1beta1",
        base: "/apis/policy.networking.k8s.io/v1beta1",
    },
    Place {
        group: CLUSTER_POLICIES,
        version: "v1alpha2",
        base: "/apis/policy.networking.k8s.io/v1alpha2",
    },
];

/// As they are stored first: where Calico's own API is served next to that, it is another server,
/// which may be away, and shows the same objects.
const OF_CALICO: [Place; 2] = [
    Place { group: STORED, version: "v1", base: "/apis/crd.projectcalico.org/v1" },
    Place { group: PUBLIC, version: "v3", base: "/apis/projectcalico.org/v3" },
];

/// Whether a server may lack a kind, or nobody asks for it without another one that may be missing:
/// ServiceAccounts count for Calico's policies alone.
pub fn is_optional(kind: Stored) -> bool {
    !of(kind).is_empty()
}

/// Where a kind may be served, best first; none of one that every server has.
pub fn of(kind: Stored) -> &'static [Place] {
    match kind {
        Stored::ClusterPolicy => &OF_CLUSTER_POLICIES,
        Stored::Calico(_) | Stored::Account => &OF_CALICO,
        Stored::Pod | Stored::Namespace | Stored::Node | Stored::Policy => &[],
    }
}

/// Whether it is said that a kind is missing: of Calico's kinds, once for all of them.
pub fn is_announced(kind: Stored) -> bool {
    kind == Stored::Calico(CalicoKind::GlobalNetworkPolicy)
}

/// What the API must serve for a kind to be watched.
pub fn needed(kind: Stored) -> &'static str {
    let of_policies = CalicoKind::GlobalNetworkPolicy.plural();
    names(kind).map_or(of_policies, |names| names.plural)
}

/// What a kind of those is called that have places of their own.
pub fn names(kind: Stored) -> Option<Names> {
    let kind = match kind {
        Stored::ClusterPolicy => {
            let name = "clusternetworkpolicies";
            return Some(Names { name, plural: name });
        }
        Stored::Calico(kind) => kind,
        _ => return None,
    };
    let name = match kind {
        // Kubernetes has a kind of this name.
        CalicoKind::NetworkPolicy => "networkpolicies.projectcalico.org",
        other => other.plural(),
    };
    Some(Names { name, plural: kind.plural() })
}

/// What operators call the kind in sentences.
pub fn title(kind: Stored) -> &'static str {
    match kind {
        Stored::ClusterPolicy => "ClusterNetworkPolicy",
        Stored::Calico(CalicoKind::NetworkPolicy) => "Calico's NetworkPolicy",
        Stored::Calico(kind) => kind.name(),
        Stored::Account => "ServiceAccount",
        Stored::Pod => "Pod",
        Stored::Namespace => "Namespace",
        Stored::Node => "Node",
        Stored::Policy => "NetworkPolicy",
    }
}

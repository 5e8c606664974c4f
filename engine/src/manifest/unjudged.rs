//! Kinds that decide traffic and of which the engine knows no more than that.

use super::cluster_policy;
use crate::diagnostic::is_slip;

/// What a group has of them.
enum Kinds {
    /// Any kind that it has.
    All,
    /// These.
    Some(&'static [&'static str]),
}

/// Groups, and their kinds that admit, deny or divert traffic of pods. Kinds of one name mean
/// different things in different groups, and short names clash: only the group tells them apart.
///
/// Staged policies of Calico are left out: they are there to be looked at, and nothing enforces
/// them.
const GROUPS: &[(&str, Kinds)] = &[
    (
        "cilium.io",
        Kinds::Some(&[
            "CiliumNetworkPolicy",
            "CiliumClusterwideNetworkPolicy",
            "CiliumCIDRGroup",
            "CiliumEgressGatewayPolicy",
            "CiliumLocalRedirectPolicy",
            "CiliumEnvoyConfig",
            "CiliumClusterwideEnvoyConfig",
        ]),
    ),
    ("crd.projectcalico.org", CALICO),
    ("projectcalico.org", CALICO),
    ("crd.antrea.io", ANTREA),
    ("security.antrea.tanzu.vmware.com", ANTREA),
    (
        "security.istio.io",
        Kinds::Some(&["AuthorizationPolicy", "PeerAuthentication", "RequestAuthentication"]),
    ),
    ("networking.istio.io", Kinds::Some(&["EnvoyFilter", "Sidecar"])),
    (
        "policy.linkerd.io",
        Kinds::Some(&[
            "Server",
            "ServerAuthorization",
            "AuthorizationPolicy",
            "MeshTLSAuthentication",
            "NetworkAuthentication",
            "EgressNetwork",
        ]),
    ),
    ("consul.hashicorp.com", Kinds::Some(&["ServiceIntentions"])),
    ("kuma.io", Kinds::Some(&["MeshTrafficPermission", "TrafficPermission"])),
    (
        "k8s.ovn.org",
        Kinds::Some(&[
            "EgressFirewall",
            "AdminPolicyBasedExternalRoute",
            "EgressIP",
            "EgressService",
            "UserDefinedNetwork",
            "ClusterUserDefinedNetwork",
        ]),
    ),
    ("network.openshift.io", Kinds::Some(&["EgressNetworkPolicy", "NetNamespace"])),
    ("kubeovn.io", Kinds::Some(&["SecurityGroup", "Subnet"])),
    ("crd.nsx.vmware.com", Kinds::Some(&["SecurityPolicy"])),
    ("nsx.vmware.com", Kinds::Some(&["SecurityPolicy"])),
    ("vpcresources.k8s.aws", Kinds::Some(&["SecurityGroupPolicy"])),
    ("networking.k8s.aws", Kinds::All),
    // What it has under other names than those that are read is a later version's, or misspelt.
    (cluster_policy::GROUP, Kinds::All),
];

const CALICO: Kinds = Kinds::Some(&[
    "NetworkPolicy",
    "GlobalNetworkPolicy",
    "NetworkSet",
    "GlobalNetworkSet",
    "HostEndpoint",
    "Profile",
    "Tier",
]);

const ANTREA: Kinds = Kinds::Some(&[
    "NetworkPolicy",
    "ClusterNetworkPolicy",
    "Group",
    "ClusterGroup",
    "Tier",
    "Egress",
    "TrafficControl",
]);

/// Whether objects of a kind that is not understood decide traffic.
///
/// In groups that nobody here knows, what is called a NetworkPolicy is taken to be one: another
/// project's, or that of a version which is still to come.
pub fn decides_traffic(group: &str, kind: &str) -> bool {
    let policy = is_policy(kind);
    match GROUPS.iter().find(|(known, _)| *known == group) {
        Some((_, Kinds::All)) => true,
        Some((_, Kinds::Some(kinds))) => policy || kinds.iter().any(|one| is_meant(kind, one)),
        None => policy,
    }
}

/// Whether some group has such a kind.
pub fn is_somewhere(kind: &str) -> bool {
    let listed = |(_, kinds): &(&str, Kinds)| match kinds {
        Kinds::All => false,
        Kinds::Some(kinds) => kinds.contains(&kind),
    };
    is_policy(kind) || GROUPS.iter().any(listed)
}

/// Whether a kind is called a NetworkPolicy, and not one that is there to be looked at.
fn is_policy(kind: &str) -> bool {
    let kind = kind.to_ascii_lowercase();
    kind.ends_with("networkpolicy") && !kind.starts_with("staged")
}

/// Whether a kind is this one, or a slip from it.
fn is_meant(kind: &str, known: &str) -> bool {
    kind == known || (known.len() > SHORT && is_slip(kind, known))
}

/// Of names as short as these, another letter makes another kind.
const SHORT: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_says_what_a_kind_is() {
        assert!(decides_traffic("crd.antrea.io", "ClusterNetworkPolicy"));
        assert!(decides_traffic("policy.linkerd.io", "Server"));
        assert!(decides_traffic("policy.networking.k8s.io", "Clusternetworkpolicy"));
        assert!(!decides_traffic("example.com", "Server"));
        assert!(!decides_traffic("crd.projectcalico.org", "IPPool"));
        assert!(!decides_traffic("projectcalico.org", "StagedNetworkPolicy"));
        assert!(decides_traffic("networking.gke.io", "FQDNNetworkPolicy"));
        assert!(!decides_traffic("", "ConfigMap"));
        assert!(decides_traffic("k8s.ovn.org", "AdminNetworkPolicy"));
        assert!(decides_traffic("k8s.ovn.org", "Egressfirewall"));
        assert!(decides_traffic("cilium.io", "CiliumNetworkPolcy"));
        assert!(!decides_traffic("crd.antrea.io", "Groups"));
    }
}

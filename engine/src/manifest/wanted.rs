//! What of everything that an API server has is asked for.

use super::calico::{CalicoKind, Group};
use super::known::Known;
use super::unjudged;

/// What objects of a kind are to an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wanted {
    /// Policies: an answer without them would be a wrong one.
    Policy,
    /// They are read: what they say can change an answer.
    Object,
    /// They decide traffic and are not understood: that there are some is said.
    Named,
}

/// What objects of a kind are to an answer; none if they do not change any.
///
/// # Shape
/// `group` is empty for the core's; `version` is without it.
pub fn wanted(group: &str, version: &str, kind: &str) -> Option<Wanted> {
    let of_calico = Group::find(group).filter(|group| group.version() == version);
    if let (Some(_), Some(kind)) = (of_calico, CalicoKind::find(kind)) {
        return Some(if kind.is_policy() { Wanted::Policy } else { Wanted::Object });
    }
    let api_version =
        if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    match Known::find(kind, &api_version) {
        Ok(known) if known.is_policy() => Some(Wanted::Policy),
        Ok(_) => Some(Wanted::Object),
        Err(_) if (group, kind) == ("", "ServiceAccount") => Some(Wanted::Object),
        Err(_) => unjudged::decides_traffic(group, kind).then_some(Wanted::Named),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_sorted_by_what_they_decide() {
        let policies = [
            ("networking.k8s.io", "v1", "NetworkPolicy"),
            ("policy.networking.k8s.io", "v1beta1", "ClusterNetworkPolicy"),
            ("crd.projectcalico.org", "v1", "GlobalNetworkPolicy"),
            ("projectcalico.org", "v3", "StagedNetworkPolicy"),
        ];
        for (group, version, kind) in policies {
            assert_eq!(wanted(group, version, kind), Some(Wanted::Policy), "{kind}");
        }
        let objects = [
            ("", "v1", "Pod"),
            ("", "v1", "ServiceAccount"),
            ("apps", "v1", "Deployment"),
            ("discovery.k8s.io", "v1", "EndpointSlice"),
            ("crd.projectcalico.org", "v1", "Tier"),
        ];
        for (group, version, kind) in objects {
            assert_eq!(wanted(group, version, kind), Some(Wanted::Object), "{kind}");
        }
        let named = [
            ("cilium.io", "v2", "CiliumNetworkPolicy"),
            ("policy.networking.k8s.io", "v2", "ClusterNetworkPolicy"),
            ("k8s.ovn.org", "v1", "EgressFirewall"),
        ];
        for (group, version, kind) in named {
            assert_eq!(wanted(group, version, kind), Some(Wanted::Named), "{kind}");
        }
        for (group, version, kind) in
            [("", "v1", "Secret"), ("", "v1", "ConfigMap"), ("projectcalico.org", "v3", "IPPool")]
        {
            assert_eq!(wanted(group, version, kind), None, "{kind}");
        }
    }
}

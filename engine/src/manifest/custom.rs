//! What may make pods that the input does not show: custom resources, and controllers that come
//! with definitions of their own or with the right to create pods.

use std::sync::Arc;

use super::{builtin, unjudged};
use crate::tree::Node;

/// Kinds of a group.
enum Kinds {
    /// All of them.
    All,
    /// These.
    Some(&'static [&'static str]),
    /// All but these.
    Except(&'static [&'static str]),
}

/// Kinds that make no pods: they configure what is there. Whatever is not in the list may, but for
/// what decides traffic ([`unjudged`]).
const MAKE_NONE: &[(&str, Kinds)] = &[
    ("acme.cert-manager.io", Kinds::All),
    ("admission.k8s.io", Kinds::All),
    ("apiserver.config.k8s.io", Kinds::All),
    ("apiserver.k8s.io", Kinds::All),
    ("app.k8s.io", Kinds::All),
    ("argoproj.io", Kinds::Some(&["AppProject", "AnalysisTemplate", "ClusterAnalysisTemplate"])),
    ("audit.k8s.io", Kinds::All),
    ("autoscaling.k8s.io", Kinds::All),
    ("bitnami.com", Kinds::All),
    ("cert-manager.io", Kinds::All),
    ("cilium.io", Kinds::All),
    ("client.authentication.k8s.io", Kinds::All),
    ("config.linkerd.io", Kinds::All),
    ("constraints.gatekeeper.sh", Kinds::All),
    ("crd.antrea.io", Kinds::All),
    ("crd.projectcalico.org", Kinds::All),
    ("custom.metrics.k8s.io", Kinds::All),
    ("external-secrets.io", Kinds::All),
    ("external.metrics.k8s.io", Kinds::All),
    ("externaldns.k8s.io", Kinds::All),
    ("gateway.networking.k8s.io", Kinds::Except(&["Gateway"])),
    ("groupsnapshot.storage.k8s.io", Kinds::All),
    ("image.toolkit.fluxcd.io", Kinds::All),
    ("k8s.cni.cncf.io", Kinds::All),
    ("keda.sh", Kinds::Except(&["ScaledJob"])),
    ("kubeadm.k8s.io", Kinds::All),
    ("kubecontrollermanager.config.k8s.io", Kinds::All),
    ("kubelet.config.k8s.io", Kinds::All),
    ("kubeproxy.config.k8s.io", Kinds::All),
    ("kubescheduler.config.k8s.io", Kinds::All),
    ("kustomize.config.k8s.io", Kinds::All),
    ("kyverno.io", Kinds::All),
    ("linkerd.io", Kinds::All),
    ("metallb.io", Kinds::All),
    ("metrics.k8s.io", Kinds::All),
    ("migration.k8s.io", Kinds::All),
    (
        "monitoring.coreos.com",
        Kinds::Some(&[
            "AlertmanagerConfig",
            "PodMonitor",
            "Probe",
            "PrometheusRule",
            "ScrapeConfig",
            "ServiceMonitor",
        ]),
    ),
    ("multicluster.x-k8s.io", Kinds::All),
    ("networking.istio.io", Kinds::All),
    ("nfd.k8s-sigs.io", Kinds::All),
    ("notification.toolkit.fluxcd.io", Kinds::All),
    ("policy.linkerd.io", Kinds::All),
    ("populator.storage.k8s.io", Kinds::All),
    ("projectcalico.org", Kinds::All),
    ("projectcontour.io", Kinds::All),
    ("route.openshift.io", Kinds::All),
    ("scheduling.sigs.k8s.io", Kinds::All),
    ("scheduling.x-k8s.io", Kinds::All),
    ("secrets-store.csi.x-k8s.io", Kinds::All),
    ("security.istio.io", Kinds::All),
    ("security.openshift.io", Kinds::All),
    ("snapshot.storage.k8s.io", Kinds::All),
    ("source.toolkit.fluxcd.io", Kinds::All),
    ("telemetry.istio.io", Kinds::All),
    ("templates.gatekeeper.sh", Kinds::All),
    ("topology.node.k8s.io", Kinds::All),
    ("traefik.containo.us", Kinds::All),
    ("traefik.io", Kinds::All),
    ("wgpolicyk8s.io", Kinds::All),
];

/// Kinds that make whatever they are told, in whatever namespace.
const MAKE_ANYTHING: &[(&str, &[&str])] = &[
    // Of OpenShift, which served it without a group at first.
    ("", &["Template"]),
    ("argoproj.io", &["Application", "ApplicationSet"]),
    ("helm.cattle.io", &["HelmChart"]),
    ("helm.toolkit.fluxcd.io", &["HelmRelease"]),
    ("kustomize.toolkit.fluxcd.io", &["Kustomization"]),
    ("template.openshift.io", &["Template", "TemplateInstance"]),
];

/// Kinds of groups without a dot that make pods and are not read, since they have long been gone.
const ONCE_MADE_PODS: &[(&str, &[&str])] = &[
    // Of OpenShift.
    ("", &["Build", "BuildConfig"]),
    ("batch", &["ScheduledJob"]),
    ("extensions", &["Job"]),
];

/// Where an object of a kind that is not read may make pods.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MakesPods {
    /// In any namespace.
    Anywhere,
    /// In its own namespace; none where it names none.
    In(Option<Arc<str>>),
}

/// Where an object may make pods, if it may make any.
pub fn makes_pods(node: &Node<'_>, group: &str, kind: &str) -> Option<MakesPods> {
    match (group, kind) {
        ("apiextensions.k8s.io", "CustomResourceDefinition") => {
            return (!defines_none(node)).then_some(MakesPods::Anywhere);
        }
        ("rbac.authorization.k8s.io", "ClusterRole") => {
            return creates_pods(node).then_some(MakesPods::Anywhere);
        }
        ("rbac.authorization.k8s.io", "Role") if creates_pods(node) => {}
        _ if has(MAKE_ANYTHING, group, kind) => return Some(MakesPods::Anywhere),
        _ if makes_none(group, kind) => return None,
        _ => {}
    }
    Some(in_own_namespace(node))
}

/// Where an object makes pods that makes them in its own namespace.
pub fn in_own_namespace(node: &Node<'_>) -> MakesPods {
    let namespace = node.get("metadata").and_then(|metadata| metadata.get("namespace"));
    MakesPods::In(namespace.and_then(Node::as_str).map(Arc::from))
}

/// Whether a definition is of a kind that makes no pods. Whoever ships another one ships its
/// controller, too.
fn defines_none(definition: &Node<'_>) -> bool {
    let spec = definition.get("spec");
    let group = spec.and_then(|spec| spec.get("group")).and_then(Node::as_str);
    let kind = spec.and_then(|spec| spec.get("names")?.get("kind")?.as_str());
    group.zip(kind).is_some_and(|(group, kind)| makes_none(group, kind))
}

/// Whether a role lets whoever has it create pods, or what makes some.
fn creates_pods(role: &Node<'_>) -> bool {
    const MAKERS: [&str; 9] = [
        "*",
        "cronjobs",
        "daemonsets",
        "deployments",
        "jobs",
        "pods",
        "replicasets",
        "replicationcontrollers",
        "statefulsets",
    ];
    let lists = |rule: &Node<'_>, field: &str, words: &[&str]| {
        items(rule, field).iter().filter_map(Node::as_str).any(|word| words.contains(&word))
    };
    let creates = |rule: &Node<'_>| {
        lists(rule, "verbs", &["*", "create"]) && lists(rule, "resources", &MAKERS)
    };
    items(role, "rules").iter().any(creates)
}

fn items<'n, 't>(owner: &'n Node<'t>, field: &str) -> &'n [Node<'t>] {
    owner.get(field).map_or(&[], Node::items)
}

/// Whether a group is one of Kubernetes' own, of which all kinds that make pods are read, or one
/// that no API server has. Other projects have groups that end with `.k8s.io`, too.
fn is_built_in(group: &str) -> bool {
    !group.contains('.') || builtin::is_own(group)
}

fn has(kinds: &[(&str, &[&str])], group: &str, kind: &str) -> bool {
    kinds.iter().any(|(known, kinds)| *known == group && kinds.contains(&kind))
}

fn makes_none(group: &str, kind: &str) -> bool {
    if is_built_in(group) {
        return !has(ONCE_MADE_PODS, group, kind);
    }
    let kinds = MAKE_NONE.iter().find(|(known, _)| *known == group).map(|(_, kinds)| kinds);
    let configures = match kinds {
        None => false,
        Some(Kinds::All) => true,
        Some(Kinds::Some(kinds)) => kinds.contains(&kind),
        Some(Kinds::Except(kinds)) => !kinds.contains(&kind),
    };
    configures || unjudged::decides_traffic(group, kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_and_roles_tell_of_controllers() {
        let ask = |text: &str, group, kind| {
            let trees = crate::tree::read_trees(text);
            makes_pods(trees.documents.first().unwrap(), group, kind)
        };
        let define = |text| ask(text, "apiextensions.k8s.io", "CustomResourceDefinition");
        assert_eq!(
            define("spec: {group: longhorn.io, names: {kind: Volume}}"),
            Some(MakesPods::Anywhere)
        );
        assert_eq!(define("spec: {group: cert-manager.io, names: {kind: Issuer}}"), None);
        let role = |kind, text: &str| ask(text, "rbac.authorization.k8s.io", kind);
        let creates =
            "{metadata: {namespace: ci}, rules: [{resources: [pods, pods/exec], verbs: [create]}]}";
        assert_eq!(role("ClusterRole", creates), Some(MakesPods::Anywhere));
        assert_eq!(role("Role", creates), Some(MakesPods::In(Some("ci".into()))));
        let json = r#"{"rules": [{"resources": ["pods"], "verbs": ["create"]}]}"#;
        assert_eq!(role("ClusterRole", json), Some(MakesPods::Anywhere));
        let reads = json.replace("create", "get");
        assert_eq!(role("ClusterRole", &reads), None);
        assert_eq!(role("Role", "rules: [{resources: [pods], verbs: [get]}]"), None);
        assert_eq!(role("Role", "rules: [{resources: [pods/exec], verbs: [create]}]"), None);
    }

    #[test]
    fn only_kinds_that_are_known_to_make_none_do_not() {
        let text = "metadata: {namespace: shop}";
        let trees = crate::tree::read_trees(text);
        let node = trees.documents.first().unwrap();
        let own = || Some(MakesPods::In(Some("shop".into())));
        for (group, kind, expected) in [
            ("", "ConfigMap", None),
            ("rbac.authorization.k8s.io", "Role", None),
            ("monitoring.coreos.com", "ServiceMonitor", None),
            ("monitoring.coreos.com", "Prometheus", own()),
            ("gateway.networking.k8s.io", "HTTPRoute", None),
            ("gateway.networking.k8s.io", "Gateway", own()),
            ("jobset.x-k8s.io", "JobSet", own()),
            ("sparkoperator.k8s.io", "SparkApplication", own()),
            ("flinkoperator.k8s.io", "FlinkCluster", own()),
            ("snapshot.storage.k8s.io", "VolumeSnapshot", None),
            ("autoscaling.k8s.io", "VerticalPodAutoscaler", None),
            ("", "Template", Some(MakesPods::Anywhere)),
            ("template.openshift.io", "Template", Some(MakesPods::Anywhere)),
            ("skaffold", "Config", None),
            ("", "BuildConfig", own()),
            ("batch", "ScheduledJob", own()),
            ("k8s.ovn.org", "EgressFirewall", None),
            ("projectcalico.org", "GlobalNetworkSet", None),
            ("policy.networking.k8s.io", "AdminNetworkPolicy", None),
            ("example.com", "Thing", own()),
            ("argoproj.io", "Application", Some(MakesPods::Anywhere)),
        ] {
            assert_eq!(makes_pods(node, group, kind), expected, "{group} {kind}");
        }
    }
}

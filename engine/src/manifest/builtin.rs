//! The kinds of the API groups that Kubernetes owns, of whatever release: what is not among them no
//! API server serves, whatever definitions are installed.

use super::known::Known;
use super::{cluster_policy, unjudged};
use crate::diagnostic::{Code, Diagnostic, is_slip, nearest};

/// A group's versions, and kinds that one of them has or once had.
type Group = (&'static str, &'static [&'static str], &'static [&'static str]);

/// Groups of which no definition can be installed.
const GROUPS: &[Group] = &[
    ("", &["v1"], CORE),
    (
        "admissionregistration.k8s.io",
        &["v1", "v1beta1", "v1alpha1"],
        &[
            "ExternalAdmissionHookConfiguration",
            "InitializerConfiguration",
            "MutatingAdmissionPolicy",
            "MutatingAdmissionPolicyBinding",
            "MutatingWebhookConfiguration",
            "ValidatingAdmissionPolicy",
            "ValidatingAdmissionPolicyBinding",
            "ValidatingWebhookConfiguration",
        ],
    ),
    ("apiextensions.k8s.io", &["v1", "v1beta1"], &["ConversionReview", "CustomResourceDefinition"]),
    ("apiregistration.k8s.io", &["v1", "v1beta1"], &["APIService"]),
    (
        "apps",
        &["v1", "v1beta2", "v1beta1"],
        &[
            "ControllerRevision",
            "DaemonSet",
            "Deployment",
            "DeploymentRollback",
            "ReplicaSet",
            "Scale",
            "StatefulSet",
        ],
    ),
    ("auditregistration.k8s.io", &["v1alpha1"], &["AuditSink"]),
    (
        "authentication.k8s.io",
        &["v1", "v1beta1", "v1alpha1"],
        &["SelfSubjectReview", "TokenRequest", "TokenReview"],
    ),
    (
        "authorization.k8s.io",
        &["v1", "v1beta1"],
        &[
            "LocalSubjectAccessReview",
            "SelfSubjectAccessReview",
            "SelfSubjectRulesReview",
            "SubjectAccessReview",
        ],
    ),
    ("autoscaling", &["v2", "v2beta2", "v2beta1", "v1"], &["HorizontalPodAutoscaler", "Scale"]),
    ("batch", &["v1", "v1beta1", "v2alpha1"], &["CronJob", "Job", "JobTemplate", "ScheduledJob"]),
    (
        "certificates.k8s.io",
        &["v1", "v1beta1", "v1alpha1"],
        &["CertificateSigningRequest", "ClusterTrustBundle", "PodCertificateRequest"],
    ),
    (
        "coordination.k8s.io",
        &["v1", "v1beta1", "v1alpha2", "v1alpha1"],
        &["Lease", "LeaseCandidate"],
    ),
    ("discovery.k8s.io", &["v1", "v1beta1", "v1alpha1"], &["EndpointSlice"]),
    ("events.k8s.io", &["v1", "v1beta1"], &["Event"]),
    (
        "extensions",
        &["v1beta1"],
        &[
            "DaemonSet",
            "Deployment",
            "DeploymentRollback",
            "HorizontalPodAutoscaler",
            "Ingress",
            "Job",
            "NetworkPolicy",
            "PodSecurityPolicy",
            "ReplicaSet",
            "ReplicationControllerDummy",
            "Scale",
            "ThirdPartyResource",
        ],
    ),
    (
        "flowcontrol.apiserver.k8s.io",
        &["v1", "v1beta3", "v1beta2", "v1beta1", "v1alpha1"],
        &["FlowSchema", "PriorityLevelConfiguration"],
    ),
    ("imagepolicy.k8s.io", &["v1alpha1"], &["ImageReview"]),
    ("internal.apiserver.k8s.io", &["v1alpha1"], &["StorageVersion"]),
    (
        "meta.k8s.io",
        &["v1", "v1beta1"],
        &["PartialObjectMetadata", "PartialObjectMetadataList", "Table"],
    ),
    (
        "networking.k8s.io",
        &["v1", "v1beta1", "v1alpha1"],
        &["ClusterCIDR", "IPAddress", "Ingress", "IngressClass", "NetworkPolicy", "ServiceCIDR"],
    ),
    ("node.k8s.io", &["v1", "v1beta1", "v1alpha1"], &["RuntimeClass"]),
    (
        "policy",
        &["v1", "v1beta1", "v1alpha1"],
        &["Eviction", "PodDisruptionBudget", "PodSecurityPolicy"],
    ),
    (
        "rbac.authorization.k8s.io",
        &["v1", "v1beta1", "v1alpha1"],
        &["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"],
    ),
    (
        "resource.k8s.io",
        &["v1", "v1beta2", "v1beta1", "v1alpha3", "v1alpha2", "v1alpha1"],
        &[
            "DeviceClass",
            "DeviceTaintRule",
            "PodScheduling",
            "PodSchedulingContext",
            "ResourceClaim",
            "ResourceClaimParameters",
            "ResourceClaimTemplate",
            "ResourceClass",
            "ResourceClassParameters",
            "ResourceSlice",
        ],
    ),
    (
        "scheduling.k8s.io",
        &["v1", "v1beta1", "v1alpha2", "v1alpha1"],
        &["PodGroup", "PriorityClass", "Workload"],
    ),
    ("settings.k8s.io", &["v1alpha1"], &["PodPreset"]),
    (
        "storage.k8s.io",
        &["v1", "v1beta1", "v1alpha1"],
        &[
            "CSIDriver",
            "CSINode",
            "CSIStorageCapacity",
            "StorageClass",
            "VolumeAttachment",
            "VolumeAttributesClass",
        ],
    ),
    ("storagemigration.k8s.io", &["v1beta1", "v1alpha1"], &["StorageVersionMigration"]),
];

/// The kinds without a group; with those that OpenShift served without one, of which its templates
/// still are, and files of Kubernetes' own programs.
const CORE: &[&str] = &[
    "APIGroup",
    "APIGroupList",
    "APIResourceList",
    "APIVersions",
    "Binding",
    "ComponentStatus",
    "Config",
    "ConfigMap",
    "CreateOptions",
    "DeleteOptions",
    "Endpoints",
    "Event",
    "LimitRange",
    "List",
    "Namespace",
    "Node",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Pod",
    "PodTemplate",
    "Policy",
    "ReplicationController",
    "ResourceQuota",
    "Secret",
    "SerializedReference",
    "Service",
    "ServiceAccount",
    "Status",
    "WatchEvent",
    "Build",
    "BuildConfig",
    "DeploymentConfig",
    "Group",
    "Image",
    "ImageStream",
    "ImageStreamImport",
    "ImageStreamMapping",
    "ImageStreamTag",
    "OAuthClient",
    "Project",
    "ProjectRequest",
    "Route",
    "SecurityContextConstraints",
    "Template",
    "User",
];

/// Whether a group is one of those.
pub fn is_own(group: &str) -> bool {
    GROUPS.iter().any(|(own, ..)| *own == group)
}

/// What is wrong with a kind that is not understood, and in which field.
#[derive(Debug)]
pub struct Unserved {
    /// What to say.
    pub finding: Diagnostic,
    /// `kind` or `apiVersion`.
    pub field: &'static str,
    /// The kind that was meant, if it is one that is understood.
    pub meant: Option<Known>,
}

/// Whether a version, or else a kind, is that of an object that is known to somebody here.
pub fn is_known([api_version, kind]: [Option<&str>; 2]) -> bool {
    let version = |text: &str| {
        let (group, version) = text.split_once('/').unwrap_or(("", text));
        let mut groups = GROUPS.iter();
        let mut understood = Known::in_group(group);
        groups.any(|(name, versions, _)| *name == group && versions.contains(&version))
            || understood.any(|(known, _)| known.served(group).contains(&version))
    };
    let named = |kind: &str| {
        let mut groups = GROUPS.iter();
        groups.any(|(.., kinds)| kinds.contains(&kind))
            || Known::named(kind).is_some()
            || unjudged::is_somewhere(kind)
    };
    api_version.is_some_and(version) || kind.is_some_and(named)
}

/// Whether no API server can have a kind in a version: Kubernetes owns the group, or the kind is
/// but a slip from one that is understood.
pub fn unserved(group: &str, version: &str, kind: &str) -> Option<Unserved> {
    let kind = kind.strip_suffix("List").filter(|one| !one.is_empty()).unwrap_or(kind);
    let asked = Asked { group, version, kind };
    match GROUPS.iter().find(|(name, ..)| *name == group) {
        Some((_, versions, kinds)) if kinds.contains(&kind) => asked.in_version(versions),
        Some((.., kinds)) => Some(asked.among(kinds)),
        // Definitions that are installed have groups with a dot.
        None if !group.contains('.') => asked.without_group(),
        None => asked.of_others(),
    }
}

/// What an object says of its kind.
#[derive(Clone, Copy)]
struct Asked<'a> {
    group: &'a str,
    version: &'a str,
    kind: &'a str,
}

impl Asked<'_> {
    fn wrong(self, field: &'static str, meant: Option<Known>, help: Option<String>) -> Unserved {
        let Self { group, version, kind } = self;
        let api_version = joined(group, version);
        let message = format!("no API server has `{kind}` in `{api_version}`: it is ignored");
        let finding = Diagnostic { help, ..Diagnostic::new(Code::UnknownKind, message) };
        Unserved { finding, field, meant }
    }

    /// A kind that the group has, in some version.
    fn in_version(self, versions: &[&str]) -> Option<Unserved> {
        let known = Known::of(self.group, self.kind);
        let served = known.map_or(versions, |known| known.served(self.group));
        if served.contains(&self.version) {
            return None;
        }
        let latest = served.first().map(|latest| joined(self.group, latest));
        let help = latest.map(|latest| format!("write `apiVersion: {latest}`"));
        Some(self.wrong("apiVersion", known, help))
    }

    /// A kind that the group does not have.
    fn among(self, kinds: &[&str]) -> Unserved {
        if let Some(one) = self.elsewhere().or_else(|| self.by_slip()) {
            return one;
        }
        let meant = nearest(self.kind, kinds.iter().copied());
        let known = meant.and_then(|meant| Known::of(self.group, meant));
        self.wrong("kind", known, meant.map(|meant| format!("did you mean `{meant}`?")))
    }

    /// A kind that another group has: by its name.
    fn elsewhere(self) -> Option<Unserved> {
        let known = Known::named(self.kind);
        let builtin = || {
            let mut groups = GROUPS.iter().filter(|(group, ..)| *group != "extensions");
            let group = groups.find(|(.., kinds)| kinds.contains(&self.kind))?;
            Some(joined(group.0, group.1.first()?))
        };
        let home = known.map(|known| known.current_version().to_owned()).or_else(builtin)?;
        Some(self.wrong("apiVersion", known, Some(format!("write `apiVersion: {home}`"))))
    }

    /// A kind whose name is a slip from one that is understood.
    fn by_slip(self) -> Option<Unserved> {
        let (known, name) = Known::by_slip(self.kind)?;
        let help = match Known::of(self.group, name) {
            Some(_) => format!("did you mean `{name}`?"),
            None => format!("did you mean `{name}` of `{}`?", known.current_version()),
        };
        Some(self.wrong("kind", Some(known), Some(help)))
    }

    /// Of a group that nobody can have: some program's file, unless it is a known kind.
    fn without_group(self) -> Option<Unserved> {
        let known = Known::named(self.kind).and_then(|_| self.elsewhere());
        known.or_else(|| self.by_slip())
    }

    /// Of a group that is not Kubernetes' own: only slips from what is understood of it, and kinds
    /// that are understood in a group that looks like Kubernetes' own.
    fn of_others(self) -> Option<Unserved> {
        let mut own = Known::in_group(self.group);
        if self.group != cluster_policy::GROUP && own.any(|(_, name)| is_slip(self.kind, name)) {
            return self.by_slip();
        }
        let foreign = self.group.ends_with(".k8s.io") && Known::named(self.kind).is_some();
        let read = Known::of(self.group, self.kind).is_some();
        (foreign && !read).then(|| self.elsewhere()).flatten()
    }
}

fn joined(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn says(api_version: &str, kind: &str) -> Option<(&'static str, String)> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let unserved = unserved(group, version, kind)?;
        Some((unserved.field, unserved.finding.help.unwrap_or_default()))
    }

    #[test]
    fn groups_of_kubernetes_are_closed() {
        for (api_version, kind, field, help) in [
            ("v1", "NetworkPolicy", "apiVersion", "write `apiVersion: networking.k8s.io/v1`"),
            ("v1", "Deployment", "apiVersion", "write `apiVersion: apps/v1`"),
            ("v1", "Ingress", "apiVersion", "write `apiVersion: networking.k8s.io/v1`"),
            ("networking.k8s.io/v1", "Networkpolicy", "kind", "did you mean `NetworkPolicy`?"),
            (
                "networking.k8s.io/v2",
                "Ingress",
                "apiVersion",
                "write `apiVersion: networking.k8s.io/v1`",
            ),
            ("v1", "Confgmap", "kind", "did you mean `ConfigMap`?"),
            ("v1", "Thing", "kind", ""),
            ("v1", "deployment", "kind", "did you mean `Deployment` of `apps/v1`?"),
            ("app/v1", "Deployment", "apiVersion", "write `apiVersion: apps/v1`"),
            (
                "network.k8s.io/v1",
                "NetworkPolicy",
                "apiVersion",
                "write `apiVersion: networking.k8s.io/v1`",
            ),
            ("argoproj.io/v1alpha1", "RollOut", "kind", "did you mean `Rollout`?"),
        ] {
            assert_eq!(says(api_version, kind), Some((field, help.to_owned())), "{kind}");
        }
    }

    #[test]
    fn real_kinds_and_those_of_others_are_left_alone() {
        for (api_version, kind) in [
            ("v1", "ConfigMap"),
            ("v1", "ConfigMapList"),
            ("v1", "List"),
            ("v1", "Config"),
            ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
            ("autoscaling/v2beta2", "HorizontalPodAutoscaler"),
            ("policy/v1", "PodDisruptionBudget"),
            ("skaffold/v4beta6", "Config"),
            ("serving.knative.dev/v1", "Service"),
            ("argoproj.io/v1alpha1", "Workflow"),
            ("gateway.networking.k8s.io/v1", "HTTPRoute"),
            ("crd.projectcalico.org/v1", "NetworkPolicy"),
            ("policy.networking.k8s.io/v1alpha1", "AdminNetworkPolicy"),
        ] {
            assert_eq!(says(api_version, kind), None, "{kind}");
        }
    }
}

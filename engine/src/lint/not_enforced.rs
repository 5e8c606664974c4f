//! L48: a network plugin that enforces no policies.
//!
//! **What.** The input has Flannel's DaemonSet, has policies, and has nothing that is known to
//! enforce them.
//!
//! **Why.** The API server takes policies in every cluster. Flannel alone does nothing about them:
//! everything is open.
//!
//! **Fix.** Run an agent that enforces them next to Flannel, such as Portcullis' own, or another
//! network plugin.
//!
//! Plugins that are not seen as a DaemonSet are not judged: those that clouds run outside of the
//! cluster, and k3s, which enforces policies itself.

use std::sync::Arc;

use super::text::Field;
use super::{Context, Finding};
use crate::cluster::Workload;
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::Object;

/// What Flannel's DaemonSet is called, since when and however it is installed.
const FLANNEL: [&str; 3] = ["kube-flannel", "kube-flannel-ds", "flannel"];

/// Beginnings of what workloads are called that enforce policies, or install what does.
const ENFORCING: [&str; 16] = [
    "antrea",
    "aws-node",
    "azure-npm",
    "calico",
    "canal",
    "cilium",
    "kindnet",
    "kube-network-policies",
    "kube-ovn",
    "kube-router",
    "ovnkube",
    "ovs-",
    "portcullis",
    "romana",
    "tigera-operator",
    "weave",
];

/// One finding, at Flannel's DaemonSet, or at the first policy.
///
/// # Cost
/// Linear in the workloads.
pub fn findings(context: &Context<'_>) -> Vec<Finding> {
    let session = context.session;
    let workloads = || session.model().workloads.values();
    let is_flannel = |one: &&Workload| &*one.kind == "DaemonSet" && FLANNEL.contains(&&*one.name);
    let enforces = |one: &Workload| ENFORCING.iter().any(|name| one.name.starts_with(name));
    let Some(flannel) = workloads().find(is_flannel) else { return Vec::new() };
    let mut policies = session.policies().in_force().map(|(_, policy)| &policy.object);
    let Some(policy) = policies.next().filter(|_| !workloads().any(enforces)) else {
        return Vec::new();
    };
    let of_flannel = flannel.object.as_ref().filter(|object| session.origin(object).is_some());
    let place: &Arc<Object> = of_flannel.unwrap_or(policy);
    let finding = Diagnostic::new(
        Code::NotEnforced,
        "Flannel enforces no policies, and nothing in the input does: everything is open",
    )
    .with_help("run an agent that enforces them next to Flannel, or another network plugin");
    vec![context.about(place, Field::First(&["metadata.name"]), finding)]
}

//! L11: a policy in a namespace that has no pods in the input.

use rustc_hash::FxHashSet;

use super::{Context, Finding, about};
use crate::cluster::NamespaceId;
use crate::diagnostic::{Code, Diagnostic};

/// One finding for each such policy; those of the whole cluster are in no namespace.
pub fn findings(context: &Context<'_>) -> Vec<Finding> {
    let session = context.session;
    let model = session.model();
    let inhabited: FxHashSet<NamespaceId> =
        model.workloads.values().map(|one| one.namespace).collect();
    let own = session.policies().policies();
    let own = own.filter_map(|(_, policy)| Some((policy.namespace?, policy)));
    let idle = own.filter(|(namespace, _)| !inhabited.contains(namespace));
    let idle = idle.map(|(namespace, policy)| {
        let namespace = model.namespace_name(namespace);
        let message =
            format!("the policy is in namespace `{namespace}`, which has no pods in the input");
        let mut finding = Diagnostic::new(Code::NamespaceWithoutPods, message);
        if policy.object.meta.namespace.is_none() {
            finding = finding
                .with_help("it has no namespace: set `metadata.namespace` if another one is meant");
        }
        about(session, &policy.object, "metadata.name", finding)
    });
    idle.collect()
}

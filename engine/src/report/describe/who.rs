//! What is to be described.

use std::sync::Arc;

use crate::cluster::{EndpointId, NamespaceId};
use crate::diagnostic::nearest;
use crate::policy::{CompiledPolicy, PolicyId};
use crate::report::flow::in_namespace;
use crate::report::place;
use crate::report::query::{QueryError, Side, resolve};
use crate::report::types::ObjectRef;
use crate::session::Session;

/// Pods, and how they are called.
pub struct Pods {
    /// At least one.
    pub endpoints: Vec<EndpointId>,
    /// Their name.
    pub name: String,
}

/// The pods of a name, as flows have it.
pub fn pods(session: &Session, text: &str) -> Result<Pods, QueryError> {
    match resolve(session.model(), &in_namespace(session, text))? {
        Side::Endpoints { endpoints, name, .. } => Ok(Pods { endpoints, name }),
        Side::Addresses(_) | Side::Supposed { .. } => {
            let message = format!("`{text}` is not a pod or workload of the input");
            Err(QueryError::new(message))
        }
    }
}

/// The policy of a name: `NAMESPACE/NAME`, `NAMESPACE/KIND/NAME`, or a name that only one has.
pub fn policy<'s>(
    session: &'s Session,
    text: &str,
) -> Result<(PolicyId, &'s Arc<CompiledPolicy>), QueryError> {
    let all: Vec<(ObjectRef, PolicyId, &Arc<CompiledPolicy>)> = session
        .policies()
        .policies()
        .map(|(id, policy)| (place::object_ref(session, &policy.object), id, policy))
        .collect();
    let (rest, wanted) = text.rsplit_once('/').unwrap_or(("", text));
    let (namespace, kind) = rest.split_once('/').unwrap_or((rest, ""));
    let is_meant = |one: &&(ObjectRef, PolicyId, &Arc<CompiledPolicy>)| {
        let ObjectRef { kind: own, namespace: home, name } = &one.0;
        name == wanted
            && (kind.is_empty() || own.eq_ignore_ascii_case(kind))
            && (namespace.is_empty()
                || home.as_deref() == Some(namespace)
                || own.eq_ignore_ascii_case(namespace))
    };
    let found: Vec<_> = all.iter().filter(is_meant).collect();
    match found.as_slice() {
        [(_, id, policy)] => Ok((*id, policy)),
        [] => {
            let names: Vec<String> = all.iter().map(|(one, ..)| name(one)).collect();
            let short = all.iter().map(|(one, ..)| &*one.name);
            let meant =
                nearest(text, names.iter().map(String::as_str)).or_else(|| nearest(wanted, short));
            let meant = meant.map(|meant| format!(": did you mean `{meant}`?")).unwrap_or_default();
            Err(QueryError::new(format!("no policy `{text}` in the input{meant}")))
        }
        several => {
            let names = several.iter().map(|(one, ..)| match &one.namespace {
                Some(namespace) => format!("{namespace}/{}/{}", one.kind, one.name),
                None => format!("{}/{}", one.kind, one.name),
            });
            let names: Vec<String> = names.collect();
            Err(QueryError::new(format!("`{text}` is ambiguous: use {}", names.join(" or "))))
        }
    }
}

/// The namespace of a name.
pub fn namespace(session: &Session, name: &str) -> Result<NamespaceId, QueryError> {
    let model = session.model();
    model.namespace(name).ok_or_else(|| {
        let meant = nearest(name, model.namespaces.values().map(|one| &*one.name));
        let meant = meant.map(|meant| format!(": did you mean `{meant}`?")).unwrap_or_default();
        QueryError::new(format!("no namespace `{name}` in the input{meant}"))
    })
}

/// `shop/default-deny`, or the name alone.
pub fn name(policy: &ObjectRef) -> String {
    match &policy.namespace {
        Some(namespace) => format!("{namespace}/{}", policy.name),
        None => policy.name.clone(),
    }
}

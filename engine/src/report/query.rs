//! From what users write to endpoints of the model.

use std::net::IpAddr;

use super::list::workload_id;
use super::service;
use super::supposed::Supposed;
use super::types::Verdict;
use crate::cluster::{ClusterModel, Endpoint, EndpointId, GroupId, Life, NamespaceId, WorkloadId};
use crate::diagnostic::nearest;
use crate::manifest::{Body, WorkloadKind};
use crate::net::Family;

/// Why a question cannot be answered, as a sentence that says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryError {
    /// The sentence.
    pub message: String,
    /// Namespace and name of an end that is not in the input, if that is why.
    pub(super) missing: Option<(String, String)>,
    /// Whether no traffic is possible between the ends, whatever policies say.
    pub is_impossible: bool,
}

impl QueryError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), missing: None, is_impossible: false }
    }

    /// That no traffic is possible, whatever policies say.
    pub(super) fn impossible(message: impl Into<String>) -> Self {
        Self { is_impossible: true, ..Self::new(message) }
    }

    /// The same as an answer to someone who expects a verdict.
    #[must_use]
    pub fn expecting(self, verdict: Option<Verdict>) -> Self {
        if verdict.is_none() || !self.is_impossible {
            return self;
        }
        let message = format!("{}, and policies have no verdict to compare", self.message);
        Self { message, ..self }
    }

    /// The same about an end that is not in the input.
    pub(super) fn about(self, namespace: &str, name: &str) -> Self {
        Self { missing: Some((namespace.to_owned(), name.to_owned())), ..self }
    }
}

impl std::fmt::Display for QueryError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for QueryError {}

/// Who is meant by one end of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Side {
    /// Endpoints of the model, ascending; at least one.
    Endpoints {
        /// Their indices.
        endpoints: Vec<EndpointId>,
        /// How they are called in answers.
        name: String,
        /// Set where one of their addresses was asked for: only its family is meant.
        family: Option<Family>,
        /// Whether one pod is meant, though its template may stand for several.
        is_replica: bool,
    },
    /// Addresses that are no pod's: one, or all those of a node; at least one.
    Addresses(Vec<IpAddr>),
    /// A pod that is not in the input.
    Supposed {
        /// Pods of its labels.
        group: GroupId,
        /// How it is called in answers.
        name: String,
    },
}

impl Side {
    /// Endpoints that are asked for by name, and so in any family.
    pub fn endpoints(endpoints: Vec<EndpointId>, name: String) -> Self {
        Self::Endpoints { endpoints, name, family: None, is_replica: false }
    }

    /// Whether both are the same one pod of a template.
    pub fn is_same_replica(&self, other: &Self) -> bool {
        matches!(self, Self::Endpoints { is_replica: true, .. }) && self == other
    }
}

/// Who `text` means: `NS/POD`, `NS/WORKLOAD`, `NS/KIND/NAME`, `node/NAME`, an address, or a workload
/// or a part of it as lists write them, `NS/NAME[KIND]` and `NS/NAME[KIND]{POD and 2 more}`; or
/// `NS/{KEY=VALUE,…}`, a pod that is not in the input, if the session [supposes](Supposed) it.
///
/// # Errors
/// If nobody is, if several could be, or if those meant cannot take part in traffic.
pub fn resolve(model: &ClusterModel, text: &str) -> Result<Side, QueryError> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(address_side(model, address));
    }
    if let Some(pod) = Supposed::parse(text)? {
        return supposed(model, &pod);
    }
    let parts: Vec<&str> = text.split('/').collect();
    match parts.as_slice() {
        ["node" | "Node", name] => node(model, name),
        [namespace, name] => match as_listed(name) {
            Some((name, kind, None)) => workload(model, namespace, kind, name),
            Some((name, kind, Some(pod))) => part(model, (namespace, kind, name), pod),
            None => named(model, namespace, name),
        },
        [namespace, kind, name] => workload(model, namespace, kind, name),
        _ => Err(QueryError::new(format!(
            "`{text}` is not a pod, workload, node or address: use NAMESPACE/POD, NAMESPACE/KIND/NAME, node/NAME, an address, or NAMESPACE/{{KEY=VALUE}} for a pod that is not in the input"
        ))),
    }
}

/// Who has an address.
pub fn address_side(model: &ClusterModel, address: IpAddr) -> Side {
    let address = address.to_canonical();
    match model.by_address.get(&address) {
        Some(&endpoint) => Side::Endpoints {
            endpoints: vec![endpoint],
            name: pod_name(model, endpoint),
            family: Some(Family::of(address)),
            is_replica: false,
        },
        None => Side::Addresses(vec![address]),
    }
}

fn supposed(model: &ClusterModel, pod: &Supposed) -> Result<Side, QueryError> {
    let group = model.supposed_group(&pod.namespace, &pod.labels);
    let side = group.map(|group| Side::Supposed { group, name: pod.text() });
    side.ok_or_else(|| QueryError::new(format!("`{}` is not in the input", pod.text())))
}

fn node(model: &ClusterModel, name: &str) -> Result<Side, QueryError> {
    let Some(node) = model.nodes.iter().find(|node| *node.name == *name) else {
        let known = model.nodes.iter().map(|node| &*node.name);
        return Err(unknown(&format!("no node `{name}`"), nearest(name, known), "node/"));
    };
    if node.addresses.is_empty() {
        return Err(QueryError::new(format!(
            "node `{name}` has no address in the input: use its address instead"
        )));
    }
    Ok(Side::Addresses(node.addresses.clone()))
}

fn pod_name(model: &ClusterModel, endpoint: EndpointId) -> String {
    let Some(endpoint) = model.endpoints.get(endpoint) else {
        return String::new();
    };
    if endpoint.template {
        return workload_id(model, endpoint.workload).to_string();
    }
    let namespace = model.workload_of(endpoint).map_or("", |w| model.namespace_name(w.namespace));
    format!("{namespace}/{}", endpoint.name)
}

/// What tells an endpoint from others of its workload: a replica's own name.
pub fn part_name(model: &ClusterModel, id: EndpointId) -> String {
    let endpoint = model.endpoints.get(id);
    let workload = endpoint.and_then(|endpoint| model.workload_of(endpoint));
    match (endpoint, workload) {
        (Some(endpoint), Some(workload)) if endpoint.name != workload.name => {
            format!("{}/{}", model.namespace_name(workload.namespace), endpoint.name)
        }
        _ => pod_name(model, id),
    }
}

/// The name, the kind and the first pod of `NAME[KIND]` or `NAME[KIND]{POD and 2 more}`.
pub fn as_listed(text: &str) -> Option<(&str, &str, Option<&str>)> {
    let (text, pods) = match text.strip_suffix('}').and_then(|text| text.split_once('{')) {
        Some((text, pods)) => (text, pods.split(' ').next()),
        None => (text, None),
    };
    let (name, kind) = text.strip_suffix(']')?.split_once('[')?;
    Some((name, kind, pods))
}

/// One of the pods of a workload that policies do not distinguish speaks for all.
fn part(
    model: &ClusterModel,
    (namespace, kind, name): (&str, &str, &str),
    pod: &str,
) -> Result<Side, QueryError> {
    let whole = workload(model, namespace, kind, name)?;
    let Side::Endpoints { endpoints, .. } = &whole else { return Ok(whole) };
    let is_named = |id: &EndpointId| model.endpoints.get(*id).is_some_and(|e| *e.name == *pod);
    match endpoints.iter().find(|id| is_named(id)) {
        Some(one) => Ok(Side::endpoints(vec![*one], format!("{namespace}/{pod}"))),
        None => Err(QueryError::new(format!("no pod `{pod}` of `{namespace}/{name}[{kind}]`"))),
    }
}

/// A replica that a StatefulSet's template will have, which has a name before it is there.
fn replica(model: &ClusterModel, namespace: NamespaceId, name: &str) -> Option<Side> {
    let mut there = model.endpoints_in(namespace);
    let (id, _) = there.find(|(_, endpoint)| is_replica(endpoint, name))?;
    let name = format!("{}/{name}", model.namespace_name(namespace));
    Some(Side::Endpoints { endpoints: vec![id], name, family: None, is_replica: true })
}

/// Whether an endpoint is the pod of this name of a StatefulSet's template, or stands for it.
fn is_replica(endpoint: &Endpoint, name: &str) -> bool {
    let Some(object) = endpoint.object.as_ref().filter(|_| endpoint.template) else { return false };
    let Body::Workload(workload) = &object.body else { return false };
    if workload.kind != WorkloadKind::StatefulSet || endpoint.life != Life::Active {
        return false;
    }
    if endpoint.name != object.meta.name {
        return *endpoint.name == *name;
    }
    let number = name.strip_prefix(&*endpoint.name).and_then(|rest| rest.strip_prefix('-'));
    let number = number.filter(|text| *text == "0" || !text.starts_with(['0', '+']));
    let first = workload.first_replica;
    let numbers = first..first.saturating_add(workload.replicas.unwrap_or(1).max(1));
    number.and_then(|text| text.parse().ok()).is_some_and(|number: u32| numbers.contains(&number))
}

fn check_namespace(model: &ClusterModel, namespace: &str) -> Result<NamespaceId, QueryError> {
    model.namespace(namespace).ok_or_else(|| no_namespace(model, namespace, None))
}

/// That nothing is in a namespace, with the nearest one, or else who else may be meant.
fn no_namespace(model: &ClusterModel, namespace: &str, other: Option<String>) -> QueryError {
    let known = model.namespaces.values().map(|namespace| &*namespace.name);
    let meant = nearest(namespace, known).map(str::to_owned).or(other);
    let message = format!("no pod or workload in namespace `{namespace}`");
    if namespace.parse::<std::net::IpAddr>().is_ok() {
        return QueryError::new(format!(
            "a block of addresses is not the end of a flow: ask about one address of it, such as \
             `{namespace}`"
        ));
    }
    unknown(&message, meant.as_deref(), "")
}

/// A pod of this name, or else the one workload of it.
fn named(model: &ClusterModel, namespace: &str, name: &str) -> Result<Side, QueryError> {
    let Some(index) = model.namespace(namespace) else {
        return Err(no_namespace(model, namespace, elsewhere(model, name)));
    };
    let mut there = model.endpoints_in(index);
    let pod = there.find(|(_, endpoint)| *endpoint.name == *name && !endpoint.template);
    if let Some((pod, endpoint)) = pod {
        return match endpoint.life {
            Life::Active => Ok(Side::endpoints(vec![pod], pod_name(model, pod))),
            Life::NoAddress => Err(no_address(namespace, name)),
            Life::Finished => Err(finished(namespace, name)),
        };
    }
    if let Some(replica) = replica(model, index, name) {
        return Ok(replica);
    }
    let of_name =
        |(_, w): &(WorkloadId, &crate::cluster::Workload)| w.namespace == index && *w.name == *name;
    let workloads: Vec<WorkloadId> =
        model.workloads.iter().filter(of_name).map(|(id, _)| id).collect();
    match workloads.as_slice() {
        [one] => workload_side(model, *one),
        [] => {
            let pods = model.endpoints_in(index).map(|(_, e)| &*e.name);
            let owners =
                model.workloads.values().filter(|w| w.namespace == index).map(|w| &*w.name);
            let message = format!("no pod or workload `{name}` in namespace `{namespace}`");
            let meant = nearest(name, owners.chain(pods));
            let meant = meant.map(|meant| format!("{namespace}/{meant}"));
            let meant = meant.or_else(|| elsewhere(model, name));
            Err(unknown(&message, meant.as_deref(), "").about(namespace, name))
        }
        several => {
            let kinds: Vec<String> = several
                .iter()
                .filter_map(|i| model.workloads.get(*i))
                .map(|w| format!("{namespace}/{}/{name}", w.kind))
                .collect();
            Err(QueryError::new(format!(
                "`{namespace}/{name}` is ambiguous: use {}",
                kinds.join(" or ")
            )))
        }
    }
}

/// The workload of a name, if there is just one in all namespaces.
fn elsewhere(model: &ClusterModel, name: &str) -> Option<String> {
    let mut named = model.workloads.values().filter(|workload| *workload.name == *name);
    let (one, None) = (named.next()?, named.next()) else { return None };
    Some(format!("{}/{name}", model.namespace_name(one.namespace)))
}

fn workload(
    model: &ClusterModel,
    namespace: &str,
    kind: &str,
    name: &str,
) -> Result<Side, QueryError> {
    let index = check_namespace(model, namespace)?;
    let kind = long_kind(kind);
    let of_kind =
        |w: &&crate::cluster::Workload| w.namespace == index && w.kind.eq_ignore_ascii_case(kind);
    let found = model.workloads.iter().find(|(_, w)| of_kind(w) && *w.name == *name);
    if let Some((found, _)) = found {
        return workload_side(model, found);
    }
    if kind.eq_ignore_ascii_case("pod") {
        return named(model, namespace, name);
    }
    if service::is_service(kind) {
        return Err(QueryError::new(format!(
            "`{namespace}/{kind}/{name}` is a Service, which is never a source: use a pod or a workload"
        )));
    }
    let known = model.workloads.values().filter(of_kind).map(|w| &*w.name);
    let message = format!("no pod or workload: no {kind} `{name}` in namespace `{namespace}`");
    let meant = nearest(name, known);
    Err(unknown(&message, meant, &format!("{namespace}/{kind}/")).about(namespace, name))
}

/// Whether a text is the kind of something that may be an end, or a short name of it.
pub fn is_kind(text: &str) -> bool {
    let text = long_kind(text);
    let mut kinds = WorkloadKind::ALL.into_iter();
    service::is_service(text)
        || text.eq_ignore_ascii_case("pod")
        || kinds.any(|(name, ..)| name.eq_ignore_ascii_case(text))
}

/// The kind that one of `kubectl`'s short names stands for.
pub fn long_kind(kind: &str) -> &str {
    match kind.to_ascii_lowercase().as_str() {
        "po" | "pods" => "Pod",
        "deploy" | "deployments" => "Deployment",
        "sts" | "statefulsets" => "StatefulSet",
        "ds" | "daemonsets" => "DaemonSet",
        "rs" | "replicasets" => "ReplicaSet",
        "rc" | "replicationcontrollers" => "ReplicationController",
        "cj" | "cronjobs" => "CronJob",
        "jobs" => "Job",
        _ => kind,
    }
}

fn workload_side(model: &ClusterModel, workload: WorkloadId) -> Result<Side, QueryError> {
    let all = model.endpoints_of(workload).filter_map(|id| Some((id, model.endpoints.get(id)?)));
    let all: Vec<_> = all.collect();
    let active = all.iter().filter(|(_, endpoint)| endpoint.life == Life::Active);
    let endpoints: Vec<EndpointId> = active.map(|(i, _)| *i).collect();
    let Some(owner) = model.workloads.get(workload) else {
        return Err(QueryError::new("no such workload"));
    };
    let namespace = model.namespace_name(owner.namespace);
    if endpoints.is_empty() {
        let finished_all = all.iter().all(|(_, endpoint)| endpoint.life == Life::Finished);
        return Err(if finished_all {
            finished(namespace, &owner.name)
        } else {
            no_address(namespace, &owner.name)
        });
    }
    Ok(Side::endpoints(endpoints, workload_id(model, workload).to_string()))
}

fn no_address(namespace: &str, name: &str) -> QueryError {
    QueryError::impossible(format!(
        "`{namespace}/{name}` has no address yet, so no traffic is possible"
    ))
}

fn finished(namespace: &str, name: &str) -> QueryError {
    QueryError::impossible(format!("`{namespace}/{name}` has finished, so no traffic is possible"))
}

fn unknown(message: &str, meant: Option<&str>, prefix: &str) -> QueryError {
    QueryError::new(match meant {
        Some(meant) => format!("{message}: did you mean `{prefix}{meant}`?"),
        None => message.to_owned(),
    })
}

//! The ends of connections, one for each unit.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::cluster::{Addresses, ClusterModel, Endpoint, EndpointId, WorkloadId};
use crate::manifest::Direction;
use crate::reach::{Unit, UnitKind};
use crate::report::isolation::{has_cluster_policies, isolation};
use crate::report::place;
use crate::report::types::{EndpointKind, EndpointReport};
use crate::session::Session;
use crate::shared::Table;

/// Unique names of units: `shop/web[Deployment]`, with the pods' names where it is only a part.
pub fn unit_ids(model: &ClusterModel, units: &Table<Unit>) -> Table<Arc<str>, Unit> {
    units.values().map(|unit| unit_id(model, unit)).collect()
}

fn unit_id(model: &ClusterModel, unit: &Unit) -> Arc<str> {
    match &unit.kind {
        UnitKind::Outside(_, addresses) => addresses.range_texts().join(",").into(),
        UnitKind::Workload { workload, endpoints, part } => {
            let id = workload_id(model, *workload);
            if *part { format!("{id}{{{}}}", group_text(model, endpoints)).into() } else { id }
        }
    }
}

/// `shop/web[Deployment]`.
pub fn workload_id(model: &ClusterModel, workload: WorkloadId) -> Arc<str> {
    let Some(workload) = model.workloads.get(workload) else {
        return "".into();
    };
    let namespace = model.namespace_name(workload.namespace);
    format!("{namespace}/{}[{}]", workload.name, workload.kind).into()
}

fn group_text(model: &ClusterModel, endpoints: &[EndpointId]) -> String {
    // The first pod's name alone keeps the text unique and short.
    let first = endpoints.first().and_then(|i| model.endpoints.get(*i));
    let first = first.map_or("", |endpoint| &endpoint.name);
    match endpoints.len() {
        0 | 1 => first.to_owned(),
        n => format!("{first} and {} more", n - 1),
    }
}

/// The report on a unit.
pub fn endpoint(session: &Session, unit: &Unit, id: &Arc<str>) -> EndpointReport {
    let mut report = EndpointReport {
        id: id.clone(),
        kind: EndpointKind::Addresses,
        namespace: None,
        name: None,
        workload_kind: None,
        group: None,
        pods: Vec::new(),
        replicas: None,
        labels: BTreeMap::new(),
        addresses: Vec::new(),
        ingress: None,
        egress: None,
        cluster_policies: Vec::new(),
        host_network: false,
        location: None,
    };
    match &unit.kind {
        UnitKind::Outside(_, addresses) => report.addresses = addresses.cidrs(),
        UnitKind::Workload { workload, endpoints, part } => {
            report.group = part.then(|| group_text(session.model(), endpoints));
            fill_workload(session, &mut report, *workload, endpoints);
        }
    }
    report
}

fn fill_workload(
    session: &Session,
    report: &mut EndpointReport,
    workload: WorkloadId,
    endpoints: &[EndpointId],
) {
    let model = session.model();
    let Some(workload) = model.workloads.get(workload) else {
        return;
    };
    let endpoints: Vec<&Endpoint> =
        endpoints.iter().filter_map(|i| model.endpoints.get(*i)).collect();
    report.kind = EndpointKind::Workload;
    report.namespace = Some(model.namespace_name(workload.namespace).to_owned());
    report.name = Some(workload.name.to_string());
    report.workload_kind = Some(workload.kind.to_string());
    report.pods = endpoints.iter().filter(|e| !e.template).map(|e| e.name.to_string()).collect();
    report.pods.sort_unstable();
    report.replicas = if report.pods.is_empty() { workload.replicas } else { None };
    report.addresses = endpoints
        .iter()
        .flat_map(|e| match &e.addresses {
            Addresses::Known(addresses) => addresses.iter().map(ToString::to_string).collect(),
            Addresses::SomePod | Addresses::SomeNode => Vec::new(),
        })
        .collect();
    let Some(first) = endpoints.first() else {
        return;
    };
    if let Some(group) = first.group.and_then(|id| model.groups.get(id)) {
        report.labels = group.labels.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
    }
    report.host_network = first.host_network();
    report.ingress = Some(isolation(session, first, Direction::Ingress));
    report.egress = Some(isolation(session, first, Direction::Egress));
    let ruled = |direction: &Direction| has_cluster_policies(session, first, *direction);
    report.cluster_policies = Direction::BOTH.into_iter().filter(ruled).collect();
    let object = workload.object.as_ref().or(first.object.as_ref());
    report.location = object.and_then(|object| place::of_object(session, object, object.span));
}

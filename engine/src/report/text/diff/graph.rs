//! A comparison as a drawing: only what changes, with a sign and a colour on each arrow.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use super::super::graph;
use super::Mark;
use crate::report::types::{Connection, EndpointReport, ListReport, Summary};
use crate::report::{DiffEndpoint, DiffReport, DiffSide};

/// A graph for Graphviz.
pub fn write_dot(report: &DiffReport, out: &mut dyn Write) -> fmt::Result {
    let (list, marks) = drawn(report);
    graph::write_dot(&list, &marks, out)
}

/// A flowchart for Mermaid.
pub fn write_mermaid(report: &DiffReport, out: &mut dyn Write) -> fmt::Result {
    let (list, marks) = drawn(report);
    graph::write_mermaid(&list, &marks, out)
}

/// The list that has the changes as its connections, and what happens to each.
fn drawn(report: &DiffReport) -> (ListReport, Vec<Mark>) {
    let marks: Vec<Mark> = report.changes.iter().map(Mark::of).collect();
    let connections = report.changes.iter().zip(&marks).map(|(change, mark)| Connection {
        from: change.from.clone(),
        to: change.to.clone(),
        allowed: Some(format!("{} {}", mark.sign(), change.ports).into()),
        unknown: None,
        family: change.family,
        why: None,
    });
    let list = ListReport {
        endpoints: report.endpoints.iter().map(endpoint).collect(),
        groups: report.groups.clone(),
        connections: connections.collect(),
        port_sets: BTreeMap::new(),
        explanations: Vec::new(),
        admissions: Vec::new(),
        notes: Vec::new(),
        summary: Summary::default(),
    };
    (list, marks)
}

fn endpoint(one: &DiffEndpoint) -> EndpointReport {
    let pods = (!one.pods.is_empty()).then(|| one.pods.join(", "));
    let side = one.only_in.map(|side| match side {
        DiffSide::New => "only in the new state".to_owned(),
        DiffSide::Old => "only in the old state".to_owned(),
    });
    let second: Vec<String> = pods.into_iter().chain(side).collect();
    EndpointReport {
        id: one.id.clone(),
        kind: one.kind,
        namespace: one.namespace.clone(),
        name: one.name.clone(),
        workload_kind: one.workload_kind.clone(),
        group: (!second.is_empty()).then(|| second.join("; ")),
        pods: Vec::new(),
        replicas: None,
        labels: BTreeMap::new(),
        addresses: one.addresses.clone(),
        ingress: None,
        egress: None,
        cluster_policies: Vec::new(),
        host_network: false,
        location: None,
    }
}

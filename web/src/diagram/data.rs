//! From the scene to what the diagram takes.

use portcullis_engine::report::Verdict;
use serde::Serialize;

use crate::list::{node_passes, passes, selected};
use crate::names;
use crate::state::{Selection, State};
use crate::worker::message::{Edge, FlowAnswer, Judged, Namespace, Node, Policed, Scene, What};

/// More unknown flows than this say nothing as lines: a note counts them.
pub const UNKNOWN_DRAWN: usize = 12;

#[derive(Serialize)]
pub struct GraphData {
    nodes: Vec<GraphNode>,
    edges: Vec<GraphEdge>,
    namespaces: Vec<GraphNamespace>,
}

#[derive(Serialize)]
struct GraphNode {
    id: String,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    label: String,
    sub: String,
    title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    ingress: Option<Policed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    egress: Option<Policed>,
}

#[derive(Serialize)]
struct GraphEdge {
    id: String,
    from: String,
    to: String,
    label: String,
    state: &'static str,
}

#[derive(Serialize)]
struct GraphNamespace {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// The id of the edge between two nodes.
pub fn edge_id(from: &str, to: &str) -> String {
    format!("{from}\n{to}")
}

/// Flows of which nothing is certain.
pub fn unknown_edges(scene: &Scene) -> usize {
    scene.edges.iter().filter(|edge| edge.allowed.is_none()).count()
}

/// Everything that passes the filter, and the flow that was asked about even if it is denied.
pub fn graph_data(state: &State) -> Option<GraphData> {
    let scene = state.scene.as_deref()?;
    let few = unknown_edges(scene) <= UNKNOWN_DRAWN;
    let shown = |edge: &&Edge| {
        (edge.allowed.is_some() || few) && passes(scene, edge, &state.filter, state.language)
    };
    let mut edges: Vec<GraphEdge> = scene
        .edges
        .iter()
        .filter(shown)
        .filter_map(|edge| graph_edge(state, scene, edge))
        .collect();
    if let Some(asked) = asked_edge(state)
        && !edges.iter().any(|edge| edge.id == asked.id)
    {
        edges.push(asked);
    }
    let nodes = nodes(state, scene, &edges);
    Some(GraphData { nodes, edges, namespaces: scene.namespaces.iter().map(namespace).collect() })
}

fn nodes(state: &State, scene: &Scene, edges: &[GraphEdge]) -> Vec<GraphNode> {
    let ends: std::collections::HashSet<&str> =
        edges.iter().flat_map(|edge| [edge.from.as_str(), edge.to.as_str()]).collect();
    let shown = |node: &&Node| {
        let passes = state.filter.is_empty() || node_passes(node, &state.filter, state.language);
        // Addresses that nothing is drawn to or from say nothing.
        ends.contains(node.id.as_str()) || (passes && matches!(node.what, What::Workload(_)))
    };
    scene.nodes.iter().filter(shown).map(|node| graph_node(node, state)).collect()
}

fn graph_node(node: &Node, state: &State) -> GraphNode {
    let (kind, namespace) = match &node.what {
        What::Workload(workload) => ("workload", Some(workload.namespace.clone())),
        What::Addresses(_) => ("addresses", None),
    };
    GraphNode {
        id: node.id.clone(),
        kind,
        namespace,
        label: names::short(node, state.language),
        sub: names::sub(node, state.language),
        title: names::full(node, state.language),
        ingress: node.ingress,
        egress: node.egress,
    }
}

fn graph_edge(state: &State, scene: &Scene, edge: &Edge) -> Option<GraphEdge> {
    let id = |index: u32| scene.nodes.get(index as usize).map(|node| node.id.clone());
    let (from, to) = (id(edge.from)?, id(edge.to)?);
    let label = names::edge_ports(scene, edge, state.language);
    let drawn = if edge.allowed.is_some() { "allowed" } else { "unknown" };
    Some(GraphEdge { id: edge_id(&from, &to), from, to, label, state: drawn })
}

/// The flow that is asked about, where the list has nothing between its ends.
fn asked_edge(state: &State) -> Option<GraphEdge> {
    let Some(FlowAnswer::Judged(judged)) = state.answer.as_deref() else {
        return None;
    };
    let Judged { report, from, to } = &**judged;
    let drawn = match report.verdict {
        Verdict::Deny => "asked-denied",
        Verdict::Unknown => "unknown",
        Verdict::Allow => return None,
    };
    let (from, to) = from.clone().zip(to.clone()).filter(|(from, to)| from != to)?;
    if state.selection != Selection::Flow {
        return None;
    }
    let label = format!("{} {}", report.protocol, report.port);
    Some(GraphEdge { id: edge_id(&from, &to), from, to, label, state: drawn })
}

fn namespace(namespace: &Namespace) -> GraphNamespace {
    let note = (!namespace.labels.is_empty()).then(|| namespace.labels.join(" "));
    GraphNamespace { name: namespace.name.clone(), note }
}

/// Ids of what is amber.
pub fn selected_ids(state: &State) -> Vec<String> {
    match &state.selection {
        Selection::Node(node) => vec![node.clone()],
        _ => selected(state).iter().map(|(from, to)| edge_id(from, to)).collect(),
    }
}

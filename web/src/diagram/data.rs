//! From the scene to what the diagram takes.

use std::collections::{BTreeSet, HashMap};

use portcullis_engine::report::Verdict;
use serde::Serialize;

use crate::list::{node_passes, selected};
use crate::names;
use crate::state::{Selection, State};
use crate::text::Language;
use crate::worker::message::{Edge, FlowAnswer, Judged, Node, Policed, Scene, What};

/// More unknown flows than this say nothing as lines: a note counts them.
pub const UNKNOWN_DRAWN: u64 = 12;
/// More workloads than this are drawn as their namespaces, with lines of what is pointed at.
const DRAWN: usize = 60;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GraphData {
    nodes: Vec<GraphNode>,
    edges: Vec<GraphEdge>,
    #[serde(skip_serializing_if = "Option::is_none")]
    table: Option<GraphTable>,
    namespaces: Vec<GraphNamespace>,
    all_open: bool,
    undrawn: u64,
}

/// All flows between the nodes, as `Flows` has them: four numbers a cell.
#[derive(Serialize)]
struct GraphTable {
    rows: Vec<u32>,
    columns: Vec<u32>,
    cells: Vec<u32>,
    labels: Vec<String>,
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
    hit: bool,
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
    /// How many workloads it has, drawn or not.
    count: usize,
}

/// The id of the edge between two nodes.
pub fn edge_id(from: &str, to: &str) -> String {
    format!("{from}\n{to}")
}

/// Flows of which nothing is certain.
pub fn unknown_edges(scene: &Scene) -> u64 {
    scene.flows.count(|edge| edge.allowed.is_none())
}

/// What passes the filter, and the flow that was asked about even if it is denied.
pub fn graph_data(state: &State) -> Option<GraphData> {
    let scene = state.scene.as_deref()?;
    let shown = Shown::new(state, scene);
    let (mut edges, table) = match shown.workloads(scene) <= DRAWN {
        true => (edges(state, scene, &shown), None),
        false => (Vec::new(), Some(table(scene, &shown, state.language))),
    };
    if let Some(asked) = asked_edge(state) {
        // What is not known is drawn once.
        edges.retain(|edge| {
            edge.state == "allowed" || (&edge.from, &edge.to) != (&asked.from, &asked.to)
        });
        edges.push(asked);
    }
    let node =
        |at: &u32| Some(graph_node(scene.nodes.get(*at as usize)?, state, shown.is_hit(*at)));
    Some(GraphData {
        nodes: shown.nodes.iter().filter_map(node).collect(),
        edges,
        table,
        namespaces: namespaces(scene),
        all_open: scene.all_open && state.filter.is_empty(),
        undrawn: shown.undrawn,
    })
}

/// Which nodes are drawn: those that pass the filter, and whom they talk to.
struct Shown {
    nodes: BTreeSet<u32>,
    /// What passes a filter; none if there is no filter.
    hits: Option<BTreeSet<u32>>,
    /// Whether what no policy decides is left out, and how many flows that are.
    without_open: bool,
    undrawn: u64,
}

impl Shown {
    fn new(state: &State, scene: &Scene) -> Self {
        let all = 0..scene.flows.nodes();
        let passes = |at: &u32| {
            let node = scene.nodes.get(*at as usize);
            node.is_some_and(|node| node_passes(node, &state.filter, state.language))
        };
        if state.filter.is_empty() {
            let nodes = all.filter(|at| is_workload(scene, *at) || has_flows(scene, *at));
            return Self { nodes: nodes.collect(), hits: None, without_open: false, undrawn: 0 };
        }
        let hits: BTreeSet<u32> = all.filter(passes).collect();
        let whole = Self::with_peers(scene, hits.clone(), false);
        match whole.workloads(scene) <= DRAWN {
            true => whole,
            false => Self::with_peers(scene, hits, true),
        }
    }

    fn with_peers(scene: &Scene, hits: BTreeSet<u32>, without_open: bool) -> Self {
        let own = hits.iter().flat_map(|hit| {
            let (from, to) = (scene.flows.from(*hit), scene.flows.to(*hit));
            let to = to.into_iter().filter(|edge| !hits.contains(&edge.from));
            from.into_iter().chain(to)
        });
        let mut nodes: BTreeSet<u32> =
            hits.iter().copied().filter(|at| is_workload(scene, *at)).collect();
        let (left_out, drawn): (Vec<Edge>, Vec<Edge>) =
            own.partition(|edge| without_open && is_by_default(scene, edge));
        nodes.extend(drawn.iter().flat_map(|edge| [edge.from, edge.to]));
        let mut shown = Self { nodes, hits: Some(hits), without_open, undrawn: 0 };
        // A table has what is open as well, between nodes that are drawn.
        let in_table = shown.workloads(scene) > DRAWN;
        let is_drawn = |edge: &&Edge| {
            in_table && shown.nodes.contains(&edge.from) && shown.nodes.contains(&edge.to)
        };
        shown.undrawn = left_out.iter().filter(|edge| !is_drawn(edge)).count() as u64;
        shown
    }

    fn workloads(&self, scene: &Scene) -> usize {
        self.nodes.iter().filter(|at| is_workload(scene, **at)).count()
    }

    fn is_hit(&self, at: u32) -> bool {
        self.hits.as_ref().is_some_and(|hits| hits.contains(&at))
    }

    fn has(&self, scene: &Scene, edge: &Edge) -> bool {
        let is_end = |hits: &BTreeSet<u32>| hits.contains(&edge.from) || hits.contains(&edge.to);
        self.nodes.contains(&edge.to)
            && self.hits.as_ref().is_none_or(is_end)
            && !(self.without_open && is_by_default(scene, edge))
    }
}

fn is_workload(scene: &Scene, at: u32) -> bool {
    let node = scene.nodes.get(at as usize);
    node.is_some_and(|node| matches!(node.what, What::Workload(_)))
}

/// Addresses that nothing is drawn to or from say nothing.
fn has_flows(scene: &Scene, at: u32) -> bool {
    let flows = &scene.flows;
    let is_own = |cell: &Edge| {
        flows.rows.get(at as usize) == Some(&cell.from)
            || flows.columns.get(at as usize) == Some(&cell.to)
    };
    flows.cells.iter().any(is_own)
}

/// Whether no policy has a say at either end.
fn is_by_default(scene: &Scene, edge: &Edge) -> bool {
    let node = |at: u32| scene.nodes.get(at as usize);
    let open = |policed: Option<Policed>| policed.is_none_or(Policed::is_open);
    node(edge.from).is_some_and(|node| open(node.egress))
        && node(edge.to).is_some_and(|node| open(node.ingress))
}

fn edges(state: &State, scene: &Scene, shown: &Shown) -> Vec<GraphEdge> {
    let few = unknown_edges(scene) <= UNKNOWN_DRAWN;
    let own = shown.nodes.iter().flat_map(|from| scene.flows.from(*from));
    let own = own.filter(|edge| (edge.allowed.is_some() || few) && shown.has(scene, edge));
    own.filter_map(|edge| graph_edge(state, scene, &edge)).collect()
}

/// All flows of the nodes that are shown. Labels are numbered as they are met.
fn table(scene: &Scene, shown: &Shown, language: Language) -> GraphTable {
    let flows = &scene.flows;
    let of = |lines: &[u32]| -> Vec<u32> {
        shown.nodes.iter().filter_map(|at| lines.get(*at as usize).copied()).collect()
    };
    let mut labels = Vec::new();
    let mut numbers: HashMap<String, u32> = HashMap::new();
    let mut cells = Vec::with_capacity(flows.cells.len() * 4);
    for cell in &flows.cells {
        let label = names::set_of(scene, cell, language);
        let next = u32::try_from(labels.len()).unwrap_or(u32::MAX);
        let label = *numbers.entry(label).or_insert_with_key(|label| {
            labels.push(label.clone());
            next
        });
        cells.extend([cell.from, cell.to, label, u32::from(cell.allowed.is_none())]);
    }
    GraphTable { rows: of(&flows.rows), columns: of(&flows.columns), cells, labels }
}

fn graph_node(node: &Node, state: &State, hit: bool) -> GraphNode {
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
        hit,
    }
}

fn graph_edge(state: &State, scene: &Scene, edge: &Edge) -> Option<GraphEdge> {
    let id = |index: u32| scene.nodes.get(index as usize).map(|node| node.id.clone());
    let (from, to) = (id(edge.from)?, id(edge.to)?);
    let label = names::set_of(scene, edge, state.language);
    let drawn = if edge.allowed.is_some() { "allowed" } else { "unknown" };
    Some(GraphEdge { id: edge_id(&from, &to), from, to, label, state: drawn })
}

/// The flow that is asked about, unless it is allowed: beside what is allowed between its ends on
/// other ports.
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
    Some(GraphEdge { id: asked_id(&from, &to), from, to, label, state: drawn })
}

/// The id of the flow that is asked about, where it is drawn for itself.
fn asked_id(from: &str, to: &str) -> String {
    format!("{}\nasked", edge_id(from, to))
}

fn namespaces(scene: &Scene) -> Vec<GraphNamespace> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for node in &scene.nodes {
        if let What::Workload(workload) = &node.what {
            *counts.entry(&workload.namespace).or_default() += 1;
        }
    }
    let namespaces = scene.namespaces.iter().map(|namespace| GraphNamespace {
        name: namespace.name.clone(),
        note: (!namespace.labels.is_empty()).then(|| namespace.labels.join(" ")),
        count: counts.get(&*namespace.name).copied().unwrap_or(0),
    });
    namespaces.collect()
}

/// Ids of what is amber.
pub fn selected_ids(state: &State) -> Vec<String> {
    match &state.selection {
        Selection::Node(node) => vec![node.clone()],
        _ => match asked_edge(state) {
            Some(asked) => vec![asked.id],
            None => selected(state).iter().map(|(from, to)| edge_id(from, to)).collect(),
        },
    }
}

#[cfg(test)]
impl GraphData {
    /// What the diagram has between two nodes: in full or in its table, or nothing; none if one of
    /// them is not drawn.
    pub fn state_of(&self, from: &str, to: &str) -> Option<Option<&'static str>> {
        let at = |id: &str| self.nodes.iter().position(|node| node.id == id);
        let (a, b) = (at(from)?, at(to)?);
        let Some(table) = &self.table else {
            let found = self.edges.iter().find(|edge| edge.from == from && edge.to == to);
            return Some(found.map(|edge| edge.state));
        };
        let key = (table.rows.get(a)?, table.columns.get(b)?);
        let mut cells = table.cells.chunks_exact(4);
        let cell = cells.find(|cell| cell.first().zip(cell.get(1)) == Some(key));
        let state = |unknown: &u32| if *unknown == 0 { "allowed" } else { "unknown" };
        Some(cell.and_then(|cell| cell.get(3)).map(state))
    }
}

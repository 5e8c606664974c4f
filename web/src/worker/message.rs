//! What the page and its worker say to each other.
//!
//! Rust types at both ends, carried as structured clones: the reports leave out fields that hold
//! nothing, which only a self-describing format can read back. What is there by the thousand is
//! packed into bytes.

use portcullis_engine::FlowQuery;
use portcullis_engine::report::text::DiffMark;
use portcullis_engine::report::{
    Action, DiagnosticReport, Direction, Family, FlowReport, Location, Note, PortRange, Summary,
    Verdict,
};
use serde::{Deserialize, Serialize};

use super::assume::Assume;
use super::flows::Flows;

/// Changed files, and what is asked of the result.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Request {
    /// Grows with every request; the reply has the same.
    pub generation: u32,
    /// Whether all that was read before is forgotten.
    pub anew: bool,
    /// What is assumed, if that is something else than before.
    pub assume: Option<Assume>,
    pub put: Vec<SourceText>,
    pub remove: Vec<String>,
    /// What later states are compared with, if that is something else than before.
    pub pin: Option<Pin>,
    pub question: Question,
}

/// A state that later ones are compared with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pin {
    /// These texts, under what is assumed now.
    Set(Vec<SourceText>),
    /// None any more.
    Drop,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceText {
    pub name: String,
    pub text: String,
}

/// What is to be answered about the files as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The flow in the flow bar.
    pub flow: Option<FlowQuery>,
    /// A node whose reach is shown.
    pub node: Option<String>,
    /// A line of a file whose rule is looked for.
    pub line: Option<(String, u32)>,
    /// Flows of which only the verdict is asked: the goal of a lesson.
    pub goal: Vec<FlowQuery>,
}

/// What the worker says: answers at once, and what it finds when nothing else is waiting.
#[derive(Debug, Serialize, Deserialize)]
pub enum Message {
    Reply(Box<Reply>),
    Findings(u32, Findings),
    Changes(u32, Changes),
}

/// What differs from the pinned state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// Pairs with flows that were denied and are allowed, and the other way round; and those with
    /// flows that are unknown on one side.
    pub opened: u32,
    pub closed: u32,
    pub uncertain: u32,
    /// Workloads that are new, and that are gone.
    pub added: u32,
    pub removed: u32,
    /// The first of what differs.
    pub rows: Vec<ChangeRow>,
    /// How many more there are.
    pub more: u32,
}

/// Flows between some ends that differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeRow {
    pub mark: DiffMark,
    pub from: String,
    pub to: String,
    pub ports: String,
    /// The family, where the two differ.
    pub family: Option<Family>,
    /// Rules that make it so: as the command writes them, and where, if that is in a file of now.
    pub causes: Vec<(String, Option<Location>)>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Reply {
    pub generation: u32,
    /// How long it took, in milliseconds.
    pub took: f64,
    /// What there is to be drawn, without the documents that cannot be read; none if no file
    /// changed.
    pub scene: Option<Scene>,
    /// Documents that no answer counts; none if no file changed.
    pub broken: Option<Vec<Broken>>,
    pub flow: Option<FlowAnswer>,
    pub reach: Option<Reach>,
    pub rule: Option<RuleFlows>,
    /// The verdict of each flow of the goal, in their order; none of one that cannot be judged.
    pub goal: Vec<Option<Verdict>>,
}

/// What reading has found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Findings {
    pub diagnostics: Vec<DiagnosticReport>,
    /// How many more there are.
    pub more: u32,
}

/// A document that cannot be read: answers leave it out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broken {
    pub file: String,
    /// Which document of the file, from 1; none if the file has but one.
    pub document: Option<u32>,
    pub line: u32,
    pub message: String,
}

/// Who can reach whom.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Scene {
    pub nodes: Vec<Node>,
    pub namespaces: Vec<Namespace>,
    /// Sets of ports, as edges name them.
    pub port_sets: Vec<PortSet>,
    pub flows: Flows,
    /// Whether everything may send everything to everything.
    pub all_open: bool,
    /// What policies say, where there is no workload.
    pub lone: Vec<LonePolicy>,
    pub notes: Vec<Note>,
    pub summary: Summary,
}

/// A NetworkPolicy that is about no workload of the input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LonePolicy {
    pub name: String,
    pub namespace: String,
    /// Labels of the pods that it selects; none for all of them.
    pub subject: Option<String>,
    pub rules: Vec<LoneRule>,
    /// Whether it isolates for ingress, and for egress, without a rule.
    pub closed: [bool; 2],
    pub location: Option<Location>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoneRule {
    pub direction: Direction,
    /// Whom it names: `app=web`, `any peer`.
    pub peers: String,
    pub ports: String,
}

/// A workload, or addresses that policies do not tell apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    pub id: String,
    /// How the flow bar writes it.
    pub ask: String,
    pub what: What,
    pub ingress: Option<Policed>,
    pub egress: Option<Policed>,
    pub location: Option<Location>,
}

impl Node {
    /// Whether it is a workload that no policy limits in either direction.
    pub fn is_open(&self) -> bool {
        let free = |policed: Option<Policed>| policed.is_some_and(Policed::is_open);
        matches!(self.what, What::Workload(_)) && free(self.ingress) && free(self.egress)
    }
}

/// What policies do to one direction of a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Policed {
    /// No policy selects it.
    No,
    /// NetworkPolicies isolate it.
    Yes,
    /// NetworkPolicies may isolate it.
    Unknown,
    /// Only cluster policies select it, or may.
    Selected,
    /// Policies do not apply.
    Unenforced,
}

impl Policed {
    /// Whether no policy has a say in the direction.
    pub fn is_open(self) -> bool {
        matches!(self, Self::No | Self::Unenforced)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum What {
    Workload(Workload),
    Addresses(Addresses),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Workload {
    pub namespace: String,
    pub name: String,
    pub kind: String,
    /// Which part of it, where policies tell its pods apart.
    pub group: Option<String>,
    /// How many pods, where that is known.
    pub pods: Option<u32>,
}

/// Addresses, named as people would.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Addresses {
    All,
    AllOf(Family),
    /// All but these blocks.
    AllBut(Vec<String>),
    /// Most of them, but for more blocks than can be named.
    Others,
    /// These blocks, at least one.
    Blocks(Vec<String>),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Namespace {
    pub name: String,
    pub labels: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortSet {
    pub text: String,
    pub ranges: Vec<PortRange>,
}

/// What one node may send to another: indices of nodes and of port sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    pub from: u32,
    pub to: u32,
    pub allowed: Option<u32>,
    pub unknown: Option<u32>,
}

/// The flow that was asked about.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum FlowAnswer {
    Judged(Box<Judged>),
    /// It cannot be judged; the sentence says what to do.
    Refused(String),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    pub report: FlowReport,
    /// The nodes that its ends are part of.
    pub from: Option<String>,
    pub to: Option<String>,
}

/// All flows of one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    pub node: String,
    pub reaches: Vec<ReachLine>,
    pub reached_by: Vec<ReachLine>,
    /// How many of either are not listed.
    pub more: (u32, u32),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReachLine {
    /// Index of the other node.
    pub node: u32,
    pub allowed: Option<u32>,
    pub unknown: Option<u32>,
}

/// A rule, and the edges that it accepts or passes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleFlows {
    pub policy: String,
    /// For example `ingress[0].from[1]`.
    pub path: String,
    pub action: Action,
    pub location: Location,
    /// Pairs of ids of nodes.
    pub edges: Vec<(String, String)>,
}

/// Edges as bytes: four numbers each.
pub mod packed {
    use serde::de::{Deserializer, Error, Visitor};
    use serde::ser::Serializer;

    use super::Edge;

    const NONE: u32 = u32::MAX;

    pub fn serialize<S: Serializer>(edges: &[Edge], serializer: S) -> Result<S::Ok, S::Error> {
        let numbers = edges.iter().flat_map(|edge| {
            [edge.from, edge.to, edge.allowed.unwrap_or(NONE), edge.unknown.unwrap_or(NONE)]
        });
        let bytes: Vec<u8> = numbers.flat_map(u32::to_le_bytes).collect();
        serializer.serialize_bytes(&bytes)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Edge>, D::Error> {
        deserializer.deserialize_byte_buf(Bytes)
    }

    struct Bytes;

    impl Visitor<'_> for Bytes {
        type Value = Vec<Edge>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("edges as bytes")
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<Edge>, E> {
            Ok(bytes.chunks_exact(16).filter_map(edge).collect())
        }

        fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Vec<Edge>, E> {
            self.visit_bytes(&bytes)
        }
    }

    fn edge(bytes: &[u8]) -> Option<Edge> {
        let mut numbers = bytes.chunks_exact(4).filter_map(|four| four.try_into().ok());
        let mut next = || numbers.next().map(u32::from_le_bytes);
        let (from, to, allowed, unknown) = (next()?, next()?, next()?, next()?);
        let some = |n: u32| (n != NONE).then_some(n);
        Some(Edge { from, to, allowed: some(allowed), unknown: some(unknown) })
    }
}

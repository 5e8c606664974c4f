//! The types that users receive: what the command prints as JSON, what the npm package returns,
//! what the playground draws. Nothing else in the engine is serialised for users.
//!
//! Names of fields are camelCase in JSON. Optional fields are left out when they hold nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};

use super::PortQuery;
use super::port::PortText;
pub use crate::diagnostic::Severity;
pub use crate::manifest::calico::Order;
pub use crate::manifest::{Action, Direction};
pub use crate::net::{Family, Protocol};
pub use crate::policy::TierKind;
pub use crate::selector::Match;
pub use crate::verdict::{EndState, UnknownReason, Verdict};

#[cfg(feature = "schema")]
use schemars::JsonSchema;

/// Where something stands in a text that was read.
///
/// # Units
/// Lines and columns count from 1; columns count Unicode scalar values. `end` is exclusive.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Location {
    /// The file's name as it was given.
    pub file: Arc<str>,
    /// First line.
    pub line: u32,
    /// Column of the first character.
    pub column: u32,
    /// Line of the end.
    pub end_line: u32,
    /// Column after the last character.
    pub end_column: u32,
}

/// An object of the input, as users name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ObjectRef {
    /// For example `NetworkPolicy`.
    pub kind: String,
    /// Absent for objects without a namespace, such as a Node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// `metadata.name`; empty where the input has none.
    pub name: String,
}

/// One finding about the input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DiagnosticReport {
    /// Stable code, for example `L19`.
    pub code: String,
    /// The code's name, for example `unknown-field`.
    pub name: String,
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong: lower case, no full stop, the user's text in backticks.
    pub message: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The object that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectRef>,
    /// The field's path in that object, for example `spec.ingress[0].from[1]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Where it stands, when the input was text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// What to change in the text, where that is certain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<FixReport>,
}

/// A change of the text that does away with a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct FixReport {
    /// What is replaced; nothing if it ends where it begins.
    pub location: Location,
    /// What takes its place.
    pub text: String,
    /// Whether policies decide otherwise with it, or an object counts that was rejected.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub changes_meaning: bool,
}

/// How many objects there are of a kind that takes no part in the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct KindCount {
    /// For example `ConfigMap`.
    pub kind: String,
    /// How many.
    pub count: u32,
}

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Files read.
    pub files: u32,
    /// Namespaces that objects of the input are in or that the input declares.
    pub namespaces: u32,
    /// Workloads, pods without an owner among them.
    pub workloads: u32,
    /// Pods given as such (templates are not counted).
    pub pods: u32,
    /// Nodes.
    pub nodes: u32,
    /// Policies in force.
    pub policies: u32,
    /// Policies that are only audited.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub audited: u32,
    /// Host endpoints of Calico's; lists and what is made of them say nothing of hosts.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub host_endpoints: u32,
    /// Objects of other kinds, by kind, sorted by kind.
    pub ignored: Vec<KindCount>,
    /// Objects of kinds that decide traffic and that are not judged, by kind with its group, such
    /// as `CiliumNetworkPolicy (cilium.io)`, sorted: they can change any answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_judged: Vec<KindCount>,
    /// Policies that API servers reject, by kind with its group: they are not in force, and no
    /// answer counts them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rejected: Vec<KindCount>,
    /// What lies among the files and is not read as manifests: charts, kustomize trees, then files
    /// of other programs. Empty unless a folder was read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<SkippedReport>,
    /// Pairs of files or folders that hold different objects of the same names: of each, the last
    /// one counts. None unless a folder was read.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub variants: u32,
    /// Findings of severity `error`.
    pub errors: u32,
    /// Findings of severity `warning`.
    pub warnings: u32,
    /// Findings of severity `info`.
    pub infos: u32,
    /// Findings that the configuration, or an annotation `portcullis.dev/ignore`, says to ignore:
    /// they are not among the others.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub suppressed: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// Something that is not read as manifests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SkippedReport {
    /// What it is.
    pub what: SkippedWhat,
    /// Of a chart or a tree, its folder and then its files that are not read; else the files. Not
    /// empty.
    pub paths: Vec<String>,
    /// The command that prints the manifests which it stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rendered_by: Option<String>,
}

/// What is not read as manifests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum SkippedWhat {
    /// A Helm chart: none of it is read.
    HelmChart,
    /// A kustomize tree: its manifests are read as they stand, without its patches.
    Kustomization,
    /// Files without any Kubernetes object.
    NotManifest,
    /// Files and folders that the configuration leaves out.
    Ignored,
    /// Kinds that a cluster has and that whoever asks may not read.
    NotPermitted,
}

/// The answer of `check`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CheckReport {
    /// Findings, by file and position.
    pub diagnostics: Vec<DiagnosticReport>,
    /// What was read.
    pub summary: Summary,
}

/// What an endpoint of the list is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum EndpointKind {
    /// Addresses outside the cluster (or of nodes) that the policies do not distinguish.
    Addresses,
    /// Pods of one owner, or a group of them where policies distinguish them.
    Workload,
}

/// Isolation of a workload's pods by NetworkPolicies, per direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Isolation {
    /// No NetworkPolicy selects them in this direction: what no cluster policy denies is allowed.
    No,
    /// At least one NetworkPolicy does.
    Yes,
    /// Whether one does depends on a label that a template does not show.
    Unknown,
    /// Policies do not apply (host network, finished).
    Unenforced,
}

/// One end of connections.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct EndpointReport {
    /// Unique in the report: `shop/web[Deployment]`, `10.0.0.0-10.255.255.255`.
    pub id: Arc<str>,
    /// What it is.
    pub kind: EndpointKind,
    /// Its namespace, for workloads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its name, for workloads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `Deployment`, `Pod`, …, for workloads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload_kind: Option<String>,
    /// Which part of the workload, where policies distinguish its pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Names of its pods in the input, sorted; empty for a template.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pods: Vec<String>,
    /// Replicas that a template asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<u32>,
    /// Labels, for workloads.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Addresses: of pods where known, else the ranges of this endpoint as CIDRs, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// Whether NetworkPolicies isolate it for ingress, for workloads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ingress: Option<Isolation>,
    /// Whether NetworkPolicies isolate it for egress, for workloads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub egress: Option<Isolation>,
    /// Directions in which cluster policies with rules select it, or may: ingress first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cluster_policies: Vec<Direction>,
    /// Uses its node's network.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub host_network: bool,
    /// Where it is declared, when the input was text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}

/// A range of ports of one protocol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PortRange {
    /// Protocol.
    pub protocol: Protocol,
    /// First port.
    pub port: u16,
    /// Last port, inclusive.
    pub end_port: u16,
}

/// Endpoints that are treated alike by others, or neighbouring ranges of addresses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct GroupReport {
    /// Unique in the report, among endpoints too: `shop/*`, `all addresses`.
    pub id: Arc<str>,
    /// How texts write it, which need not be unique: `shop/* (12 workloads)`.
    pub name: Arc<str>,
    /// What its members are.
    pub kind: EndpointKind,
    /// `id`s of its endpoints, in their order.
    pub members: Vec<Arc<str>>,
}

/// What one end may send to another. Between groups, that is what each member of the one may send
/// to each member of the other that is not itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Connection {
    /// `id` of the source, an endpoint or a group.
    pub from: Arc<str>,
    /// `id` of the destination, an endpoint or a group.
    pub to: Arc<str>,
    /// What is allowed for certain, for example `TCP 80,443` or `All Connections`;
    /// a key of `portSets`. Absent where nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed: Option<Arc<str>>,
    /// What cannot be known from the input; a key of `portSets`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<Arc<str>>,
    /// The address family that this line holds for, where the two differ: `IPv4` or `IPv6`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<Family>,
    /// Why, if explanations were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Why>,
}

/// Why a connection is listed: indices of the report's `explanations`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Why {
    /// What the source's policies say.
    pub egress: u32,
    /// What the destination's policies say.
    pub ingress: u32,
}

/// Why one end lets a connection pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// Whether policies isolate it.
    pub state: EndState,
    /// The rules' peers that decide all or a part of it, in the order of evaluation, as indices of
    /// the report's `admissions`; empty unless policies select it.
    pub rules: Vec<u32>,
}

/// A rule, or one of its peers, that decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DecidingRule {
    /// The policy.
    pub policy: ObjectRef,
    /// The tier that it is in.
    pub tier: TierKind,
    /// The tier's name, if it is one of Calico's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier_name: Option<String>,
    /// What the rule does with what it matches.
    pub action: Action,
    /// The peer's path, `spec.ingress[0].from[1]`, or the rule's if it takes any peer.
    pub path: String,
    /// Whom it names, for example `app=web`.
    pub peer: String,
    /// Which ports it names, for example `TCP 80, UDP dns`.
    pub ports: String,
    /// Whether it is certain that it names the other end.
    pub matches: Match,
    /// Where the peer stands, or the rule if it takes any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}

/// Why verdicts are unknown, gathered over connections.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Note {
    /// Why, as a code.
    pub reason: UnknownReason,
    /// Why, as a sentence that says what would settle it.
    pub message: String,
    /// The policy whose rule it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<ObjectRef>,
    /// The rule's path, for example `spec.ingress[0]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Where the rule stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// How many pairs of endpoints it leaves open.
    pub connections: u32,
}

/// The answer of `list`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ListReport {
    /// Endpoints: addresses first (IPv4, then IPv6, ascending), then workloads by `id`.
    pub endpoints: Vec<EndpointReport>,
    /// Groups of endpoints that connections name, in the order of their first members, larger ones
    /// first. An endpoint can be in several of them, and in none.
    #[serde(default)]
    pub groups: Vec<GroupReport>,
    /// Between whom something is allowed or unknown, in the order of `endpoints`. Each pair of
    /// endpoints is in one connection at most, or in one for each family.
    pub connections: Vec<Connection>,
    /// What `allowed` and `unknown` name, as ranges, sorted by protocol and port.
    pub port_sets: BTreeMap<Arc<str>, Vec<PortRange>>,
    /// What `why` of connections names, each once; empty unless asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub explanations: Vec<Explanation>,
    /// What `rules` of explanations name, each once; empty unless asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub admissions: Vec<DecidingRule>,
    /// What cannot be known, and why.
    pub notes: Vec<Note>,
    /// What was read.
    pub summary: Summary,
}

/// A flow to evaluate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[cfg_attr(feature = "schema", schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase")]
pub struct FlowQuery {
    /// `NAMESPACE/POD`, `NAMESPACE/KIND/NAME` of a workload, `node/NAME`, an address, or
    /// `NAMESPACE/{KEY=VALUE}`, a pod of these labels that is not in the input.
    pub from: String,
    /// As `from`, or `NAMESPACE/Service/NAME`: then `port` is the Service's.
    pub to: String,
    /// `TCP`, `UDP` or `SCTP`; `TCP` if absent.
    #[cfg_attr(feature = "schema", schemars(default = "tcp"))]
    pub protocol: Protocol,
    /// Destination port as the destination pod sees it: a number, a name or a range. The protocol
    /// may stand behind it instead of in `protocol`: `53/UDP`.
    pub port: PortQuery,
}

/// As it is written: the protocol may be in either of two places.
#[derive(Deserialize)]
#[serde(rename = "FlowQuery", rename_all = "camelCase", deny_unknown_fields)]
struct WrittenFlowQuery {
    from: String,
    to: String,
    protocol: Option<Protocol>,
    port: PortText,
}

impl<'de> Deserialize<'de> for FlowQuery {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let WrittenFlowQuery { from, to, protocol, port } = Deserialize::deserialize(deserializer)?;
        let port = PortQuery::parse(&port.text(), protocol);
        let (port, protocol) = port.map_err(serde::de::Error::custom)?;
        Ok(Self { from, to, protocol, port })
    }
}

#[cfg(feature = "schema")]
fn tcp() -> Protocol {
    Protocol::Tcp
}

/// The answer of `eval` and `explain` for one flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct FlowReport {
    /// As asked.
    pub from: String,
    /// As asked.
    pub to: String,
    /// As asked.
    pub protocol: Protocol,
    /// As asked.
    pub port: PortQuery,
    /// The answer.
    pub verdict: Verdict,
    /// Why it is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<UnknownReason>,
    /// The answer as a sentence.
    pub summary: String,
    /// What the source resolved to, for example `shop/web[Deployment]`.
    pub source: Arc<str>,
    /// What the destination resolved to.
    pub destination: Arc<str>,
    /// Whether this is about two different pods of one workload, which was asked about itself: a
    /// pod always reaches itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub siblings: bool,
    /// The number of the port that the pods see, where it was asked for by name or a Service makes
    /// another one of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_port: Option<u16>,
    /// Everything allowed between the two, whatever the port asked about; of a Service, those of
    /// its ports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed: Option<String>,
    /// What decided, at each end, in the order in which a packet meets them.
    pub evidence: Evidence,
    /// What would be said if audited policies were enforced; absent where none of them has a say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit: Option<Box<AuditReport>>,
    /// Each answer with its own evidence, where pods, ports or address families differ.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<FlowPart>,
    /// Objects of the input that decide traffic and that are not judged, by kind with its group:
    /// they can change this answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_judged: Vec<KindCount>,
    /// Policies that API servers reject, by kind with its group: they are not in force, and no
    /// answer counts them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rejected: Vec<KindCount>,
}

/// What would be said of a flow if policies that are only audited were enforced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct AuditReport {
    /// The answer.
    pub verdict: Verdict,
    /// Why it is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<UnknownReason>,
    /// The answer as a sentence.
    pub summary: String,
    /// Audited policies that decide it, or may, sorted.
    pub policies: Vec<ObjectRef>,
    /// What would decide, at each end.
    pub evidence: Evidence,
    /// Each answer with its own evidence, where pods or address families would differ.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<FlowPart>,
}

/// One of several answers that a question has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct FlowPart {
    /// Who sends.
    pub source: Arc<str>,
    /// Who receives.
    pub destination: Arc<str>,
    /// The address family, where the two differ: `IPv4` or `IPv6`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<Family>,
    /// The ports that it is about, where those of a range differ: `80-85,90`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ports: Option<Arc<str>>,
    /// The number of the port that the pod sees, where it was asked for by name or a Service makes
    /// another one of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_port: Option<u16>,
    /// The answer.
    pub verdict: Verdict,
    /// Why it is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<UnknownReason>,
    /// What decided.
    pub evidence: Evidence,
}

/// Both ends of a flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// At the source.
    pub egress: EndReport,
    /// At the destination.
    pub ingress: EndReport,
}

/// One end of a flow, judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct EndReport {
    /// What this end alone says.
    pub verdict: Verdict,
    /// Why.
    pub state: EndState,
    /// Why, as a sentence.
    pub summary: String,
    /// Tiers of policies that select this end in this direction, in the order of evaluation.
    pub tiers: Vec<TierEvidence>,
    /// Their policies, tier by tier: cluster policies in the order of evaluation, NetworkPolicies
    /// that admit the flow first, then by name.
    pub policies: Vec<PolicyEvidence>,
}

/// What one tier says of a flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct TierEvidence {
    /// Which tier.
    pub tier: TierKind,
    /// The tier's name, if it is one of Calico's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier_name: Option<String>,
    /// The HostEndpoint that it is of, if it is of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_endpoint: Option<String>,
    /// What happens to the flow in it.
    pub outcome: TierOutcome,
    /// What decides, as a phrase: `admin pass (guard, rule rest)`.
    pub summary: String,
}

/// What happens to a flow in a tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum TierOutcome {
    /// It passes this end.
    Accept,
    /// It is denied.
    Deny,
    /// The next tier decides: a rule says so, or none matches.
    Pass,
    /// The input does not say.
    Unknown,
    /// An earlier tier has decided.
    NotReached,
}

/// What one policy says of a flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PolicyEvidence {
    /// The policy.
    pub policy: ObjectRef,
    /// Where it begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// The tier that it is in.
    pub tier: TierKind,
    /// The tier's name, if it is one of Calico's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier_name: Option<String>,
    /// Its priority, for cluster policies: lower numbers come first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u16>,
    /// Its order, for policies of Calico's that have one: lower numbers come first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,
    /// Whether it is only audited; such policies are in the evidence of an audit alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub audited: bool,
    /// Whether one of its rules matches the flow.
    pub matches: Match,
    /// Whether it decides what happens to the flow at this end, or may: by a rule that matches, or
    /// as one of those that isolate it.
    pub decides: bool,
    /// Why not, or that it has no rule, as a sentence.
    pub summary: String,
    /// Its rules of this direction, in order.
    pub rules: Vec<RuleEvidence>,
}

impl PolicyEvidence {
    /// Whether it is in a tier of the same end.
    pub fn is_in(&self, tier: &TierEvidence) -> bool {
        self.tier == tier.tier && self.tier_name == tier.tier_name
    }
}

/// What one rule says of a flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RuleEvidence {
    /// The rule's path, for example `spec.ingress[0]`.
    pub path: String,
    /// Its name, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it does with a flow that it matches; rules of a NetworkPolicy accept.
    pub action: Action,
    /// Where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// Whether it matches the flow.
    pub matches: Match,
    /// Whether it decides what happens to the flow at this end, or may.
    pub decides: bool,
    /// Whether all of its peers and all of its ports must match, as in rules of Calico's; else one of
    /// the peers and one of the ports.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub needs_all: bool,
    /// Its peers, in order; empty if the rule names none and so takes any. Of a rule of Calico's:
    /// what it asks of ends.
    pub peers: Vec<EntryEvidence>,
    /// Its ports, in order; empty if the rule names none and so takes any. Of a rule of Calico's:
    /// what it asks of protocols and ports.
    pub ports: Vec<EntryEvidence>,
}

impl RuleEvidence {
    /// Whether its peers match; naming none takes any.
    pub fn peers_match(&self) -> Match {
        self.match_of(&self.peers)
    }

    /// Whether its ports match; naming none takes any.
    pub fn ports_match(&self) -> Match {
        self.match_of(&self.ports)
    }

    fn match_of(&self, entries: &[EntryEvidence]) -> Match {
        let matches = entries.iter().map(|entry| entry.matches);
        let of_all = if self.needs_all { matches.min() } else { matches.max() };
        of_all.unwrap_or(Match::Yes)
    }
}

/// What one peer or port entry says of a flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct EntryEvidence {
    /// Its path, for example `spec.ingress[0].from[1]`.
    pub path: String,
    /// What it says, briefly: `app=web`, `10.0.0.0/8 except 10.1.0.0/16`, `TCP 5432`.
    pub text: String,
    /// Where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// Whether it matches.
    pub matches: Match,
    /// Why it does not match, or why that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

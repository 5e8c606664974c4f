//! Expectations as they are read, and what is said of them.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::manifest::Direction;
use crate::net::Protocol;
use crate::report::flows::FlowEntry;
use crate::report::port::PortQuery;
use crate::report::types::{FlowReport, Location, ObjectRef, Summary, Verdict};
use crate::source::Span;

#[cfg(feature = "schema")]
use schemars::JsonSchema;

/// A file of expectations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectations {
    /// The file's name as it was given.
    pub file: Arc<str>,
    /// Paths of manifests as written: from the folder that the file is in.
    pub manifests: Vec<String>,
    /// The expectations, in order; at least one.
    pub entries: Vec<ExpectationEntry>,
    /// The spaces before the dash of the list's items; none if the list is not written so.
    pub indent: Option<usize>,
}

/// An expectation of a file, or why it is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectationEntry {
    /// Its name, if it has one.
    pub name: Option<String>,
    /// The line that it stands at, or what is wrong in it; from 1.
    pub line: u32,
    /// The column there, from 1.
    pub column: u32,
    /// What is expected, or what is wrong, as a sentence.
    pub asked: Result<Expectation, String>,
}

/// What is expected of whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// What is expected.
    pub expect: Expected,
    /// Of whom.
    pub asked: Asked,
    /// Ends that patterns do not mean.
    pub except: Vec<String>,
}

/// Whom an expectation is about; each end is a text as a flow has it, or a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Each flow from one to another on a port.
    Flows {
        /// Sources; at least one.
        from: Vec<String>,
        /// Destinations; at least one.
        to: Vec<String>,
        /// Ports; at least one.
        ports: Vec<AskedPort>,
    },
    /// Whether NetworkPolicies isolate them.
    Isolated {
        /// The pods; at least one.
        pods: Vec<String>,
        /// In which directions; at least one.
        directions: Vec<Direction>,
    },
    /// Whether they reach addresses of the internet.
    NoInternet {
        /// The pods; at least one.
        pods: Vec<String>,
    },
}

/// A port of a protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedPort {
    /// The port: a number, a name or a range.
    pub port: PortQuery,
    /// Its protocol.
    pub protocol: Protocol,
}

impl AskedPort {
    /// A port of a protocol.
    pub fn new(port: PortQuery, protocol: Protocol) -> Self {
        Self { port, protocol }
    }
}

/// What can be expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Expected {
    /// Each flow is allowed.
    Allow,
    /// Each flow is denied.
    Deny,
    /// Of each flow it is unknown.
    Unknown,
    /// NetworkPolicies isolate each pod.
    Isolated,
    /// Each pod is denied every address of the internet.
    NoInternet,
}

/// All that can be expected, as files write it.
pub const EXPECTED: [(&str, Expected); 5] = [
    ("allow", Expected::Allow),
    ("deny", Expected::Deny),
    ("unknown", Expected::Unknown),
    ("isolated", Expected::Isolated),
    ("no-internet", Expected::NoInternet),
];

impl Expected {
    /// As files write it.
    pub fn word(self) -> &'static str {
        EXPECTED.iter().find(|(_, one)| *one == self).map_or("", |(word, _)| word)
    }

    /// The verdict that flows must have.
    pub fn verdict(self) -> Verdict {
        match self {
            Self::Allow => Verdict::Allow,
            Self::Unknown => Verdict::Unknown,
            Self::Deny | Self::Isolated | Self::NoInternet => Verdict::Deny,
        }
    }
}

/// What is wrong at a place of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// Where in the document.
    pub span: Span,
    /// What, as a sentence.
    pub message: String,
}

/// Why a file of expectations could not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectationsError {
    /// The file's name as it was given.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
    /// What is wrong, as a sentence.
    pub message: String,
}

impl fmt::Display for ExpectationsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)
    }
}

impl std::error::Error for ExpectationsError {}

/// What to say next to whether expectations hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TestOptions {
    /// Which rules decide what is expected.
    pub coverage: bool,
    /// Which changes of policies would be noticed.
    pub mutants: bool,
    /// Expectations that would notice the others; only with `mutants`.
    pub suggest: bool,
}

/// What became of the expectations of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct TestReport {
    /// The file of expectations.
    pub file: Arc<str>,
    /// Each expectation, in the order of the file.
    pub expectations: Vec<ExpectationReport>,
    /// Which rules decide what is expected; absent unless asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coverage: Option<CoverageReport>,
    /// Which changes of policies would be noticed; absent unless asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mutants: Option<MutantsReport>,
    /// What was read.
    pub summary: Summary,
}

impl TestReport {
    /// How many expectations have an outcome.
    pub fn count(&self, outcome: ExpectationOutcome) -> usize {
        self.expectations.iter().filter(|one| one.outcome == outcome).count()
    }
}

/// Whether an expectation holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum ExpectationOutcome {
    /// It does, of everyone that it is about.
    Holds,
    /// It does not, or that is unknown.
    Fails,
    /// It could not be evaluated.
    Invalid,
}

/// What became of an expectation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ExpectationReport {
    /// Its name, or what it says: `shop/* → shop/db TCP 5432 deny`.
    pub name: String,
    /// The line that it stands at, from 1.
    pub line: u32,
    /// The column there, from 1.
    pub column: u32,
    /// What is expected; absent where that could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect: Option<Expected>,
    /// Whether it holds.
    pub outcome: ExpectationOutcome,
    /// Why it could not be evaluated, as a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// How many questions it asks: pairs of ends, times ports; or pods, times directions.
    pub questions: usize,
    /// How many of them have another answer than expected.
    pub failing: usize,
    /// Ends of it that are not in the input, and so stand for a pod of these labels.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub supposed: Vec<String>,
    /// Answers other than expected: the first ones, of those that are treated alike one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<ExpectationFailure>,
}

/// An answer other than expected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ExpectationFailure {
    /// What is so instead, as a sentence.
    pub message: String,
    /// How many questions it answers: ends that are treated alike have one answer.
    pub questions: usize,
    /// The answer as `eval` gives it, with what decides; absent where the question is whether pods
    /// are isolated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flow: Option<Box<FlowReport>>,
}

/// Which rules decide what is expected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CoverageReport {
    /// Rules, and directions that policies isolate for.
    pub parts: usize,
    /// Those that decide at least one answer.
    pub covered: usize,
    /// Policies in force, sorted by namespace and name.
    pub policies: Vec<PolicyCoverage>,
}

/// Which rules of a policy decide what is expected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PolicyCoverage {
    /// The policy.
    pub policy: ObjectRef,
    /// Its rules, and before those of a direction that it isolates for, that it does.
    pub parts: Vec<PartCoverage>,
}

/// Whether a rule decides what is expected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PartCoverage {
    /// The rule's path, `spec.ingress[0]`, or `spec.ingress`: that what no rule admits is denied.
    pub path: String,
    /// Where it stands; of a direction, the policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// Indices of expectations of which it decides an answer, ascending.
    pub expectations: Vec<usize>,
}

/// Which changes of policies would be noticed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct MutantsReport {
    /// Every change that was tried: by policy, direction and place.
    pub mutants: Vec<MutantReport>,
    /// Expectations that would notice changes that none of the file does; empty unless asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub suggestions: Vec<Suggestion>,
}

impl MutantsReport {
    /// How many changes have an outcome.
    pub fn count(&self, outcome: MutantOutcome) -> usize {
        self.mutants.iter().filter(|one| one.outcome == outcome).count()
    }
}

/// Whether a change would be noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum MutantOutcome {
    /// An expectation that holds would fail, or one that fails would hold.
    Noticed,
    /// None would, and a flow is allowed or denied otherwise.
    Unnoticed,
    /// None would, and it was found to change no flow between pods and addresses of the input.
    WithoutEffect,
}

/// How a policy was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum MutantKind {
    /// The policy is gone.
    PolicyRemoved,
    /// It says nothing of a direction.
    DirectionRemoved,
    /// A rule is gone.
    RuleRemoved,
    /// One of several peers is gone.
    PeerRemoved,
    /// The rule takes any peer.
    AnyPeer,
    /// One of several ports is gone.
    PortRemoved,
    /// The rule takes any port.
    AnyPort,
    /// A selector has a requirement less.
    SelectorWidened,
    /// A rule of a cluster policy, or of Calico's, does the opposite.
    ActionFlipped,
    /// A rule of Calico's asks for something less.
    ConditionRemoved,
}

/// A change of a policy, and whether it would be noticed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct MutantReport {
    /// The policy.
    pub policy: ObjectRef,
    /// What of it is changed: `spec.ingress[0].from[1]`, or `spec` for the whole.
    pub path: String,
    /// Where that stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// How.
    pub kind: MutantKind,
    /// How, as a phrase: `without app=web`.
    pub change: String,
    /// Whether it would be noticed.
    pub outcome: MutantOutcome,
    /// The index of the first expectation that notices it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noticed_by: Option<usize>,
    /// A flow that it changes, with what is so without the change, where no expectation notices it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example: Option<FlowEntry>,
    /// The verdict of that flow with the change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub becomes: Option<Verdict>,
}

/// An expectation that would notice changes that none of the file does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Suggestion {
    /// The expectation.
    pub entry: FlowEntry,
    /// Indices of the changes that it notices, ascending; at least one.
    pub notices: Vec<usize>,
}

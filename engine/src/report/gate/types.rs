//! The types of a gate and of a comparison of policies that users receive.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::report::types::{
    Action, Direction, Family, Location, ObjectRef, Protocol, Summary, Verdict,
};

#[cfg(feature = "schema")]
use schemars::JsonSchema;

/// Whether a rule holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum GateOutcome {
    /// It does, for everything that is there or may come to be.
    Holds,
    /// It does not: there is a flow that it forbids.
    Broken,
    /// It cannot be ruled out that there is such a flow: the input leaves it open.
    Unknown,
    /// There are more combinations than are looked at.
    Undecided,
}

/// How many rules have each outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct GateSummary {
    /// Rules that hold.
    pub holds: u32,
    /// Rules that are broken.
    pub broken: u32,
    /// Rules of which it cannot be ruled out that they are broken.
    pub unknown: u32,
    /// Rules with too many combinations.
    pub undecided: u32,
}

/// The answer of `gate`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct GateReport {
    /// All rules, in the order of their file.
    pub rules: Vec<GateRuleReport>,
    /// How many rules have each outcome.
    pub summary: GateSummary,
    /// What was read of the old side, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<Summary>,
    /// What was read of the new side.
    pub new: Summary,
}

/// What is said of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct GateRuleReport {
    /// Its name.
    pub name: Arc<str>,
    /// What it is for, if the file says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Arc<str>>,
    /// What it demands, as a sentence: `never from the internet to pods {data=sensitive}`.
    pub rule: String,
    /// Where it stands in its file.
    pub location: Location,
    /// Whether it holds.
    pub outcome: GateOutcome,
    /// Why it is undecided, as a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Flows that break it, or of which it cannot be ruled out that they do: one for each set of
    /// lines that opens some.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub witnesses: Vec<Witness>,
    /// What is taken for granted: for example that no pod has some address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assumptions: Vec<String>,
    /// Ends of the rule that no pod of the input is, as its sentence has them: pods that may come to
    /// be are, or a word is mistyped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unmatched: Vec<String>,
}

/// A flow that shows something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Witness {
    /// The source.
    pub from: WitnessEnd,
    /// The destination.
    pub to: WitnessEnd,
    /// Its protocol.
    pub protocol: Protocol,
    /// The destination port.
    pub port: u16,
    /// The address family, where the two differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<Family>,
    /// What the policies say; of a comparison, those of the new side.
    pub verdict: Verdict,
    /// What the old side says, in a comparison.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Verdict>,
    /// Why it is not known, as a sentence that says what would settle it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What lets it pass, or may, at each end: the source first.
    pub opened_by: Vec<Opening>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Arguments with which `portcullis eval` and `portcullis explain` confirm it, but for the
    /// input; where pods are not in the input, together with `manifests`.
    pub arguments: Vec<String>,
    /// The pods that are not in the input, and their namespaces, as YAML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifests: Option<String>,
}

/// An end of such a flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct WitnessEnd {
    /// How it is written: `shop/web-0`, `shop/web[Deployment]`, an address, or
    /// `shop/{app=web}` for a pod that is not in the input.
    pub text: String,
    /// Whether it is a pod that is not in the input and may come to be.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hypothetical: bool,
    /// Whether its namespace is not in the input either.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub new_namespace: bool,
    /// Its namespace, for pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Labels, for pods.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Labels of its namespace, where it is not in the input.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub namespace_labels: BTreeMap<String, String>,
    /// Names that it gives to the port, where it is not in the input.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub port_names: Vec<String>,
    /// Its address, where it is not in the input and an address plays a part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// What lets a flow pass at one end, or may.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Opening {
    /// At which end: `egress` is the source.
    pub direction: Direction,
    /// The policy; absent where none selects the pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<ObjectRef>,
    /// What the rule does with the flow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<Action>,
    /// The peer's path, `spec.ingress[0].from[1]`, or the rule's if it takes any peer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Whom the peer names, or that no policy selects the pod.
    pub text: String,
    /// Where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}

/// The answer of `equal`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct EqualReport {
    /// Whether both sides mean the same.
    pub outcome: EqualOutcome,
    /// Why that is undecided or unknown, as a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Flows of which they say something else: `before` is A, `verdict` B.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub witnesses: Vec<Witness>,
    /// What is taken for granted: for example that no pod has some address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assumptions: Vec<String>,
    /// What was read of A.
    pub a: Summary,
    /// What was read of B.
    pub b: Summary,
}

/// Whether two sets of policies mean the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum EqualOutcome {
    /// They do, for all pods that are there or may come to be.
    Equal,
    /// They do not.
    Different,
    /// The input leaves it open.
    Unknown,
    /// There are more combinations than are looked at.
    Undecided,
}

//! The types of a comparison that users receive.

use std::collections::BTreeMap;
use std::sync::Arc;

use enum_map::{Enum, EnumMap};
use serde::{Deserialize, Serialize};

use crate::report::types::{
    Action, Direction, EndpointKind, Family, GroupReport, Location, Note, ObjectRef, PortRange,
    Summary, TierKind, Verdict,
};

#[cfg(feature = "schema")]
use schemars::JsonSchema;

/// One of the two inputs of a comparison.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Enum, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum DiffSide {
    /// What there was.
    Old,
    /// What there is, or is to be.
    New,
}

/// An entry for each side.
pub type BySide<T> = EnumMap<DiffSide, T>;

/// An end of changes, or a workload that only one side has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DiffEndpoint {
    /// Unique in the report: `shop/web[Deployment]`, `10.0.0.0-10.255.255.255`.
    pub id: Arc<str>,
    /// What it is.
    pub kind: EndpointKind,
    /// The only side that has it; absent if both do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_in: Option<DiffSide>,
    /// Its namespace, for workloads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its name, for workloads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `Deployment`, `Pod`, …, for workloads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload_kind: Option<String>,
    /// Names of the pods that it is about, where policies of a side distinguish pods of the
    /// workload, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pods: Vec<String>,
    /// Its ranges as CIDRs, for addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// Where the old side declares it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_location: Option<Location>,
    /// Where the new side declares it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_location: Option<Location>,
}

/// Flows of which the new side says something else than the old one. Between groups, those from
/// each member of the one to each member of the other that is not itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DiffChange {
    /// `id` of the source, an endpoint or a group.
    pub from: Arc<str>,
    /// `id` of the destination, an endpoint or a group.
    pub to: Arc<str>,
    /// What the old side says; absent where it does not have one of the ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Verdict>,
    /// What the new side says; absent where it does not have one of the ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Verdict>,
    /// On which ports, for example `TCP 80,443` or `All Connections`; a key of `portSets`.
    pub ports: Arc<str>,
    /// The address family that this holds for, where the two differ: `IPv4` or `IPv6`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<Family>,
    /// What of the policies makes the difference, as indices of the report's `causes`. Empty where
    /// labels, ports, addresses or nodes make it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<u32>,
    /// Whether there are more causes: groups are so large that they were not looked for in all
    /// pairs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more_causes: bool,
}

/// A rule that decides on one side and not on the other, or a policy that isolates on one side
/// where none does on the other. For flows of a workload that only one side has, a rule that decides
/// there.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DiffCause {
    /// The side.
    pub side: DiffSide,
    /// At which end: `egress` is the source.
    pub direction: Direction,
    /// The policy.
    pub policy: ObjectRef,
    /// The tier that it is in.
    pub tier: TierKind,
    /// The tier's name, if it is one of Calico's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier_name: Option<String>,
    /// What the rule does with the flows; `deny` of a policy that isolates.
    pub action: Action,
    /// The peer's path, `spec.ingress[0].from[1]`, or the rule's if it takes any peer;
    /// `spec.podSelector` of a policy that isolates.
    pub path: String,
    /// Whom the rule names, for example `app=web`; absent for a policy that isolates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    /// Which ports it names, for example `TCP 80, UDP dns`; absent for a policy that isolates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ports: Option<String>,
    /// Where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}

/// How much differs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DiffSummary {
    /// Pairs of workloads that both sides have, and directions between one and whatever is outside,
    /// with flows that were denied and are allowed.
    pub opened: u32,
    /// Those with flows that were allowed and are denied.
    pub closed: u32,
    /// Those with flows that are unknown on one side only.
    pub uncertain: u32,
    /// Workloads, or parts of one, that only the new side has.
    pub added: u32,
    /// Workloads, or parts of one, that only the old side has.
    pub removed: u32,
}

/// The answer of `diff`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DiffReport {
    /// Ends of changes, members of groups among them, and workloads that only one side has:
    /// addresses first (IPv4, then IPv6, ascending), then workloads by namespace, name and kind.
    pub endpoints: Vec<DiffEndpoint>,
    /// Groups of endpoints that changes name, in the order of their first members, larger ones
    /// first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupReport>,
    /// Flows between what both sides have, then those of what only the new one has, then those of
    /// what only the old one has; each in the order of `endpoints`.
    pub changes: Vec<DiffChange>,
    /// What `ports` of changes name, as ranges, sorted by protocol and port.
    pub port_sets: BTreeMap<Arc<str>, Vec<PortRange>>,
    /// What `causes` of changes name, each once.
    pub causes: Vec<DiffCause>,
    /// Why flows are unknown on the new side that were not so on the old one.
    pub notes: Vec<Note>,
    /// How much differs.
    pub summary: DiffSummary,
    /// What was read of the old side.
    pub old: Summary,
    /// What was read of the new side.
    pub new: Summary,
}

impl DiffReport {
    /// Whether anything differs: a flow, or who there is.
    pub fn is_different(&self) -> bool {
        !self.changes.is_empty() || self.summary.added + self.summary.removed > 0
    }
}

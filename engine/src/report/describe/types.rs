//! What is said of pods, a policy or a namespace.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::report::types::{
    Action, DiagnosticReport, Direction, Isolation, Location, Match, ObjectRef, TierKind,
};

#[cfg(feature = "schema")]
use schemars::JsonSchema;

/// What is to be described.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Describe {
    /// A pod, or the pods of a workload.
    Pods,
    /// A policy.
    Policy,
    /// A namespace.
    Namespace,
}

/// The answer of `describe`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DescribeReport {
    /// What is described: `shop/web[Deployment]`, `shop/default-deny`, `shop`.
    pub name: String,
    /// The policy, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<ObjectRef>,
    /// Where it is declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// Its labels; empty for a policy.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The workloads, or parts of them, that it is about: of a policy those that it selects, of a
    /// namespace all that are in it.
    pub workloads: Vec<DescribedWorkload>,
    /// Ingress and egress with the policies that decide; empty for a namespace.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub directions: Vec<DescribedDirection>,
    /// Policies of a namespace; empty for others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<DescribedPolicy>,
    /// Findings of `check` about it, and about the policies that select it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<DiagnosticReport>,
}

/// A workload, or a part of one that policies distinguish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DescribedWorkload {
    /// As lists write it: `shop/web[Deployment]`.
    pub id: Arc<str>,
    /// Whether NetworkPolicies isolate it for ingress.
    pub ingress: Isolation,
    /// Whether they do for egress.
    pub egress: Isolation,
}

/// What policies do in a direction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DescribedDirection {
    /// The direction.
    pub direction: Direction,
    /// Workloads, or parts of them, at the other end between which something is allowed for certain.
    pub workloads: Reached,
    /// The same of ranges of addresses outside.
    pub ranges: Reached,
    /// Policies that decide, in the order of evaluation.
    pub policies: Vec<DescribedPolicy>,
}

/// How many of how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Reached {
    /// Those between which something is allowed.
    pub allowed: usize,
    /// All.
    pub all: usize,
}

/// A policy that decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DescribedPolicy {
    /// The policy.
    pub policy: ObjectRef,
    /// The tier that it is in.
    pub tier: TierKind,
    /// Where it begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// Whether it is only audited.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub audited: bool,
    /// Whether it is certain that it selects the pods.
    pub selects: Match,
    /// How many workloads, or parts of them, it selects in the input.
    pub workloads: usize,
    /// Its rules of the direction, in order; empty for a namespace.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<DescribedRule>,
}

/// A rule, and what it decides alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DescribedRule {
    /// Its path, for example `spec.ingress[0]`.
    pub path: String,
    /// Where it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// What it does with what it matches.
    pub action: Action,
    /// Whom it names: `app=web`, `any peer`.
    pub peers: String,
    /// Which ports it names: `TCP 80`, `any port`.
    pub ports: String,
    /// Workloads of the input that it names, or may.
    pub named: usize,
    /// What would be denied without it, if it accepts, or allowed, if it denies: the first ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alone: Vec<DecidedAlone>,
    /// How many pairs that are; absent where there are too many pairs to compare.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pairs: Option<usize>,
}

/// What one rule alone decides between two ends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DecidedAlone {
    /// The source.
    pub from: Arc<str>,
    /// The destination.
    pub to: Arc<str>,
    /// Protocols and ports, as lists write them.
    pub ports: String,
}

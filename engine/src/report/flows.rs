//! Many flows at once: entries of a list, and answers to them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::PortQuery;
use super::types::{FlowQuery, FlowReport, Protocol, Verdict};

#[cfg(feature = "schema")]
use schemars::JsonSchema;

/// An entry of a list of flows: a question, and what is expected of the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase")]
pub struct FlowEntry {
    /// How it is called in answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `NAMESPACE/POD`, `NAMESPACE/KIND/NAME` of a workload, `node/NAME`, an address, or
    /// `NAMESPACE/{KEY=VALUE}` for a pod that is not in the input.
    pub from: String,
    /// As `from`, or `NAMESPACE/Service/NAME`: then `port` is the Service's.
    pub to: String,
    /// `TCP`, `UDP` or `SCTP`; `TCP` if absent, unless `port` says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Protocol>,
    /// Destination port as the destination pod sees it.
    pub port: PortQuery,
    /// The verdict that is expected: with another one the command ends with exit status 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect: Option<Verdict>,
}

/// The answer to a flow of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(untagged)]
pub enum FlowAnswer {
    /// It was evaluated.
    Given(Box<FlowResult>),
    /// It could not be.
    Refused(Box<FlowError>),
}

/// The answer to a flow of a list that was evaluated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct FlowResult {
    /// Its name, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The verdict that was expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect: Option<Verdict>,
    /// Whether the verdict is the expected one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_expected: Option<bool>,
    /// The answer.
    #[serde(flatten)]
    pub report: FlowReport,
}

impl FlowResult {
    /// An answer with what was expected of it.
    pub fn new(name: Option<String>, expect: Option<Verdict>, report: FlowReport) -> Self {
        let as_expected = expect.map(|expect| expect == report.verdict);
        Self { name, expect, as_expected, report }
    }
}

/// A flow of a list that could not be evaluated; the others are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct FlowError {
    /// Its number in the list, from 1.
    pub number: usize,
    /// Its name, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// As given, if it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// As given, if it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// As given, if it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// As given, if it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<String>,
    /// Which kind of error it is.
    pub code: FlowErrorCode,
    /// What is wrong.
    pub error: String,
    /// The file that it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<Arc<str>>,
    /// The line there, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The column there, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
}

/// Why a flow could not be evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum FlowErrorCode {
    /// It is not a flow: a field is missing, or is not of its form.
    Argument,
    /// Nothing in the input has that name, or it cannot take part in traffic.
    Query,
}

impl FlowError {
    /// A question without an answer.
    pub fn query(number: usize, query: &FlowQuery, error: String) -> Self {
        Self {
            from: Some(query.from.clone()),
            to: Some(query.to.clone()),
            protocol: Some(query.protocol.name().to_owned()),
            port: Some(query.port.to_string()),
            code: FlowErrorCode::Query,
            ..Self::argument(number, error)
        }
    }

    /// An entry that is no question.
    pub fn argument(number: usize, error: String) -> Self {
        Self {
            number,
            name: None,
            from: None,
            to: None,
            protocol: None,
            port: None,
            code: FlowErrorCode::Argument,
            error,
            file: None,
            line: None,
            column: None,
        }
    }
}

//! Findings as SARIF 2.1.0, which code scanning shows on the lines that they are about.
//!
//! Every report whose findings have places can be written so: as rules, and results that name them.
//!
//! # Source
//! OASIS, Static Analysis Results Interchange Format 2.1.0.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::expect::{ExpectationOutcome, ExpectationReport, TestReport};
use super::text::gate_rule;
use super::types::{CheckReport, DiagnosticReport, Location, Severity};
use super::{GateOutcome, GateReport, GateRuleReport};
use crate::diagnostic::Code;

/// A log with one run of Portcullis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Log {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run; 1],
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    tool: Tool,
    column_kind: &'static str,
    results: Vec<SarifResult>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Driver {
    name: &'static str,
    version: &'static str,
    rules: Vec<SarifRule>,
}

/// A rule that results name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SarifRule {
    /// What results name it by: unique.
    pub id: String,
    /// What it is, as a phrase.
    pub short_description: Message,
    /// What it is for, if that is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_description: Option<Message>,
}

/// A text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Message {
    /// The text.
    pub text: String,
}

/// How much a result matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// It has to be repaired.
    Error,
    /// It should be looked at.
    Warning,
    /// It is worth knowing.
    Note,
}

/// A finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SarifResult {
    rule_id: String,
    level: Level,
    message: Message,
    locations: Vec<Place>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<Place>,
    /// Tells the same finding again when lines have moved.
    partial_fingerprints: BTreeMap<&'static str, String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    physical_location: PhysicalLocation,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Message>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
    region: Region,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct ArtifactLocation {
    uri: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u32,
    start_column: u32,
    end_line: u32,
    end_column: u32,
}

impl Log {
    /// With paths of the repository where files are called by a revision: without what such names
    /// begin with, as `main:`.
    #[must_use]
    pub fn within(mut self, revisions: &[String]) -> Self {
        let prefixes: Vec<String> = revisions.iter().map(|one| uri(one)).collect();
        for result in self.runs.iter_mut().flat_map(|run| &mut run.results) {
            for place in result.locations.iter_mut().chain(&mut result.related_locations) {
                let uri = &mut place.physical_location.artifact_location.uri;
                let rest = prefixes.iter().find_map(|prefix| uri.strip_prefix(prefix.as_str()));
                if let Some(rest) = rest.map(str::to_owned) {
                    *uri = rest;
                }
            }
        }
        self
    }

    /// A log of rules and of what was found.
    pub fn new(rules: Vec<SarifRule>, results: Vec<SarifResult>) -> Self {
        let version = env!("CARGO_PKG_VERSION");
        let driver = Driver { name: "Portcullis", version, rules };
        // Columns count Unicode scalar values.
        let run = Run { tool: Tool { driver }, column_kind: "unicodeCodePoints", results };
        Self {
            schema: "https://json.schemastore.org/sarif-2.1.0.json",
            version: "2.1.0",
            runs: [run],
        }
    }
}

impl SarifResult {
    /// A finding of a rule at a place, if it has one; the fingerprint is what stays of it when lines
    /// move.
    pub fn new(
        rule: &str,
        level: Level,
        text: String,
        (at, fingerprint): (Option<&Location>, String),
    ) -> Self {
        Self {
            rule_id: rule.to_owned(),
            level,
            message: Message { text },
            locations: at.map(|at| Place::new(at, None)).into_iter().collect(),
            related_locations: Vec::new(),
            partial_fingerprints: BTreeMap::from([("portcullis/v1", fingerprint)]),
        }
    }

    /// The same with another place that it has to do with.
    #[must_use]
    pub fn with_related(mut self, at: &Location, text: &str) -> Self {
        self.related_locations.push(Place::new(at, Some(text.to_owned())));
        self
    }
}

impl Place {
    fn new(at: &Location, text: Option<String>) -> Self {
        let region = Region {
            start_line: at.line,
            start_column: at.column,
            end_line: at.end_line,
            end_column: at.end_column,
        };
        let artifact_location = ArtifactLocation { uri: uri(&at.file) };
        let physical_location = PhysicalLocation { artifact_location, region };
        Self { physical_location, message: text.map(|text| Message { text }) }
    }
}

/// A path as a relative reference: what a URI cannot have is written as its bytes.
fn uri(path: &str) -> String {
    use std::fmt::Write as _;
    let mut uri = String::with_capacity(path.len());
    for byte in path.strip_prefix("./").unwrap_or(path).bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(byte.into());
            }
            _ => drop(write!(uri, "%{byte:02X}")),
        }
    }
    uri
}

/// What a check finds: a result for each finding, on its line; a rule for each code among them.
pub fn of_check(report: &CheckReport) -> Log {
    let is_found = |code: &&Code| report.diagnostics.iter().any(|one| one.code == code.id());
    let rules = Code::ALL.iter().filter(is_found).map(|code| SarifRule {
        id: code.id().to_owned(),
        short_description: Message { text: code.name().to_owned() },
        full_description: Some(Message { text: code.meaning().to_owned() }),
    });
    Log::new(rules.collect(), report.diagnostics.iter().map(of_finding).collect())
}

fn of_finding(finding: &DiagnosticReport) -> SarifResult {
    let level = match finding.severity {
        Severity::Error => Level::Error,
        Severity::Warning => Level::Warning,
        Severity::Info => Level::Note,
    };
    let help = finding.help.as_ref().map(|help| format!("\n{help}"));
    let text = finding.message.clone() + &help.unwrap_or_default();
    let object = finding.object.as_ref().map(ToString::to_string);
    let parts = [Some(finding.code.clone()), object, finding.path.clone()];
    let fingerprint = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
    SarifResult::new(&finding.code, level, text, (finding.location.as_ref(), fingerprint))
}

/// What a gate says: a result for each rule that does not hold and each flow that shows it, on the
/// line that opens the flow, or else on the rule's own.
pub fn of_gate(report: &GateReport) -> Log {
    let rule = |rule: &GateRuleReport| SarifRule {
        id: rule.name.to_string(),
        short_description: Message { text: rule.rule.clone() },
        full_description: rule.description.as_ref().map(|text| Message { text: text.to_string() }),
    };
    let broken = report.rules.iter().filter(|rule| rule.outcome != GateOutcome::Holds);
    Log::new(report.rules.iter().map(rule).collect(), broken.flat_map(results).collect())
}

fn results(rule: &GateRuleReport) -> Vec<SarifResult> {
    let level = if rule.outcome == GateOutcome::Broken { Level::Error } else { Level::Warning };
    let result = |shown: &GateRuleReport, at: &Location, fingerprint| {
        SarifResult::new(&rule.name, level, gate_rule(shown), (Some(at), fingerprint))
    };
    if rule.witnesses.is_empty() {
        return vec![result(rule, &rule.location, rule.name.to_string())];
    }
    let each = rule.witnesses.iter().map(|witness| {
        let shown = GateRuleReport { witnesses: vec![witness.clone()], ..rule.clone() };
        // The destination's line is the one that is most often changed.
        let mut places = witness.opened_by.iter().rev().filter_map(|one| one.location.as_ref());
        let at = places.next().unwrap_or(&rule.location);
        let ends = format!("{}: {} => {}", rule.name, witness.from.text, witness.to.text);
        let first = result(&shown, at, ends).with_related(&rule.location, "the rule");
        places.fold(first, |result, at| result.with_related(at, "opens it too"))
    });
    each.collect()
}

/// What a file of expectations says: a result for each that does not hold, at its line, with the
/// lines that decide; of several files, all in one log.
pub fn of_tests(reports: &[&TestReport]) -> Log {
    let rule = |id: &str, text: &str| SarifRule {
        id: id.to_owned(),
        short_description: Message { text: text.to_owned() },
        full_description: None,
    };
    let rules = vec![
        rule(FAILS, "An expectation does not hold"),
        rule(INVALID, "An expectation could not be evaluated"),
    ];
    let results = reports.iter().flat_map(|report| {
        report.expectations.iter().filter_map(|one| of_expectation(&report.file, one))
    });
    Log::new(rules, results.collect())
}

const FAILS: &str = "expectation-fails";
const INVALID: &str = "expectation-invalid";

fn of_expectation(file: &Arc<str>, one: &ExpectationReport) -> Option<SarifResult> {
    let first = one.failures.first();
    let (rule, why) = match one.outcome {
        ExpectationOutcome::Holds => return None,
        ExpectationOutcome::Fails => (FAILS, first.map(|first| first.message.clone())),
        ExpectationOutcome::Invalid => (INVALID, one.error.clone()),
    };
    let rest = match one.failing {
        0 | 1 => String::new(),
        failing => format!(" ({failing} of {} answers are not as expected)", one.questions),
    };
    let text = format!("{}: {}{rest}", one.name, why.unwrap_or_default());
    let (line, column) = (one.line, one.column);
    let at = Location { file: file.clone(), line, column, end_line: line, end_column: column + 1 };
    let result = SarifResult::new(rule, Level::Error, text, (Some(&at), one.name.clone()));
    let flow = first.and_then(|first| first.flow.as_ref());
    let ends = flow.iter().flat_map(|flow| [&flow.evidence.egress, &flow.evidence.ingress]);
    let deciding = ends.flat_map(|end| end.policies.iter().filter(|policy| policy.decides));
    Some(deciding.fold(result, |result, policy| {
        let mut rules = policy.rules.iter().filter(|rule| rule.decides);
        let place = rules.find_map(|rule| rule.location.as_ref()).or(policy.location.as_ref());
        place.map_or(result.clone(), |at| result.with_related(at, "decides"))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_references() {
        assert_eq!(uri("./a b/ü.yaml"), "a%20b/%C3%BC.yaml");
        assert_eq!(uri("<stdin>"), "%3Cstdin%3E");
    }
}

//! Rules as JUnit's XML: a test case for each.

use portcullis_engine::report::text::gate_rule;
use portcullis_engine::report::{GateOutcome, GateReport, GateRuleReport};

use crate::junit::{Case, Fault, Suite};

/// A report as a suite of a name. A rule that fails is a failure, with the flows that show it; one
/// that could not be decided is an error.
pub fn suite(name: &str, report: &GateReport, fails: impl Fn(GateOutcome) -> bool) -> Suite {
    let fault = |rule: &GateRuleReport| {
        let is_error = rule.outcome == GateOutcome::Undecided;
        fails(rule.outcome).then(|| Fault {
            is_error,
            kind: if is_error { "undecided" } else { "rule" },
            message: format!("{}: {}", rule.outcome.text(), rule.rule),
            text: gate_rule(rule),
        })
    };
    let cases =
        report.rules.iter().map(|rule| Case { name: rule.name.to_string(), fault: fault(rule) });
    Suite { name: name.to_owned(), cases: cases.collect() }
}

//! Expectations as JUnit's XML: a suite for each file, a test case for each expectation.

use portcullis_engine::report::text::{Style, write_expectation};
use portcullis_engine::report::{ExpectationOutcome, ExpectationReport, TestReport};

use crate::junit::{Case, Fault, Suite};

/// A report as a suite.
pub fn suite(report: &TestReport) -> Suite {
    let file = report.file.to_string();
    let cases = report
        .expectations
        .iter()
        .map(|one| Case { name: one.name.clone(), fault: fault(one, &file) });
    Suite { cases: cases.collect(), name: file }
}

fn fault(one: &ExpectationReport, file: &str) -> Option<Fault> {
    let (is_error, kind, message) = match one.outcome {
        ExpectationOutcome::Holds => return None,
        ExpectationOutcome::Fails => {
            let first = one.failures.first().map(|failure| failure.message.clone());
            (false, "verdict", first.unwrap_or_default())
        }
        ExpectationOutcome::Invalid => (true, "expectation", one.error.clone().unwrap_or_default()),
    };
    let mut text = String::new();
    // A string takes everything.
    let _ = write_expectation(one, file, Style::Plain, &mut text);
    Some(Fault { is_error, kind, message, text })
}

//! Answers as JUnit's XML: a test case for each flow.

use portcullis_engine::report::text::{Style, write_verdict};
use portcullis_engine::report::{FlowAnswer, FlowError, FlowResult};

use super::write::{ends, place, word};
use crate::junit::{Case, Fault, Suite};

/// Answers as a suite of a name.
///
/// A verdict other than the expected one is a failure, with what decides; a flow that could not be
/// evaluated is an error.
pub fn suite(name: &str, answers: &[FlowAnswer]) -> Suite {
    let cases =
        answers.iter().map(|answer| Case { name: self::name(answer), fault: fault(answer) });
    Suite { name: name.to_owned(), cases: cases.collect() }
}

fn fault(answer: &FlowAnswer) -> Option<Fault> {
    match answer {
        FlowAnswer::Given(result) => failure(result).map(|message| Fault {
            is_error: false,
            kind: "verdict",
            message,
            text: why(result),
        }),
        FlowAnswer::Refused(refused) => Some(Fault {
            is_error: true,
            kind: "flow",
            message: refused.error.clone(),
            text: place(refused),
        }),
    }
}

/// The flow's name, or the flow.
fn name(answer: &FlowAnswer) -> String {
    let (given, made) = match answer {
        FlowAnswer::Given(result) => (&result.name, flow(result)),
        FlowAnswer::Refused(refused) => (&refused.name, invalid(refused)),
    };
    given.clone().unwrap_or(made)
}

fn flow(result: &FlowResult) -> String {
    let report = &result.report;
    format!("{} → {} {} {}", report.from, report.to, report.protocol, report.port)
}

fn invalid(refused: &FlowError) -> String {
    format!("flow {}: {}", refused.number, ends(refused).replace("   ", " "))
}

/// What is not as expected.
fn failure(result: &FlowResult) -> Option<String> {
    let expect = result.expect.filter(|_| result.as_expected == Some(false))?;
    Some(format!("{} expected, the verdict is {}", word(expect), word(result.report.verdict)))
}

/// The verdict and what decides.
fn why(result: &FlowResult) -> String {
    let mut text = String::new();
    // A string takes everything.
    let _ = write_verdict(&result.report, Style::Plain, &mut text);
    text
}

//! Expectations with what became of them.

use std::fmt::{self, Write};

use super::flow::write_verdict;
use super::plain::Plain;
use super::style::{Ink, Style};
use crate::report::expect::{
    ExpectationFailure, ExpectationOutcome, ExpectationReport, TestReport,
};

/// Failing answers that are shown of an expectation.
const MOST_SHOWN: usize = 3;

/// Writes each expectation with its outcome, and below those that fail what decides.
///
/// # Errors
/// Only those of `out`.
pub fn write_test(report: &TestReport, style: Style, out: &mut dyn Write) -> fmt::Result {
    for one in &report.expectations {
        write_expectation(one, &report.file, style, out)?;
    }
    Ok(())
}

/// Writes an expectation with its outcome, and if it fails what decides.
///
/// # Errors
/// Only those of `out`.
pub fn write_expectation(
    one: &ExpectationReport,
    file: &str,
    style: Style,
    out: &mut dyn Write,
) -> fmt::Result {
    let (ink, mark) = match one.outcome {
        ExpectationOutcome::Holds => (Ink::Good, "✓"),
        ExpectationOutcome::Fails | ExpectationOutcome::Invalid => (Ink::Bad, "✗"),
    };
    write!(out, "{} {}", style.paint(ink, mark), Plain(&one.name))?;
    match (one.outcome, one.questions) {
        (ExpectationOutcome::Fails, 2..) => {
            writeln!(out, ": {} of {} answers are not as expected", one.failing, one.questions)?;
        }
        (ExpectationOutcome::Holds, 2..) => {
            let count = format!("({} answers)", one.questions);
            writeln!(out, " {}", style.paint(Ink::Dim, &count))?;
        }
        _ => out.write_char('\n')?,
    }
    for text in &one.supposed {
        writeln!(out, "    {} is not in the input: a pod of these labels", Plain(text))?;
    }
    let place = format!("at {file}:{}:{}", one.line, one.column);
    if let Some(error) = &one.error {
        writeln!(out, "    {}: {}", style.paint(Ink::Bad, "invalid"), Plain(error))?;
    }
    if one.outcome != ExpectationOutcome::Holds {
        writeln!(out, "    {}", style.paint(Ink::Dim, &place))?;
    }
    for failure in one.failures.iter().take(MOST_SHOWN) {
        write_failure(failure, style, out)?;
    }
    let shown = one.failures.iter().take(MOST_SHOWN).map(|failure| failure.questions).sum();
    match one.failing.saturating_sub(shown) {
        0 => Ok(()),
        rest => writeln!(out, "    and {rest} more"),
    }
}

fn write_failure(failure: &ExpectationFailure, style: Style, out: &mut dyn Write) -> fmt::Result {
    write!(out, "    {}", Plain(&failure.message))?;
    match failure.questions {
        1 => out.write_char('\n')?,
        several => writeln!(out, " (and {} more like this one)", several - 1)?,
    }
    let Some(flow) = &failure.flow else { return Ok(()) };
    let mut text = String::new();
    write_verdict(flow, style, &mut text)?;
    text.lines().try_for_each(|line| writeln!(out, "    {line}"))
}

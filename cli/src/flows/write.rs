//! Answers to many flows as text.

use std::fmt::{self, Write};

use portcullis_engine::report::text::{Ink, Plain, Style};
use portcullis_engine::report::{FlowAnswer, FlowError, FlowResult, Verdict};

use crate::eval::Depth;

/// Writes an answer, below its name and whether it is as expected.
pub fn write_answer(
    answer: &FlowAnswer,
    number: usize,
    (depth, style): (Depth, Style),
    out: &mut dyn Write,
) -> fmt::Result {
    if number > 1 {
        out.write_char('\n')?;
    }
    match answer {
        FlowAnswer::Given(result) => {
            write_mark(result, number, style, out)?;
            depth.write(&result.report, style, out)
        }
        FlowAnswer::Refused(refused) => write_refused(refused, style, out),
    }
}

/// `✗ flow 2: deny expected`; nothing where there is neither a name nor anything amiss.
fn write_mark(
    result: &FlowResult,
    number: usize,
    style: Style,
    out: &mut dyn Write,
) -> fmt::Result {
    let number = format!("flow {number}");
    let name = Plain(result.name.as_deref().unwrap_or(&number)).to_string();
    match (result.expect, result.as_expected) {
        (Some(expect), Some(false)) => {
            let mark = style.paint(Ink::Bad, "✗").to_string();
            writeln!(out, "{mark} {name}: {} expected", word(expect))
        }
        (_, as_expected) if result.name.is_some() => {
            let good = style.paint(Ink::Good, "✓").to_string();
            let mark = if as_expected.is_some() { good } else { "·".to_owned() };
            writeln!(out, "{mark} {name}")
        }
        _ => Ok(()),
    }
}

/// A verdict as flows and options have it.
pub fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Allow => "allow",
        Verdict::Deny => "deny",
        Verdict::Unknown => "unknown",
    }
}

/// Writes the refusal where the verdict would stand.
fn write_refused(refused: &FlowError, style: Style, out: &mut dyn Write) -> fmt::Result {
    if let Some(name) = &refused.name {
        writeln!(out, "{} {}", style.paint(Ink::Bad, "✗"), Plain(name))?;
    }
    let word = style.paint(Ink::Bad, "invalid");
    writeln!(out, "{word}   {}", Plain(&ends(refused)))?;
    writeln!(out, "  {}", Plain(&refused.error))?;
    writeln!(out, "  {}", style.paint(Ink::Dim, &place(refused)))
}

/// The flow, as far as it is one.
pub fn ends(refused: &FlowError) -> String {
    let of = |value: &Option<String>, other: &str| value.clone().unwrap_or_else(|| other.into());
    let (from, to) = (of(&refused.from, "?"), of(&refused.to, "?"));
    format!("{from} → {to}   {} {}", of(&refused.protocol, "TCP"), of(&refused.port, "?"))
}

/// Where a flow is.
pub fn place(refused: &FlowError) -> String {
    let (number, file) = (refused.number, refused.file.as_deref().unwrap_or_default());
    match (refused.line, refused.column) {
        (Some(line), Some(column)) => format!("flow {number} at {file}:{line}:{column}"),
        _ => format!("flow {number} of {file}"),
    }
}

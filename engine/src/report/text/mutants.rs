//! What expectations leave untested: rules that decide none of them, changes that none notices, and
//! expectations that would.

use std::fmt::{self, Write};

use super::plain::{Plain, width};
use super::style::{Ink, Style};
use crate::report::expect::{
    CoverageReport, MutantOutcome, MutantReport, MutantsReport, PartCoverage,
};
use crate::report::flows::FlowEntry;
use crate::report::types::{Location, ObjectRef, Verdict};

/// Expectations that are named for a rule before the rest is only counted.
const MOST_NAMED: usize = 8;

/// Writes the parts of each policy, and the numbers of the expectations that they decide.
///
/// # Errors
/// Only those of `out`.
pub fn write_coverage(report: &CoverageReport, style: Style, out: &mut dyn Write) -> fmt::Result {
    let CoverageReport { parts, covered, .. } = report;
    writeln!(out, "coverage: {covered} of {parts} parts of policies decide an expectation")?;
    for policy in &report.policies {
        writeln!(out, "  {}", Plain(&name(&policy.policy)))?;
        let widths = policy.parts.iter().map(|part| width(short(&part.path)));
        let indent = widths.max().unwrap_or_default();
        for part in &policy.parts {
            write_part(part, indent, style, out)?;
        }
    }
    Ok(())
}

fn write_part(
    part: &PartCoverage,
    indent: usize,
    style: Style,
    out: &mut dyn Write,
) -> fmt::Result {
    let (ink, mark) = match part.expectations.is_empty() {
        true => (Ink::Bad, "✗"),
        false => (Ink::Good, "✓"),
    };
    let path = short(&part.path);
    let gap = indent.saturating_sub(width(path));
    write!(out, "    {} {}{:gap$}", style.paint(ink, mark), Plain(path), "")?;
    let place = place(part.location.as_ref());
    let numbers = part.expectations.iter().take(MOST_NAMED).map(|index| (index + 1).to_string());
    let numbers: Vec<String> = numbers.collect();
    let rest = part.expectations.len().saturating_sub(MOST_NAMED);
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    match numbers.len() {
        0 => writeln!(out, "   {}", style.paint(Ink::Dim, &place)),
        1 if rest == 0 => {
            let text = format!("{place}   expectation {}", numbers.join(", "));
            writeln!(out, "   {}", style.paint(Ink::Dim, &text))
        }
        _ => {
            let text = format!("{place}   expectations {}{more}", numbers.join(", "));
            writeln!(out, "   {}", style.paint(Ink::Dim, &text))
        }
    }
}

/// Writes how many changes are noticed, and those that are not, with their lines.
///
/// # Errors
/// Only those of `out`.
pub fn write_mutants(report: &MutantsReport, style: Style, out: &mut dyn Write) -> fmt::Result {
    let count = |outcome| report.count(outcome);
    let (noticed, unnoticed) = (count(MutantOutcome::Noticed), count(MutantOutcome::Unnoticed));
    let (all, without) = (report.mutants.len(), count(MutantOutcome::WithoutEffect));
    write!(out, "changes: {noticed} of {all} are noticed, {unnoticed} are not")?;
    match without {
        0 => out.write_char('\n')?,
        _ => writeln!(out, ", {without} change no flow of the input")?,
    }
    for mutant in &report.mutants {
        if mutant.outcome != MutantOutcome::Noticed {
            write_mutant(mutant, style, out)?;
        }
    }
    Ok(())
}

fn write_mutant(mutant: &MutantReport, style: Style, out: &mut dyn Write) -> fmt::Result {
    let (ink, mark) = match mutant.outcome {
        MutantOutcome::Noticed => (Ink::Good, "✓"),
        MutantOutcome::Unnoticed => (Ink::Bad, "✗"),
        MutantOutcome::WithoutEffect => (Ink::Dim, "·"),
    };
    let text = change(mutant);
    let place = place(mutant.location.as_ref());
    let place = style.paint(Ink::Dim, &place);
    writeln!(out, "  {} {place}   {}", style.paint(ink, mark), Plain(&text))?;
    let Some(FlowEntry { from, to, protocol, port, expect, .. }) = &mutant.example else {
        return Ok(());
    };
    let verdict = match (mutant.becomes, *expect) {
        (Some(Verdict::Unknown), _) => "unknown",
        (_, Some(Verdict::Allow)) => "denied",
        _ => "allowed",
    };
    let protocol = protocol.map_or("TCP", |protocol| protocol.name());
    let port = port.to_string();
    let (from, to, port) = (Plain(from), Plain(to), Plain(&port));
    writeln!(out, "      {from} → {to} {protocol} {port} would be {verdict}")
}

/// `shop/db-from-web ingress[0]: rule removed`.
fn change(mutant: &MutantReport) -> String {
    let (name, path) = (name(&mutant.policy), short(&mutant.path));
    match path {
        "spec" => format!("{name}: {}", mutant.change),
        path => format!("{name} {path}: {}", mutant.change),
    }
}

/// Writes suggestions as items of a list in YAML, each below the changes that it notices.
///
/// # Errors
/// Only those of `out`.
pub fn write_suggestions(
    report: &MutantsReport,
    indent: usize,
    out: &mut dyn Write,
) -> fmt::Result {
    for suggestion in &report.suggestions {
        for mutant in suggestion.notices.iter().filter_map(|index| report.mutants.get(*index)) {
            let place = place(mutant.location.as_ref());
            let text = format!("{} ({place})", change(mutant));
            writeln!(out, "{:indent$}# notices {}", "", Plain(&text))?;
        }
        let FlowEntry { name, from, to, protocol, port, expect } = &suggestion.entry;
        let name = name.as_ref().map(|name| format!("name: {}, ", scalar(name)));
        let protocol = protocol.map(|protocol| format!("/{protocol}"));
        let port = format!("{port}{}", protocol.unwrap_or_default());
        let expect = if *expect == Some(Verdict::Allow) { "allow" } else { "deny" };
        writeln!(
            out,
            "{:indent$}- {{{}from: {}, to: {}, port: {port}, expect: {expect}}}",
            "",
            name.unwrap_or_default(),
            scalar(from),
            scalar(to),
        )?;
    }
    Ok(())
}

/// A string of YAML, quoted where it might be something else.
fn scalar(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '.' | '/' | '_' | '-');
    let is_safe = text.chars().all(is_plain)
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.contains('/')
        && !text.ends_with(' ');
    if is_safe { text.to_owned() } else { format!("'{}'", text.replace('\'', "''")) }
}

fn name(policy: &ObjectRef) -> String {
    match &policy.namespace {
        Some(namespace) => format!("{namespace}/{}", policy.name),
        None => policy.name.clone(),
    }
}

fn short(path: &str) -> &str {
    path.strip_prefix("spec.").unwrap_or(path)
}

fn place(location: Option<&Location>) -> String {
    let text = location.map(|at| format!("{}:{}:{}", at.file, at.line, at.column));
    text.unwrap_or_default()
}

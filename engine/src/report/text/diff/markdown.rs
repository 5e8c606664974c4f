//! A comparison for the description of a change: a summary, a table, and what makes it, folded.

use std::fmt::{self, Write};

use super::super::lines::reasons;
use super::super::table::{Literal, prose};
use super::super::{not_judged, rejected};
use super::{
    Mark, Names, cause_text, causes, diff_summary, end, no_cause, one_sided, suffix, verdicts,
};
use crate::report::{DiffChange, DiffReport, DiffSide};

/// What GitHub takes for a comment is 65,536 characters; of these so many are for the table, and as
/// many for what makes the changes.
const MOST_CHARS: usize = 30_000;

/// A summary, a table, and folded details; of what is too long the beginning, and how much is left
/// out.
pub fn write(report: &DiffReport, out: &mut dyn Write) -> fmt::Result {
    writeln!(out, "**Network flows: {}**", Literal(&diff_summary(report)))?;
    not_counted(report, out)?;
    for (side, what) in [(DiffSide::New, "Added"), (DiffSide::Old, "Removed")] {
        let alone = one_sided(report, side);
        let texts: Vec<String> = alone.iter().map(|id| Literal(id).to_string()).collect();
        if !texts.is_empty() {
            out.write_str("\n")?;
            write_some(&texts, (&format!("{what}: "), ", ", "workloads"), out)?;
        }
    }
    if report.changes.is_empty() {
        return Ok(());
    }
    let names = Names::new(report);
    out.write_str("\n| | from | to | ports |\n|---|---|---|---|\n")?;
    let rows: Vec<String> = report.changes.iter().map(|change| row(&names, change)).collect();
    write_some(&rows, ("", "\n", "changes"), out)?;
    out.write_str("\n<details><summary>Lines that make the difference</summary>\n\n")?;
    let details: Vec<String> =
        report.changes.iter().map(|change| details(report, &names, change)).collect();
    write_some(&details, ("", "\n", "changes"), out)?;
    out.write_str("\n</details>\n")?;
    let reasons = reasons(&report.notes);
    if !reasons.is_empty() {
        out.write_str("\nUnknown now:\n\n")?;
    }
    for (message, notes) in reasons {
        let rules = if notes.len() == 1 { "rule" } else { "rules" };
        writeln!(out, "- {} ({} {rules})", prose(message), notes.len())?;
    }
    Ok(())
}

/// What neither the table nor the summary counts: a reader of the change sees no other output.
fn not_counted(report: &DiffReport, out: &mut dyn Write) -> fmt::Result {
    for (name, summary) in [("old", &report.old), ("new", &report.new)] {
        let lines = not_judged(&summary.not_judged).into_iter().chain(rejected(&summary.rejected));
        for line in lines {
            writeln!(out, "\n⚠️ {name}: {}", prose(&line))?;
        }
    }
    Ok(())
}

/// Texts one after the other, as long as there is room, and how many are left out.
fn write_some(
    texts: &[String],
    (head, between, what): (&str, &str, &str),
    out: &mut dyn Write,
) -> fmt::Result {
    let mut room = MOST_CHARS;
    let fits = |text: &&String| {
        let size = text.chars().count() + between.len();
        let fits = size <= room;
        room = room.saturating_sub(size);
        fits
    };
    let shown: Vec<&str> = texts.iter().take_while(fits).map(String::as_str).collect();
    writeln!(out, "{head}{}", shown.join(between))?;
    match texts.len() - shown.len() {
        0 => Ok(()),
        rest => writeln!(out, "\n*{rest} more {what} are left out for their length.*"),
    }
}

fn row<'r>(names: &Names<'r>, change: &'r DiffChange) -> String {
    let what = match (Mark::of(change), change.before, change.after) {
        (Mark::Uncertain, ..) => "❔ uncertain",
        (_, None, _) => "➕ new workload",
        (_, _, None) => "➖ removed workload",
        (Mark::Opened, ..) => "🔓 opened",
        (Mark::Closed, ..) => "🔒 closed",
    };
    let [from, to] = [&change.from, &change.to].map(|id| Literal(names.of(id)));
    let ports = Literal(&change.ports);
    let (suffix, verdicts) = (suffix(change), verdicts(change));
    format!("| {what} | {from} | {to} | {ports}{suffix}{verdicts} |")
}

fn details<'r>(report: &DiffReport, names: &Names<'r>, change: &'r DiffChange) -> String {
    let sign = match Mark::of(change) {
        Mark::Opened => "opened",
        Mark::Closed => "closed",
        Mark::Uncertain => "uncertain",
    };
    let [from, to] = [&change.from, &change.to].map(|id| Literal(names.of(id)));
    let ports = Literal(&change.ports);
    let mut text = format!("- {from} → {to}: {ports} {sign}");
    let causes = causes(report, change);
    if causes.is_empty() && change.before.is_some() && change.after.is_some() {
        let _ = write!(text, "\n  - {}", no_cause(report));
    }
    for cause in causes {
        let side = if cause.side == DiffSide::New { "new" } else { "old" };
        // A code span shows everything as it is, but for what would end it.
        let line = cause_text(cause).replace('`', "'");
        let _ = write!(text, "\n  - {} {side}: `{line}`", end(cause.direction));
    }
    text
}

//! A comparison as lines for people.

use std::fmt::{self, Write};

use super::super::lines::{reasons, write_rules};
use super::super::{Ink, Plain, Style};
use super::{
    Mark, Names, cause_text, causes, diff_summary, end, no_cause, one_sided, sections, suffix,
    verdicts,
};
use crate::report::{DiffCause, DiffChange, DiffReport, DiffSide};

/// So many lines of policies are written below a change; the JSON has them all.
const MOST_CAUSES: usize = 6;

/// A line per change with the lines of policies that make it, then workloads that only one side has
/// with their flows, then what is not known any more, and how much there is of all.
pub fn write(report: &DiffReport, style: Style, out: &mut dyn Write) -> fmt::Result {
    let names = Names::new(report);
    let mut gap = "";
    for (side, changes) in sections(report) {
        let alone = side.map_or_else(Vec::new, |side| one_sided(report, side));
        if changes.is_empty() && alone.is_empty() {
            continue;
        }
        out.write_str(gap)?;
        gap = "\n";
        if let Some(side) = side {
            let what = if side == DiffSide::New { "new" } else { "old" };
            writeln!(out, "Only in the {what} state: {}", Plain(&alone.join(", ")))?;
        }
        for change in changes {
            write_change(report, (&names, change), style, out)?;
        }
    }
    let reasons = reasons(&report.notes);
    if !reasons.is_empty() {
        writeln!(out, "{gap}Unknown now:")?;
    }
    for (message, notes) in reasons {
        writeln!(out, "  {}", Plain(message))?;
        write_rules(&notes, "    ", out)?;
    }
    writeln!(out, "{gap}{}", diff_summary(report))
}

fn write_change<'r>(
    report: &'r DiffReport,
    (names, change): (&Names<'r>, &'r DiffChange),
    style: Style,
    out: &mut dyn Write,
) -> fmt::Result {
    let mark = Mark::of(change);
    let ink = match mark {
        Mark::Opened => Ink::Good,
        Mark::Closed => Ink::Bad,
        Mark::Uncertain => Ink::Doubt,
    };
    let (from, to) = (names.of(&change.from), names.of(&change.to));
    let (ports, suffix, verdicts) = (&change.ports, suffix(change), verdicts(change));
    let line = format!("{} {from} => {to} : {ports}{suffix}{verdicts}", mark.sign());
    writeln!(out, "{}", style.paint(ink, &line))?;
    let causes = causes(report, change);
    if causes.is_empty() && change.before.is_some() && change.after.is_some() {
        writeln!(out, "    {}", style.paint(Ink::Dim, no_cause(report)))?;
    }
    for cause in causes.iter().take(MOST_CAUSES) {
        writeln!(out, "    {}", style.paint(Ink::Dim, &line_of(cause)))?;
    }
    match (causes.len().saturating_sub(MOST_CAUSES), change.more_causes) {
        (0, false) => Ok(()),
        (0, true) => writeln!(out, "    and more"),
        (rest, false) => writeln!(out, "    and {rest} more: all are in the JSON"),
        (rest, true) => writeln!(out, "    and {rest} more, or more than that"),
    }
}

/// `ingress + shop/db ingress[0]…`, with the side as its sign.
fn line_of(cause: &DiffCause) -> String {
    let side = if cause.side == DiffSide::New { "+" } else { "-" };
    format!("{:<7} {side} {}", end(cause.direction), cause_text(cause))
}

//! A comparison as comma-separated values.

use std::fmt::{self, Write};

use super::super::table::write_field;
use super::{Mark, Names, cause_text, causes, suffix};
use crate::report::types::Verdict;
use crate::report::{DiffChange, DiffReport, DiffSide};

/// A row per change, with a head.
pub fn write(report: &DiffReport, out: &mut dyn Write) -> fmt::Result {
    out.write_str("change,src,dst,conn,before,after,why\n")?;
    let names = Names::new(report);
    for change in &report.changes {
        write!(out, "{},", Mark::of(change).word())?;
        write_field(names.of(&change.from), "", out)?;
        out.write_char(',')?;
        write_field(names.of(&change.to), "", out)?;
        out.write_char(',')?;
        write_field(&change.ports, suffix(change), out)?;
        write!(out, ",{},{},", verdict(change.before), verdict(change.after))?;
        write_field(&why(report, change), "", out)?;
        out.write_char('\n')?;
    }
    Ok(())
}

fn verdict(verdict: Option<Verdict>) -> &'static str {
    match verdict {
        None => "absent",
        Some(Verdict::Allow) => "allow",
        Some(Verdict::Deny) => "deny",
        Some(Verdict::Unknown) => "unknown",
    }
}

fn why(report: &DiffReport, change: &DiffChange) -> String {
    let texts = causes(report, change).into_iter().map(|cause| {
        let side = if cause.side == DiffSide::New { "+" } else { "-" };
        format!("{side} {}", cause_text(cause))
    });
    texts.collect::<Vec<_>>().join("; ")
}

//! Reports as text: lines, tables, drawings and sentences.
//!
//! Pure functions from a report to characters, so that the command, the npm package and the
//! playground print the same. All write to a [`fmt::Write`]: a list can have a million lines, and
//! then none of them should be kept.
//!
//! Names come from files that somebody else wrote. Every form quotes them in its own way, and text
//! for terminals shows control characters instead of obeying them.

mod annotations;
mod chain;
mod describe;
mod diff;
mod expect;
mod flow;
mod gate;
mod graph;
mod lines;
mod mutants;
mod plain;
mod reason;
mod skipped;
mod style;
mod table;
#[cfg(test)]
mod tests;

use std::fmt;

pub use annotations::write_annotations;
pub use chain::write_chain;
pub use describe::write_description;
pub use diff::{Mark as DiffMark, cause_text, diff, diff_summary, write_diff};
pub use expect::{write_expectation, write_test};
pub use flow::write_verdict;
pub use gate::{GateFormat, gate_rule, gate_summary, write_equal, write_gate};
pub use mutants::{write_coverage, write_mutants, write_suggestions};
pub use plain::Plain;
pub use skipped::skipped;
pub use style::{Ink, Style};

use rustc_hash::FxHashMap;

use super::types::{Connection, KindCount, ListReport, Summary};

/// A form in which a list or a comparison can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListFormat {
    /// One line per connection, then notes.
    Text,
    /// Comma-separated values with a head.
    Csv,
    /// A table of GitHub's Markdown, then notes.
    Markdown,
    /// A graph for Graphviz.
    Dot,
    /// A flowchart for Mermaid.
    Mermaid,
}

/// Writes what is certain of a list, and where the form has room for it what is not known.
///
/// # Cost
/// Linear in the report; nothing is kept but, for drawings, one entry per endpoint.
///
/// # Errors
/// Only those of `out`.
pub fn write_list(
    report: &ListReport,
    format: ListFormat,
    out: &mut dyn fmt::Write,
) -> fmt::Result {
    match format {
        ListFormat::Text => lines::write(report, out),
        ListFormat::Csv => table::write_csv(report, out),
        ListFormat::Markdown => table::write_markdown(report, out),
        ListFormat::Dot => graph::write_dot(report, &[], out),
        ListFormat::Mermaid => graph::write_mermaid(report, &[], out),
    }
}

/// What an answer does not count: `not evaluated: 2 CiliumNetworkPolicy (cilium.io): they can change
/// this answer`. None if there is nothing.
pub fn not_judged(kinds: &[KindCount]) -> Option<String> {
    let they = if total(kinds) == 1 { "it" } else { "they" };
    let listed = listed(kinds);
    (!kinds.is_empty()).then(|| format!("not evaluated: {listed}: {they} can change this answer"))
}

/// Policies that are not in force: `not in force: 1 NetworkPolicy (networking.k8s.io): the API
/// server rejects it`. None if there is nothing.
pub fn rejected(kinds: &[KindCount]) -> Option<String> {
    let them = if total(kinds) == 1 { "it" } else { "them" };
    let listed = listed(kinds);
    (!kinds.is_empty()).then(|| format!("not in force: {listed}: the API server rejects {them}"))
}

/// Policies that a list does not count, since they are only audited. None if there are none.
pub fn audited(summary: &Summary) -> Option<String> {
    match summary.audited {
        0 => None,
        1 => Some("1 policy is only audited: the list does not count it".into()),
        n => Some(format!("{n} policies are only audited: the list does not count them")),
    }
}

/// That hosts are left out of what is said of pods. None if there is no host endpoint.
pub fn hosts(summary: &Summary) -> Option<String> {
    let (n, s) = match summary.host_endpoints {
        0 => return None,
        1 => (1, ""),
        n => (n, "s"),
    };
    Some(format!(
        "{n} HostEndpoint{s}: what nodes send and receive, and what passes through them, is left out \
         here: ask `eval` about `node/NAME`"
    ))
}

fn listed(kinds: &[KindCount]) -> String {
    let texts = kinds.iter().map(|KindCount { kind, count }| format!("{count} {kind}"));
    texts.collect::<Vec<_>>().join(", ")
}

fn total(kinds: &[KindCount]) -> u32 {
    kinds.iter().map(|kind| kind.count).sum()
}

/// A list as one text; see [`write_list`].
pub fn list(report: &ListReport, format: ListFormat) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write_list(report, format, &mut text);
    text
}

/// How ends are written, by `id`: groups by their names, endpoints as they are.
struct Names<'r>(FxHashMap<&'r str, &'r str>);

impl<'r> Names<'r> {
    fn new(report: &'r ListReport) -> Self {
        Self(report.groups.iter().map(|group| (&*group.id, &*group.name)).collect())
    }

    fn of(&self, id: &'r str) -> &'r str {
        self.0.get(id).copied().unwrap_or(id)
    }
}

/// What a connection surely allows, with the family where it holds for one only.
fn certain(connection: &Connection) -> Option<(&str, &'static str)> {
    use crate::net::Family;
    let suffix = match connection.family {
        None => "",
        Some(Family::IPv4) => " (IPv4)",
        Some(Family::IPv6) => " (IPv6)",
    };
    Some((connection.allowed.as_deref()?, suffix))
}

//! One flow, judged, with everything that was looked at: both ends, every policy, rule, peer and
//! port entry.

use std::fmt::{self, Write};

use super::flow::{verdict_word, write_head};
use super::plain::{Plain, width};
use super::reason::{last, short};
use super::style::{Ink, Style};
use crate::report::types::{
    EndReport, EntryEvidence, FlowReport, Location, Match, PolicyEvidence, RuleEvidence,
};

/// Writes the full chain of one flow.
///
/// # Shape
/// `✓` admits or matches, `✗` does not, `?` is not known; what a row is about stands in the first
/// column, where it stands in the second, why in the third.
///
/// # Errors
/// Only those of `out`.
pub fn write_chain(report: &FlowReport, style: Style, out: &mut dyn Write) -> fmt::Result {
    write_head(report, style, out)?;
    writeln!(out, "  {}", Plain(&report.summary))?;
    let whole = report.allowed.as_deref().unwrap_or("nothing");
    writeln!(out, "  allowed for certain between the two: {}", Plain(whole))?;
    let evidence = &report.evidence;
    write_end("leaves", &report.source, (&evidence.egress, style), out)?;
    write_end("enters", &report.destination, (&evidence.ingress, style), out)
}

fn write_end(
    verb: &str,
    name: &str,
    (end, style): (&EndReport, Style),
    out: &mut dyn Write,
) -> fmt::Result {
    let (ink, word) = verdict_word(end.verdict);
    writeln!(out, "\n{verb} {}: {}", Plain(name), style.paint(ink, word))?;
    writeln!(out, "  {}", Plain(&end.summary))?;
    let rows: Vec<Row> = end.policies.iter().flat_map(policy_rows).collect();
    let widest = |of: fn(&Row) -> usize| rows.iter().map(of).max().unwrap_or(0);
    let widths = (widest(Row::width), widest(|row| width(&row.place)));
    rows.iter().try_for_each(|row| row.write(widths, style, out))
}

/// One line of the chain.
struct Row {
    depth: usize,
    mark: Option<Match>,
    what: String,
    place: String,
    why: Option<String>,
}

impl Row {
    fn width(&self) -> usize {
        2 * self.depth + width(&self.what)
    }

    fn write(
        &self,
        (what, place): (usize, usize),
        style: Style,
        out: &mut dyn Write,
    ) -> fmt::Result {
        let indent = 2 * self.depth;
        let mark = match self.mark {
            Some(Match::Yes) => style.paint(Ink::Good, "✓"),
            Some(Match::No) => style.paint(Ink::Bad, "✗"),
            Some(Match::Unknown) => style.paint(Ink::Doubt, "?"),
            None => style.paint(Ink::Dim, "·"),
        };
        write!(out, "  {:indent$}{mark} {}", "", Plain(&self.what))?;
        let (gap, after) = (what - self.width() + 3, place - width(&self.place) + 3);
        if !self.place.is_empty() {
            write!(out, "{:gap$}{}", "", style.paint(Ink::Dim, &self.place))?;
        }
        if let Some(why) = &self.why {
            let gap = if self.place.is_empty() { gap + after } else { after };
            write!(out, "{:gap$}{}", "", Plain(why))?;
        }
        out.write_char('\n')
    }
}

fn policy_rows(policy: &PolicyEvidence) -> Vec<Row> {
    let reference = &policy.policy;
    let namespace = reference.namespace.as_deref().map(|n| format!("{n}/")).unwrap_or_default();
    let head = Row {
        depth: 0,
        mark: Some(policy.admits),
        what: format!("{} {namespace}{}", reference.kind, reference.name),
        place: place(policy.location.as_ref()),
        why: Some(policy.summary.clone()),
    };
    std::iter::once(head).chain(policy.rules.iter().flat_map(rule_rows)).collect()
}

fn rule_rows(rule: &RuleEvidence) -> Vec<Row> {
    let head = Row {
        depth: 1,
        mark: Some(rule.admits),
        what: short(&rule.path).to_owned(),
        place: place(rule.location.as_ref()),
        why: None,
    };
    let mut rows = vec![head];
    rows.extend(entry_rows(&rule.peers, "any peer"));
    rows.extend(entry_rows(&rule.ports, "any port"));
    rows
}

/// Entries of a rule, or that it names none and so takes any.
fn entry_rows(entries: &[EntryEvidence], any: &str) -> Vec<Row> {
    let row = |mark, what, place, why| Row { depth: 2, mark, what, place, why };
    if entries.is_empty() {
        return vec![row(None, any.to_owned(), String::new(), None)];
    }
    let of = |entry: &EntryEvidence| {
        let what = format!("{} {}", last(&entry.path), entry.text);
        row(Some(entry.matches), what, place(entry.location.as_ref()), entry.why.clone())
    };
    entries.iter().map(of).collect()
}

fn place(location: Option<&Location>) -> String {
    location.map_or_else(String::new, |at| format!("{}:{}:{}", at.file, at.line, at.column))
}

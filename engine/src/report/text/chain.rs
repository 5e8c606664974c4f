//! One flow, judged, with everything that was looked at: both ends, every policy, rule, peer and
//! port entry.

use std::fmt::{self, Write};

use super::flow::{verdict_word, write_audit, write_head, write_part_head};
use super::plain::{Plain, width};
use super::reason::{inside, short};
use super::style::{Ink, Style};
use crate::report::types::{
    EndReport, EntryEvidence, Evidence, FlowPart, FlowReport, Location, Match, PolicyEvidence,
    RuleEvidence, TierEvidence, TierKind,
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
    write_audit(report, style, out)?;
    let whole = report.allowed.as_deref().unwrap_or("nothing");
    writeln!(out, "  certainly allowed between the two: {}", Plain(whole))?;
    let ends = (&*report.source, &*report.destination);
    write_all(report, (&report.parts, &report.evidence), ends, style, out)?;
    let Some(audit) = &report.audit else { return Ok(()) };
    writeln!(out, "\nif audited policies were enforced:")?;
    write_all(report, (&audit.parts, &audit.evidence), ends, style, out)
}

/// Each answer with its evidence, or the evidence of the only one.
fn write_all(
    report: &FlowReport,
    (parts, evidence): (&[FlowPart], &Evidence),
    ends: (&str, &str),
    style: Style,
    out: &mut dyn Write,
) -> fmt::Result {
    if parts.is_empty() {
        return write_ends(ends, evidence, style, out);
    }
    parts.iter().try_for_each(|part| {
        out.write_char('\n')?;
        write_part_head(part, report, style, out)?;
        write_ends((&part.source, &part.destination), &part.evidence, style, out)
    })
}

fn write_ends(
    (source, destination): (&str, &str),
    evidence: &Evidence,
    style: Style,
    out: &mut dyn Write,
) -> fmt::Result {
    write_end("leaves", source, (&evidence.egress, style), out)?;
    write_end("enters", destination, (&evidence.ingress, style), out)
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
    let rows: Vec<Row> = end.tiers.iter().flat_map(|tier| tier_rows(tier, end)).collect();
    let widest = |of: fn(&Row) -> usize| rows.iter().map(of).max().unwrap_or(0);
    let widths = Widths { what: widest(Row::width), place: widest(|row| width(&row.place)) };
    rows.iter().try_for_each(|row| row.write(widths, style, out))
}

/// How wide columns are.
#[derive(Clone, Copy)]
struct Widths {
    what: usize,
    place: usize,
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

    fn write(&self, widths: Widths, style: Style, out: &mut dyn Write) -> fmt::Result {
        let indent = 2 * self.depth;
        let mark = match self.mark {
            Some(Match::Yes) => style.paint(Ink::Good, "✓"),
            Some(Match::No) => style.paint(Ink::Bad, "✗"),
            Some(Match::Unknown) => style.paint(Ink::Doubt, "?"),
            None => style.paint(Ink::Dim, "·"),
        };
        write!(out, "  {:indent$}{mark} {}", "", Plain(&self.what))?;
        let (gap, after) = (widths.what - self.width() + 3, widths.place - width(&self.place) + 3);
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

/// A tier's policies; its own line only where there is more than NetworkPolicy.
fn tier_rows(tier: &TierEvidence, end: &EndReport) -> Vec<Row> {
    let alone = end.tiers.iter().all(|tier| tier.tier == TierKind::NetworkPolicy);
    let head = (!alone).then(|| Row {
        depth: 0,
        mark: None,
        what: format!("tier {}", tier.summary),
        place: String::new(),
        why: None,
    });
    let depth = usize::from(!alone);
    let own = end.policies.iter().filter(|policy| policy.is_in(tier));
    head.into_iter().chain(own.flat_map(|policy| policy_rows(policy, depth))).collect()
}

fn policy_rows(policy: &PolicyEvidence, depth: usize) -> Vec<Row> {
    let reference = &policy.policy;
    let namespace = reference.namespace.as_deref().map(|n| format!("{n}/")).unwrap_or_default();
    let order = policy.order.map(|own| format!(", order {}", own.0));
    let priority = policy.priority.map(|own| format!(", priority {own}"));
    let priority = priority.or(order).unwrap_or_default();
    let audited = if policy.audited { ", audited" } else { "" };
    let head = Row {
        depth,
        mark: Some(policy.matches),
        what: format!("{} {namespace}{}{priority}{audited}", reference.kind, reference.name),
        place: place(policy.location.as_ref()),
        why: Some(policy.summary.clone()),
    };
    let rules = policy.rules.iter().flat_map(|rule| rule_rows(rule, policy.tier, depth + 1));
    std::iter::once(head).chain(rules).collect()
}

fn rule_rows(rule: &RuleEvidence, tier: TierKind, depth: usize) -> Vec<Row> {
    let path = short(&rule.path);
    let what = match (tier, &rule.name) {
        (TierKind::NetworkPolicy, _) => path.to_owned(),
        (_, None) => format!("{path} {}", rule.action.name()),
        (_, Some(name)) => format!("{path} {} {name}", rule.action.name()),
    };
    let why = (tier != TierKind::NetworkPolicy && rule.decides).then(|| "decides".to_owned());
    let head =
        Row { depth, mark: Some(rule.matches), what, place: place(rule.location.as_ref()), why };
    let mut rows = vec![head];
    rows.extend(entry_rows(rule, (&rule.peers, "any peer"), depth + 1));
    rows.extend(entry_rows(rule, (&rule.ports, "any port"), depth + 1));
    rows
}

/// Entries of a rule, or that it names none and so takes any.
fn entry_rows(
    rule: &RuleEvidence,
    (entries, any): (&[EntryEvidence], &str),
    depth: usize,
) -> Vec<Row> {
    let row = |mark, what, place, why| Row { depth, mark, what, place, why };
    if entries.is_empty() {
        return vec![row(None, any.to_owned(), String::new(), None)];
    }
    let of = |entry: &EntryEvidence| {
        let what = format!("{} {}", inside(&entry.path, rule), entry.text);
        row(Some(entry.matches), what, place(entry.location.as_ref()), entry.why.clone())
    };
    entries.iter().map(of).collect()
}

fn place(location: Option<&Location>) -> String {
    location.map_or_else(String::new, |at| format!("{}:{}:{}", at.file, at.line, at.column))
}

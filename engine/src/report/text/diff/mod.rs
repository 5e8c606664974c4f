//! A comparison as text: what the forms have in common.

mod graph;
mod lines;
mod markdown;
mod table;

use std::fmt;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::{ListFormat, Plain, Style, lines::policy_name};
use crate::report::types::{Direction, Family, TierKind, Verdict};
use crate::report::{DiffCause, DiffChange, DiffReport, DiffSide, DiffSummary};

/// What happens to flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Mark {
    /// They were denied, or an end was not there, and they are allowed.
    Opened,
    /// They were allowed, and are denied, or an end is not there.
    Closed,
    /// They were unknown or are.
    Uncertain,
}

impl Mark {
    /// What happens to the flows of a change.
    pub fn of(change: &DiffChange) -> Self {
        match (change.before, change.after) {
            (Some(Verdict::Unknown), _) | (_, Some(Verdict::Unknown)) => Self::Uncertain,
            (_, Some(Verdict::Allow)) => Self::Opened,
            _ => Self::Closed,
        }
    }

    fn sign(self) -> &'static str {
        match self {
            Self::Opened => "+",
            Self::Closed => "-",
            Self::Uncertain => "?",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Closed => "closed",
            Self::Uncertain => "uncertain",
        }
    }
}

/// Writes a comparison in a form; the style is for text alone.
///
/// # Errors
/// Only those of `out`.
pub fn write_diff(
    report: &DiffReport,
    (format, style): (ListFormat, Style),
    out: &mut dyn fmt::Write,
) -> fmt::Result {
    match format {
        ListFormat::Text => lines::write(report, style, out),
        ListFormat::Csv => table::write(report, out),
        ListFormat::Markdown => markdown::write(report, out),
        ListFormat::Dot => graph::write_dot(report, out),
        ListFormat::Mermaid => graph::write_mermaid(report, out),
    }
}

/// A comparison as one text; see [`write_diff`].
pub fn diff(report: &DiffReport, format: ListFormat) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write_diff(report, (format, Style::Plain), &mut text);
    text
}

/// How much differs: `2 pairs opened, 1 closed; 1 workload added`.
pub fn diff_summary(report: &DiffReport) -> String {
    let DiffSummary { opened, closed, uncertain, added, removed } = report.summary;
    let join = |counts: &[(u32, &str)], noun: &str| {
        let mut text = String::new();
        for (count, what) in counts.iter().filter(|(count, _)| *count > 0) {
            let is_first = text.is_empty();
            let plural = if *count == 1 { "" } else { "s" };
            text += if is_first { "" } else { ", " };
            text += &match is_first {
                true => format!("{count} {noun}{plural} {what}"),
                false => format!("{count} {what}"),
            };
        }
        text
    };
    let flows = [(opened, "opened"), (closed, "closed"), (uncertain, "known on one side only")];
    let flows = join(&flows, "pair");
    let workloads = join(&[(added, "added"), (removed, "removed")], "workload");
    let parts = [flows, workloads];
    let parts: Vec<&str> = parts.iter().map(String::as_str).filter(|p| !p.is_empty()).collect();
    match parts.as_slice() {
        [] => "no difference".into(),
        parts => parts.join("; "),
    }
}

/// How ends are written, by `id`.
struct Names<'r>(FxHashMap<&'r str, &'r str>);

impl<'r> Names<'r> {
    fn new(report: &'r DiffReport) -> Self {
        Self(report.groups.iter().map(|group| (&*group.id, &*group.name)).collect())
    }

    fn of(&self, id: &'r str) -> &'r str {
        self.0.get(id).copied().unwrap_or(id)
    }
}

/// ` (IPv4)`, where a change holds for one family only.
fn suffix(change: &DiffChange) -> &'static str {
    match change.family {
        None => "",
        Some(Family::IPv4) => " (IPv4)",
        Some(Family::IPv6) => " (IPv6)",
    }
}

/// What was said and is, where one of it is unknown: ` (denied before, unknown now)`.
fn verdicts(change: &DiffChange) -> String {
    if Mark::of(change) != Mark::Uncertain {
        return String::new();
    }
    let of = [(change.before, "before"), (change.after, "now")];
    let parts = of.into_iter().filter_map(|(verdict, when)| {
        Some(match verdict? {
            Verdict::Allow => format!("allowed {when}"),
            Verdict::Deny => format!("denied {when}"),
            Verdict::Unknown => format!("unknown {when}"),
        })
    });
    format!(" ({})", parts.collect::<Vec<_>>().join(", "))
}

/// Changes between ends of both sides, then those of ends that only one has.
fn sections(report: &DiffReport) -> [(Option<DiffSide>, &[DiffChange]); 3] {
    let added = report.changes.partition_point(|one| one.before.is_some() && one.after.is_some());
    let (both, rest) = report.changes.split_at_checked(added).unwrap_or_default();
    let removed = rest.partition_point(|change| change.before.is_none());
    let (added, removed) = rest.split_at_checked(removed).unwrap_or_default();
    [(None, both), (Some(DiffSide::New), added), (Some(DiffSide::Old), removed)]
}

/// Names of workloads that only one side has.
fn one_sided(report: &DiffReport, side: DiffSide) -> Vec<&str> {
    let only = report.endpoints.iter().filter(|one| one.only_in == Some(side));
    only.map(|one| &*one.id).collect()
}

fn causes<'r>(report: &'r DiffReport, change: &DiffChange) -> Vec<&'r DiffCause> {
    change.causes.iter().filter_map(|number| report.causes.get(*number as usize)).collect()
}

fn end(direction: Direction) -> &'static str {
    match direction {
        Direction::Egress => "egress",
        Direction::Ingress => "ingress",
    }
}

/// Said of a change that has no cause.
fn no_cause(report: &DiffReport) -> &'static str {
    match report.old.host_endpoints + report.new.host_endpoints {
        0 => "no rule differs here: labels, ports, addresses or nodes do",
        _ => "no rule of pods differs here: host endpoints, labels, ports, addresses or nodes do",
    }
}

/// A line of a policy, without its side: `shop/db ingress[0].from[1] (app=web; TCP 80) db.yaml:12`.
pub fn cause_text(cause: &DiffCause) -> String {
    let name = policy_name(&cause.policy);
    let at = cause
        .location
        .as_ref()
        .map_or_else(String::new, |at| format!(" {}:{}", Plain(&at.file), at.line));
    let (Some(peer), Some(ports)) = (&cause.peer, &cause.ports) else {
        return format!("{name} isolates{at}");
    };
    let path = cause.path.strip_prefix("spec.").unwrap_or(&cause.path);
    let tier = match cause.tier {
        TierKind::NetworkPolicy => String::new(),
        TierKind::Admin => "admin ".into(),
        TierKind::Baseline => "baseline ".into(),
        TierKind::Calico => {
            cause.tier_name.as_deref().map(|name| format!("{} ", Plain(name))).unwrap_or_default()
        }
    };
    let verb = match (cause.tier, cause.action) {
        // Of NetworkPolicies it goes without saying that they admit.
        (TierKind::NetworkPolicy, _) => String::new(),
        (_, action) => format!("{} ", action.verb()),
    };
    format!("{tier}{verb}{name} {path} ({}; {}){at}", Plain(peer), Plain(ports))
}

//! The list as lines, and its notes.

use std::fmt::{self, Write};

use super::plain::Plain;
use super::{Names, certain};
use crate::report::types::{
    DecidingRule, EndState, Explanation, ListReport, Match, Note, ObjectRef, TierKind, Why,
};

/// Rules named under one reason before the rest is only counted: a cluster can have a thousand
/// rules with a block, and the JSON has them all.
const MOST_RULES: usize = 10;

/// One line per connection, then what is not known after a blank line.
pub fn write(report: &ListReport, out: &mut dyn Write) -> fmt::Result {
    let names = Names::new(report);
    for connection in &report.connections {
        let Some((allowed, suffix)) = certain(connection) else {
            continue;
        };
        let (from, to) = (names.of(&connection.from), names.of(&connection.to));
        writeln!(out, "{} => {} : {allowed}{suffix}", Plain(from), Plain(to))?;
        if let Some(why) = &connection.why {
            write_ends(report, *why, out)?;
        }
    }
    let reasons = reasons(&report.notes);
    if !reasons.is_empty() {
        out.write_str("\nUnknown (not listed above):\n")?;
    }
    for (message, notes) in reasons {
        writeln!(out, "  {}", Plain(message))?;
        write_rules(&notes, "    ", out)?;
    }
    Ok(())
}

/// Why both ends let a connection pass: a line for each rule.
fn write_ends(report: &ListReport, why: Why, out: &mut dyn Write) -> fmt::Result {
    for (name, end) in ends(report, why) {
        if end.rules.is_empty() {
            writeln!(out, "    {name:<9}{}", state_text(end))?;
        }
        let names = [name].into_iter().chain(std::iter::repeat(""));
        for (rule, name) in rules(report, end).zip(names) {
            write!(out, "    {name:<9}")?;
            write_rule(rule, out)?;
            out.write_char('\n')?;
        }
    }
    Ok(())
}

/// The explanations of a connection's ends, with what each end is called.
fn ends(report: &ListReport, why: Why) -> impl Iterator<Item = (&'static str, &Explanation)> {
    let named = [("egress", why.egress), ("ingress", why.ingress)];
    named.into_iter().filter_map(|(name, i)| Some((name, report.explanations.get(i as usize)?)))
}

fn rules<'r>(
    report: &'r ListReport,
    end: &'r Explanation,
) -> impl Iterator<Item = &'r DecidingRule> {
    end.rules.iter().filter_map(|i| report.admissions.get(*i as usize))
}

/// The same on one line, for a cell of a table.
pub fn why_text(report: &ListReport, why: Why) -> String {
    let mut text = String::new();
    for (name, end) in ends(report, why) {
        let gap = if text.is_empty() { "" } else { "; " };
        let _ = write!(text, "{gap}{name}: ");
        if end.rules.is_empty() {
            text.push_str(state_text(end));
        }
        for (i, rule) in rules(report, end).enumerate() {
            text.push_str(if i == 0 { "" } else { ", " });
            let _ = write_rule(rule, &mut text);
        }
    }
    text
}

fn state_text(end: &Explanation) -> &'static str {
    match end.state {
        EndState::Unenforced => "policies do not apply",
        EndState::NotIsolated => "no policy isolates it",
        EndState::Isolated => "isolated",
        EndState::Selected => "no rule of a cluster policy decides",
        EndState::SelfTraffic => "a pod to itself",
        EndState::OwnNode => "its own node",
        EndState::HostEndpoint => "its HostEndpoint decides",
        EndState::HostAction => "`defaultEndpointToHostAction` decides",
    }
}

fn write_rule(rule: &DecidingRule, out: &mut dyn Write) -> fmt::Result {
    let path = rule.path.strip_prefix("spec.").unwrap_or(&rule.path);
    let perhaps = if rule.matches == Match::Yes { "" } else { "possibly " };
    let (peer, ports) = (Plain(&rule.peer), Plain(&rule.ports));
    // Of NetworkPolicies it goes without saying that they admit.
    match (rule.tier, rule.action) {
        (TierKind::NetworkPolicy, _) => {}
        (TierKind::Admin, action) => write!(out, "admin {} ", action.verb())?,
        (TierKind::Baseline, action) => write!(out, "baseline {} ", action.verb())?,
        (TierKind::Calico, action) => {
            let name = rule.tier_name.as_deref().unwrap_or_default();
            write!(out, "{} {} ", Plain(name), action.verb())?;
        }
    }
    write!(out, "{perhaps}{} {path} ({peer}; {ports})", policy_name(&rule.policy))?;
    match &rule.location {
        Some(at) => write!(out, " {}:{}", Plain(&at.file), at.line),
        None => Ok(()),
    }
}

/// `shop/web`, or `guard` for what is in no namespace.
pub fn policy_name(policy: &ObjectRef) -> String {
    match &policy.namespace {
        Some(namespace) => format!("{}/{}", Plain(namespace), Plain(&policy.name)),
        None => Plain(&policy.name).to_string(),
    }
}

/// Notes by what they say, in the order in which each is said first.
pub fn reasons(notes: &[Note]) -> Vec<(&str, Vec<&Note>)> {
    let mut reasons: Vec<(&str, Vec<&Note>)> = Vec::new();
    for note in notes {
        match reasons.iter_mut().find(|(message, _)| *message == note.message) {
            Some((_, notes)) => notes.push(note),
            None => reasons.push((&note.message, vec![note])),
        }
    }
    reasons
}

/// The rules behind one reason, a line each.
pub fn write_rules(notes: &[&Note], indent: &str, out: &mut dyn Write) -> fmt::Result {
    let counts: Vec<String> = notes.iter().take(MOST_RULES).map(|note| count(note)).collect();
    let widest = counts.iter().map(String::len).max().unwrap_or(0);
    for (note, count) in notes.iter().zip(&counts) {
        write!(out, "{indent}{count:>widest$}")?;
        if let Some(policy) = &note.policy {
            write!(out, "  {}", policy_name(policy))?;
        }
        if let Some(path) = &note.path {
            write!(out, " {}", path.strip_prefix("spec.").unwrap_or(path))?;
        }
        if let Some(at) = &note.location {
            write!(out, "  {}:{}:{}", Plain(&at.file), at.line, at.column)?;
        }
        out.write_char('\n')?;
    }
    let rest = notes.len().saturating_sub(MOST_RULES);
    if rest > 0 {
        let rules = if rest == 1 { "rule" } else { "rules" };
        writeln!(out, "{indent}and {rest} more {rules}: all are in the JSON")?;
    }
    Ok(())
}

fn count(note: &Note) -> String {
    match note.connections {
        1 => "1 connection".into(),
        n => format!("{n} connections"),
    }
}

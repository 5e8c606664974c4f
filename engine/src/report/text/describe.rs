//! Pods, a policy or a namespace, described.

use std::fmt::{self, Write};

use super::plain::Plain;
use super::style::{Ink, Style};
use crate::report::describe::{
    DescribeReport, DescribedDirection, DescribedPolicy, DescribedRule, isolation_text,
};
use crate::report::types::{Action, Direction, Isolation, Location, Match, Severity};

/// Workloads that are named before the rest is only counted.
const MOST_WORKLOADS: usize = 20;

/// Writes what is described: where it is, whom it is about, and what policies do.
///
/// # Errors
/// Only those of `out`.
pub fn write_description(
    report: &DescribeReport,
    style: Style,
    out: &mut dyn Write,
) -> fmt::Result {
    let kind = report.policy.as_ref().map(|policy| format!("{} ", policy.kind));
    let place = place(report.location.as_ref());
    let place = style.paint(Ink::Dim, &place);
    write!(out, "{}{}", kind.unwrap_or_default(), Plain(&report.name))?;
    match report.location {
        None => out.write_char('\n')?,
        Some(_) => writeln!(out, "   {place}")?,
    }
    if !report.labels.is_empty() {
        let labels = report.labels.iter().map(|(key, value)| format!("{key}={value}"));
        let labels: Vec<String> = labels.collect();
        writeln!(out, "  labels: {}", Plain(&labels.join(", ")))?;
    }
    write_workloads(report, out)?;
    for direction in &report.directions {
        write_direction(report, direction, style, out)?;
    }
    for policy in &report.policies {
        write_policy(policy, style, out)?;
    }
    write_findings(report, style, out)
}

fn write_workloads(report: &DescribeReport, out: &mut dyn Write) -> fmt::Result {
    match (&report.policy, report.workloads.as_slice()) {
        (Some(_), []) => return writeln!(out, "  selects no pod of the input"),
        (None, []) => return writeln!(out, "  no pod of the input"),
        (Some(_), all) => writeln!(out, "  selects {}", count(all.len(), "workload"))?,
        (None, _) => {}
    }
    for one in report.workloads.iter().take(MOST_WORKLOADS) {
        let (ingress, egress) = (isolation_text(one.ingress), isolation_text(one.egress));
        let both = match (one.ingress, one.egress) {
            (Isolation::Unenforced, Isolation::Unenforced) => ingress.to_owned(),
            _ => format!("ingress {ingress}, egress {egress}"),
        };
        writeln!(out, "    {}   {both}", Plain(&one.id))?;
    }
    match report.workloads.len().saturating_sub(MOST_WORKLOADS) {
        0 => Ok(()),
        rest => writeln!(out, "    and {rest} more"),
    }
}

fn write_direction(
    report: &DescribeReport,
    one: &DescribedDirection,
    style: Style,
    out: &mut dyn Write,
) -> fmt::Result {
    let (way, verb) = match one.direction {
        Direction::Ingress => ("ingress", "may send to"),
        Direction::Egress => ("egress", "may be reached from"),
    };
    let (workloads, ranges) = (one.workloads, one.ranges);
    let them = if report.workloads.len() == 1 { "it" } else { "one of them" };
    writeln!(
        out,
        "{way}: {} of {} other workloads and {} of {} address ranges {verb} {them}",
        workloads.allowed, workloads.all, ranges.allowed, ranges.all
    )?;
    if one.policies.is_empty() {
        writeln!(out, "  no policy")?;
    }
    one.policies.iter().try_for_each(|policy| write_policy(policy, style, out))
}

fn write_policy(policy: &DescribedPolicy, style: Style, out: &mut dyn Write) -> fmt::Result {
    let name = match &policy.policy.namespace {
        Some(namespace) => format!("{namespace}/{}", policy.policy.name),
        None => policy.policy.name.clone(),
    };
    let place = place(policy.location.as_ref());
    let place = style.paint(Ink::Dim, &place);
    let selects = count(policy.workloads, "workload");
    write!(out, "  {} {}   {place}   selects {selects}", policy.policy.kind, Plain(&name))?;
    if policy.audited {
        out.write_str(", only audited")?;
    }
    if policy.selects == Match::Unknown {
        out.write_str(", unknown whether these pods")?;
    }
    out.write_char('\n')?;
    policy.rules.iter().try_for_each(|rule| write_rule(rule, style, out))
}

fn write_rule(rule: &DescribedRule, style: Style, out: &mut dyn Write) -> fmt::Result {
    let path = rule.path.strip_prefix("spec.").unwrap_or(&rule.path);
    let place = place(rule.location.as_ref());
    let place = style.paint(Ink::Dim, &place);
    let action = match rule.action {
        Action::Accept => String::new(),
        other => format!("{} ", other.name()),
    };
    let text = format!("{action}{}; {}", rule.peers, rule.ports);
    let named = count(rule.named, "workload");
    writeln!(out, "    {path} {}   {place}   names {named}", Plain(&text))?;
    let verb = if rule.action == Action::Deny { "denies" } else { "opens" };
    match rule.pairs {
        None => return writeln!(out, "      too many pairs to say what it {verb} alone"),
        Some(0) => return writeln!(out, "      {verb} nothing alone"),
        Some(pairs) => writeln!(out, "      {verb} alone, {}:", count(pairs, "pair"))?,
    }
    for one in &rule.alone {
        let (from, to) = (Plain(&one.from), Plain(&one.to));
        writeln!(out, "        {from} => {to} : {}", Plain(&one.ports))?;
    }
    match rule.pairs.unwrap_or_default().saturating_sub(rule.alone.len()) {
        0 => Ok(()),
        rest => writeln!(out, "        and {rest} more"),
    }
}

fn write_findings(report: &DescribeReport, style: Style, out: &mut dyn Write) -> fmt::Result {
    if report.findings.is_empty() {
        return Ok(());
    }
    writeln!(out, "findings:")?;
    for finding in &report.findings {
        let ink = if finding.severity == Severity::Error { Ink::Bad } else { Ink::Doubt };
        let word = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "info",
        };
        let head = format!("{word}[{}]", finding.code);
        let place = place(finding.location.as_ref());
        let place = style.paint(Ink::Dim, &place);
        let head = style.paint(ink, &head);
        writeln!(out, "  {head} {}   {place}", Plain(&finding.message))?;
    }
    Ok(())
}

fn count(n: usize, noun: &str) -> String {
    match n {
        1 => format!("1 {noun}"),
        n => format!("{n} {noun}s"),
    }
}

fn place(location: Option<&Location>) -> String {
    let text = location.map(|at| format!("{}:{}:{}", at.file, at.line, at.column));
    text.unwrap_or_default()
}

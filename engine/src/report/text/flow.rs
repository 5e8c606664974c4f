//! One flow, judged: the verdict in a line, then why.

use std::fmt::{self, Write};

use super::plain::{Plain, width};
use super::reason::Reasons;
use super::style::{Ink, Style};
use crate::report::types::{EndReport, EndState, Evidence, FlowPart, FlowReport, Verdict};

/// Writes the verdict of a flow in one line, then what each end says and which rule decides.
///
/// # Errors
/// Only those of `out`.
pub fn write_verdict(report: &FlowReport, style: Style, out: &mut dyn Write) -> fmt::Result {
    write_head(report, style, out)?;
    if report.verdict == Verdict::Unknown {
        writeln!(out, "  {}", Plain(&report.summary))?;
    }
    write_audit(report, style, out)?;
    for part in &report.parts {
        write_part(part, report, style, out)?;
    }
    if !report.parts.is_empty() {
        return Ok(());
    }
    let names = (end_name(&report.from, &report.source), end_name(&report.to, &report.destination));
    write_evidence(&report.evidence, (report, names), style, out)
}

/// One of several answers.
fn write_part(
    part: &FlowPart,
    report: &FlowReport,
    style: Style,
    out: &mut dyn Write,
) -> fmt::Result {
    write_part_head(part, report, style, out)?;
    let (from, to) = (part.source.to_string(), part.destination.to_string());
    write_evidence(&part.evidence, (report, (from, to)), style, out)
}

/// Whom an answer is about, and on which ports.
pub fn write_part_head(
    part: &FlowPart,
    report: &FlowReport,
    style: Style,
    out: &mut dyn Write,
) -> fmt::Result {
    let (ink, word) = verdict_word(part.verdict);
    let gap = 10 - word.len();
    let word = style.paint(ink, word);
    write!(out, "{word}{:gap$}{} → {}", "", Plain(&part.source), Plain(&part.destination))?;
    let ports = part.ports.as_ref().map(|ports| format!("{} {ports}", report.protocol));
    let family = part.family.map(|family| format!("{family:?}"));
    let port = part.pod_port.map(|port| format!("{port} at the pod"));
    let more: Vec<String> = ports.into_iter().chain(family).chain(port).collect();
    if !more.is_empty() {
        write!(out, "   ({})", more.join(", "))?;
    }
    out.write_char('\n')
}

fn write_evidence(
    evidence: &Evidence,
    (report, (from, to)): (&FlowReport, (String, String)),
    style: Style,
    out: &mut dyn Write,
) -> fmt::Result {
    let indent = "  leaves ".len() + width(&from).max(width(&to)) + 3;
    let egress = end_lines(&evidence.egress, "egress", &report.to, style);
    let ingress = end_lines(&evidence.ingress, "ingress", &report.from, style);
    for (verb, name, lines) in [("leaves", from, egress), ("enters", to, ingress)] {
        let gap = indent - "  leaves ".len() - width(&name);
        write!(out, "  {verb} {}{:gap$}", Plain(&name), "")?;
        for (i, line) in lines.iter().enumerate() {
            let before = if i == 0 { 0 } else { indent };
            writeln!(out, "{:before$}{line}", "")?;
        }
    }
    Ok(())
}

/// The answer: what a reader in a hurry reads.
pub fn write_head(report: &FlowReport, style: Style, out: &mut dyn Write) -> fmt::Result {
    let (ink, word) = verdict_word(report.verdict);
    let gap = 10 - word.len();
    let (from, to) = (Plain(&report.from), Plain(&report.to));
    let word = style.paint(ink, word);
    let port = report.port.to_string();
    write!(out, "{word}{:gap$}{from} → {to}   {} {}", "", report.protocol, Plain(&port))?;
    match report.pod_port.filter(|port| has_one_port(report, *port)) {
        Some(port) => writeln!(out, " ({port} at the pod)")?,
        None => out.write_char('\n')?,
    }
    if report.siblings {
        let workload = Plain(&report.source);
        writeln!(out, "  between two pods of {workload}: a pod always reaches itself")?;
    }
    Ok(())
}

/// Whether all answers are about the same port of a pod.
fn has_one_port(report: &FlowReport, port: u16) -> bool {
    report.parts.iter().all(|part| part.pod_port == Some(port))
}

/// What would be said if audited policies were enforced, where some have a say.
pub fn write_audit(report: &FlowReport, style: Style, out: &mut dyn Write) -> fmt::Result {
    let Some(audit) = &report.audit else { return Ok(()) };
    let (ink, _) = verdict_word(audit.verdict);
    let ink = if audit.verdict == report.verdict { Ink::Dim } else { ink };
    writeln!(out, "  audit: {}", style.paint(ink, &Plain(&audit.summary).to_string()))
}

/// A verdict in the colour that it has everywhere.
pub fn verdict_word(verdict: Verdict) -> (Ink, &'static str) {
    match verdict {
        Verdict::Allow => (Ink::Good, "allowed"),
        Verdict::Deny => (Ink::Bad, "denied"),
        Verdict::Unknown => (Ink::Doubt, "unknown"),
    }
}

/// As asked, and what an address turned out to be.
fn end_name(asked: &str, resolved: &str) -> String {
    let is_address = asked.parse::<std::net::IpAddr>().is_ok();
    if is_address && asked != resolved { format!("{asked} ({resolved})") } else { asked.to_owned() }
}

fn end_lines(end: &EndReport, way: &str, other: &str, style: Style) -> Vec<String> {
    match end.state {
        EndState::NotIsolated => vec![format!("not isolated for {way}")],
        EndState::Unenforced | EndState::SelfTraffic | EndState::OwnNode | EndState::HostAction => {
            vec![Plain(&end.summary).to_string()]
        }
        EndState::Isolated | EndState::Selected | EndState::HostEndpoint => {
            Reasons { style, other }.of(end)
        }
    }
}

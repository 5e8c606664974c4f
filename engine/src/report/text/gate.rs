//! What is said of rules, and of two sets of policies, as lines for people and as Markdown.

use std::fmt::{self, Write};

use super::table::{Literal, prose};
use super::{Ink, Plain, Style};
use crate::report::types::{Family, Location, Verdict};
use crate::report::{
    EqualOutcome, EqualReport, GateOutcome, GateReport, GateRuleReport, GateSummary, Opening,
    Witness, WitnessEnd,
};

/// A form in which a gate's answer can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateFormat {
    /// Lines for people.
    Text,
    /// A table of GitHub's Markdown, with details folded.
    Markdown,
}

impl GateOutcome {
    /// As texts say it.
    pub fn text(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Broken => "broken",
            Self::Unknown => "cannot be ruled out",
            Self::Undecided => "undecided",
        }
    }

    fn sign(self) -> (&'static str, Ink) {
        match self {
            Self::Holds => ("✓", Ink::Good),
            Self::Broken => ("✗", Ink::Bad),
            Self::Unknown | Self::Undecided => ("?", Ink::Doubt),
        }
    }
}

/// Writes what is said of each rule; the style is for text alone.
///
/// # Errors
/// Only those of `out`.
pub fn write_gate(
    report: &GateReport,
    (format, style): (GateFormat, Style),
    out: &mut dyn Write,
) -> fmt::Result {
    match format {
        GateFormat::Text => {
            for rule in &report.rules {
                write_rule(rule, style, out)?;
            }
            writeln!(out, "{}", gate_summary(&report.summary))
        }
        GateFormat::Markdown => write_markdown(report, out),
    }
}

/// What is said of one rule, as plain text.
pub fn gate_rule(rule: &GateRuleReport) -> String {
    let mut text = String::new();
    // A string takes everything.
    let _ = write_rule(rule, Style::Plain, &mut text);
    text
}

/// How many rules have each outcome: `3 rules: 1 broken, 2 hold`.
pub fn gate_summary(summary: &GateSummary) -> String {
    let GateSummary { holds, broken, unknown, undecided } = *summary;
    let all = holds + broken + unknown + undecided;
    let counts = [
        (broken, "broken"),
        (unknown, "cannot be ruled out"),
        (undecided, "undecided"),
        (holds, if holds == 1 { "holds" } else { "hold" }),
    ];
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let counts: Vec<String> = counts.map(|(count, what)| format!("{count} {what}")).collect();
    format!("{all} {}: {}", if all == 1 { "rule" } else { "rules" }, counts.join(", "))
}

fn write_rule(rule: &GateRuleReport, style: Style, out: &mut dyn Write) -> fmt::Result {
    let (sign, ink) = rule.outcome.sign();
    let head = match rule.outcome {
        GateOutcome::Holds | GateOutcome::Broken => format!("{sign} {}", rule.name),
        other => format!("{sign} {}: {}", rule.name, other.text()),
    };
    let at = place(&rule.location);
    writeln!(out, "{}  {}", style.paint(ink, &head), style.paint(Ink::Dim, &at))?;
    if rule.outcome != GateOutcome::Holds {
        writeln!(out, "    {}", Plain(&rule.rule))?;
    }
    rule.reason.iter().try_for_each(|why| writeln!(out, "    {}", Plain(why)))?;
    rule.witnesses.iter().try_for_each(|one| write_witness(one, style, out))?;
    for end in &rule.unmatched {
        writeln!(out, "    no pod of the input is one of: {}", Plain(end))?;
    }
    let assumed = rule.assumptions.iter();
    { assumed }.try_for_each(|one| writeln!(out, "    assumed: {}", Plain(one)))
}

fn write_witness(witness: &Witness, style: Style, out: &mut dyn Write) -> fmt::Result {
    let ink = if witness.verdict == Verdict::Unknown { Ink::Doubt } else { Ink::Bad };
    writeln!(out, "    {}", style.paint(ink, &flow(witness)))?;
    for line in notes(witness) {
        writeln!(out, "      {}", Plain(&line))?;
    }
    for opening in &witness.opened_by {
        writeln!(out, "      {}", style.paint(Ink::Dim, &opening_text(opening)))?;
    }
    let help = witness.help.iter();
    { help }.try_for_each(|help| writeln!(out, "      to do: {}", Plain(help)))?;
    writeln!(out, "      see: {}", Plain(&command(witness)))
}

/// `shop/web => shop/db : TCP 5432 (allowed, denied before)`.
fn flow(witness: &Witness) -> String {
    let Witness { from, to, protocol, port, verdict, before, .. } = witness;
    let family = match witness.family {
        None => "",
        Some(Family::IPv4) => " (IPv4)",
        Some(Family::IPv6) => " (IPv6)",
    };
    let word = |verdict: Verdict| match verdict {
        Verdict::Allow => "allowed",
        Verdict::Deny => "denied",
        Verdict::Unknown => "unknown",
    };
    let before = before.map_or_else(String::new, |own| format!("{} before, ", word(own)));
    let verdict = word(*verdict);
    format!("{} => {} : {protocol} {port}{family}, {before}{verdict}", from.text, to.text)
}

/// What is said of the ends besides their names, and why something is not known.
fn notes(witness: &Witness) -> Vec<String> {
    let ends = [&witness.from, &witness.to].into_iter().filter_map(about);
    let mut ends: Vec<String> = ends.collect();
    ends.dedup();
    ends.into_iter().chain(witness.reason.clone()).collect()
}

fn about(end: &WitnessEnd) -> Option<String> {
    let mut parts = Vec::new();
    if end.hypothetical {
        parts.push("a pod that may come to be".to_owned());
    }
    if let Some(namespace) = end.namespace.as_deref().filter(|_| end.new_namespace) {
        parts.push(format!("in a namespace that may come to be (`{namespace}`)"));
    }
    if !end.namespace_labels.is_empty() {
        let labels = end.namespace_labels.iter().map(|(key, value)| format!("{key}={value}"));
        let labels = labels.collect::<Vec<_>>().join(",");
        parts.push(format!("with namespace labels {labels}"));
    }
    if !end.port_names.is_empty() {
        parts.push(format!("whose port has the name {}", end.port_names.join(" and ")));
    }
    if let Some(address) = &end.address {
        parts.push(format!("at address {address}"));
    }
    (!parts.is_empty()).then(|| format!("{}: {}", end.text, parts.join(", ")))
}

/// `ingress  NetworkPolicy shop/db spec.ingress[0].from[1]  0.0.0.0/0  policies.yaml:12:9`.
fn opening_text(opening: &Opening) -> String {
    let mut text = format!("{:<7}  ", opening.direction.field());
    if let Some(policy) = &opening.policy {
        let namespace = policy.namespace.as_deref().map(|own| format!("{own}/"));
        let namespace = namespace.unwrap_or_default();
        text += &format!("{} {namespace}{}  ", policy.kind, policy.name);
    }
    if let Some(path) = &opening.path {
        text += &format!("{path}  ");
    }
    text += &opening.text;
    if let Some(at) = &opening.location {
        text += &format!("  {}", place(at));
    }
    text
}

fn place(at: &Location) -> String {
    format!("{}:{}:{}", at.file, at.line, at.column)
}

/// The command that shows the same.
fn command(witness: &Witness) -> String {
    let quoted = witness.arguments.iter().map(|text| {
        let is_safe = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@".contains(c);
        match text.chars().all(is_safe) {
            true => text.clone(),
            false => format!("'{}'", text.replace('\'', "'\\''")),
        }
    });
    let quoted: Vec<String> = quoted.collect();
    let is_named = witness.arguments.iter().any(|one| one.contains("/new-"));
    let with = if is_named { " (with `manifests` of the JSON)" } else { "" };
    format!("portcullis explain {}{with}", quoted.join(" "))
}

fn write_markdown(report: &GateReport, out: &mut dyn Write) -> fmt::Result {
    writeln!(out, "**Network rules: {}**\n", Literal(&gate_summary(&report.summary)))?;
    out.write_str("| | rule | where |\n|---|---|---|\n")?;
    for rule in &report.rules {
        let sign = match rule.outcome {
            GateOutcome::Holds => "✅",
            GateOutcome::Broken => "❌",
            GateOutcome::Unknown | GateOutcome::Undecided => "❓",
        };
        let (name, at) = (Literal(&rule.name), place(&rule.location));
        writeln!(out, "| {sign} {} | {name} | {} |", rule.outcome.text(), Literal(&at))?;
    }
    for rule in report.rules.iter().filter(|rule| rule.outcome != GateOutcome::Holds) {
        writeln!(out, "\n<details><summary>{}</summary>\n", prose(&rule.name))?;
        writeln!(out, "{}\n", prose(&rule.rule))?;
        rule.reason.iter().try_for_each(|why| writeln!(out, "- {}", prose(why)))?;
        for witness in &rule.witnesses {
            markdown_witness(witness, out)?;
        }
        rule.assumptions.iter().try_for_each(|one| writeln!(out, "- assumed: {}", prose(one)))?;
        out.write_str("\n</details>\n")?;
    }
    Ok(())
}

fn markdown_witness(witness: &Witness, out: &mut dyn Write) -> fmt::Result {
    writeln!(out, "- {}", Literal(&flow(witness)))?;
    for line in notes(witness) {
        writeln!(out, "  - {}", prose(&line))?;
    }
    for opening in &witness.opened_by {
        writeln!(out, "  - {}", Literal(&opening_text(opening)))?;
    }
    witness.help.iter().try_for_each(|help| writeln!(out, "  - to do: {}", prose(help)))
}

/// Writes whether two sets of policies mean the same, and flows of which they do not.
///
/// # Errors
/// Only those of `out`.
pub fn write_equal(report: &EqualReport, style: Style, out: &mut dyn Write) -> fmt::Result {
    let (ink, text) = match report.outcome {
        EqualOutcome::Equal => (Ink::Good, "equal"),
        EqualOutcome::Different => (Ink::Bad, "different"),
        EqualOutcome::Unknown => (Ink::Doubt, "unknown"),
        EqualOutcome::Undecided => (Ink::Doubt, "undecided"),
    };
    writeln!(out, "{}", style.paint(ink, text))?;
    report.reason.iter().try_for_each(|why| writeln!(out, "    {}", Plain(why)))?;
    report.witnesses.iter().try_for_each(|one| write_witness(one, style, out))?;
    let assumed = report.assumptions.iter();
    { assumed }.try_for_each(|one| writeln!(out, "    assumed: {}", Plain(one)))
}

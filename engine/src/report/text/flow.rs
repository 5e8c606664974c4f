//! One flow, judged: the verdict in a line, then why.

use std::fmt::{self, Write};

use super::plain::{Plain, width};
use super::style::{Ink, Style};
use crate::report::types::{
    EndReport, EndState, EntryEvidence, FlowReport, Location, Match, PolicyEvidence, RuleEvidence,
    Verdict,
};

/// Policies spoken about per end before the rest is only counted; the chain has them all.
const MOST_POLICIES: usize = 5;

/// Writes the verdict of a flow in one line, then what each end says and which rule decides.
///
/// # Errors
/// Only those of `out`.
pub fn write_verdict(report: &FlowReport, style: Style, out: &mut dyn Write) -> fmt::Result {
    write_head(report, style, out)?;
    if report.verdict == Verdict::Unknown {
        writeln!(out, "  {}", Plain(&report.summary))?;
    }
    let ends = [
        ("leaves", "egress", end_name(&report.from, &report.source), &report.evidence.egress),
        ("enters", "ingress", end_name(&report.to, &report.destination), &report.evidence.ingress),
    ];
    let widest = ends.iter().map(|(_, _, name, _)| width(name)).max().unwrap_or(0);
    let indent = "leaves".len() + widest + 6;
    for (verb, way, name, end) in &ends {
        let gap = indent - verb.len() - width(name) - 3;
        write!(out, "  {verb} {}{:gap$}", Plain(name), "")?;
        for (i, line) in end_lines(end, way, style).iter().enumerate() {
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
    writeln!(out, "{word}{:gap$}{from} → {to}   {} {}", "", report.protocol, report.port)
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

fn end_lines(end: &EndReport, way: &str, style: Style) -> Vec<String> {
    match end.state {
        EndState::NotIsolated => vec![format!("not isolated for {way}")],
        EndState::Unenforced | EndState::SelfTraffic | EndState::OwnNode => {
            vec![Plain(&end.summary).to_string()]
        }
        EndState::Isolated => isolated_lines(end, style),
    }
}

fn isolated_lines(end: &EndReport, style: Style) -> Vec<String> {
    let names: Vec<&str> = end.policies.iter().map(|policy| &*policy.policy.name).collect();
    let mut lines = vec![format!("isolated by {}", some(&names))];
    let best = end.policies.iter().map(|policy| policy.admits).max();
    let of = |admits: Match| end.policies.iter().filter(move |policy| policy.admits == admits);
    match best {
        Some(Match::Yes) => {
            let mut admitting = of(Match::Yes);
            if let Some(first) = admitting.next() {
                lines.extend(admitting_lines(first, style));
            }
            let others: Vec<&str> = admitting.map(|policy| &*policy.policy.name).collect();
            if !others.is_empty() {
                lines.push(format!("also by {}", some(&others)));
            }
        }
        Some(Match::Unknown) => {
            let open = of(Match::Unknown).take(MOST_POLICIES);
            lines.extend(open.flat_map(|policy| refusing_lines(policy, style)));
        }
        _ => {
            let refusing = end.policies.iter().take(MOST_POLICIES);
            lines.extend(refusing.flat_map(|policy| refusing_lines(policy, style)));
            let rest = end.policies.len().saturating_sub(MOST_POLICIES);
            if rest > 0 {
                lines.push(format!("nor by the other {rest}"));
            }
        }
    }
    lines
}

/// The first few of some names.
fn some(names: &[&str]) -> String {
    let shown: Vec<String> =
        names.iter().take(MOST_POLICIES).map(|n| Plain(n).to_string()).collect();
    match names.len().saturating_sub(MOST_POLICIES) {
        0 => shown.join(", "),
        rest => format!("{} and {rest} more", shown.join(", ")),
    }
}

/// Which entries of a policy admit the flow, and where they stand.
fn admitting_lines(policy: &PolicyEvidence, style: Style) -> Vec<String> {
    let name = Plain(&policy.policy.name);
    let Some(rule) = policy.rules.iter().find(|rule| rule.admits == Match::Yes) else {
        return vec![format!("admitted by {name}")];
    };
    let matching = |entries: &'_ [EntryEvidence]| {
        entries.iter().find(|entry| entry.matches == Match::Yes).cloned()
    };
    let (peer, port) = (matching(&rule.peers), matching(&rule.ports));
    let own = short(&rule.path);
    let text = match (&peer, &port) {
        (Some(peer), Some(port)) => {
            format!("{} ({}), {}", short(&peer.path), peer.text, port_text(port))
        }
        (Some(peer), None) => format!("{} ({}), any port", short(&peer.path), peer.text),
        (None, Some(port)) => format!("{own}, any peer, {}", port_text(port)),
        (None, None) => format!("{own}, any peer, any port"),
    };
    let deciding = peer.and_then(|peer| peer.location);
    let place = deciding.or_else(|| rule.location.clone()).or_else(|| policy.location.clone());
    let mut lines = vec![format!("admitted by {name}: {}", Plain(&text))];
    lines.extend(at(place.as_ref(), style));
    lines
}

fn port_text(port: &EntryEvidence) -> String {
    // The rule is named already: `ports[0]` is enough.
    let path = port.path.rsplit_once('.').map_or(&*port.path, |(_, last)| last);
    format!("{path} ({})", port.text)
}

/// Why a policy does not admit the flow, by its nearest rule, and where that stands.
fn refusing_lines(policy: &PolicyEvidence, style: Style) -> Vec<String> {
    let name = Plain(&policy.policy.name);
    let (why, place) = match nearest(&policy.rules) {
        None => (format!("{name} {}", Plain(&policy.summary)), policy.location.as_ref()),
        // No rule is nearer than another; the chain has the reason for each.
        Some(rule) if policy.rules.len() > 1 && best(&rule.peers) == Match::No => {
            let count = policy.rules.len();
            let why = format!("not admitted by {name}: none of its {count} rules has this peer");
            (why, policy.location.as_ref())
        }
        Some(rule) => {
            let verb = match policy.admits {
                Match::Unknown => "perhaps admitted by",
                Match::Yes | Match::No => "not admitted by",
            };
            let (why, entry) = refusal(rule);
            let place = entry.and_then(|entry| entry.location.as_ref());
            let why = format!("{verb} {name}: {}", Plain(&why));
            (why, place.or(rule.location.as_ref()))
        }
    };
    std::iter::once(why).chain(at(place, style)).collect()
}

/// The best match of some entries; naming none takes any.
fn best(entries: &[EntryEvidence]) -> Match {
    let matches = entries.iter().map(|entry| entry.matches);
    matches.max().unwrap_or(Match::Yes)
}

/// The rule that comes closest to admitting: by its answer, then by its peers, then by its ports.
fn nearest(rules: &[RuleEvidence]) -> Option<&RuleEvidence> {
    let rank = |rule: &RuleEvidence| (rule.admits, best(&rule.peers), best(&rule.ports));
    let mut nearest: Option<&RuleEvidence> = None;
    for rule in rules {
        if nearest.is_none_or(|known| rank(rule) > rank(known)) {
            nearest = Some(rule);
        }
    }
    nearest
}

/// What keeps a rule from admitting, with the entry if it is a single one.
fn refusal(rule: &RuleEvidence) -> (String, Option<&EntryEvidence>) {
    let stands = |entries: &[EntryEvidence]| {
        !entries.is_empty() && entries.iter().all(|entry| entry.matches != Match::Yes)
    };
    let path = short(&rule.path);
    let (entries, noun) = match (stands(&rule.peers), stands(&rule.ports)) {
        (true, _) => (&rule.peers, "peers"),
        (false, true) => (&rule.ports, "ports"),
        (false, false) => return (path.to_owned(), None),
    };
    let open = entries.iter().find(|entry| entry.matches == Match::Unknown);
    match (open, entries.as_slice()) {
        (Some(entry), _) | (None, [entry]) => {
            let why = entry.why.as_deref().unwrap_or("it does not match");
            (format!("{} ({}): {why}", short(&entry.path), entry.text), Some(entry))
        }
        (None, several) => (format!("{path}: none of its {} {noun} matches", several.len()), None),
    }
}

/// A path without what every path begins with.
pub fn short(path: &str) -> &str {
    path.strip_prefix("spec.").unwrap_or(path)
}

fn at(place: Option<&Location>, style: Style) -> Option<String> {
    let place = place?;
    let text = format!("at {}:{}:{}", place.file, place.line, place.column);
    Some(style.paint(Ink::Dim, &text).to_string())
}

//! Why an isolated end lets a flow pass or not, shortly: the rule that decides and where it stands.

use super::plain::Plain;
use super::style::{Ink, Style};
use crate::report::types::{
    EndReport, EntryEvidence, Location, Match, PolicyEvidence, RuleEvidence, Verdict,
};

/// Policies spoken about per end before the rest is only counted; the chain has them all.
const MOST_POLICIES: usize = 5;

/// Says why.
pub struct Reasons<'r> {
    pub style: Style,
    /// The other end, as asked.
    pub other: &'r str,
}

impl Reasons<'_> {
    /// Lines about one end: who isolates it, then what decides.
    pub fn of(&self, end: &EndReport) -> Vec<String> {
        let open = end.policies.iter().any(|policy| policy.admits == Match::Unknown);
        let perhaps = match end.verdict {
            // Not a rule but the selection of pods is in doubt.
            Verdict::Unknown if !open => "perhaps ",
            _ => "",
        };
        let mut lines = vec![format!("{perhaps}isolated by {}", names(end.policies.iter()))];
        lines.extend(match end.verdict {
            Verdict::Allow => self.admitting(end),
            Verdict::Deny => self.refusing(end),
            Verdict::Unknown => self.doubting(end),
        });
        lines
    }

    fn admitting(&self, end: &EndReport) -> Vec<String> {
        let admits = |policy: &&PolicyEvidence| policy.admits == Match::Yes;
        let mut policies = end.policies.iter().filter(admits);
        let Some(first) = policies.next() else {
            return Vec::new();
        };
        let mut lines = self.admitted_by(first);
        if policies.clone().next().is_some() {
            lines.push(format!("also by {}", names(policies)));
        }
        lines
    }

    fn refusing(&self, end: &EndReport) -> Vec<String> {
        let policies = end.policies.iter().take(MOST_POLICIES);
        let lines = policies.flat_map(|policy| self.not_admitted_by(policy));
        let rest = end.policies.len().saturating_sub(MOST_POLICIES);
        lines.chain((rest > 0).then(|| format!("nor by the other {rest}"))).collect()
    }

    fn doubting(&self, end: &EndReport) -> Vec<String> {
        let policies = end.policies.iter().take(MOST_POLICIES);
        let lines = policies.flat_map(|policy| match policy.admits {
            Match::Unknown => self.not_admitted_by(policy),
            Match::Yes | Match::No => self.line(own_summary(policy), policy.location.as_ref()),
        });
        lines.collect()
    }

    /// Which entries of a policy admit the flow, and where they stand.
    fn admitted_by(&self, policy: &PolicyEvidence) -> Vec<String> {
        let name = &policy.policy.name;
        let Some(rule) = policy.rules.iter().find(|rule| rule.admits == Match::Yes) else {
            return self.line(format!("admitted by {name}"), policy.location.as_ref());
        };
        let (peer, port) = (matching(&rule.peers), matching(&rule.ports));
        let peers = match peer {
            Some(peer) => format!("{} ({})", short(&peer.path), peer.text),
            None => format!("{}, any peer", short(&rule.path)),
        };
        // The rule is named already: `ports[0]` is enough.
        let ports = match port {
            Some(port) => format!("{} ({})", last(&port.path), port.text),
            None => "any port".into(),
        };
        let place = peer.and_then(|peer| peer.location.as_ref()).or(rule.location.as_ref());
        self.line(format!("admitted by {name}: {peers}, {ports}"), place)
    }

    /// Why a policy does not admit the flow, by its nearest rule, and where that stands.
    fn not_admitted_by(&self, policy: &PolicyEvidence) -> Vec<String> {
        let name = &policy.policy.name;
        let rule = match nearest(&policy.rules) {
            None => return self.line(own_summary(policy), policy.location.as_ref()),
            Some(rule) => rule,
        };
        let several = policy.rules.len() > 1;
        // No rule is nearer than another; the chain has the reason for each.
        if several && best(&rule.peers) == Match::No {
            let (count, other) = (policy.rules.len(), self.other);
            let why = format!("not admitted by {name}: none of its {count} rules names {other}");
            return self.line(why, policy.location.as_ref());
        }
        let verb = match policy.admits {
            Match::Unknown => "perhaps admitted by",
            Match::Yes | Match::No => "not admitted by",
        };
        let (why, entry) = obstacle(rule);
        let place = entry.and_then(|entry| entry.location.as_ref()).or(rule.location.as_ref());
        self.line(format!("{verb} {name}: {why}"), place)
    }

    fn line(&self, text: impl AsRef<str>, place: Option<&Location>) -> Vec<String> {
        let at = place.map(|at| format!("at {}:{}:{}", at.file, at.line, at.column));
        let at = at.map(|at| self.style.paint(Ink::Dim, &at).to_string());
        std::iter::once(Plain(text.as_ref()).to_string()).chain(at).collect()
    }
}

/// The first few names of policies.
fn names<'p>(policies: impl Iterator<Item = &'p PolicyEvidence>) -> String {
    let names: Vec<String> = policies.map(|p| Plain(&p.policy.name).to_string()).collect();
    let shown = names.get(..MOST_POLICIES).unwrap_or(&names).join(", ");
    match names.len().saturating_sub(MOST_POLICIES) {
        0 => shown,
        rest => format!("{shown} and {rest} more"),
    }
}

fn own_summary(policy: &PolicyEvidence) -> String {
    let (name, summary) = (&policy.policy.name, &policy.summary);
    let colon = if policy.rules.is_empty() && summary.starts_with("has ") { "" } else { ":" };
    format!("{name}{colon} {summary}")
}

fn matching(entries: &[EntryEvidence]) -> Option<&EntryEvidence> {
    entries.iter().find(|entry| entry.matches == Match::Yes)
}

/// The best match of some entries; naming none takes any.
fn best(entries: &[EntryEvidence]) -> Match {
    let matches = entries.iter().map(|entry| entry.matches);
    matches.max().unwrap_or(Match::Yes)
}

/// The rule that comes closest to admitting: by its answer, then by its peers, then by its ports;
/// of equals the first.
fn nearest(rules: &[RuleEvidence]) -> Option<&RuleEvidence> {
    let rank = |rule: &RuleEvidence| (rule.admits, best(&rule.peers), best(&rule.ports));
    rules.iter().rev().max_by_key(|rule| rank(rule))
}

/// What keeps a rule from admitting, with the entry if it is a single one. What surely does not
/// match goes before what may.
fn obstacle(rule: &RuleEvidence) -> (String, Option<&EntryEvidence>) {
    let path = short(&rule.path);
    let worst = best(&rule.peers).min(best(&rule.ports));
    let (entries, noun) = match (best(&rule.peers) == worst, worst) {
        (_, Match::Yes) => return (path.to_owned(), None),
        (true, _) => (&rule.peers, "peers"),
        (false, _) => (&rule.ports, "ports"),
    };
    let open = entries.iter().find(|entry| entry.matches == Match::Unknown);
    match (open, entries.as_slice()) {
        (Some(entry), _) | (None, [entry]) => {
            let why = entry.why.as_deref().unwrap_or("it does not match");
            (format!("{} ({}): {why}", short(&entry.path), entry.text), Some(entry))
        }
        (None, several) => {
            let texts: Vec<&str> = several.iter().map(|entry| &*entry.text).collect();
            let of = match texts.join(", ") {
                texts if texts.len() < 60 => format!("{noun} ({texts})"),
                _ => noun.to_owned(),
            };
            (format!("{path}: none of its {} {of} matches", several.len()), None)
        }
    }
}

/// A path without what every path begins with.
pub fn short(path: &str) -> &str {
    path.strip_prefix("spec.").unwrap_or(path)
}

/// The last part of a path.
pub fn last(path: &str) -> &str {
    path.rsplit_once('.').map_or(path, |(_, last)| last)
}

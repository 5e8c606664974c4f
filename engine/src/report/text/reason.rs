//! Why an isolated end lets a flow pass or not, shortly: the rule that decides and where it stands.

use super::plain::Plain;
use super::style::{Ink, Style};
use crate::report::types::{
    Action, EndReport, EntryEvidence, Location, Match, PolicyEvidence, RuleEvidence, TierKind,
    TierOutcome,
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
    /// Lines about one end: the way through the tiers, if there is more than NetworkPolicy, and in
    /// each that the flow reaches who decides.
    pub fn of(&self, end: &EndReport) -> Vec<String> {
        let mut lines = Vec::new();
        if end.tiers.iter().any(|tier| tier.tier != TierKind::NetworkPolicy) {
            lines.push(Plain(&end.summary).to_string());
        }
        for tier in end.tiers.iter().filter(|tier| tier.outcome != TierOutcome::NotReached) {
            let own = |policy: &&PolicyEvidence| policy.is_in(tier);
            let policies: Vec<&PolicyEvidence> = end.policies.iter().filter(own).collect();
            lines.extend(match tier.tier {
                TierKind::NetworkPolicy => self.isolating(tier.outcome, &policies),
                TierKind::Admin | TierKind::Baseline | TierKind::Calico => self.ruling(&policies),
            });
        }
        lines
    }

    /// Cluster policies whose rules decide, each with the rule.
    fn ruling(&self, policies: &[&PolicyEvidence]) -> Vec<String> {
        let deciding = policies.iter().filter(|policy| policy.decides);
        let lines = deciding.take(MOST_POLICIES).flat_map(|policy| {
            let rules = policy.rules.iter().filter(|rule| rule.decides).take(MOST_POLICIES);
            rules.flat_map(|rule| self.by_rule(ruled_by(rule), policy, rule))
        });
        lines.collect()
    }

    /// Who isolates, then what decides.
    fn isolating(&self, outcome: TierOutcome, policies: &[&PolicyEvidence]) -> Vec<String> {
        let open = policies.iter().any(|policy| policy.matches == Match::Unknown);
        let perhaps = match outcome {
            // Not a rule but the selection of pods is in doubt.
            TierOutcome::Unknown if !open => "possibly ",
            _ => "",
        };
        let mut lines = vec![format!("{perhaps}isolated by {}", names(policies.iter().copied()))];
        lines.extend(match outcome {
            TierOutcome::Accept => self.admitting(policies),
            TierOutcome::Deny => self.refusing(policies),
            TierOutcome::Unknown | TierOutcome::Pass | TierOutcome::NotReached => {
                self.doubting(policies)
            }
        });
        lines
    }

    fn admitting(&self, policies: &[&PolicyEvidence]) -> Vec<String> {
        let admits = |policy: &&PolicyEvidence| policy.matches == Match::Yes;
        let mut policies = policies.iter().copied().filter(admits);
        let Some(first) = policies.next() else {
            return Vec::new();
        };
        let mut lines = self.admitted_by(first);
        if policies.clone().next().is_some() {
            lines.push(format!("also by {}", names(policies)));
        }
        lines
    }

    fn refusing(&self, policies: &[&PolicyEvidence]) -> Vec<String> {
        let shown = policies.iter().take(MOST_POLICIES);
        let lines = shown.flat_map(|policy| self.not_admitted_by(policy));
        let rest = policies.len().saturating_sub(MOST_POLICIES);
        lines.chain((rest > 0).then(|| format!("nor by the other {rest}"))).collect()
    }

    fn doubting(&self, policies: &[&PolicyEvidence]) -> Vec<String> {
        let policies = policies.iter().take(MOST_POLICIES);
        let lines = policies.flat_map(|policy| match policy.matches {
            Match::Unknown => self.not_admitted_by(policy),
            Match::Yes | Match::No => self.line(own_summary(policy), policy.location.as_ref()),
        });
        lines.collect()
    }

    /// Which entries of a policy admit the flow, and where they stand.
    fn admitted_by(&self, policy: &PolicyEvidence) -> Vec<String> {
        let name = &policy.policy.name;
        let Some(rule) = policy.rules.iter().find(|rule| rule.matches == Match::Yes) else {
            return self.line(format!("admitted by {name}"), policy.location.as_ref());
        };
        self.by_rule("admitted by", policy, rule)
    }

    /// Which entries of a rule match the flow, or may, and where they stand.
    fn by_rule(&self, verb: &str, policy: &PolicyEvidence, rule: &RuleEvidence) -> Vec<String> {
        let (peers, ports) = (matching(rule, &rule.peers), matching(rule, &rule.ports));
        let within =
            |entry: &EntryEvidence| format!("{} ({})", inside(&entry.path, rule), entry.text);
        let peer = peers.first();
        let peers = match peers.as_slice() {
            [] => format!("{}, any peer", short(&rule.path)),
            [peer] => format!("{} ({})", short(&peer.path), peer.text),
            all => {
                let all: Vec<String> = all.iter().copied().map(within).collect();
                format!("{}: {}", short(&rule.path), all.join(", "))
            }
        };
        // The rule is named already: `ports[0]` is enough.
        let ports = match ports.as_slice() {
            [] => "any port".into(),
            all => all.iter().copied().map(within).collect::<Vec<_>>().join(", "),
        };
        let name = match &rule.name {
            Some(rule) => format!("{}, rule {rule}", policy.policy.name),
            None => policy.policy.name.clone(),
        };
        let place = peer.and_then(|peer| peer.location.as_ref()).or(rule.location.as_ref());
        self.line(format!("{verb} {name}: {peers}, {ports}"), place)
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
        if several && rule.peers_match() == Match::No {
            let (count, other) = (policy.rules.len(), self.other);
            let why = format!("not admitted by {name}: none of its {count} rules matches {other}");
            return self.line(why, policy.location.as_ref());
        }
        let verb = match policy.matches {
            Match::Unknown => "possibly admitted by",
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

/// The first entry that matches, or else that may; where all must match, all of them.
fn matching<'e>(rule: &RuleEvidence, entries: &'e [EntryEvidence]) -> Vec<&'e EntryEvidence> {
    if rule.needs_all {
        return entries.iter().collect();
    }
    let with = |matches| entries.iter().find(move |entry| entry.matches == matches);
    with(Match::Yes).or_else(|| with(Match::Unknown)).into_iter().collect()
}

fn ruled_by(rule: &RuleEvidence) -> &'static str {
    match (rule.action, rule.matches) {
        (Action::Accept, Match::Yes) => "accepted by",
        (Action::Deny, Match::Yes) => "denied by",
        (Action::Pass, Match::Yes) => "passed on by",
        (Action::Log, Match::Yes) => "logged by",
        (Action::Accept, _) => "possibly accepted by",
        (Action::Deny, _) => "possibly denied by",
        (Action::Pass, _) => "possibly passed on by",
        (Action::Log, _) => "possibly logged by",
    }
}

/// The rule that comes closest to admitting: by its answer, then by its peers, then by its ports;
/// of equals the first.
fn nearest(rules: &[RuleEvidence]) -> Option<&RuleEvidence> {
    let rank = |rule: &RuleEvidence| (rule.matches, rule.peers_match(), rule.ports_match());
    rules.iter().rev().max_by_key(|rule| rank(rule))
}

/// What keeps a rule from admitting, with the entry if it is a single one. What surely does not
/// match goes before what may.
fn obstacle(rule: &RuleEvidence) -> (String, Option<&EntryEvidence>) {
    let path = short(&rule.path);
    let worst = rule.peers_match().min(rule.ports_match());
    let (entries, noun) = match (rule.peers_match() == worst, worst) {
        (_, Match::Yes) => return (path.to_owned(), None),
        (true, _) => (&rule.peers, "peers"),
        (false, _) => (&rule.ports, "ports"),
    };
    // One that does not match is enough where all must.
    let sought = if rule.needs_all { worst } else { Match::Unknown };
    let open = entries.iter().find(|entry| entry.matches == sought);
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

/// The path of an entry within its rule: `from[1]`, `source.ports`.
pub fn inside<'p>(path: &'p str, rule: &RuleEvidence) -> &'p str {
    let own = path.strip_prefix(&*rule.path).and_then(|rest| rest.strip_prefix('.'));
    own.unwrap_or(path)
}

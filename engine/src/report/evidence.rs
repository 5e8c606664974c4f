//! The evidence of one end's verdict: tiers, policies, rules and entries, and which of them decide.

use super::types::{
    Action, EndReport, EndState, EntryEvidence, Match, PolicyEvidence, RuleEvidence, TierEvidence,
    TierKind, TierOutcome, Verdict,
};
use super::{path, place, sentence};
use std::sync::Arc;

use crate::manifest::calico::{Condition, End};
use crate::manifest::{Direction, Mode, Object, Rule};
use crate::policy::CompiledPolicy;
use crate::policy::fold::Outcomes;
use crate::session::Session;
use crate::verdict::{PolicyRecord, Question, Record, RuleRecord, TierRecord, judge};

/// Names of policies or rules in a phrase before the rest is only counted.
const MOST_NAMES: usize = 3;

/// What one end says, with all that was looked at; `ports` is the port as it was asked for.
pub fn end_report(session: &Session, question: Question<'_, '_>, ports: &str) -> EndReport {
    let mut record = Record::default();
    let end = judge(session.policies(), question, &mut record);
    let writer = Writer { session, question, ports };
    record.tiers.retain(|tier| !is_silent(session, tier));
    let by_tier: Vec<Vec<PolicyEvidence>> =
        record.tiers.iter().map(|tier| writer.policies(tier)).collect();
    let tiers: Vec<TierEvidence> =
        record.tiers.iter().zip(&by_tier).map(|(tier, own)| tier_evidence(tier, own)).collect();
    let policies: Vec<PolicyEvidence> = by_tier.into_iter().flatten().collect();
    let cluster = tiers.iter().any(|tier| tier.tier != TierKind::NetworkPolicy);
    let summary = match end.state {
        EndState::Isolated | EndState::Selected if cluster => chain(&tiers, end.verdict),
        EndState::HostEndpoint if !tiers.is_empty() => {
            let by_host = tiers.chunk_by(|a, b| a.host_endpoint == b.host_endpoint);
            let by_host: Vec<String> = by_host.map(|own| chain(own, Verdict::Allow)).collect();
            by_host.join("; ")
        }
        state => sentence::end_summary(question.direction, end.verdict, state, policies.len()),
    };
    EndReport { verdict: end.verdict, state: end.state, summary, tiers, policies }
}

/// Whether a tier of a host endpoint says nothing: its ports that stay open are others.
fn is_silent(session: &Session, tier: &TierRecord) -> bool {
    let of_host = |one: &PolicyRecord| is_of_host(session, one);
    let decides = matches!(outcome(tier.outcomes), TierOutcome::Pass | TierOutcome::NotReached);
    tier.host.is_some() && !tier.policies.is_empty() && decides && tier.policies.iter().all(of_host)
}

/// Whether it is no policy, but what a host endpoint says itself.
fn is_of_host(session: &Session, record: &PolicyRecord) -> bool {
    let compiled = session.policies().policy(record.policy.policy);
    compiled.is_some_and(|one| one.is_of_hosts && !one.object.is_policy() && one.written_nothing())
}

/// The way through the tiers: `admin pass (guard, rule rest) → NetworkPolicy denied
/// (shop/default-deny)`.
fn chain(tiers: &[TierEvidence], verdict: Verdict) -> String {
    let reached = tiers.iter().filter(|tier| tier.outcome != TierOutcome::NotReached);
    let mut steps: Vec<&str> = reached.map(|tier| &*tier.summary).collect();
    let last = tiers.iter().rev().find(|tier| tier.outcome != TierOutcome::NotReached);
    let open = last.is_none_or(|tier| tier.outcome == TierOutcome::Pass);
    if open && verdict == Verdict::Allow {
        steps.push("allowed by default");
    }
    let steps = steps.join(" → ");
    match tiers.first().and_then(|tier| tier.host_endpoint.as_ref()) {
        Some(host) => format!("HostEndpoint {host}: {steps}"),
        None => steps,
    }
}

fn tier_evidence(record: &TierRecord, policies: &[PolicyEvidence]) -> TierEvidence {
    let outcome = outcome(record.outcomes);
    let (tier, name) = (record.kind, record.name.as_deref());
    let summary = tier_summary((tier, name), outcome, policies);
    let host_endpoint = record.host.as_deref().map(str::to_owned);
    TierEvidence { tier, tier_name: name.map(str::to_owned), host_endpoint, outcome, summary }
}

fn outcome(outcomes: Outcomes<bool>) -> TierOutcome {
    match (outcomes.accept, outcomes.deny, outcomes.pass) {
        (false, false, false) => TierOutcome::NotReached,
        (true, false, false) => TierOutcome::Accept,
        (false, true, false) => TierOutcome::Deny,
        (false, false, true) => TierOutcome::Pass,
        _ => TierOutcome::Unknown,
    }
}

/// The tier's name, what it does, and who decides that.
fn tier_summary(
    (tier, name): (TierKind, Option<&str>),
    outcome: TierOutcome,
    policies: &[PolicyEvidence],
) -> String {
    let name = match tier {
        TierKind::Admin => "admin",
        TierKind::NetworkPolicy => "NetworkPolicy",
        TierKind::Baseline => "baseline",
        TierKind::Calico => name.unwrap_or("a tier"),
    };
    let deciding: Vec<String> = policies.iter().filter(|one| one.decides).flat_map(who).collect();
    let verb = match (outcome, deciding.is_empty()) {
        (TierOutcome::NotReached, _) => "not reached",
        (TierOutcome::Accept, _) => "accepted",
        (TierOutcome::Deny, _) => "denied",
        (TierOutcome::Pass, false) => "pass",
        (TierOutcome::Pass, true) => "without a matching rule",
        (TierOutcome::Unknown, _) => "unknown",
    };
    match deciding.is_empty() {
        true => format!("{name} {verb}"),
        false => format!("{name} {verb} ({})", some_of(&deciding)),
    }
}

/// Whether a rule decides in a tier, rather than its end.
fn is_ruled(tier: &TierRecord) -> bool {
    tier.policies.iter().flat_map(|policy| &policy.rules).any(|rule| rule.decides)
}

/// A policy that decides: by which rules, if it is by rules.
fn who(policy: &PolicyEvidence) -> Vec<String> {
    let reference = &policy.policy;
    let namespace = reference.namespace.as_deref().map(|own| format!("{own}/"));
    let name = format!("{}{}", namespace.unwrap_or_default(), reference.name);
    let rules = policy.rules.iter().filter(|rule| rule.decides);
    let by_rule = rules.map(|rule| match &rule.name {
        Some(own) => format!("{name}, rule {own}"),
        None => format!("{name}, {}", rule.path.trim_start_matches("spec.")),
    });
    let by_rule: Vec<String> = by_rule.collect();
    if by_rule.is_empty() { vec![name] } else { by_rule }
}

fn some_of(names: &[String]) -> String {
    let shown = names.get(..MOST_NAMES).unwrap_or(names).join("; ");
    match names.len().saturating_sub(MOST_NAMES) {
        0 => shown,
        rest => format!("{shown} and {rest} more"),
    }
}

/// Turns records into evidence.
struct Writer<'w, 'm> {
    session: &'w Session,
    question: Question<'w, 'm>,
    /// The port, or those that it speaks for.
    ports: &'w str,
}

impl Writer<'_, '_> {
    /// The same flow, seen from the end whose rules of a direction are shown.
    fn at(&self, direction: Direction) -> Self {
        let Question { subject, peer, .. } = self.question;
        let question = match direction == self.question.direction {
            true => self.question,
            false => Question { direction, subject: peer, peer: subject, ..self.question },
        };
        Self { question, ..*self }
    }

    fn policies(&self, tier: &TierRecord) -> Vec<PolicyEvidence> {
        let turned = self.at(tier.direction);
        let shown = tier.policies.iter().filter(|record| !is_of_host(self.session, record));
        let policies = shown.filter_map(|record| {
            let compiled = self.session.policies().policy(record.policy.policy)?;
            Some(turned.policy(tier, compiled, record))
        });
        let mut policies: Vec<PolicyEvidence> = policies.collect();
        if tier.kind.only_accepts() {
            policies
                .sort_by(|a, b| b.matches.cmp(&a.matches).then_with(|| a.policy.cmp(&b.policy)));
        }
        policies
    }

    fn policy(
        &self,
        tier: &TierRecord,
        compiled: &CompiledPolicy,
        record: &PolicyRecord,
    ) -> PolicyEvidence {
        let direction = self.question.direction;
        let object = &compiled.object;
        let written = (0..).zip(compiled.written(direction)).zip(&record.rules);
        let rules = written.map(|((index, rule), one)| self.rule(compiled, index, rule, one));
        let mut rules: Vec<RuleEvidence> = rules.collect();
        // What one rule accepts for certain, another that may accept it does not decide.
        if tier.kind.only_accepts() && !tier.outcomes.deny {
            rules.iter_mut().for_each(|rule| rule.decides &= rule.matches == Match::Yes);
        }
        let matches = rules.iter().map(|rule| rule.matches).max().unwrap_or(Match::No);
        // What no rule accepts is denied by all who isolate.
        let ends = compiled.end() == Action::Deny;
        let decides = rules.iter().any(|rule| rule.decides);
        let isolates = ends
            && tier.outcomes.deny
            && matches != Match::Yes
            && (tier.kind == TierKind::NetworkPolicy || !is_ruled(tier));
        PolicyEvidence {
            policy: place::object_ref(self.session, object),
            location: place::of_object(self.session, object, object.span),
            tier: tier.kind,
            tier_name: tier.name.as_deref().map(str::to_owned),
            priority: (!compiled.tier.only_accepts() && compiled.place.is_none())
                .then_some(compiled.priority),
            order: compiled.place.as_ref().and_then(|place| place.order),
            audited: compiled.mode == Mode::Audit,
            matches,
            decides: isolates || decides,
            summary: self.summary(&rules, matches, record, (tier.kind, object)),
            rules,
        }
    }

    fn summary(
        &self,
        rules: &[RuleEvidence],
        matches: Match,
        record: &PolicyRecord,
        (tier, object): (TierKind, &Object),
    ) -> String {
        let direction = self.question.direction;
        if !record.policy.certain {
            return "whether it selects the pod depends on a label that the input does not show"
                .into();
        }
        if tier == TierKind::NetworkPolicy {
            return match (rules.is_empty(), matches) {
                (true, _) if object.closed.is_some() => "is not understood: admits nothing".into(),
                (true, _) => format!("has no {} rule: admits nothing", direction.field()),
                (_, Match::Yes) => "admits the flow".into(),
                (_, Match::Unknown) => "may admit the flow".into(),
                (_, Match::No) => "none of its rules admits the flow".into(),
            };
        }
        match rules.iter().find(|rule| rule.decides) {
            Some(rule) => action_text(rule.action, rule.matches).into(),
            None if matches == Match::No => "none of its rules matches the flow".into(),
            None => "matches, but a policy before it decides".into(),
        }
    }

    fn rule(
        &self,
        policy: &CompiledPolicy,
        index: usize,
        rule: &Rule,
        record: &RuleRecord,
    ) -> RuleEvidence {
        let direction = self.question.direction;
        let object = &policy.object;
        let at = |span| place::of_object(self.session, object, span);
        let other = self.question.peer;
        let peers = (0..).zip(&rule.peers).zip(&record.peers);
        let peers = peers.map(|((i, peer), matches)| EntryEvidence {
            path: path::peer(direction, index, i),
            text: sentence::peer_text(&peer.kind),
            location: at(peer.span),
            matches: *matches,
            why: sentence::peer_why(
                self.session.model(),
                policy.namespace,
                (&peer.kind, other),
                *matches,
            ),
        });
        let asked = (self.question.protocol, self.ports);
        let ports = rule.ports.iter().zip(&record.ports).map(|(port, matches)| EntryEvidence {
            path: path::port(object, direction, index, port.item),
            text: port.text(),
            location: at(port.span),
            matches: *matches,
            why: sentence::port_why(port, asked, *matches),
        });
        let (mut peers, mut ports): (Vec<_>, Vec<_>) = (peers.collect(), ports.collect());
        for (condition, matches) in rule.conditions.iter().zip(&record.peers) {
            let side = if condition.is_of_ports() { &mut ports } else { &mut peers };
            side.push(EntryEvidence {
                path: format!("{}.{}", path::rule(direction, index), condition.field),
                text: condition.text(),
                location: at(condition.span),
                matches: *matches,
                why: self.condition_why(condition, *matches),
            });
        }
        if rule.fails_closed {
            (peers, ports) = (vec![self.closed(index, rule, object, record)], Vec::new());
        }
        RuleEvidence {
            path: path::rule(direction, index),
            name: rule.name.as_deref().map(str::to_owned),
            action: rule.action,
            location: at(rule.span),
            matches: record.matches.unwrap_or(Match::No),
            decides: record.decides,
            needs_all: !rule.conditions.is_empty(),
            peers,
            ports,
        }
    }

    /// Why a condition does not hold, or why that is not known.
    fn condition_why(&self, condition: &Condition, matches: Match) -> Option<String> {
        let Question { direction, subject, peer, .. } = self.question;
        let party = |end: End| match (direction, end) {
            (Direction::Ingress, End::Source) | (Direction::Egress, End::Destination) => peer,
            _ => subject,
        };
        sentence::condition_why(condition, party, matches)
    }

    /// What stands for the entries of a rule that is not understood.
    fn closed(
        &self,
        index: usize,
        rule: &Rule,
        object: &Arc<Object>,
        record: &RuleRecord,
    ) -> EntryEvidence {
        EntryEvidence {
            path: path::rule(self.question.direction, index),
            text: "a part that is not understood".into(),
            location: place::of_object(self.session, object, rule.span),
            matches: record.matches.unwrap_or(Match::No),
            why: Some(match rule.action {
                Action::Accept | Action::Log => "it fails closed: the rule matches nothing".into(),
                Action::Deny | Action::Pass => "it fails closed: the rule denies everything".into(),
            }),
        }
    }
}

fn action_text(action: Action, matches: Match) -> &'static str {
    match (action, matches) {
        (Action::Accept, Match::Yes) => "accepts the flow",
        (Action::Deny, Match::Yes) => "denies the flow",
        (Action::Pass, Match::Yes) => "passes the flow on to the next tier",
        (Action::Log, Match::Yes) => "logs the flow",
        (Action::Accept, _) => "may accept the flow",
        (Action::Deny, _) => "may deny the flow",
        (Action::Pass, _) => "may pass the flow on to the next tier",
        (Action::Log, _) => "may log the flow",
    }
}

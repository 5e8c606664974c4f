//! Answers to the questions of an expectation.

use rustc_hash::FxHashMap;

use super::ends::Ends;
use super::plan::{Check, CheckQuestion, Plan};
use super::types::{
    Asked, AskedPort, Expectation, ExpectationEntry, ExpectationFailure, ExpectationOutcome,
    ExpectationReport, Expected,
};
use crate::cluster::GroupId;
use crate::manifest::{Action, Direction};
use crate::report::flow::in_namespace;
use crate::report::place;
use crate::report::port::PortQuery;
use crate::report::query::{QueryError, Side, resolve};
use crate::report::supposed::Supposed;
use crate::report::types::{ObjectRef, Verdict};
use crate::selector::Match;
use crate::session::Session;

/// Failing answers that are written with what decides; the others are only counted.
const MOST_FAILURES: usize = 10;

/// The answer to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// As expected.
    Met,
    /// Another one, or unknown.
    Unmet,
    /// No traffic is possible between the two, whatever policies say.
    Impossible,
}

/// An expectation with the answers to its questions.
pub struct Tested {
    /// Its questions; none if it could not be evaluated.
    pub plan: Plan,
    /// The answer to each.
    pub answers: Vec<Answer>,
    /// Why it could not be evaluated, as a sentence.
    pub error: Option<String>,
    expect: Option<Expected>,
}

impl Tested {
    /// The answers to an expectation.
    pub fn new(session: &Session, ends: &Ends<'_>, entry: &ExpectationEntry) -> Self {
        let plan = entry.asked.clone().and_then(|asked| Plan::new(session, ends, &asked));
        let (plan, answers) = match plan.and_then(|plan| {
            let answers = answers(session, &plan).map_err(|error| error.message)?;
            Ok((plan, answers))
        }) {
            Ok(tested) => tested,
            Err(error) => {
                let (plan, answers, error) = (Plan::default(), Vec::new(), Some(error));
                return Self { plan, answers, error, expect: None };
            }
        };
        let expect = entry.asked.as_ref().ok().map(|asked| asked.expect);
        Self { plan, answers, error: None, expect }
    }

    /// Whether it holds.
    pub fn outcome(&self) -> ExpectationOutcome {
        if self.error.is_some() {
            return ExpectationOutcome::Invalid;
        }
        match self.answers.contains(&Answer::Unmet) {
            true => ExpectationOutcome::Fails,
            false => ExpectationOutcome::Holds,
        }
    }

    /// Questions with their answers.
    pub fn checks(&self) -> impl Iterator<Item = (&Check, Answer)> {
        self.plan.checks.iter().zip(self.answers.iter().copied())
    }

    /// What is said of it.
    pub fn report(&self, session: &Session, entry: &ExpectationEntry) -> ExpectationReport {
        let count = |is: fn(Answer) -> bool| {
            let counted = self.checks().filter(|(_, answer)| is(*answer));
            counted.map(|(check, _)| check.questions).sum()
        };
        ExpectationReport {
            name: name(entry),
            line: entry.line,
            column: entry.column,
            expect: entry.asked.as_ref().ok().map(|asked| asked.expect),
            outcome: self.outcome(),
            error: self.error.clone(),
            questions: count(|answer| answer != Answer::Impossible),
            failing: count(|answer| answer == Answer::Unmet),
            supposed: self.plan.supposed.clone(),
            failures: self.failures(session),
        }
    }

    /// The first answers other than expected: one for all ports between two ends, and one for all
    /// addresses of the internet.
    fn failures(&self, session: &Session) -> Vec<ExpectationFailure> {
        let only_first = self.expect == Some(Expected::NoInternet);
        let mut first: Vec<(&Check, usize)> = Vec::new();
        let mut known = FxHashMap::default();
        for (check, _) in self.checks().filter(|(_, answer)| *answer == Answer::Unmet) {
            let next = first.len();
            let index = *known.entry(check.question.ends(only_first)).or_insert(next);
            match first.get_mut(index) {
                Some((_, questions)) => *questions += check.questions,
                None => first.push((check, check.questions)),
            }
        }
        let first = first.into_iter().take(MOST_FAILURES);
        let word = self.expect.map_or("", Expected::word);
        first.map(|(check, questions)| failure(session, word, (check, questions))).collect()
    }
}

/// The answers to all questions of a plan.
fn answers(session: &Session, plan: &Plan) -> Result<Vec<Answer>, QueryError> {
    let answers: Vec<Answer> =
        plan.checks.iter().map(|check| check.answer(session)).collect::<Result<_, _>>()?;
    match answers.iter().all(|answer| *answer == Answer::Impossible) {
        true => Err(QueryError::new("between none of these ends is any traffic possible")),
        false => Ok(answers),
    }
}

impl Check {
    /// The answer to it.
    ///
    /// # Errors
    /// If an end is not in the input, could be several, or cannot take part in traffic.
    pub fn answer(&self, session: &Session) -> Result<Answer, QueryError> {
        let is_met = match &self.question {
            CheckQuestion::Flow { query, expect } => {
                session.said(query).map(|said| said.verdict == *expect)
            }
            CheckQuestion::Isolated { pods, direction } => {
                isolation(session, pods, *direction).map(|state| state == Isolated::Yes)
            }
        };
        match is_met {
            Ok(true) => Ok(Answer::Met),
            Ok(false) => Ok(Answer::Unmet),
            Err(error) if error.is_impossible && self.of_pattern => Ok(Answer::Impossible),
            Err(error) => Err(error.expecting(Some(Verdict::Allow))),
        }
    }
}

/// The policies that isolate all pods of an end, if they do.
pub fn isolating(session: &Session, pods: &str, direction: Direction) -> Vec<ObjectRef> {
    let side = resolve(session.model(), &in_namespace(session, pods));
    let groups: Vec<GroupId> = match side {
        Ok(Side::Endpoints { endpoints, .. }) => {
            let endpoints = endpoints.iter().filter_map(|id| session.model().endpoints.get(*id));
            endpoints.filter_map(|endpoint| endpoint.group).collect()
        }
        _ => Vec::new(),
    };
    let set = session.policies();
    let of_group = |group| set.policies_of(set.program_id(group, direction));
    let policies = groups.into_iter().flat_map(of_group);
    let isolating = policies.filter(|(one, policy)| one.certain && policy.end() == Action::Deny);
    isolating.map(|(_, policy)| place::object_ref(session, &policy.object)).collect()
}

/// Whether NetworkPolicies isolate all pods of an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Isolated {
    /// Policies do not apply to one of them.
    Never,
    No,
    Unknown,
    Yes,
}

fn isolation(session: &Session, pods: &str, direction: Direction) -> Result<Isolated, QueryError> {
    let whole = in_namespace(session, pods);
    let supposed = Supposed::parse(&whole)?;
    let with = supposed.map(|pod| session.supposing(&[(&*pod.namespace, &pod.labels)]));
    let session = with.as_ref().unwrap_or(session);
    let of_group = |group: GroupId| {
        let program = session.policies().program_id(group, direction);
        match session.policies().program(program).isolates() {
            Match::Yes => Isolated::Yes,
            Match::No => Isolated::No,
            Match::Unknown => Isolated::Unknown,
        }
    };
    match resolve(session.model(), &whole)? {
        Side::Supposed { group, .. } => Ok(of_group(group)),
        Side::Addresses(_) => {
            let message = format!("`{pods}` is an address: policies isolate pods only");
            Err(QueryError::new(message))
        }
        Side::Endpoints { endpoints, .. } => {
            let endpoints = endpoints.iter().filter_map(|id| session.model().endpoints.get(*id));
            let states = endpoints.map(|one| one.group.map_or(Isolated::Never, of_group));
            Ok(states.min().unwrap_or(Isolated::Never))
        }
    }
}

fn failure(
    session: &Session,
    expected: &str,
    (check, questions): (&Check, usize),
) -> ExpectationFailure {
    match &check.question {
        CheckQuestion::Flow { query, .. } => match session.evaluate(query) {
            Ok(report) => {
                let message =
                    format!("{expected} expected, the verdict is {}", word(report.verdict));
                ExpectationFailure { message, questions, flow: Some(Box::new(report)) }
            }
            Err(error) => ExpectationFailure { message: error.message, questions, flow: None },
        },
        CheckQuestion::Isolated { pods, direction } => {
            let way = direction.field();
            let message = match isolation(session, pods, *direction) {
                Ok(Isolated::Yes) => format!("{pods} is isolated for {way}"),
                Ok(Isolated::No) => {
                    format!("{pods} is not isolated for {way}: no policy that isolates selects it")
                }
                Ok(Isolated::Never) => format!(
                    "{pods} is not isolated for {way}: policies do not apply to pods on the host's network"
                ),
                Ok(Isolated::Unknown) => format!(
                    "{pods}: whether it is isolated for {way} is unknown, since a label that the input does not show decides whether a policy selects it"
                ),
                Err(error) => error.message,
            };
            ExpectationFailure { message, questions, flow: None }
        }
    }
}

/// A verdict as files have it.
fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Allow => "allow",
        Verdict::Deny => "deny",
        Verdict::Unknown => "unknown",
    }
}

/// Its name, or what it says.
fn name(entry: &ExpectationEntry) -> String {
    match (&entry.name, &entry.asked) {
        (Some(name), _) => name.clone(),
        (None, Ok(asked)) => said(asked),
        (None, Err(_)) => format!("expectation at line {}", entry.line),
    }
}

/// `shop/* → shop/db TCP 5432 deny`.
fn said(of: &Expectation) -> String {
    let word = of.expect.word();
    let text = match &of.asked {
        Asked::Flows { from, to, ports } => {
            let ends = format!("{} → {}", from.join(", "), to.join(", "));
            let text = |port: &AskedPort| match port.port {
                PortQuery::Range(1, u16::MAX) => format!("any {} port", port.protocol),
                _ => format!("{} {}", port.protocol, port.port),
            };
            let ports: Vec<String> = ports.iter().map(text).collect();
            let is_any = ports.len() > 1 && ports.iter().all(|port| port.starts_with("any"));
            let ports = if is_any { "any port".to_owned() } else { ports.join(", ") };
            format!("{ends} {ports} {word}")
        }
        Asked::NoInternet { pods } => format!("{} {word}", pods.join(", ")),
        Asked::Isolated { pods, directions } => match directions.as_slice() {
            [one] => format!("{} {word} for {}", pods.join(", "), one.field()),
            _ => format!("{} {word}", pods.join(", ")),
        },
    };
    match of.except.is_empty() {
        true => text,
        false => format!("{text} except {}", of.except.join(", ")),
    }
}

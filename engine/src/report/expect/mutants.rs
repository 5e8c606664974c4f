//! Which changes of policies the expectations would notice.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::change::{Mutation, mutations};
use super::ends::Ends;
use super::plan::Check;
use super::run::{Answer, Tested};
use super::suggest::{Found, Search};
use super::types::{
    ExpectationOutcome, MutantOutcome, MutantReport, MutantsReport, Suggestion, TestOptions,
};
use crate::cluster::{EndpointId, GroupId};
use crate::lint::{Field, Texts};
use crate::manifest::{Direction, Object};
use crate::policy::{PolicyId, PolicySet};
use crate::report::flows::FlowEntry;
use crate::report::place;
use crate::session::Session;

/// Tries every change of every policy in force.
///
/// # Cost
/// For each change that of the questions whose ends the policy selects before or after it; of
/// those that no expectation notices, also of the pairs of such ends with others, until one differs.
pub fn mutants(
    session: &Session,
    ends: &Ends<'_>,
    tested: &[Tested],
    options: TestOptions,
) -> MutantsReport {
    let bench = Bench::new(session, tested);
    let search = Search::new(session, ends);
    let mut texts = Texts::new(session);
    let mut report = MutantsReport { mutants: Vec::new(), suggestions: Vec::new() };
    let mut policies: Vec<_> = session.policies().in_force().collect();
    policies.sort_by_key(|(_, policy)| place::object_ref(session, &policy.object));
    for (id, policy) in policies {
        for mutation in mutations(&policy.object) {
            let mutated = session.changing(mutation.change.clone());
            let mut mutant = written(session, &policy.object, &mutation, &mut texts);
            mutant.noticed_by = bench.noticed_by(&mutated, id);
            if mutant.noticed_by.is_none() {
                let found = search.difference(&mutated, id, &policy.object);
                let index = report.mutants.len();
                if let (true, Found::Flow(flow)) = (options.suggest, &found) {
                    suggest(&mut report.suggestions, &mutated, (index, &flow.entry), &search);
                }
                mutant.outcome = match found {
                    Found::Nothing => MutantOutcome::WithoutEffect,
                    Found::Flow(_) | Found::TooMany => MutantOutcome::Unnoticed,
                };
                if let Found::Flow(flow) = found {
                    mutant.becomes = Some(flow.becomes);
                    mutant.example = Some(flow.entry);
                }
            }
            report.mutants.push(mutant);
        }
    }
    report
}

/// Adds a suggestion for a change, unless one that is there notices it.
fn suggest(
    all: &mut Vec<Suggestion>,
    mutated: &Session,
    (index, entry): (usize, &FlowEntry),
    search: &Search<'_>,
) {
    let noticing = all.iter_mut().find(|one| search.differs(mutated, &one.entry));
    match noticing {
        Some(suggestion) => suggestion.notices.push(index),
        None => all.push(Suggestion { entry: entry.clone(), notices: vec![index] }),
    }
}

fn written(
    session: &Session,
    object: &Arc<Object>,
    mutation: &Mutation,
    texts: &mut Texts<'_>,
) -> MutantReport {
    let field = mutation.field.as_ref();
    let found = field.and_then(|field| texts.place(object, Field::Label(&field.paths, &field.key)));
    let span = found.map_or(mutation.span, |(_, span)| span);
    MutantReport {
        policy: place::object_ref(session, object),
        path: mutation.path.clone(),
        location: place::of_object(session, object, span),
        kind: mutation.kind,
        change: mutation.text.clone(),
        outcome: MutantOutcome::Noticed,
        noticed_by: None,
        example: None,
        becomes: None,
    }
}

/// Groups of pods in a direction, by number.
type Subjects = FxHashMap<(GroupId, Direction), usize>;

/// Questions, with the policies that may decide them.
struct Bench<'t> {
    session: &'t Session,
    tested: &'t [Tested],
    subjects: Subjects,
    /// By expectation and question: numbers of subjects; absent if not known.
    of_checks: Vec<Vec<Option<Vec<usize>>>>,
}

impl<'t> Bench<'t> {
    fn new(session: &'t Session, tested: &'t [Tested]) -> Self {
        let mut subjects = Subjects::default();
        let of_checks = tested.iter().map(|one| {
            let checks = one.plan.checks.iter();
            checks.map(|check| numbers(session, check, &mut subjects)).collect()
        });
        let of_checks = of_checks.collect();
        Self { session, tested, subjects, of_checks }
    }

    /// The first expectation that has another outcome after a change of a policy.
    fn noticed_by(&self, mutated: &Session, policy: PolicyId) -> Option<usize> {
        let mut touched = vec![false; self.subjects.len()];
        for (subject, number) in &self.subjects {
            if let Some(slot) = touched.get_mut(*number) {
                *slot = is_touched((self.session, mutated), *subject, policy);
            }
        }
        let all = self.tested.iter().zip(&self.of_checks).enumerate();
        let mut noticing = all.filter(|(_, (tested, numbers))| {
            let is_open = |numbers: &Option<Vec<usize>>| {
                numbers.as_ref().is_none_or(|numbers| {
                    numbers.iter().any(|number| touched.get(*number) == Some(&true))
                })
            };
            let open: Vec<bool> = numbers.iter().map(is_open).collect();
            changes_outcome(tested, mutated, &open)
        });
        noticing.next().map(|(index, _)| index)
    }
}

/// Whether an expectation has another outcome, if only open questions may have other answers.
fn changes_outcome(tested: &Tested, mutated: &Session, open: &[bool]) -> bool {
    let checks = || tested.checks().zip(open.iter().copied());
    let fails = |check: &Check| matches!(check.answer(mutated), Ok(Answer::Unmet) | Err(_));
    match tested.outcome() {
        ExpectationOutcome::Invalid => false,
        ExpectationOutcome::Holds => {
            checks().filter(|(_, open)| *open).any(|((check, _), _)| fails(check))
        }
        ExpectationOutcome::Fails => {
            let still = checks().any(|((_, answer), open)| !open && answer == Answer::Unmet);
            !still && !checks().filter(|(_, open)| *open).any(|((check, _), _)| fails(check))
        }
    }
}

/// Whether a policy decides of a group, before a change of it or after.
pub fn is_touched(
    (before, after): (&Session, &Session),
    (group, direction): (GroupId, Direction),
    policy: PolicyId,
) -> bool {
    let has = |set: &PolicySet| {
        let program = set.program(set.program_id(group, direction));
        program.policies().any(|one| one.policy == policy)
    };
    has(before.policies()) || has(after.policies())
}

/// The groups of an endpoint: what it may be, where a label is hidden.
pub fn groups(session: &Session, id: EndpointId) -> Vec<GroupId> {
    let model = session.model();
    let Some(own) = model.endpoints.get(id).and_then(|endpoint| endpoint.group) else {
        return Vec::new();
    };
    model
        .variants
        .get(&own)
        .map_or_else(|| vec![own], |variants| variants.iter().copied().chain([own]).collect())
}

fn numbers(session: &Session, check: &Check, subjects: &mut Subjects) -> Option<Vec<usize>> {
    let mut found = Vec::new();
    for (direction, endpoints) in &check.subjects {
        for group in endpoints.as_ref()?.iter().flat_map(|id| groups(session, *id)) {
            let next = subjects.len();
            found.push(*subjects.entry((group, direction)).or_insert(next));
        }
    }
    found.sort_unstable();
    found.dedup();
    Some(found)
}

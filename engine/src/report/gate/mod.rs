//! The answers of `gate` and `equal`: whether rules hold of everything that is there or may come to
//! be, and whether two sets of policies mean the same.
//!
//! `rules` reads what is demanded. Pods that may come to be (`hypothetical`) are added to the input,
//! one of all that nothing distinguishes, and what passes is then computed as for any input:
//! `search` finds flows that a rule forbids, by class, and `witness` asks each of them again and says
//! what opens it.

mod rules;
mod search;
mod types;
mod witness;

use std::collections::BTreeSet;

use super::hypothetical::{self, Asked, Limits, Mentioned, Selection, TooMany, World};
use super::types::Verdict;
use crate::reach::Reach;
use crate::session::Session;
use rules::{Demand, Flows, Future, Rule};
use search::{Found, Search};
use witness::{Asking, shown};

pub use rules::{GateRules, RulesError};
pub use types::{
    EqualOutcome, EqualReport, GateOutcome, GateReport, GateRuleReport, GateSummary, Opening,
    Witness, WitnessEnd,
};

/// So many flows are asked again for a rule, and so many of them are shown.
const MOST_ASKED: usize = 24;
const MOST_SHOWN: usize = 4;

impl Session {
    /// Whether rules hold of this state; those that compare do so with an old state, and without one
    /// they are undecided.
    ///
    /// # Cost
    /// For rules that speak of the same future, two lists of a cluster with one pod more for each
    /// combination of labels that policies and rules distinguish.
    pub fn gate(&self, old: Option<&Self>, rules: &GateRules) -> GateReport {
        let mut reports: Vec<Option<GateRuleReport>> = rules.rules.iter().map(|_| None).collect();
        for future in [Future::Namespaces, Future::Pods, Future::Nothing] {
            let own = rules.rules.iter().enumerate().filter(|(_, rule)| {
                rule.future == future && !matches!(rule.demand, Demand::NoNewAccess(_))
            });
            let own: Vec<(usize, &Rule)> = own.collect();
            for (at, report) in self.never(future, &own) {
                reports.get_mut(at).into_iter().for_each(|slot| *slot = Some(report.clone()));
            }
        }
        let rules: Vec<GateRuleReport> = reports.into_iter().flatten().collect();
        GateReport {
            summary: GateSummary::of(&rules),
            rules,
            old: old.map(Self::summary),
            new: self.summary(),
        }
    }

    /// What is said of rules that forbid flows.
    fn never(&self, future: Future, rules: &[(usize, &Rule)]) -> Vec<(usize, GateRuleReport)> {
        if rules.is_empty() {
            return Vec::new();
        }
        let together: Vec<&Rule> = rules.iter().map(|(_, rule)| *rule).collect();
        match self.never_all(future, &together) {
            Ok(reports) => rules.iter().map(|(at, _)| *at).zip(reports).collect(),
            // Each by itself has fewer combinations.
            Err(_) if rules.len() > 1 => {
                let each = rules.iter().flat_map(|rule| self.never(future, &[*rule]));
                each.collect()
            }
            Err(many) => rules.iter().map(|(at, rule)| (*at, undecided(rule, many))).collect(),
        }
    }

    fn never_all(&self, future: Future, rules: &[&Rule]) -> Result<Vec<GateRuleReport>, TooMany> {
        let flows: Vec<Vec<Flows>> = rules.iter().map(|rule| rule.demand.flows()).collect();
        let worlds = self.worlds(future, &flows.concat())?;
        let mut found: Vec<Vec<Witness>> = rules.iter().map(|_| Vec::new()).collect();
        for world in &worlds {
            let probe = world.added_to(self);
            let reach = Reach::new(probe.model(), probe.policies());
            let mut search = Search::new(world, reach);
            for (flows, witnesses) in flows.iter().zip(&mut found) {
                let all: Vec<Found> = flows.iter().flat_map(|one| search.flows(one)).collect();
                witnesses.extend(witnesses_of(Asking { world, probe: &probe }, all));
            }
        }
        let reports =
            rules.iter().zip(found).map(|(rule, witnesses)| report(rule, distinct(witnesses)));
        Ok(reports.collect())
    }

    /// What may come to be that matters to some flows.
    fn worlds(&self, future: Future, flows: &[Flows]) -> Result<Vec<World>, TooMany> {
        let mut mentioned = Mentioned::by(&[self]);
        let sides = || flows.iter().flat_map(|one| [&one.from, &one.to]);
        mentioned.add_question(sides().flat_map(|side| side.selections().cloned()));
        flows.iter().for_each(|one| mentioned.add_ports(&one.ports));
        let ends: Vec<Selection> = match future {
            Future::Nothing => Vec::new(),
            _ => sides().flat_map(|side| side.pods().cloned()).collect(),
        };
        let asked =
            Asked::Flows { ends: &ends, twins: true, new_namespaces: future == Future::Namespaces };
        hypothetical::worlds(&[self], &mentioned, asked, Limits::default())
    }
}

/// What some flows show, each set of lines that opens some once.
fn witnesses_of(asking: Asking<'_>, mut found: Vec<Found>) -> Vec<Witness> {
    found.sort_unstable();
    let some = found.iter().take(MOST_ASKED);
    distinct(some.map(|one| asking.witness(one)).collect())
}

fn distinct(mut witnesses: Vec<Witness>) -> Vec<Witness> {
    // Stable: pods that are there come first.
    witnesses.sort_by_key(|one| one.verdict != Verdict::Allow);
    let mut seen = BTreeSet::new();
    witnesses.retain(|one| seen.insert(format!("{:?}", shown(one))));
    if witnesses.first().is_some_and(|one| one.verdict == Verdict::Allow) {
        witnesses.retain(|one| one.verdict == Verdict::Allow);
    }
    witnesses.truncate(MOST_SHOWN);
    witnesses
}

fn report(rule: &Rule, witnesses: Vec<Witness>) -> GateRuleReport {
    let outcome = match witnesses.first().map(|one| one.verdict) {
        None => GateOutcome::Holds,
        Some(Verdict::Allow) => GateOutcome::Broken,
        Some(_) => GateOutcome::Unknown,
    };
    GateRuleReport { outcome, witnesses, ..blank(rule) }
}

fn blank(rule: &Rule) -> GateRuleReport {
    GateRuleReport {
        name: rule.name.clone(),
        description: rule.description.clone(),
        rule: rule.demand.to_string(),
        location: rule.location.clone(),
        outcome: GateOutcome::Undecided,
        reason: None,
        witnesses: Vec::new(),
        assumptions: Vec::new(),
    }
}

fn undecided(rule: &Rule, many: TooMany) -> GateRuleReport {
    GateRuleReport { reason: Some(too_many(many)), ..blank(rule) }
}

fn too_many(TooMany { found }: TooMany) -> String {
    format!(
        "too many combinations ({found} or more): policies and rules distinguish pods by so many labels, names of ports and addresses that not all were looked at"
    )
}

impl GateSummary {
    fn of(rules: &[GateRuleReport]) -> Self {
        let count = |outcome| {
            let own = rules.iter().filter(|rule| rule.outcome == outcome);
            u32::try_from(own.count()).unwrap_or(u32::MAX)
        };
        Self {
            holds: count(GateOutcome::Holds),
            broken: count(GateOutcome::Broken),
            unknown: count(GateOutcome::Unknown),
            undecided: count(GateOutcome::Undecided),
        }
    }
}

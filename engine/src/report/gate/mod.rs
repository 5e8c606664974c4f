//! The answers of `gate` and `equal`: whether rules hold of everything that is there or may come to
//! be, and whether two sets of policies mean the same.
//!
//! `rules` reads what is demanded. Pods that may come to be (`hypothetical`) are added to the input,
//! one of all that nothing distinguishes, and what passes is then computed as for any input:
//! `search` finds flows that a rule forbids, by class, `compare` what two states let pass
//! differently, and `witness` asks each flow again and says what opens it. `same` sees that two sets of
//! policies say the same, whatever the input leaves open.

mod compare;
mod rules;
mod same;
mod search;
mod types;
mod witness;

use std::collections::BTreeSet;

use super::hypothetical::{self, Asked, Limits, Mentioned, Selection, Undecidable, World};
use super::types::Verdict;
use crate::net::AddrSet;
use crate::reach::Reach;
use crate::selector::Match;
use crate::session::Session;
use compare::Comparison;
use rules::{Demand, Ends, Flows, Future, Party, Rule};
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
        let own = rules.rules.iter().enumerate();
        let own: Vec<(usize, &Rule)> =
            own.filter(|(_, rule)| matches!(rule.demand, Demand::NoNewAccess(_))).collect();
        for (at, report) in self.no_new_access(old, &own) {
            reports.get_mut(at).into_iter().for_each(|slot| *slot = Some(report.clone()));
        }
        let mut reports: Vec<GateRuleReport> = reports.into_iter().flatten().collect();
        for (report, rule) in reports.iter_mut().zip(&rules.rules) {
            report.unmatched = self.unmatched(rule);
        }
        let rules = reports;
        GateReport {
            summary: GateSummary::of(&rules),
            rules,
            old: old.map(Self::summary),
            new: self.summary(),
        }
    }

    /// Ends of a rule that no pod of the input is.
    fn unmatched(&self, rule: &Rule) -> Vec<String> {
        let flows = rule.demand.flows();
        let ends = flows.iter().flat_map(|flows| [&flows.from, &flows.to]);
        let mut parties: Vec<&Party> = ends.flat_map(|ends| ends.any.iter()).collect();
        parties.retain(|party| matches!(party, Party::Pods(_)) && **party != Party::all_pods());
        let model = self.model();
        let is_there = |party: &Party| {
            let one = Ends::of(vec![party.clone()]);
            model.endpoints.values().any(|endpoint| one.has(model, endpoint) != Match::No)
        };
        let strange = parties.into_iter().filter(|party| !is_there(party));
        let mut texts: Vec<String> = strange.map(ToString::to_string).collect();
        texts.sort();
        texts.dedup();
        texts
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

    fn never_all(
        &self,
        future: Future,
        rules: &[&Rule],
    ) -> Result<Vec<GateRuleReport>, Undecidable> {
        let flows: Vec<Vec<Flows>> = rules.iter().map(|rule| rule.demand.flows()).collect();
        let worlds = self.worlds(future, &flows.concat())?;
        let mut found: Vec<Vec<Witness>> = rules.iter().map(|_| Vec::new()).collect();
        for world in &worlds {
            let probe = world.added_to(self);
            let reach = Reach::new(probe.model(), probe.policies());
            let mut search = Search::new(world, reach);
            for (flows, witnesses) in flows.iter().zip(&mut found) {
                let all: Vec<Found> = flows.iter().flat_map(|one| search.flows(one)).collect();
                let asking = Asking { world, probe: &probe, before: None };
                witnesses.extend(witnesses_of(asking, all));
            }
        }
        let reports =
            rules.iter().zip(found).map(|(rule, witnesses)| report(rule, distinct(witnesses)));
        Ok(reports.collect())
    }

    /// What is said of rules that compare this state with an old one.
    fn no_new_access(
        &self,
        old: Option<&Self>,
        rules: &[(usize, &Rule)],
    ) -> Vec<(usize, GateRuleReport)> {
        let Some(old) = old.filter(|_| !rules.is_empty()) else {
            let reason = "there is no old state to compare with: give OLD and NEW";
            let without = |rule| GateRuleReport { reason: Some(reason.into()), ..blank(rule) };
            return rules.iter().map(|(at, rule)| (*at, without(rule))).collect();
        };
        let flows: Vec<Vec<Flows>> = rules.iter().map(|(_, rule)| rule.demand.flows()).collect();
        let differences = match Differences::new([old, self], &flows.concat()) {
            Ok(differences) => differences,
            // Each by itself has fewer combinations.
            Err(_) if rules.len() > 1 => {
                let each = rules.iter().flat_map(|rule| self.no_new_access(Some(old), &[*rule]));
                return each.collect();
            }
            Err(many) => {
                return rules.iter().map(|(at, rule)| (*at, undecided(rule, many))).collect();
            }
        };
        let opened = |at: usize, one: &Comparison<'_>| {
            flows.get(at).into_iter().flatten().flat_map(|flows| one.opened(flows)).collect()
        };
        let witnesses = differences.witnesses(rules.len(), opened);
        let reports = rules.iter().zip(witnesses).map(|((at, rule), witnesses)| {
            let assumptions = differences.assumptions();
            (*at, GateRuleReport { assumptions, ..report(rule, witnesses) })
        });
        reports.collect()
    }

    /// Whether the policies of another state mean the same as those of this one, for all pods that
    /// are there or may come to be.
    ///
    /// # Cost
    /// As [`Self::diff`] with one pod more for each combination of labels, of names of ports and of
    /// blocks of addresses that policies of either side distinguish; several times where labels of
    /// namespaces are not known.
    pub fn equal(&self, other: &Self) -> EqualReport {
        let mut report = EqualReport {
            outcome: EqualOutcome::Equal,
            reason: None,
            witnesses: Vec::new(),
            assumptions: Vec::new(),
            a: self.summary(),
            b: other.summary(),
        };
        let differences = match Differences::new([self, other], &[]) {
            Ok(differences) => differences,
            Err(_) if same::say_the_same(self, other) => return report,
            Err(many) => {
                (report.outcome, report.reason) = (EqualOutcome::Undecided, Some(too_many(many)));
                return report;
            }
        };
        report.witnesses = differences.witnesses(1, |_, one| one.differing()).concat();
        report.assumptions = differences.assumptions();
        report.outcome = match report.witnesses.first().map(|one| one.verdict) {
            Some(Verdict::Unknown) => EqualOutcome::Unknown,
            Some(_) => EqualOutcome::Different,
            None => EqualOutcome::Equal,
        };
        if report.outcome == EqualOutcome::Equal && !same::say_the_same(self, other) {
            report.witnesses = differences.witnesses(1, |_, one| one.open()).concat();
            if !report.witnesses.is_empty() {
                report.outcome = EqualOutcome::Unknown;
            }
        }
        if report.outcome == EqualOutcome::Unknown {
            report.reason = report.witnesses.first().and_then(|one| one.reason.clone());
        }
        report
    }

    /// What may come to be that matters to some flows.
    fn worlds(&self, future: Future, flows: &[Flows]) -> Result<Vec<World>, Undecidable> {
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
        hypothetical::worlds(&[self], &mentioned, asked, Limits::FLOWS)
    }
}

/// Two states in which the same has come to be, world by world.
struct Differences {
    worlds: Vec<(World, [Session; 2])>,
}

impl Differences {
    fn new(sides: [&Session; 2], flows: &[Flows]) -> Result<Self, Undecidable> {
        let mut mentioned = Mentioned::by(&sides);
        let ends = flows.iter().flat_map(|one| [&one.from, &one.to]);
        mentioned.add_question(ends.flat_map(|side| side.selections().cloned()));
        flows.iter().for_each(|one| mentioned.add_ports(&one.ports));
        let worlds =
            hypothetical::worlds(&sides, &mentioned, Asked::Differences, Limits::DIFFERENCES)?;
        let probed = worlds.into_iter().map(|world| {
            let probes = sides.map(|side| world.added_to(side));
            (world, probes)
        });
        Ok(Self { worlds: probed.collect() })
    }

    /// What so many questions find, each in all worlds.
    fn witnesses(
        &self,
        questions: usize,
        found: impl Fn(usize, &Comparison<'_>) -> Vec<Found>,
    ) -> Vec<Vec<Witness>> {
        let mut all: Vec<Vec<Witness>> = (0..questions).map(|_| Vec::new()).collect();
        for (world, [old, new]) in &self.worlds {
            let comparison = Comparison::new(world, [old, new]);
            let asking = Asking { world, probe: new, before: Some(old) };
            for (at, own) in all.iter_mut().enumerate() {
                own.extend(witnesses_of(asking, found(at, &comparison)));
            }
        }
        all.into_iter().map(distinct).collect()
    }

    /// What is taken for granted.
    fn assumptions(&self) -> Vec<String> {
        let left_out = self.worlds.iter().map(|(world, _)| &world.left_out);
        let left_out = left_out.fold(AddrSet::default(), |all, one| all.union(one));
        let text = left_out.range_texts().join(", ");
        let assumed = (!left_out.is_empty()).then(|| {
            format!("no pod has an address in {text}, which is too few for many: pass `--pod-cidr` to say where pods are")
        });
        assumed.into_iter().collect()
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
    witnesses.sort_by_key(|one| one.verdict == Verdict::Unknown);
    let mut seen = BTreeSet::new();
    witnesses.retain(|one| seen.insert(shown(one)));
    if witnesses.first().is_some_and(|one| one.verdict != Verdict::Unknown) {
        witnesses.retain(|one| one.verdict != Verdict::Unknown);
    }
    witnesses.truncate(MOST_SHOWN);
    witnesses
}

fn report(rule: &Rule, witnesses: Vec<Witness>) -> GateRuleReport {
    let outcome = match witnesses.first().map(|one| one.verdict) {
        None => GateOutcome::Holds,
        Some(Verdict::Unknown) => GateOutcome::Unknown,
        Some(_) => GateOutcome::Broken,
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
        unmatched: Vec::new(),
    }
}

fn undecided(rule: &Rule, many: Undecidable) -> GateRuleReport {
    let mut reason = too_many(many);
    let compares = matches!(rule.demand, Demand::NoNewAccess(_));
    if matches!(many, Undecidable::TooMany { .. }) && rule.future == Future::Namespaces {
        reason.push_str("; or of this rule with `future: pods`");
    }
    if matches!(many, Undecidable::Calico) && !compares {
        reason.push_str(": with `future: nothing` the rule is decided for the pods of the input");
    }
    GateRuleReport { reason: Some(reason), ..blank(rule) }
}

fn too_many(many: Undecidable) -> String {
    match many {
        Undecidable::TooMany { found } => format!(
            "too many combinations ({found} or more): policies and rules distinguish pods by so \
             many labels, names of ports and addresses that not all were looked at; fewer are \
             needed with Namespace objects in the input or `--assume-unlabelled-namespaces`, and with \
             `--pod-cidr`"
        ),
        Undecidable::Calico => {
            "there are policies of Calico's kinds, whose selectors are not taken apart to find \
             pods that do not exist yet"
                .to_owned()
        }
    }
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

//! The answer of `describe`: which policies decide about pods, or which pods a policy is about, and
//! what each rule decides alone.
//!
//! `who` finds what is meant, `rules` what a rule decides that no other does.

mod rules;
mod types;
mod who;

pub use types::*;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::isolation::isolation;
use super::list::unit_ids;
use super::query::QueryError;
use super::types::{DiagnosticReport, Isolation, Match, ObjectRef};
use super::{path, place};
use crate::manifest::{Direction, Mode};
use crate::policy::{CompiledPolicy, PolicyId, Standing};
use crate::reach::{Reach, Unit, UnitId, UnitKind};
use crate::session::Session;
use crate::shared::Table;
use rules::{Pairs, rule_report};

impl Session {
    /// What policies do with pods, or what a policy or a namespace is about.
    ///
    /// # Errors
    /// If nothing of that name is in the input, or if several things are.
    ///
    /// # Cost
    /// For each rule, that of comparing the pods that its policy selects with those that it names.
    pub fn describe(&self, what: Describe, name: &str) -> Result<DescribeReport, QueryError> {
        let reach = Reach::new(self.model(), self.policies());
        let ids = unit_ids(self.model(), reach.units());
        let view = View { session: self, units: reach.units(), ids: &ids };
        match what {
            Describe::Pods => view.pods(name),
            Describe::Policy => view.policy(name),
            Describe::Namespace => view.namespace(name),
        }
    }
}

impl Session {
    /// What one rule of a policy decides alone; none if there is no such rule.
    ///
    /// # Cost
    /// That of comparing the pods that the policy selects with those that the rule names.
    pub fn describe_rule(
        &self,
        policy: PolicyId,
        direction: Direction,
        index: usize,
    ) -> Option<DescribedRule> {
        let reach = Reach::new(self.model(), self.policies());
        let ids = unit_ids(self.model(), reach.units());
        let view = View { session: self, units: reach.units(), ids: &ids };
        let policy = self.policies().policy(policy)?;
        let units = view.units_that(|unit| view.selects(policy, unit) != Match::No);
        rule_report(&Pairs::new(view, &units, direction), policy, index)
    }
}

/// A session with its units, and how lists write them.
#[derive(Clone, Copy)]
struct View<'v> {
    session: &'v Session,
    units: &'v Table<Unit>,
    ids: &'v Table<Arc<str>, Unit>,
}

impl View<'_> {
    fn pods(self, name: &str) -> Result<DescribeReport, QueryError> {
        let found = who::pods(self.session, name)?;
        let has = |unit: &Unit| match &unit.kind {
            UnitKind::Workload { endpoints, .. } => {
                endpoints.iter().any(|id| found.endpoints.contains(id))
            }
            UnitKind::Outside(..) => false,
        };
        let units = self.units_that(has);
        let directions = Direction::BOTH.map(|direction| self.direction(&units, direction, None));
        let policies = directions.iter().flat_map(|one| &one.policies);
        let concerned: Vec<ObjectRef> = policies.map(|one| one.policy.clone()).collect();
        let first = found.endpoints.first().and_then(|id| self.session.model().endpoints.get(*id));
        let labels = first.and_then(|endpoint| self.session.model().labels_of(endpoint));
        let object = first.and_then(|endpoint| endpoint.object.as_ref());
        let own = object.map(|object| place::object_ref(self.session, object));
        Ok(DescribeReport {
            name: found.name,
            policy: None,
            location: object.and_then(|object| place::of_object(self.session, object, object.span)),
            labels: labels.map(|all| texts(all.labels)).unwrap_or_default(),
            workloads: self.workloads(&units),
            directions: directions.into(),
            policies: Vec::new(),
            findings: self
                .findings(|about| own.as_ref() == Some(about) || concerned.contains(about)),
        })
    }

    fn policy(self, name: &str) -> Result<DescribeReport, QueryError> {
        let (id, policy) = who::policy(self.session, name)?;
        let selected = |unit: &Unit| self.selects(policy, unit) != Match::No;
        let units = self.units_that(selected);
        let says = Direction::BOTH.into_iter().filter(|of| policy.rules(*of).is_some());
        let directions = says.map(|direction| self.direction(&units, direction, Some(id)));
        let own = place::object_ref(self.session, &policy.object);
        Ok(DescribeReport {
            name: who::name(&own),
            location: place::of_object(self.session, &policy.object, policy.object.span),
            labels: BTreeMap::new(),
            workloads: self.workloads(&units),
            directions: directions.collect(),
            policies: Vec::new(),
            findings: self.findings(|about| *about == own),
            policy: Some(own),
        })
    }

    fn namespace(self, name: &str) -> Result<DescribeReport, QueryError> {
        let model = self.session.model();
        let id = who::namespace(self.session, name)?;
        let is_inside = |unit: &Unit| match &unit.kind {
            UnitKind::Workload { workload, .. } => {
                model.workloads.get(*workload).is_some_and(|one| one.namespace == id)
            }
            UnitKind::Outside(..) => false,
        };
        let units = self.units_that(is_inside);
        let all = self.session.policies().policies();
        let is_own = |policy: &CompiledPolicy| {
            let mut selected = units.iter().filter_map(|id| self.units.get(*id));
            policy.namespace == Some(id)
                || (policy.namespace.is_none()
                    && selected.any(|unit| self.selects(policy, unit) != Match::No))
        };
        let own = all.filter(|(_, policy)| is_own(policy));
        let policies = own.map(|(_, policy)| self.described(policy, Match::Yes, Vec::new()));
        let mut policies: Vec<DescribedPolicy> = policies.collect();
        policies.sort_by(|a, b| (a.tier, &a.policy).cmp(&(b.tier, &b.policy)));
        let labels = model.namespaces.get(id).map(|own| texts(&own.labels));
        let concerned: Vec<ObjectRef> = policies.iter().map(|one| one.policy.clone()).collect();
        let is_here = |about: &ObjectRef| about.namespace.as_deref() == Some(name);
        Ok(DescribeReport {
            name: name.to_owned(),
            policy: None,
            location: None,
            labels: labels.unwrap_or_default(),
            workloads: self.workloads(&units),
            directions: Vec::new(),
            policies,
            findings: self.findings(|about| is_here(about) || concerned.contains(about)),
        })
    }

    fn units_that(self, is_meant: impl Fn(&Unit) -> bool) -> Vec<UnitId> {
        let meant = self.units.iter().filter(|(_, unit)| is_meant(unit));
        meant.map(|(id, _)| id).collect()
    }

    fn workloads(self, units: &[UnitId]) -> Vec<DescribedWorkload> {
        let described = units.iter().filter_map(|id| {
            let UnitKind::Workload { endpoints, .. } = &self.units.get(*id)?.kind else {
                return None;
            };
            let endpoint = self.session.model().endpoints.get(*endpoints.first()?)?;
            let of = |direction| isolation(self.session, endpoint, direction);
            let (ingress, egress) = (of(Direction::Ingress), of(Direction::Egress));
            Some(DescribedWorkload { id: self.ids.get(*id)?.clone(), ingress, egress })
        });
        described.collect()
    }

    /// Whether a policy selects a unit's pods.
    fn selects(self, policy: &CompiledPolicy, unit: &Unit) -> Match {
        let UnitKind::Workload { endpoints, .. } = &unit.kind else { return Match::No };
        let Some(set) = self.session.policies().set(policy.subject) else { return Match::No };
        let groups =
            endpoints.iter().filter_map(|id| self.session.model().endpoints.get(*id)?.group);
        groups.map(|group| set.matches(group)).max().unwrap_or(Match::No)
    }

    /// What policies do with units in a direction: all of them, or one.
    fn direction(
        self,
        units: &[UnitId],
        direction: Direction,
        only: Option<PolicyId>,
    ) -> DescribedDirection {
        let pairs = Pairs::new(self, units, direction);
        let set = self.session.policies();
        let mut found: Vec<(PolicyId, Match)> = match only {
            Some(id) => vec![(id, Match::Yes)],
            None => self.deciding(units, direction),
        };
        found.sort_by_cached_key(|(id, _)| set.policy(*id).map(|one| Standing::of(one)));
        let policies = found.into_iter().filter_map(|(id, selects)| {
            let policy = set.policy(id)?;
            let count = policy.rules(direction)?.len();
            let rules = (0..count).filter_map(|index| rule_report(&pairs, policy, index));
            let selects = only.map_or(selects, |_| Match::Yes);
            Some(self.described(policy, selects, rules.collect()))
        });
        DescribedDirection {
            direction,
            workloads: pairs.reached(true),
            ranges: pairs.reached(false),
            policies: policies.collect(),
        }
    }

    /// The policies in force that select some units, or may.
    fn deciding(self, units: &[UnitId], direction: Direction) -> Vec<(PolicyId, Match)> {
        let in_force = self.session.policies().in_force();
        let says = in_force.filter(|(_, policy)| policy.rules(direction).is_some());
        let selecting = says.filter_map(|(id, policy)| {
            let units = units.iter().filter_map(|unit| self.units.get(*unit));
            let selects = units.map(|unit| self.selects(policy, unit)).max()?;
            (selects != Match::No).then_some((id, selects))
        });
        selecting.collect()
    }

    fn described(
        self,
        policy: &CompiledPolicy,
        selects: Match,
        rules: Vec<DescribedRule>,
    ) -> DescribedPolicy {
        let object = &policy.object;
        let selected = |unit: &&Unit| self.selects(policy, unit) != Match::No;
        DescribedPolicy {
            policy: place::object_ref(self.session, object),
            tier: policy.tier,
            location: place::of_object(self.session, object, object.span),
            audited: policy.mode == Mode::Audit,
            selects,
            workloads: self.units.values().filter(selected).count(),
            rules,
        }
    }

    /// Findings about some objects.
    fn findings(self, is_about: impl Fn(&ObjectRef) -> bool) -> Vec<DiagnosticReport> {
        let default = &self.session.options().default_namespace;
        let mut all = self.session.check().diagnostics;
        all.retain(|finding| {
            finding.object.as_ref().is_some_and(|object| {
                // Findings have the namespace as written.
                let whole = ObjectRef {
                    namespace: object.namespace.clone().or_else(|| Some(default.clone())),
                    ..object.clone()
                };
                is_about(object) || is_about(&whole)
            })
        });
        all
    }
}

fn texts(labels: &[(Arc<str>, Arc<str>)]) -> BTreeMap<String, String> {
    labels.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

/// The path of a rule of a direction.
fn rule_path(direction: Direction, index: usize) -> String {
    path::rule(direction, index)
}

/// What isolates, in words: `isolated`, `not isolated`, `may be isolated`.
pub fn isolation_text(isolation: Isolation) -> &'static str {
    match isolation {
        Isolation::Yes => "isolated",
        Isolation::No => "not isolated",
        Isolation::Unknown => "may be isolated",
        Isolation::Unenforced => "policies do not apply",
    }
}

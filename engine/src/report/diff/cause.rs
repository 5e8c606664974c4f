//! Which lines of which policies make a difference.
//!
//! At each end of a pair whose result differs, rules that decide on one side and not on the other
//! are causes, wherever they stand among others; and so are policies that isolate where none did
//! before, or none does any more.

use rustc_hash::FxHashMap;

use super::flows::Flow;
use super::joint::{Joint, JointId, Joints};
use super::side::Sided;
use super::types::{BySide, DiffCause, DiffSide};
use crate::manifest::{Action, ByDirection, Direction};
use crate::net::{ConnSet, ConnTable};
use crate::policy::PolicyId;
use crate::reach::{Admission, ClassId, Decision, UnitId};
use crate::report::list::ends::{End, Ends};
use crate::report::types::{ObjectRef, TierKind};
use crate::report::{place, why};

/// In so many pairs of a line that policies distinguish, causes are looked for.
const MOST_PAIRS: usize = 64;

/// What is the same of a rule on both sides, wherever it stands.
type Rule<'r> = (&'r ObjectRef, Action, Option<&'r String>, Option<&'r String>);

/// Causes so far, each once.
pub struct Causes<'c, 'm> {
    joints: &'c Joints,
    sides: &'c mut BySide<Sided<'m>>,
    conns: &'c ConnTable,
    all: Vec<DiffCause>,
    numbers: FxHashMap<DiffCause, u32>,
    rules: FxHashMap<(DiffSide, Direction, Admission), Option<DiffCause>>,
}

impl<'c, 'm> Causes<'c, 'm> {
    pub fn new(joints: &'c Joints, sides: &'c mut BySide<Sided<'m>>, conns: &'c ConnTable) -> Self {
        let (all, numbers, rules) = (Vec::new(), FxHashMap::default(), FxHashMap::default());
        Self { joints, sides, conns, all, numbers, rules }
    }

    /// All that were found.
    pub fn into_all(self) -> Vec<DiffCause> {
        self.all
    }

    /// The causes of a line, and whether there may be more.
    pub fn of(
        &mut self,
        ends: &Ends<'_, Joint>,
        (from, to): (End<Joint>, End<Joint>),
        flow: &Flow,
    ) -> (Vec<u32>, bool) {
        let (pairs, more) = self.pairs(&ends.units(from), &ends.units(to));
        let mut causes = Vec::new();
        for pair in pairs {
            for cause in self.of_pair(pair, flow) {
                let number = self.number(cause);
                if !causes.contains(&number) {
                    causes.push(number);
                }
            }
        }
        (causes, more)
    }

    fn number(&mut self, cause: DiffCause) -> u32 {
        if let Some(known) = self.numbers.get(&cause) {
            return *known;
        }
        let number = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        self.all.push(cause.clone());
        self.numbers.insert(cause, number);
        number
    }

    /// Pairs that stand for all of a line: one of each that policies distinguish, or where these are
    /// too many, each source with one destination and each destination with one source.
    fn pairs(&self, from: &[JointId], to: &[JointId]) -> (Vec<(JointId, JointId)>, bool) {
        let (sources, destinations) = (self.distinct(from), self.distinct(to));
        let is_own = from == to && from.len() == 1;
        let pair = |a: &[JointId], b: &[JointId]| {
            let from = *a.first()?;
            let to = *b.iter().find(|to| is_own || **to != from)?;
            Some((from, to))
        };
        let is_few = sources.len() * destinations.len() <= MOST_PAIRS;
        let all = sources.iter().enumerate().flat_map(|(i, a)| {
            let others = destinations.iter().enumerate();
            others.filter_map(move |(j, b)| (is_few || i == 0 || j == 0).then(|| pair(a, b))?)
        });
        let pairs: Vec<_> = all.take(MOST_PAIRS + 1).collect();
        let more = !is_few || pairs.len() > MOST_PAIRS;
        (pairs.into_iter().take(MOST_PAIRS).collect(), more)
    }

    /// Up to two of the ends that are of the same classes, for each of these.
    fn distinct(&self, units: &[JointId]) -> Vec<Vec<JointId>> {
        let mut by_class: FxHashMap<BySide<Option<ClassId>>, usize> = FxHashMap::default();
        let mut found: Vec<Vec<JointId>> = Vec::new();
        for id in units {
            let Some(joint) = self.joints.all.get(*id) else { continue };
            let class = |(side, unit): (DiffSide, UnitId)| {
                Some(self.sides[side].reach.units().get(unit)?.class)
            };
            let classes = joint.unit.map(|side, unit| class((side, unit?)));
            let at = *by_class.entry(classes).or_insert(found.len());
            match found.get_mut(at) {
                Some(known) if known.len() < 2 => known.push(*id),
                Some(_) => {}
                None => found.push(vec![*id]),
            }
        }
        found
    }

    fn of_pair(&mut self, (from, to): (JointId, JointId), flow: &Flow) -> Vec<DiffCause> {
        let ends = self.joints.all.get(from).zip(self.joints.all.get(to));
        let Some((from, to)) = ends else { return Vec::new() };
        let decisions: BySide<Option<ByDirection<Decision>>> = BySide::from_fn(|side| {
            let units = (from.unit[side]?, to.unit[side]?);
            let reach = &mut self.sides[side].reach;
            let conn = reach.intern(self.conns.get(flow.ports).clone());
            Some(reach.decisions(units, conn, flow.family))
        });
        let end = |direction| {
            BySide::from_fn(|side| decisions[side].as_ref().map(|ends| &ends[direction]))
        };
        let both = [Direction::Egress, Direction::Ingress];
        both.into_iter().flat_map(|direction| self.of_end(direction, &end(direction))).collect()
    }

    fn of_end(
        &mut self,
        direction: Direction,
        decisions: &BySide<Option<&Decision>>,
    ) -> Vec<DiffCause> {
        let result = decisions.map(|side, one| one.map(|one| self.result(side, one)));
        if result[DiffSide::Old] == result[DiffSide::New] {
            return Vec::new();
        }
        let rules = decisions.map(|side, one| {
            let rules = one.map(|one| one.admissions.rules.as_slice()).unwrap_or_default();
            let rules = rules.iter().filter_map(|rule| self.rule(side, direction, rule));
            rules.collect::<Vec<_>>()
        });
        let mut causes = Vec::new();
        for (side, other) in [(DiffSide::Old, DiffSide::New), (DiffSide::New, DiffSide::Old)] {
            let others: Vec<Rule<'_>> = rules[other].iter().map(rule).collect();
            let own = rules[side].iter().filter(|one| !others.contains(&rule(one)));
            causes.extend(own.cloned());
            let isolating = |side: DiffSide| decisions[side].map(|one| one.isolating.as_slice());
            if let (Some(own), Some([])) = (isolating(side), isolating(other)) {
                let own = own.iter().filter_map(|one| self.isolation(side, direction, *one));
                causes.extend(own);
            }
        }
        causes
    }

    /// What an end lets pass and denies.
    fn result(&self, side: DiffSide, decision: &Decision) -> (ConnSet, ConnSet) {
        let reach = &self.sides[side].reach;
        (reach.conn(decision.accepts).clone(), reach.conn(decision.denies).clone())
    }

    fn rule(
        &mut self,
        side: DiffSide,
        direction: Direction,
        admission: &Admission,
    ) -> Option<DiffCause> {
        let known = self.rules.entry((side, direction, *admission)).or_insert_with(|| {
            let rule = why::deciding(self.sides[side].session, direction, admission)?;
            Some(DiffCause {
                side,
                direction,
                policy: rule.policy,
                tier: rule.tier,
                tier_name: rule.tier_name,
                action: rule.action,
                path: rule.path,
                peer: Some(rule.peer),
                ports: Some(rule.ports),
                location: rule.location,
            })
        });
        known.clone()
    }

    fn isolation(
        &self,
        side: DiffSide,
        direction: Direction,
        policy: PolicyId,
    ) -> Option<DiffCause> {
        let session = self.sides[side].session;
        let policy = session.policies().policy(policy)?;
        Some(DiffCause {
            side,
            direction,
            policy: place::object_ref(session, &policy.object),
            tier: TierKind::NetworkPolicy,
            tier_name: None,
            action: Action::Deny,
            path: "spec.podSelector".into(),
            peer: None,
            ports: None,
            location: place::of_object(session, &policy.object, policy.object.span),
        })
    }
}

fn rule(cause: &DiffCause) -> Rule<'_> {
    (&cause.policy, cause.action, cause.peer.as_ref(), cause.ports.as_ref())
}

//! The chain of a class: what one tier says.
//!
//! What a tier accepts returns, which lets it pass this end: a chain that was gone to returns to
//! where the first of all was jumped at. What it denies goes to a chain that does nothing else.
//! What a tier passes on goes to the chain of the next tier; what an Admin tier that pods share
//! passes on, to a tree of addresses: so pods that have nothing but that tier in common share its
//! chain.
//!
//! What is not known is closed: rules accept and pass on only what they match for certain, and
//! deny what they may match.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::super::expressible::{Reached, is_accepting, is_expressible, reached};
use super::super::limits::Counted;
use super::super::program::{Chain, L4, Match, Note, RuleOrigin};
use super::conditions::{AskedRule, matches_of};
use super::credit::{ChainCredit, TierCredit};
use super::keys::{AskedPeer, Extent};
use super::memory::ClassKey;
use super::ports::{self, Asking, PortPart};
use super::subject::Whose;
use super::tier::{Draft, Outcome, TierChain};
use super::{FamilyLowering, Input};

use crate::manifest::{self, Direction};
use crate::policy::{
    CompiledPolicy, Condition, PolicyId, PolicyRef, PolicyRule, PolicySet, ProgramId, RulePeer,
    SetId, Tier, TierKind,
};

/// Whether pods under one program may need different rules: where their own port names count.
pub fn depends_on_subject(policies: &PolicySet, id: ProgramId, direction: Direction) -> bool {
    let mut rules = policies.rules_of(id, direction);
    rules.any(|rule| match direction {
        Direction::Ingress => rule.named_ports().next().is_some(),
        Direction::Egress => rule.names_source_ports(),
    })
}

/// Sets of pods that rules of a program name, each with whether it may have more members than are
/// certain: what the rules of chains depend on, beside policies.
pub fn doubts(policies: &PolicySet, id: ProgramId, direction: Direction) -> Vec<(SetId, bool)> {
    let rules = policies.rules_of(id, direction);
    let mut sets: Vec<SetId> = rules.flat_map(PolicyRule::sets).collect();
    sets.sort_unstable();
    sets.dedup();
    sets.into_iter().map(|set| (set, is_doubtful(policies, set))).collect()
}

/// Whether pods are in a set of which it is not known whether they belong there.
pub fn is_doubtful(policies: &PolicySet, id: SetId) -> bool {
    policies.set(id).is_some_and(|set| !set.unknown.is_empty())
}

/// What is made for pods of a group under a program.
#[derive(Default)]
pub struct Made {
    /// Chains, that of the first tier first.
    pub chains: Vec<Arc<Chain>>,
    /// What they leave closed.
    pub notes: Vec<Note>,
    /// For which policies packets count that their rules meet.
    pub credits: Vec<ChainCredit>,
}

/// The chains of a program for pods of a group, each tier's with that of the tier after it. Where
/// pods share the Admin tier, it is the only one, and the tree after it finds what comes next.
///
/// # Shape
/// In each chain no conditions come twice. A rule that matches everything is the last one of its
/// tier; where a tier only accepts, it stands alone.
pub fn chains(lowering: &mut FamilyLowering<'_>, key: &ClassKey, whose: Option<Whose<'_>>) -> Made {
    let Input { policies, settings, .. } = lowering.input;
    let ClassKey { direction, program, passes, .. } = *key;
    let mut made = Made::default();
    let Reached { tiers, cut } = reached(policies, &policies.program(program).tiers, direction);
    let (false, Some(whose)) = (tiers.is_empty(), whose) else {
        // Nothing can be said of such pods, so nothing is admitted for them.
        made.chains.push(closed(lowering, direction));
        return made;
    };
    let mut next = passes.then(|| settings.root_after_admin(direction));
    if let Some(tier) = cut {
        let all = closed(lowering, direction);
        next = Some(all.name.clone());
        made.chains.push(all);
        let first = tier.policies.first();
        made.notes.extend(first.map(|one| Note::TooManyTiers(one.policy)));
    }
    for tier in tiers.iter().rev() {
        let mut body = Body {
            lowering,
            direction,
            whose: whose.in_tier(tier),
            accepts: is_accepting(tier),
            rules: Vec::new(),
            known: FxHashMap::default(),
            notes: &mut made.notes,
        };
        body.tier(tier);
        let (rules, kind, end) = (body.rules, tier.kind, tier.end);
        let credit = TierCredit::of(tier, &rules);
        let (first, denial) = TierChain { lowering, direction, kind, end, next }.chains(rules);
        made.credits.push(credit.in_chain(&first, direction));
        next = Some(first.name.clone());
        made.chains.extend(denial.into_iter().chain([first]));
    }
    made.chains.reverse();
    made
}

/// The chain that denies everything.
fn closed(lowering: &FamilyLowering<'_>, direction: Direction) -> Arc<Chain> {
    let (kind, end) = (TierKind::NetworkPolicy, manifest::Action::Deny);
    TierChain { lowering, direction, kind, end, next: None }.of_accepted(Vec::new())
}

/// What a rule does, and with how much of what it names.
#[derive(Clone, Copy)]
struct Effect {
    extent: Extent,
    outcome: Outcome,
    origin: RuleOrigin,
}

/// Rules of a tier on their way.
struct Body<'b, 'i> {
    lowering: &'b mut FamilyLowering<'i>,
    direction: Direction,
    whose: Whose<'b>,
    /// Whether rules that accept are written.
    accepts: bool,
    rules: Vec<Draft>,
    /// Conditions of rules, each with the rule's place: the first rule that has them decides.
    known: FxHashMap<Vec<Match>, usize>,
    notes: &'b mut Vec<Note>,
}

impl Body<'_, '_> {
    fn tier(&mut self, tier: &Tier) {
        let policies = self.lowering.input.policies;
        let in_order = match tier.kind.only_accepts() {
            true => by_name(policies, tier),
            false => tier.policies.clone(),
        };
        for one in in_order {
            let Some(policy) = policies.policy(one.policy) else { continue };
            if !one.certain {
                self.notes.push(Note::SubjectUnknown(one.policy));
            }
            // Of a NetworkPolicy that may not select the pod only this is safe: it isolates, and
            // what it would admit is not admitted.
            if one.certain || !tier.kind.only_accepts() {
                self.policy(one, policy);
            }
        }
        self.ties(tier);
    }

    fn policy(&mut self, one: PolicyRef, policy: &CompiledPolicy) {
        let rules = policy.rules(self.direction).unwrap_or_default();
        if let Some(note) = self.is_over(one.policy, policy) {
            self.notes.push(note);
            return self.closed(one, rules);
        }
        for (index, rule) in rules.iter().enumerate() {
            let origin = RuleOrigin {
                policy: one.policy,
                direction: self.direction,
                rule: index,
                peer: None,
            };
            let effect = |extent, outcome| Effect { extent, outcome, origin };
            self.note(rule, one);
            match (rule.action, one.certain) {
                (manifest::Action::Accept, _) if !self.accepts => {
                    self.notes.push(Note::NotExpressed(one.policy));
                }
                (manifest::Action::Accept, true) => {
                    self.rule(rule, effect(Extent::Certain, Outcome::Accept));
                }
                (manifest::Action::Log, _) => {
                    self.rule(rule, effect(Extent::Possible, Outcome::Log));
                }
                (manifest::Action::Accept, false) => {}
                (manifest::Action::Pass, true) => {
                    self.rule(rule, effect(Extent::Certain, Outcome::Pass));
                    // Where nothing is in doubt these are the same conditions, and left out.
                    self.rule(rule, effect(Extent::Possible, Outcome::Deny));
                }
                (manifest::Action::Deny, _) | (manifest::Action::Pass, false) => {
                    self.rule(rule, effect(Extent::Possible, Outcome::Deny));
                }
            }
        }
    }

    /// What is noted of a policy that asks for too much, alone or with others.
    fn is_over(&self, id: PolicyId, policy: &CompiledPolicy) -> Option<Note> {
        let Input { policies, settings, .. } = self.lowering.input;
        let (direction, subject) = (self.direction, self.whose.group());
        if settings.limits.are_exceeded(policy, Counted { policies, direction, subject }) {
            return Some(Note::OverLimits(id));
        }
        self.lowering.over_budget.get(&id).map(|budget| Note::OverBudget(id, *budget))
    }

    /// What becomes of the rules of a policy that asks for too much: it accepts nothing, and where
    /// it would deny or pass, it denies everything.
    fn closed(&mut self, one: PolicyRef, rules: &[PolicyRule]) {
        let closes = |rule: &PolicyRule| {
            matches!(rule.action, manifest::Action::Deny | manifest::Action::Pass)
        };
        if let Some(rule) = rules.iter().position(closes) {
            let (policy, direction) = (one.policy, self.direction);
            let origin = RuleOrigin { policy, direction, rule, peer: None };
            self.draft((Vec::new(), Outcome::Deny, origin));
        }
    }

    fn note(&mut self, rule: &PolicyRule, of: PolicyRef) {
        let policies = self.lowering.input.policies;
        for peer in &rule.peers {
            match *peer {
                RulePeer::Pods(id) if is_doubtful(policies, id) => {
                    self.notes.push(Note::PeersUnknown(of.policy));
                }
                RulePeer::Nodes(pair, _) if pair.certain != pair.possible => {
                    self.notes.push(Note::NodesUnknown(of.policy));
                }
                RulePeer::Names(pair) if pair.certain != pair.possible => {
                    self.notes.push(Note::NamesUnknown(of.policy));
                }
                _ => {}
            }
        }
        let asked = (rule, self.direction, self.whose.seen());
        let notes = rule.conditions.iter().filter_map(|condition| {
            let sets = condition.sets().is_some_and(|id| is_doubtful(policies, id));
            match condition {
                one if !is_expressible(policies, asked, one) => Some(Note::NotExpressed(of.policy)),
                Condition::Items { sets, .. } if sets.certain != sets.possible => {
                    Some(Note::PeersUnknown(of.policy))
                }
                _ => sets.then_some(Note::PeersUnknown(of.policy)),
            }
        });
        self.notes.extend(notes);
    }

    /// Policies of one priority that do not all do the same.
    fn ties(&mut self, tier: &Tier) {
        if tier.kind.only_accepts() || tier.kind == TierKind::Calico {
            return;
        }
        let policies = self.lowering.input.policies;
        let known = tier.policies.iter();
        let known = known.filter_map(|one| Some((one.policy, policies.policy(one.policy)?)));
        let known: Vec<_> = known.collect();
        for alike in known.chunk_by(|a, b| a.1.priority == b.1.priority) {
            let rules = alike.iter().flat_map(|(_, one)| one.rules(self.direction)).flatten();
            let mut actions: Vec<manifest::Action> = rules.map(|rule| rule.action).collect();
            actions.sort_unstable();
            actions.dedup();
            if actions.len() < 2 {
                continue;
            }
            // One note a policy: the first that differs is found at once where many do.
            let notes = alike.iter().filter_map(|(id, one)| {
                let mut others = alike.iter().filter(|(other, _)| other != id);
                let other = others.find(|(_, other)| differ(one, other, self.direction));
                Some(Note::Tie(*id, other?.0))
            });
            let notes: Vec<Note> = notes.collect();
            self.notes.extend(notes);
        }
    }

    fn rule(&mut self, rule: &PolicyRule, effect: Effect) {
        if !rule.conditions.is_empty() {
            return self.conditional(rule, effect);
        }
        let (direction, subject, peers) = (self.direction, self.whose.group(), rule.peers.len());
        for part in ports::parts(&rule.ports, Asking { direction, subject, peers }) {
            if rule.peers.is_empty() {
                self.part(None, &part, effect);
            }
            for (index, peer) in rule.peers.iter().enumerate() {
                let origin = RuleOrigin { peer: Some(index), ..effect.origin };
                self.part(Some(*peer), &part, Effect { origin, ..effect });
            }
        }
    }

    /// A rule of Calico's, which has conditions in place of peers and ports.
    fn conditional(&mut self, rule: &PolicyRule, effect: Effect) {
        let Effect { extent, outcome, origin } = effect;
        let FamilyLowering { input, family, sets, .. } = &mut *self.lowering;
        let (policies, family) = (input.policies, *family);
        let (direction, whose) = (self.direction, self.whose);
        let asked = AskedRule { policies, rule, extent, direction, whose, family };
        for matches in matches_of(sets, asked) {
            self.draft((matches, outcome, origin));
        }
    }

    fn part(&mut self, peer: Option<RulePeer>, part: &PortPart, effect: Effect) {
        let Effect { extent, outcome, origin } = effect;
        let asked = AskedPeer { peer, extent };
        let sets = &mut self.lowering.sets;
        let matches = match part {
            PortPart::Named(names) => {
                let set = sets.named(asked, names);
                set.map(|set| vec![Match::DestinationPortIn(set)])
            }
            // The set last: looking into it costs ten times what the others cost.
            PortPart::Matches(ports) => sets
                .peer(asked, origin.direction)
                .map(|peer| ports.iter().cloned().chain(peer).collect()),
            PortPart::Numbers(numbers) => sets.peer(asked, origin.direction).map(|peer| {
                let protocol = Match::Protocol(L4::Ports(numbers.protocol));
                let set = numbers.set.get_or_init(|| sets.numbers(&numbers.ports)).clone();
                [protocol, Match::PortIn(set)].into_iter().chain(peer).collect()
            }),
        };
        if let Some(matches) = matches {
            self.draft((matches, outcome, origin));
        }
    }

    /// Of rules with the same conditions only the first ever decides, and none after a rule that
    /// matches everything.
    fn draft(&mut self, (matches, outcome, origin): (Vec<Match>, Outcome, RuleOrigin)) {
        // What is only written down decides nothing.
        if outcome == Outcome::Log {
            let is_wanted = self.lowering.input.settings.flow_log.is_some();
            if is_wanted && !self.known.contains_key(&[][..]) {
                self.rules.push(Draft { matches, outcome, origin, also: Vec::new() });
            }
            return;
        }
        match self.known.get(&matches) {
            Some(first) => {
                let same = self.rules.get_mut(*first).filter(|first| first.outcome == outcome);
                same.into_iter().for_each(|first| first.stems_from(origin.policy));
            }
            None if self.known.contains_key(&[][..]) => {}
            None => {
                self.known.insert(matches.clone(), self.rules.len());
                self.rules.push(Draft { matches, outcome, origin, also: Vec::new() });
            }
        }
    }
}

fn differ(one: &CompiledPolicy, other: &CompiledPolicy, direction: Direction) -> bool {
    let actions = |policy: &CompiledPolicy| -> Vec<manifest::Action> {
        policy.rules(direction).unwrap_or_default().iter().map(|rule| rule.action).collect()
    };
    let (one, other) = (actions(one), actions(other));
    one.iter().any(|action| other.iter().any(|other| other != action))
}

/// NetworkPolicies by their names, not their numbers: these tell in which order policies came,
/// which must not make another program.
fn by_name(policies: &PolicySet, tier: &Tier) -> Vec<PolicyRef> {
    let mut all = tier.policies.clone();
    let name = |one: &PolicyRef| policies.policy(one.policy).map(|known| &known.object.meta.name);
    all.sort_by(|a, b| name(a).cmp(&name(b)));
    all
}

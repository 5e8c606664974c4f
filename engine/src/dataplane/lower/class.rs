//! The chain of a class: what the policies of a program admit, then the end.

use rustc_hash::FxHashSet;

use super::super::program::{Action, FilterRule, Match, Note, RejectWith, RuleOrigin};
use super::super::settings::{Denial, Settings};
use super::FamilyLowering;
use super::ports::{self, PortPart};
use crate::cluster::{Group, GroupId};
use crate::manifest::Direction;
use crate::policy::{PolicyRef, PolicyRule, PolicySet, ProgramId, RulePeer};

/// Whether pods under one program may need different rules: where their own port names count.
pub fn depends_on_subject(policies: &PolicySet, id: ProgramId, direction: Direction) -> bool {
    let all = policies.program(id).tiers.iter().flat_map(|tier| &tier.policies);
    let rules = all
        .filter_map(|policy| policies.policy(policy.policy)?.rules(direction))
        .flatten()
        .flat_map(|rule| &rule.ports);
    direction == Direction::Ingress && { rules }.any(ports::is_named)
}

/// What a program admits for pods of a group, as rules that return.
///
/// # Shape
/// No rule twice; rules that admit everything stand alone.
pub fn rules(
    lowering: &mut FamilyLowering<'_>,
    direction: Direction,
    id: ProgramId,
    group: GroupId,
) -> (Vec<FilterRule>, Vec<Note>) {
    let (policies, model) = (lowering.input.policies, lowering.input.model);
    let mut body =
        Body { lowering, rules: Vec::new(), known: FxHashSet::default(), notes: Vec::new() };
    let Some(group) = model.groups.get(group) else {
        return (body.rules, body.notes);
    };
    for policy in by_name(policies, id) {
        // Of a policy that may not select the pod only this is safe: it isolates, and what it
        // would admit is not admitted.
        if !policy.certain {
            body.notes.push(Note::SubjectUnknown(policy.policy));
            continue;
        }
        let rules = policies.policy(policy.policy).and_then(|policy| policy.rules(direction));
        for (index, rule) in rules.unwrap_or_default().iter().enumerate() {
            let origin = RuleOrigin { policy: policy.policy, direction, rule: index, peer: None };
            body.rule(rule, origin, group);
        }
    }
    if let Some(all) = body.rules.iter().find(|rule| rule.matches.is_empty()) {
        return (vec![all.clone()], body.notes);
    }
    (body.rules, body.notes)
}

/// The policies of a program by their names, not their numbers: these tell in which order policies
/// came, which must not make another program.
fn by_name(policies: &PolicySet, id: ProgramId) -> Vec<PolicyRef> {
    let all = policies.program(id).tiers.iter().flat_map(|tier| &tier.policies);
    let mut all: Vec<PolicyRef> = all.copied().collect();
    let name = |one: &PolicyRef| policies.policy(one.policy).map(|known| &known.object.meta.name);
    all.sort_by(|a, b| name(a).cmp(&name(b)));
    all
}

/// What becomes of packets that no rule admits.
pub fn end(lowering: &FamilyLowering<'_>, direction: Direction, class: &str) -> Vec<FilterRule> {
    denied(lowering.input.settings, &format!("{}:{class}", direction.field()))
}

/// Logs, if that is wanted, and denies.
pub fn denied(settings: &Settings, what: &str) -> Vec<FilterRule> {
    let log = settings.flow_log.map(|log| {
        let prefix = format!("{}:deny:{what}", settings.prefix).into();
        let limit = Match::Limit(log.per_second, log.burst);
        FilterRule::new([limit], Action::Log { group: log.group, prefix })
    });
    let end = match settings.denial {
        Denial::Reject => Action::Reject(RejectWith::PortUnreachable),
        Denial::Drop => Action::Drop,
    };
    log.into_iter().chain([FilterRule::new([], end)]).collect()
}

/// Rules of a class on their way.
struct Body<'b, 'i> {
    lowering: &'b mut FamilyLowering<'i>,
    rules: Vec<FilterRule>,
    known: FxHashSet<Vec<Match>>,
    notes: Vec<Note>,
}

impl Body<'_, '_> {
    fn rule(&mut self, rule: &PolicyRule, origin: RuleOrigin, subject: &Group) {
        for part in ports::parts(&rule.ports, origin.direction, subject) {
            if rule.peers.is_empty() {
                self.part(None, &part, origin);
            }
            for (index, peer) in rule.peers.iter().enumerate() {
                let origin = RuleOrigin { peer: Some(index), ..origin };
                self.part(Some(*peer), &part, origin);
            }
        }
    }

    fn part(&mut self, peer: Option<RulePeer>, part: &PortPart, origin: RuleOrigin) {
        if let Some(RulePeer::Pods(id)) = peer {
            let unknown =
                self.lowering.input.policies.set(id).is_some_and(|set| !set.unknown.is_empty());
            if unknown {
                self.notes.push(Note::PeersUnknown(origin.policy));
            }
        }
        let sets = &mut self.lowering.sets;
        let matches = match part {
            PortPart::Named(names) => sets.named(peer, names).map(Match::DestinationPortIn),
            PortPart::Matches(ports) => {
                // The set last: looking into it costs ten times what the others cost.
                let Some(peer) = sets.peer(peer, origin.direction) else { return };
                return self.admit(ports.iter().cloned().chain(peer).collect(), origin);
            }
        };
        if let Some(matches) = matches {
            self.admit(vec![matches], origin);
        }
    }

    fn admit(&mut self, matches: Vec<Match>, origin: RuleOrigin) {
        if self.known.insert(matches.clone()) {
            self.rules.push(FilterRule { matches, action: Action::Return, origin: Some(origin) });
        }
    }
}

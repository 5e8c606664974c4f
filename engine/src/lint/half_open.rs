//! L35: a peer that a rule allows, and that the policies of the other end deny.
//!
//! **What.** A policy lets its pods send to some others, but no policy of those lets them accept it;
//! or a policy lets its pods accept from some others that may not send it.
//!
//! **Why.** Both ends must agree: the flow is denied, though it has been allowed once.
//!
//! **Fix.** Allow it at the other end, too, or remove the rule.
//!
//! It is said of a peer by labels of which no pod gets through, on any of the rule's ports, and only
//! where the input has all pods of both ends, and no policies but NetworkPolicies decide.

use super::named::PeerPlace;
use super::text::Field;
use super::{Context, Finding};
use crate::cluster::GroupId;
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::{Body, Direction, PortEntry, PortMatch};
use crate::policy::{
    CompiledPolicy, PeerSet, PolicyRule, PolicySet, ProgramId, RulePeer, SetId, TierKind,
};
use crate::selector::Match;

/// With more groups than these at either end, nothing is said.
const MOST_GROUPS: usize = 64;

/// No more pairs of groups are looked at.
const MOST_PAIRS: usize = 200_000;

/// One finding for each such peer.
///
/// # Cost
/// For each distinct pair of a policy's pods and a peer, linear in the pairs of their groups, up to a
/// limit, behind which nothing is found.
pub fn findings(context: &Context<'_>) -> Vec<Finding> {
    let session = context.session;
    let set = session.policies();
    let is_other = |policy: &CompiledPolicy| policy.tier != TierKind::NetworkPolicy;
    if !session.not_judged().is_empty() || set.in_force().any(|(_, policy)| is_other(policy)) {
        return Vec::new();
    }
    let mut search = Search { context, set, left: MOST_PAIRS };
    let mut findings = Vec::new();
    for (_, policy) in set.in_force() {
        if !matches!(policy.object.body, Body::Policy(_)) {
            continue;
        }
        for direction in Direction::BOTH {
            for (rule, one) in policy.rules(direction).unwrap_or_default().iter().enumerate() {
                for (peer, set) in one.peers.iter().enumerate() {
                    let Some(other) = set.pods() else { continue };
                    if search.is_denied((policy, direction), one, other) {
                        let place = PeerPlace { direction, rule, peer };
                        findings.push(finding(context, policy, place));
                    }
                }
            }
        }
    }
    findings
}

fn finding(context: &Context<'_>, policy: &CompiledPolicy, place: PeerPlace) -> Finding {
    let (message, help) = match place.direction {
        Direction::Egress => (
            "no pod of this peer accepts it: their own policies deny it for ingress",
            "allow it by an ingress rule of a policy for those pods, or remove it here",
        ),
        Direction::Ingress => (
            "no pod of this peer may send it: their own policies deny it for egress",
            "allow it by an egress rule of a policy for those pods, or remove it here",
        ),
    };
    let finding = Diagnostic::new(Code::HalfOpen, message).with_help(help);
    context.about(&policy.object, Field::First(&[&place.path()]), finding)
}

struct Search<'c, 's> {
    context: &'c Context<'s>,
    set: &'s PolicySet,
    /// How many pairs may still be looked at.
    left: usize,
}

impl Search<'_, '_> {
    /// Whether the policies of all pods of a peer deny what a rule allows.
    fn is_denied(
        &mut self,
        (policy, direction): (&CompiledPolicy, Direction),
        rule: &PolicyRule,
        other: SetId,
    ) -> bool {
        let Some((own, others)) = self.set.set(policy.subject).zip(self.set.set(other)) else {
            return false;
        };
        let known = self.context.known();
        let has_all = |set: &PeerSet| known.namespaces_of(set.scope()).is_some();
        let groups = |set: &PeerSet| -> Option<Vec<GroupId>> {
            let groups: Vec<_> = set.groups().take(MOST_GROUPS + 1).collect();
            let is_known = groups.iter().all(|(_, certain)| *certain);
            let is_few = (1..=MOST_GROUPS).contains(&groups.len());
            (is_known && is_few).then(|| groups.into_iter().map(|(id, _)| id).collect())
        };
        let Some((own_groups, other_groups)) = groups(own).zip(groups(others)) else {
            return false;
        };
        let pairs = own_groups.len() * other_groups.len();
        if pairs > self.left || !has_all(own) || !has_all(others) {
            return false;
        }
        self.left -= pairs;
        let opposite = direction.opposite();
        other_groups.iter().all(|group| {
            let program = self.set.program_id(*group, opposite);
            let is_isolated = self.set.program(program).isolates() == Match::Yes;
            is_isolated
                && own_groups
                    .iter()
                    .all(|own| !self.may_admit(program, opposite, *own, &rule.ports))
        })
    }

    fn may_admit(
        &self,
        program: ProgramId,
        direction: Direction,
        group: GroupId,
        ports: &[PortEntry],
    ) -> bool {
        let set = self.set;
        let has = |peer: &RulePeer| match peer {
            RulePeer::Pods(id) => set.set(*id).is_none_or(|set| set.matches(group) != Match::No),
            // Where pods' addresses are is seldom known.
            RulePeer::Block(_) | RulePeer::Nodes(..) | RulePeer::Names(_) => true,
        };
        set.rules_of(program, direction).any(|rule| {
            (rule.peers.is_empty() || rule.peers.iter().any(has)) && may_overlap(&rule.ports, ports)
        })
    }
}

/// Whether two lists of ports may have one in common; a name may be any number.
fn may_overlap(one: &[PortEntry], other: &[PortEntry]) -> bool {
    let overlaps = |a: &PortEntry, b: &PortEntry| {
        a.protocol == b.protocol
            && match (&a.ports, &b.ports) {
                (PortMatch::Range(a, b), PortMatch::Range(c, d)) => a <= d && c <= b,
                (PortMatch::Any | PortMatch::Named(_), _)
                | (_, PortMatch::Any | PortMatch::Named(_)) => true,
            }
    };
    one.is_empty() || other.is_empty() || one.iter().any(|a| other.iter().any(|b| overlaps(a, b)))
}

//! What rules ask of the pod whose policies they are: answered when chains are made, since it is
//! known then which pod it is. Pods of which the same is true share chains.

use std::net::IpAddr;
use std::sync::Arc;

use super::super::expressible::Seen;
use crate::cluster::{Group, GroupId};
use crate::manifest::Direction;
use crate::net::AddrSet;
use crate::policy::{BlockPair, Condition, PolicySet, ProgramId, Seat, SetId, Tier};
use crate::selector::Match;

/// Whether conditions hold of a pod: of those that ask who it is, in the order of the rules.
pub type Answers = Arc<[Match]>;

/// A pod of the node, at one of its addresses.
#[derive(Clone, Copy, Debug)]
pub struct Subject {
    /// Its group.
    pub group: GroupId,
    /// The address.
    pub address: IpAddr,
}

/// For whom chains are made.
#[derive(Clone, Copy)]
pub enum Whose<'g> {
    /// A pod of the node, with its group.
    Pod(Subject, &'g Group),
    /// The node itself.
    Host(Seen),
}

impl<'g> Whose<'g> {
    /// The pod's group.
    pub fn group(self) -> Option<&'g Group> {
        match self {
            Self::Pod(_, group) => Some(group),
            Self::Host(_) => None,
        }
    }

    /// What rules see of the end whose policies they are.
    pub fn seen(self) -> Seen {
        match self {
            Self::Pod(..) => Seen::Pod,
            Self::Host(seen) => seen,
        }
    }

    /// The same for rules of a tier.
    pub fn in_tier(self, tier: &Tier) -> Self {
        match self {
            Self::Host(seen) => Self::Host(seen.by(tier)),
            pod @ Self::Pod(..) => pod,
        }
    }
}

/// Whether a program asks who the pod is.
pub fn is_asked(policies: &PolicySet, id: ProgramId, direction: Direction) -> bool {
    has_conditions(policies, id)
        && policies.rules_of(id, direction).any(|rule| rule.asks_subject(direction))
}

/// Whether rules have conditions: only Calico's do.
fn has_conditions(policies: &PolicySet, id: ProgramId) -> bool {
    policies.program(id).tiers.iter().any(|tier| tier.name.is_some())
}

impl Subject {
    /// What a program's rules come to know of the pod.
    pub fn answers(self, policies: &PolicySet, id: ProgramId, direction: Direction) -> Answers {
        if !has_conditions(policies, id) {
            return Answers::default();
        }
        let rules = policies.rules_of(id, direction);
        let conditions = rules.flat_map(|rule| &rule.conditions);
        conditions.filter_map(|one| self.answer(policies, one, direction)).collect()
    }

    /// Whether a condition holds of the pod, as far as it asks who it is; none if it does not. Of
    /// ports by name, whether the pod's names count.
    pub fn answer(
        self,
        policies: &PolicySet,
        condition: &Condition,
        direction: Direction,
    ) -> Option<Match> {
        match condition {
            Condition::Items { seat: Seat::Subject, negated, pods, sets } => {
                let found = self.is_in(policies, *pods).max(self.is_at(policies, *sets));
                Some(if *negated { !found } else { found })
            }
            Condition::Net { seat: Seat::Subject, block } => {
                let block = policies.block(*block);
                Some(block.map_or(Match::Unknown, |block| self.has_address_in(block)))
            }
            Condition::Ports { names, of, .. } if direction == Direction::Ingress => {
                let counts = || of.map_or(Match::Yes, |of| self.is_in(policies, of));
                (!names.is_empty()).then(counts)
            }
            Condition::SourcePorts { names, of, seat: Seat::Subject, .. } => {
                let counts = || of.map_or(Match::Yes, |of| self.is_in(policies, of));
                (!names.is_empty()).then(counts)
            }
            _ => None,
        }
    }

    fn is_in(self, policies: &PolicySet, pods: SetId) -> Match {
        policies.set(pods).map_or(Match::Unknown, |pods| pods.matches(self.group))
    }

    fn is_at(self, policies: &PolicySet, sets: BlockPair) -> Match {
        let within = |id| policies.block(id).is_some_and(|block| block.contains(self.address));
        match (within(sets.certain), within(sets.possible)) {
            (true, _) => Match::Yes,
            (false, true) => Match::Unknown,
            (false, false) => Match::No,
        }
    }

    fn has_address_in(self, block: &AddrSet) -> Match {
        Match::from(block.contains(self.address))
    }
}

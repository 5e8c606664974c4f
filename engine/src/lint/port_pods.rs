//! Entries of rules' ports, and the pods whose ports they mean: those that a policy selects, for
//! ingress, and the peers, for egress.

use std::sync::Arc;

use crate::cluster::{ClusterModel, Group};
use crate::manifest::{Direction, PortEntry};
use crate::policy::{CompiledPolicy, PeerSet, PolicyRule, PolicySet, RulePeer, SetId};

/// A rule with ports, and where they lead.
#[derive(Clone, Copy)]
pub struct PortRule<'s> {
    set: &'s PolicySet,
    /// The policy.
    pub policy: &'s Arc<CompiledPolicy>,
    /// The rules among which it is.
    pub direction: Direction,
    /// Its index.
    pub index: usize,
    /// Itself.
    pub rule: &'s PolicyRule,
}

impl<'s> PortRule<'s> {
    /// The entries of an element of the list, with its index: several where a port's name stands
    /// for each protocol.
    pub fn items(&self) -> impl Iterator<Item = (usize, &'s [PortEntry])> + use<'s> {
        let items = self.rule.ports.chunk_by(|one, other| one.item == other.item);
        items.filter_map(|entries| Some((entries.first()?.item, entries)))
    }

    /// The path of an element of the list.
    pub fn path(&self, item: usize) -> String {
        let (direction, field) = (self.direction.field(), self.policy.object.ports_field());
        format!("spec.{direction}[{}].{field}[{item}]", self.index)
    }

    /// The pods whose ports are meant, by number; none if they are anybody's, or addresses'.
    pub fn destinations(&self) -> Option<Vec<SetId>> {
        match self.direction {
            Direction::Ingress => Some(vec![self.policy.subject]),
            Direction::Egress if self.rule.peers.is_empty() => None,
            Direction::Egress => {
                self.rule.peers.iter().map(|peer: &RulePeer| peer.pods()).collect()
            }
        }
    }

    /// The same as sets.
    pub fn sets(&self, destinations: &[SetId]) -> Vec<&'s PeerSet> {
        destinations.iter().filter_map(|id| self.set.set(*id)).collect()
    }
}

/// All rules with ports; those that are not understood have none.
pub fn all(set: &PolicySet) -> impl Iterator<Item = PortRule<'_>> {
    set.policies().flat_map(move |(_, policy)| {
        Direction::BOTH.into_iter().flat_map(move |direction| {
            let rules = policy.rules(direction).unwrap_or_default().iter().enumerate();
            let rules =
                rules.map(move |(index, rule)| PortRule { set, policy, direction, index, rule });
            rules.filter(|one| !one.rule.ports.is_empty())
        })
    })
}

/// Pods that are in one of the sets or may be.
pub fn groups<'m>(
    model: &'m ClusterModel,
    sets: &'m [&'m PeerSet],
) -> impl Iterator<Item = &'m Group> {
    let ids = sets.iter().flat_map(|set| set.groups());
    ids.filter_map(|(id, _)| model.groups.get(id))
}

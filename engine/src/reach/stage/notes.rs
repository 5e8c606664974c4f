//! What rules of ordered tiers leave open.

use super::super::note::{NoteId, NoteKey, Notes};
use super::super::pair;
use super::super::row::Key;
use crate::cluster::Group;
use crate::manifest::Direction;
use crate::net::{ConnId, ConnTable};
use std::sync::Arc;

use crate::policy::{CompiledPolicy, Condition, PolicyId, PolicySet, RulePeer, Seat, Tier};
use crate::verdict::UnknownReason;

/// Notes what a tier leaves open.
pub struct Noter<'n> {
    /// The policies.
    pub set: &'n PolicySet,
    /// The direction.
    pub direction: Direction,
    /// Whose names of ports count.
    pub named: Option<&'n Group>,
}

impl Noter<'_> {
    /// Rules that leave something open, by keys of peers for whom they do.
    pub fn notes(
        &self,
        tier: &Tier,
        conns: &mut ConnTable,
        notes: &mut Notes,
    ) -> Vec<(Key, ConnId, NoteId)> {
        let mut all = Vec::new();
        for one in &tier.policies {
            let Some(policy) = self.set.policy(one.policy) else { continue };
            let subject = self.set.set(policy.subject).filter(|_| !one.certain);
            for reason in subject.map(UnknownReason::of_set).unwrap_or_default() {
                let rule = Some((one.policy, self.direction, None));
                let note = notes.intern(NoteKey { reason, rule });
                all.push((Key::Any, ConnId::ALL, note));
            }
            for (index, rule) in (0u32..).zip(policy.rules(self.direction).unwrap_or_default()) {
                let named = rule.named_ports().next().is_some();
                let conn = match named && self.named.is_none() {
                    true => ConnId::ALL,
                    false => conns.intern(pair::ports(&rule.ports, self.named)),
                };
                let rule_key = Some((one.policy, self.direction, Some(index)));
                let conn = if rule.conditions.is_empty() { conn } else { ConnId::ALL };
                let of_conditions = rule.conditions.iter().flat_map(|one| self.open_of(one));
                let open = rule.peers.iter().flat_map(|peer| self.open(*peer));
                let open = open.chain(of_conditions);
                all.extend(open.map(|(key, reason)| {
                    (key, conn, notes.intern(NoteKey { reason, rule: rule_key }))
                }));
            }
        }
        all
    }

    /// For whom it may be unknown whether a peer names them, and why.
    fn open(&self, peer: RulePeer) -> Vec<(Key, UnknownReason)> {
        let (address, name) = (UnknownReason::Address, UnknownReason::Name);
        match peer {
            RulePeer::Pods(id) => {
                let reasons = self.set.set(id).map(UnknownReason::of_set);
                let reasons = reasons.unwrap_or_default().into_iter();
                reasons.map(|reason| (Key::open(id, reason), reason)).collect()
            }
            RulePeer::Block(_) => vec![(Key::SomePod, address), (Key::SomeNode, address)],
            RulePeer::Nodes(pair, _) => {
                vec![(Key::Block(pair.possible), address), (Key::SomeNode, address)]
            }
            RulePeer::Names(pair) => {
                vec![(Key::Block(pair.possible), name), (Key::SomePod, name), (Key::SomeNode, name)]
            }
        }
    }

    /// For whom it may be unknown whether a condition holds, and why.
    fn open_of(&self, condition: &Condition) -> Vec<(Key, UnknownReason)> {
        let address = UnknownReason::Address;
        let by_address = [Key::SomePod, Key::SomeNode].map(|key| (key, address));
        if condition.seat() == Some(Seat::Subject) {
            // Who the subject is does not hang on the peer.
            let sets = condition.sets().and_then(|id| self.set.set(id));
            let reasons = sets.map(UnknownReason::of_set).unwrap_or_default();
            let address = condition.blocks().next().map(|_| address);
            return reasons.into_iter().chain(address).map(|one| (Key::Any, one)).collect();
        }
        let mut open = Vec::new();
        if let Some(id) = condition.sets() {
            open.extend(self.open(RulePeer::Pods(id)));
        }
        match condition {
            Condition::Items { sets, .. } => {
                open.extend(by_address);
                open.push((Key::Block(sets.possible), UnknownReason::Namespace));
            }
            Condition::Net { .. } => open.extend(by_address),
            Condition::Flows { flows, doubt, .. } if flows.certain != flows.possible => {
                open.push((Key::Any, (*doubt).into()));
            }
            Condition::SourcePorts { .. } => open.push((Key::Any, UnknownReason::SourcePort)),
            Condition::Open(doubt) => open.push((Key::Any, (*doubt).into())),
            Condition::Flows { .. } | Condition::Ports { .. } | Condition::Service { .. } => {}
        }
        open
    }

    /// Policies of one priority of which rules do different things.
    pub fn ties(&self, tier: &Tier, notes: &mut Notes) -> Vec<NoteId> {
        let policies =
            tier.policies.iter().filter_map(|one| Some((one.policy, self.set.policy(one.policy)?)));
        let policies: Vec<_> = policies.collect();
        let groups = policies.chunk_by(|(_, a), (_, b)| a.ties_with(b));
        // Of NetworkPolicies, wherever they stand, the order changes nothing.
        let is_tied = |group: &&[(PolicyId, &Arc<CompiledPolicy>)]| {
            group.len() > 1 && group.iter().all(|(_, policy)| !policy.tier.only_accepts())
        };
        let tied = groups.filter(is_tied);
        let keys = tied.flatten().map(|(id, _)| NoteKey {
            reason: UnknownReason::Tie,
            rule: Some((*id, self.direction, None)),
        });
        keys.map(|key| notes.intern(key)).collect()
    }
}

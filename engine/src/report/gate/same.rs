//! Whether two sets of policies say the same, word for word but for names and order: then they mean
//! the same, whatever the input leaves open.

use std::collections::BTreeSet;

use crate::manifest::{Direction, PortEntry};
use crate::policy::{BlockPair, CompiledPolicy, RulePeer};
use crate::session::Session;

/// Whether the policies in force say the same. Never of Calico's: what they mean hangs on sets and
/// tiers as well.
pub fn say_the_same(one: &Session, other: &Session) -> bool {
    let mut policies = [one, other].into_iter().flat_map(|one| one.policies().in_force());
    if policies.any(|(_, policy)| policy.place.is_some()) {
        return false;
    }
    let of = |session: &Session| {
        let policies = session.policies().in_force();
        let texts = policies.map(|(_, policy)| text(session, policy));
        texts.collect::<BTreeSet<String>>()
    };
    of(one) == of(other)
}

/// What a policy says. Of those that are evaluated in order, those of one priority are so by name.
fn text(session: &Session, policy: &CompiledPolicy) -> String {
    let (model, set) = (session.model(), session.policies());
    let order = (!policy.tier.only_accepts()).then(|| (policy.priority, &policy.object.meta.name));
    let subject = set.set(policy.subject).map(|pods| pods.meaning(model));
    let home = policy.namespace.map(|id| model.namespace_name(id));
    let rules = Direction::BOTH.map(|direction| {
        policy.rules(direction).map(|rules| {
            let rules = rules.iter().map(|rule| {
                let peers = rule.peers.iter().map(|peer| peer_text(session, *peer));
                let peers: Vec<String> = peers.collect();
                let ports: Vec<String> = rule.ports.iter().map(PortEntry::text).collect();
                (rule.action, peers, ports)
            });
            let mut rules: Vec<_> = rules.map(|rule| format!("{rule:?}")).collect();
            if policy.tier.only_accepts() {
                rules.sort_unstable();
            }
            rules
        })
    });
    format!("{:?} {home:?} {:?} {order:?} {subject:?} {rules:?}", policy.tier, policy.mode)
}

fn peer_text(session: &Session, peer: RulePeer) -> String {
    let (model, set) = (session.model(), session.policies());
    let block = |id| set.block(id).map(crate::net::AddrSet::cidrs);
    let pair = |pair: BlockPair| (block(pair.certain), block(pair.possible));
    match peer {
        RulePeer::Pods(id) => format!("{:?}", set.set(id).map(|pods| pods.meaning(model))),
        RulePeer::Block(id) => format!("{:?}", block(id)),
        RulePeer::Nodes(own, others) => format!("nodes {:?} {others:?}", pair(own)),
        RulePeer::Names(own) => format!("names {:?}", pair(own)),
    }
}

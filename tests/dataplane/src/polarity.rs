//! What a node's kernel is to admit where the input leaves something open, told from the policies
//! alone: rules that accept or pass do so for what they match for certain; what a rule may match
//! that denies or passes is denied.

use std::net::IpAddr;

use portcullis_engine::cluster::ClusterModel;
use portcullis_engine::manifest::{Action, Direction};
use portcullis_engine::net::{Family, Protocol};
use portcullis_engine::policy::{CompiledPolicy, PolicyRef, PolicyRule, PolicySet, TierKind};
use portcullis_engine::selector::Match;
use portcullis_engine::verdict::{Party, Question, own_node, peer_matches, port_matches};

/// What becomes of a flow at one end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Whether it passes.
    pub admits: bool,
    /// Whether nothing was in doubt on the way to that.
    pub certain: bool,
}

/// Who has an address.
pub fn party(model: &ClusterModel, address: IpAddr) -> Party<'_> {
    let endpoint = model.by_address.get(&address);
    let pod = endpoint.and_then(|at| Party::endpoint(model, *at, Family::of(address)));
    let pod =
        pod.map(|pod| Party { place: portcullis_engine::cluster::Place::Known(address), ..pod });
    pod.unwrap_or_else(|| Party::address(model, address))
}

/// Asks one end about a flow between two addresses.
pub fn asked<R>(
    model: &ClusterModel,
    (direction, subject, peer): (Direction, IpAddr, IpAddr),
    (protocol, port): (Protocol, u16),
    ask: impl FnOnce(Question<'_, '_>) -> R,
) -> R {
    let (subject, peer) = (party(model, subject), party(model, peer));
    let protocol = Some(protocol);
    ask(Question { direction, subject: &subject, peer: &peer, protocol, port })
}

/// What becomes of a flow at the subject's end.
pub fn answer(set: &PolicySet, question: Question<'_, '_>) -> Answer {
    let Question { direction, subject, peer, .. } = question;
    let certain = Answer { admits: true, certain: true };
    let Some((group, _)) = subject.group else { return certain };
    let itself = subject.endpoint.is_some() && subject.endpoint == peer.endpoint;
    if itself || own_node(direction, subject, peer) == Match::Yes {
        return certain;
    }
    let program = set.program(set.program_id(group, direction));
    let mut certain = true;
    for kind in [TierKind::Admin, TierKind::NetworkPolicy, TierKind::Baseline] {
        let Some(tier) = program.tier(kind) else { continue };
        match in_tier(set, (kind, &tier.policies), question, &mut certain) {
            Action::Accept => return Answer { admits: true, certain },
            Action::Deny => {
                let known = tier.policies.is_empty() || tier.policies.iter().any(|one| one.certain);
                let certain = certain && (known || kind != TierKind::NetworkPolicy);
                return Answer { admits: false, certain };
            }
            Action::Pass | Action::Log => {}
        }
    }
    Answer { admits: true, certain }
}

fn in_tier(
    set: &PolicySet,
    (kind, policies): (TierKind, &[PolicyRef]),
    question: Question<'_, '_>,
    certain: &mut bool,
) -> Action {
    let mut in_order: Vec<(&PolicyRef, &CompiledPolicy)> =
        policies.iter().filter_map(|one| Some((one, &**set.policy(one.policy)?))).collect();
    in_order.sort_by_key(|(_, policy)| (policy.priority, policy.object.meta.name.clone()));
    for (one, policy) in in_order {
        for rule in policy.rules(question.direction).unwrap_or_default() {
            let matches = matches(set, rule, question);
            let known = matches == Match::Yes && one.certain;
            *certain &= known || matches == Match::No;
            match (rule.action, matches) {
                (_, Match::No) => {}
                (Action::Accept | Action::Pass, _) if known => return rule.action,
                (Action::Accept | Action::Log, _) => {}
                (Action::Deny | Action::Pass, _) => return Action::Deny,
            }
        }
    }
    if kind == TierKind::NetworkPolicy { Action::Deny } else { Action::Pass }
}

fn matches(set: &PolicySet, rule: &PolicyRule, question: Question<'_, '_>) -> Match {
    let ports = &rule.ports;
    if !ports.is_empty() && !ports.iter().any(|entry| port_matches(entry, question) == Match::Yes) {
        return Match::No;
    }
    let peers = rule.peers.iter().map(|peer| peer_matches(set, *peer, question.peer));
    match rule.peers.is_empty() {
        true => Match::Yes,
        false => peers.max().unwrap_or(Match::No),
    }
}

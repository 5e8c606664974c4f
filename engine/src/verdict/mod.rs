//! Whether a flow may pass, and what decides.

mod party;
mod trace;

pub use party::Party;
pub use trace::{NoTrace, Record, RuleRecord, Trace};

use serde::{Deserialize, Serialize};

use crate::manifest::{Direction, PortEntry, PortMatch};
use crate::net::{AddrSet, Protocol};
use crate::policy::{CompiledPolicy, PolicyRule, PolicySet, Program, RulePeer};
use crate::selector::Match;

/// A verdict.
///
/// # Shape
/// Ordered `Deny < Unknown < Allow`, so that "both ends must agree" is `min`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// A policy stops it.
    Deny,
    /// The input does not tell.
    Unknown,
    /// Policies let it pass.
    Allow,
}

impl From<Match> for Verdict {
    fn from(admits: Match) -> Self {
        match admits {
            Match::No => Self::Deny,
            Match::Unknown => Self::Unknown,
            Match::Yes => Self::Allow,
        }
    }
}

/// Why a verdict cannot be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum UnknownReason {
    /// A block of addresses decides, and an end's address is not in the input.
    Address,
    /// Whether both ends are on one node decides, and the input does not say.
    Node,
    /// A label decides that the controller adds and the template does not show.
    Label,
    /// The pods of the workload asked about do not agree.
    Group,
}

/// Why an end lets a flow pass or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum EndState {
    /// Not a pod that policies apply to: outside, a node, host network.
    Unenforced,
    /// No policy selects it in this direction.
    NotIsolated,
    /// At least one policy selects it in this direction, or may.
    Isolated,
    /// A pod to itself: no policy can stop it.
    SelfTraffic,
    /// From the pod's own node: always allowed.
    OwnNode,
}

/// What is asked of one end.
#[derive(Clone, Copy, Debug)]
pub struct Question<'q, 'm> {
    /// The direction, seen from the subject.
    pub direction: Direction,
    /// The end whose policies are asked.
    pub subject: &'q Party<'m>,
    /// The other end.
    pub peer: &'q Party<'m>,
    /// Protocol.
    pub protocol: Protocol,
    /// Destination port.
    pub port: u16,
}

/// What one end says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndVerdict {
    /// The verdict.
    pub verdict: Verdict,
    /// Why.
    pub state: EndState,
    /// Why it is unknown, if it is.
    pub reason: Option<UnknownReason>,
}

impl EndVerdict {
    fn allow(state: EndState) -> Self {
        Self { verdict: Verdict::Allow, state, reason: None }
    }
}

/// Judges one end of a flow.
///
/// # Source
/// NetworkPolicy §6.
pub fn judge<T: Trace>(set: &PolicySet, question: Question<'_, '_>, trace: &mut T) -> EndVerdict {
    let Question { direction, subject, peer, .. } = question;
    let Some((group, _)) = subject.group else {
        return EndVerdict::allow(EndState::Unenforced);
    };
    if subject.endpoint.is_some() && subject.endpoint == peer.endpoint && !subject.several {
        return EndVerdict::allow(EndState::SelfTraffic);
    }
    let own_node = own_node(direction, subject, peer);
    if own_node == Match::Yes {
        return EndVerdict::allow(EndState::OwnNode);
    }
    let program = set.program(set.program_id(group, direction));
    if program.is_open() {
        return EndVerdict::allow(EndState::NotIsolated);
    }
    let (admits, reason) = run(set, program, question, trace);
    let verdict = Verdict::from(admits);
    if own_node == Match::Unknown && verdict < Verdict::Allow {
        let reason = Some(UnknownReason::Node);
        return EndVerdict { verdict: Verdict::Unknown, state: EndState::Isolated, reason };
    }
    EndVerdict { verdict, state: EndState::Isolated, reason }
}

/// Whether the peer is the node that the subject runs on, or a pod on that node's network.
///
/// # Source
/// NetworkPolicy §6: a node always reaches its own pods.
pub fn own_node(direction: Direction, subject: &Party<'_>, peer: &Party<'_>) -> Match {
    match direction {
        Direction::Ingress => peer.host.min(subject.same_node(peer)),
        Direction::Egress => Match::No,
    }
}

/// What a program says: whether it admits, and why that is unknown.
fn run<T: Trace>(
    set: &PolicySet,
    program: &Program,
    question: Question<'_, '_>,
    trace: &mut T,
) -> (Match, Option<UnknownReason>) {
    let mut admits = Match::No;
    // Worlds differ in which of the uncertain policies select the subject: with a certain one the
    // others can only add; without, each of them alone must admit, since none of them may apply.
    let (mut isolated, mut every_uncertain) = (false, Match::Yes);
    for tier in &program.tiers {
        for policy in &tier.policies {
            let Some(compiled) = set.policy(policy.policy) else {
                continue;
            };
            trace.policy(*policy);
            let rules = admitted_by(set, compiled, question, trace);
            if policy.certain {
                isolated = true;
                admits = admits.max(rules);
            } else {
                admits = admits.max(rules.min(Match::Unknown));
                every_uncertain = every_uncertain.min(rules);
            }
            if admits == Match::Yes && !T::FULL {
                return (admits, None);
            }
        }
    }
    // INVARIANT: without a certain policy nothing above has admitted for certain.
    if !isolated {
        let admits = if every_uncertain == Match::Yes { Match::Yes } else { Match::Unknown };
        return (admits, (admits == Match::Unknown).then_some(UnknownReason::Label));
    }
    if admits == Match::Unknown && covered(set, program, question) {
        return (Match::Yes, None);
    }
    (admits, (admits == Match::Unknown).then(|| reason(set, program, question)))
}

fn admitted_by<T: Trace>(
    set: &PolicySet,
    policy: &CompiledPolicy,
    question: Question<'_, '_>,
    trace: &mut T,
) -> Match {
    let mut admits = Match::No;
    for rule in policy.rules(question.direction).unwrap_or_default() {
        trace.rule();
        let ports = ports_match(&rule.ports, question, trace);
        if ports == Match::No && !T::FULL {
            continue;
        }
        let rule = ports.min(peers_match(set, rule, question.peer, trace));
        trace.rule_admits(rule);
        admits = admits.max(rule);
        if admits == Match::Yes && !T::FULL {
            break;
        }
    }
    admits
}

fn ports_match<T: Trace>(ports: &[PortEntry], question: Question<'_, '_>, trace: &mut T) -> Match {
    let mut matches = Match::from(ports.is_empty());
    for entry in ports {
        let entry = Match::from(port_matches(entry, question));
        trace.port(entry);
        matches = matches.max(entry);
        if matches == Match::Yes && !T::FULL {
            break;
        }
    }
    matches
}

/// Whether a port entry names the flow's port; a name is the destination pod's.
///
/// # Source
/// NetworkPolicy §9.
pub fn port_matches(entry: &PortEntry, question: Question<'_, '_>) -> bool {
    let destination = match question.direction {
        Direction::Ingress => question.subject,
        Direction::Egress => question.peer,
    };
    entry.protocol == question.protocol
        && match &entry.ports {
            PortMatch::Any => true,
            PortMatch::Range(first, last) => (*first..=*last).contains(&question.port),
            PortMatch::Named(name) => destination
                .group
                .is_some_and(|(_, group)| group.names_port(name, entry.protocol, question.port)),
        }
}

fn peers_match<T: Trace>(
    set: &PolicySet,
    rule: &PolicyRule,
    peer: &Party<'_>,
    trace: &mut T,
) -> Match {
    let mut matches = Match::from(rule.peers.is_empty());
    for entry in &rule.peers {
        let entry = peer_matches(set, *entry, peer);
        trace.peer(entry);
        matches = matches.max(entry);
        if matches == Match::Yes && !T::FULL {
            break;
        }
    }
    matches
}

/// Whether a rule's peer names a party.
///
/// # Source
/// NetworkPolicy §7, §8: selectors match pods only; blocks match addresses, those of pods and
/// nodes too (profile `upstream`).
pub fn peer_matches(set: &PolicySet, entry: RulePeer, party: &Party<'_>) -> Match {
    match entry {
        RulePeer::Pods(id) => match (party.group, set.set(id)) {
            (Some((group, _)), Some(pods)) => pods.matches(group),
            _ => Match::No,
        },
        RulePeer::Block(id) => set.block(id).map_or(Match::No, |block| party.place.within(block)),
    }
}

/// Whether several blocks together have every address that the peer may have, though none does
/// alone.
fn covered(set: &PolicySet, program: &Program, question: Question<'_, '_>) -> bool {
    let mut union = AddrSet::default();
    for rule in certain_rules(set, program, question.direction) {
        if ports_match(&rule.ports, question, &mut NoTrace) == Match::Yes {
            for block in blocks(set, rule) {
                union = union.union(block);
            }
        }
    }
    question.peer.place.within(&union) == Match::Yes
}

fn certain_rules<'s>(
    set: &'s PolicySet,
    program: &'s Program,
    direction: Direction,
) -> impl Iterator<Item = &'s PolicyRule> {
    let policies = program.tiers.iter().flat_map(|tier| &tier.policies);
    let certain = policies.filter(|policy| policy.certain);
    certain
        .filter_map(|policy| set.policy(policy.policy))
        .flat_map(move |policy| policy.rules(direction).unwrap_or_default())
}

fn blocks<'s>(set: &'s PolicySet, rule: &'s PolicyRule) -> impl Iterator<Item = &'s AddrSet> {
    rule.peers.iter().filter_map(|peer| match peer {
        RulePeer::Block(id) => set.block(*id),
        RulePeer::Pods(_) => None,
    })
}

/// Addresses, if a block leaves the answer open; else a label does.
fn reason(set: &PolicySet, program: &Program, question: Question<'_, '_>) -> UnknownReason {
    let open = certain_rules(set, program, question.direction).any(|rule| {
        ports_match(&rule.ports, question, &mut NoTrace) == Match::Yes
            && blocks(set, rule).any(|block| question.peer.place.within(block) == Match::Unknown)
    });
    if open { UnknownReason::Address } else { UnknownReason::Label }
}

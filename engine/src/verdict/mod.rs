//! Whether a flow may pass, and what decides.

mod asking;
mod conditions;
mod host;
mod matches;
mod party;
mod reason;
mod trace;
mod unknown;

pub use conditions::Between;
pub use matches::{peer_matches, port_matches};
pub use party::{Party, PortNames};
pub use trace::{NoTrace, PolicyRecord, Record, RuleRecord, TierRecord, Trace};
pub use unknown::UnknownReason;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::cluster::Place;
use crate::manifest::Direction;
use crate::net::{AddrSet, Family, Protocol};
use crate::policy::fold::{OneFlow, Outcomes, Ties, Walk};
use crate::policy::{Atoms, BlockId, PolicyRule, PolicySet, Program, SignatureId};
use crate::selector::Match;
use asking::{Asking, Assumed};

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

/// Why an end lets a flow pass or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum EndState {
    /// Not a pod that policies apply to: outside, a node, host network.
    Unenforced,
    /// No policy selects it in this direction.
    NotIsolated,
    /// At least one NetworkPolicy selects it in this direction, or may.
    Isolated,
    /// Only cluster policies select it in this direction, which do not isolate, or may.
    Selected,
    /// A pod to itself: no policy can stop it.
    SelfTraffic,
    /// From the pod's own node, or to a pod of this node: always allowed.
    OwnNode,
    /// A host endpoint applies, or may.
    HostEndpoint,
    /// A pod to its own node, which has host endpoints: settings of Calico's agent say.
    HostAction,
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
    /// Protocol; none for one without ports, such as ICMP.
    pub protocol: Option<Protocol>,
    /// Destination port; of no meaning without a protocol.
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
/// NetworkPolicy §6, ClusterNetworkPolicy §5.
pub fn judge<T: Trace>(set: &PolicySet, question: Question<'_, '_>, trace: &mut T) -> EndVerdict {
    Judge { set, ties: Ties::Any, question, is_reply: false }.end(trace)
}

/// Judges one end of a flow where policies of equal priority are evaluated in the order of their
/// names, as a node's kernel does. That is one of the orders that the API allows.
///
/// # Source
/// ClusterNetworkPolicy §5.
pub fn judge_by_name(set: &PolicySet, question: Question<'_, '_>) -> EndVerdict {
    Judge { set, ties: Ties::ByName, question, is_reply: false }.end(&mut NoTrace)
}

/// Judges one question.
#[derive(Clone, Copy)]
struct Judge<'j, 'q, 'm> {
    set: &'j PolicySet,
    ties: Ties,
    question: Question<'q, 'm>,
    /// Whether a reply is asked about: then the port is its source's.
    is_reply: bool,
}

impl<'j, 'm> Judge<'j, '_, 'm> {
    fn end<T: Trace>(self, trace: &mut T) -> EndVerdict {
        let Question { direction, subject, peer, .. } = self.question;
        let Some((group, _)) = subject.group else {
            return host::end(self, trace);
        };
        if subject.endpoint.is_some() && subject.endpoint == peer.endpoint && !subject.several {
            return EndVerdict::allow(EndState::SelfTraffic);
        }
        let own_node = own_node(direction, subject, peer);
        if own_node == Match::Yes {
            return EndVerdict::allow(EndState::OwnNode);
        }
        let program = self.set.program(self.set.program_id(group, direction));
        let own = self.at_pod((program, own_node), trace);
        match self.set.hosts().forwards() {
            true => host::through(self, own, trace),
            false => own,
        }
    }

    /// What the policies say that select a pod.
    fn at_pod<T: Trace>(self, (program, own_node): (&Program, Match), trace: &mut T) -> EndVerdict {
        if program.is_open() {
            return EndVerdict::allow(EndState::NotIsolated);
        }
        let (admits, reason) = self.run(program, trace);
        let (verdict, state) = (Verdict::from(admits), EndState::under(program));
        if own_node == Match::Unknown && verdict < Verdict::Allow {
            let reason = Some(UnknownReason::Node);
            return EndVerdict { verdict: Verdict::Unknown, state, reason };
        }
        EndVerdict { verdict, state, reason }
    }

    /// What a program says: whether it admits, and why that is unknown.
    fn run<T: Trace>(self, program: &Program, trace: &mut T) -> (Match, Option<UnknownReason>) {
        let admits = self.assuming(Assumed::default(), program, trace).admits();
        if admits != Match::Unknown {
            return (admits, None);
        }
        // Several blocks may together have every address that the peer may have, though none does
        // alone: each piece of them is asked for itself.
        let admits = self.at_each_place(program).admits();
        let unknown = admits == Match::Unknown;
        (admits, unknown.then(|| reason::reason(self, program)))
    }

    fn assuming<T: Trace>(
        self,
        assumed: Assumed,
        program: &Program,
        trace: &mut T,
    ) -> Outcomes<bool> {
        let Self { set, ties, question, is_reply } = self;
        let mut rules = Asking { set, question, is_reply, assumed, trace };
        let walk = Walk { set, direction: question.direction, ties };
        walk.program(program, &mut OneFlow, &mut rules)
    }

    /// What may become of a flow, wherever the peer is.
    fn at_each_place(self, program: &Program) -> Outcomes<bool> {
        let peers = self.peers_at_pieces(program);
        peers.iter().fold(Outcomes::default(), |all, peer| {
            all.or(self.of(peer).assuming(Assumed::default(), program, &mut NoTrace))
        })
    }

    /// The peer at each place that rules can tell apart.
    fn peers_at_pieces(self, program: &Program) -> Vec<Party<'m>> {
        let Question { direction, peer, .. } = self.question;
        let places = pieces(self.set, program, direction, &peer.place);
        places.into_iter().map(|place| Party { place, ..peer.clone() }).collect()
    }

    /// The same question about another peer.
    fn of<'q>(self, peer: &'q Party<'m>) -> Judge<'j, 'q, 'm>
    where
        Self: 'q,
    {
        let question = Question { peer, ..self.question };
        Judge { set: self.set, ties: self.ties, question, is_reply: self.is_reply }
    }
}

impl EndState {
    /// The state of a pod with a network of its own under a program.
    pub fn under(program: &Program) -> Self {
        match program.isolates() {
            _ if program.is_open() => Self::NotIsolated,
            Match::No => Self::Selected,
            Match::Unknown | Match::Yes => Self::Isolated,
        }
    }

    /// Whether policies decide: one selects the end in this direction, or may.
    pub fn is_selected(self) -> bool {
        matches!(self, Self::Isolated | Self::Selected)
    }
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

/// A place in pieces that no rule of a program tells apart; itself, if there is nothing to tell.
pub fn pieces(
    set: &PolicySet,
    program: &Program,
    direction: Direction,
    place: &Place,
) -> Vec<Place> {
    let Place::Within(space) = place else {
        return vec![place.clone()];
    };
    let rules = program.policies().filter_map(|one| set.policy(one.policy)?.rules(direction));
    let mut blocks: Vec<BlockId> = rules.flatten().flat_map(PolicyRule::blocks).collect();
    blocks.sort_unstable();
    blocks.dedup();
    if blocks.is_empty() || space.is_empty() {
        return vec![place.clone()];
    }
    let atoms = Atoms::new(set, &blocks);
    let mut by_signature: BTreeMap<SignatureId, AddrSet> = BTreeMap::new();
    for (piece, signature) in Family::BOTH.into_iter().flat_map(|family| atoms.pieces(family)) {
        let piece = piece.intersection(space);
        if !piece.is_empty() {
            let known = by_signature.entry(signature).or_default();
            *known = known.union(&piece);
        }
    }
    by_signature.into_values().map(Place::Within).collect()
}

//! Why a verdict cannot be known.

use super::{Assumed, Judge, NoTrace, UnknownReason, peer_matches};
use crate::policy::fold::Ties;
use crate::policy::{Condition, Doubt, PolicyRule, Program, RulePeer};
use crate::selector::Match;

/// What of all that is open leaves the answer open, if all else is assumed: the order of policies;
/// addresses; names; names of ports; labels of namespaces; or else a label.
pub fn reason(judge: Judge<'_, '_, '_>, program: &Program) -> UnknownReason {
    let judge = Judge { ties: Ties::ByName, ..judge };
    if judge.at_each_place(program).admits() != Match::Unknown {
        return UnknownReason::Tie;
    }
    let asking = Reasons { judge, program };
    if asking.decides(|doubts| Assumed { doubts, ..Assumed::default() })
        && let Some(doubt) = asking.doubt()
    {
        return doubt.into();
    }
    let addresses = [Match::No, Match::Yes]
        .into_iter()
        .any(|assumed| asking.addresses_decide(Assumed::all(assumed)));
    match addresses {
        true => UnknownReason::Address,
        false if asking.decides(|names| Assumed { names, ..Assumed::default() }) => {
            UnknownReason::Name
        }
        false if asking.decides(|ports| Assumed { ports, ..Assumed::default() }) => {
            UnknownReason::PortName
        }
        false if asking.namespaces_decide() => UnknownReason::Namespace,
        false if asking.is_of_account() => UnknownReason::ServiceAccount,
        false => UnknownReason::Label,
    }
}

struct Reasons<'r, 'q, 'm> {
    /// Asks in the order of names: no tie leaves anything open.
    judge: Judge<'r, 'q, 'm>,
    program: &'r Program,
}

impl Reasons<'_, '_, '_> {
    fn rules(&self) -> impl Iterator<Item = &PolicyRule> {
        let Judge { set, question, .. } = self.judge;
        let policies = self.program.policies().filter_map(|one| set.policy(one.policy));
        policies.flat_map(move |one| one.rules(question.direction).unwrap_or_default())
    }

    /// The first thing that no question says and that a rule asks for.
    fn doubt(&self) -> Option<Doubt> {
        let mut conditions = self.rules().flat_map(|rule| &rule.conditions);
        conditions.find_map(|one| match one {
            Condition::Open(doubt) => Some(*doubt),
            Condition::SourcePorts { .. } => Some(Doubt::SourcePort),
            Condition::Flows { flows, doubt, .. } => {
                (flows.certain != flows.possible).then_some(*doubt)
            }
            _ => None,
        })
    }

    /// Whether it is open for a ServiceAccount's labels whether an end is of a set.
    fn is_of_account(&self) -> bool {
        let Judge { set, question, .. } = self.judge;
        let subjects = self.program.policies().filter(|one| !one.certain);
        let subjects = subjects.filter_map(|one| Some(set.policy(one.policy)?.subject));
        let conditions = self.rules().flat_map(|rule| &rule.conditions);
        let sets = subjects.chain(conditions.flat_map(Condition::sets));
        let sets: Vec<_> = sets.filter_map(|id| set.set(id)).collect();
        [question.subject, question.peer].into_iter().any(|party| {
            party.group.is_some_and(|(id, group)| {
                let open = sets.iter().filter(|one| one.unknown.contains(id));
                { open }.any(|one| one.scope().is_open_by_account(group))
            })
        })
    }

    /// Whether the flow passes wherever the peer may be, place by place.
    fn by_place(&self, assumed: Assumed) -> Vec<Match> {
        let peers = self.judge.peers_at_pieces(self.program);
        let at = |peer| self.judge.of(peer).assuming(assumed, self.program, &mut NoTrace).admits();
        peers.iter().map(at).collect()
    }

    fn addresses_decide(&self, assumed: Assumed) -> bool {
        let by_place = self.by_place(assumed);
        let differ = by_place.contains(&Match::Yes) && by_place.contains(&Match::No);
        differ || (by_place.contains(&Match::Unknown) && self.asks_for_open_nodes())
    }

    /// Whether a rule names nodes of which it is open whether the peer is one.
    fn asks_for_open_nodes(&self) -> bool {
        let Judge { set, question, .. } = self.judge;
        self.rules().flat_map(|rule| &rule.peers).any(|peer| {
            let matches = || peer_matches(set, *peer, question.peer);
            matches!(peer, RulePeer::Nodes(..)) && matches() == Match::Unknown
        })
    }

    /// Whether all is known somewhere once something is, though it was not.
    fn decides(&self, assuming: impl Fn(Option<Match>) -> Assumed) -> bool {
        let open = self.by_place(Assumed::default());
        let [no, yes] = [Match::No, Match::Yes].map(|known| self.by_place(assuming(Some(known))));
        let known = no.iter().zip(&yes).map(|(a, b)| [a, b].iter().all(|m| **m != Match::Unknown));
        open.iter().zip(known).any(|(open, known)| *open == Match::Unknown && known)
    }

    /// Whether a label of a namespace decides: the peer's, or the subject's where a policy that
    /// selects it by that leaves all open.
    fn namespaces_decide(&self) -> bool {
        let Judge { set, question, .. } = self.judge;
        let subjects = self.program.policies().filter(|one| !one.certain);
        let mut subjects = subjects.filter_map(|one| Some(set.policy(one.policy)?.subject));
        subjects.any(|id| question.subject.is_elsewhere(set, id))
            || self.decides(|namespaces| Assumed { namespaces, ..Assumed::default() })
    }
}

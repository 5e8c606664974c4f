//! What policies may see of a flow to an address that the network translates.

use super::question;
use crate::cluster::Place;
use crate::manifest::Direction;
use crate::net::AddrSet;
use crate::report::case::Case;
use crate::report::types::{FlowQuery, UnknownReason, Verdict};
use crate::selector::Match;
use crate::session::Session;
use crate::verdict::{EndVerdict, NoTrace, Party, Question, judge};

/// The verdict of a flow, and why it is unknown, whatever its ends see: the source's policies what
/// it dials or the destination, the destination's policies the source or an address that it was
/// rewritten to. `ends` is what they say of the destination and of the source.
///
/// # Source
/// NetworkPolicy §12: the order of rewriting and policy is undefined.
pub fn conclude<'m>(
    session: &'m Session,
    query: &FlowQuery,
    (case, (dialled, port)): (&Case<'m>, &(Party<'m>, u16)),
    (egress, ingress): (EndVerdict, EndVerdict),
) -> (Verdict, Option<UnknownReason>) {
    let ask = |question: Question<'_, '_>| judge(session.policies(), question, &mut NoTrace);
    let leaving = question(query, case, Direction::Egress);
    let entering = question(query, case, Direction::Ingress);
    let dialled = ask(Question { peer: dialled, port: *port, ..leaving });
    let rewritten = ask(Question { peer: &rewritten(case), ..entering });
    let (leaves, enters) = ([egress, dialled], [ingress, rewritten]);
    let pairs = leaves.iter().flat_map(|leaves| enters.iter().map(move |enters| (leaves, enters)));
    let verdicts: Vec<Verdict> = pairs.map(|(a, b)| a.verdict.min(b.verdict)).collect();
    match verdicts.iter().min() == verdicts.iter().max() {
        false => (Verdict::Unknown, Some(UnknownReason::Translation)),
        true => {
            let verdict = egress.verdict.min(ingress.verdict);
            let reason = egress.reason.or(ingress.reason);
            (verdict, reason.filter(|_| verdict == Verdict::Unknown))
        }
    }
}

/// A source of which only the family is left: a node, maybe the destination's own, or a load
/// balancer.
fn rewritten<'m>(case: &Case<'m>) -> Party<'m> {
    let place = Place::Within(AddrSet::full().of_family(case.family));
    Party { host: Match::Unknown, ..Party::outside(place) }
}

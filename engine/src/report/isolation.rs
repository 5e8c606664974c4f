//! Which policies select an endpoint.

use super::types::Isolation;
use crate::cluster::Endpoint;
use crate::manifest::Direction;
use crate::policy::{Program, TierKind};
use crate::selector::Match;
use crate::session::Session;

/// Whether NetworkPolicies isolate an endpoint in a direction.
pub fn isolation(session: &Session, endpoint: &Endpoint, direction: Direction) -> Isolation {
    let Some(programs) = programs(session, endpoint, direction) else {
        return Isolation::Unenforced;
    };
    let isolates = |wanted: Match| programs.iter().all(|program| program.isolates() == wanted);
    if isolates(Match::No) {
        Isolation::No
    } else if isolates(Match::Yes) {
        Isolation::Yes
    } else {
        Isolation::Unknown
    }
}

/// Whether cluster policies with rules of a direction select an endpoint, or may.
pub fn has_cluster_policies(session: &Session, endpoint: &Endpoint, direction: Direction) -> bool {
    let programs = programs(session, endpoint, direction).unwrap_or_default();
    let mut tiers = programs.iter().flat_map(|program| &program.tiers);
    tiers.any(|tier| tier.kind != TierKind::NetworkPolicy)
}

/// The programs of what an endpoint may be; none if policies do not apply to it.
fn programs<'s>(
    session: &'s Session,
    endpoint: &Endpoint,
    direction: Direction,
) -> Option<Vec<&'s Program>> {
    let (model, set) = (session.model(), session.policies());
    let group = endpoint.group?;
    let variants = model.variants.get(&group).map_or(std::slice::from_ref(&group), Vec::as_slice);
    Some(variants.iter().map(|id| set.program(set.program_id(*id, direction))).collect())
}

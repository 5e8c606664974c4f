//! The answers of a question that has several: pods that differ, and families.

use super::super::query::part_name;
use super::super::types::{FlowPart, FlowQuery};
use super::{Judged, evidence};
use crate::net::Family;
use crate::report::case::Case;
use crate::session::Session;
use crate::verdict::{Party, Verdict};

/// More answers than these are not listed: some pods of each kind are among them.
const MOST: usize = 100;

/// Each answer with its own evidence, where not all are the same; none where they are.
pub fn parts(
    session: &Session,
    query: &FlowQuery,
    cases: &[Case<'_>],
    judged: &[Judged],
) -> Vec<FlowPart> {
    let first = judged.first().map(Judged::verdict);
    if judged.iter().all(|one| Some(one.verdict()) == first) {
        return Vec::new();
    }
    let mut parts: Vec<FlowPart> = Vec::new();
    for (case, one) in cases.iter().zip(judged) {
        let verdicts = judged.iter().filter(|other| other.pair == one.pair).map(Judged::verdict);
        let verdicts: Vec<Verdict> = verdicts.collect();
        let family = verdicts.iter().any(|other| *other != one.verdict()).then_some(case.family);
        let part = part(session, query, (case, one), family);
        let same = |other: &FlowPart| {
            let who = |part: &FlowPart| (part.source.clone(), part.destination.clone());
            (who(other), other.family, other.verdict) == (who(&part), part.family, part.verdict)
        };
        if parts.len() < MOST && !parts.iter().any(same) {
            parts.push(part);
        }
    }
    parts
}

fn part(
    session: &Session,
    query: &FlowQuery,
    (case, judged): (&Case<'_>, &Judged),
    family: Option<Family>,
) -> FlowPart {
    FlowPart {
        source: party_name(session, &case.source, &query.from),
        destination: party_name(session, &case.destination, &query.to),
        family,
        pod_port: Some(case.port).filter(|port| *port != query.port),
        verdict: judged.verdict(),
        reason: judged.reason(),
        evidence: evidence(session, query, case),
    }
}

fn party_name(session: &Session, party: &Party<'_>, asked: &str) -> std::sync::Arc<str> {
    match (party.endpoint, &party.place) {
        (Some(endpoint), _) => part_name(session.model(), endpoint).into(),
        (None, crate::cluster::Place::Known(address)) => address.to_string().into(),
        (None, crate::cluster::Place::Within(_)) => asked.into(),
    }
}

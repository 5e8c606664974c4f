//! The answers of a question that has several: pods that differ, and families.

use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::super::query::part_name;
use super::super::types::{FlowPart, FlowQuery};
use super::{Judged, by_pair, differ, evidence, pod_port};
use crate::net::{Family, port_text};
use crate::report::case::Case;
use crate::session::Session;
use crate::verdict::Party;

/// More answers than these are not listed: some pods of each kind are among them.
const MOST: usize = 100;

/// Each answer with its own evidence, where not all are the same, or where what decides is not the
/// same for all ports; none where they are.
pub fn parts(
    session: &Session,
    query: &FlowQuery,
    cases: &[Case<'_>],
    judged: &[Judged],
) -> Vec<FlowPart> {
    let (mut parts, mut seen) = (Vec::new(), FxHashSet::default());
    if !differ(judged) && !differ_in_ports(cases) {
        return parts;
    }
    let mut cases = cases.iter();
    for pair in by_pair(judged) {
        let families_differ = differ(pair);
        for (one, case) in pair.iter().zip(cases.by_ref()) {
            let ends = Ends {
                source: party_name(session, &case.source, &query.from),
                destination: party_name(session, &case.destination, &query.to),
                family: families_differ.then_some(case.family),
                ports: case.ports.as_ref().map(|ports| port_text(ports).into()),
                pod_port: pod_port(query, case.port),
            };
            if seen.insert((ends.clone(), one.verdict())) {
                parts.push(part(session, query, (case, one), ends));
            }
            if parts.len() == MOST {
                return parts;
            }
        }
    }
    parts
}

/// What an answer is about.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Ends {
    source: Arc<str>,
    destination: Arc<str>,
    family: Option<Family>,
    ports: Option<Arc<str>>,
    pod_port: Option<u16>,
}

/// Whether there are several ports: of a range, or as numbers of a name or of a Service's port.
fn differ_in_ports(cases: &[Case<'_>]) -> bool {
    let first = cases.first().map(|case| (case.port, &case.ports));
    cases.iter().any(|case| Some((case.port, &case.ports)) != first)
}

fn part(
    session: &Session,
    query: &FlowQuery,
    (case, judged): (&Case<'_>, &Judged),
    ends: Ends,
) -> FlowPart {
    FlowPart {
        source: ends.source,
        destination: ends.destination,
        family: ends.family,
        ports: ends.ports,
        pod_port: ends.pod_port,
        verdict: judged.verdict(),
        reason: judged.reason(),
        evidence: evidence(session, query, case),
    }
}

fn party_name(session: &Session, party: &Party<'_>, asked: &str) -> Arc<str> {
    match (party.endpoint, &party.place) {
        (Some(endpoint), _) => part_name(session.model(), endpoint).into(),
        (None, crate::cluster::Place::Known(address)) => address.to_string().into(),
        (None, crate::cluster::Place::Within(_)) => asked.into(),
    }
}

//! What is compared of clusters with Calico's policies alone: what each end says, and what becomes
//! of protocols without ports.

use portcullis_engine::cluster::{Endpoint, Place};
use portcullis_engine::net::Family;
use portcullis_engine::report::{EndReport, FlowReport, Verdict as EngineVerdict};
use portcullis_engine::verdict::{NoTrace, Party, Question, judge};

use super::ask::{Engine, of_verdict};
use super::{Mismatch, Pair, question};
use crate::cluster::Direction;
use crate::oracle::calico::{
    Carried, end_verdict, is_end_open_apart, is_open_apart as is_open, verdict,
};
use crate::oracle::{End, Traffic, Verdict, World};

/// Codes of findings about manifests that are valid: kinds that are not evaluated, `types` that are
/// left out, and tiers that are not there.
pub const EXPECTED: [&str; 3] = ["R07", "L52", "L54"];

/// What explanations say of each end by itself.
///
/// # Errors
/// If it is not what the oracle says of the end of any pair of pods in any family.
pub fn ends(
    engine: &Engine<'_>,
    pair: &Pair,
    (traffic, report): (&Traffic, &FlowReport),
) -> Result<(), Mismatch> {
    let of_ends = [
        (Direction::Egress, &report.evidence.egress),
        (Direction::Ingress, &report.evidence.ingress),
    ];
    let carried = Carried::Ported(*traffic);
    for (direction, said) in of_ends {
        let said: Verdict = of_end(said);
        let cases = cases(&pair.worlds);
        let expected = |worlds: &Vec<World>| {
            let verdict = end_verdict(engine.cluster, worlds, (direction, carried));
            let apart = || is_end_open_apart(engine.cluster, worlds, (direction, carried));
            verdict == Some(said) || (said == Verdict::Unknown && apart())
        };
        if !cases.iter().any(expected) {
            let all = end_verdict(engine.cluster, &pair.worlds, (direction, carried));
            return Err(Mismatch {
                sort: "end".into(),
                question: format!("{} at {direction:?}", question(pair, traffic)),
                engine: said.to_string(),
                oracle: all.map_or_else(String::new, |verdict| verdict.to_string()),
            });
        }
    }
    Ok(())
}

fn of_end(end: &EndReport) -> Verdict {
    of_verdict(end.verdict)
}

/// Worlds of one family together: evidence does not say of which it is.
fn cases(worlds: &[World]) -> Vec<Vec<World>> {
    let of = |family| worlds.iter().filter(move |world| world.family() == family).cloned();
    let all = [4, 6].map(|family| of(family).collect::<Vec<World>>());
    all.into_iter().filter(|worlds| !worlds.is_empty()).collect()
}

/// What the engine says of protocols without ports, in each family; true if it was asked.
///
/// # Errors
/// If that is not what the oracle says.
pub fn portless(engine: &Engine<'_>, pair: &Pair) -> Result<bool, Mismatch> {
    let mut asked = false;
    for worlds in cases(&pair.worlds) {
        let Some(family) = worlds.first().map(World::family) else { continue };
        let Some(said) = ask(engine, pair, family) else { continue };
        asked = true;
        let expected = verdict(engine.cluster, &worlds, Carried::Portless);
        let apart = || is_open(engine.cluster, &worlds, Carried::Portless);
        if Some(said) != expected && !(said == Verdict::Unknown && apart()) {
            let expected = expected.map_or_else(String::new, |verdict| verdict.to_string());
            return Err(Mismatch {
                sort: format!("protocols without ports: {said} for {expected}"),
                question: format!("{} -> {} in family {family}", pair.from, pair.to),
                engine: said.to_string(),
                oracle: expected,
            });
        }
    }
    Ok(asked)
}

/// Both ends judged by the engine; none if one of them is neither a pod nor an address.
fn ask(engine: &Engine<'_>, pair: &Pair, family: u8) -> Option<Verdict> {
    let set = engine.session.policies();
    let (source, destination) =
        (party(engine, &pair.from, family)?, party(engine, &pair.to, family)?);
    let at = |direction| {
        let (subject, peer) = match direction {
            Direction::Egress => (&source, &destination),
            Direction::Ingress => (&destination, &source),
        };
        let direction = match direction {
            Direction::Egress => portcullis_engine::manifest::Direction::Egress,
            Direction::Ingress => portcullis_engine::manifest::Direction::Ingress,
        };
        let question = Question { direction, subject, peer, protocol: None, port: 0 };
        judge(set, question, &mut NoTrace).verdict
    };
    let verdict: EngineVerdict = at(Direction::Egress).min(at(Direction::Ingress));
    Some(of_verdict(verdict))
}

/// An end as the engine knows it; none of pods with labels that are not known, of which there are
/// several.
fn party<'e>(engine: &'e Engine<'_>, end: &End, family: u8) -> Option<Party<'e>> {
    let model = engine.session.model();
    match end {
        End::Address(address) => {
            let taken = |pod: &crate::cluster::Pod| pod.addresses.contains(address);
            let free = !engine.cluster.pods.iter().any(taken);
            free.then(|| Party::address(model, *address))
        }
        End::Pod(namespace, name) => {
            let mut endpoints = model.endpoints.iter();
            let is_in = |one: &Endpoint| {
                let workload = model.workloads.get(one.workload);
                workload.is_some_and(|one| model.namespace_name(one.namespace) == namespace)
            };
            let (id, _) = endpoints.find(|(_, one)| *one.name == **name && is_in(one))?;
            let family = if family == 4 { Family::IPv4 } else { Family::IPv6 };
            let party = Party::endpoint(model, id, family)?;
            let is_known = matches!(party.place, Place::Known(_)) && !party.has_variants(model);
            is_known.then_some(party)
        }
        End::Node(_) | End::Workload(..) => None,
    }
}

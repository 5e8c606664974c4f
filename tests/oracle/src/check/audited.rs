//! Policies that are only audited: verdicts are those of the cluster without them, and what is said
//! to be if they were enforced is what is said of the cluster without the annotations.

use portcullis_engine::report::{FlowReport, Verdict};
use portcullis_engine::{FlowQuery, ListFilter};

use super::ask::{Engine, of_protocol};
use super::{Mismatch, flows};
use crate::cluster::{Cluster, Mode};
use crate::oracle::{End, Traffic};
use crate::random::Random;

/// The cluster with some policies audited, by their own annotations and by those of namespaces.
pub fn some_audited(cluster: &Cluster, random: &mut Random) -> Cluster {
    let mut marked = cluster.clone();
    let mode = |random: &mut Random| match random.below(5) {
        0 | 1 => Some(Mode::Audit),
        2 => Some(Mode::Enforce),
        _ => None,
    };
    for one in cluster.namespaces.iter().filter(|one| one.declared) {
        if random.chance(30) {
            marked.audits.namespaces.insert(one.name.clone());
        }
    }
    for policy in &cluster.policies {
        let name = (policy.namespace.clone(), policy.name.clone());
        marked.audits.policies.extend(mode(random).map(|mode| (name, mode)));
    }
    for policy in &cluster.cluster_policies {
        let name = (policy.kind().to_owned(), policy.name.clone());
        marked.audits.cluster_policies.extend(mode(random).map(|mode| (name, mode)));
    }
    marked
}

/// Whether annotations decide what they should, and nothing else; false if none is there.
///
/// # Errors
/// The first answer that is another one.
pub fn audits_hold(cluster: &Cluster, seed: u64) -> Result<bool, Mismatch> {
    let mut random = Random::new(seed);
    let marked = some_audited(cluster, &mut random);
    let (in_force, intended) = (marked.in_force(), marked.intended());
    // As read at once, or as annotations that come and go.
    let asked = match seed % 2 {
        0 => Engine::new(&marked, seed)?,
        _ => Engine::after(&some_audited(cluster, &mut random), &marked, seed)?,
    };
    let (in_force, intended) = (Engine::new(&in_force, seed)?, Engine::new(&intended, seed)?);
    let traffic = flows::traffic(cluster);
    for (from, to) in flows::ends(cluster) {
        let flow = random.pick(&traffic);
        let answers = [&asked, &in_force, &intended].map(|one| answer(one, (&from, &to), flow));
        if let Some((engine, oracle)) = differ(&answers) {
            let Traffic { protocol, port } = flow;
            let question = format!("{from} -> {to} {} {port}", protocol.name());
            return Err(Mismatch { sort: "audited".into(), question, engine, oracle });
        }
    }
    same_list(&asked, &in_force)?;
    Ok(!marked.audits.policies.is_empty() || !marked.audits.cluster_policies.is_empty())
}

fn answer(engine: &Engine<'_>, (from, to): (&End, &End), traffic: &Traffic) -> Option<FlowReport> {
    let (from, to) = (from.to_string(), to.to_string());
    let (protocol, port) = (of_protocol(traffic.protocol), traffic.port);
    engine.session.evaluate(&FlowQuery { from, to, protocol, port: port.into() }).ok()
}

/// What was said and what should be, where these differ.
fn differ(answers: &[Option<FlowReport>; 3]) -> Option<(String, String)> {
    let [Some(asked), Some(in_force), Some(intended)] = answers else {
        let given = answers.each_ref().map(Option::is_some);
        return given.contains(&true).then(|| (format!("{given:?}"), "all or none".into()));
    };
    let without_audit = FlowReport { audit: None, ..asked.clone() };
    let would_be = asked.audit.as_ref().map_or(asked.verdict, |audit| audit.verdict);
    let said: (Verdict, &Option<String>, Verdict) =
        (without_audit.verdict, &without_audit.allowed, would_be);
    let expected = (in_force.verdict, &in_force.allowed, intended.verdict);
    (said != expected).then(|| (format!("{said:?}"), format!("{expected:?}")))
}

fn same_list(asked: &Engine<'_>, in_force: &Engine<'_>) -> Result<(), Mismatch> {
    let lines = |engine: &Engine<'_>| {
        let list = engine.session.list(&ListFilter { siblings: true, ..ListFilter::default() });
        serde_json::to_string(&list.connections).unwrap_or_default()
    };
    let (engine, oracle) = (lines(asked), lines(in_force));
    let (sort, question) = ("audited (list)".into(), "list".into());
    if engine == oracle { Ok(()) } else { Err(Mismatch { sort, question, engine, oracle }) }
}

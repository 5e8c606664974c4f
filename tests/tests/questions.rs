//! Questions about many ports, and about pods that are not in the input, have the answers of
//! questions about each port, and about such a pod once it is in the input; on random clusters.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use portcullis_engine::report::{
    EndpointKind, EndpointReport, FlowPart, FlowQuery, FlowReport, PortQuery, Protocol,
    UnknownReason, Verdict,
};
use portcullis_engine::{Change, ListFilter, Options, Session, SourceFile};
use portcullis_tests::random::{Random, hold};

const PORTS: [u16; 9] = [1, 79, 80, 81, 443, 444, 8080, 8081, 65535];

/// Ends as a list names them: pods, workloads and addresses.
fn ends(session: &Session) -> (Vec<String>, Vec<EndpointReport>) {
    let endpoints = session.list(&ListFilter::default()).endpoints;
    let name = |endpoint: &EndpointReport| match endpoint.kind {
        EndpointKind::Addresses => Some(endpoint.addresses.first()?.split('/').next()?.to_owned()),
        EndpointKind::Workload => Some(endpoint.id.to_string()),
    };
    let names = endpoints.iter().filter_map(name).collect();
    (names, endpoints.into_iter().filter(|one| one.namespace.is_some()).collect())
}

fn ask(
    session: &Session,
    (from, to): (&str, &str),
    (protocol, port): (Protocol, PortQuery),
) -> Result<FlowReport, String> {
    let (from, to) = (from.to_owned(), to.to_owned());
    let query = FlowQuery { from, to, protocol, port };
    session.evaluate(&query).map_err(|error| error.message)
}

#[test]
fn a_range_says_of_each_port_what_is_said_of_it_alone() {
    let compared = AtomicUsize::new(0);
    hold("ranges", |cluster, seed| {
        let (session, mut rng) = (cluster.session(), Random::new(seed));
        let (names, _) = ends(&session);
        if names.is_empty() {
            return Ok(());
        }
        for _ in 0..15 {
            let ends = (&**rng.pick(&names), &**rng.pick(&names));
            let (a, b) = (*rng.pick(&PORTS), *rng.pick(&PORTS));
            let (first, last) = (a.min(b), a.max(b));
            let protocol = *rng.pick(&Protocol::ALL);
            let range = (protocol, PortQuery::Range(first, last));
            if first == last {
                continue;
            }
            let Ok(whole) = ask(&session, ends, range) else { continue };
            for port in PORTS.into_iter().filter(|port| (first..=last).contains(port)) {
                let alone = ask(&session, ends, (protocol, port.into()))?;
                let (said, known) = (said_of(&whole, Some(port)), said_of(&alone, None));
                compared.fetch_add(usize::from(!whole.parts.is_empty()), Relaxed);
                if said != known {
                    return Err(format!("{ends:?} {protocol} {port}: {said:?}, not {known:?}"));
                }
            }
        }
        Ok(())
    });
    assert!(compared.into_inner() > 0, "no range has parts");
}

/// All verdicts of a report, or those of a port.
fn said_of(report: &FlowReport, port: Option<u16>) -> BTreeSet<Verdict> {
    let parts = report.parts.iter().filter(|part| port.is_none_or(|port| has(part, port)));
    let verdicts: BTreeSet<Verdict> = parts.map(|part| part.verdict).collect();
    if verdicts.is_empty() { [report.verdict].into() } else { verdicts }
}

/// Whether a part is about a port.
fn has(part: &FlowPart, port: u16) -> bool {
    part.ports.as_ref().is_none_or(|ports| {
        ports.split(',').any(|one| {
            let (first, last) = one.split_once('-').unwrap_or((one, one));
            (first.parse().unwrap()..=last.parse().unwrap()).contains(&port)
        })
    })
}

#[test]
fn a_pod_that_is_not_there_is_treated_like_one_that_is() {
    let compared = AtomicUsize::new(0);
    hold("supposed", |cluster, seed| {
        let (session, mut rng) = (cluster.session(), Random::new(seed));
        let (names, workloads) = ends(&session);
        if workloads.is_empty() {
            return Ok(());
        }
        for _ in 0..4 {
            let like = rng.pick(&workloads);
            let namespace = like.namespace.as_deref().unwrap();
            let labels = like.labels.iter().map(|(key, value)| format!("{key}={value}"));
            let text = format!("{namespace}/{{{}}}", labels.collect::<Vec<_>>().join(","));
            let there = session.apply(vec![pod(like)]);
            let name = format!("{namespace}/supposed-pod");
            for _ in 0..6 {
                let other = &**rng.pick(&names);
                let flow = (*rng.pick(&Protocol::ALL), PortQuery::from(*rng.pick(&PORTS)));
                let as_source = ask(&session, (&text, other), flow.clone());
                let decided = |one: &FlowReport| !one.evidence.egress.policies.is_empty();
                compared.fetch_add(usize::from(as_source.as_ref().is_ok_and(decided)), Relaxed);
                same(as_source, ask(&there, (&name, other), flow.clone()))?;
                let as_destination = ask(&session, (other, &text), flow.clone());
                same(as_destination, ask(&there, (other, &name), flow))?;
            }
        }
        Ok(())
    });
    assert!(compared.into_inner() > 0, "no policy selects a pod that is not there");
}

/// A pod of the labels of a workload, of which nothing else is known; it has no named ports, which
/// is all that it has more than one that is not there.
fn pod(like: &EndpointReport) -> Change {
    let labels = like.labels.iter().map(|(key, value)| format!("{key:?}: {value:?}"));
    let text = format!(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: supposed-pod\n  namespace: {}\n  labels: {{{}}}\nspec: {{containers: [{{name: c, image: i}}]}}\n",
        like.namespace.as_deref().unwrap(),
        labels.collect::<Vec<_>>().join(", "),
    );
    Change::Put(SourceFile::new("supposed.yaml", text.as_bytes()))
}

fn same(
    supposed: Result<FlowReport, String>,
    there: Result<FlowReport, String>,
) -> Result<(), String> {
    match (supposed, there) {
        (Ok(supposed), Ok(there)) => {
            let open = supposed.reason == Some(UnknownReason::PortName)
                || supposed.parts.iter().any(|part| part.reason == Some(UnknownReason::PortName));
            let equal = supposed.verdict == there.verdict && supposed.reason == there.reason;
            if equal || open { Ok(()) } else { Err(format!("{supposed:#?}\nnot\n{there:#?}")) }
        }
        (Err(_), Err(_)) => Ok(()),
        (Ok(one), Err(error)) | (Err(error), Ok(one)) => Err(format!("{error}: {one:#?}")),
    }
}

/// Two workloads of nine kinds of pods each, under a policy of every second port.
fn many_pods_and_ports() -> String {
    let mut text = String::new();
    for (owner, block) in [("a", 1), ("b", 2)] {
        for number in 1..=9 {
            text.push_str(&format!(
                "apiVersion: v1\nkind: Pod\nmetadata: {{name: {owner}-{number}, namespace: x, labels: {{part: p{number}}}, ownerReferences: [{{apiVersion: apps/v1, kind: ReplicaSet, name: {owner}, uid: u, controller: true}}]}}\nspec: {{containers: [{{name: c, image: i}}]}}\nstatus: {{podIP: 10.0.{block}.{number}, podIPs: [{{ip: 10.0.{block}.{number}}}]}}\n---\n"
            ));
        }
    }
    let ports: Vec<String> = (1..=700).map(|n| format!("{{port: {}}}", 2 * n)).collect();
    let ports = ports.join(", ");
    text + &format!(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p, namespace: x}}\nspec: {{podSelector: {{}}, ingress: [{{ports: [{ports}]}}]}}\n"
    )
}

#[test]
fn a_range_that_would_take_very_long_is_refused() {
    let file = SourceFile::new("x.yaml", many_pods_and_ports().as_bytes());
    let session = Session::new(Options::default()).apply(vec![Change::Put(file)]);
    let range = |first, last| (Protocol::Tcp, PortQuery::Range(first, last));
    let refused = ask(&session, ("x/a", "x/b"), range(1, 65535)).unwrap_err();
    assert!(refused.contains("ask for fewer ports, or for single pods"), "{refused}");
    let pods = ask(&session, ("x/a-1", "x/b-1"), range(1, 65535)).unwrap();
    assert_eq!((pods.verdict, pods.reason), (Verdict::Unknown, Some(UnknownReason::Ports)));
    let few = ask(&session, ("x/a", "x/b"), range(1, 20)).unwrap();
    assert_eq!(few.reason, Some(UnknownReason::Ports));
}

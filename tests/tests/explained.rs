//! What a list says of why a connection is there is what single questions say of its flows.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "test code")]

use std::collections::BTreeSet;

use portcullis_engine::report::{
    Connection, EndReport, EndState, EndpointKind, EndpointReport, Explanation, Family, FlowQuery,
    ListReport, Match, Protocol,
};
use portcullis_engine::{Change, ListFilter, Options, Session, SourceFile};
use portcullis_tests::random::hold_with_network_policies;

/// A rule or one of its peers, by policy and path.
type Admitting = (String, String);

#[test]
fn every_admitting_rule_is_explained_and_no_other() {
    hold_with_network_policies("explanations", |cluster, _| {
        let session = cluster.session();
        let list = session.list(&ListFilter { explain: true, ..ListFilter::default() }).in_pairs();
        for connection in &list.connections {
            holds(&session, &list, connection).map_err(|why| format!("{connection:?}: {why}"))?;
        }
        Ok(())
    });
}

fn holds(session: &Session, list: &ListReport, connection: &Connection) -> Result<(), String> {
    let is_pods = |end: &EndpointReport| {
        let first = name(end);
        list.endpoints.iter().any(|one| one.addresses.contains(&first))
    };
    let endpoint = |id: &str| list.endpoints.iter().find(|one| *one.id == *id).unwrap();
    let (from, to) = (endpoint(&connection.from), endpoint(&connection.to));
    // A part of a template's pods has no name that a question could use.
    if [from, to].into_iter().any(|end| end.group.is_some() && end.pods.is_empty()) {
        return Ok(());
    }
    if [from, to].into_iter().any(|end| end.kind == EndpointKind::Addresses && is_pods(end)) {
        return Ok(());
    }
    let why = connection.why.unwrap();
    let explained = [why.egress, why.ingress].map(|i| &list.explanations[i as usize]);
    let mut seen = [BTreeSet::new(), BTreeSet::new()];
    for (protocol, port) in asked(list, connection) {
        let from_outside = from.kind == EndpointKind::Addresses;
        let (from, to) = (name(from), name(to));
        let Ok(report) = session.evaluate(&FlowQuery { from, to, protocol, port: port.into() })
        else {
            return Ok(());
        };
        let ends = [&report.evidence.egress, &report.evidence.ingress];
        for ((end, explained), seen) in ends.into_iter().zip(explained).zip(&mut seen) {
            let evidence = admitting(end);
            let known = of(list, explained);
            if let Some(missing) = evidence.difference(&known).next() {
                return Err(format!(
                    "{protocol:?} {port}: {missing:?} admits and is not explained"
                ));
            }
            if end.state == EndState::OwnNode && from_outside {
                // The address is that of the pod's node, which the list does not set apart.
                return Ok(());
            }
            if end.state != explained.state {
                return Err(format!("{:?} is explained as {:?}", end.state, explained.state));
            }
            seen.extend(evidence);
        }
    }
    for (seen, explained) in seen.iter().zip(explained) {
        let known = of(list, explained);
        if is_one_family(connection, from, to) && *seen != known {
            return Err(format!("explained by {known:?}, but admitted by {seen:?}"));
        }
    }
    Ok(())
}

/// Evidence is that of one family; explanations are those of all.
fn is_one_family(connection: &Connection, from: &EndpointReport, to: &EndpointReport) -> bool {
    let of = |end: &EndpointReport| {
        let v6 = |address: &String| address.contains(':');
        let families: BTreeSet<bool> = end.addresses.iter().map(v6).collect();
        families.len() == 1
    };
    connection.family.is_none() && of(from) && of(to)
}

fn name(endpoint: &EndpointReport) -> String {
    if endpoint.kind == EndpointKind::Addresses {
        let first = endpoint.addresses.first().unwrap();
        return first.split('/').next().unwrap().to_owned();
    }
    let namespace = endpoint.namespace.as_deref().unwrap();
    match endpoint.pods.first() {
        Some(pod) => format!("{namespace}/Pod/{pod}"),
        None => {
            let kind = endpoint.workload_kind.as_deref().unwrap();
            format!("{namespace}/{kind}/{}", endpoint.name.as_deref().unwrap())
        }
    }
}

/// Ports that the generator of clusters uses.
const COMMON: [u16; 8] = [1, 79, 80, 81, 443, 8079, 8080, 65535];

/// Ports at the bounds of every set of the list that lie within what the connection has.
fn asked(list: &ListReport, connection: &Connection) -> BTreeSet<(Protocol, u16)> {
    let sets = [&connection.allowed, &connection.unknown];
    let own: Vec<_> = sets.into_iter().flatten().flat_map(|set| &list.port_sets[&**set]).collect();
    let bounds = list.port_sets.values().flatten();
    let bounds = bounds.flat_map(|range| {
        let next = [range.port.saturating_sub(1), range.end_port.saturating_add(1)];
        [range.port, range.end_port, next[0], next[1]].map(|port| (range.protocol, port))
    });
    let within = |(protocol, port): &(Protocol, u16)| {
        own.iter().any(|set| set.protocol == *protocol && (set.port..=set.end_port).contains(port))
    };
    let common = Protocol::ALL.into_iter().flat_map(|protocol| COMMON.map(|port| (protocol, port)));
    bounds.chain(common).filter(within).collect()
}

fn admitting(end: &EndReport) -> BTreeSet<Admitting> {
    let mut all = BTreeSet::new();
    for policy in &end.policies {
        for rule in policy.rules.iter().filter(|rule| rule.matches != Match::No) {
            let matching = rule.peers.iter().filter(|peer| peer.matches != Match::No);
            let paths = matching.map(|peer| peer.path.clone());
            let whole = rule.peers.is_empty().then(|| rule.path.clone());
            let name = format!("{:?}/{}", policy.policy.namespace, policy.policy.name);
            all.extend(paths.chain(whole).map(|path| (name.clone(), path)));
        }
    }
    all
}

fn of(list: &ListReport, explained: &Explanation) -> BTreeSet<Admitting> {
    let rules = explained.rules.iter().map(|i| &list.admissions[*i as usize]);
    let named = rules.map(|rule| {
        (format!("{:?}/{}", rule.policy.namespace, rule.policy.name), rule.path.clone())
    });
    named.collect()
}

const TWO_FAMILIES: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: x, labels: {app: a}}
status: {podIPs: [{ip: 10.0.0.1}, {ip: "fd00::1"}]}
---
apiVersion: v1
kind: Pod
metadata: {name: b, namespace: x, labels: {app: b}}
status: {podIPs: [{ip: 10.0.0.2}, {ip: "fd00::2"}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: a, namespace: x}
spec:
  podSelector: {matchLabels: {app: a}}
  policyTypes: [Egress]
  egress: [{ports: [{port: 80, endPort: 82}]}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: b, namespace: x}
spec:
  podSelector: {matchLabels: {app: b}}
  ingress:
  - {from: [{ipBlock: {cidr: 10.0.0.0/8}}], ports: [{port: 80}]}
  - {from: [{ipBlock: {cidr: "fd00::/8"}}], ports: [{port: 81}]}
  - {from: [{podSelector: {}}], ports: [{port: 82}]}
  - {from: [{podSelector: {}}], ports: [{port: 83}]}
"#;

/// A line of one family names no block of the other, and no rule for ports that do not get there.
#[test]
fn each_family_has_its_own_reasons() {
    let file = SourceFile::new("case.yaml", TWO_FAMILIES.as_bytes());
    let session = Session::new(Options::default()).apply(vec![Change::Put(file)]);
    let list = session.list(&ListFilter { explain: true, ..ListFilter::default() }).in_pairs();
    let lines =
        list.connections.iter().filter(|one| one.from.contains("/a") && one.to.contains("/b"));
    let explained: Vec<_> = lines
        .map(|line| {
            let ingress = &list.explanations[line.why.unwrap().ingress as usize];
            let rules = ingress.rules.iter().map(|i| &*list.admissions[*i as usize].path);
            (line.family, rules.collect::<Vec<_>>())
        })
        .collect();
    let [from_v4, from_v6, from_pods] =
        [0, 1, 2].map(|rule| format!("spec.ingress[{rule}].from[0]"));
    let expected = [
        (Some(Family::IPv4), vec![&*from_v4, &*from_pods]),
        (Some(Family::IPv6), vec![&*from_v6, &*from_pods]),
    ];
    assert_eq!(explained, expected);
}

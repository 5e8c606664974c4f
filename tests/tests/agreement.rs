//! Properties that hold of every cluster, tried on random ones.
//!
//! A failure names its seed and prints the smallest cluster that still fails.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "test code")]

use std::collections::BTreeMap;
use std::net::IpAddr;

use portcullis_engine::report::{
    Connection, EndpointKind, EndpointReport, FlowQuery, ListReport, Protocol, Verdict,
};
use portcullis_engine::{Change, ListFilter, Options, Session, SourceFile};
use portcullis_tests::random::{Cluster, Random, hold};
use serde_json::Value;

fn whole_list() -> ListFilter {
    ListFilter { siblings: true, ..ListFilter::default() }
}

// --- list and evaluate

#[test]
fn the_list_says_of_every_pair_what_evaluating_it_says() {
    hold("list and evaluate", |cluster, _| {
        let session = cluster.session();
        let list = session.list(&whole_list()).in_pairs();
        let connections = by_pair(&list);
        for from in &list.endpoints {
            for to in &list.endpoints {
                let listed = connections.get(&(&*from.id, &*to.id));
                let listed = listed.map_or(&[][..], Vec::as_slice);
                // A unit reaching itself means one of its pods and another one.
                if from.id == to.id && from.pods.len() == 1 {
                    assert!(listed.is_empty(), "{listed:?}");
                    continue;
                }
                compare(&session, &list, (from, to), listed)?;
            }
        }
        Ok(())
    });
}

fn by_pair(list: &ListReport) -> BTreeMap<(&str, &str), Vec<&Connection>> {
    let mut pairs: BTreeMap<(&str, &str), Vec<&Connection>> = BTreeMap::new();
    for connection in &list.connections {
        pairs.entry((&connection.from, &connection.to)).or_default().push(connection);
    }
    pairs
}

/// A port of every kind that random clusters tell apart.
const PORTS: [u16; 5] = [1, 80, 81, 8080, 65535];

fn compare(
    session: &Session,
    list: &ListReport,
    (from, to): (&EndpointReport, &EndpointReport),
    listed: &[&Connection],
) -> Result<(), String> {
    let (froms, tos) = (names(session, from), names(session, to));
    for protocol in Protocol::ALL {
        for port in PORTS {
            let mut verdicts = Vec::new();
            let pairs = froms.iter().flat_map(|a| tos.iter().map(move |b| (a, b)));
            // Of pods of one unit, one reaching another one is meant.
            for (from, to) in pairs.filter(|(a, b)| from.id != to.id || a != b) {
                let (from, to) = (from.clone(), to.clone());
                let query = FlowQuery { from, to, protocol, port: port.into() };
                // Refused where no traffic is possible; then nothing is listed either.
                verdicts.extend(session.evaluate(&query).map(|report| report.verdict));
            }
            let Some(expected) = common(&verdicts) else {
                continue;
            };
            let found = listed_verdict(list, listed, (protocol, port));
            if found != expected {
                return Err(format!(
                    "{} -> {} {protocol} {port}: the list says {found:?}, evaluate {expected:?} of {froms:?} -> {tos:?}",
                    from.id, to.id
                ));
            }
        }
    }
    Ok(())
}

/// Unknown where they differ; none where there are none.
fn common(verdicts: &[Verdict]) -> Option<Verdict> {
    let (least, most) = (verdicts.iter().min()?, verdicts.iter().max()?);
    Some(if least == most { *least } else { Verdict::Unknown })
}

fn listed_verdict(
    list: &ListReport,
    listed: &[&Connection],
    (protocol, port): (Protocol, u16),
) -> Verdict {
    let has = |set: &Option<std::sync::Arc<str>>| {
        set.as_ref().is_some_and(|set| {
            let ranges = &list.port_sets[set];
            ranges.iter().any(|r| r.protocol == protocol && (r.port..=r.end_port).contains(&port))
        })
    };
    let of = |connection: &Connection| match (has(&connection.allowed), has(&connection.unknown)) {
        (true, _) => Verdict::Allow,
        (false, true) => Verdict::Unknown,
        (false, false) => Verdict::Deny,
    };
    let mut verdicts: Vec<Verdict> = listed.iter().map(|one| of(one)).collect();
    // A line for one family only says that the other family has nothing.
    if listed.is_empty() || (listed.len() == 1 && listed[0].family.is_some()) {
        verdicts.push(Verdict::Deny);
    }
    common(&verdicts).unwrap()
}

/// Of more kinds of namespaces than are tried one by one, what is not known stays so.
#[test]
fn the_list_keeps_apart_what_only_labels_of_a_namespace_leave_open() {
    let pod = |namespace: &str, name: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: {namespace}}}\n\
             spec: {{containers: [{{name: c, image: i}}]}}\n---\n"
        )
    };
    let namespace =
        |name: &str| format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n---\n");
    let policy = |team: usize| {
        format!(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n\
             metadata: {{name: p{team}, namespace: guard}}\n\
             spec: {{podSelector: {{}}, policyTypes: [Egress], egress: [{{to: \
             [{{namespaceSelector: {{matchLabels: {{team: v{team}}}}}}}]}}]}}\n---\n"
        )
    };
    let pods = pod("guard", "web") + &pod("declared", "b") + &pod("open", "a");
    let text = pods + &namespace("guard") + &namespace("declared");
    let text = text + &(0..65).map(policy).collect::<String>();
    let file = SourceFile::new("case.yaml", text.as_bytes());
    let session = Session::new(Options::default()).apply(vec![Change::Put(file)]);
    let list = session.list(&whole_list()).in_pairs();
    let connections = by_pair(&list);
    for (from, to) in list.endpoints.iter().flat_map(|a| list.endpoints.iter().map(move |b| (a, b)))
    {
        let listed = connections.get(&(&*from.id, &*to.id)).map_or(&[][..], Vec::as_slice);
        if from.id != to.id {
            compare(&session, &list, (from, to), listed).unwrap();
        }
    }
}

/// How the parts of an endpoint are asked about.
fn names(session: &Session, endpoint: &EndpointReport) -> Vec<String> {
    if endpoint.kind == EndpointKind::Addresses {
        return addresses(session, endpoint);
    }
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    let namespace = text(&endpoint.namespace);
    match (&endpoint.group, endpoint.pods.is_empty()) {
        (None, _) => {
            vec![format!("{namespace}/{}/{}", text(&endpoint.workload_kind), text(&endpoint.name))]
        }
        (Some(_), false) => {
            endpoint.pods.iter().map(|pod| format!("{namespace}/Pod/{pod}")).collect()
        }
        // Some replicas of a template cannot be asked about alone.
        (Some(_), true) => Vec::new(),
    }
}

/// The first and last address of each range, if they are not a pod's or a node's: the list speaks
/// of what is outside, and a node reaches its own pods whatever policies say.
fn addresses(session: &Session, endpoint: &EndpointReport) -> Vec<String> {
    let mut all = Vec::new();
    for cidr in &endpoint.addresses {
        let net: ipnet::IpNet = cidr.parse().unwrap();
        all.extend([net.network(), net.broadcast()]);
    }
    let model = session.model();
    let outside = |address: &IpAddr| {
        let node = model.node_by_address.contains_key(address)
            || model.space.nodes.as_ref().is_some_and(|nodes| nodes.contains(*address));
        !model.by_address.contains_key(address) && !node
    };
    let outside = all.into_iter().filter(outside);
    outside.map(|address| address.to_string()).collect()
}

// --- edits

/// Everything that a session says, but for where it read it.
fn says(session: &Session) -> Value {
    let list = serde_json::to_value(session.list(&whole_list())).unwrap();
    let mut list = without_places(list);
    // Notes come by place.
    let mut notes: Vec<String> =
        list["notes"].as_array().unwrap().iter().map(Value::to_string).collect();
    notes.sort();
    list["notes"] = notes.into();
    list
}

fn without_places(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.into_iter().filter(|(key, _)| key != "location" && key != "files");
            kept.map(|(key, value)| (key, without_places(value))).collect()
        }
        Value::Array(items) => items.into_iter().map(without_places).collect(),
        other => other,
    }
}

fn same(what: &str, a: &Value, b: &Value) -> Result<(), String> {
    if a == b {
        return Ok(());
    }
    let difference = |a: &Value, b: &Value| -> String {
        let items = |value: &Value| -> Vec<String> {
            value.as_array().map_or(vec![value.to_string()], |items| {
                items.iter().map(Value::to_string).collect()
            })
        };
        let (a, b) = (items(a), items(b));
        let only = |a: &[String], b: &[String]| -> Vec<String> {
            a.iter().filter(|one| !b.contains(one)).cloned().collect()
        };
        format!("\n  first only  {:?}\n  second only {:?}", only(&a, &b), only(&b, &a))
    };
    let fields = a.as_object().unwrap();
    let differing = fields.iter().filter(|(key, value)| b.get(key.as_str()) != Some(*value));
    let texts = differing.map(|(key, value)| format!("{key}: {}", difference(value, &b[key])));
    Err(format!("{what}: {}", texts.collect::<Vec<_>>().join("\n")))
}

#[test]
fn an_edited_session_is_one_read_afresh() {
    hold("edited session", |cluster, seed| {
        let mut rng = Random::new(seed ^ 0xed17);
        let mut current = cluster.clone();
        let mut edited = current.session();
        for step in 0..4 {
            let other = Cluster::of(rng.number());
            current = current.edited(&mut rng, &other);
            let text = current.yaml();
            let change = edited.reread("case.yaml", text.as_bytes());
            edited = edited.apply(vec![change]);
            let fresh = current.session_of("case.yaml", &text);
            let what = format!("after edit {step}");
            let json = |session: &Session| {
                let mut value = serde_json::to_value(session.list(&whole_list())).unwrap();
                value["check"] = serde_json::to_value(session.check()).unwrap();
                value
            };
            same(&what, &json(&edited), &json(&fresh))?;
        }
        Ok(())
    });
}

/// A session that lives long keeps neither selectors nor programs that no policy has any more.
#[test]
fn many_edits_leave_nothing_behind() {
    let text = |label: usize| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: a, namespace: x, labels: {{v: '7'}}}}\n---\n\
             apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n\
             metadata: {{name: p, namespace: x}}\n\
             spec: {{podSelector: {{matchLabels: {{v: '{label}'}}}}, policyTypes: [Ingress]}}\n"
        )
    };
    let mut edited = Session::new(Options::default());
    for label in 0..4_000 {
        edited = edited.apply(vec![edited.reread("case.yaml", text(label % 2_000).as_bytes())]);
    }
    assert!(edited.policies().sets().len() < 1_500, "{}", edited.policies().sets().len());
    edited = edited.apply(vec![edited.reread("case.yaml", text(7).as_bytes())]);
    let file = SourceFile::new("case.yaml", text(7).as_bytes());
    let fresh = Session::new(Options::default()).apply(vec![Change::Put(file)]);
    same("after 4,000 edits", &says(&edited), &says(&fresh)).unwrap();
}

#[test]
fn files_may_come_and_go() {
    hold("files", |cluster, _| {
        let all = cluster.session();
        let mut apart = Session::new(cluster.options.options().unwrap());
        for (i, object) in cluster.objects.iter().enumerate() {
            let text = portcullis_tests::random::yaml(object);
            let file = SourceFile::new(&format!("{i}.yaml"), text.as_bytes());
            apart = apart.apply(vec![Change::Put(file)]);
        }
        same("one file each", &says(&apart), &says(&all))?;
        for i in 0..cluster.objects.len() {
            apart = apart.apply(vec![Change::Remove(format!("{i}.yaml"))]);
        }
        let empty = Session::new(cluster.options.options().unwrap());
        same("all removed", &says(&apart), &says(&empty))
    });
}

// --- the form of the input

#[test]
fn the_order_of_objects_does_not_matter() {
    hold("order", |cluster, seed| {
        let mut shuffled = cluster.clone();
        Random::new(seed ^ 0x5eed).shuffle(&mut shuffled.objects);
        let (a, b) = (cluster.session(), shuffled.session());
        same("shuffled", &says(&a), &says(&b))
    });
}

#[test]
fn yaml_and_json_of_the_same_objects_are_the_same() {
    hold("YAML and JSON", |cluster, _| {
        let yaml = cluster.session();
        let json = cluster.session_of("case.json", &cluster.json());
        same("JSON", &says(&yaml), &says(&json))
    });
}

//! What a gate says of rules, and whether two sets of policies are equal, is what evaluating flows
//! says: between pods that are there, and between pods that are only supposed.
//!
//! Tried on random clusters, with random rules about their labels, and after random edits.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "test code")]

use std::collections::BTreeMap;
use std::net::IpAddr;

use portcullis_engine::report::{
    EndpointKind, EndpointReport, EqualOutcome, FlowQuery, GateOutcome, GateRules, PortQuery,
    Protocol, Verdict, Witness,
};
use portcullis_engine::{Change, ListFilter, NamespaceLabel, Options, Session, SourceFile};
use portcullis_tests::random::{Cluster, Random, hold};
use serde_json::{Value, json};

// --- labels and rules

/// Labels of pods and of namespaces that a cluster mentions, policies included.
#[derive(Default)]
struct Words {
    pods: Vec<(String, String)>,
    namespaces: Vec<(String, String)>,
    names: Vec<String>,
}

fn words(cluster: &Cluster) -> Words {
    let mut words = Words::default();
    for object in &cluster.objects {
        let labels = |value: &Value| -> Vec<(String, String)> {
            let labels = value.as_object().into_iter().flatten();
            labels
                .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
                .collect()
        };
        if object["kind"] == "Namespace" {
            words.namespaces.extend(labels(&object["metadata"]["labels"]));
            words.names.push(object["metadata"]["name"].as_str().unwrap().to_owned());
        } else {
            words.pods.extend(labels(&object["metadata"]["labels"]));
            words.pods.extend(labels(&object["spec"]["template"]["metadata"]["labels"]));
            if let Some(namespace) = object["metadata"]["namespace"].as_str() {
                words.names.push(namespace.to_owned());
            }
        }
        mentioned(object, false, &mut words);
    }
    for list in [&mut words.pods, &mut words.namespaces] {
        list.retain(|(key, _)| key != "kubernetes.io/metadata.name");
        list.sort();
        list.dedup();
    }
    words.names.sort();
    words.names.dedup();
    words
}

/// Labels that selectors ask for.
fn mentioned(value: &Value, of_namespaces: bool, words: &mut Words) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| mentioned(item, of_namespaces, words)),
        Value::Object(fields) => {
            for (key, value) in fields {
                let own = of_namespaces || key == "namespaceSelector" || key == "namespaces";
                let own = own && key != "podSelector";
                let list = if own { &mut words.namespaces } else { &mut words.pods };
                if key == "matchLabels" {
                    let labels = value.as_object().into_iter().flatten();
                    list.extend(labels.map(|(key, value)| {
                        (key.clone(), value.as_str().unwrap_or_default().to_owned())
                    }));
                }
                if key == "matchExpressions" {
                    for one in value.as_array().into_iter().flatten() {
                        let key = one["key"].as_str().unwrap_or_default();
                        let values = one["values"].as_array().into_iter().flatten();
                        let values = values.map(|value| value.as_str().unwrap_or_default());
                        let values = values.chain(["something"]);
                        list.extend(values.map(|value| (key.to_owned(), value.to_owned())));
                    }
                }
                mentioned(value, own, words);
            }
        }
        _ => {}
    }
}

fn pick<'a, T>(list: &'a [T], rng: &mut Random) -> Option<&'a T> {
    (!list.is_empty()).then(|| &list[rng.below(list.len())])
}

/// An end of a rule.
fn end(words: &Words, rng: &mut Random) -> Value {
    match rng.below(8) {
        0 => json!("internet"),
        1 => json!("outside"),
        2 => json!("pods"),
        3 => pick(&words.names, rng).map_or(json!("pods"), |name| json!({"namespace": name})),
        4 => pick(&words.namespaces, rng)
            .map_or(json!("anything"), |(key, value)| json!({"namespaces": {key: value}})),
        5 => pick(&words.pods, rng)
            .map_or(json!("anything"), |(key, value)| json!({"pods": format!("{key}!={value}")})),
        _ => pick(&words.pods, rng)
            .map_or(json!("anything"), |(key, value)| json!({"pods": {key: value}})),
    }
}

const PORTS: [(Protocol, u16); 6] = [
    (Protocol::Tcp, 1),
    (Protocol::Tcp, 80),
    (Protocol::Tcp, 8080),
    (Protocol::Tcp, 65535),
    (Protocol::Udp, 80),
    (Protocol::Sctp, 80),
];

/// A rule, and what it is about.
struct Asked {
    from: Value,
    to: Value,
    ports: Vec<(Protocol, u16)>,
    future: &'static str,
}

impl Asked {
    fn new(words: &Words, rng: &mut Random) -> Self {
        let ports = match rng.below(3) {
            0 => PORTS.to_vec(),
            _ => vec![PORTS[rng.below(PORTS.len())]],
        };
        let future = ["namespaces", "pods", "nothing"][rng.below(3)];
        Self { from: end(words, rng), to: end(words, rng), ports, future }
    }

    fn rules(&self, demand: &str) -> GateRules {
        let ports = self.ports.iter().map(|(protocol, port)| format!("{port}/{protocol}"));
        let ports: Vec<String> = ports.collect();
        let flows = json!({"from": self.from, "to": self.to, "ports": ports});
        let mut rule = json!({"name": "rule", demand: flows});
        if demand == "never" {
            rule["future"] = self.future.into();
        }
        GateRules::parse("rules.json", &json!({"rules": [rule]}).to_string()).unwrap()
    }
}

// --- who is meant, written a second time

/// Labels of an end, and of its namespace, or its address.
#[derive(Clone, Debug)]
enum Who {
    Pod { labels: BTreeMap<String, String>, namespace: BTreeMap<String, String> },
    Address(IpAddr),
}

fn is_meant(end: &Value, who: &Who) -> bool {
    match (end, who) {
        (Value::String(word), Who::Address(address)) => match word.as_str() {
            "internet" => is_public(*address),
            "pods" => false,
            _ => true,
        },
        (Value::String(word), Who::Pod { .. }) => word == "pods" || word == "anything",
        (_, Who::Address(_)) => false,
        (end, Who::Pod { labels, namespace }) => {
            let has = |labels: &BTreeMap<String, String>, wanted: &Value| match wanted {
                Value::String(text) => {
                    let (key, value) = text.split_once("!=").unwrap();
                    labels.get(key).map(String::as_str) != Some(value)
                }
                Value::Object(wanted) => wanted
                    .iter()
                    .all(|(key, value)| labels.get(key).map(String::as_str) == value.as_str()),
                _ => true,
            };
            let is_named = end["namespace"].as_str().is_none_or(|name| {
                namespace.get("kubernetes.io/metadata.name").map(String::as_str) == Some(name)
            });
            has(labels, &end["pods"]) && has(namespace, &end["namespaces"]) && is_named
        }
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(own) => {
            let [a, b, ..] = own.octets();
            let shared = a == 100 && (64..128).contains(&b);
            !(own.is_private() || own.is_loopback() || own.is_link_local() || shared)
                && a != 0
                && a < 224
        }
        IpAddr::V6(own) => {
            let first = own.segments()[0];
            u128::from(own) > 1
                && first & 0xfe00 != 0xfc00
                && first & 0xffc0 != 0xfe80
                && first & 0xff00 != 0xff00
        }
    }
}

/// Those that a session can be asked about, each with how it is asked; of none of which labels are
/// hidden or not known.
fn everybody(session: &Session) -> Vec<(String, Who)> {
    let list = session.list(&ListFilter::default());
    let mut all = Vec::new();
    for one in &list.endpoints {
        if one.kind == EndpointKind::Addresses {
            all.extend(
                addresses(one, session).into_iter().map(|a| (a.to_string(), Who::Address(a))),
            );
            continue;
        }
        let name = one.namespace.as_deref().unwrap();
        let model = session.model();
        let namespace = model.namespaces.get(model.namespace(name).unwrap()).unwrap();
        let is_template = one.pods.is_empty();
        // A template hides labels that its controller adds.
        if one.host_network || namespace.open || is_template {
            continue;
        }
        let text = |list: &[(std::sync::Arc<str>, std::sync::Arc<str>)]| {
            list.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
        };
        for pod in &one.pods {
            let found = model.endpoints.values().find(|endpoint| {
                let workload = model.workload_of(endpoint).unwrap();
                *endpoint.name == **pod && model.namespace_name(workload.namespace) == name
            });
            let labels = model.labels_of(found.unwrap()).unwrap();
            if labels.hidden.is_empty() {
                let (labels, namespace) = (text(labels.labels), text(&namespace.labels));
                all.push((format!("{name}/{pod}"), Who::Pod { labels, namespace }));
            }
        }
    }
    all
}

fn addresses(endpoint: &EndpointReport, session: &Session) -> Vec<IpAddr> {
    let nets = endpoint.addresses.iter().map(|cidr| cidr.parse::<ipnet::IpNet>().unwrap());
    let ends = nets.flat_map(|net| [net.network(), net.broadcast()]);
    let model = session.model();
    let outside = |address: &IpAddr| {
        !model.node_by_address.contains_key(address) && !model.by_address.contains_key(address)
    };
    ends.filter(outside).collect()
}

fn some_labels(list: &[(String, String)], rng: &mut Random) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    for _ in 0..rng.below(3) {
        if let Some((key, value)) = pick(list, rng) {
            labels.insert(key.clone(), value.clone());
        }
    }
    labels
}

/// Pods that might be there, and the session that knows of their namespaces.
fn supposed(
    session: &Session,
    words: &Words,
    (rng, new_namespaces): (&mut Random, bool),
) -> (Vec<(String, Who)>, Vec<NamespaceLabel>) {
    let (mut pods, mut assumed) = (Vec::new(), Vec::new());
    for number in 0..6 {
        let labels = some_labels(&words.pods, rng);
        let text = labels.iter().map(|(key, value)| format!("{key}={value}"));
        let text = text.collect::<Vec<_>>().join(",");
        let (name, mut namespace) = if new_namespaces && rng.below(2) == 0 {
            let own = some_labels(&words.namespaces, rng);
            let name = format!("fresh{number}");
            let labels: Vec<_> = own.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
            assumed.push(NamespaceLabel { namespace: name.clone(), labels });
            (name, own)
        } else {
            let model = session.model();
            let closed = model.namespaces.values().filter(|one| !one.open);
            let closed: Vec<_> = closed.collect();
            let Some(one) = pick(&closed, rng) else { continue };
            let own = one.labels.iter().map(|(k, v)| (k.to_string(), v.to_string()));
            (one.name.to_string(), own.collect())
        };
        namespace.insert("kubernetes.io/metadata.name".into(), name.clone());
        pods.push((format!("{name}/{{{text}}}"), Who::Pod { labels, namespace }));
    }
    (pods, assumed)
}

// --- asking

fn session(cluster: &Cluster, more: &[NamespaceLabel]) -> Session {
    with(cluster.options.options().unwrap().with_namespace_labels(more.to_vec()), cluster, "")
}

fn with(options: Options, cluster: &Cluster, manifests: &str) -> Session {
    let files = [("case.yaml", cluster.yaml()), ("witness.yaml", manifests.to_owned())];
    let put = |(name, text): (&str, String)| Change::Put(SourceFile::new(name, text.as_bytes()));
    Session::new(options).apply(files.map(put).into())
}

fn says(session: &Session, from: &str, to: &str, (protocol, port): (Protocol, u16)) -> Verdict {
    let (from, to) = (from.to_owned(), to.to_owned());
    let query = FlowQuery { from, to, protocol, port: port.into() };
    // Refused where the two have no family in common: then nothing passes.
    session.evaluate(&query).map_or(Verdict::Deny, |report| report.verdict)
}

/// What is said of a witness by a session of the cluster, with the pods that it needs.
fn asked_again(cluster: &Cluster, witness: &Witness) -> Option<Verdict> {
    let value = |name: &str| {
        let at = witness.arguments.iter().position(|one| one == name)?;
        witness.arguments.get(at + 1).cloned()
    };
    let mut options = cluster.options.options().unwrap();
    if let Some(family) = value("--family") {
        options.family = Some(portcullis_engine::report::parse_family(&family).unwrap());
    }
    let labels = witness.arguments.windows(2).filter(|two| two[0] == "--namespace-labels");
    let labels: Vec<NamespaceLabel> = labels.map(|two| two[1].parse().unwrap()).collect();
    let (from, to) = (value("--from")?, value("--to")?);
    let (port, protocol) = PortQuery::parse(&value("--port")?, None).unwrap();
    let is_written = |text: &str| text.contains("/new-");
    let manifests = witness.manifests.clone().unwrap_or_default();
    let manifests = if is_written(&from) || is_written(&to) { manifests } else { String::new() };
    let session = with(options.with_namespace_labels(labels), cluster, &manifests);
    let query = FlowQuery { from, to, protocol, port };
    session.evaluate(&query).ok().map(|report| report.verdict)
}

fn check_witnesses(
    cluster: &Cluster,
    witnesses: &[Witness],
    said: impl Fn(&Witness) -> Option<Verdict>,
) -> Result<(), String> {
    for witness in witnesses {
        let (found, expected) = (asked_again(cluster, witness), said(witness));
        // Whether a rule means the ends may be what is not known.
        let is_allowed = expected == Some(Verdict::Unknown) && found == Some(Verdict::Allow);
        if expected.is_some() && found != expected && !is_allowed {
            return Err(format!("{found:?} for {expected:?}: {witness:#?}"));
        }
    }
    Ok(())
}

// --- the properties

#[test]
fn a_rule_holds_if_no_flow_breaks_it() {
    hold("gate and flows", |cluster, seed| {
        let mut rng = Random::new(seed ^ 0x9a7e);
        let words = words(cluster);
        for _ in 0..6 {
            let asked = Asked::new(&words, &mut rng);
            never(cluster, &words, (&asked, &mut rng))?;
        }
        Ok(())
    });
}

fn never(
    cluster: &Cluster,
    words: &Words,
    (asked, rng): (&Asked, &mut Random),
) -> Result<(), String> {
    let plain = session(cluster, &[]);
    let report = plain.gate(None, &asked.rules("never"));
    let rule = &report.rules[0];
    check_witnesses(cluster, &rule.witnesses, |one| Some(one.verdict))
        .map_err(|why| format!("{}: {why}", rule.rule))?;
    let is_new = asked.future == "namespaces";
    let (pods, assumed) = supposed(&plain, words, (rng, is_new));
    let session = session(cluster, &assumed);
    let mut ends = everybody(&session);
    if asked.future != "nothing" {
        ends.extend(pods);
    }
    let from = ends.iter().filter(|(_, who)| is_meant(&asked.from, who));
    let from: Vec<_> = from.collect();
    let to: Vec<_> = ends.iter().filter(|(_, who)| is_meant(&asked.to, who)).collect();
    let pairs = from.iter().flat_map(|from| to.iter().map(move |to| (from, to)));
    let are_addresses = |(from, to): &(&&(String, Who), &&(String, Who))| {
        matches!((&from.1, &to.1), (Who::Address(_), Who::Address(_)))
    };
    for (from, to) in pairs.filter(|pair| pair.0.0 != pair.1.0 && !are_addresses(pair)) {
        for port in &asked.ports {
            let verdict = says(&session, &from.0, &to.0, *port);
            let is_wrong = match rule.outcome {
                GateOutcome::Holds => verdict != Verdict::Deny,
                GateOutcome::Unknown => verdict == Verdict::Allow,
                GateOutcome::Broken | GateOutcome::Undecided => false,
            };
            if is_wrong {
                return Err(format!(
                    "{} (future: {}): {:?}, but {} -> {} {port:?} is {verdict:?}",
                    rule.rule, asked.future, rule.outcome, from.0, to.0
                ));
            }
        }
    }
    Ok(())
}

fn edited(cluster: &Cluster, seed: u64) -> Cluster {
    let mut rng = Random::new(seed ^ 0xe9a1);
    let other = Cluster::of(rng.number());
    let mut next = cluster.clone();
    for _ in 0..rng.below(3) {
        next = next.edited(&mut rng, &other);
    }
    Cluster { options: cluster.options.clone(), ..next }
}

#[test]
fn equal_policies_say_the_same_of_every_flow() {
    hold("equal and flows", |cluster, seed| {
        let mut rng = Random::new(seed ^ 0xe0a1);
        let next = edited(cluster, seed);
        let (one, other) = (session(cluster, &[]), session(&next, &[]));
        let report = one.equal(&other);
        check_witnesses(cluster, &report.witnesses, |one| one.before)
            .map_err(|why| format!("before: {why}"))?;
        check_witnesses(&next, &report.witnesses, |one| Some(one.verdict))
            .map_err(|why| format!("after: {why}"))?;
        if report.outcome != EqualOutcome::Equal {
            return Ok(());
        }
        let words = words(cluster);
        let (pods, assumed) = supposed(&one, &words, (&mut rng, true));
        let (one, other) = (session(cluster, &assumed), session(&next, &assumed));
        let mut ends = pods;
        ends.extend(everybody(&one).into_iter().filter(|(_, who)| matches!(who, Who::Address(_))));
        for ((from, a), (to, b)) in ends.iter().flat_map(|a| ends.iter().map(move |b| (a, b))) {
            if from == to || matches!((a, b), (Who::Address(_), Who::Address(_))) {
                continue;
            }
            for port in PORTS {
                let said = [&one, &other].map(|session| says(session, from, to, port));
                if said[0] != said[1] {
                    return Err(format!("equal, but {from} -> {to} {port:?} is {said:?}"));
                }
            }
        }
        Ok(())
    });
}

#[test]
fn a_set_is_equal_to_itself_renamed_and_shuffled() {
    hold("equal with itself", |cluster, seed| {
        let mut rng = Random::new(seed);
        let mut renamed = cluster.clone();
        rng.shuffle(&mut renamed.objects);
        for (number, object) in renamed.objects.iter_mut().enumerate() {
            // The order of names is that of cluster policies of one priority.
            if object["kind"] == "NetworkPolicy" {
                object["metadata"]["name"] = format!("other-{number}").into();
            }
        }
        let report = session(cluster, &[]).equal(&session(&renamed, &[]));
        match report.outcome {
            EqualOutcome::Equal => Ok(()),
            _ => Err(format!("{report:#?}")),
        }
    });
}

#[test]
fn what_is_new_was_not_allowed_before() {
    hold("no new access", |cluster, seed| {
        let mut rng = Random::new(seed ^ 0x0b57);
        let next = edited(cluster, seed);
        let (old, new) = (session(cluster, &[]), session(&next, &[]));
        let words = words(cluster);
        let asked = Asked::new(&words, &mut rng);
        let report = new.gate(Some(&old), &asked.rules("no-new-access"));
        let rule = &report.rules[0];
        check_witnesses(&next, &rule.witnesses, |one| Some(one.verdict))
            .map_err(|why| format!("after: {why}"))?;
        if rule.outcome != GateOutcome::Holds {
            return Ok(());
        }
        let (pods, assumed) = supposed(&old, &words, (&mut rng, true));
        let (old, new) = (session(cluster, &assumed), session(&next, &assumed));
        let of = |end: &Value| -> Vec<&(String, Who)> {
            pods.iter().filter(|(_, who)| is_meant(end, who)).collect()
        };
        for (from, _) in of(&asked.from) {
            for (to, _) in of(&asked.to).into_iter().filter(|(to, _)| to != from) {
                for port in &asked.ports {
                    let said = [&old, &new].map(|session| says(session, from, to, *port));
                    if matches!(said, [Verdict::Deny, Verdict::Allow | Verdict::Unknown]) {
                        return Err(format!("{}: {from} -> {to} {port:?}: {said:?}", rule.rule));
                    }
                }
            }
        }
        Ok(())
    });
}

//! Random rules about the labels of a cluster, and whom they mean, written a second time.

use std::collections::BTreeMap;
use std::net::IpAddr;

use portcullis_engine::report::{EndpointKind, EndpointReport, GateRules, Protocol};
use portcullis_engine::{ListFilter, NamespaceLabel, Session};
use portcullis_tests::random::{Cluster, PORTS, Random};
use serde_json::{Value, json};

// --- labels and rules

/// Labels of pods and of namespaces that a cluster mentions, policies included.
#[derive(Default)]
pub struct Words {
    pub pods: Vec<(String, String)>,
    pub namespaces: Vec<(String, String)>,
    pub names: Vec<String>,
}

pub fn words(cluster: &Cluster) -> Words {
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

pub fn pick<'a, T>(list: &'a [T], rng: &mut Random) -> Option<&'a T> {
    (!list.is_empty()).then(|| &list[rng.below(list.len())])
}

/// An end of a rule.
pub fn end(words: &Words, rng: &mut Random) -> Value {
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

/// A rule, and what it is about.
pub struct Asked {
    pub from: Value,
    pub to: Value,
    pub ports: Vec<(Protocol, u16)>,
    pub future: &'static str,
}

impl Asked {
    pub fn new(words: &Words, rng: &mut Random) -> Self {
        let ports = match rng.below(3) {
            0 => PORTS.to_vec(),
            _ => vec![PORTS[rng.below(PORTS.len())]],
        };
        let future = ["namespaces", "pods", "nothing"][rng.below(3)];
        Self { from: end(words, rng), to: end(words, rng), ports, future }
    }

    pub fn rules(&self, demand: &str) -> GateRules {
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
pub enum Who {
    Pod { labels: BTreeMap<String, String>, namespace: BTreeMap<String, String> },
    Address(IpAddr),
}

pub fn is_meant(end: &Value, who: &Who) -> bool {
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
pub fn everybody(session: &Session) -> Vec<(String, Who)> {
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
pub fn supposed(
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

//! Policies over the labels, ports and addresses that [`super::cluster`] gives to pods.
#![expect(clippy::indexing_slicing, reason = "fields of JSON values that are objects")]

use serde_json::{Map, Value, json};

use super::Rng;
use super::cluster::object;

pub fn policy(rng: &mut Rng, i: usize) -> Value {
    let namespace = rng.pick(&["a", "a", "b"]);
    let name = format!("np{i}");
    let mut policy =
        object("networking.k8s.io/v1", "NetworkPolicy", (Some(namespace), &name), json!({}));
    let mut spec = Map::new();
    spec.insert("podSelector".into(), selector(rng, POD_KEYS));
    if rng.percent(60) {
        let types = [json!(["Ingress"]), json!(["Egress"]), json!(["Ingress", "Egress"])];
        spec.insert("policyTypes".into(), rng.pick(&types));
    }
    for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
        if rng.percent(70) {
            let rules: Vec<Value> = (0..rng.below(3)).map(|_| rule(rng, peers)).collect();
            spec.insert(direction.into(), rules.into());
        }
    }
    policy["spec"] = spec.into();
    policy
}

const POD_KEYS: &[&str] = &["app", "app", "tier", "app", "tier", "none"];

/// Keys that only controllers set: what they say of templates is unknown.
const ADDED_KEYS: &[&str] =
    &["pod-template-hash", "statefulset.kubernetes.io/pod-name", "job-name"];

fn rule(rng: &mut Rng, peers: &str) -> Value {
    let mut rule = Map::new();
    if rng.percent(75) {
        let list: Vec<Value> = (0..rng.below(3)).map(|_| peer(rng)).collect();
        rule.insert(peers.into(), list.into());
    }
    if rng.percent(60) {
        let list: Vec<Value> = (0..rng.below(3)).map(|_| port(rng)).collect();
        rule.insert("ports".into(), list.into());
    }
    rule.into()
}

fn port(rng: &mut Rng) -> Value {
    let mut port = Map::new();
    if rng.percent(60) {
        port.insert("protocol".into(), rng.pick(&["TCP", "UDP", "SCTP"]).into());
    }
    match rng.below(5) {
        0 => {}
        1 => {
            port.insert("port".into(), rng.pick(&["http", "dns", "nobody"]).into());
        }
        2 => {
            port.insert("port".into(), 80.into());
            port.insert("endPort".into(), rng.pick(&[80, 85, 90]).into());
        }
        _ => {
            port.insert("port".into(), rng.pick(&[53, 80, 81, 90]).into());
        }
    }
    port.into()
}

fn peer(rng: &mut Rng) -> Value {
    match rng.below(6) {
        0 | 1 => json!({"podSelector": selector(rng, POD_KEYS)}),
        2 => json!({"namespaceSelector": namespaces(rng)}),
        3 => {
            json!({"namespaceSelector": namespaces(rng), "podSelector": selector(rng, POD_KEYS)})
        }
        _ => json!({"ipBlock": block(rng)}),
    }
}

fn namespaces(rng: &mut Rng) -> Value {
    selector(rng, &["team", "team", "kubernetes.io/metadata.name"])
}

fn block(rng: &mut Rng) -> Value {
    let blocks: [(&str, &[&str]); 9] = [
        ("10.0.0.0/24", &["10.0.0.0/25", "10.0.0.4/30", "10.0.0.3/32"]),
        ("10.0.0.0/29", &["10.0.0.0/30", "10.0.0.6/32"]),
        ("10.0.0.4/31", &["10.0.0.4/32"]),
        ("0.0.0.0/0", &["10.0.0.0/8", "192.168.0.0/16", "10.0.0.5/32"]),
        ("0.0.0.0/1", &["10.0.0.0/24"]),
        ("128.0.0.0/1", &["192.168.0.1/32", "192.168.0.0/28"]),
        ("192.168.0.0/30", &["192.168.0.2/32"]),
        ("fd00::/64", &["fd00::/125", "fd00::1/128"]),
        ("::/0", &["fd00::/8"]),
    ];
    let (cidr, parts) = rng.pick(&blocks);
    let mut block = json!({"cidr": cidr});
    let except: Vec<&str> = parts.iter().filter(|_| rng.percent(35)).copied().collect();
    if !except.is_empty() {
        block["except"] = except.into();
    }
    block
}

fn selector(rng: &mut Rng, keys: &[&str]) -> Value {
    let added = keys.len() > 3 && rng.percent(12);
    let keys = if added { ADDED_KEYS } else { keys };
    let (mut labels, mut expressions) = (Map::new(), Vec::new());
    for _ in 0..rng.below(3) {
        let key = rng.pick(keys);
        if rng.percent(60) {
            labels.insert(key.into(), value(rng, key).into());
            continue;
        }
        let operator = rng.pick(&["In", "NotIn", "Exists", "DoesNotExist"]);
        let mut expression = json!({"key": key, "operator": operator});
        if operator.ends_with("In") {
            expression["values"] = json!([value(rng, key), value(rng, key)]);
        }
        expressions.push(expression);
    }
    let mut selector = Map::new();
    if !labels.is_empty() {
        selector.insert("matchLabels".into(), labels.into());
    }
    if !expressions.is_empty() {
        selector.insert("matchExpressions".into(), expressions.into());
    }
    selector.into()
}

fn value(rng: &mut Rng, key: &str) -> &'static str {
    match key {
        "kubernetes.io/metadata.name" => rng.pick(&["a", "b"]),
        "statefulset.kubernetes.io/pod-name" => rng.pick(&["w0-0", "w1-1"]),
        "job-name" => rng.pick(&["w0", "w1"]),
        _ => rng.pick(&["x", "z", ""]),
    }
}

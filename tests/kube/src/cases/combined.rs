//! Random policies from seeds: mostly good values, and here and there one of the tables.

use portcullis_tests::random::Random;

use super::Case;
use super::tables::{
    CIDRS, EXCEPTS, KEYS, OPERATORS, PEERS, POLICY_TYPES, PORTS, PROTOCOLS, RANGES, RULES,
    VALUE_LISTS, VALUES,
};

/// How many; each has a seed of its own.
const COUNT: u64 = 250;

/// One case for each seed.
pub fn cases() -> Vec<Case> {
    (0..COUNT)
        .map(|seed| Case::spec(&format!("seed {seed}"), spec(&mut Random::new(seed))))
        .collect()
}

/// One of the good values, or now and then any of a table.
fn value(rng: &mut Random, good: &[&'static str], all: &[&'static str]) -> &'static str {
    let values = if rng.chance(88) { good } else { all };
    let value: &&'static str = rng.pick(values);
    value
}

fn spec(rng: &mut Random) -> String {
    let mut fields = vec![format!("podSelector: {}", selector(rng))];
    if rng.chance(50) {
        let good = ["[Ingress]", "[Egress]", "[Ingress, Egress]"];
        fields.push(format!("policyTypes: {}", value(rng, &good, POLICY_TYPES)));
    }
    for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
        if rng.chance(65) {
            fields.push(format!("{direction}: {}", list(rng, |rng| rule(rng, peers))));
        }
    }
    rng.shuffle(&mut fields);
    format!("{{{}}}", fields.join(", "))
}

/// One to three.
fn list(rng: &mut Random, mut one: impl FnMut(&mut Random) -> String) -> String {
    let count = 1 + rng.below(3);
    let items: Vec<String> = (0..count).map(|_| one(rng)).collect();
    format!("[{}]", items.join(", "))
}

fn rule(rng: &mut Random, peers: &str) -> String {
    if rng.chance(6) {
        return rng.pick(RULES).replace("PEERS", peers);
    }
    let mut fields = Vec::new();
    if rng.chance(75) {
        fields.push(format!("{peers}: {}", list(rng, peer)));
    }
    if rng.chance(75) {
        fields.push(format!("ports: {}", list(rng, port)));
    }
    format!("{{{}}}", fields.join(", "))
}

fn peer(rng: &mut Random) -> String {
    match rng.below(12) {
        0 => (*rng.pick(PEERS)).to_owned(),
        1 => {
            let (cidr, except) = rng.pick(EXCEPTS);
            format!("{{ipBlock: {{cidr: {cidr}, except: {except}}}}}")
        }
        2..=4 => {
            let good = ["10.0.0.0/8", "192.168.0.0/16", "\"2001:db8::/32\"", "0.0.0.0/0"];
            format!("{{ipBlock: {{cidr: {}}}}}", value(rng, &good, CIDRS))
        }
        5..=7 => format!("{{podSelector: {}}}", selector(rng)),
        8..=9 => format!("{{namespaceSelector: {}}}", selector(rng)),
        _ => format!("{{namespaceSelector: {}, podSelector: {}}}", selector(rng), selector(rng)),
    }
}

fn port(rng: &mut Random) -> String {
    let mut fields = Vec::new();
    if rng.chance(50) {
        fields.push(format!("protocol: {}", value(rng, &["TCP", "UDP", "SCTP"], PROTOCOLS)));
    }
    if rng.chance(20) {
        let (port, end) = rng.pick(RANGES);
        fields.push(format!("port: {port}, endPort: {end}"));
    } else if rng.chance(85) {
        fields.push(format!("port: {}", value(rng, &["80", "443", "http", "65535"], PORTS)));
    }
    rng.shuffle(&mut fields);
    format!("{{{}}}", fields.join(", "))
}

fn selector(rng: &mut Random) -> String {
    let mut fields = Vec::new();
    if rng.chance(50) {
        let key = value(rng, &["app", "tier", "example.com/team"], KEYS);
        let value = value(rng, &["web", "db", "\"\""], VALUES);
        fields.push(format!("matchLabels: {{{key}: {value}}}"));
    }
    if rng.chance(35) {
        fields.push(format!("matchExpressions: {}", list(rng, expression)));
    }
    format!("{{{}}}", fields.join(", "))
}

fn expression(rng: &mut Random) -> String {
    let key = value(rng, &["app", "tier"], KEYS);
    let operator = value(rng, &["In", "NotIn", "Exists", "DoesNotExist"], OPERATORS);
    let values = match operator {
        "Exists" | "DoesNotExist" => value(rng, &["[]", "null"], VALUE_LISTS),
        _ => value(rng, &["[a]", "[a, b]"], VALUE_LISTS),
    };
    format!("{{key: {key}, operator: {operator}, values: {values}}}")
}

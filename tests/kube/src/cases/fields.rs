//! Every value of every field, alone in an otherwise plain policy.

use super::Case;
use super::tables::{
    CIDRS, EXCEPTS, KEYS, OPERATORS, PEERS, POLICY_TYPES, PORTS, PROTOCOLS, RANGES, RULES,
    SELECTORS, VALUE_LISTS, VALUES,
};

/// One case for each.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    cases.extend(PORTS.iter().map(|port| entry("port", &format!("port: {port}"))));
    cases.extend(
        RANGES.iter().map(|(port, end)| entry("range", &format!("port: {port}, endPort: {end}"))),
    );
    cases.extend(
        ["90", "0", "null", "x"].iter().map(|end| entry("range", &format!("endPort: {end}"))),
    );
    cases.extend(PROTOCOLS.iter().map(|word| entry("protocol", &format!("protocol: {word}"))));
    cases.extend(CIDRS.iter().map(|cidr| peer("cidr", &format!("{{ipBlock: {{cidr: {cidr}}}}}"))));
    cases.extend(EXCEPTS.iter().map(|(cidr, except)| {
        peer("except", &format!("{{ipBlock: {{cidr: {cidr}, except: {except}}}}}"))
    }));
    cases.extend(PEERS.iter().map(|text| peer("peer", text)));
    cases.extend(RULES.iter().flat_map(|text| rules(text)));
    cases.extend(types());
    cases.extend(selectors());
    cases
}

fn entry(name: &str, fields: &str) -> Case {
    Case::spec(name, format!("{{ingress: [{{ports: [{{{fields}}}]}}]}}"))
}

fn peer(name: &str, peer: &str) -> Case {
    Case::spec(name, format!("{{egress: [{{to: [{peer}]}}]}}"))
}

fn rules(rule: &str) -> [Case; 2] {
    [("ingress", "from"), ("egress", "to")].map(|(direction, peers)| {
        Case::spec("rule", format!("{{{direction}: [{}]}}", rule.replace("PEERS", peers)))
    })
}

fn types() -> Vec<Case> {
    let beside =
        ["", ", ingress: [{}], egress: [{}]", ", egress: [{}]", ", ingress: [], egress: []"];
    let all = POLICY_TYPES.iter().enumerate().flat_map(|(i, types)| {
        // All four beside the plain ones, none beside those that are refused anyway.
        let count = if i < 10 { 4 } else { 1 };
        beside.iter().take(count).map(move |beside| format!("{{policyTypes: {types}{beside}}}"))
    });
    all.map(|spec| Case::spec("types", spec)).collect()
}

fn selectors() -> Vec<Case> {
    let mut specs: Vec<String> = SELECTORS.iter().map(|one| (*one).to_owned()).collect();
    specs.extend(KEYS.iter().map(|key| format!("{{matchLabels: {{{key}: x}}}}")));
    specs.extend(VALUES.iter().map(|value| format!("{{matchLabels: {{x: {value}}}}}")));
    let expression = |fields: String| format!("{{matchExpressions: [{{{fields}}}]}}");
    specs.extend(KEYS.iter().map(|key| expression(format!("key: {key}, operator: Exists"))));
    specs.extend(
        VALUES.iter().map(|one| expression(format!("key: x, operator: NotIn, values: [{one}]"))),
    );
    for operator in OPERATORS {
        specs.push(expression(format!("key: x, operator: {operator}")));
        // Every list with the four that exist, two with those that do not.
        let known = ["In", "NotIn", "Exists", "DoesNotExist"].contains(operator);
        let lists = if known { VALUE_LISTS } else { &["[a]", "[\"a b\"]"][..] };
        specs.extend(
            lists
                .iter()
                .map(|list| expression(format!("key: x, operator: {operator}, values: {list}"))),
        );
    }
    specs
        .iter()
        .map(|selector| Case::spec("selector", format!("{{podSelector: {selector}}}")))
        .collect()
}

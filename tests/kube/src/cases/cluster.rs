//! What the API server is asked about ClusterNetworkPolicy.

use std::collections::BTreeSet;

use super::repeated;
use super::tables::{CIDRS, PORTS, SELECTORS};

/// A name and a manifest.
pub type ClusterCase = (String, String);

/// Every question once.
pub fn all() -> Vec<ClusterCase> {
    let mut cases = specs();
    cases.extend(documents());
    let values = |name: &str, wrap: fn(&str) -> String, values: &[&str]| {
        let case = |value: &&str| (format!("{name} {value}"), wrap(value));
        values.iter().map(case).collect::<Vec<_>>()
    };
    cases.extend(values("tier", tier, TIERS));
    cases.extend(values("priority", priority, PRIORITIES));
    cases.extend(values("subject", subject, SELECTIONS));
    cases.extend(values("from", |peer| ingress(&deny("from", &format!("[{peer}]"))), SELECTIONS));
    cases.extend(values("to", |peer| egress(&deny("to", &format!("[{peer}]"))), SELECTIONS));
    cases.extend(values("to", |peer| egress(&deny("to", &format!("[{peer}]"))), ADDRESSES));
    cases.extend(values("from", |peer| ingress(&deny("from", &format!("[{peer}]"))), ADDRESSES));
    cases.extend(values("protocols", protocols, PROTOCOL_LISTS));
    cases.extend(values("action", action, ACTIONS));
    cases.extend(values("cidr", network, CIDRS));
    cases.extend(values("number", number, PORTS));
    cases.extend(values("selector", selector, SELECTORS));
    cases.extend(values("label", label, LABELS));
    cases.extend(values("domain", domain, DOMAINS));
    cases.extend(values("range", range, RANGES));
    let mut seen = BTreeSet::new();
    let cases = cases.into_iter().map(|(name, text)| (name, repeated(text)));
    cases.filter(|(_, text)| seen.insert(text.clone())).collect()
}

fn policy(version: &str, spec: &str) -> String {
    format!(
        "apiVersion: policy.networking.k8s.io/{version}\nkind: ClusterNetworkPolicy\n\
         metadata: {{name: t}}\nspec: {spec}\n"
    )
}

fn spec(rest: &str) -> String {
    policy("v1beta1", &format!("{{tier: Admin, priority: 1, subject: {{namespaces: {{}}}}{rest}}}"))
}

fn ingress(rule: &str) -> String {
    spec(&format!(", ingress: [{rule}]"))
}

fn egress(rule: &str) -> String {
    spec(&format!(", egress: [{rule}]"))
}

fn deny(field: &str, peers: &str) -> String {
    format!("{{action: Deny, {field}: {peers}}}")
}

fn tier(value: &str) -> String {
    policy("v1beta1", &format!("{{tier: {value}, priority: 1, subject: {{namespaces: {{}}}}}}"))
}

fn priority(value: &str) -> String {
    policy("v1beta1", &format!("{{tier: Baseline, priority: {value}, subject: {{pods: {{podSelector: {{}}}}}}}}"))
}

fn subject(value: &str) -> String {
    policy("v1beta1", &format!("{{tier: Admin, priority: 1, subject: {value}}}"))
}

fn action(value: &str) -> String {
    ingress(&format!("{{action: {value}, from: [{{namespaces: {{}}}}]}}"))
}

fn protocols(value: &str) -> String {
    ingress(&format!("{{action: Pass, from: [{{namespaces: {{}}}}], protocols: {value}}}"))
}

fn number(value: &str) -> String {
    protocols(&format!("[{{tcp: {{destinationPort: {{number: {value}}}}}}}]"))
}

fn range(value: &str) -> String {
    protocols(&format!("[{{udp: {{destinationPort: {{range: {value}}}}}}}]"))
}

fn network(value: &str) -> String {
    egress(&deny("to", &format!("[{{networks: [{value}]}}]")))
}

fn domain(value: &str) -> String {
    egress(&format!("{{action: Accept, to: [{{domainNames: [{value}]}}]}}"))
}

fn selector(value: &str) -> String {
    subject(&format!("{{namespaces: {value}}}"))
}

fn label(value: &str) -> String {
    subject(&format!("{{namespaces: {{matchLabels: {value}}}}}"))
}

fn many(n: usize, one: impl Fn(usize) -> String) -> String {
    let items: Vec<String> = (0..n).map(one).collect();
    format!("[{}]", items.join(", "))
}

/// Whole specs, and lists that are as long as they may be, or longer.
fn specs() -> Vec<ClusterCase> {
    let rule = |_| "{action: Deny, from: [{namespaces: {}}]}".to_owned();
    let peer = |_| "{namespaces: {}}".to_owned();
    let port = |i: usize| format!("{{tcp: {{destinationPort: {{number: {}}}}}}}", i + 1);
    let block = |i: usize| format!("10.0.{i}.0/24");
    let name = |i: usize| format!("n{i}.example.com");
    let mut cases = Vec::new();
    let mut add = |name: String, text: String| cases.push((name, text));
    for n in [0, 1, 25, 26] {
        add(format!("{n} rules"), spec(&format!(", ingress: {}", many(n, rule))));
        add(format!("{n} peers"), ingress(&deny("from", &many(n, peer))));
        add(format!("{n} ports"), protocols(&many(n, port)));
        add(format!("{n} networks"), egress(&deny("to", &format!("[{{networks: {}}}]", many(n, block)))));
        add(format!("{n} domains"), egress(&format!("{{action: Accept, to: [{{domainNames: {}}}]}}", many(n, name))));
    }
    for text in WHOLE {
        add("spec".into(), policy("v1beta1", text));
    }
    for text in RULES {
        add("rule".into(), egress(text));
        add("rule".into(), ingress(text));
    }
    for text in LISTS {
        add("list".into(), spec(&format!(", egress: {text}")));
    }
    add("v1alpha2".into(), policy("v1alpha2", "{tier: Admin, priority: 1, subject: {namespaces: {}}, egress: [{action: Accept, to: [{networks: [10.0.0.0/8]}]}]}"));
    add("v1alpha2".into(), policy("v1alpha2", "{tier: Admin, priority: 1, subject: {namespaces: {}}, egress: [{action: Allow, to: [{networks: [10.0.0.1/8]}]}]}"));
    cases
}

const HEAD: &str = "apiVersion: policy.networking.k8s.io/v1beta1\nkind: ClusterNetworkPolicy\n";
const SPEC: &str = "spec: {tier: Admin, priority: 1, subject: {namespaces: {}}}\n";

/// What stands beside the spec.
fn documents() -> Vec<ClusterCase> {
    let metadata = [
        "{name: default}", "{name: a.b-c.9}", "{name: A}", "{name: -a}", "{name: a_b}", "{}",
        "{name: <253>}", "{name: <254>}", "{name: t, labels: {a: b}}", "{name: t, labels: {a: 1}}",
        "{name: t, labels: {\"a b\": c}}", "{name: t, unknown: 1}", "{name: 1}", "null",
        "{name: t, annotations: {a: \"1\"}}",
    ];
    let with = |text: &&str| ("metadata".to_owned(), format!("{HEAD}metadata: {text}\n{SPEC}"));
    let mut cases: Vec<ClusterCase> = metadata.iter().map(with).collect();
    for rest in ["status: {}\n", "status: {conditions: [1]}\n", "other: 1\n", "statuses: null\n"] {
        cases.push(("document".into(), format!("{HEAD}metadata: {{name: t}}\n{SPEC}{rest}")));
    }
    cases.push(("no spec".into(), format!("{HEAD}metadata: {{name: t}}\n")));
    let twice = "spec: {tier: Admin, tier: Baseline, priority: 1, subject: {namespaces: {}}}\n";
    cases.push(("twice".into(), format!("{HEAD}metadata: {{name: t}}\n{twice}")));
    cases
}

const WHOLE: &[&str] = &[
    "{}", "null", "[]", "text", "1",
    "{tier: Admin}", "{tier: Admin, priority: 1}", "{priority: 1, subject: {namespaces: {}}}",
    "{tier: Admin, subject: {namespaces: {}}}",
    "{tier: Admin, priority: 1, subject: {namespaces: {}}, podSelector: {}}",
    "{tier: Admin, priority: 1, subject: {namespaces: {}}, ingress: null, egress: null}",
    "{tier: Admin, priority: 1, subject: {namespaces: {}}, ingress: {}, egress: text}",
    "{tier: Admin, priority: 1, subject: {namespaces: {}}, policyTypes: [Ingress]}",
    "{tier: admin, priority: -1, subject: {}, ingress: [{}]}",
];

const TIERS: &[&str] = &[
    "Admin", "Baseline", "admin", "BASELINE", "Default", "\"\"", "null", "1", "true", "[Admin]",
    "{}", "\"Admin \"", "NetworkPolicy",
];

const PRIORITIES: &[&str] = &[
    "0", "1", "1000", "1001", "-1", "\"1\"", "1.0", "1.5", "1e2", "null", "true", "[]", "{}",
    "2147483648", "99999999999999", "\"\"", "0x10", "010", "-0",
];

const ACTIONS: &[&str] = &[
    "Accept", "Deny", "Pass", "Allow", "accept", "DENY", "Log", "\"\"", "null", "1", "[Deny]",
];

/// Of subjects, and of peers in both directions.
const SELECTIONS: &[&str] = &[
    "{}", "null", "[]", "text", "{namespaces: {}}", "{namespaces: null}", "{namespaces: []}",
    "{pods: {}}", "{pods: {podSelector: {}}}", "{pods: {namespaceSelector: {}}}",
    "{pods: {namespaceSelector: {}, podSelector: {}}}", "{pods: null}", "{pods: []}",
    "{pods: {namespaceSelector: null, podSelector: null}}",
    "{pods: {namespaceSelector: {matchLabels: {a: b}}, podSelector: {matchLabels: {c: d}}}}",
    "{namespaces: {}, pods: {podSelector: {}}}", "{namespaces: null, pods: {podSelector: {}}}",
    "{namespaces: {matchLabels: {a: b}}}", "{namespaces: {matchLabels: {a: b}, other: 1}}",
    "{namespaces: {namespaceSelector: {}}}", "{namespaces: {sameLabels: [a]}}",
    "{namespaces: {matchLabels: null, matchExpressions: null}}",
    "{namespaces: {matchExpressions: []}}", "{namespaces: {matchExpressions: [null]}}",
    "{namespaces: {matchExpressions: {}}}", "{namespaces: {matchExpressions: [1]}}",
    "{namespaceSelector: {}}", "{podSelector: {}}", "{other: {}}",
    "{namespaces: {}, other: {}}", "{pods: {podSelector: {}, other: 1}}",
    "{pods: {podSelector: {matchLabel: {a: b}}}}", "{Namespaces: {}}",
];

/// Of peers for egress.
const ADDRESSES: &[&str] = &[
    "{networks: []}", "{networks: null}", "{networks: {}}", "{networks: [null]}", "{networks: [1]}",
    "{networks: [10.0.0.0/8, 10.0.0.0/8]}", "{networks: [10.0.0.0/8, \"fd00::/8\"]}",
    "{networks: [10.0.0.0/8], namespaces: {}}", "{networks: 10.0.0.0/8}",
    "{networks: [\"FD00::/8\", \"fd00::/8\"]}",
    "{nodes: {}}", "{nodes: null}", "{nodes: {matchLabels: {a: b}}}", "{nodes: []}",
    "{nodes: {}, networks: [10.0.0.0/8]}", "{nodes: {}, namespaces: {}}",
    "{domainNames: [example.com]}", "{domainNames: []}", "{domainNames: null}",
    "{domainNames: [example.com, example.com]}", "{domainNames: example.com}",
    "{domainNames: [example.com], networks: [10.0.0.0/8]}", "{ipBlock: {cidr: 10.0.0.0/8}}",
    "{domainNames: [null]}", "{domainNames: [1]}", "{externalNetworks: [10.0.0.0/8]}",
];

const PROTOCOL_LISTS: &[&str] = &[
    "null", "{}", "text", "[]", "[null]", "[{}]", "[1]", "[{tcp: {}}]", "[{tcp: null}]",
    "[{tcp: []}]", "[{tcp: {destinationPort: null}}]", "[{tcp: {destinationPort: {}}}]",
    "[{tcp: {destinationPort: 80}}]", "[{tcp: {destinationPort: {number: 80}}}]",
    "[{udp: {destinationPort: {number: 80}}}]", "[{sctp: {destinationPort: {number: 80}}}]",
    "[{icmp: {}}]", "[{TCP: {destinationPort: {number: 80}}}]",
    "[{tcp: {destinationPort: {number: 80}}, udp: {destinationPort: {number: 80}}}]",
    "[{tcp: {destinationPort: {number: 80, range: {start: 1, end: 2}}}}]",
    "[{tcp: {destinationPort: {number: 80, other: 1}}}]", "[{tcp: {port: 80}}]",
    "[{tcp: {destinationPort: {number: 80}, sourcePort: {number: 1}}}]",
    "[{destinationNamedPort: http}]", "[{destinationNamedPort: \"\"}]",
    "[{destinationNamedPort: null}]", "[{destinationNamedPort: 80}]",
    "[{destinationNamedPort: NOT-A-NAME}]", "[{destinationNamedPort: <64>}]",
    "[{destinationNamedPort: http, tcp: {destinationPort: {number: 80}}}]",
    "[{tcp: {destinationPort: {number: 80}}}, {tcp: {destinationPort: {number: 80}}}]",
    "[{portNumber: {port: 80}}]", "[{protocol: TCP, port: 80}]",
];

const RANGES: &[&str] = &[
    "{start: 1, end: 65535}", "{start: 80, end: 80}", "{start: 81, end: 80}",
    "{start: 80, end: 81}", "{start: 80}", "{end: 80}", "{}", "null", "[]", "80-90",
    "{start: 0, end: 80}", "{start: 80, end: 65536}", "{start: \"80\", end: 90}",
    "{start: null, end: 90}", "{start: 80, end: 90, step: 2}", "{start: 0, end: 0}",
    "{start: 65536, end: 1}", "{start: 80.0, end: 90}", "{start: 80, end: 90.5}",
];

const DOMAINS: &[&str] = &[
    "example.com", "\"*.example.com\"", "\"*\"", "example", "\"*.com\"", "example.com.", "\".\"",
    "\"\"", "a..b", "-a.com", "a-.com", "a_b.com", "_a.com", "a_.com", "\"a.*.com\"",
    "\"**.example.com\"", "\"*example.com\"", "EXAMPLE.com", "1.2.3.4", "example.com..",
    "\" example.com\"", "\"example.com\\n\"", "xn--bcher-kva.example", "bücher.example",
    "a.b.c.d.e.f", "\"*.\"", "\"*.a.\"", "<64>.com", "\"[a.com\"", "\"a^b.com\"", "https://a.com",
];

const LABELS: &[&str] = &[
    "{a: b}", "{a: 1}", "{a: true}", "{a: null}", "{a: \"\"}", "{\"a b\": c}", "{a: \"b c\"}",
    "{\"\": a}", "{a: {}}", "[]", "text", "{a/b: c}", "{a/b/c: d}", "{a: <63>}", "{a: <64>}",
    "{<64>: a}", "{a: b, a: c}", "{a: -b}",
];

const RULES: &[&str] = &[
    "{}", "null", "1", "{action: Deny}", "{to: [{namespaces: {}}]}", "{from: [{namespaces: {}}]}",
    "{action: Deny, to: []}", "{action: Deny, from: []}", "{action: Deny, to: null}",
    "{action: Deny, to: {}}", "{action: Deny, to: [null]}", "{action: Deny, to: [1]}",
    "{action: Deny, to: [{namespaces: {}}], from: [{namespaces: {}}]}",
    "{action: Deny, to: [{namespaces: {}}], name: <100>}",
    "{action: Deny, to: [{namespaces: {}}], name: <101>}",
    "{action: Deny, to: [{namespaces: {}}], name: 1}",
    "{action: Deny, to: [{namespaces: {}}], name: \"\"}",
    "{action: Deny, to: [{namespaces: {}}], name: null}",
    "{action: Deny, to: [{namespaces: {}}], ports: [{portNumber: {port: 80}}]}",
    "{action: Deny, to: [{networks: [10.0.0.0/8]}], protocols: [{destinationNamedPort: http}]}",
    "{action: Deny, to: [{nodes: {}}], protocols: [{destinationNamedPort: http}]}",
    "{action: Deny, to: [{domainNames: [a.io]}], protocols: [{destinationNamedPort: http}]}",
    "{action: Deny, to: [{namespaces: {}}], protocols: [{destinationNamedPort: http}]}",
    "{action: Deny, to: [{namespaces: {}}, {networks: [10.0.0.0/8]}], protocols: [{destinationNamedPort: http}, {tcp: {destinationPort: {number: 80}}}]}",
    "{action: Deny, to: [{networks: [10.0.0.0/8]}], protocols: [{tcp: {destinationPort: {number: 80}}}]}",
    "{action: Deny, to: [{domainNames: [a.io]}]}",
    "{action: Pass, to: [{}]}", "{action: Pass, to: [{later: {}}]}",
    "{action: Accept, to: [{namespaces: {}}, {}]}",
    "{Action: Deny, to: [{namespaces: {}}]}",
];

const LISTS: &[&str] = &["null", "{}", "text", "[[]]", "[null]", "[{action: Deny, to: [{namespaces: {}}]}, {}]"];

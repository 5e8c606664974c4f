//! Whole manifests: metadata, what stands beside the spec, keys that come twice, and JSON.

use portcullis_tests::apiserver::Text;

use super::Case;

/// Specs of every kind but a good one, and good ones that are odd.
const SPECS: &[&str] = &[
    "null",
    "{}",
    "[]",
    "\"\"",
    "x",
    "1",
    "true",
    "{podSelector: {}, ingress: {}}",
    "{ingress: null}",
    "{ingress: []}",
    "{ingress: \"\"}",
    "{ingress: true}",
    "{ingress: {from: []}}",
    "{egress: []}",
    "{egress: null}",
    "{egress: {}}",
    "{policyTypes: [Egress], egress: null}",
    "{ingress: [{}, {}]}",
    "{podSelector: {}, unknown: 1}",
    "{PodSelector: {}}",
    "{podSelector: {}, from: []}",
    "{podSelector: {}, ports: [{port: 80}]}",
    "{Ingress: [{}]}",
    "{podSelector: {}, podSelector: {}}",
    "{ingress: [{}], ingress: []}",
    "{ingress: [{unknown: 1, other: 2}]}",
    "{ingress: [{ports: [{port: 80, port: 81}]}]}",
    "{ingress: [{ports: [{Port: 80}]}]}",
    "{ingress: [{ports: [{port: 80, endport: 90}]}]}",
    "{ingress: [{ports: [{port: 80, name: x}]}]}",
    "{podSelector: {<<: {matchLabels: {a: b}}}}",
    "{podSelector: {matchLabels: {a: b, <<: {a: c, d: e}}}}",
    "{podSelector: {matchLabels: {<<: {a: b}, a: c}}}",
    "{podSelector: {matchLabels: {<<: {a: b}, <<: {a: c}}}}",
    "{podSelector: {matchLabels: {a: b, <<: {a: c}, a: d}}}",
    "{podSelector: {matchLabels: {<<: [{a: b}, {a: c, d: e}]}}}",
    "{ingress: [&r {from: [{podSelector: {}}]}, *r]}",
    "{ingress: [&r {ports: [{port: 0}]}, *r]}",
    "{unknown: {unknown: 1}, podSelector: {matchLabels: {a: 1}}}",
    "{unknown: 1, ingress: [{ports: [{port: 0}]}]}",
];

/// `metadata`, in the flow style.
const METADATA: &[&str] = &[
    "null",
    "{}",
    "[]",
    "\"\"",
    "{name: null}",
    "{name: \"\"}",
    "{name: t.t}",
    "{name: T}",
    "{name: 1}",
    "{name: \"1\"}",
    "{name: true}",
    "{name: -t}",
    "{name: t-}",
    "{name: t_t}",
    "{name: \"t t\"}",
    "{name: t..t}",
    "{name: .t}",
    "{name: t/t}",
    "{name: <253>}",
    "{name: <254>}",
    "{name: é}",
    "{name: <64>.t}",
    "{name: \".\"}",
    "{name: \"..\"}",
    "{name: \"t%\"}",
    "{name: \"*\"}",
    "{generateName: t-}",
    "{generateName: T}",
    "{generateName: \"\"}",
    "{generateName: \"-\"}",
    "{generateName: t_}",
    "{name: t, generateName: T}",
    "{generateName: 1}",
    "{name: t, namespace: null}",
    "{name: t, namespace: default}",
    "{name: t, namespace: \"\"}",
    "{name: t, namespace: 1}",
    "{name: t, labels: null}",
    "{name: t, labels: {}}",
    "{name: t, labels: []}",
    "{name: t, labels: x}",
    "{name: t, labels: {a: b, c: ~}}",
    "{name: t, labels: {a: 1}}",
    "{name: t, labels: {a: true}}",
    "{name: t, labels: {a: \"-\"}}",
    "{name: t, labels: {\"\": a}}",
    "{name: t, labels: {\"a b\": a, c: \"d e\"}}",
    "{name: t, labels: {a: <64>}}",
    "{name: t, labels: {<64>: a}}",
    "{name: t, labels: {A/a: b}}",
    "{name: t, labels: {a: {}}}",
    "{name: t, annotations: null}",
    "{name: t, annotations: {a: b}}",
    "{name: t, annotations: {a: 1}}",
    "{name: t, annotations: {\"a b\": c}}",
    "{name: t, annotations: {A/a: c}}",
    "{name: t, annotations: {\"\": c}}",
    "{name: t, annotations: {a: \"any text, é\"}}",
    "{name: t, annotations: []}",
    "{name: t, annotations: {a: true}}",
    "{name: t, annotations: {a: ~}}",
    "{name: t, unknown: 1}",
    "{name: t, Name: u}",
    "{name: t, name: u}",
    "{Name: t}",
    "{name: t, labels: {a: b, a: c}}",
    "{name: t, finalizers: [a/b]}",
    "{name: t, finalizers: x}",
    "{name: t, finalizers: [\"a b\"]}",
    "{name: t, creationTimestamp: null}",
    "{name: t, creationTimestamp: 2020-01-01T00:00:00Z}",
    "{name: t, creationTimestamp: x}",
    "{name: t, uid: x}",
    "{name: t, uid: 1}",
    "{name: t, generation: x}",
    "{name: t, ownerReferences: x}",
    "{name: t, ownerReferences: [{apiVersion: v1, kind: Pod, name: p, uid: u}]}",
    "{name: t, ownerReferences: [{}]}",
    "{name: t, clusterName: c}",
    "{name: t, selfLink: s}",
    "{name: T, labels: {a: \"-\"}}",
    "{name: t, managedFields: x}",
    "{name: t, resourceVersion: \"\"}",
];

/// Names of namespaces, and labels of theirs.
const NAMESPACES: &[&str] = &[
    "{name: n}",
    "{name: n.n}",
    "{name: N}",
    "{name: <63>}",
    "{name: <64>}",
    "{name: -n}",
    "{name: n-}",
    "{name: n_n}",
    "{name: \"1\"}",
    "{name: 1}",
    "{name: \"\"}",
    "{}",
    "null",
    "{generateName: n-}",
    "{name: n, labels: {a: b}}",
    "{name: n, labels: {a: \"-\"}}",
    "{name: n, labels: {a: 1}}",
    "{name: n, labels: {\"-\": b}}",
    "{name: N, labels: {\"-\": \"-\"}}",
];

/// Specs in JSON.
const JSON: &[&str] = &[
    "null",
    "{}",
    "[]",
    "\"\"",
    "{\"podSelector\":{}}",
    "{\"podSelector\":null,\"policyTypes\":null}",
    "{\"podSelector\":{},\"podSelector\":{\"matchLabels\":{\"a\":\"b\"}}}",
    "{\"podSelector\":{\"matchLabels\":{\"a\":\"b\",\"a\":\"c\"}}}",
    "{\"podSelector\":{\"matchLabels\":{\"a\":null}}}",
    "{\"podSelector\":{\"matchLabels\":{\"a\":1}}}",
    "{\"podSelector\":{\"matchLabels\":{\"a\":\"\\u0062\"}}}",
    "{\"podSelector\":{\"matchLabels\":{\"\\u0061\":\"b\"}}}",
    "{\"podSelector\":{\"matchLabels\":{\"yes\":\"no\"}}}",
    "{\"podselector\":{},\"unknown\":[1,{}]}",
    "{\"ingress\":[{\"ports\":[{\"port\":80}]}]}",
    "{\"ingress\":[{\"ports\":[{\"port\":80.0}]}]}",
    "{\"ingress\":[{\"ports\":[{\"port\":8e1}]}]}",
    "{\"ingress\":[{\"ports\":[{\"port\":80.5}]}]}",
    "{\"ingress\":[{\"ports\":[{\"port\":0}]}]}",
    "{\"ingress\":[{\"ports\":[{\"port\":-0}]}]}",
    "{\"ingress\":[{\"ports\":[{\"port\":-1}]}]}",
    "{\"ingress\":[{\"ports\":[{\"port\":65536}]}]}",
    "{\"ingress\":[{\"ports\":[{\"port\":2147483648}]}]}",
    "{\"ingress\":[{\"ports\":[{\"port\":1e400}]}]}",
    "{\"ingress\":[{\"ports\":[{\"port\":9223372036854775808}]}]}",
    "{\"ingress\":[{\"ports\":[{\"port\":\"80\"}]}]}",
    "{\"ingress\":[{\"ports\":[{\"port\":\"http\"}]}]}",
    "{\"ingress\":[{\"ports\":[{\"port\":null}]}]}",
    "{\"ingress\":[{\"ports\":[{\"port\":true}]}]}",
    "{\"ingress\":[{\"ports\":[{\"port\":{}}]}]}",
    "{\"ingress\":[{\"ports\":[{\"port\":80,\"endPort\":90.0}]}]}",
    "{\"ingress\":[{\"ports\":[{\"port\":80,\"endPort\":9e1}]}]}",
    "{\"ingress\":[{\"ports\":[{\"port\":80,\"endPort\":\"90\"}]}]}",
    "{\"ingress\":[{\"ports\":[{\"port\":80,\"endPort\":90.5}]}]}",
    "{\"ingress\":[null]}",
    "{\"ingress\":[{\"from\":[null]}]}",
    "{\"ingress\":[{\"from\":[{\"ipBlock\":{\"cidr\":\"10.0.0.0\\/8\"}}]}]}",
    "{\"egress\":[{\"to\":[{\"ipBlock\":{\"cidr\":\"10.0.0.5/8\",\"except\":[\"x\"]}}]}]}",
    "{\"policyTypes\":[\"Ingress\",\"egress\"]}",
    "{\"Ingress\":[{}]}",
    "{\"INGRESS\":[{}],\"ingress\":[]}",
    "{\"policyTypes\":\"Ingress\"}",
    "{\"ingress\":{}}",
    "{\"podSelector\":{\"matchLabels\":{\"a\":\"\\ud800\"}}}",
    "{\"podSelector\":{\"matchLabels\":{\"<64>\":\"<64>\"}}}",
    "{\"podSelector\":{\"matchLabels\":[]}}",
];

/// `metadata` in JSON.
const JSON_METADATA: &[&str] = &[
    "null",
    "{}",
    "{\"name\":1}",
    "{\"name\":\"t\",\"annotations\":{\"a\":1}}",
    "{\"name\":\"t\",\"annotations\":{\"a b\":\"c\"}}",
    "{\"name\":\"t\",\"annotations\":{\"a\":null}}",
    "{\"name\":\"t\",\"annotations\":{\"a\":\"b\",\"a\":\"c\"}}",
    "{\"name\":\"t\",\"annotations\":[]}",
    "{\"name\":\"t\",\"annotations\":null}",
    "{\"name\":\"t\",\"labels\":{\"a\":1}}",
    "{\"name\":\"t\",\"annotations\":{\"a\":{\"b\":[\"c\"]}}}",
    "{\"name\":\"t\",\"name\":\"u\"}",
];

/// What stands beside `metadata` and `spec`.
const BESIDE: &[&str] = &[
    "status: {}",
    "status: null",
    "status: x",
    "unknown: 1",
    "Spec: {}",
    "data: {a: b}",
    "apiVersion: networking.k8s.io/v1",
    "kind: NetworkPolicy",
    "spec: {podSelector: {}}",
    "metadata: {name: u}",
    "ingress: [{}]",
];

/// One case for each; what only warns is also asked strictly.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for name in ["spec", "strict spec"] {
        cases.extend(SPECS.iter().map(|spec| Case::spec(name, *spec)));
    }
    for name in ["metadata", "strict metadata"] {
        cases.extend(METADATA.iter().map(|metadata| policy(name, metadata, "")));
    }
    for name in ["beside", "strict beside"] {
        cases.extend(BESIDE.iter().map(|line| policy(name, "{name: t}", line)));
    }
    let bare = head("NetworkPolicy", "{name: t}");
    cases.push(Case::new(
        "no metadata",
        Text::Yaml(bare.replace("metadata: {name: t}", "spec: {}")),
    ));
    cases.push(Case::new("no spec", Text::Yaml(bare)));
    let namespace = |metadata: &&str| Text::Yaml(head("Namespace", metadata));
    cases.extend(NAMESPACES.iter().map(|one| Case::new("namespace", namespace(one))));
    for name in ["json", "strict json"] {
        let spec = |spec: &&str| Text::Json(json(r#"{"name":"t"}"#, spec));
        cases.extend(JSON.iter().map(|one| Case::new(name, spec(one))));
        let metadata = |metadata: &&str| Text::Json(json(metadata, "{}"));
        cases.extend(JSON_METADATA.iter().map(|one| Case::new(name, metadata(one))));
    }
    cases
}

fn head(kind: &str, metadata: &str) -> String {
    let version = if kind == "Namespace" { "v1" } else { "networking.k8s.io/v1" };
    format!("apiVersion: {version}\nkind: {kind}\nmetadata: {metadata}\n")
}

fn policy(name: &str, metadata: &str, beside: &str) -> Case {
    let text =
        format!("{}spec: {{podSelector: {{}}}}\n{beside}\n", head("NetworkPolicy", metadata));
    Case::new(name, Text::Yaml(format!("{}\n", text.trim_end())))
}

fn json(metadata: &str, spec: &str) -> String {
    format!(
        r#"{{"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":{metadata},"spec":{spec}}}"#
    )
}

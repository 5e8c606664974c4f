//! Names that try to leave their place. The API server refuses most of them; what is written here
//! does not rely on that.

use std::collections::BTreeMap;

use super::{ListFormat, list};
use crate::net::Family;
use crate::report::types::{
    Connection, EndpointKind, EndpointReport, ListReport, Note, Summary, UnknownReason,
};

const HOSTILE: &str = "a\"];\n|<b>,end`\\\u{1b}";

fn endpoint(id: &str, name: Option<&str>) -> EndpointReport {
    EndpointReport {
        id: id.into(),
        kind: name.map_or(EndpointKind::Addresses, |_| EndpointKind::Workload),
        namespace: name.map(str::to_owned),
        name: name.map(str::to_owned),
        workload_kind: name.map(|_| "Pod".to_owned()),
        group: None,
        pods: Vec::new(),
        replicas: None,
        labels: BTreeMap::new(),
        addresses: name.map_or(vec![id.to_owned()], |_| Vec::new()),
        ingress: None,
        egress: None,
        cluster_policies: Vec::new(),
        host_network: false,
        location: None,
    }
}

fn connection(from: &str, to: &str, allowed: Option<&str>) -> Connection {
    Connection {
        from: from.into(),
        to: to.into(),
        allowed: allowed.map(Into::into),
        unknown: None,
        family: None,
        why: None,
    }
}

fn report(connections: Vec<Connection>) -> ListReport {
    ListReport {
        endpoints: vec![
            endpoint("10.0.0.0/9", None),
            endpoint("10.128.0.0/9", None),
            endpoint(HOSTILE, Some(HOSTILE)),
            endpoint("b/c[Pod]", Some("c")),
        ],
        groups: Vec::new(),
        connections,
        port_sets: BTreeMap::new(),
        explanations: Vec::new(),
        admissions: Vec::new(),
        notes: Vec::new(),
        summary: Summary::default(),
    }
}

fn hostile(format: ListFormat) -> String {
    list(&report(vec![connection(HOSTILE, "b/c[Pod]", Some("TCP 80,443"))]), format)
}

#[test]
fn lines_stay_lines() {
    assert_eq!(
        hostile(ListFormat::Text),
        "a\"];\\u{a}|<b>,end`\\\\u{1b} => b/c[Pod] : TCP 80,443\n"
    );
}

#[test]
fn rows_stay_rows() {
    assert_eq!(
        hostile(ListFormat::Csv),
        "src,dst,conn\n\"a\"\"];\n|<b>,end`\\\u{1b}\",b/c[Pod],\"TCP 80,443\"\n"
    );
    assert_eq!(
        hostile(ListFormat::Markdown).lines().skip(2).collect::<Vec<_>>(),
        ["| a\\\"\\]\\;\\u{a}\\|&lt;b&gt;\\,end\\`\\\\\\u{1b} | b/c[Pod] | TCP 80,443 |"]
    );
}

#[test]
fn nodes_stay_nodes() {
    let name = "a\\\"];\\\\u{a}|<b>,end`\\\\\\\\u{1b}";
    assert_eq!(
        hostile(ListFormat::Dot),
        format!(
            "digraph portcullis {{\n  rankdir=LR;\n  node [shape=box, style=rounded];\n  \
             subgraph cluster_0 {{\n    label=\"{name}\";\n    \"{name}\" [label=\"{name}[Pod]\"];\n  \
             }}\n  subgraph cluster_1 {{\n    label=\"c\";\n    \"b/c[Pod]\" [label=\"c[Pod]\"];\n  \
             }}\n  \"{name}\" -> \"b/c[Pod]\" [label=\"TCP 80,443\"];\n}}\n"
        )
    );
    let name = "a#34;]#59;#92;u#123;a#125;#124;#60;b#62;,end#96;#92;#92;u#123;1b#125;";
    assert_eq!(
        hostile(ListFormat::Mermaid),
        format!(
            "flowchart LR\n  subgraph ns0[\"{name}\"]\n    n2[\"{name}[Pod]\"]\n  end\n  \
             subgraph ns1[\"c\"]\n    n3[\"c[Pod]\"]\n  end\n  n2 -->|\"TCP 80,443\"| n3\n"
        )
    );
}

#[test]
fn ranges_with_the_same_arrows_share_a_node() {
    let to = |from, allowed| connection(from, "b/c[Pod]", Some(allowed));
    let ovals = |second| {
        let connections = vec![to("10.0.0.0/9", "TCP 80"), to("10.128.0.0/9", second)];
        let dot = list(&report(connections), ListFormat::Dot);
        let ovals = dot.lines().filter(|line| line.contains("oval"));
        (ovals.map(str::trim).map(str::to_owned).collect::<Vec<_>>(), dot.matches("->").count())
    };
    let one = r#""10.0.0.0/9" [label="10.0.0.0-10.255.255.255", shape=oval];"#;
    assert_eq!(ovals("TCP 80"), (vec![one.to_owned()], 1));
    assert_eq!((ovals("TCP 81").0.len(), ovals("TCP 81").1), (2, 2));
}

#[test]
fn what_is_not_certain_is_counted_below() {
    let mut report = report(vec![connection("b/c[Pod]", HOSTILE, None)]);
    report.connections.push(Connection {
        family: Some(Family::IPv6),
        ..connection("b/c[Pod]", "10.0.0.0/9", Some("All Connections"))
    });
    let note = |connections| Note {
        reason: UnknownReason::Address,
        message: "give `--pod-cidr`".into(),
        policy: None,
        path: Some("spec.egress[0]".into()),
        location: None,
        connections,
    };
    report.notes = (1..=12).map(note).collect();
    let text = list(&report, ListFormat::Text);
    let (lines, notes) = text.split_once("\n\n").unwrap();
    assert_eq!(lines, "b/c[Pod] => 10.0.0.0/9 : All Connections (IPv6)");
    let notes: Vec<&str> = notes.lines().collect();
    assert_eq!(notes.len(), 13);
    assert_eq!(notes[1], "  give `--pod-cidr`");
    assert_eq!(notes[2], "      1 connection egress[0]");
    assert_eq!(notes[11], "    10 connections egress[0]");
    assert_eq!(notes[12], "    and 2 more rules: all are in the JSON");
}

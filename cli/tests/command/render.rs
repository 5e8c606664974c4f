//! `portcullis render`.

use insta::assert_snapshot;

use crate::run;

#[test]
fn one_family_with_comments() {
    let ran = run(&["render", "--node", "n1", "--family", "ipv4", "--comments", "node"]);
    assert_snapshot!(ran);
}

#[test]
fn one_part_goes_into_a_tool_as_it_is() {
    let only = |part| run(&["render", "--node", "n1", "--family", "ipv4", "--part", part, "node"]);
    let both = run(&["render", "--node", "n1", "--family", "ipv4", "node"]);
    let (sets, rules) = (only("sets"), only("rules"));
    assert_eq!(sets.out.clone() + &rules.out, both.out);
    assert!(sets.out.lines().all(|line| {
        ["create ", "add ", "# "].into_iter().any(|start| line.starts_with(start))
    }));
    assert!(rules.out.ends_with("COMMIT\n"), "{rules}");
}

#[test]
fn denied_packets_are_dropped_and_logged_on_demand() {
    let ran = run(&["render", "--node", "n1", "--deny", "drop", "--nflog-group", "7", "node"]);
    assert!(!ran.out.contains("REJECT"), "{ran}");
    assert!(ran.out.contains("--nflog-group 7"), "{ran}");
}

#[test]
fn json_says_where_rules_come_from() {
    let ran = run(&["render", "--node", "n1", "-o", "json", "node"]);
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let chains = report["families"][0]["chains"].as_array().unwrap();
    let rules = chains.iter().flat_map(|chain| chain["rules"].as_array().unwrap());
    let sources: Vec<_> = rules.filter_map(|rule| rule.get("source")).collect();
    let paths: Vec<_> = sources.iter().map(|source| source["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["spec.ingress[0].from[0]", "spec.ingress[1].from[0]"]);
    assert_eq!(sources[0]["location"]["line"], 31);
}

#[test]
fn a_node_that_nobody_names_is_refused() {
    let ran = run(&["render", "--node", "n3", "node"]);
    assert_eq!(ran.status, 2);
    assert!(ran.err.contains("no node `n3`: did you mean `n"), "{ran}");
    let ran = run(&["render", "--node", "n1", "shop"]);
    assert!(ran.err.contains("the input has no nodes"), "{ran}");
}

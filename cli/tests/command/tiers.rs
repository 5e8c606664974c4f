//! Cluster policies: the way through the tiers, in every answer.

use crate::run;

const FLOW: [&str; 4] = ["--from", "mon/prom", "--to", "shop/db"];

#[test]
fn what_a_tier_passes_on_the_next_decides() {
    let ask = |port| run(&[&["eval"], &FLOW[..], &["--port", port, "tiers"]].concat());
    insta::assert_snapshot!("passed_and_allowed", ask("9187"));
    insta::assert_snapshot!("passed_and_denied", ask("5432"));
}

#[test]
fn what_a_tier_denies_no_other_sees() {
    let ask = |command| {
        run(&[command, "--from", "lone/batch", "--to", "shop/db", "--port", "9187", "tiers"])
    };
    insta::assert_snapshot!("denied_before_network_policies", ask("eval"));
    insta::assert_snapshot!("explain_denied_before_network_policies", ask("explain"));
}

#[test]
fn the_list_names_tiers_and_actions() {
    let list = ["list", "-e", "--focus", "shop/db", "--direction", "ingress"];
    insta::assert_snapshot!("list_explained", run(&[&list[..], &["tiers"]].concat()));
    insta::assert_snapshot!(
        "list_explained_csv",
        run(&[&list[..], &["-o", "csv", "tiers"]].concat())
    );
}

#[test]
fn addresses_of_a_domain_name_settle_what_was_not_known() {
    let flow = ["eval", "--from", "shop/web", "--to", "192.0.2.7", "--port", "443", "tiers"];
    insta::assert_snapshot!("a_domain_name", run(&flow));
    let domain = ["--domain", "updates.example.com=192.0.2.7"];
    insta::assert_snapshot!("a_domain_name_with_its_address", run(&[&flow[..], &domain].concat()));
    let list = ["list", "--focus", "shop/web", "--direction", "egress", "tiers"];
    insta::assert_snapshot!("list_a_domain_name", run(&list));
    let known = run(&[&list[..], &domain].concat());
    assert!(known.out.contains("shop/web[Deployment] => 192.0.2.7 : TCP 443\n"), "{known}");
    assert!(!known.out.contains("domain name"), "{known}");
}

#[test]
fn a_domain_name_needs_an_address() {
    for wrong in ["updates.example.com", "updates.example.com=here", "=192.0.2.7"] {
        let ran = run(&["list", "--domain", wrong, "tiers"]);
        assert_eq!(ran.status, 2, "{ran}");
        assert!(ran.err.contains("--domain"), "{ran}");
    }
}

#[test]
fn json_says_which_endpoints_cluster_policies_select() {
    let ran = run(&["list", "-o", "json", "tiers"]);
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let of = |id: &str| {
        let endpoints = report["endpoints"].as_array().unwrap();
        let endpoint = endpoints.iter().find(|endpoint| endpoint["id"] == id).unwrap();
        (endpoint["ingress"].clone(), endpoint["clusterPolicies"].clone())
    };
    assert_eq!(
        of("shop/db[StatefulSet]"),
        ("yes".into(), serde_json::json!(["ingress", "egress"]))
    );
    assert_eq!(of("lone/batch[Deployment]"), ("no".into(), serde_json::json!(["egress"])));
}

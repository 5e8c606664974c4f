//! `describe`.

use crate::run;

#[test]
fn pods_policies_and_namespaces_are_described() {
    insta::assert_snapshot!("workload", run(&["describe", "workload", "shop/db", "shop"]));
    insta::assert_snapshot!("policy", run(&["describe", "policy", "shop/db-from-web", "shop"]));
    insta::assert_snapshot!("namespace", run(&["describe", "namespace", "shop", "shop"]));
    insta::assert_snapshot!("cluster_policy", run(&["describe", "policy", "guard", "tiers"]));
}

#[test]
fn what_is_not_there_says_what_may_be_meant() {
    for (args, said) in [
        (["workload", "shop/dbb"], "did you mean `shop/db`?"),
        (["policy", "shop/default-dney"], "did you mean `shop/default-deny`?"),
        (["namespace", "shopp"], "did you mean `shop`?"),
        (["pod", "10.0.0.1"], "`10.0.0.1` is not a pod or workload of the input"),
    ] {
        let ran = run(&["describe", args[0], args[1], "shop"]);
        assert_eq!(ran.status, 2, "{ran}");
        assert!(ran.err.contains(said), "{ran}");
    }
}

#[test]
fn a_rule_that_another_covers_opens_nothing_alone() {
    let ran = run(&["describe", "-o", "json", "policy", "shop/web-open", "shop"]);
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let rule = &report["directions"][0]["policies"][0]["rules"][0];
    assert_eq!(rule["peers"], "any peer");
    assert!(rule["pairs"].as_u64().unwrap() > 0, "{rule}");
    let selected = report["workloads"].as_array().unwrap();
    assert_eq!((selected.len(), &selected[0]["id"]), (1, &"shop/web[Deployment]".into()));
}

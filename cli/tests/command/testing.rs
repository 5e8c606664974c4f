//! `test`, and the commands that are short for lists.

use crate::{Ran, fixtures, run, run_with, scratch};

/// Runs `test` on expectations from the standard input, about the shop.
fn test(expectations: &str, more: &[&str]) -> Ran {
    run_with(&[&["test", "--manifests", "shop", "-"], more].concat(), expectations, &[])
}

#[test]
fn expectations_hold_or_say_what_decides() {
    insta::assert_snapshot!(run(&["test", "expect/shop.yaml"]));
    insta::assert_snapshot!("junit", run(&["test", "-q", "-o", "junit", "expect/shop.yaml"]));
    let held = test("- {from: shop/web, to: shop/db, port: 5432, expect: allow}", &[]);
    assert_eq!((held.status, &*held.err), (0, "1 of 1 expectations hold\n"));
}

#[test]
fn a_file_of_flows_is_a_file_of_expectations() {
    let ran = run(&["test", "--manifests", "shop", "flows/expected.yaml"]);
    let eval = run(&["eval", "--flows", "flows/expected.yaml", "shop"]);
    // A flow without an expectation is one too few here, and none there.
    assert_eq!((ran.status, eval.status), (2, 1), "{ran}");
    assert_eq!(ran.out.matches("`expect` is missing").count(), 1, "{ran}");
    assert!(ran.out.contains("✓ web reads the data base\n"), "{ran}");
}

#[test]
fn unknown_is_not_what_is_expected() {
    let asked = "- {from: default/api, to: default/web, port: 443, expect: deny}";
    let ran = run_with(&["test", "--manifests", "templates", "-"], asked, &[]);
    assert_eq!(ran.status, 1, "{ran}");
    assert!(ran.out.contains("deny expected, the verdict is unknown"), "{ran}");
    assert!(ran.out.contains("an address decides this"), "{ran}");
    let ran = run_with(
        &["test", "--manifests", "templates", "-"],
        &asked.replace("deny", "unknown"),
        &[],
    );
    assert_eq!(ran.status, 0, "{ran}");
}

#[test]
fn one_bad_expectation_does_not_hide_the_others() {
    let ran = test(
        "- {from: shop/web, to: shop/db, port: 5432, expect: allow}\n\
         - {from: shop/web, too: shop/db, expect: deny}\n\
         - {from: shpo/*, to: shop/db, expect: deny}\n\
         - {from: shop/wbe, to: shop/db, port: 1, expect: deny}\n\
         - {from: shop/web, to: shop/db, except: shop/api, expect: deny}\n\
         - {from: shop/web, to: 'shop/{app', expect: deny}\n",
        &[],
    );
    assert_eq!(ran.status, 2, "{ran}");
    for said in [
        "✓ shop/web → shop/db TCP 5432 allow\n",
        "unknown field `too`: did you mean `to`?",
        "at <stdin>:2:20",
        "`shpo/*` matches no workload of the input: did you mean `shop/*`?",
        "did you mean `shop/web`?",
        "`except` leaves ends out of patterns, and there is none",
        "a `}` is missing behind the labels",
    ] {
        assert!(ran.out.contains(said), "{said}: {ran}");
    }
    assert!(ran.err.contains("5 of 6 expectations could not be evaluated"), "{ran}");
}

#[test]
fn files_that_are_no_expectations() {
    let ask = |text: &str| {
        let ran = test(text, &[]);
        assert_eq!((ran.status, &*ran.out), (2, ""), "{ran}");
        ran.err
    };
    assert_eq!(
        ask("expect:"),
        "error: <stdin>:1:8: `expect` is nothing: a list of expectations expected\n"
    );
    assert!(ask("").contains("there are no expectations in it"));
    assert!(ask("a: [").contains("error: <stdin>:1:"));
    let ran = run_with(&["test", "-"], "- {from: a/b, to: a/c, expect: deny}", &[]);
    assert!(ran.err.contains("no manifests to test: write `manifests:` in it"), "{ran}");
    let twice = run_with(&["test", "--manifests", "-", "-"], "", &[]);
    assert_eq!(twice.err, "error: standard input can be read only once\n");
}

#[test]
fn a_selector_that_selects_nobody_is_a_pod_that_is_not_there() {
    let ran = test("- {from: 'shop/{app=cache}', to: shop/db, port: 5432, expect: deny}", &[]);
    assert_eq!(ran.status, 0, "{ran}");
    assert!(ran.out.contains("shop/{app=cache} is not in the input"), "{ran}");
}

#[test]
fn json_has_everything() {
    let ran = run(&["test", "-o", "json", "--coverage", "--mutants", "expect/shop.yaml"]);
    let reports: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let report = &reports[0];
    assert_eq!(report["file"], "expect/shop.yaml");
    assert_eq!(report["expectations"][4]["outcome"], "fails");
    assert_eq!(report["expectations"][4]["failures"][0]["flow"]["verdict"], "allow");
    assert_eq!(
        report["coverage"]["policies"][0]["parts"][1]["expectations"],
        serde_json::json!([])
    );
    assert_eq!(report["mutants"]["mutants"][0]["kind"], "policyRemoved");
}

/// What is suggested can be appended, and leaves nothing untested.
#[test]
fn suggestions_can_be_appended() {
    let folder = scratch("suggestions");
    let file = folder.join("expectations.yaml");
    let text = std::fs::read_to_string(fixtures().join("expect/shop.yaml")).unwrap();
    let suggested = run(&["test", "-q", "--suggest", "expect/shop.yaml"]);
    std::fs::write(&file, format!("{text}{}", suggested.out)).unwrap();
    let more = ["test", "--mutants", "-o", "json", "--manifests", "shop", file.to_str().unwrap()];
    let ran = run(&more);
    let reports: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let mutants = reports[0]["mutants"]["mutants"].as_array().unwrap();
    let left: Vec<_> = mutants.iter().filter(|one| one["outcome"] == "unnoticed").collect();
    assert!(left.is_empty(), "{left:?}");
    let failing = reports[0]["expectations"].as_array().unwrap().iter();
    assert_eq!(
        failing.filter(|one| one["outcome"] != "holds").count(),
        1,
        "the one that failed before"
    );
}

#[test]
fn short_forms_are_lists() {
    let who = run(&["who-can", "shop/db", "--port", "5432", "shop"]);
    let list =
        run(&["list", "--focus", "shop/db", "--direction", "ingress", "--port", "5432", "shop"]);
    assert_eq!((who.out, who.status), (list.out, 0));
    let reach = run(&["reach", "shop/api", "-e", "shop"]);
    let list = run(&["list", "--focus", "shop/api", "--direction", "egress", "-e", "shop"]);
    assert_eq!((reach.out, reach.status), (list.out, 0));
    assert_eq!(run(&["who-can", "shop/dbb", "shop"]).status, 2);
    let port = run(&["who-can", "shop/db", "--port", "sqll", "shop"]);
    assert_eq!(port.status, 2, "{port}");
    assert!(
        port.err.contains("no pod of the input has a TCP port named `sqll`: did you mean `sql`?"),
        "{port}"
    );
}

#[test]
fn expectations_that_do_not_hold_are_findings_on_their_lines() {
    let results = |ran: &Ran| {
        let log: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!(log["version"], "2.1.0");
        log["runs"][0]["results"].as_array().unwrap().clone()
    };
    let ran = run(&["test", "-q", "-o", "sarif", "expect/shop.yaml"]);
    let found = results(&ran);
    let failing = run(&["test", "expect/shop.yaml"]).out.matches("\n✗ ").count();
    assert!(failing > 0 && found.len() == failing, "{ran}");
    let place = "/locations/0/physicalLocation/artifactLocation/uri";
    assert!(found.iter().all(|one| one.pointer(place).unwrap() == "expect/shop.yaml"));
    let denied = "- {from: shop/api, to: shop/db, port: 5432, expect: allow}";
    let ran = test(denied, &["-q", "-o", "sarif"]);
    let decides = "/relatedLocations/0/physicalLocation/artifactLocation/uri";
    assert!(results(&ran)[0].pointer(decides).is_some(), "{ran}");
    let held = "- {from: shop/web, to: shop/db, port: 5432, expect: allow}";
    assert!(results(&test(held, &["-q", "-o", "sarif"])).is_empty());
}

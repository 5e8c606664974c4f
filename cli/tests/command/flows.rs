//! `--flows`.

use std::path::Path;

use crate::{Ran, fixtures, run, run_with};

fn answers(ran: &Ran) -> Vec<serde_json::Value> {
    serde_json::from_str(&ran.out).unwrap()
}

#[test]
fn one_bad_flow_does_not_hide_the_others() {
    insta::assert_snapshot!(run(&["eval", "--flows", "flows/flows.yaml", "shop"]));
}

#[test]
fn json_keeps_the_order_and_has_no_verdict_for_refused_flows() {
    let ran = run(&["eval", "--flows", "flows/flows.yaml", "-o", "json", "shop"]);
    assert_eq!(ran.status, 2);
    let answers = answers(&ran);
    let verdicts: Vec<_> = answers.iter().map(|a| a["verdict"].as_str().unwrap_or("-")).collect();
    assert_eq!(verdicts, ["allow", "deny", "-", "-", "-", "-", "-", "-", "deny"]);
    for (index, answer) in answers.iter().enumerate() {
        assert_eq!(answer["error"].is_string(), answer["verdict"].is_null(), "{answer}");
        assert!(answer["error"].is_null() || answer["index"] == index, "{answer}");
    }
    assert_eq!(answers[3]["line"], 7);
    assert_eq!(answers[3]["column"], 39);
    assert_eq!(answers[3]["port"], "54 32");
    assert_eq!(answers[0]["evidence"]["ingress"]["verdict"], "allow");
}

#[test]
fn json_is_read_and_expectations_hold_for_all() {
    let ask =
        |expect: &[&str]| run(&[&["eval", "--flows", "flows/flows.json", "shop"], expect].concat());
    insta::assert_snapshot!(ask(&[]));
    let ran = ask(&["--expect", "allow"]);
    assert_eq!((ran.status, &*ran.err), (1, "1 of 2 flows are not as expected\n"));
    let explained = run(&["explain", "--flows", "flows/flows.json", "shop"]);
    assert!(explained.out.contains("enters shop/db[StatefulSet]: denied\n"), "{explained}");
}

#[test]
fn flows_come_from_the_standard_input_too() {
    let flows = r#"[{"from": "shop/web", "to": "shop/db", "port": 5432}]"#;
    let ran = run_with(&["eval", "-o", "json", "--flows", "-", "shop"], flows, &[]);
    assert_eq!(answers(&ran)[0]["protocol"], "TCP");
    let twice = run_with(&["eval", "--flows", "-", "-"], flows, &[]);
    assert_eq!((twice.status, &*twice.err), (2, "error: standard input can be read only once\n"));
}

#[test]
fn files_that_are_no_list() {
    let ask = |flows: &str| {
        let ran = run_with(&["eval", "--flows", "-", "shop"], flows, &[]);
        assert_eq!((ran.status, &*ran.out), (2, ""), "{flows:?}");
        ran.err
    };
    let list = "not a list of {from, to, protocol, port}\n";
    assert_eq!(ask("from: shop/web\n"), format!("error: <stdin>: this is a mapping, {list}"));
    assert_eq!(ask(""), format!("error: <stdin>: this is nothing, {list}"));
    assert!(ask("- {from: shop/web\n- {").contains("line 2"));
    assert!(ask("[{\"from\": \"a\",}").contains("<stdin>: "));
    let ran = run(&["eval", "--flows", "flows/none.yaml", "shop"]);
    assert_eq!(ran.err, "error: cannot read flows/none.yaml: no such file or folder\n");
    assert!(Path::new(&fixtures()).exists());
}

#[test]
fn an_empty_list_is_answered() {
    let ran = run_with(&["eval", "-o", "json", "--flows", "-", "shop"], "[]", &[]);
    assert_eq!((ran.status, &*ran.out), (0, "[]\n"));
}

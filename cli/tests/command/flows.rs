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
        assert!(answer["error"].is_null() || answer["number"] == index + 1, "{answer}");
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
fn a_list_without_flows_tests_nothing() {
    let ran = run_with(&["eval", "-o", "json", "--flows", "-", "shop"], "[]", &[]);
    let said = "error: <stdin>: there are no flows in it\n";
    assert_eq!((ran.status, &*ran.out, &*ran.err), (2, "", said));
}

#[test]
fn flows_have_names_and_expectations() {
    let args = ["eval", "--flows", "flows/expected.yaml", "shop"];
    insta::assert_snapshot!(run(&args));
    let ran = run(&[&args[..], &["-o", "json", "--expect", "unknown"]].concat());
    assert_eq!((ran.status, &*ran.err), (1, "2 of 5 flows are not as expected\n"));
    let answers = answers(&ran);
    assert_eq!(answers[0]["name"], "web reads the data base");
    let met: Vec<_> = answers.iter().map(|answer| answer["asExpected"].as_bool()).collect();
    // The last one has the expectation of all for which the file has none.
    assert_eq!(met, [true, false, true, false, true].map(Some));
    let flows = r#"[{"from": "shop/web", "to": "shop/db", "port": 5432, "expect": "allow"}]"#;
    let ran = run_with(&["eval", "--expect", "deny", "--flows", "-", "shop"], flows, &[]);
    assert_eq!((ran.status, &*ran.err), (0, "1 of 1 flows are as expected\n"));
}

#[test]
fn junit_has_a_test_case_for_each_flow() {
    let ran = run(&["eval", "--flows", "flows/expected.yaml", "-o", "junit", "shop"]);
    insta::assert_snapshot!("junit", ran);
    assert_eq!(elements(&ran.out), 2 + 5 + 2);
    let ran = run(&["eval", "--flows", "flows/flows.yaml", "-o", "junit", "-q", "shop"]);
    assert_eq!((ran.status, ran.out.matches("<error ").count()), (2, 6));
    assert_eq!(elements(&ran.out), 2 + 9 + 6);
    let flow = ["--from", "shop/web", "--to", "shop/db", "--port", "80", "--expect", "allow"];
    let ran = run(&[&["eval", "-o", "junit", "shop"], &flow[..]].concat());
    assert_eq!((ran.status, ran.out.matches("<failure ").count()), (1, 1), "{ran}");
}

/// How many elements there are in a well-formed XML document.
fn elements(text: &str) -> usize {
    use quick_xml::events::Event;
    assert!(!text.contains('\u{7}'), "a character that no XML may have");
    let mut reader = quick_xml::Reader::from_str(text);
    reader.config_mut().check_end_names = true;
    let mut count = 0;
    loop {
        match reader.read_event().unwrap() {
            Event::Eof => return count,
            Event::Start(start) | Event::Empty(start) => {
                start.attributes().for_each(|attribute| drop(attribute.unwrap()));
                count += 1;
            }
            _ => {}
        }
    }
}

#[test]
fn what_is_expected_is_a_verdict() {
    let refused = |fields: &str| {
        let flows = format!("- {{from: shop/web, to: shop/db, port: 80, {fields}}}");
        let ran = run_with(&["eval", "--flows", "-", "shop"], &flows, &[]);
        assert_eq!(ran.status, 2, "{ran}");
        ran.out
    };
    let allowed = refused("expect: allowed");
    assert!(
        allowed.contains("`allowed` is not a verdict: use allow, deny or unknown"),
        "{allowed}"
    );
    assert!(allowed.contains("flow 1 at <stdin>:1:"), "{allowed}");
    assert!(refused("expect: true").contains("`expect` is a boolean: allow, deny or unknown"));
    assert!(refused("name: [a]").contains("`name` is a list: a string expected"));
    assert!(refused("expects: deny").contains("did you mean `expect`?"));
}

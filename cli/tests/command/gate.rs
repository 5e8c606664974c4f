//! `portcullis gate` and `portcullis equal`: rules that hold and that do not, and every form of the
//! answer.

use serde_json::Value;

use crate::{run, run_with};

#[test]
fn every_form_is_as_it_was() {
    for form in ["text", "md", "junit", "sarif"] {
        let ran = run(&["gate", "-o", form, "--rules", "rules.yaml", "shop"]);
        // The version is that of the command.
        let text = ran.to_string().replace(env!("CARGO_PKG_VERSION"), "VERSION");
        insta::assert_snapshot!(format!("gate_{form}"), text);
    }
}

#[test]
fn what_changes_is_held_against_rules() {
    let rules = "rules-of-changes.yaml";
    let opened = run(&["gate", "-o", "json", "--rules", rules, "shop-next", "shop"]);
    assert_eq!(opened.status, 1, "{opened}");
    let report: Value = serde_json::from_str(&opened.out).unwrap();
    let witness = &report["rules"][0]["witnesses"][0];
    assert_eq!(witness["from"]["text"], "mon/prom[Deployment]");
    assert_eq!((&witness["before"], &witness["verdict"]), (&"deny".into(), &"allow".into()));
    assert_eq!(witness["openedBy"][1]["location"]["line"], 25);
    let same = run(&["gate", "--rules", rules, "shop", "shop"]);
    assert_eq!(same.status, 0, "{same}");
    let alone = run(&["gate", "--rules", rules, "shop"]);
    assert_eq!(alone.status, 2);
    assert!(alone.err.contains("compares two states: give OLD NEW"), "{alone}");
}

#[test]
fn slips_are_found_on_their_lines() {
    let ran = run(&["gate", "--rules", "rules-broken.yaml", "shop"]);
    insta::assert_snapshot!("gate_slips", ran);
}

#[test]
fn a_witness_is_confirmed_by_explain() {
    let ran = run(&["gate", "-o", "json", "--rules", "rules.yaml", "shop"]);
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    let rules = report["rules"].as_array().unwrap();
    let witnesses = rules.iter().filter_map(|rule| rule["witnesses"].as_array()).flatten();
    let mut count = 0;
    for witness in witnesses {
        let arguments = witness["arguments"].as_array().unwrap().iter();
        let arguments: Vec<&str> = arguments.map(|one| one.as_str().unwrap()).collect();
        let manifests = witness["manifests"].as_str().unwrap_or_default();
        let expected = witness["verdict"].as_str().unwrap();
        let asked = [&["eval", "--expect", expected], &arguments[..], &["shop", "-"]].concat();
        let ran = run_with(&asked, manifests, &[]);
        assert_eq!(ran.status, 0, "{asked:?}\n{ran}");
        count += 1;
    }
    assert!(count > 2);
}

#[test]
fn what_is_unknown_fails_unless_it_is_allowed() {
    let rules = "rules:\n- name: cut off\n  never: {from: {namespace: shop, pods: {app: api}}, to: pods, ports: [443]}\n  future: nothing\n";
    let ran = run_with(&["gate", "--rules", "-", "shop"], rules, &[]);
    assert!(ran.out.starts_with("? cut off: cannot be ruled out"), "{ran}");
    assert_eq!(ran.status, 1);
    let allowed = run_with(&["gate", "--allow-unknown", "--rules", "-", "shop"], rules, &[]);
    assert_eq!(allowed.status, 0, "{allowed}");
    let known = ["gate", "--rules", "-", "--pod-cidr", "10.1.0.0/16", "shop"];
    assert_eq!(run_with(&known, rules, &[]).status, 0);
}

#[test]
fn too_many_combinations_are_not_decided() {
    let policy = |i: u32| {
        format!(
            "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p{i}, namespace: a}}\nspec: {{podSelector: {{matchExpressions: [{{key: k{i}, operator: Exists}}]}}}}\n"
        )
    };
    let input: String = (0..20).map(policy).collect();
    let rules = crate::scratch("gate-many").join("rules.yaml");
    std::fs::write(&rules, "rules: [{name: r, never: {from: outside, to: pods}}]").unwrap();
    let rules = rules.to_str().unwrap();
    let ran = run_with(&["gate", "--rules", rules, "-"], &input, &[]);
    assert_eq!(ran.status, 3, "{ran}");
    assert!(ran.out.contains("too many combinations ("), "{ran}");
}

#[test]
fn policies_are_equal_whatever_they_are_called() {
    let same = run(&["equal", "shop", "shop"]);
    assert_eq!((same.status, same.out.as_str()), (0, "equal\n"));
    let other = run(&["equal", "shop", "shop-next"]);
    assert_eq!(other.status, 1);
    insta::assert_snapshot!("equal_text", other);
    assert_eq!(run(&["equal", "shop"]).status, 2);
    assert_eq!(run(&["equal", "shop", "elsewhere/"]).status, 2);
}

#[test]
fn who_is_not_in_the_input_is_said_and_nobody_is_refused() {
    let strange = "rules:\n- {name: typo, never: {from: internet, to: {namespace: shpo}}}\n";
    let ran = run_with(&["gate", "--rules", "-", "shop"], strange, &[]);
    assert!(ran.out.contains("no pod of the input is one of: pods in namespace shpo"), "{ran}");
    let nobody = "rules:\n- {name: none, never: {from: internet, to: {pods: 'a=b,!a'}}}\n";
    let ran = run_with(&["gate", "--rules", "-", "shop"], nobody, &[]);
    assert_eq!(ran.status, 2, "{ran}");
    assert!(ran.err.contains("`pods` contradicts itself"), "{ran}");
}

/// Where pods have their addresses is not outside, though no pod of the input has that one.
#[test]
fn ranges_of_pods_are_not_outside() {
    let input = "{apiVersion: v1, kind: Pod, metadata: {name: x, namespace: a},
 spec: {nodeName: n1}, status: {phase: Running, podIP: 10.244.0.7}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: a}
spec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.244.0.0/16}}]}]}
";
    let rules = crate::scratch("gate-outside").join("rules.yaml");
    std::fs::write(&rules, "rules: [{name: r, never: {from: outside, to: {namespace: a}}}]")
        .unwrap();
    let args = ["gate", "--rules", rules.to_str().unwrap(), "-"];
    assert_eq!(run_with(&args, input, &[]).status, 1);
    let known = [&args[..], &["--pod-cidr", "10.244.0.0/16"]].concat();
    let ran = run_with(&known, input, &[]);
    assert_eq!(ran.status, 0, "{ran}");
}

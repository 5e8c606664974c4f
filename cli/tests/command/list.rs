//! `portcullis list`.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use crate::{fixtures, run, run_with};

#[test]
fn lines_then_what_is_not_known() {
    insta::assert_snapshot!(run(&["list", "shop"]));
}

#[test]
fn every_form() {
    for form in ["csv", "md", "dot", "mermaid"] {
        insta::assert_snapshot!(form, run(&["list", "-o", form, "--focus", "shop", "shop"]));
    }
}

#[test]
fn reasons_stand_below_each_connection() {
    insta::assert_snapshot!("explained", run(&["list", "-e", "--focus", "shop/db", "shop"]));
    let table = run(&["list", "-e", "-o", "csv", "--focus", "shop/db", "shop"]);
    insta::assert_snapshot!("explained_csv", table);
    let drawing = run(&["list", "-e", "-o", "dot", "shop"]);
    assert!(drawing.err.contains("--explain does not work with a drawing"), "{drawing}");
}

#[test]
fn json_has_what_is_not_known_too() {
    let ran = run(&["list", "-o", "json", "shop"]);
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let connections = report["connections"].as_array().unwrap();
    let open = connections.iter().find(|c| c["unknown"].is_string()).unwrap();
    assert_eq!(open["from"], "shop/api[Deployment]");
    assert_eq!(open["to"], "mon/prom[Deployment]");
    assert_eq!(open["unknown"], "TCP 443,8443-8500");
    assert_eq!(open["allowed"], serde_json::Value::Null);
    assert_eq!(report["notes"][0]["connections"], 1);
    assert_eq!(report["summary"]["policies"], 4);
}

#[test]
fn addresses_given_settle_what_was_not_known() {
    let inside = run(&["list", "shop", "--pod-cidr", "10.2.0.0/16"]);
    let line = "shop/api[Deployment] => mon/prom[Deployment] : TCP 443,8443-8500\n";
    assert!(inside.out.contains(line), "{inside}");
    assert!(!inside.out.contains("Not known"), "{inside}");
    let excepted = run(&["list", "shop", "--pod-cidr", "10.1.0.0/16,fd00::/64"]);
    assert!(!excepted.out.contains("shop/api[Deployment] => mon/prom"), "{excepted}");
    assert!(!excepted.out.contains("Not known"), "{excepted}");
}

#[test]
fn a_family_is_named_where_they_differ() {
    let ran = run(&["list", "dual"]);
    assert!(ran.out.contains("shop/web[Pod] => shop/db[Pod] : TCP 5432 (IPv4)\n"), "{ran}");
    assert!(ran.out.contains("shop/db[Pod] => shop/web[Pod] : All Connections\n"), "{ran}");
}

#[test]
fn filters() {
    let to = run(&["list", "shop", "--focus", "shop/db", "--direction", "ingress"]);
    insta::assert_snapshot!("focus_ingress", to);
    let with = run(&["list", "shop", "--focus", "mon", "--port", "9187"]);
    assert_eq!(
        with.out.lines().filter(|line| line.ends_with("TCP 9187")).collect::<Vec<_>>(),
        ["mon/prom[Deployment] => shop/db[StatefulSet] : TCP 9187"]
    );
    let siblings = run(&["list", "shop", "--siblings", "--focus", "shop/Deployment/web"]);
    let own = "shop/web[Deployment] => shop/web[Deployment] : TCP 8080";
    assert!(siblings.out.contains(own), "{siblings}");
    assert!(!run(&["list", "shop"]).out.contains(own));
}

#[test]
fn with_a_port_only_what_surely_includes_it_is_listed() {
    let args = ["list", "templates", "--focus", "api", "--direction", "egress", "--port", "443"];
    insta::assert_snapshot!(run(&args));
}

#[test]
fn a_focus_that_names_nobody_is_refused() {
    let ran = run(&["list", "shop", "--focus", "shop/wbe"]);
    assert_eq!((ran.status, &*ran.out), (2, ""));
    assert!(
        ran.err.contains("`shop/wbe`") && ran.err.contains("did you mean `shop/web`?"),
        "{ran}"
    );
}

#[test]
fn nothing_connected_is_said() {
    let deny = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n\
                metadata: {name: deny}\nspec: {podSelector: {}, policyTypes: [Ingress, Egress]}\n\
                ---\napiVersion: v1\nkind: Pod\nmetadata: {name: a}\n";
    let ran = run_with(&["list", "-"], deny, &[]);
    assert_eq!((ran.status, &*ran.out), (0, ""));
    assert_eq!(ran.err, "no connections: the policies allow no flow\n");
    let quiet = run_with(&["list", "-q", "-"], deny, &[]);
    assert_eq!((&*quiet.out, &*quiet.err), ("", ""));
    let none =
        run_with(&["list", "-"], "kind: ConfigMap\napiVersion: v1\nmetadata: {name: a}\n", &[]);
    let why = "error: no workload, pod, node, namespace, Service or policy in the input\n";
    assert_eq!((none.status, &*none.err), (2, why));
}

#[test]
fn findings_are_counted_beside_the_answer() {
    let ran = run(&["list", "broken"]);
    assert_eq!(ran.status, 0);
    assert!(ran.out.contains("default/alone[Pod]"), "{ran}");
    let said = "not in force: 3 NetworkPolicy (networking.k8s.io): the API server rejects them\n\
                6 errors in the input: see `portcullis check broken`\n";
    assert_eq!(ran.err, said);
    let strict = run(&["list", "--fail-on", "error", "broken"]);
    assert_eq!((strict.status, strict.out), (1, ran.out));
    assert_eq!(run(&["list", "--fail-on", "info", "shop"]).status, 0);
}

#[test]
fn input_of_which_nothing_can_be_read_is_no_answer() {
    let ran = run_with(&["list", "-"], "a: [1\n", &[]);
    assert_eq!((ran.status, &*ran.out), (2, ""));
    assert!(ran.err.contains("nothing in the input could be read"), "{ran}");
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let pods: String = (0..300)
        .map(|i| format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: p{i}}}\n---\n"))
        .collect();
    let folder = crate::scratch("early");
    std::fs::write(folder.join("pods.yaml"), pods).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(["list", "--expand", "."])
        .current_dir(folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(line.starts_with("0.0.0.0-255.255.255.255 => default/p0[Pod]"), "{line}");
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    for form in ["text", "json", "dot"] {
        let args = ["list", "-o", form, "shop", "broken", "dual"];
        assert_eq!(run(&args).out, run(&args).out);
    }
    assert!(fixtures().join("shop").is_dir());
}

#[test]
fn ports_by_name_and_in_ranges() {
    let lines = |port| run(&["list", "shop", "--quiet", "--port", port]).out;
    // The name of a port of `db`, and of no other.
    assert_eq!(lines("metrics"), "mon/prom[Deployment] => shop/db[StatefulSet] : TCP 9187\n");
    assert!(lines("9187").lines().count() > 1);
    assert!(lines("5000-6000").contains("=> shop/db[StatefulSet] : TCP 5432"));
    // What all ports of UDP may pass through passes on some of them.
    assert!(lines("5000/UDP").contains("All Connections"));
    assert_eq!(lines("5000-6000/UDP"), lines("5000/UDP"));
}

#[test]
fn namespaces_and_labels_choose_workloads() {
    let lines = |args: &[&str]| {
        let ran = run(&[&["list", "shop", "--quiet"], args].concat());
        assert_eq!(ran.status, 0, "{args:?}: {ran}");
        ran.out
    };
    let all = lines(&[]);
    assert_eq!(lines(&["-n", "mon"]), lines(&["--focus", "mon"]));
    assert_ne!(lines(&["-n", "mon"]), all);
    assert_eq!(lines(&["-n", "mon", "-A"]), all);
    assert_eq!(lines(&["-A"]), all);
    assert_eq!(lines(&["-l", "app=db"]), lines(&["--focus", "shop/db"]));
    assert_eq!(lines(&["-l", "app notin (web,api,prom)"]), lines(&["--focus", "shop/db"]));
    let two = ["-l", "app in (db, api)", "-n", "shop", "--direction", "ingress"];
    let named = ["--focus", "shop/db", "--focus", "shop/api", "--direction", "ingress"];
    assert_eq!(lines(&two), lines(&named));
    // All that are chosen must be chosen by each.
    assert_eq!(lines(&["-n", "mon", "-l", "app=db"]), "");
    assert_eq!(lines(&["-l", "!app"]), "");
}

#[test]
fn namespaces_and_labels_that_make_no_sense() {
    let refused = |args: &[&str]| {
        let ran = run(&[&["list", "shop"], args].concat());
        assert_eq!((ran.status, &*ran.out), (2, ""), "{args:?}: {ran}");
        ran.err
    };
    let unknown = "error: -n: no pod or workload in namespace `shp`: did you mean `shop`?\n";
    assert_eq!(refused(&["-n", "shp"]), unknown);
    assert!(refused(&["-l", "app in web"]).contains("is not a label selector"));
    let alone =
        "error: --direction says which connections of some: use it with --focus, -n or -l\n";
    assert_eq!(refused(&["--direction", "ingress"]), alone);
}

/// Whatever a list prints can be typed.
#[test]
fn groups_and_ranges_can_be_in_focus() {
    let pod = |name: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: a, labels: {{app: {name}}}}}\n---\n"
        )
    };
    let policy = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: a}\n\
                  spec: {podSelector: {matchLabels: {app: d}}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}]}\n";
    let input = ["b", "c", "d", "e"].map(pod).concat() + policy;
    let list = |focus: &str| run_with(&["list", "-q", "--focus", focus, "-"], &input, &[]);
    let whole = run_with(&["list", "-q", "-"], &input, &[]);
    let name = "a/* except a/d[Pod] (3 workloads)";
    assert!(whole.out.contains(&format!("=> {name}")), "{whole}");
    let group = list(name);
    assert!(
        group.status == 0 && group.out.contains("a/b[Pod]") || group.out.contains(name),
        "{group}"
    );
    assert!(!group.out.contains("=> a/d[Pod]"), "{group}");
    let range = list("10.0.0.0-10.255.255.255");
    assert!(
        range.status == 0 && range.out.contains("10.0.0.0-10.255.255.255 => all workloads (4)"),
        "{range}"
    );
    assert_eq!(list("10.0.0.0/8").out, range.out);
    let unknown = list("a/* except a/x[Pod] (3 workloads)");
    assert!(unknown.status == 2, "{unknown}");
}

//! `portcullis eval` and `portcullis explain`.

use crate::{Ran, run};

fn ask(command: &str, from: &str, to: &str, rest: &[&str]) -> Ran {
    run(&[&[command, "--from", from, "--to", to], rest].concat())
}

#[test]
fn allowed() {
    insta::assert_snapshot!(ask("eval", "shop/web", "shop/db", &["--port", "5432", "shop"]));
}

#[test]
fn denied() {
    insta::assert_snapshot!(ask("eval", "shop/api", "shop/db", &["--port", "5432", "shop"]));
}

#[test]
fn not_known() {
    let ran = ask("eval", "default/api", "default/web", &["--port", "443", "templates"]);
    insta::assert_snapshot!(ran);
}

#[test]
fn an_address() {
    let rest = ["--port", "8444", "shop"];
    insta::assert_snapshot!("to_an_address", ask("eval", "shop/api", "10.2.3.4", &rest));
    // It is the address of a pod.
    let pod = ask("eval", "10.0.0.1", "shop/db", &["--port", "5432", "dual"]);
    insta::assert_snapshot!("from_a_pods_address", pod);
}

#[test]
fn a_service_has_a_port_of_its_own() {
    let ran = ask("eval", "mon/prom", "shop/service/web", &["--port", "80", "shop"]);
    insta::assert_snapshot!(ran);
}

#[test]
fn families_that_differ() {
    let ask = |from| ask("eval", from, "shop/db", &["--port", "5432", "dual"]);
    insta::assert_snapshot!(ask("shop/web"));
    assert!(ask("fd00::1").out.starts_with("denied "));
}

#[test]
fn protocols_in_any_case_and_kinds() {
    let rest = ["--port", "5432", "--protocol", "udp", "shop"];
    let ran = ask("eval", "shop/Deployment/web", "shop/sts/db", &rest);
    assert!(
        ran.out.starts_with("denied    shop/Deployment/web → shop/sts/db   UDP 5432\n"),
        "{ran}"
    );
}

#[test]
fn ports_by_name_and_in_ranges() {
    let by_name = ask("eval", "mon/prom", "shop/db", &["--port", "metrics", "shop"]);
    insta::assert_snapshot!("a_port_by_name", by_name);
    let range = ["--port", "5432-9187", "shop"];
    insta::assert_snapshot!("ports_that_differ", ask("eval", "shop/web", "shop/db", &range));
    insta::assert_snapshot!("explain_ports", ask("explain", "shop/web", "shop/db", &range));
    let alike = ask("eval", "shop/web", "shop/db", &["--port", "1-80/TCP", "shop"]);
    insta::assert_snapshot!("ports_that_are_alike", alike);
    let udp = ask("eval", "shop/web", "shop/db", &["--port", "53/udp", "-o", "json", "shop"]);
    let report: serde_json::Value = serde_json::from_str(&udp.out).unwrap();
    assert_eq!((&report["protocol"], &report["port"]), (&"UDP".into(), &53.into()));
    let none = ask("eval", "shop/web", "shop/db", &["--port", "pg", "shop"]);
    let said = "error: `shop/db[StatefulSet]` has no TCP port named `pg`: it has TCP ";
    assert!(none.status == 2 && none.err.starts_with(said), "{none}");
}

#[test]
fn the_whole_chain() {
    let rest = ["--port", "9187", "shop"];
    insta::assert_snapshot!("explain_allowed", ask("explain", "mon/prom", "shop/db", &rest));
    let rest = ["--port", "443", "shop"];
    insta::assert_snapshot!("explain_denied", ask("explain", "shop/api", "shop/db", &rest));
    let rest = ["--port", "443", "templates"];
    let unknown = ask("explain", "default/api", "default/web", &rest);
    insta::assert_snapshot!("explain_unknown", unknown);
}

#[test]
fn json() {
    for command in ["eval", "explain"] {
        let ran = ask(command, "shop/web", "shop/db", &["--port", "5432", "-o", "json", "shop"]);
        let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!(report["verdict"], "allow");
        let policy = &report["evidence"]["ingress"]["policies"][0];
        assert_eq!(policy["policy"]["name"], "db-from-web");
        assert_eq!(policy["rules"][0]["peers"][0]["location"]["line"], 20);
    }
}

#[test]
fn expectations_decide_the_status() {
    let ask = |port, expect| {
        ask("eval", "shop/web", "shop/db", &["--port", port, "--expect", expect, "shop"]).status
    };
    assert_eq!(ask("5432", "allow"), 0);
    assert_eq!(ask("5432", "deny"), 1);
    assert_eq!(ask("80", "deny"), 0);
    assert_eq!(ask("80", "allow"), 1);
    // What is not known is neither.
    let unknown = |expect| {
        let rest = ["--port", "443", "--expect", expect, "templates"];
        self::ask("eval", "default/api", "default/web", &rest).status
    };
    assert_eq!((unknown("allow"), unknown("deny")), (1, 1));
}

#[test]
fn findings_decide_it_too() {
    let rest = ["--port", "80", "--fail-on", "error", "broken"];
    let ran = ask("eval", "default/alone", "192.0.2.1", &rest);
    assert_eq!(ran.status, 1);
    assert!(ran.out.starts_with("allowed "), "{ran}");
    let said = "not in force: 3 NetworkPolicy (networking.k8s.io): the API server rejects them\n\
                6 errors in the input: see `portcullis check broken`\n";
    assert_eq!(ran.err, said);
}

#[test]
fn questions_that_cannot_be_answered() {
    let ran = ask("eval", "shop/wbe", "shop/db", &["--port", "80", "shop"]);
    assert_eq!((ran.status, &*ran.out), (2, ""));
    assert!(ran.err.contains("did you mean `shop/web`?"), "{ran}");
    let outside = ask("eval", "192.0.2.1", "192.0.2.2", &["--port", "80", "shop"]);
    assert_eq!(outside.status, 2);
}

#[test]
fn a_hostile_name_does_not_reach_the_terminal() {
    let ran = ask("eval", "shop/\u{1b}[31mweb", "shop/db", &["--port", "80", "shop"]);
    assert!(!ran.err.contains('\u{1b}'), "{ran}");
    assert!(ran.err.contains("\\u{1b}[31mweb"), "{ran}");
}

#[test]
fn names_without_a_namespace_are_in_that_of_the_option() {
    let rest = ["--port", "5432", "-n", "shop", "shop"];
    let ran = ask("eval", "web", "db", &rest);
    assert!(ran.out.starts_with("allowed   web → db   TCP 5432\n"), "{ran}");
    let ran = ask("eval", "prom", "svc/web", &["--port", "80", "-n", "shop", "shop"]);
    assert!(
        ran.err.contains("no pod or workload `prom` in namespace `shop`: did you mean `mon/prom`?"),
        "{ran}"
    );
    let ran = ask("eval", "{app=web}", "sts/db", &rest);
    assert!(ran.out.starts_with("allowed "), "{ran}");
    let elsewhere = ask("eval", "web", "db", &["--port", "5432", "shop"]);
    assert!(
        elsewhere.status == 2 && elsewhere.err.contains("did you mean `shop/web`?"),
        "{elsewhere}"
    );
}

#[test]
fn no_verdict_is_compared_where_no_traffic_is_possible() {
    let rest = ["--port", "80", "--family", "ipv6", "shop"];
    let ran = ask("eval", "10.1.2.3", "shop/db", &rest);
    assert!(ran.status == 2 && ran.err.contains("no traffic is possible\n"), "{ran}");
    let ran = ask("eval", "10.1.2.3", "shop/db", &[&rest[..], &["--expect", "deny"]].concat());
    let told = "no traffic is possible, and policies have no verdict to compare\n";
    assert!(ran.status == 2 && ran.err.contains(told), "{ran}");
}

#[test]
fn options_that_nothing_asks_for_are_said() {
    let slips = ["--namespace-labels", "shpo=team=web", "--domain", "example.com=192.0.2.7"];
    let ran =
        ask("eval", "shop/web", "shop/db", &[&["--port", "5432", "shop"], &slips[..]].concat());
    for told in [
        "labels of namespace `shpo` change nothing: nothing in the input is in it, did you mean `shop`?\n",
        "addresses of `example.com` change nothing: no policy names it\n",
    ] {
        assert!(ran.status == 0 && ran.err.contains(told), "{ran}");
    }
    let asked = ["--port", "5432", "--namespace-labels", "new=team=web", "shop"];
    let ran = ask("eval", "new/{app=web}", "shop/db", &asked);
    assert!(!ran.err.contains("change nothing"), "{ran}");
}

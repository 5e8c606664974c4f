//! `portcullis check`.

use crate::{run, run_with};

#[test]
fn findings_with_their_lines() {
    insta::assert_snapshot!(run(&["check", "broken"]));
}

#[test]
fn nothing_to_find() {
    let ran = run(&["check", "shop"]);
    assert_eq!(ran.status, 0);
    assert_eq!(
        ran.out,
        "shop: 4 workloads, 4 policies, no findings (ignored: 1 object of other kinds)\n"
    );
    assert_eq!(run(&["check", "-q", "shop"]).out, "");
}

#[test]
fn every_form_is_as_it_was() {
    for form in ["sarif", "junit", "github"] {
        let ran = run(&["lint", "-q", "-o", form, "broken"]);
        assert_eq!(ran.status, 1, "{form}");
        let text = ran.out.replace(env!("CARGO_PKG_VERSION"), "VERSION");
        insta::assert_snapshot!(format!("lint_{form}"), text);
    }
}

#[test]
fn forms_for_programs_are_written_on_a_clean_run_too() {
    let clean = |form: &str| {
        let ran = run(&["lint", "-o", form, "shop"]);
        assert_eq!(ran.status, 0, "{form}: {ran}");
        ran.out
    };
    let sarif: serde_json::Value = serde_json::from_str(&clean("sarif")).unwrap();
    assert_eq!(sarif["runs"][0]["results"], serde_json::json!([]));
    assert!(clean("junit").contains("failures=\"0\" errors=\"0\""));
    assert_eq!(clean("github"), "");
}

#[test]
fn findings_below_the_limit_are_tests_that_pass() {
    let ran = run(&["lint", "-o", "junit", "--fail-on", "never", "broken"]);
    assert_eq!(ran.status, 0);
    assert!(ran.out.contains("failures=\"0\"") && ran.out.contains("L19 unknown-field, line 9"));
}

#[test]
fn a_broken_run_is_not_a_finding() {
    for form in ["text", "json", "sarif", "junit", "github"] {
        assert_eq!(run(&["lint", "-o", form, "no-such-folder"]).status, 2, "{form}");
        assert_eq!(run_with(&["lint", "-o", form, "-"], "", &[]).status, 2, "{form}");
    }
}

#[test]
fn what_is_ignored_is_counted() {
    let idle = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: idle\n  \
                annotations: {portcullis.dev/ignore: wrong-or-missing-namespace}\n\
                spec: {podSelector: {}}\n";
    let ran = run_with(&["lint", "--fail-on", "info", "-"], idle, &[]);
    assert_eq!(ran.status, 0, "{ran}");
    assert!(ran.out.contains("no findings, 1 ignored finding"), "{ran}");
    let json = run_with(&["lint", "-o", "json", "-"], idle, &[]);
    assert!(json.out.contains("\"suppressed\": 1"), "{json}");
}

/// What a file becomes by `--fix`.
fn fixed(name: &str, before: &[u8]) -> (String, Vec<u8>) {
    let file = std::env::temp_dir().join(format!("portcullis-fix-{}-{name}", std::process::id()));
    std::fs::write(&file, before).unwrap();
    let ran = run(&["lint", "--fix", file.to_str().unwrap()]);
    let after = std::fs::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    (ran.err, after)
}

/// A change is made only if its finding goes by it and no other one comes.
#[test]
fn what_would_be_wrong_otherwise_is_left() {
    let policy = |spec: &str| {
        format!(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p}}\nspec:\n  {spec}\n"
        )
    };
    for (name, spec) in [
        ("octal", "{podSelector: {}, ingress: [{ports: [{port: \"0443\"}]}]}"),
        ("high", "{podSelector: {}, ingress: [{ports: [{port: \"99999\"}]}]}"),
        ("twice", "{podSelector: {matchLabels: {a: b}}, podselector: {}}"),
        ("nested", "{podSelector: {}, Ingress: [{From: [{podSelector: {}}]}]}"),
        ("tag", "{podSelector: {matchLabels: {a: !!int 5}}}"),
        ("alias", "{podSelector: {matchLabels: {a: &v \"x\", b: -1}}}"),
    ] {
        let before = policy(spec);
        let (said, after) = fixed(name, before.as_bytes());
        assert_eq!(String::from_utf8(after).unwrap(), before, "{name}: {said}");
    }
    let (said, after) = fixed(
        "quoted",
        policy("{podSelector: {}, ingress: [{ports: [{port: \"443\"}]}]}").as_bytes(),
    );
    assert!(String::from_utf8(after).unwrap().contains("port: 443}"), "{said}");
}

/// A byte-order mark and Windows' line ends stay.
#[test]
fn bytes_that_are_not_about_it_stay() {
    let before = format!("\u{feff}{}", FIXABLE.replace('\n', "\r\n"));
    let (said, after) = fixed("windows", before.as_bytes());
    let after = String::from_utf8(after).unwrap();
    assert!(after.starts_with("\u{feff}apiVersion"), "{said}");
    assert!(after.contains("\r\n  policyTypes: [Ingress, Egress]\r\n  egress"), "{after}");
    assert_eq!(after.matches('\n').count(), after.matches("\r\n").count());
    let wide: Vec<u8> = FIXABLE.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let wide = [&[0xff, 0xfe][..], &wide].concat();
    let (said, after) = fixed("wide", &wide);
    assert!(said.contains("write it as UTF-8 first") || said.contains("no findings"), "{said}");
    assert_eq!(after, wide);
}

const FIXABLE: &str = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n\
                       metadata: {name: p}\nspec:\n  podSelector: {}\n  egress: []\n";

#[test]
fn fixes_are_shown() {
    let ran = run_with(&["lint", "--diff", "-"], FIXABLE, &[]);
    assert_eq!(ran.status, 1, "an error is found: {ran}");
    insta::assert_snapshot!(ran);
    let clean = run(&["lint", "--diff", "shop"]);
    assert_eq!((clean.status, clean.out.as_str()), (0, ""));
}

#[test]
fn fixes_are_written_and_the_rest_is_reported() {
    let folder = std::env::temp_dir().join(format!("portcullis-fix-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("p.yaml");
    std::fs::write(&file, FIXABLE).unwrap();
    let ran = run(&["lint", "--fix", file.to_str().unwrap()]);
    let after = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(ran.status, 0, "{ran}");
    assert!(after.contains("\n  policyTypes: [Ingress, Egress]\n  egress: []\n"), "{after}");
    assert!(ran.err.contains("1 finding fixed in 1 file; 1 of them changes"), "{ran}");
    let stdin = run_with(&["lint", "--fix", "-"], FIXABLE, &[]);
    assert_eq!(stdin.status, 2, "{stdin}");
    assert!(stdin.err.contains("use `--diff`"), "{stdin}");
}

/// Behind an error there may be findings that nobody could see before.
#[test]
fn a_fix_may_bring_other_findings_to_light() {
    let policy = |spec: &str| {
        format!(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p, namespace: \
             a}}\nspec:\n  podSelector: {{}}\n{spec}"
        )
    };
    for (spec, fixed) in [
        ("  egress:\n  - ports: [{port: \"80\"}]\n", "+  - ports: [{port: 80}]"),
        (
            "  policyTypes: [Egress]\n  egress:\n  - To: [{ipBlock: {cidr: 10.0.0.1/8}}]\n",
            "+  - to: ",
        ),
        ("  egress:\n  - ports: [{port: 80, protocol: tcp}]\n", "protocol: TCP"),
    ] {
        let ran = run_with(&["lint", "--diff", "-"], &policy(spec), &[]);
        assert!(ran.out.contains(fixed), "{ran}");
    }
}

#[test]
fn json() {
    let ran = run(&["check", "-o", "json", "broken"]);
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(ran.status, 1);
    assert_eq!(report["summary"]["errors"], 6);
    assert_eq!(report["diagnostics"][0]["code"], "V08");
    assert_eq!(report["diagnostics"][0]["location"]["column"], 482);
}

#[test]
fn the_limit_decides_the_status() {
    let idle = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n\
                metadata: {name: idle}\nspec: {podSelector: {}}\n";
    let check = |limit: &str| run_with(&["check", "--fail-on", limit, "-"], idle, &[]);
    assert_eq!(check("error").status, 0);
    assert_eq!(check("warning").status, 0);
    assert_eq!(check("info").status, 1);
    assert_eq!(check("never").status, 0);
    insta::assert_snapshot!(check("info"));
    assert_eq!(run(&["check", "--fail-on", "never", "broken"]).status, 0);
}

#[test]
fn lines_show_hostile_characters_instead_of_obeying_them() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata:\n\tname: \u{202e}x\n";
    let ran = run_with(&["check", "-"], text, &[]);
    assert_eq!(ran.status, 1);
    assert!(ran.out.contains(" --> <stdin>:4:"), "{ran}");
    assert!(!ran.out.contains('\u{202e}'), "{ran}");
}

#[test]
fn windows_line_ends_do_not_move_the_caret() {
    let text = "apiVersion: v1\r\nkind: Pod\r\nmetadata:\r\n  name: a\r\n  nmae: b\r\n";
    let ran = run_with(&["check", "-"], text, &[]);
    insta::assert_snapshot!(ran);
}

/// Every command says it, in text and in JSON.
#[test]
fn what_is_not_judged_is_said() {
    let input = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: x}\n\
                 spec: {nodeName: n1, containers: [{name: c}]}\n\
                 status: {phase: Running, podIP: 10.0.0.1, podIPs: [{ip: 10.0.0.1}]}\n\
                 ---\napiVersion: v1\nkind: Node\nmetadata: {name: n1}\n\
                 ---\napiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\n\
                 metadata: {name: c, namespace: x}\nspec: {}\n";
    let flow = ["--from", "x/a", "--to", "192.0.2.1", "--port", "80"];
    let commands: [&[&str]; 5] =
        [&["check"], &["list"], &["render", "--node", "n1"], &["eval"], &["explain"]];
    let said = "not evaluated: 1 CiliumNetworkPolicy (cilium.io): it can change this answer";
    for command in commands {
        let flow = if matches!(command[0], "eval" | "explain") { &flow[..] } else { &[] };
        let text = run_with(&[command, flow, &["-"]].concat(), input, &[]);
        assert!(text.err.contains(said), "{command:?}: {}", text.err);
        let json = run_with(&[command, flow, &["-o", "json", "-"]].concat(), input, &[]);
        let report: serde_json::Value = serde_json::from_str(&json.out).unwrap();
        let kinds = report.get("notJudged").unwrap_or(&report["summary"]["notJudged"]);
        assert_eq!(kinds[0]["kind"], "CiliumNetworkPolicy (cilium.io)", "{command:?}");
    }
}

/// A policy of the whole cluster that is left out may have denied something: that is said too, as
/// is a kind of that group that does not exist.
#[test]
fn rejected_cluster_policies_are_named() {
    let policy = |kind: &str, rest: &str| {
        format!(
            "---\napiVersion: policy.networking.k8s.io/v1beta1\nkind: {kind}\nmetadata: {{name: p}}\n\
             spec: {{tier: Admin, priority: 1, subject: {{namespaces: {{}}}}, ingress: [{{action: Deny, from: [{rest}]}}]}}\n"
        )
    };
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: x}\n\
               spec: {containers: [{name: c}]}\n";
    for (kind, peer, said) in [
        ("ClusterNetworkPolicy", "{serviceAccounts: {}}", "1 rejected ClusterNetworkPolicy"),
        ("Clusternetworkpolicy", "{namespaces: {}}", "1 Clusternetworkpolicy"),
    ] {
        let input = format!("{pod}{}", policy(kind, peer));
        let ran = run_with(
            &["eval", "--from", "192.0.2.1", "--to", "x/a", "--port", "80", "-"],
            &input,
            &[],
        );
        assert!(ran.err.contains(&format!("not evaluated: {said}")), "{ran}");
    }
}

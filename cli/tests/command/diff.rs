//! `portcullis diff`: two folders, two revisions, and every form of the answer.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::{fixtures, run, run_in, run_with, scratch};

#[test]
fn every_form_is_as_it_was() {
    for form in ["text", "csv", "md", "dot", "mermaid"] {
        insta::assert_snapshot!(
            format!("diff_{form}"),
            run(&["diff", "-o", form, "shop", "shop-next"])
        );
    }
}

#[test]
fn the_json_says_who_and_which_lines() {
    let ran = run(&["diff", "-o", "json", "--focus", "shop/db", "shop", "shop-next"]);
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    let change = &report["changes"][0];
    assert_eq!(change["before"], "allow");
    assert_eq!(change["after"], "deny");
    assert_eq!(report["portSets"][change["ports"].as_str().unwrap()][0]["port"], 9187);
    let cause = &report["causes"][change["causes"][0].as_u64().unwrap() as usize];
    assert_eq!(cause["side"], "old");
    assert_eq!(cause["location"]["line"], 25);
    assert_eq!(report["summary"]["closed"], 1);
}

#[test]
fn exit_status_tells_whether_something_differs_only_if_asked() {
    assert_eq!(run(&["diff", "shop", "shop-next"]).status, 0);
    assert_eq!(run(&["diff", "--exit-code", "shop", "shop-next"]).status, 1);
    let same = run(&["diff", "--exit-code", "shop", "shop"]);
    assert_eq!((same.status, same.out.as_str()), (0, "no difference\n"));
    assert_eq!(run(&["diff", "shop"]).status, 2);
    assert_eq!(run(&["diff", "-", "-"]).status, 2);
    assert_eq!(run(&["diff", "shop", "elsewhere/"]).status, 2);
    assert_eq!(run(&["diff", "--focus", "shop/bd", "shop", "shop-next"]).status, 2);
}

#[test]
fn isolation_is_a_cause_and_so_is_its_end() {
    let folder = scratch("diff-isolation");
    let copy = |name: &str| {
        let text = std::fs::read_to_string(fixtures().join("shop").join(name)).unwrap();
        std::fs::write(folder.join(name), &text).unwrap();
        text
    };
    copy("workloads.yaml");
    let policies = copy("policies.yaml").replacen("name: default-deny", "name: all-deny", 1);
    let policies = policies.replacen("  namespace: shop", "  namespace: mon", 1);
    std::fs::write(folder.join("policies.yaml"), policies).unwrap();
    let shop = fixtures().join("shop");
    let (shop, folder) = (shop.to_str().unwrap(), folder.to_str().unwrap());
    let ran = run(&["diff", "-q", shop, folder]);
    let has = |line: &str| ran.out.lines().any(|one| one.contains(line));
    assert!(has("- shop/web[Deployment] => mon/prom[Deployment] : All Connections"), "{ran}");
    assert!(has("ingress + mon/all-deny isolates"), "{ran}");
    assert!(has("ingress - shop/default-deny isolates"), "{ran}");
}

#[test]
fn standard_input_is_one_side() {
    let text = std::fs::read_to_string(fixtures().join("shop/workloads.yaml")).unwrap();
    let ran = run_with(&["diff", "-q", "shop", "-"], &text, &[]);
    assert!(ran.out.contains("opened"), "{ran}");
}

// --- revisions

fn git(folder: &Path, args: &[&str]) {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=n", "-c", "user.email=n@example.com"]).args(args);
    let output = command.current_dir(folder).output().expect("git is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A repository whose branch `main` has the shop in `deploy/`, and `next` the one after it.
fn repository(name: &str) -> std::path::PathBuf {
    let folder = scratch(name);
    let write = |fixture: &str| {
        for file in ["workloads.yaml", "policies.yaml"] {
            let text = std::fs::read(fixtures().join(fixture).join(file)).unwrap();
            std::fs::create_dir_all(folder.join("deploy")).unwrap();
            std::fs::write(folder.join("deploy").join(file), text).unwrap();
        }
    };
    git(&folder, &["init", "-q", "-b", "main", "."]);
    write("shop");
    git(&folder, &["add", "-A"]);
    git(&folder, &["commit", "-qm", "one"]);
    git(&folder, &["checkout", "-qb", "next"]);
    write("shop-next");
    git(&folder, &["commit", "-qam", "two"]);
    folder
}

#[test]
fn revisions_are_read_by_git() {
    let folder = repository("diff-revisions");
    let summary = "1 pair opened, 1 closed; 1 workload added\n";
    for args in [
        &["main..next"][..],
        &["main..", "--", "deploy"],
        &["main...next", "--", "deploy"],
        &["main", "--", "deploy"],
        &["main:deploy", "next:deploy"],
        &["main:deploy", "deploy"],
    ] {
        let ran = run_in(&folder, &[&["diff", "-q"], args].concat(), "", &[]);
        assert!(ran.status == 0 && ran.out.ends_with(summary), "{args:?} {ran}");
        assert!(ran.out.contains(":deploy/policies.yaml:25"), "{args:?} {ran}");
    }
    // What is not committed yet is not in a revision, and nothing in the folder changes.
    std::fs::remove_dir_all(folder.join("deploy")).unwrap();
    let ran = run_in(&folder, &["diff", "-q", "main..next"], "", &[]);
    assert!(ran.out.ends_with(summary), "{ran}");
    assert!(!folder.join("deploy").exists());
}

/// A workload that nothing isolates, and then a policy that is rejected.
#[test]
fn a_reviewer_reads_what_is_not_counted() {
    let folder = scratch("diff-not-counted");
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: x}\n";
    let policy = "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: x}\nspec: {podSelector: {}, ingress: [{ports: [{port: NO}]}]}\n";
    std::fs::write(folder.join("old.yaml"), pod).unwrap();
    std::fs::write(folder.join("new.yaml"), format!("{pod}{policy}")).unwrap();
    let ran = run_in(&folder, &["diff", "-q", "-o", "md", "old.yaml", "new.yaml"], "", &[]);
    assert!(ran.out.contains("no difference") && ran.out.contains("⚠️ new: "), "{ran}");
    std::fs::write(folder.join("policy.yaml"), policy.replace("NO", "80")).unwrap();
    let ran = run_in(&folder, &["diff", "policy.yaml", "policy.yaml"], "", &[]);
    assert!(ran.status == 2 && ran.err.contains("no pods or workloads"), "{ran}");
}

/// Policies of others divide the addresses, and the number of pairs does not follow that.
#[test]
fn the_number_of_pairs_does_not_follow_how_others_divide_addresses() {
    let folder = scratch("diff-pairs");
    let pod = |name: &str| {
        format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: x, labels: {{app: {name}}}}}\n"
        )
    };
    let policy = |name: &str, spec: &str| {
        format!(
            "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {name}, namespace: x}}\nspec: {spec}\n"
        )
    };
    let isolated = policy("p", "{podSelector: {matchLabels: {app: a}}, policyTypes: [Ingress]}");
    let block = "{podSelector: {matchLabels: {app: b}}, policyTypes: [Egress], egress: [{to: [{podSelector: {}}, {ipBlock: {cidr: 203.0.113.0/24}}]}]}";
    let summary = |other: &str| {
        let old = [pod("a"), pod("b"), other.to_owned()].concat();
        std::fs::write(folder.join("old.yaml"), &old).unwrap();
        std::fs::write(folder.join("new.yaml"), old + &isolated).unwrap();
        let ran = run_in(&folder, &["diff", "-q", "old.yaml", "new.yaml"], "", &[]);
        ran.out.lines().last().unwrap_or_default().to_owned()
    };
    assert_eq!(summary(""), "2 pairs closed");
    assert_eq!(summary(&policy("q", block)), "2 pairs closed");
}

#[cfg(unix)]
#[test]
fn links_of_revisions_are_named() {
    let folder = repository("diff-links");
    std::os::unix::fs::symlink("policies.yaml", folder.join("deploy/linked.yaml")).unwrap();
    git(&folder, &["add", "-A"]);
    git(&folder, &["commit", "-qm", "three"]);
    let ran = run_in(&folder, &["diff", "main..next"], "", &[]);
    assert!(ran.err.contains("next:deploy/linked.yaml is a link"), "{ran}");
}

/// A tag may be called as a commit's number begins.
#[test]
fn the_commit_where_two_parted_is_that_and_no_tag() {
    let folder = repository("diff-tag");
    let line = |args: &[&str]| {
        let output = Command::new("git").args(args).current_dir(&folder).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let base = line(&["rev-parse", "main"]);
    git(&folder, &["tag", &base[..12], "next"]);
    let ran = run_in(&folder, &["diff", "-q", "main...next"], "", &[]);
    assert!(ran.out.contains("1 pair opened, 1 closed"), "{ran}");
}

#[test]
fn a_revision_may_be_from_before_there_was_anything() {
    let folder = repository("diff-before");
    let ran = run_in(&folder, &["diff", "-q", "main:nowhere", "next:deploy"], "", &[]);
    assert!(ran.out.ends_with("5 workloads added\n"), "{ran}");
    let ran = run_in(&folder, &["diff", "-q", "main:nowhere", "next:nowhere"], "", &[]);
    assert_eq!(ran.status, 2, "{ran}");
    let ran = run_in(&folder, &["diff", "main..next", "--", "deploy", "deplyo"], "", &[]);
    assert!(ran.err.contains("next:deplyo has no manifest in this revision"), "{ran}");
}

#[test]
fn what_git_does_not_know_is_an_error() {
    let folder = repository("diff-unknown");
    let error = |args: &[&str], variables: &[(&str, &str)]| {
        let ran = run_in(&folder, &[&["diff"], args].concat(), "", variables);
        assert_eq!(ran.status, 2, "{ran}");
        ran.err
    };
    let unknown = "error: no revision `nope` in this git repository\n";
    assert_eq!(error(&["nope..main"], &[]), unknown);
    assert_eq!(error(&["main...nope"], &[]), unknown);
    let missing = "error: git is not installed: it is needed to read revisions\n";
    assert_eq!(error(&["main..next"], &[("PATH", "")]), missing);
    let paths = error(&["deploy", "main", "--", "deploy"], &[]);
    assert!(paths.contains("paths after `--`"), "{paths}");
}

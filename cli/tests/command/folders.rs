//! Folders as people have them: charts, kustomize trees, other files, links, pipes.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Ran, run, run_in, scratch};

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop}\n";

fn write(folder: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn folder(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let folder = scratch(name);
    write(&folder, files);
    folder
}

fn check(folder: &Path, more: &[&str]) -> Ran {
    run_in(folder, &[&["check", "--fail-on", "warning"], more].concat(), "", &[])
}

#[test]
fn a_chart_is_told_in_one_line() {
    let files = [
        ("chart/Chart.yaml", "apiVersion: v2\nname: c\n"),
        ("chart/values.yaml", "replicas: 1\n"),
        ("chart/templates/deploy.yaml", "{{- if .Values.enabled }}\nkind: Deployment\n"),
        ("pod.yaml", POD),
    ];
    let folder = folder("chart", &files);
    let ran = check(&folder, &["."]);
    assert_eq!(ran.out, ".: 1 workload, no policies, no findings\n");
    let told = "chart is a Helm chart and is not read: `helm template chart | portcullis check -` \
                reads what it renders\n";
    assert_eq!((ran.status, &*ran.err), (0, told));
    let chart = check(&folder, &["chart"]);
    assert_eq!(chart.status, 2);
    assert!(chart.err.contains("chart is a Helm chart: name it with --helm chart"), "{chart}");
}

#[test]
fn patches_of_a_kustomize_tree_are_left_out() {
    let patch = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\n\
                 spec: {replicas: 3}\n";
    let folder = folder(
        "kustomize",
        &[
            ("base/kustomization.yaml", "resources: [pod.yaml]\n"),
            ("base/pod.yaml", POD),
            ("overlay/kustomization.yaml", "resources: [../base]\npatches: [{path: p.yaml}]\n"),
            ("overlay/p.yaml", patch),
        ],
    );
    let ran = check(&folder, &["."]);
    assert_eq!((ran.status, &*ran.out), (0, ".: 1 workload, no policies, no findings\n"));
    let told = "overlay is a kustomize tree: its files are read as they stand, and 1 patch or other \
                input is left out: `kustomize build overlay | portcullis check -` reads what it \
                renders\n";
    assert_eq!(ran.err, told);
    let json = run_in(&folder, &["list", "-o", "json", "."], "", &[]);
    let report: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(report["summary"]["skipped"][0]["what"], "kustomization");
    assert_eq!(report["summary"]["skipped"][0]["renderedBy"], "kustomize build overlay");
}

/// What is named is meant: there, the same file is a finding.
#[test]
fn files_of_other_programs_are_counted() {
    let folder = folder(
        "others",
        &[
            ("package.json", "{\"name\": \"x\"}\n"),
            ("broken.json", "{\"compilerOptions\": {}, // a comment\n}\n"),
            ("pod.yaml", POD),
            ("list.yaml", "- a\n- b\n"),
        ],
    );
    let ran = check(&folder, &["."]);
    assert_eq!((ran.status, &*ran.out), (0, ".: 1 workload, no policies, no findings\n"));
    assert_eq!(ran.err, "3 files are not manifests (broken.json, list.yaml, package.json)\n");
    let named = check(&folder, &["pod.yaml", "package.json"]);
    assert_eq!(named.status, 1);
    assert!(named.out.contains("warning[R02]"), "{named}");
    write(&folder, &[("half.yaml", "kind: Pod\nmetadata: {name: a}\n")]);
    assert_eq!(check(&folder, &["."]).status, 1, "one half of an object is meant as one");
}

#[test]
fn nothing_read_is_no_success() {
    let folder = folder("nothing", &[("values.yaml", "a: 1\n")]);
    for verb in [&["list"][..], &["check"], &["eval", "--from=a/b", "--to=a/c", "--port=1"]] {
        let ran = run_in(&folder, &[verb, &["."]].concat(), "", &[]);
        assert_eq!(ran.status, 2, "{ran}");
        assert!(ran.err.ends_with("policy in the input\n"), "{ran}");
        let ran = run_in(&folder, &[verb, &["-"]].concat(), "", &[]);
        assert_eq!(ran.status, 2, "{ran}");
    }
}

#[test]
fn the_same_file_by_two_ways_is_read_once() {
    let folder = folder("same", &[("sub/pod.yaml", POD)]);
    #[cfg(unix)]
    std::os::unix::fs::symlink("pod.yaml", folder.join("sub/link.yaml")).unwrap();
    for paths in [&["."][..], &["sub/pod.yaml", "../same/sub/pod.yaml"], &["sub/pod.yaml", "sub"]] {
        let ran = check(&folder, paths);
        assert!(ran.out.ends_with(": 1 workload, no policies, no findings\n"), "{ran}");
    }
}

#[test]
fn duplicates_say_where_the_first_stands_and_many_are_one_finding() {
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n---\n";
    let more = "metadata: {namespace: shop, name: web}\napiVersion: v1\nkind: Pod\n";
    let folder =
        folder("duplicates", &[("a.yaml", namespace), ("b.yaml", &(namespace.to_owned() + POD))]);
    write(&folder, &[("c.yaml", more)]);
    let ran = check(&folder, &["."]);
    assert_eq!((ran.status, &*ran.out), (0, ".: 1 workload, no policies, no findings\n"));

    let labelled = POD.replace("namespace: shop", "namespace: shop, labels: {a: b}");
    write(&folder, &[("d.yaml", &labelled)]);
    let ran = check(&folder, &["c.yaml", "d.yaml"]);
    assert_eq!(ran.status, 1);
    assert!(ran.out.contains("it replaces the first, at c.yaml:1\n"), "{ran}");
    let found = check(&folder, &["."]);
    let told = "info[L51]: Pod `web` replaces a different one in c.yaml\n";
    assert!(found.status == 0 && found.out.contains(told), "{found}");
    let policy = |selector: &str| {
        format!(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n\
             metadata: {{name: p, namespace: shop}}\nspec: {{podSelector: {selector}}}\n"
        )
    };
    let copies = [("e.yaml", policy("{}")), ("f.yaml", policy("{matchLabels: {a: b}}"))];
    write(&folder, &copies.each_ref().map(|(name, text)| (*name, &**text)));
    let ran = check(&folder, &["."]);
    assert!(ran.out.contains("error[L21]: a second NetworkPolicy `p`"), "{ran}");
    write(&folder, &[("e.yaml", ""), ("f.yaml", "")]);

    let [own, default] =
        ["", ", namespace: default"].map(|to| POD.replace(", namespace: shop", to));
    write(&folder, &[("g.yaml", &own), ("h.yaml", &default)]);
    let ran = check(&folder, &["g.yaml", "h.yaml"]);
    assert_eq!((ran.status, ran.out.matches("[L").count()), (0, 0), "{ran}");
    write(&folder, &[("g.yaml", ""), ("h.yaml", "")]);

    let pods = |label: &str| -> String {
        let pod = |i| {
            format!(
                "apiVersion: v1\nkind: Pod\nmetadata: {{name: p{i}, labels: {{a: {label}}}}}\n---\n"
            )
        };
        (0..300).map(pod).collect()
    };
    write(&folder, &[("d.yaml", POD), ("x.yaml", &pods("one")), ("y.yaml", &pods("two"))]);
    let ran = check(&folder, &["."]);
    assert_eq!((ran.status, ran.out.matches("[L").count()), (0, 1), "{ran}");
    let told = "info[L51]: Pod `p0` and 299 more replace different ones in x.yaml\n";
    assert!(ran.out.contains(told), "{ran}");
    let named = check(&folder, &["x.yaml", "y.yaml"]);
    assert_eq!((named.status, named.out.matches("error[L21]").count()), (1, 300));
}

/// Overlays and variants of an installation lie in folders of their own.
#[test]
fn folders_with_the_same_names_are_variants_and_every_answer_says_so() {
    let other = POD.replace("namespace: shop", "namespace: shop, labels: {a: b}");
    let folder = folder("variants", &[("a/pod.yaml", POD), ("b/pod.yaml", &other)]);
    let ran = check(&folder, &["."]);
    assert_eq!(ran.status, 0, "{ran}");
    assert!(ran.out.contains("info[L51]: Pod `web` replaces a different one in a\n"), "{ran}");
    let list = run_in(&folder, &["list", "."], "", &[]);
    let told = "some objects stand in several files, differently: the last counts: see \
                `portcullis check .`\n";
    assert_eq!((list.status, &*list.err), (0, told));
}

/// A Deployment without a selector is refused; one in a kustomize tree is only not complete yet.
#[test]
fn what_kustomize_completes_is_no_mistake() {
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\n\
                      spec: {template: {metadata: {labels: {app: web}}}}\n";
    let folder = folder(
        "uncompleted",
        &[
            ("base/deployment.yaml", deployment),
            ("base/kustomization.yaml", "resources: [deployment.yaml]\ncommonLabels: {a: b}\n"),
            ("pod.yaml", POD),
        ],
    );
    let ran = check(&folder, &["."]);
    let told = "info[R14]: `spec.selector` is missing: left out, as kustomize has yet to complete \
                it\n";
    assert!(ran.status == 0 && ran.out.contains(told), "{ran}");
    let named = check(&folder, &["base/deployment.yaml"]);
    assert!(named.status == 1 && named.out.contains("error[V13]"), "{named}");
}

/// kustomize replaces `$(x)` where its tree says what `x` is; elsewhere it is no name.
#[test]
fn variables_of_kustomize_are_no_mistakes_in_its_trees() {
    let pod = POD.replace("name: web", "name: $(PREFIX)-web");
    let tree = [("base/pod.yaml", &*pod), ("base/kustomization.yaml", "resources: [pod.yaml]\n")];
    let folder = folder("variables", &[tree[0], tree[1], ("other/pod.yaml", POD)]);
    let ran = check(&folder, &["."]);
    let told =
        "info[R14]: `$(PREFIX)` is a variable: left out, as kustomize has yet to replace it\n";
    assert!(ran.status == 0 && ran.out.contains(told), "{ran}");
    let named = check(&folder, &["base/pod.yaml"]);
    assert!(named.status == 1 && named.out.contains("error[V02]"), "{named}");
}

#[test]
fn a_configuration_leaves_paths_and_codes_out() {
    let folder = folder(
        "config",
        &[
            ("m/pod.yaml", POD),
            ("m/test/broken.yaml", "kind: [\n"),
            ("m/other.yaml", &POD.replace("namespace: shop", "namespace: shop, labels: {a: b}")),
            ("portcullis.yaml", "ignore:\n  paths: [m/test/]\n  codes: [L51]\n"),
        ],
    );
    let ran = check(&folder, &["."]);
    assert_eq!(
        (ran.status, &*ran.out),
        (0, ".: 1 workload, no policies, no findings, 1 ignored finding\n")
    );
    assert_eq!(ran.err, "m/test is ignored, as the configuration says\n");
    write(&folder, &[("p.yaml", "ignore: {pahts: []}\n"), ("r.yaml", "ignore: {codes: [R01]}\n")]);
    let unknown = check(&folder, &["--config", "p.yaml", "m"]);
    assert_eq!(unknown.status, 2);
    assert!(unknown.err.starts_with("error: p.yaml: ignore: unknown field `pahts`"), "{unknown}");
    let refused = check(&folder, &["--config", "r.yaml", "m"]);
    assert!(refused.err.contains("R01 cannot be ignored"), "{refused}");
}

#[test]
fn files_that_are_ignored_may_hold_the_pods_that_a_selector_means() {
    let policy = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n\
                  metadata: {name: p, namespace: shop}\n\
                  spec: {podSelector: {matchLabels: {app: mail}}}\n";
    let files = [("pod.yaml", POD), ("policy.yaml", policy), ("old/pod.yaml", POD)];
    let folder = folder("ignored", &files);
    assert!(check(&folder, &["."]).out.contains("[L03]"));
    write(&folder, &[("portcullis.yaml", "ignore: {paths: [old/]}\n")]);
    let ran = check(&folder, &["."]);
    assert!(ran.status == 0 && !ran.out.contains("[L03]"), "{ran}");
}

/// Programs that stand for Helm and kustomize, since what is tested is how they are run.
#[cfg(unix)]
#[test]
fn tools_are_run_and_ended() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = folder("tools", &[("c/Chart.yaml", ""), ("k/kustomization.yaml", "")]);
    let tool = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    };
    let with = |args: &[&str]| {
        let path = format!("{}:/usr/bin:/bin", folder.display());
        run_in(&folder, args, "", &[("PATH", &path)])
    };
    let echo = "echo 'apiVersion: v1'; echo 'kind: Pod'; echo \"metadata: {name: $1-pod}\"";
    tool("helm", &format!("test \"$*\" = 'template --values v.yaml -- c' || exit 9\n{echo}"));
    tool("kustomize", &format!("test \"$*\" = 'build -- k' || exit 9\n{echo}"));
    let ran = with(&["check", "--helm", "c", "--helm-values", "v.yaml", "--kustomize", "k"]);
    assert_eq!(ran.out, "--helm c --kustomize k: 2 workloads, no policies, no findings\n", "{ran}");
    tool("helm", "echo 'no such value' >&2; exit 1");
    let failed = with(&["list", "--helm", "c"]);
    assert_eq!((failed.status, &*failed.err), (2, "error: helm template c: no such value\n"));
    tool("helm", "exec sleep 60");
    let hung = with(&["list", "--helm", "c", "--tool-seconds", "1"]);
    assert_eq!(hung.status, 2);
    assert!(hung.err.contains("helm template c: no end after 1s"), "{hung}");
    // What it leaves behind holds its output open.
    tool("helm", "sleep 30 &");
    let left = with(&["list", "--helm", "c", "--tool-seconds", "1"]);
    assert!(left.err.contains("helm template c: no end after 1s"), "{left}");
    fs::remove_file(folder.join("helm")).unwrap();
    let none = run_in(&folder, &["list", "--helm", "c"], "", &[("PATH", "/nowhere")]);
    assert_eq!(none.err, "error: helm template c: helm is not installed\n");
}

/// A pipe that lies in a folder would never end; one that is named is meant.
#[cfg(unix)]
#[test]
fn pipes_and_devices_in_a_folder_are_passed_by() {
    let folder = folder("special", &[("pod.yaml", POD)]);
    std::os::unix::fs::symlink("/dev/zero", folder.join("zero.yaml")).unwrap();
    std::os::unix::fs::symlink("gone", folder.join("gone.yaml")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(folder.join("pipe.yaml")).status();
    assert!(made.unwrap().success());
    let ran = check(&folder, &["."]);
    assert_eq!((ran.status, &*ran.out), (0, ".: 1 workload, no policies, no findings\n"));
    let device = run(&["list", "/dev/zero"]);
    assert_eq!(device.err, "error: cannot read /dev/zero: a device, not a file\n");
}

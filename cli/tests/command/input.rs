//! Files, folders and the standard input.

use std::fs;

use crate::{run, run_with, scratch};

fn workloads(args: &[&str]) -> Vec<String> {
    let ran = run(&[&["list", "-o", "json"], args].concat());
    let report: serde_json::Value = serde_json::from_str(&ran.out).expect(&ran.err);
    let endpoints = report["endpoints"].as_array().unwrap();
    let names = endpoints.iter().filter(|e| e["kind"] == "workload");
    names.map(|e| e["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn folders_are_read_whole_without_hidden_and_installed_files() {
    let all = ["default/one[Pod]", "default/three[Pod]", "default/two[Pod]"];
    assert_eq!(workloads(&["folder"]), all);
    assert_eq!(workloads(&["folder/"]), all);
    assert_eq!(workloads(&["./folder/./a", "folder/b"]), all);
    assert_eq!(workloads(&["folder/.hidden"]), ["default/hidden[Pod]"]);
    assert_eq!(workloads(&["folder/text.txt"]), ["default/text[Pod]"]);
}

#[test]
fn a_file_named_twice_is_read_once() {
    let ran = run(&["check", "folder", "folder/a/one.yaml", "./folder/a"]);
    assert!(ran.out.ends_with("3 workloads, no policies, no findings\n"), "{ran}");
}

#[test]
fn links_that_lead_upwards_end() {
    let folder = scratch("links");
    fs::write(folder.join("a.yaml"), "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(&folder, folder.join("again")).unwrap();
    assert_eq!(workloads(&[folder.to_str().unwrap()]), ["default/a[Pod]"]);
}

#[test]
fn many_files_are_read_in_any_order_with_one_result() {
    let folder = scratch("many");
    for i in 0..200 {
        let pod = format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: p{i:03}}}\n");
        fs::write(folder.join(format!("{i}.yaml")), pod).unwrap();
    }
    let names = workloads(&["--port", "1", folder.to_str().unwrap()]);
    assert_eq!(names.len(), 200);
    assert!(names.is_sorted());
}

#[test]
fn the_standard_input() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n";
    let ran = run_with(&["check", "-"], pod, &[]);
    assert_eq!(ran.out, "-: 1 workload, no policies, no findings\n");
    let twice = run_with(&["list", "-", "-"], pod, &[]);
    assert_eq!((twice.status, &*twice.err), (2, "error: standard input can be read only once\n"));
    let both = run_with(&["list", "--port", "80", "-", "folder/a"], pod, &[]);
    assert!(both.out.contains("default/a[Pod] => default/one[Pod]"), "{both}");
}

#[test]
fn namespaces_of_objects_that_name_none() {
    assert_eq!(workloads(&["-n", "team", "folder/a"]), ["team/one[Pod]"]);
}

#[test]
fn what_cannot_be_read_is_no_answer() {
    let missing = run(&["list", "shop", "nowhere"]);
    assert_eq!((missing.status, &*missing.out), (2, ""));
    assert_eq!(missing.err, "error: cannot read nowhere: no such file or folder\n");
    let folder = scratch("empty");
    let empty = run(&["list", folder.to_str().unwrap()]);
    assert_eq!(empty.status, 2);
    assert!(empty.err.starts_with("error: no .yaml, .yml or .json file in "), "{empty}");
}

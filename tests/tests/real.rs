//! Manifests of real applications, where they are at hand: read without a false complaint, and
//! listed as the snapshots in `tests/snapshots/real/` say, which were held against the manifests
//! by eye. `UPDATE_SNAPSHOTS=1` writes them again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "test code")]

use std::fs;
use std::path::{Path, PathBuf};

use portcullis_engine::report::Severity;
use portcullis_engine::report::text::{ListFormat, write_list};
use portcullis_engine::{Change, ListFilter, Options, Session, SourceFile};
use portcullis_tests::cases::root;

/// The folders of applications, sorted; none if they are not at hand.
fn applications() -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(root().join("../shared/data/real")) else {
        println!("skipped: the real manifests are not at hand");
        return Vec::new();
    };
    let mut folders: Vec<PathBuf> =
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    assert!(folders.len() >= 4, "{folders:?}");
    folders
}

fn name(folder: &Path) -> String {
    folder.file_name().unwrap().to_string_lossy().into_owned()
}

fn read(folder: &Path) -> Session {
    let mut files = Vec::new();
    walk(folder, folder, &mut files);
    Session::new(Options::default()).apply(files)
}

fn walk(base: &Path, folder: &Path, files: &mut Vec<Change>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(base, &path, files);
        } else if path.extension().is_some_and(|end| end == "yaml" || end == "json") {
            let name = path.strip_prefix(base).unwrap().to_string_lossy();
            files.push(Change::Put(SourceFile::new(&name, &fs::read(&path).unwrap())));
        }
    }
}

#[test]
fn real_manifests_give_no_findings() {
    for folder in applications() {
        let check = read(&folder).check();
        let summary = &check.summary;
        assert!(summary.workloads > 0 && summary.policies > 0, "{}: {summary:?}", name(&folder));
        // Online Boutique allows DNS by UDP alone: what is said of it is so.
        let is_so = |code: &str| code == "L33" && name(&folder).starts_with("onlineboutique");
        let complaints = check.diagnostics.iter().filter(|one| one.severity >= Severity::Warning);
        let complaints = complaints.filter(|one| !is_so(&one.code));
        let complaints: Vec<_> = complaints.collect();
        assert!(complaints.is_empty(), "{}: {complaints:#?}", name(&folder));
    }
}

#[test]
fn real_manifests_are_listed_as_before() {
    let snapshots = root().join("tests/snapshots/real");
    let update = std::env::var_os("UPDATE_SNAPSHOTS").is_some();
    for folder in applications() {
        let filter = ListFilter { certain_only: true, ..ListFilter::default() };
        let mut text = String::new();
        write_list(&read(&folder).list(&filter), ListFormat::Text, &mut text).unwrap();
        let snapshot = snapshots.join(name(&folder) + ".txt");
        if update {
            fs::create_dir_all(&snapshots).unwrap();
            fs::write(&snapshot, &text).unwrap();
        }
        let expected = fs::read_to_string(&snapshot).unwrap_or_default();
        assert_eq!(text, expected, "{} is no longer listed as before", name(&folder));
    }
}

//! Rules of the project that no compiler holds.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "test code"
)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use portcullis_engine::diagnostic::{Code, Severity};
use portcullis_tests::cases::root;
use serde_json::Value;

/// Files of the project, as paths from its root: what git tracks, and what is new and not ignored.
fn files() -> Vec<PathBuf> {
    let words = ["ls-files", "--cached", "--others", "--exclude-standard", "-z"];
    let listed = Command::new("git").args(words).current_dir(root()).output().unwrap();
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let names = String::from_utf8(listed.stdout).unwrap();
    let paths = names.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from);
    paths.filter(|path| root().join(path).is_file()).collect()
}

fn read(path: &Path) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_default()
}

fn has_end(path: &Path, ends: &[&str]) -> bool {
    path.extension().is_some_and(|end| ends.iter().any(|known| end == *known))
}

fn in_folder(path: &Path, folders: &[&str]) -> bool {
    folders.iter().any(|folder| path.starts_with(folder))
}

// --- dependencies

fn cargo(words: &[&str]) -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo).args(words).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The crates that a crate is built with, itself not among them, on any system.
fn dependencies(package: &str) -> BTreeSet<String> {
    let words = ["tree", "--offline", "--edges", "normal", "--target", "all", "--prefix", "none"];
    let tree = cargo(&[&words[..], &["--format", "{p}", "--package", package]].concat());
    let names = tree.lines().filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != package).map(str::to_owned).collect()
}

/// The crates of a workspace, as cargo describes them.
fn metadata(manifest: &Path) -> Vec<Value> {
    let words = ["metadata", "--offline", "--no-deps", "--format-version", "1", "--manifest-path"];
    let metadata = cargo(&[&words[..], &[manifest.to_str().unwrap()]].concat());
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

fn workspace() -> BTreeSet<String> {
    let packages = metadata(Path::new("Cargo.toml"));
    packages.iter().map(|package| package["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_engine_depends_on_no_other_crate_of_ours_and_on_no_platform() {
    let forbidden = [
        "tokio",
        "kube",
        "k8s-openapi",
        "wasm-bindgen",
        "js-sys",
        "web-sys",
        "libc",
        "mio",
        "getrandom",
        "chrono",
        "time",
    ];
    let engine = dependencies("portcullis-engine");
    assert!(engine.contains("serde"), "{engine:?}");
    let found: Vec<&String> = engine
        .iter()
        .filter(|name| forbidden.contains(&name.as_str()) || workspace().contains(*name))
        .collect();
    assert!(found.is_empty(), "the engine depends on {found:?}");
}

#[test]
fn front_ends_never_import_each_other() {
    let front_ends = ["portcullis", "portcullis-wasm", "portcullis-web"];
    for package in front_ends {
        let all = dependencies(package);
        assert!(all.contains("portcullis-engine"), "{package} is no front end");
        let ours: Vec<&str> = front_ends.into_iter().filter(|name| all.contains(*name)).collect();
        assert!(ours.is_empty(), "{package} depends on {ours:?}");
    }
}

// --- sources

#[test]
fn only_front_ends_ask_for_what_they_are_built() {
    // In two parts, so that this file does not ask either.
    let question = ["target", "arch"].join("_");
    let asks = |path: &PathBuf| {
        has_end(path, &["rs"])
            && !in_folder(path, &["wasm", "web", "nodes-agent"])
            && read(path).contains(&question)
    };
    let found: Vec<PathBuf> = files().into_iter().filter(asks).collect();
    assert!(found.is_empty(), "{found:?}");
}

/// Files of Rust that no `mod` reaches are not compiled: a test in them would never run.
#[test]
fn every_rust_file_is_part_of_a_crate() {
    let rust: BTreeSet<PathBuf> =
        files().into_iter().filter(|path| has_end(path, &["rs"])).collect();
    let mut reached = BTreeSet::new();
    let roots = targets();
    for path in &roots {
        reach(path, &roots, &mut reached);
    }
    assert!(reached.len() > 50, "{reached:?}");
    let orphans: Vec<&PathBuf> = rust.difference(&reached).collect();
    assert!(orphans.is_empty(), "no `mod` leads to {orphans:?}");
}

/// The files at which cargo starts: libraries, programs, tests, benchmarks, build scripts; of the
/// workspace and of crates that keep out of it.
fn targets() -> BTreeSet<PathBuf> {
    let root = root().canonicalize().unwrap();
    let mut packages = metadata(Path::new("Cargo.toml"));
    for manifest in files().into_iter().filter(|path| path.ends_with("Cargo.toml")) {
        let path = root.join(&manifest);
        if !packages
            .iter()
            .any(|package| Path::new(package["manifest_path"].as_str().unwrap()) == path)
        {
            packages.extend(metadata(&manifest));
        }
    }
    let targets = packages.iter().flat_map(|package| package["targets"].as_array().unwrap());
    let paths = targets.map(|target| PathBuf::from(target["src_path"].as_str().unwrap()));
    paths.map(|path| path.strip_prefix(&root).unwrap().to_path_buf()).collect()
}

fn reach(path: &Path, roots: &BTreeSet<PathBuf>, reached: &mut BTreeSet<PathBuf>) {
    if !reached.insert(path.to_path_buf()) {
        return;
    }
    let folder = path.parent().unwrap();
    let stem = path.file_stem().unwrap();
    let own_folder = stem == "mod" || roots.contains(path);
    let base = if own_folder { folder.to_path_buf() } else { folder.join(stem) };
    for line in read(path).lines() {
        let Some(name) = module_name(line.trim()) else {
            continue;
        };
        let candidates = [base.join(format!("{name}.rs")), base.join(name).join("mod.rs")];
        let found = candidates.into_iter().filter(|path| root().join(path).is_file());
        found.for_each(|path| reach(&path, roots, reached));
    }
}

/// `mod name;` in any visibility.
fn module_name(line: &str) -> Option<&str> {
    let name = line.strip_suffix(';')?;
    let (visibility, name) = name.split_once("mod ")?;
    let visible = visibility.is_empty() || visibility.starts_with("pub");
    let plain = name.chars().all(|c| c.is_alphanumeric() || c == '_');
    (visible && plain).then_some(name)
}

/// The most lines that a file has, without its tests.
const MOST_LINES: usize = 400;

/// Longer files, and why they stay in one piece.
const LONG_FILES: &[(&str, &str)] = &[
    ("engine/src/report/types.rs", "a flat list of the types that users see, with their docs"),
    ("wasm/js/reports.d.ts", "generated"),
];

#[test]
fn files_are_short() {
    let mut long = Vec::new();
    for path in files() {
        let ours = has_end(&path, &["rs", "ts", "js", "mjs", "cjs", "sh", "css"]);
        // What a program writes is as long as it is.
        let written = path.iter().any(|part| part == "snapshots");
        let excused = LONG_FILES.iter().any(|(known, _)| path == Path::new(known));
        let lines = read(&path).lines().take_while(|line| *line != "#[cfg(test)]").count();
        if ours && !written && !excused && lines > MOST_LINES {
            long.push(format!("{} has {lines}", path.display()));
        }
    }
    assert!(long.is_empty(), "more than {MOST_LINES} lines: {long:?}");
    for (path, _) in LONG_FILES {
        assert!(root().join(path).is_file(), "{path} is not there");
    }
}

#[test]
fn nothing_is_left_to_do_later_and_no_registry_is_named() {
    // In parts, so that this file does not name them either.
    let hosts = [
        ["crates", "io"],
        ["npmjs", "org"],
        ["npmjs", "com"],
        ["yarnpkg", "com"],
        ["pypi", "org"],
        ["pythonhosted", "org"],
        ["proxy.golang", "org"],
        ["unpkg", "com"],
        ["jsdelivr", "net"],
        ["esm", "sh"],
    ];
    let mut words: Vec<String> = hosts.iter().map(|parts| parts.join(".")).collect();
    words.extend([["TO", "DO"], ["FIX", "ME"]].map(|parts| parts.concat()));
    let mut found = Vec::new();
    // The lock file names the registry by its usual name, whatever mirror is used.
    for path in files().into_iter().filter(|path| path != Path::new("Cargo.lock")) {
        let text = read(&path);
        let named = words.iter().filter(|word| text.contains(word.as_str()));
        found.extend(named.map(|word| format!("{}: {word}", path.display())));
    }
    assert!(found.is_empty(), "{found:#?}");
}

// --- findings

/// `docs/diagnostics.md`, from the registry of codes.
fn diagnostics_page() -> String {
    let mut page = String::from(
        "# Findings and their codes\n\n\
         `portcullis check`, the npm package and the playground report what is wrong with the input \
         under a code that never changes its meaning. An error is something that the API server \
         rejects or that provably does not mean what it seems to; the rest of the input is \
         still evaluated.\n\n\
         This page is generated from the registry in the engine; a test keeps it up to date \
         (`UPDATE_DOCS=1 cargo test -p portcullis-tests --test tidy`).\n",
    );
    let groups = [
        ("R", "Reading", "What cannot be read as a Kubernetes object."),
        (
            "V",
            "Validation",
            "What the API server's validation rejects: the object is ignored. Of custom resources it \
             lets some pass, such as an unknown operator: the rule then fails closed.",
        ),
        ("L", "Pitfalls", "Common mistakes, whether or not the API server rejects them."),
    ];
    for (letter, title, about) in groups {
        writeln!(page, "\n## {title}\n\n{about}\n").unwrap();
        page.push_str("| code | name | severity | meaning |\n|---|---|---|---|\n");
        let mut codes: Vec<Code> = Code::ALL.to_vec();
        codes.retain(|code| code.id().starts_with(letter));
        codes.sort_by_key(|code| code.id());
        for code in codes {
            let severity = match code.severity() {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Info => "info",
            };
            let (id, name, meaning) = (code.id(), code.name(), code.meaning());
            writeln!(page, "| {id} | {name} | {severity} | {meaning} |").unwrap();
        }
    }
    page
}

#[test]
fn every_code_is_in_the_docs() {
    let page = root().join("docs/diagnostics.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&page, diagnostics_page()).unwrap();
    }
    let text = fs::read_to_string(&page).unwrap_or_default();
    for code in Code::ALL {
        assert!(text.contains(&format!("| {} | {} |", code.id(), code.name())), "{}", code.id());
    }
    assert_eq!(text, diagnostics_page(), "docs/diagnostics.md is stale: run with UPDATE_DOCS=1");
}

/// What a lint says of itself: the comment that begins with its code.
fn lint_texts() -> Vec<(String, String)> {
    let folder = root().join("engine/src");
    let lints = fs::read_dir(folder.join("lint")).unwrap().map(|entry| entry.unwrap().path());
    let mut texts: Vec<(String, String)> = Vec::new();
    for file in lints.chain([folder.join("manifest/policy/pitfalls.rs")]) {
        let mut is_open = false;
        for line in fs::read_to_string(&file).unwrap().lines() {
            let comment = line.strip_prefix("//!").or_else(|| line.strip_prefix("///"));
            let comment = comment.map(|text| text.strip_prefix(' ').unwrap_or(text));
            let code = comment.and_then(|text| text.split_once(':')).map(|(code, _)| code);
            let code = code.filter(|code| Code::ALL.iter().any(|one| one.id() == *code));
            match (comment, code) {
                (Some(text), Some(code)) => {
                    texts.push((code.to_owned(), text[code.len() + 1..].trim().to_owned()));
                    is_open = true;
                }
                (Some(text), None) if is_open => {
                    let (_, whole) = texts.last_mut().unwrap();
                    write!(whole, "\n{text}").unwrap();
                }
                _ => is_open = false,
            }
        }
    }
    texts.sort();
    texts
}

/// `docs/lints.md`, from the comments of the lints.
fn lints_page() -> String {
    let mut page = String::from(
        "# Lints\n\n\
         What `portcullis lint` (`check`) finds in policies that the API server accepts: what is \
         found, why it matters, and what to do. [All codes](diagnostics.md) have more; the \
         [guide](guide/command.md#check-what-is-wrong-in-the-manifests) says how to ignore them.\n\n\
         This page is generated from the comments in the engine; a test keeps it up to date \
         (`UPDATE_DOCS=1 cargo test -p portcullis-tests --test tidy`).\n",
    );
    for (id, text) in lint_texts() {
        let code = Code::ALL.iter().find(|code| code.id() == id).unwrap();
        let (name, severity) = (code.name(), code.severity().name());
        let (first, rest) = text.trim().split_at(1);
        let text = first.to_uppercase() + rest;
        writeln!(page, "\n## {id} {name} ({severity})\n\n{text}").unwrap();
    }
    page
}

#[test]
fn every_lint_is_in_the_docs() {
    let page = root().join("docs/lints.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&page, lints_page()).unwrap();
    }
    let text = fs::read_to_string(&page).unwrap_or_default();
    assert_eq!(text, lints_page(), "docs/lints.md is stale: run with UPDATE_DOCS=1");
}

/// Codes about files that were found in a folder, where cases name theirs; the command's tests of
/// folders bring them about.
const OF_FOLDERS: [&str; 2] = ["L51", "R14"];

/// A code that no case brings about may be one that nothing reports.
#[test]
fn every_code_has_a_case() {
    let cases = portcullis_tests::cases::read_cases().unwrap();
    let cases = cases.iter().flat_map(|file| &file.cases);
    let expectations = cases.flat_map(|case| &case.expectations);
    let lines = expectations.map(|expectation| &*expectation.text);
    let lines: Vec<&str> = lines.filter(|line| line.starts_with("diagnostic")).collect();
    let has_case = |code: &&Code| {
        let mut words = lines.iter().flat_map(|line| line.split_whitespace());
        words.any(|word| word == code.id()) || OF_FOLDERS.contains(&code.id())
    };
    let without: Vec<&str> =
        Code::ALL.iter().filter(|code| !has_case(code)).map(|code| code.id()).collect();
    assert!(without.is_empty(), "no case expects {without:?}");
}

//! Expectations of known projects, in `docs/examples`: each says by which command it is tried.

use std::fs;
use std::path::PathBuf;

use crate::run_in;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// The command in the remark that a file begins with, without its program.
fn command(text: &str) -> Vec<String> {
    let remark = text.lines().map_while(|line| line.strip_prefix('#'));
    let words = remark.skip_while(|line| !line.trim().starts_with("portcullis "));
    let words = words.flat_map(str::split_whitespace).filter(|word| *word != "\\");
    words.skip(1).map(str::to_owned).collect()
}

/// Of repositories that are not at hand only their examples are read.
#[test]
fn what_is_expected_of_known_projects_holds() {
    let repositories = std::env::var_os("PORTCULLIS_REPOSITORIES");
    let repositories =
        repositories.map_or_else(|| root().join("../shared/data/repos"), PathBuf::from);
    let mut files: Vec<PathBuf> = fs::read_dir(root().join("docs/examples"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "yaml"))
        .collect();
    files.sort();
    assert_eq!(files.len(), 10);
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let mut args = command(&text);
        let name = file.file_name().unwrap().to_string_lossy();
        assert_eq!(args.get(..2), Some(&["test".to_owned(), name.into_owned()][..]));
        args[1] = file.to_string_lossy().into_owned();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        if args.contains(&"--helm") || !repositories.is_dir() {
            let read = portcullis_engine::report::Expectations::read(args[1], &text).unwrap();
            assert!(read.entries.iter().all(|entry| entry.asked.is_ok()), "{read:?}");
            continue;
        }
        let ran = run_in(&repositories, &args, "", &[]);
        assert_eq!(ran.status, 0, "{ran}");
    }
}

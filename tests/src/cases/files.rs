//! Where case files are.

use std::io;
use std::path::{Path, PathBuf};

use super::{CaseFile, parse};

/// The root of the project.
pub fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests).to_path_buf()
}

/// The folder of case files.
pub fn cases_dir() -> PathBuf {
    root().join("tests/cases")
}

/// All case files, by path.
///
/// # Errors
/// If one cannot be read.
pub fn read_cases() -> io::Result<Vec<CaseFile>> {
    let mut paths = Vec::new();
    walk(&cases_dir(), &mut paths)?;
    paths.retain(|path| path.extension().is_some_and(|end| end == "md"));
    paths.sort();
    let root = root();
    let read = |path: &PathBuf| {
        let text = std::fs::read_to_string(path)?;
        let name = path.strip_prefix(&root).unwrap_or(path);
        Ok(parse(&name.to_string_lossy(), &text))
    };
    paths.iter().map(read).collect()
}

fn walk(folder: &Path, paths: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            walk(&path, paths)?;
        } else {
            paths.push(path);
        }
    }
    Ok(())
}

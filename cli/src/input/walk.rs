//! The manifests that a path stands for.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::{InputError, is_stdin};

const EXTENSIONS: [&str; 3] = ["yaml", "yml", "json"];

/// The file itself, or every manifest in the folder and below.
///
/// # Errors
/// If the path or a folder below it cannot be read, or if there is no manifest.
pub fn files(path: &Path) -> Result<Vec<PathBuf>, InputError> {
    if is_stdin(path) {
        return Ok(vec![path.to_owned()]);
    }
    let about = fs::metadata(path).map_err(|error| unreadable(path, error))?;
    let path = short(path);
    if !about.is_dir() {
        return Ok(vec![path]);
    }
    let mut walk = Walk::default();
    walk.folder(&path)?;
    if walk.found.is_empty() {
        return Err(InputError::Empty(path));
    }
    Ok(walk.found)
}

/// The path without `.`, so that a file has one name however it was reached.
fn short(path: &Path) -> PathBuf {
    let parts = path.components().filter(|part| *part != Component::CurDir);
    let short: PathBuf = parts.collect();
    if short.as_os_str().is_empty() { PathBuf::from(".") } else { short }
}

fn unreadable(path: &Path, error: std::io::Error) -> InputError {
    InputError::Unreadable { path: path.to_owned(), error }
}

#[derive(Default)]
struct Walk {
    found: Vec<PathBuf>,
    /// Folders that were entered, as they are called without links: a link may lead upwards.
    entered: BTreeSet<PathBuf>,
}

impl Walk {
    fn folder(&mut self, folder: &Path) -> Result<(), InputError> {
        let place = fs::canonicalize(folder).map_err(|error| unreadable(folder, error))?;
        if !self.entered.insert(place) {
            return Ok(());
        }
        for entry in fs::read_dir(folder).map_err(|error| unreadable(folder, error))? {
            let path = entry.map_err(|error| unreadable(folder, error))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with('.') || name == "node_modules" {
                continue;
            }
            if path.is_dir() {
                self.folder(&short(&path))?;
            } else if is_manifest(&path) {
                self.found.push(short(&path));
            }
        }
        Ok(())
    }
}

fn is_manifest(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known))
}

//! The manifests of a folder.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use portcullis_engine::folder::{self, Layout, Skipped, SkippedKind};

use super::config::Config;
use super::{InputError, read};

const EXTENSIONS: [&str; 3] = ["yaml", "yml", "json"];

/// What a folder holds.
#[derive(Default)]
pub(super) struct Found {
    pub files: Vec<PathBuf>,
    /// Those that belong to kustomize trees.
    pub of_trees: BTreeSet<PathBuf>,
    pub skipped: Vec<Skipped>,
}

/// Every manifest in the folder and below, and what lies beside them.
///
/// # Errors
/// If the folder or one below it cannot be read, or if there is no manifest.
pub(super) fn folder(path: &Path, config: &Config) -> Result<Found, InputError> {
    let path = short(path);
    let mut walk =
        Walk { config, found: Vec::new(), ignored: Vec::new(), entered: BTreeSet::new() };
    walk.folder(&path)?;
    let Walk { found, ignored, .. } = walk;
    let text = |path: &str| String::from_utf8(read::read_bytes(Path::new(path)).ok()?).ok();
    // A name that is no text cannot be a part of a chart or a tree that a text names.
    let (paths, mut files): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|path| path.to_str().is_some());
    let paths = paths.iter().filter_map(|path| path.to_str().map(str::to_owned)).collect();
    let Layout { manifests, of_trees, mut skipped } = folder::layout(paths, text);
    files.extend(manifests.into_iter().map(PathBuf::from));
    if files.is_empty() && ignored.is_empty() {
        let is_chart = skipped.iter().any(|one| one.what == SkippedKind::HelmChart);
        return Err(if is_chart { InputError::Chart(path) } else { InputError::Empty(path) });
    }
    if !ignored.is_empty() {
        let paths = ignored.iter().map(|path| path.display().to_string()).collect();
        skipped.push(Skipped { what: SkippedKind::Ignored, paths });
    }
    let of_trees = of_trees.into_iter().map(PathBuf::from).collect();
    Ok(Found { files, of_trees, skipped })
}

/// The path without `.`, so that a file has one name however it was reached.
pub(super) fn short(path: &Path) -> PathBuf {
    let parts = path.components().filter(|part| *part != Component::CurDir);
    let short: PathBuf = parts.collect();
    if short.as_os_str().is_empty() { PathBuf::from(".") } else { short }
}

fn unreadable(path: &Path, error: std::io::Error) -> InputError {
    InputError::Unreadable { path: path.to_owned(), error }
}

struct Walk<'c> {
    config: &'c Config,
    found: Vec<PathBuf>,
    /// Files that the configuration leaves out, and folders.
    ignored: Vec<PathBuf>,
    /// Folders that were entered, as they are called without links: a link may lead upwards.
    entered: BTreeSet<PathBuf>,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path) -> Result<(), InputError> {
        let place = fs::canonicalize(folder).map_err(|error| unreadable(folder, error))?;
        if !self.entered.insert(place) {
            return Ok(());
        }
        let entries = fs::read_dir(folder).map_err(|error| unreadable(folder, error))?;
        let paths: Result<Vec<PathBuf>, _> = entries.map(|entry| Ok(entry?.path())).collect();
        let mut paths = paths.map_err(|error| unreadable(folder, error))?;
        paths.sort();
        paths.iter().try_for_each(|path| self.entry(&short(path)))
    }

    fn entry(&mut self, path: &Path) -> Result<(), InputError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') || name == "node_modules" {
            return Ok(());
        }
        // Asks what a link leads to; one that leads nowhere is an error where it looks like a
        // manifest. Pipes and devices that lie in a folder are nobody's manifests.
        let about = fs::metadata(path);
        let is_folder = about.as_ref().is_ok_and(fs::Metadata::is_dir);
        let is_wanted =
            is_folder || (is_manifest(path) && about.is_ok_and(|about| about.is_file()));
        if !is_wanted || self.config.is(path) {
            return Ok(());
        }
        if self.config.ignores(path) {
            self.ignored.push(path.to_owned());
            return Ok(());
        }
        match is_folder {
            true => self.folder(path),
            false => {
                self.found.push(path.to_owned());
                Ok(())
            }
        }
    }
}

/// Whether a name is that of a manifest, or says what the folder is.
pub(super) fn is_manifest(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known))
        || folder::is_kustomization(&name)
}

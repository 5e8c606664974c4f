//! Static mode: a directory of manifests, which is watched.
//!
//! A file that was right and is wrong now stays as it was: a policy that cannot be read would
//! otherwise leave its pods open.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use portcullis_engine::diagnostic::Severity;
use portcullis_engine::{Change, SourceFile};
use rustix::fs::inotify;

use super::{ChangeSink, Closed, Source};

/// A directory of manifests.
#[derive(Debug)]
pub struct Manifests {
    folder: PathBuf,
    known: BTreeMap<PathBuf, Stamp>,
}

/// What differs once a file has been written or replaced: device, number, size, and when.
type Stamp = (u64, u64, u64, i64, i64);

impl Manifests {
    /// The directory, not yet read.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_path_buf(), known: BTreeMap::new() }
    }

    /// What has changed since the last call; at first everything is new.
    ///
    /// # Errors
    /// If the directory cannot be read. A file that cannot be read is reported and left as it was.
    pub fn changes(&mut self) -> anyhow::Result<Vec<Change>> {
        let mut found = BTreeMap::new();
        collect(&self.folder, &mut found)
            .with_context(|| format!("could not read the directory `{}`", self.folder.display()))?;
        let gone = self.known.keys().filter(|path| !found.contains_key(*path));
        let mut changes: Vec<Change> = gone.map(|path| Change::Remove(self.name(path))).collect();
        for (path, stamp) in &mut found {
            if self.known.get(path) == Some(stamp) {
                continue;
            }
            match fs::read(path) {
                Ok(bytes) => {
                    let file = SourceFile::of(&self.name(path), bytes);
                    let faulty = report(&file) > 0;
                    // What was right before is better than what is wrong now: a policy that cannot
                    // be read would otherwise leave its pods open.
                    if !(faulty && self.known.contains_key(path)) {
                        changes.push(Change::Put(file));
                    }
                }
                Err(error) => {
                    tracing::error!(file = %path.display(), %error, "could not read a manifest");
                    *stamp = self.known.get(path).copied().unwrap_or_default();
                }
            }
        }
        self.known = found;
        Ok(changes)
    }

    /// A file's path from the directory.
    fn name(&self, path: &Path) -> String {
        path.strip_prefix(&self.folder).unwrap_or(path).display().to_string()
    }

    /// Directories in it, itself first.
    fn folders(&self) -> Vec<PathBuf> {
        let mut folders = vec![self.folder.clone()];
        let mut next = 0;
        while let Some(folder) = folders.get(next).cloned() {
            let entries = fs::read_dir(folder).into_iter().flatten().flatten();
            let inner = entries.filter(|entry| !hidden(&entry.file_name()));
            folders.extend(inner.map(|entry| entry.path()).filter(|path| path.is_dir()));
            next += 1;
        }
        folders
    }

    fn watch(mut self, notices: &OwnedFd, to: &ChangeSink) {
        loop {
            if let Err(error) = wait(notices) {
                tracing::error!(%error, "could not wait for changes of files; no more changes are seen");
                return;
            }
            // A directory may be new: watching one twice does nothing.
            watch_all(notices, &self.folders());
            match self.changes() {
                Ok(changes) if changes.is_empty() => {}
                Ok(changes) => {
                    if send(to, changes).is_err() {
                        return;
                    }
                }
                // The directory may be on its way to be replaced: what was in it stays in force.
                Err(error) => tracing::error!("{error:#}"),
            }
        }
    }
}

impl Source for Manifests {
    fn start(mut self: Box<Self>, to: ChangeSink) -> anyhow::Result<()> {
        // Watched before it is read, so that no change falls in between.
        let notices = inotify::init(inotify::CreateFlags::CLOEXEC)
            .context("could not watch for changes of files")?;
        watch_all(&notices, &self.folders());
        send(&to, self.changes()?).ok();
        std::thread::Builder::new()
            .name("manifests".into())
            .spawn(move || self.watch(&notices, &to))
            .context("could not start a thread")?;
        Ok(())
    }
}

fn send(to: &ChangeSink, changes: Vec<Change>) -> Result<(), Closed> {
    to.send(changes.into_iter().map(super::Change::File).collect())
}

/// Files with manifests in a directory and those in it. Hidden ones are left out: Kubernetes keeps
/// the files of a mounted ConfigMap twice, once in a hidden directory.
fn collect(folder: &Path, found: &mut BTreeMap<PathBuf, Stamp>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let Ok(metadata) = fs::metadata(&path) else { continue };
        if hidden(&entry.file_name()) {
            continue;
        }
        if metadata.is_dir() {
            collect(&path, found)?;
        } else if is_manifest(&path) {
            let when = (metadata.mtime(), metadata.mtime_nsec());
            let stamp = (metadata.dev(), metadata.ino(), metadata.size(), when.0, when.1);
            found.insert(path, stamp);
        }
    }
    Ok(())
}

/// Logs what is wrong with a file; how much that is.
fn report(file: &SourceFile) -> usize {
    let mut errors = 0;
    for part in &file.parts {
        for finding in &part.document.findings {
            if finding.severity() == Severity::Error {
                let at = finding
                    .span
                    .map_or(part.range.start, |span| part.range.start + span.start as usize);
                let line = file.lines().position(&file.text, at).line;
                let (code, message) = (finding.code.id(), &finding.message);
                tracing::error!(file = %file.name, line, code, "{message}");
                errors += 1;
            }
        }
    }
    errors
}

fn hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

fn is_manifest(path: &Path) -> bool {
    path.extension().is_some_and(|end| ["yaml", "yml", "json"].iter().any(|known| end == *known))
}

fn watch_all(notices: &OwnedFd, folders: &[PathBuf]) {
    use inotify::WatchFlags as Flags;
    // Not every write: only when a writer is done.
    let written = Flags::CLOSE_WRITE | Flags::MOVED_TO | Flags::MOVED_FROM;
    let flags = written | Flags::CREATE | Flags::DELETE;
    for folder in folders {
        if let Err(error) = inotify::add_watch(notices, folder, flags) {
            tracing::error!(folder = %folder.display(), %error, "could not watch a directory");
        }
    }
}

/// Waits for notices and takes all that are there: they are looked at together.
fn wait(notices: &OwnedFd) -> io::Result<()> {
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut reader = inotify::Reader::new(notices, &mut buffer);
    let mut done = false;
    while !(done && reader.is_buffer_empty()) {
        match reader.next() {
            Ok(notice) => done |= !is_begun(&notice),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Whether a file was only opened to be written: its writer's end is waited for.
fn is_begun(notice: &inotify::Event<'_>) -> bool {
    let flags = notice.events();
    flags.contains(inotify::ReadFlags::CREATE) && !flags.contains(inotify::ReadFlags::ISDIR)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(changes: &[Change]) -> Vec<String> {
        let name = |change: &Change| match change {
            Change::Put(file) => format!("+{}", file.name),
            Change::Remove(name) => format!("-{name}"),
        };
        changes.iter().map(name).collect()
    }

    #[test]
    fn only_what_changed_is_read_again() {
        let folder = std::env::temp_dir().join(format!("portcullis-agent-{}", std::process::id()));
        fs::create_dir_all(folder.join("inner")).unwrap();
        for name in ["a.yaml", "inner/b.json", "c.txt", ".hidden.yaml"] {
            fs::write(folder.join(name), "{}").unwrap();
        }
        let mut manifests = Manifests::new(&folder);
        assert_eq!(names(&manifests.changes().unwrap()), ["+a.yaml", "+inner/b.json"]);
        assert!(manifests.changes().unwrap().is_empty());
        fs::write(
            folder.join("a.yaml"),
            "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}",
        )
        .unwrap();
        fs::remove_file(folder.join("inner/b.json")).unwrap();
        assert_eq!(names(&manifests.changes().unwrap()), ["-inner/b.json", "+a.yaml"]);
        fs::write(folder.join("a.yaml"), "{apiVersion: v1, kind: Namespace, metadata: {name: }}")
            .unwrap();
        assert!(
            manifests.changes().unwrap().is_empty(),
            "what is wrong does not replace what was right"
        );
        fs::remove_dir_all(&folder).unwrap();
        assert!(manifests.changes().is_err());
    }
}

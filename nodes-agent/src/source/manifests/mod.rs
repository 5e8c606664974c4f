//! Static mode: a directory of manifests, which is watched.
//!
//! A policy that is wrong isolates what it selects, and admits nothing. A file that was right and is
//! wrong now stays as it was. At the start it is not known what was right, but the kernel may hold
//! it: while a file cannot be read then, nothing is said of any, so that what is in force stays.

mod found;
mod notices;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use portcullis_engine::diagnostic::{Diagnostic, Severity};
use portcullis_engine::manifest::Part;
use portcullis_engine::{Change, SourceFile};
use rustix::fs::inotify;

use super::{ChangeSink, Closed, Source};
use crate::observe::Status;
use found::{Found, Stamp, has_bytes, is_manifest, read_regular};
use notices::{wait, watch_all};

/// The part of the agent that does not work while a file cannot be read.
const PART: &str = "manifests";

/// A directory of manifests.
#[derive(Debug)]
pub struct Manifests {
    folder: PathBuf,
    at_start: AtStart,
    status: Arc<Status>,
    /// Files as they were when they were last looked at.
    known: BTreeMap<PathBuf, Stamp>,
    /// Why files say nothing, or not all that they should.
    unread: BTreeMap<PathBuf, String>,
    /// Why files could not be read this time, of which what they said before stays.
    kept: BTreeMap<PathBuf, String>,
    /// Directories that were found last, itself first.
    folders: Vec<PathBuf>,
    /// Whether something has been said of the directory.
    begun: bool,
    /// Whether it was found without files, which it had before.
    emptied: bool,
}

/// Writers begin by emptying a file, and may take their time.
const EMPTIED: &str =
    "it is empty, as if it was just being written: remove it, or write a comment into it";

/// What to do where a file cannot be read at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtStart {
    /// Wait until it can.
    Wait,
    /// Give up.
    Fail,
}

impl Manifests {
    /// The directory, not yet read.
    pub fn new(folder: &Path, at_start: AtStart, status: Arc<Status>) -> Self {
        let (known, unread, kept) = Default::default();
        let (begun, emptied, folders) = (false, false, Vec::new());
        let folder = folder.to_path_buf();
        Self { folder, at_start, status, known, unread, kept, folders, begun, emptied }
    }

    /// What has changed since the last call; at first everything is new. None if there is nothing
    /// to say, which at first is so while a file cannot be read.
    ///
    /// # Errors
    /// If the directory cannot be read. A file that cannot be read is reported and left as it was.
    pub fn changes(&mut self) -> anyhow::Result<Option<Vec<Change>>> {
        let mut found = Found::default();
        found
            .collect(&self.folder)
            .with_context(|| format!("could not read the directory `{}`", self.folder.display()))?;
        let Found { files: mut found, unseen, folders, .. } = found;
        self.folders = folders;
        self.kept.clear();
        for (path, why) in &unseen {
            // It is still there, whatever became of it, and so is what was below it.
            let below = self.known.iter().filter(|(known, _)| known.starts_with(path));
            let mut known: Vec<(PathBuf, Stamp)> =
                below.map(|(path, stamp)| (path.clone(), *stamp)).collect();
            if known.is_empty() && is_manifest(path) {
                known.push((path.clone(), Stamp::default()));
            }
            for (path, stamp) in known {
                let before = self.known.get(&path).copied();
                self.could_not_read(&path, before, why.clone());
                found.insert(path, stamp);
            }
        }
        // Whoever removes the directory removes its files first: it is looked at once more.
        let emptied = self.begun && found.is_empty() && !self.known.is_empty();
        if emptied && !std::mem::replace(&mut self.emptied, true) {
            return Ok(None);
        }
        self.emptied = false;
        let gone = self.known.keys().filter(|path| !found.contains_key(*path));
        let mut changes: Vec<Change> = gone.map(|path| Change::Remove(self.name(path))).collect();
        self.unread.retain(|path, _| found.contains_key(path));
        for (path, stamp) in &mut found {
            let is_unseen = path.ancestors().any(|path| unseen.contains_key(path));
            if self.known.get(path) != Some(stamp) && !is_unseen {
                changes.extend(self.read(path, stamp).map(Change::Put));
            }
        }
        self.report_unread();
        if !self.begun && !self.unread.is_empty() {
            // All are new again the next time.
            return Ok(None);
        }
        let first = !std::mem::replace(&mut self.begun, true);
        self.known = found;
        Ok((first || !changes.is_empty()).then_some(changes))
    }

    /// Reads a file that is new or another; none if it stays as it was. One that could not be read
    /// is tried again.
    fn read(&mut self, path: &Path, stamp: &mut Stamp) -> Option<SourceFile> {
        let before = self.known.get(path).copied();
        match read_regular(path) {
            // Of one that is empty at the start it is not known what it said before.
            Ok(bytes) if !(bytes.is_empty() && before.map_or(!self.begun, has_bytes)) => {
                return self.accept(path, SourceFile::of(&self.name(path), bytes));
            }
            Ok(_) => self.could_not_read(path, before, EMPTIED.to_owned()),
            Err(error) => self.could_not_read(path, before, error.to_string()),
        }
        *stamp = before.unwrap_or_default();
        None
    }

    /// Notes why a file could not be read; of one that was read before, what it said stays.
    fn could_not_read(&mut self, path: &Path, before: Option<Stamp>, why: String) {
        let was_read = before.is_some() && !self.unread.contains_key(path);
        let reasons = if was_read { &mut self.kept } else { &mut self.unread };
        reasons.insert(path.to_path_buf(), why);
    }

    /// Takes a file in that is right, or new.
    fn accept(&mut self, path: &Path, file: SourceFile) -> Option<SourceFile> {
        let known = self.known.contains_key(path) && !self.unread.contains_key(path);
        let incomplete = incomplete(&file);
        let is_closed = file.parts.iter().any(|part| !part.document.closed.is_empty());
        let is_wrong = report(&file) > 0 || is_closed || incomplete.is_some();
        if known && is_wrong {
            tracing::error!(file = %file.name, why = incomplete, "a manifest is wrong; it stays as it was");
            return None;
        }
        match incomplete {
            Some(why) => drop(self.unread.insert(path.to_path_buf(), why)),
            None => drop(self.unread.remove(path)),
        }
        Some(file.failing_closed())
    }

    /// Says why files cannot be read, if some cannot.
    fn report_unread(&self) {
        let stays = "what was in force stays in force";
        let lost = if self.begun { "what they say is not in force" } else { stays };
        let of = |files: &BTreeMap<PathBuf, String>, outcome: &str| {
            let shown = |(path, why): (&PathBuf, &String)| format!("{}: {why}", self.name(path));
            let all: Vec<String> = files.iter().map(shown).collect();
            (!all.is_empty()).then(|| format!("{outcome}: {}", all.join(", ")))
        };
        let all: Vec<String> =
            of(&self.unread, lost).into_iter().chain(of(&self.kept, stays)).collect();
        if all.is_empty() {
            return self.status.restored(PART);
        }
        let why = format!("could not read all manifests, {}", all.join("; "));
        if self.status.degraded(PART, &why) {
            tracing::error!("{why}");
        }
    }

    /// A file's path from the directory.
    fn name(&self, path: &Path) -> String {
        path.strip_prefix(&self.folder).unwrap_or(path).display().to_string()
    }

    fn watch(mut self, notices: &OwnedFd, to: &ChangeSink) {
        loop {
            if let Err(error) = wait(notices) {
                tracing::error!(%error, "could not wait for changes of files; no more changes are seen");
                return;
            }
            let changes = self.changes();
            // A directory may be new: watching one twice does nothing. What changed there since it was
            // read is found when it is looked at again.
            watch_all(notices, &self.folders);
            match changes {
                Ok(None) => {}
                Ok(Some(changes)) => {
                    if send(to, changes).is_err() {
                        return;
                    }
                }
                // The directory may be on its way to be replaced: what was in it stays in force.
                Err(error) => {
                    let why = format!("{error:#}: what was in force stays in force");
                    if self.status.degraded(PART, &why) {
                        tracing::error!("{why}");
                    }
                }
            }
        }
    }
}

impl Source for Manifests {
    fn start(mut self: Box<Self>, to: ChangeSink) -> anyhow::Result<()> {
        // Watched before it is read, so that no change falls in between.
        let notices = inotify::init(inotify::CreateFlags::CLOEXEC)
            .context("could not watch for changes of files")?;
        let mut found = Found::default();
        // What cannot be read is reported where it is read.
        let _ = found.collect(&self.folder);
        watch_all(&notices, &found.folders);
        match self.changes()? {
            Some(changes) => drop(send(&to, changes)),
            None if self.at_start == AtStart::Fail => {
                anyhow::bail!(self.status.obstacle().unwrap_or_default())
            }
            None => {}
        }
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

/// Why there is something in a file that cannot be read, and where.
fn incomplete(file: &SourceFile) -> Option<String> {
    let part = file.parts.iter().find(|part| part.document.is_incomplete)?;
    let worst = part.document.findings.iter().max_by_key(|finding| finding.severity());
    let what = worst.map_or("not understood", |finding| &finding.message);
    let line = worst.map_or(1, |finding| line(file, part, finding));
    Some(format!("line {line}: {what}"))
}

fn line(file: &SourceFile, part: &Part, finding: &Diagnostic) -> u32 {
    let within = finding.span.map_or(0, |span| span.start as usize);
    file.lines().position(&file.text, part.range.start + within).line
}

/// Logs what is wrong with a file; how much that is.
fn report(file: &SourceFile) -> usize {
    let mut errors = 0;
    for part in &file.parts {
        for finding in &part.document.findings {
            let line = line(file, part, finding);
            let (code, message) = (finding.code.id(), &finding.message);
            match finding.severity() {
                Severity::Info => {}
                Severity::Warning => tracing::warn!(file = %file.name, line, code, "{message}"),
                Severity::Error => {
                    tracing::error!(file = %file.name, line, code, "{message}");
                    errors += 1;
                }
            }
        }
    }
    errors
}

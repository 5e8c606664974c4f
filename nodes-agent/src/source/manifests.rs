//! Static mode: a directory of manifests, which is watched.
//!
//! A policy that is wrong isolates what it selects, and admits nothing. A file that was right and is
//! wrong now stays as it was. At the start it is not known what was right, but the kernel may hold
//! it: while a file cannot be read then, nothing is said of any, so that what is in force stays.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use portcullis_engine::diagnostic::{Diagnostic, Severity};
use portcullis_engine::manifest::Part;
use portcullis_engine::{Change, SourceFile};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify;

use super::{ChangeSink, Closed, Source};
use crate::observe::Status;

/// How long until the directory is looked at again if nothing is heard of it.
const LOOK_AGAIN: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

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
    /// Whether something has been said of the directory.
    begun: bool,
    /// Whether it was found without files, which it had before.
    emptied: bool,
}

/// What to do where a file cannot be read at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtStart {
    /// Wait until it can.
    Wait,
    /// Give up.
    Fail,
}

/// What differs once a file has been written or replaced: device, number, size, and when.
type Stamp = (u64, u64, u64, i64, i64);

impl Manifests {
    /// The directory, not yet read.
    pub fn new(folder: &Path, at_start: AtStart, status: Arc<Status>) -> Self {
        let (known, unread) = (BTreeMap::new(), BTreeMap::new());
        let (begun, emptied) = (false, false);
        Self { folder: folder.to_path_buf(), at_start, status, known, unread, begun, emptied }
    }

    /// What has changed since the last call; at first everything is new. None if there is nothing
    /// to say, which at first is so while a file cannot be read.
    ///
    /// # Errors
    /// If the directory cannot be read. A file that cannot be read is reported and left as it was.
    pub fn changes(&mut self) -> anyhow::Result<Option<Vec<Change>>> {
        let mut found = BTreeMap::new();
        collect(&self.folder, &mut found)
            .with_context(|| format!("could not read the directory `{}`", self.folder.display()))?;
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
            if self.known.get(path) != Some(stamp) {
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
        match fs::read(path) {
            Ok(bytes) => self.accept(path, SourceFile::of(&self.name(path), bytes)),
            Err(error) => {
                tracing::error!(file = %path.display(), %error, "could not read a manifest");
                *stamp = before.unwrap_or_default();
                if before.is_none() {
                    self.unread.insert(path.to_path_buf(), error.to_string());
                }
                None
            }
        }
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
        let shown = |(path, why): (&PathBuf, &String)| format!("{}: {why}", self.name(path));
        let all: Vec<String> = self.unread.iter().map(shown).collect();
        if all.is_empty() {
            return self.status.restored(PART);
        }
        let outcome = match self.begun {
            true => "what they say is not in force",
            false => "what was in force stays in force",
        };
        let why = format!("could not read all manifests, {outcome}: {}", all.join(", "));
        if self.status.degraded(PART, &why) {
            tracing::error!("{why}");
        }
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
        watch_all(&notices, &self.folders());
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
        match inotify::add_watch(notices, folder, flags) {
            // One that is gone is reported where it is read.
            Ok(_) | Err(rustix::io::Errno::NOENT) => {}
            Err(error) => {
                tracing::error!(folder = %folder.display(), %error, "could not watch a directory");
            }
        }
    }
}

/// Waits for notices and takes all that are there: they are looked at together. Not for long: of
/// a directory in the place of the one that is watched nobody is told.
fn wait(notices: &OwnedFd) -> io::Result<()> {
    let mut ready = [PollFd::new(notices, PollFlags::IN)];
    match poll(&mut ready, Some(&LOOK_AGAIN)) {
        Ok(0) | Err(rustix::io::Errno::INTR) => return Ok(()),
        Ok(_) => {}
        Err(error) => return Err(error.into()),
    }
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

    /// A directory that is removed at the end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let name = format!("portcullis-agent-{}-{name}", std::process::id());
            let folder = std::env::temp_dir().join(name);
            fs::create_dir_all(folder.join("inner")).unwrap();
            Self(folder)
        }

        fn write(&self, name: &str, text: &str) {
            fs::write(self.0.join(name), text).unwrap();
        }

        fn manifests(&self) -> Manifests {
            let status = Arc::new(Status::default());
            status.ready();
            Manifests::new(&self.0, AtStart::Wait, status)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn next(manifests: &mut Manifests) -> Option<Vec<String>> {
        manifests.changes().unwrap().map(|changes| names(&changes))
    }

    const NAMESPACE: &str = "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}";
    const POLICY: &str = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n\
        metadata: {name: db, namespace: shop}\nspec:\n  podSelector: {matchLabels: {app: db}}\n  \
        ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/24}}]}]\n";

    #[test]
    fn only_what_changed_is_read_again() {
        let folder = Folder::new("changes");
        for name in ["a.yaml", "inner/b.json", "c.txt", ".hidden.yaml"] {
            folder.write(name, "{}");
        }
        let mut manifests = folder.manifests();
        assert_eq!(next(&mut manifests).unwrap(), ["+a.yaml", "+inner/b.json"]);
        assert_eq!(next(&mut manifests), None);
        folder.write("a.yaml", NAMESPACE);
        fs::remove_file(folder.0.join("inner/b.json")).unwrap();
        assert_eq!(next(&mut manifests).unwrap(), ["-inner/b.json", "+a.yaml"]);
        for wrong in ["{apiVersion: v1, kind: Namespace, metadata: {name: }}", "no manifest"] {
            folder.write("a.yaml", wrong);
            assert_eq!(next(&mut manifests), None, "{wrong} does not replace what was right");
        }
        assert_eq!(manifests.status.obstacle(), None);
        drop(folder);
        assert!(manifests.changes().is_err());
    }

    #[test]
    fn at_the_start_nothing_is_said_until_all_can_be_read() {
        let folder = Folder::new("start");
        folder.write("a.yaml", NAMESPACE);
        for wrong in ["a: b: c", "POLICY", "kind: NetworkPolicy", &POLICY.replace("/v1", "/v1\n-")]
        {
            folder.write("b.yaml", &format!("---\n# a comment\n{wrong}\n"));
            let mut manifests = folder.manifests();
            assert_eq!(next(&mut manifests), None, "{wrong}");
            let why = manifests.status.obstacle().unwrap();
            assert!(why.contains("what was in force stays in force: b.yaml: line "), "{why}");
            assert_eq!(next(&mut manifests), None, "{wrong}");
            folder.write("b.yaml", POLICY);
            assert_eq!(next(&mut manifests).unwrap(), ["+a.yaml", "+b.yaml"]);
            assert_eq!(manifests.status.obstacle(), None);
        }
        folder.write("b.yaml", "a: b: c");
        let mut manifests = folder.manifests();
        assert_eq!(next(&mut manifests), None);
        for name in ["a.yaml", "b.yaml"] {
            fs::remove_file(folder.0.join(name)).unwrap();
        }
        assert_eq!(next(&mut manifests).unwrap(), [""; 0], "an empty directory is a state, too");
        folder.write("c.yaml", "a: b: c");
        assert_eq!(next(&mut manifests).unwrap(), ["+c.yaml"]);
        assert!(manifests.status.obstacle().unwrap().contains("is not in force: c.yaml: line 1"));
        folder.write("c.yaml", NAMESPACE);
        assert_eq!(next(&mut manifests).unwrap(), ["+c.yaml"]);
        assert_eq!(manifests.status.obstacle(), None);
    }

    #[test]
    fn a_policy_that_is_wrong_at_the_start_is_closed() {
        use portcullis_engine::manifest::Body;
        let folder = Folder::new("closed");
        for (from, to) in [
            ("0/24", "0/33"),
            ("ingress:", "policyType: [Egress]\n  ingress:"),
            ("io/v1", "io/v2"),
            ("name: db", "name: Db"),
        ] {
            folder.write("a.yaml", &POLICY.replace(from, to));
            let mut manifests = folder.manifests();
            let changes = manifests.changes().unwrap().unwrap();
            let [Change::Put(file)] = &*changes else { panic!("{changes:?}") };
            let [object] = &*file.parts[0].document.objects else { panic!("{to}: {file:?}") };
            let Body::Policy(policy) = &object.body else { panic!("{object:?}") };
            assert!(policy.ingress.is_empty() && policy.isolates_ingress, "{to}");
            assert_eq!(policy.subject.requirements().len(), 1, "{to}");
            assert_eq!(manifests.status.obstacle(), None);
            folder.write("a.yaml", POLICY);
            assert_eq!(next(&mut manifests).unwrap(), ["+a.yaml"]);
        }
    }
}

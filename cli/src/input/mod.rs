//! From paths to a session.

mod walk;

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::Duration;

use portcullis_engine::{Change, Session, SourceFile};
use thiserror::Error;

use crate::args::{InputArgs, OutputArgs};
use crate::output::Progress;

/// Where the standard input stands in names of files.
pub const STDIN: &str = "<stdin>";

/// Reading fewer files than this on two threads does not pay.
const MANY: usize = 4;

/// Why nothing was read.
#[derive(Debug, Error)]
pub enum InputError {
    #[error("cannot read {}: {}", path.display(), reason(error))]
    Unreadable { path: PathBuf, error: io::Error },
    #[error("no .yaml, .yml or .json file in {}", .0.display())]
    Empty(PathBuf),
    #[error("standard input can be read only once")]
    StdinTwice,
}

/// An input error without the operating system's number.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or folder".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        _ => error.to_string(),
    }
}

/// Reads everything that the arguments name.
///
/// # Errors
/// If anything cannot be read: an answer that lacks a file would be wrong without a sign of it.
pub fn session(input: &InputArgs, say: OutputArgs) -> Result<Session, InputError> {
    let stdin = input.paths.iter().filter(|path| is_stdin(path)).count();
    if stdin > 1 {
        return Err(InputError::StdinTwice);
    }
    let mut files = Vec::new();
    for path in &input.paths {
        files.extend(walk::files(path)?);
    }
    files.sort();
    files.dedup();
    let files = read_all(&files, Progress::new(say))?;
    let changes = files.into_iter().map(Change::Put).collect();
    Ok(Session::new(input.options()).apply(changes))
}

/// Whether a path means the standard input.
pub fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// The bytes of a file or of the standard input.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>, InputError> {
    let mut bytes = Vec::new();
    let read = if is_stdin(path) {
        io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(path)
    };
    read.map_err(|error| InputError::Unreadable { path: path.to_owned(), error })
}

/// What a file is called in answers.
pub fn name(path: &Path) -> String {
    if is_stdin(path) { STDIN.into() } else { path.display().to_string() }
}

type Reading = Result<SourceFile, InputError>;

/// Reads files on two threads if there are many; which of them reads which does not matter, since
/// a session sorts its files.
fn read_all(paths: &[PathBuf], mut progress: Progress) -> Result<Vec<SourceFile>, InputError> {
    if paths.len() < MANY {
        return paths.iter().map(|path| read(path)).collect();
    }
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        for sender in [sender.clone(), sender] {
            let next = &next;
            scope.spawn(move || read_some(paths, next, &sender));
        }
        let mut files = Vec::with_capacity(paths.len());
        loop {
            match receiver.recv_timeout(Duration::from_millis(300)) {
                Ok(file) => files.push(file?),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(files),
            }
            progress.show(files.len(), paths.len());
        }
    })
}

fn read_some(paths: &[PathBuf], next: &AtomicUsize, sender: &Sender<Reading>) {
    while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
        // The receiver leaves at the first error; then the rest need not be read.
        if sender.send(read(path)).is_err() {
            return;
        }
    }
}

fn read(path: &Path) -> Reading {
    Ok(SourceFile::of(&name(path), read_bytes(path)?))
}

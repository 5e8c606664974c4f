//! From files to their bytes, however large the number of them or one of them is.

use std::fs::{File, FileType};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::Duration;

use portcullis_engine::SourceFile;

use super::{Input, InputError, Origin};
use crate::output::Progress;

/// Where the standard input stands in names of files.
const STDIN: &str = "<stdin>";

/// Reading fewer files than this on two threads does not pay.
const MANY: usize = 4;

/// A file is not read beyond this: nobody has such manifests, and some files never end.
pub const MOST_BYTES: u64 = 1 << 30;

/// Whether a path means the standard input.
pub fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// What a file is called in answers.
pub fn name(path: &Path) -> String {
    if is_stdin(path) { STDIN.into() } else { path.display().to_string() }
}

/// The bytes of a file or of the standard input.
///
/// # Errors
/// If it cannot be read, is not a file or a pipe, or does not end.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>, InputError> {
    let unreadable = |error| InputError::Unreadable { path: path.to_owned(), error };
    if is_stdin(path) {
        return bytes(path, io::stdin().lock(), 0);
    }
    let about = std::fs::metadata(path).map_err(unreadable)?;
    if let Some(what) = special(about.file_type()) {
        return Err(InputError::Special { path: path.to_owned(), what });
    }
    if about.len() > MOST_BYTES {
        return Err(InputError::TooLarge { path: path.to_owned(), limit: MOST_BYTES });
    }
    bytes(path, File::open(path).map_err(unreadable)?, about.len())
}

fn bytes(path: &Path, source: impl Read, expected: u64) -> Result<Vec<u8>, InputError> {
    let mut bytes = Vec::with_capacity(usize::try_from(expected).unwrap_or(0) + 1);
    let read = source.take(MOST_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|error| InputError::Unreadable { path: path.to_owned(), error })?;
    match bytes.len() as u64 > MOST_BYTES {
        true => Err(InputError::TooLarge { path: path.to_owned(), limit: MOST_BYTES }),
        false => Ok(bytes),
    }
}

/// What a file is that has no manifests; pipes have, as in `<(helm template …)`.
#[cfg(unix)]
fn special(kind: FileType) -> Option<&'static str> {
    use std::os::unix::fs::FileTypeExt as _;
    if kind.is_dir() {
        return Some("a folder");
    }
    let device = kind.is_char_device() || kind.is_block_device();
    if device { Some("a device") } else { kind.is_socket().then_some("a socket") }
}

#[cfg(not(unix))]
fn special(kind: FileType) -> Option<&'static str> {
    kind.is_dir().then_some("a folder")
}

type Reading = Result<SourceFile, InputError>;

/// Reads files on two threads if there are many; which of them reads which does not matter, since
/// a session sorts its files.
pub(super) fn all(inputs: &[Input], mut progress: Progress) -> Result<Vec<SourceFile>, InputError> {
    if inputs.len() < MANY {
        return inputs.iter().map(read).collect();
    }
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        for sender in [sender.clone(), sender] {
            let next = &next;
            scope.spawn(move || read_some(inputs, next, &sender));
        }
        let mut files = Vec::with_capacity(inputs.len());
        loop {
            match receiver.recv_timeout(Duration::from_millis(300)) {
                Ok(file) => files.push(file?),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(files),
            }
            progress.show(|| format!("reading {} of {} files", files.len(), inputs.len()));
        }
    })
}

fn read_some(inputs: &[Input], next: &AtomicUsize, sender: &Sender<Reading>) {
    while let Some(input) = inputs.get(next.fetch_add(1, Ordering::Relaxed)) {
        // The receiver leaves at the first error; then the rest need not be read.
        if sender.send(read(input)).is_err() {
            return;
        }
    }
}

fn read(input: &Input) -> Reading {
    let path: &PathBuf = &input.path;
    let file = SourceFile::of(&name(path), read_bytes(path)?);
    Ok(match input.origin {
        Origin::Named => file,
        Origin::Found => file.found(),
        Origin::OfTree => file.found().in_a_tree(),
    })
}

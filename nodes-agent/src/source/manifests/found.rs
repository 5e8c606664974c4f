//! What lies in a directory.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

/// What differs once a file has been written or replaced: device, number, size, and when its bytes
/// and what is said of it were written.
pub type Stamp = (u64, u64, u64, [(i64, i64); 2]);

/// The largest file that is read, in bytes.
const LARGEST: u64 = 64 << 20;

/// What lies in a directory and in those in it. Hidden files are left out: Kubernetes keeps the
/// files of a mounted ConfigMap twice, once in a hidden directory.
#[derive(Default)]
pub struct Found {
    /// Files with manifests.
    pub files: BTreeMap<PathBuf, Stamp>,
    /// What cannot be looked at, or is called like one and is no file; and why.
    pub unseen: BTreeMap<PathBuf, String>,
    /// Directories, outer ones first.
    pub folders: Vec<PathBuf>,
    /// Devices and numbers of directories: links may lead to one many times.
    entered: BTreeSet<(u64, u64)>,
}

impl Found {
    /// Adds what lies in a directory.
    ///
    /// # Errors
    /// If it, or one in it, cannot be read.
    pub fn collect(&mut self, folder: &Path) -> io::Result<()> {
        let metadata = fs::metadata(folder)?;
        if !self.entered.insert((metadata.dev(), metadata.ino())) {
            return Ok(());
        }
        self.folders.push(folder.to_path_buf());
        let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
        // A directory that a link leads to as well is always entered by the same way.
        entries.sort_by_key(|entry| {
            (entry.file_type().is_ok_and(|kind| kind.is_symlink()), entry.path())
        });
        for entry in entries {
            if hidden(&entry.file_name()) {
                continue;
            }
            let path = entry.path();
            match fs::metadata(&path) {
                Ok(metadata) if metadata.is_dir() => self.collect(&path)?,
                Ok(_) if !is_manifest(&path) => {}
                Ok(metadata) if metadata.is_file() => {
                    let _ = self.files.insert(path, stamp(&metadata));
                }
                Ok(_) => drop(self.unseen.insert(path, NO_FILE.to_owned())),
                Err(error) => drop(self.unseen.insert(path, error.to_string())),
            }
        }
        Ok(())
    }
}

const NO_FILE: &str = "it is not a regular file";

/// Whether a file that was stamped so had something in it.
pub fn has_bytes((_, _, size, _): Stamp) -> bool {
    size > 0
}

fn stamp(metadata: &fs::Metadata) -> Stamp {
    let written = (metadata.mtime(), metadata.mtime_nsec());
    let changed = (metadata.ctime(), metadata.ctime_nsec());
    (metadata.dev(), metadata.ino(), metadata.size(), [written, changed])
}

/// The bytes of a file, which may have become something else since it was found: what would never
/// end, or keep its reader waiting, is not read.
///
/// # Errors
/// If it cannot be read, is none, or is too large.
pub fn read_regular(path: &Path) -> io::Result<Vec<u8>> {
    let nonblocking = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = fs::OpenOptions::new().read(true).custom_flags(nonblocking).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other(NO_FILE));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(io::Error::other(format!("it has more than {} MiB", LARGEST >> 20)));
    }
    Ok(bytes)
}

fn hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

/// Whether a path is called like a manifest.
pub fn is_manifest(path: &Path) -> bool {
    path.extension().is_some_and(|end| ["yaml", "yml", "json"].iter().any(|known| end == *known))
}

//! Notices of the kernel that something in a directory has changed.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify;

/// How long until the directory is looked at again if nothing is heard of it.
const LOOK_AGAIN: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// Watches directories; one twice does nothing.
pub fn watch_all(notices: &OwnedFd, folders: &[PathBuf]) {
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
///
/// # Errors
/// If the kernel does not say any.
pub fn wait(notices: &OwnedFd) -> io::Result<()> {
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut reader = inotify::Reader::new(notices, &mut buffer);
    let mut done = false;
    while !(done && reader.is_buffer_empty()) {
        // Of a link or a FIFO nothing follows that it was made.
        if reader.is_buffer_empty() && !is_said(notices)? {
            return Ok(());
        }
        match reader.next() {
            Ok(notice) => done |= !is_begun(&notice),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Waits for a notice; false if there is none for a while.
fn is_said(notices: &OwnedFd) -> io::Result<bool> {
    let mut ready = [PollFd::new(notices, PollFlags::IN)];
    match poll(&mut ready, Some(&LOOK_AGAIN)) {
        Ok(0) | Err(rustix::io::Errno::INTR) => Ok(false),
        Ok(_) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// Whether a file was only opened to be written: its writer's end is waited for.
fn is_begun(notice: &inotify::Event<'_>) -> bool {
    let flags = notice.events();
    flags.contains(inotify::ReadFlags::CREATE) && !flags.contains(inotify::ReadFlags::ISDIR)
}

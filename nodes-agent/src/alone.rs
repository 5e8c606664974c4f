//! Whether another agent works on this node under the same names: the two would undo each other's
//! changes.

use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::sync::Arc;
use std::time::Duration;

use crate::observe::Status;

/// How soon it is looked again.
const AGAIN: Duration = Duration::from_secs(2);

/// What it is about, as operators know it.
const ABOUT: &str = "other agents";

/// Says so, as long as there is one. That keeps nothing from being in force, and the agent from
/// nothing: while one replaces another both run for a moment.
pub fn watch(prefix: &str, status: Arc<Status>) {
    let prefix = prefix.to_owned();
    let wait = move || {
        loop {
            match claim(&prefix) {
                Ok(claim) => {
                    status.note(ABOUT, Vec::new());
                    // Nothing is ever said there. It is the agent's until it ends.
                    break std::mem::forget(claim);
                }
                Err(error) => say(&prefix, &error, &status),
            }
            std::thread::sleep(AGAIN);
        }
    };
    if let Err(error) = std::thread::Builder::new().name("alone".into()).spawn(wait) {
        tracing::warn!(%error, "could not look for other agents");
    }
}

/// A name that one process of a network namespace has, as it has one set of tables: not a file, so
/// that nothing is left of one that was killed.
fn claim(prefix: &str) -> io::Result<UnixListener> {
    let name = format!("portcullis-agent {prefix}");
    UnixListener::bind_addr(&SocketAddr::from_abstract_name(name)?)
}

fn say(prefix: &str, error: &io::Error, status: &Status) {
    let note = match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "another agent runs on this node with the prefix {prefix}: they undo each other's \
             changes (--prefix, or stop one)"
        ),
        _ => format!("could not look for other agents: {error}"),
    };
    for note in status.note(ABOUT, vec![note]) {
        tracing::warn!("{note}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_has_a_prefix() {
        let prefix = format!("test{}", std::process::id());
        let first = claim(&prefix).unwrap();
        let second = claim(&prefix).unwrap_err();
        assert_eq!(second.kind(), io::ErrorKind::AddrInUse);
        let status = Status::default();
        say(&prefix, &second, &status);
        assert!(status.notes().iter().any(|note| note.contains("another agent runs")));
        drop(first);
        assert!(claim(&prefix).is_ok());
    }
}

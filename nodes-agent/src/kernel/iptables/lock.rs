//! The lock that all programs share that write with legacy iptables.

use std::fs::File;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// How long it is waited for here. The tool then waits for it once more, and fails.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often it is looked at meanwhile.
const PAUSE: Duration = Duration::from_millis(1);

/// The lock, and how long others kept it from us.
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    waits: Mutex<Vec<Duration>>,
}

impl Lock {
    /// The lock where the tools have it.
    pub fn new() -> Self {
        let path = std::env::var_os("XTABLES_LOCKFILE");
        Self::at(path.unwrap_or_else(|| "/run/xtables.lock".into()).into())
    }

    fn at(path: PathBuf) -> Self {
        Self { path, waits: Mutex::default() }
    }

    /// Waits until nobody has it, only to know for how long: the tools wait as well, and do not
    /// tell. One of them may take it in between; that wait is not known.
    pub fn wait(&self) {
        if !self.is_held() {
            return;
        }
        let start = Instant::now();
        while self.is_held() && start.elapsed() < PATIENCE {
            std::thread::sleep(PAUSE);
        }
        self.waits().push(start.elapsed());
    }

    /// The waits since they were last asked for.
    pub fn take_waits(&self) -> Vec<Duration> {
        std::mem::take(&mut *self.waits())
    }

    fn waits(&self) -> std::sync::MutexGuard<'_, Vec<Duration>> {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether somebody has it. It is given back as soon as the file is closed.
    fn is_held(&self) -> bool {
        // Where there is no such file, nobody has ever held it.
        let Ok(file) = File::open(&self.path) else { return false };
        flock(&file, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_waits_for_others_are_known() {
        let path = std::env::temp_dir().join(format!("portcullis-lock-{}", std::process::id()));
        let lock = Lock::at(path.clone());
        lock.wait();
        let other = File::create(&path).unwrap();
        lock.wait();
        assert!(lock.take_waits().is_empty(), "nobody had it");
        flock(&other, FlockOperation::LockExclusive).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(20));
                drop(other);
            });
            lock.wait();
        });
        assert_eq!(lock.take_waits().len(), 1);
        assert!(lock.take_waits().is_empty(), "it was told already");
        std::fs::remove_file(path).unwrap();
    }
}

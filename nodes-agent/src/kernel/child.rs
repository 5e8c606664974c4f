//! Tools as processes: each in a group of its own, so that it can be ended with all that it has
//! started, and none for longer than its limit.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// How long a tool may take, unless it is said otherwise.
const LIMIT: Duration = Duration::from_secs(10);

/// A tool may take one second more for so many bytes that it is given.
const BYTES_A_SECOND: usize = 1 << 20;

/// How long what is being written may take once the agent is to stop.
const GRACE: Duration = Duration::from_secs(2);

/// How soon a tool that runs is looked at again, as the agent may have to stop.
const PAUSE: Duration = Duration::from_millis(50);

/// How often the time of a tool that only reads is doubled at most.
const MOST_DOUBLED: u32 = 4;

/// How often tools without input, which mostly read, needed more time, by what they were asked. What
/// others have written, or many policies together, may take longer to read than was thought, and
/// what cannot be read can never be replaced.
static DOUBLED: Mutex<BTreeMap<String, u32>> = Mutex::new(BTreeMap::new());

static LIMITED: OnceLock<Duration> = OnceLock::new();
static STOP: OnceLock<Instant> = OnceLock::new();
static GROUPS: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// Has every tool of this process end within a time; only the first call counts.
pub fn limit(limit: Duration) {
    let _ = LIMITED.set(limit);
}

/// Has tools end soon, those that run and those that are yet to begin.
pub fn stop_soon() {
    let _ = STOP.set(Instant::now() + GRACE);
}

/// Ends what still runs.
pub fn end_all() {
    let groups = GROUPS.lock().unwrap_or_else(PoisonError::into_inner);
    groups.iter().copied().filter_map(Pid::from_raw).for_each(end);
}

fn end(group: Pid) {
    // It may have ended by itself.
    let _ = kill_process_group(group, Signal::KILL);
}

/// A tool that runs.
#[derive(Debug)]
pub struct Running {
    child: Child,
    group: Pid,
    /// What it was asked, if it has no input.
    asked: Option<String>,
    started: Instant,
    /// How long it may take at first, and how long this time.
    enough: Duration,
    limit: Duration,
    stdout: Receiver<Vec<u8>>,
    stderr: Receiver<Vec<u8>>,
}

impl Running {
    /// Starts a tool with a text on its standard input.
    ///
    /// # Errors
    /// If it does not start.
    pub fn start(tool: &Path, words: &[&str], input: &str) -> io::Result<Self> {
        Self::within(*LIMITED.get_or_init(|| LIMIT), (tool, words), input)
    }

    fn within(enough: Duration, (tool, words): (&Path, &[&str]), input: &str) -> io::Result<Self> {
        let stdin = if input.is_empty() { Stdio::null() } else { Stdio::piped() };
        let mut command = Command::new(tool);
        command.args(words).stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.process_group(0).spawn()?;
        let group = Pid::from_child(&child);
        groups(|groups| groups.insert(group.as_raw_nonzero().get()));
        if let Some(mut stdin) = child.stdin.take() {
            let input = input.as_bytes().to_vec();
            // A tool that stops reading at a bad line says on its standard error why.
            std::thread::spawn(move || stdin.write_all(&input));
        }
        let (stdout, stderr) = (read(child.stdout.take()), read(child.stderr.take()));
        let more = u64::try_from(input.len() / BYTES_A_SECOND).unwrap_or_default();
        let asked = input.is_empty().then(|| format!("{} {}", tool.display(), words.join(" ")));
        let often = asked.as_ref().and_then(|asked| doubled(|all| all.get(asked).copied()));
        let limit = enough * 2_u32.pow(often.unwrap_or(0)) + Duration::from_secs(more);
        let started = Instant::now();
        Ok(Self { child, group, asked, started, enough, limit, stdout, stderr })
    }

    /// Waits until it has ended; what it said.
    ///
    /// # Errors
    /// If it does not end in time. Then it is ended, with all that it has started.
    pub fn finish(mut self) -> io::Result<Output> {
        let stdout = self.text(&self.stdout)?;
        let stderr = self.text(&self.stderr)?;
        let mut pause = Duration::from_micros(100);
        loop {
            if let Some(status) = self.child.try_wait()? {
                if self.started.elapsed() < self.enough {
                    self.asked.as_ref().map(|asked| doubled(|all| all.remove(asked)));
                }
                return Ok(Output { status, stdout, stderr });
            }
            self.check()?;
            std::thread::sleep(pause);
            pause = (pause * 2).min(PAUSE);
        }
    }

    fn text(&self, of: &Receiver<Vec<u8>>) -> io::Result<Vec<u8>> {
        loop {
            match of.recv_timeout(PAUSE) {
                Ok(text) => return Ok(text),
                Err(RecvTimeoutError::Disconnected) => return Err(io::ErrorKind::BrokenPipe.into()),
                Err(RecvTimeoutError::Timeout) => self.check()?,
            }
        }
    }

    /// Fails once its time is over.
    fn check(&self) -> io::Result<()> {
        let now = Instant::now();
        if STOP.get().is_some_and(|stop| *stop <= now) {
            return Err(io::Error::other("ended, since the agent stops"));
        }
        if self.started + self.limit <= now {
            if let Some(asked) = self.asked.clone() {
                doubled(|all| {
                    let often = all.entry(asked).or_insert(0);
                    *often = (*often + 1).min(MOST_DOUBLED);
                });
            }
            let said = format!("ended, since it took longer than {} s", self.limit.as_secs());
            return Err(io::Error::new(io::ErrorKind::TimedOut, said));
        }
        Ok(())
    }
}

fn doubled<R>(act: impl FnOnce(&mut BTreeMap<String, u32>) -> R) -> R {
    act(&mut DOUBLED.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Drop for Running {
    fn drop(&mut self) {
        let has_ended = matches!(self.child.try_wait(), Ok(Some(_)));
        if !has_ended {
            end(self.group);
            // One that is stuck in the kernel ends when it can, for which nobody waits.
            for _ in 0..50 {
                if !matches!(self.child.try_wait(), Ok(None)) {
                    break;
                }
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        groups(|groups| groups.remove(&self.group.as_raw_nonzero().get()));
    }
}

fn groups(change: impl FnOnce(&mut BTreeSet<i32>) -> bool) {
    change(&mut GROUPS.lock().unwrap_or_else(PoisonError::into_inner));
}

/// All of a pipe, once it ends.
fn read(pipe: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (to, text) = channel();
    std::thread::spawn(move || {
        let mut all = Vec::new();
        if let Some(mut pipe) = pipe {
            // What was read until then is what it said.
            let _ = pipe.read_to_end(&mut all);
        }
        // Nobody waits for one that was ended.
        let _ = to.send(all);
    });
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_long_to_read_has_the_time_for_as_long_as_it_needs_it() {
        let file = std::env::temp_dir().join(format!("portcullis-child-{}", std::process::id()));
        let script = format!("sleep $(cat {})", file.display());
        let words = ["-c", &*script];
        let read = |seconds: &str| {
            std::fs::write(&file, seconds).unwrap();
            let one = Duration::from_secs(1);
            Running::within(one, (Path::new("/bin/sh"), &words), "").and_then(Running::finish)
        };
        assert_eq!(read("1.4").unwrap_err().kind(), io::ErrorKind::TimedOut);
        for _ in 0..3 {
            assert!(read("1.4").is_ok(), "it has two seconds, not only once");
        }
        assert!(read("0").is_ok());
        assert_eq!(read("1.4").unwrap_err().kind(), io::ErrorKind::TimedOut);
        std::fs::remove_file(file).unwrap();
    }
}

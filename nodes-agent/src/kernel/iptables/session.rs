//! An `ipset` that stays and takes one line after the other: starting one costs more than most
//! changes of sets do.

use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, ioctl_fionbio};

/// A tool that waits for lines. It ends when its standard input does, even if the agent is killed.
#[derive(Debug)]
pub struct Session {
    child: Child,
    stdin: ChildStdin,
    stderr: ChildStderr,
    /// How many texts it has answered.
    answered: u64,
}

/// What a tool says to a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Every line has been done.
    Done,
    /// Not every line has; why.
    Complaint(String),
}

impl Session {
    /// Starts a tool that reads lines and complains of each bad one on its standard error.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(tool: &Path, words: &[&str]) -> io::Result<Self> {
        let mut command = Command::new(tool);
        // Its standard output is nothing but a prompt for each line.
        command.args(words).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let pipes = child.stdin.take().zip(child.stderr.take());
        let (stdin, stderr) = pipes.ok_or(io::ErrorKind::BrokenPipe)?;
        let session = Self { child, stdin, stderr, answered: 0 };
        ioctl_fionbio(&session.stdin, true)?;
        ioctl_fionbio(&session.stderr, true)?;
        Ok(session)
    }

    /// Has some lines done, and waits until all of them have been. After a failure nothing is
    /// known: the session is of no use any more.
    ///
    /// # Errors
    /// If it has ended, or does not answer in time.
    pub fn tell(&mut self, text: &str, patience: Duration) -> io::Result<Answer> {
        let (mut said, deadline) = (Vec::new(), Instant::now() + patience);
        // A line that changes nothing and is complained of in its own words: lines are done one
        // by one, so what stands before it has been done by then.
        let end = format!("portcullis-{}", self.answered);
        let text = format!("{text}create - {end}\n");
        let mut left = text.as_bytes();
        loop {
            self.wait(!left.is_empty(), deadline)?;
            left = self.write(left)?;
            self.read(&mut said)?;
            if let Some(answer) = answer(&said, &end) {
                self.answered += 1;
                return Ok(answer);
            }
        }
    }

    /// Whether it ever answered: not every version of a tool can.
    pub fn has_answered(&self) -> bool {
        self.answered > 0
    }

    /// Waits until something can be read, or written if there is anything to write.
    fn wait(&self, writes: bool, deadline: Instant) -> io::Result<()> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let limit = Timespec::try_from(left).unwrap_or_default();
            let mut either = [
                PollFd::new(&self.stderr, PollFlags::IN),
                PollFd::new(&self.stdin, PollFlags::OUT),
            ];
            let (reads, both) = (either.len() - 1, either.len());
            let wanted = either.get_mut(..if writes { both } else { reads }).unwrap_or_default();
            match poll(wanted, Some(&limit)) {
                Ok(0) => return Err(io::ErrorKind::TimedOut.into()),
                Ok(_) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Writes what the pipe takes at once; what is left.
    fn write<'t>(&mut self, text: &'t [u8]) -> io::Result<&'t [u8]> {
        if text.is_empty() {
            return Ok(text);
        }
        match self.stdin.write(text) {
            Ok(count) => Ok(text.get(count..).unwrap_or_default()),
            Err(error) if is_momentary(&error) => Ok(text),
            Err(error) => Err(error),
        }
    }

    /// Reads what is there.
    fn read(&mut self, into: &mut Vec<u8>) -> io::Result<()> {
        let mut buffer = [0; 4096];
        match self.stderr.read(&mut buffer) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                into.extend_from_slice(buffer.get(..count).unwrap_or_default());
                Ok(())
            }
            Err(error) if is_momentary(&error) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        // That takes no millisecond. One that is stuck in the kernel ends when it can, for which
        // nobody waits.
        for _ in 0..50 {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn is_momentary(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// What has been said, once its end has come.
fn answer(said: &[u8], end: &str) -> Option<Answer> {
    let said = String::from_utf8_lossy(said);
    let whole = said.strip_suffix('\n')?;
    let (before, last) = whole.rsplit_once('\n').unwrap_or(("", whole));
    if !last.contains(&format!("'{end}'")) {
        return None;
    }
    Some(match before.trim() {
        "" => Answer::Done,
        complaint => Answer::Complaint(complaint.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    /// Complains of what it does not know, as ipset does.
    const TOOL: &str = r#"while read -r word one two; do
        case "$word" in
            add) ;;
            die) exit 1 ;;
            sleep) sleep 60 ;;
            create) echo "tool: Syntax error: typename '$two' is unknown" >&2 ;;
            *) echo "tool: $word?" >&2 ;;
        esac
    done"#;

    fn session() -> Session {
        Session::start(Path::new("/bin/sh"), &["-c", TOOL]).unwrap()
    }

    #[test]
    fn a_text_is_done_when_the_line_after_it_is() {
        let mut session = session();
        for _ in 0..3 {
            assert_eq!(session.tell("add a 1\nadd b 2\n", PATIENCE).unwrap(), Answer::Done);
        }
        let said = session.tell("add a 1\nwhat\nadd b 2\nwhere\n", PATIENCE).unwrap();
        assert_eq!(said, Answer::Complaint("tool: what?\ntool: where?".into()));
        assert_eq!(session.tell("", PATIENCE).unwrap(), Answer::Done);
    }

    #[test]
    fn what_a_pipe_does_not_hold_is_written_bit_by_bit() {
        let mut session = session();
        let text = "what\n".repeat(40_000);
        let Answer::Complaint(said) = session.tell(&text, PATIENCE * 10).unwrap() else {
            panic!("nothing was wrong with it")
        };
        assert_eq!(said.lines().count(), 40_000);
    }

    #[test]
    fn one_that_ends_or_is_silent_is_an_error() {
        let error = session().tell("add a 1\ndie\nadd b 2\n", PATIENCE).unwrap_err();
        let ended = [io::ErrorKind::UnexpectedEof, io::ErrorKind::BrokenPipe];
        assert!(ended.contains(&error.kind()), "{error}");
        let error = session().tell("sleep\n", Duration::from_millis(50)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(Session::start(Path::new("/no/such/tool"), &[]).is_err());
    }
}

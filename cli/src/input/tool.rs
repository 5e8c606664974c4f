//! Helm and kustomize, run for what they print.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use super::InputError;
use super::read::MOST_BYTES;
use crate::output::Progress;

/// How often a running tool is looked at.
const PATIENCE: Duration = Duration::from_millis(20);

/// A tool and its arguments; where the first program is not installed, the next is tried.
pub(super) struct Tool {
    programs: Vec<(&'static str, Vec<OsString>)>,
    name: String,
}

/// What renders a chart, with files of values that win over the chart's own.
pub(super) fn helm(chart: &Path, values: &[PathBuf]) -> Tool {
    let mut args: Vec<OsString> = vec!["template".into(), "--".into(), chart.into()];
    let values = values.iter().flat_map(|file| ["--values".into(), file.into()]);
    args.splice(1..1, values);
    Tool { name: format!("helm template {}", chart.display()), programs: vec![("helm", args)] }
}

/// What builds a kustomize tree; `kubectl` has the same built in.
pub(super) fn kustomize(tree: &Path) -> Tool {
    let args = |command: &str| vec![command.into(), "--".into(), tree.into()];
    let programs = vec![("kustomize", args("build")), ("kubectl", args("kustomize"))];
    Tool { name: format!("kustomize build {}", tree.display()), programs }
}

impl Tool {
    /// What its output is called in answers: the command.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What it prints.
    ///
    /// # Errors
    /// If it is not installed, fails, or takes longer than the limit; then it is ended.
    pub(super) fn run(&self, limit: Duration, progress: Progress) -> Result<Vec<u8>, InputError> {
        self.output(limit, progress)
            .map_err(|reason| InputError::Tool { tool: self.name.clone(), reason })
    }

    fn output(&self, limit: Duration, mut progress: Progress) -> Result<Vec<u8>, String> {
        let mut child = self.start()?;
        let out = drain(child.stdout.take(), MOST_BYTES);
        let err = drain(child.stderr.take(), MOST_BYTES);
        let end = Instant::now() + limit;
        let status = loop {
            match child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if Instant::now() < end => thread::sleep(PATIENCE),
                waited => {
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err(waited.map_or_else(|error| error.to_string(), |_| late(limit)));
                }
            }
            progress.show(|| format!("running {}", self.name));
        };
        // What it has left running may hold its output open.
        let collect = |drained| collect(drained, end).unwrap_or_else(|| Err(late(limit)));
        let (out, err) = (collect(out)?, collect(err)?);
        match status.success() {
            true => Ok(out),
            false => Err(String::from_utf8_lossy(&err).trim().to_owned()),
        }
    }

    fn start(&self) -> Result<Child, String> {
        for (program, args) in &self.programs {
            let args = args.iter().map(OsString::as_os_str);
            match spawn(program, args) {
                Ok(child) => return Ok(child),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        let names: Vec<&str> = self.programs.iter().map(|(program, _)| *program).collect();
        Err(format!("{} is not installed", names.join(" or ")))
    }
}

fn spawn<'a>(program: &str, args: impl Iterator<Item = &'a OsStr>) -> io::Result<Child> {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn()
}

fn late(limit: Duration) -> String {
    format!("no end after {}s: see --tool-seconds", limit.as_secs())
}

type Drained = Option<mpsc::Receiver<Result<Vec<u8>, String>>>;

/// Reads a stream on a thread of its own: a tool that writes to both would wait for ever.
fn drain(stream: Option<impl Read + Send + 'static>, most: u64) -> Drained {
    let stream = stream?;
    let (sender, receiver) = mpsc::channel();
    // Nobody may be waiting any more.
    thread::spawn(move || drop(sender.send(read_all(stream, most))));
    Some(receiver)
}

fn read_all(stream: impl Read, most: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    stream.take(most + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    match bytes.len() as u64 > most {
        true => Err(format!("its output is larger than {most} bytes")),
        false => Ok(bytes),
    }
}

/// What was read; none if its end does not come in time.
fn collect(drained: Drained, end: Instant) -> Option<Result<Vec<u8>, String>> {
    let Some(receiver) = drained else { return Some(Ok(Vec::new())) };
    // What a tool has written before it ended is read in any case.
    let left = end.saturating_duration_since(Instant::now()).max(PATIENCE);
    match receiver.recv_timeout(left) {
        Ok(read) => Some(read),
        Err(RecvTimeoutError::Timeout) => None,
        Err(RecvTimeoutError::Disconnected) => Some(Err("its output could not be read".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_whole_or_refused() {
        assert_eq!(read_all(&b"abc"[..], 3), Ok(b"abc".to_vec()));
        assert_eq!(read_all(&b"abcd"[..], 3), Err("its output is larger than 3 bytes".to_owned()));
    }
}

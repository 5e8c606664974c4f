//! Helm and kustomize, run for what they print.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::InputError;
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
        let out = drain(child.stdout.take());
        let err = drain(child.stderr.take());
        let end = Instant::now() + limit;
        let status = loop {
            match child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if Instant::now() < end => thread::sleep(PATIENCE),
                waited => {
                    let _ = child.kill();
                    let _ = child.wait();
                    let late = format!("no end after {}s: see --tool-seconds", limit.as_secs());
                    return Err(waited.map_or_else(|error| error.to_string(), |_| late));
                }
            }
            progress.show(|| format!("running {}", self.name));
        };
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

type Drained = Option<thread::JoinHandle<io::Result<Vec<u8>>>>;

/// Reads a stream on a thread of its own: a tool that writes to both would wait for ever.
fn drain(stream: Option<impl Read + Send + 'static>) -> Drained {
    let mut stream = stream?.take(super::read::MOST_BYTES);
    Some(thread::spawn(move || {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).map(|_| bytes)
    }))
}

fn collect(drained: Drained) -> Result<Vec<u8>, String> {
    let Some(thread) = drained else { return Ok(Vec::new()) };
    let read = thread.join().map_err(|_| "its output could not be read".to_owned())?;
    read.map_err(|error| error.to_string())
}

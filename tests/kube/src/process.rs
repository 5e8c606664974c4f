//! A program that ends with the test that started it, however that ends.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::Error;

/// Becomes the program, and leaves a watcher behind that kills it at the end of the standard input:
/// a test that is itself killed cleans up nothing, but its end of the pipe closes.
const WATCHED: &str = r#"exec 3<&0; (read -r _ <&3; kill -9 $$) & exec 3<&-; exec "$@" </dev/null"#;

/// A running program, killed when dropped.
#[derive(Debug)]
pub struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program whose output is added to `NAME.log` in a folder.
    pub fn start(
        name: &'static str,
        program: &Path,
        arguments: &[String],
        folder: &Path,
    ) -> Result<Self, Error> {
        let log = folder.join(format!("{name}.log"));
        let file = File::options().create(true).append(true).open(&log).map_err(Error::at(&log))?;
        let errors = file.try_clone().map_err(Error::at(&log))?;
        let mut command = Command::new("sh");
        command.args(["-c", WATCHED, "sh"]).arg(program).args(arguments);
        command.current_dir(folder).stdin(Stdio::piped()).stdout(file).stderr(errors);
        let child = command.spawn().map_err(Error::at(program))?;
        Ok(Self { name, child, log })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has not ended by itself.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// That it is not ready, with the end of its log.
    pub fn not_ready(&self, seconds: u64) -> Error {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let end = lines.get(lines.len().saturating_sub(20)..).unwrap_or_default();
        Error::NotReady { program: self.name, seconds, log: end.join("\n") }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The watcher's end of the pipe goes first: it kills by process id, and that one is this
        // program's until it has been waited for.
        drop(self.child.stdin.take());
        let _already_ended = self.child.kill();
        let _status = self.child.wait();
    }
}

//! The program with kubectl's reader.

use std::io::{BufRead as _, BufReader, Error, ErrorKind, Result, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::Deserialize;
use serde_json::Value;

use super::Answer;

/// The running program.
#[derive(Debug)]
pub struct Program {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

#[derive(Deserialize)]
struct Line {
    value: Option<Value>,
    error: Option<String>,
}

impl Program {
    /// Starts what `scripts/build-kube.sh` has built; none if it was not run.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start() -> Result<Option<Self>> {
        let tools = std::env::var_os("PORTCULLIS_TOOLS").map(PathBuf::from);
        let home = std::env::var_os("HOME").map(PathBuf::from);
        let folder = tools.or(home.map(|home| home.join(".cache/portcullis")));
        let Some(path) = folder.map(|folder| folder.join("kube/yaml")) else { return Ok(None) };
        if !path.is_file() {
            return Ok(None);
        }
        let mut command = Command::new(path);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (input, output) = pipes.ok_or(ErrorKind::BrokenPipe)?;
        Ok(Some(Self { child, input, output: BufReader::new(output) }))
    }

    /// What kubectl makes of a text; none if the answer nests too deep to be read here.
    ///
    /// # Errors
    /// If the program is gone.
    pub fn ask(&mut self, text: &[u8]) -> Result<Option<Vec<Answer>>> {
        let length = u32::try_from(text.len()).map_err(Error::other)?;
        self.input.write_all(&length.to_le_bytes())?;
        self.input.write_all(text)?;
        self.input.flush()?;
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let lines: Vec<Line> = match serde_json::from_str(&line) {
            Ok(lines) => lines,
            Err(error) if error.to_string().contains("recursion") => return Ok(None),
            Err(error) => return Err(Error::other(error)),
        };
        let answer = |line: Line| match line.error {
            Some(error) => Answer::Refused(error),
            None => Answer::Value(line.value.unwrap_or_default()),
        };
        Ok(Some(lines.into_iter().map(answer).collect()))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

//! The command, run as its users run it: arguments in, two streams and an exit status out.
//!
//! Set `INSTA_UPDATE=always` to write the snapshots anew, and read the difference.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod answers;
mod arguments;
mod check;
mod describe;
mod diff;
mod eval;
mod examples;
mod flows;
mod folders;
mod gate;
mod guide;
mod input;
mod list;
mod render;
mod testing;
mod tiers;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What came out.
struct Ran {
    status: i32,
    out: String,
    err: String,
}

/// Runs the command in the folder of fixtures.
fn run(args: &[&str]) -> Ran {
    run_with(args, "", &[])
}

/// Runs the command with something on the standard input, and variables of the environment.
fn run_with(args: &[&str], stdin: &str, variables: &[(&str, &str)]) -> Ran {
    run_in(&fixtures(), args, stdin, variables)
}

/// Runs the command in a folder.
fn run_in(folder: &Path, args: &[&str], stdin: &str, variables: &[(&str, &str)]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.args(args).current_dir(folder);
    command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE").env_remove("CLICOLOR");
    command.envs(variables.iter().copied());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that refuses its arguments does not read.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let output = child.wait_with_output().unwrap();
    Ran {
        status: output.status.code().expect("ended by itself"),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "status {}\n--- out\n{}--- err\n{}", self.status, self.out, self.err)
    }
}

/// An empty folder of this test alone.
fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

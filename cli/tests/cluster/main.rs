//! The command reads live clusters: a real API server where one is built, and one that is nasty on
//! purpose.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "test code"
)]

mod fake;
mod nasty;
mod real;
mod streams;

use std::path::Path;
use std::process::{Command, Output};

/// Runs the command with a kubeconfig; nothing of this machine's own is looked at.
fn portcullis(kubeconfig: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.args(args).arg("--kubeconfig").arg(kubeconfig);
    command.env_remove("KUBECONFIG").env("HOME", "/nonexistent").env("NO_COLOR", "1");
    command.output().unwrap()
}

/// What it answers, and what it says besides.
fn answered(kubeconfig: &Path, args: &[&str]) -> (String, String) {
    let Output { status, stdout, stderr } = portcullis(kubeconfig, args);
    let [out, err] = [stdout, stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(status.success(), "{args:?}: {status}\n{out}{err}");
    (out, err)
}

/// Why it does not.
fn refused(kubeconfig: &Path, args: &[&str]) -> String {
    let Output { status, stdout, stderr } = portcullis(kubeconfig, args);
    assert_eq!(status.code(), Some(2), "{}", String::from_utf8_lossy(&stdout));
    String::from_utf8(stderr).unwrap()
}

//! `portcullis-agent`.

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    let words: Vec<std::ffi::OsString> = std::env::args_os().collect();
    portcullis_agent::run(&words)
}

#[cfg(not(target_os = "linux"))]
#[expect(clippy::print_stderr, reason = "the only thing that this program says here")]
fn main() -> ExitCode {
    eprintln!("portcullis-agent: there is no iptables on this system");
    ExitCode::FAILURE
}

//! Packets against the node agent: what it puts into real kernels' tables decides real flows.
//!
//! A program of its own: it says when it is skipped, and it is the agent when it starts itself.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "test code"
)]

#[cfg(target_os = "linux")]
mod run;

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    run::main()
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    println!("packets: skipped: needs Linux");
    ExitCode::SUCCESS
}

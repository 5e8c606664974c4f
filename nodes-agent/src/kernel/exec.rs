//! Running the tools that speak to the kernel, none of which may take for ever.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Output;

use super::KernelError;
use super::child::Running;

/// Where a tool is; administration tools are not on every user's path.
///
/// # Errors
/// If it is nowhere.
pub fn find(tool: &str) -> Result<PathBuf, KernelError> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    let mut candidates = folders.map(|folder| folder.join(tool));
    candidates
        .find(|path| path.is_file())
        .ok_or_else(|| KernelError::Missing { tool: tool.to_owned() })
}

/// Runs a tool with a text on its standard input; what it printed.
///
/// # Errors
/// If it does not start, does not end in time, or does not succeed.
pub fn run(tool: &Path, words: &[&str], input: &str) -> Result<String, KernelError> {
    let output = output(tool, words, input)?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    failure(tool, words, input, &output).map_or(Ok(printed), Err)
}

/// Runs a tool; what it printed, also if it then failed.
///
/// # Errors
/// If it does not start or does not end in time.
pub fn run_partly(tool: &Path, words: &[&str]) -> Result<String, KernelError> {
    let output = output(tool, words, "")?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn output(tool: &Path, words: &[&str], input: &str) -> Result<Output, KernelError> {
    let output = Running::start(tool, words, input).and_then(Running::finish);
    output.map_err(|source| KernelError::Run { command: command_line(tool, words), source })
}

fn failure(tool: &Path, words: &[&str], input: &str, output: &Output) -> Option<KernelError> {
    if output.status.success() {
        return None;
    }
    let command = command_line(tool, words);
    // Who was ended has not said no: systemd ends the tools of an agent together with it.
    let Some(_) = output.status.code() else {
        let source = io::Error::other("ended by a signal");
        return Some(KernelError::Run { command, source });
    };
    let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    let line = offending_line(&stderr, input);
    Some(KernelError::Failed { command, stderr, line })
}

fn command_line(tool: &Path, words: &[&str]) -> String {
    let name = tool.file_name().unwrap_or_default().to_string_lossy().into_owned();
    [&[name.as_str()], words].concat().join(" ")
}

/// The line of the input that a tool's message names by number: `line 5 failed`, `line 4:
/// RULE_APPEND failed`, `Error in line 2: …`.
fn offending_line(stderr: &str, input: &str) -> Option<String> {
    let (_, after) = stderr.split_once("line ")?;
    let digits = after.split(|c: char| !c.is_ascii_digit()).next()?;
    let number: usize = digits.parse().ok()?;
    input.lines().nth(number.checked_sub(1)?).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offending_line_is_told() {
        let input = "*filter\n:A -\n-A A -j NOWHERE\nCOMMIT\n";
        let told = |stderr| offending_line(stderr, input);
        assert_eq!(told("iptables-restore: line 3 failed").as_deref(), Some("-A A -j NOWHERE"));
        let nft = "iptables-nft-restore v1.8.9 (nf_tables): \nline 4: CHAIN_ADD failed (Busy)";
        assert_eq!(told(nft).as_deref(), Some("COMMIT"));
        assert_eq!(told("ipset v7.17: Error in line 1: no such set").as_deref(), Some("*filter"));
        assert_eq!(told("something else"), None);
    }

    #[test]
    fn failures_carry_what_was_run_and_said() {
        let error = run(Path::new("/bin/sh"), &["-c", "echo no >&2; exit 3"], "").unwrap_err();
        assert_eq!(error.to_string(), "`sh -c echo no >&2; exit 3` failed: no");
        let ended = run(Path::new("/bin/sh"), &["-c", "kill $$"], "").unwrap_err();
        assert!(matches!(ended, KernelError::Run { .. }), "{ended}");
        let missing = find("no-such-tool-anywhere").unwrap_err();
        assert!(matches!(missing, KernelError::Missing { .. }));
    }
}

//! The command as a plugin of `kubectl`, which runs `kubectl-portcullis` for `kubectl portcullis`: it
//! is about the cluster then, without being told.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::{CommandFactory as _, FromArgMatches as _};

use crate::cli::Cli;

/// What `kubectl` looks for.
const PROGRAM: &str = "kubectl-portcullis";

/// Commands that read nothing.
const WITHOUT_INPUT: [&str; 3] = ["completions", "man", "help"];

/// What was typed; ends the process where that cannot be understood, or asks for help.
pub fn parse(args: Vec<OsString>) -> Cli {
    let program = args.first().and_then(|program| Path::new(program).file_stem());
    let is_plugin = program == Some(OsStr::new(PROGRAM));
    let (command, args) = match is_plugin {
        true => (Cli::command().bin_name("kubectl portcullis"), with_cluster(args)),
        false => (Cli::command(), args),
    };
    let parsed = command.try_get_matches_from(args);
    let parsed = parsed.and_then(|matches| Cli::from_arg_matches(&matches));
    parsed.unwrap_or_else(|error| error.exit())
}

/// The arguments with `--cluster`, where it has a meaning and does not stand there.
fn with_cluster(mut args: Vec<OsString>) -> Vec<OsString> {
    let is_option = |arg: &OsString| arg.to_string_lossy().starts_with('-');
    let Some(at) = (1..args.len()).find(|at| args.get(*at).is_some_and(|arg| !is_option(arg)))
    else {
        return args;
    };
    let reads = args.get(at).is_some_and(|name| {
        WITHOUT_INPUT.iter().all(|known| name.as_os_str() != OsStr::new(known))
    });
    if reads && !args.iter().any(|arg| arg == "--cluster") {
        args.insert(at + 1, "--cluster".into());
    }
    args
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(args: &[&str]) -> Vec<String> {
        let args = args.iter().map(OsString::from).collect();
        with_cluster(args).iter().map(|arg| arg.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_plugin_asks_the_cluster() {
        assert_eq!(with(&["p", "list"]), ["p", "list", "--cluster"]);
        assert_eq!(with(&["p", "list", "-n", "a"]), ["p", "list", "--cluster", "-n", "a"]);
        assert_eq!(with(&["p", "list", "--cluster"]), ["p", "list", "--cluster"]);
        assert_eq!(with(&["p", "completions", "bash"]), ["p", "completions", "bash"]);
        assert_eq!(with(&["p", "--version"]), ["p", "--version"]);
        assert_eq!(with(&["p"]), ["p"]);
    }
}

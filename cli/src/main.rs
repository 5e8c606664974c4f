//! The command `portcullis`: reads files, asks the engine, prints.
//!
//! All knowledge of policies and all wording of answers is the engine's. This crate knows about
//! arguments, files, terminals and exit statuses.

mod args;
mod check;
mod cli;
mod describe;
mod diff;
mod equal;
mod eval;
mod excerpt;
mod filter;
mod findings;
mod flows;
mod gate;
mod input;
mod junit;
mod list;
mod output;
mod plugin;
mod render;
mod shell;
mod short;
mod sides;
mod testing;
mod watch;

use std::process::ExitCode;

use cli::{Cli, Command};
use filter::FocusDirection;
use output::Outcome;

fn main() -> ExitCode {
    let cli = plugin::parse(std::env::args_os().collect());
    match run(cli) {
        Ok(outcome) => outcome.into(),
        // Whoever read the output has read enough: `portcullis list … | head`.
        Err(error) if output::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output::say_error(&format!("{error:#}"));
            Outcome::Unusable.into()
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<Outcome> {
    match cli.command {
        Command::List(args) => list::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Gate(args) => gate::run(&args),
        Command::Equal(args) => equal::run(&args),
        Command::Eval(args) => eval::run(&args, eval::Depth::Verdict),
        Command::Explain(args) => eval::run(&args, eval::Depth::Chain),
        Command::WhoCan(args) => short::run(args, FocusDirection::Ingress),
        Command::Reach(args) => short::run(args, FocusDirection::Egress),
        Command::Describe(args) => describe::run(&args),
        Command::Test(args) => testing::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Render(args) => render::run(&args),
        Command::Completions { shell } => shell::completions(shell),
        Command::Man { command } => shell::man(command.as_deref()),
    }
}

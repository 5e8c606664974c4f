//! `portcullis completions` and `portcullis man`.

use std::io::Write as _;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::output::{Outcome, Output};

pub fn completions(shell: Shell) -> anyhow::Result<Outcome> {
    // The generator panics where it cannot write, so it writes to memory.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "portcullis", &mut script);
    print(&script)
}

/// Prints the main page, or that of one command.
///
/// # Errors
/// If there is no such command.
pub fn man(command: Option<&str>) -> anyhow::Result<Outcome> {
    let mut cli = Cli::command();
    cli.build();
    let page = match command {
        None => clap_mangen::Man::new(cli),
        Some(name) => {
            let Some(command) = cli.find_subcommand(name) else {
                anyhow::bail!("no command `{name}`: see `portcullis --help`");
            };
            clap_mangen::Man::new(command.clone())
        }
    };
    let mut roff = Vec::new();
    page.render(&mut roff)?;
    print(&roff)
}

fn print(bytes: &[u8]) -> anyhow::Result<Outcome> {
    let mut out = Output::new();
    out.write_all(bytes)?;
    out.finish()?;
    Ok(Outcome::Answered)
}

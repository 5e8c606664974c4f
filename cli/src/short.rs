//! `portcullis who-can` and `portcullis reach`: the lists that are asked for most, in few words.

use clap::Args;
use portcullis_engine::net::Protocol;
use portcullis_engine::report::PortQuery;

use crate::args::{FailOn, InputArgs, OutputArgs, WatchArgs};
use crate::filter::{FilterArgs, FocusDirection, port};
use crate::list::{self, ListArgs, ListForm};
use crate::output::Outcome;

#[derive(Debug, Args)]
pub struct ShortArgs {
    /// Whom to ask about, as --focus of `list`: NAMESPACE, NAMESPACE/NAME, a workload's NAME, an
    /// address or a range
    #[arg(value_name = "NAME")]
    pub name: String,
    #[command(flatten)]
    pub input: InputArgs,
    /// Only connections that include this port, for example 5432, 53/UDP, http or 80-90
    #[arg(long, value_name = "PORT[/PROTOCOL]", value_parser = port, help_heading = "Filter")]
    pub port: Option<(Protocol, PortQuery)>,
    /// Show for each connection which rules admit it, at both ends, and where they are
    #[arg(short, long, help_heading = "Output")]
    pub explain: bool,
    /// The output format
    #[arg(long, short, value_enum, default_value = "text", help_heading = "Output")]
    pub output: ListForm,
    #[command(flatten)]
    pub say: OutputArgs,
    #[command(flatten)]
    pub watch: WatchArgs,
}

pub fn run(args: ShortArgs, direction: FocusDirection) -> anyhow::Result<Outcome> {
    let ShortArgs { name, input, port, explain, output, say, watch } = args;
    let filter = FilterArgs {
        focus: vec![name],
        all_namespaces: false,
        selector: None,
        direction: Some(direction),
        port,
        family: None,
        siblings: false,
    };
    let (expand, fail_on) = (false, FailOn::Never);
    list::run(&ListArgs { input, output, say, watch, filter, expand, explain, fail_on })
}

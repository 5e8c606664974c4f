//! `portcullis describe`.

use clap::{Args, ValueEnum};
use portcullis_engine::Session;
use portcullis_engine::report::Describe;
use portcullis_engine::report::text::{self, write_description};

use crate::args::{Form, InputArgs, OutputArgs, WatchArgs};
use crate::findings;
use crate::output::{self, Outcome, Output};
use crate::watch::{self, Asked};

pub const EXAMPLES: &str = "\
Examples:
  portcullis describe workload shop/web manifests/
  portcullis describe policy shop/default-deny manifests/
  portcullis describe namespace shop manifests/";

#[derive(Debug, Args)]
pub struct DescribeArgs {
    /// What to describe
    #[arg(value_enum, value_name = "KIND")]
    pub kind: DescribeKind,
    /// Its name: NAMESPACE/NAME of a pod, a workload or a policy (also NAMESPACE/KIND/NAME), or the
    /// name of a namespace or a cluster policy
    #[arg(value_name = "NAME")]
    pub name: String,
    #[command(flatten)]
    pub input: InputArgs,
    /// The output format
    #[arg(long, short, value_enum, default_value = "text", help_heading = "Output")]
    pub output: Form,
    #[command(flatten)]
    pub say: OutputArgs,
    #[command(flatten)]
    pub watch: WatchArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DescribeKind {
    /// A pod: which policies decide about it
    #[value(alias = "po")]
    Pod,
    /// The pods of a workload: which policies decide about them
    Workload,
    /// A policy: which pods it selects, and what each rule opens
    #[value(alias = "netpol", alias = "networkpolicy")]
    Policy,
    /// A namespace: its workloads and policies
    #[value(alias = "ns")]
    Namespace,
}

impl From<DescribeKind> for Describe {
    fn from(kind: DescribeKind) -> Self {
        match kind {
            DescribeKind::Pod | DescribeKind::Workload => Self::Pods,
            DescribeKind::Policy => Self::Policy,
            DescribeKind::Namespace => Self::Namespace,
        }
    }
}

pub fn run(args: &DescribeArgs) -> anyhow::Result<Outcome> {
    let asked = Asked { input: &args.input, family: None, say: args.say, watch: args.watch };
    watch::answer(&asked, |session, say, out| answer(args, session, (say, out)))
}

fn answer(
    args: &DescribeArgs,
    session: &Session,
    (say, out): (OutputArgs, &mut Output),
) -> anyhow::Result<Outcome> {
    let summary = session.summary();
    findings::say(&summary, "portcullis describe", &args.input, say);
    if let Some(why) = findings::unusable(session, &summary) {
        anyhow::bail!("{why}");
    }
    if !say.quiet {
        text::hosts(&summary).iter().for_each(|line| output::say(line));
    }
    let report = session.describe(args.kind.into(), &args.name)?;
    match args.output {
        Form::Json => out.json(&report)?,
        Form::Text => {
            out.render(|out| write_description(&report, output::style(args.say), out))?;
        }
    }
    Ok(Outcome::Answered)
}

//! `portcullis equal`.

use clap::{Args, ValueEnum};
use portcullis_engine::Session;
use portcullis_engine::net::Family;
use portcullis_engine::report::text::write_equal;
use portcullis_engine::report::{EqualOutcome, EqualReport, parse_family};

use crate::args::{OutputArgs, WatchArgs};
use crate::findings;
use crate::output::{self, Outcome, Output};
use crate::sides::{self, SidesArgs};
use crate::watch;

pub const EXAMPLES: &str = "\
Examples:
  portcullis equal old/ new/
  portcullis equal HEAD -- deploy/              what is not committed yet
  portcullis equal main..HEAD -- deploy/
  portcullis equal --pod-cidr 10.244.0.0/16 handwritten.yaml generated.yaml";

pub const STATUS: &str = "\
Exit status:
  0  both mean the same
  1  they do not, or the input leaves that open
  2  unusable input or arguments
  3  not decided: there are too many combinations";

#[derive(Debug, Args)]
pub struct EqualArgs {
    /// A and B: files, folders, `-` for standard input, or revisions of the git repository, REV or
    /// REV:PATH; or A..B
    #[arg(required = true, num_args = 1..=2, value_name = "A B", value_hint = clap::ValueHint::AnyPath)]
    pub sides: Vec<String>,
    /// The output format
    #[arg(long, short, value_enum, default_value = "text", help_heading = "Output")]
    pub output: EqualForm,
    #[command(flatten)]
    pub say: OutputArgs,
    #[command(flatten)]
    pub of_sides: SidesArgs,
    /// Only flows of one address family: ipv4 or ipv6
    #[arg(long, value_name = "FAMILY", value_parser = parse_family, help_heading = "Filter")]
    pub family: Option<Family>,
    #[command(flatten)]
    pub watch: WatchArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EqualForm {
    /// Whether they are equal, and flows that differ
    Text,
    /// Everything, for programs
    Json,
}

pub fn run(args: &EqualArgs) -> anyhow::Result<Outcome> {
    if args.watch.watch {
        watch::only_with_a_cluster(args.of_sides.cluster.is_wanted())?;
        let side = args.of_sides.applied(&args.sides)?;
        let live = args.of_sides.follow(Some(&side), (args.family, args.say))?;
        return watch::answer_both(live, args.say, |a, b, say, out| {
            answer(args, [a, b], (say, out))
        });
    }
    let both = args.of_sides.read_both(&args.sides, (args.family, args.say))?;
    let [(_, a), (_, b)] = both;
    let mut out = Output::new();
    let outcome = answer(args, [&a, &b], (args.say, &mut out))?;
    out.finish()?;
    Ok(outcome)
}

fn answer(
    args: &EqualArgs,
    [a, b]: [&Session; 2],
    (say, out): (OutputArgs, &mut Output),
) -> anyhow::Result<Outcome> {
    let report = a.equal(b);
    check_input([a, b], &report)?;
    match args.output {
        EqualForm::Json => out.json(&report)?,
        EqualForm::Text => {
            let style = output::style(args.say);
            out.render(|out| write_equal(&report, style, out))?;
        }
    }
    if !say.quiet {
        let of = ("portcullis equal", &args.of_sides.cluster);
        sides::remark("A", &report.a, of);
        sides::remark("B", &report.b, of);
    }
    Ok(match report.outcome {
        EqualOutcome::Equal => Outcome::Answered,
        EqualOutcome::Different | EqualOutcome::Unknown => Outcome::NotMet,
        EqualOutcome::Undecided => Outcome::Undecided,
    })
}

fn check_input([a, b]: [&Session; 2], report: &EqualReport) -> anyhow::Result<()> {
    match (findings::unusable(a, &report.a), findings::unusable(b, &report.b)) {
        (Some(why), _) => anyhow::bail!("A: {why}"),
        (_, Some(why)) => anyhow::bail!("B: {why}"),
        (None, None) => Ok(()),
    }
}

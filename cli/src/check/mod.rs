//! `portcullis check`, which is also called `portcullis lint`.

mod fix;
mod junit;

use std::fmt::Write as _;

use clap::{Args, ValueEnum};
use portcullis_engine::Session;
use portcullis_engine::report::text::write_annotations;
use portcullis_engine::report::{CheckReport, Summary, sarif};

use crate::args::{FailOn, InputArgs, OutputArgs, WatchArgs};
use crate::excerpt::Excerpts;
use crate::output::{self, Outcome, Output};
use crate::watch::{self, Asked};
use crate::{findings, input};

pub const EXAMPLES: &str = "\
Examples:
  portcullis check manifests/
  portcullis lint --fail-on warning manifests/
  portcullis lint --diff manifests/
  portcullis lint -o github manifests/
  portcullis lint -o sarif manifests/ > portcullis.sarif";

pub const STATUS: &str = "\
Exit status:
  0  no finding at or above --fail-on
  1  findings at or above --fail-on
  2  unusable input or arguments";

#[derive(Debug, Args)]
pub struct CheckArgs {
    #[command(flatten)]
    pub input: InputArgs,
    /// The output format
    #[arg(long, short, value_enum, default_value = "text", help_heading = "Output")]
    pub output: CheckForm,
    #[command(flatten)]
    pub say: OutputArgs,
    #[command(flatten)]
    pub watch: WatchArgs,
    /// Exit with 1 for findings of this severity or above
    #[arg(
        long,
        value_enum,
        value_name = "SEVERITY",
        default_value = "error",
        help_heading = "Exit status"
    )]
    pub fail_on: FailOn,
    /// Change the files so that findings are gone for which it is certain how, then report the rest
    ///
    /// Each file is read again before it is written: a change after which more is wrong is left out.
    #[arg(long, conflicts_with = "diff", help_heading = "Fix")]
    pub fix: bool,
    /// Print what --fix would change as a unified diff, in place of the findings
    #[arg(long, conflicts_with = "output", help_heading = "Fix")]
    pub diff: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CheckForm {
    /// Each finding with its line
    Text,
    /// Everything, for programs
    Json,
    /// Findings on their lines, as code scanning shows them
    Sarif,
    /// A test for each finding, as continuous integration shows them
    Junit,
    /// Workflow commands, which GitHub shows on the lines of a change
    Github,
}

pub fn run(args: &CheckArgs) -> anyhow::Result<Outcome> {
    if args.fix && args.input.more.cluster.is_wanted() {
        anyhow::bail!(
            "--fix changes files, and nothing in a cluster: use --diff to see what it would"
        );
    }
    if args.fix && args.input.paths.iter().any(|path| input::is_stdin(path)) {
        anyhow::bail!("standard input is not a file that can be changed: use `--diff`");
    }
    if args.fix {
        let session = input::session(&args.input, args.say)?;
        fix::write(&session, args.say)?;
    }
    let asked = Asked { input: &args.input, family: None, say: args.say, watch: args.watch };
    watch::answer(&asked, |session, say, out| answer(args, session, (say, out)))
}

fn answer(
    args: &CheckArgs,
    session: &Session,
    (say, out): (OutputArgs, &mut Output),
) -> anyhow::Result<Outcome> {
    let report = session.check();
    if args.diff {
        fix::show(session, (say, out))?;
        return conclude(session, &report, (args, say));
    }
    match args.output {
        CheckForm::Json => out.json(&report)?,
        CheckForm::Text => print(session, &report, args, out)?,
        CheckForm::Sarif => out.json(&sarif::of_check(&report))?,
        CheckForm::Junit => {
            let suites = junit::suites(session, &report, args.fail_on);
            crate::junit::write(&suites, out)?;
        }
        CheckForm::Github => out.render(|out| write_annotations(&report, out))?,
    }
    conclude(session, &report, (args, say))
}

/// Says what was left out, and what the findings mean for the exit status.
fn conclude(
    session: &Session,
    report: &CheckReport,
    (args, say): (&CheckArgs, OutputArgs),
) -> anyhow::Result<Outcome> {
    findings::left_out(&report.summary, "portcullis check", say);
    if let (Some(why), 0) = (findings::unusable(session, &report.summary), report.summary.errors) {
        anyhow::bail!("{why}");
    }
    Ok(findings::outcome(&report.summary, args.fail_on))
}

fn print(
    session: &Session,
    report: &CheckReport,
    args: &CheckArgs,
    out: &mut Output,
) -> anyhow::Result<()> {
    let mut excerpts = Excerpts::new(session, output::style(args.say));
    for (index, diagnostic) in report.diagnostics.iter().enumerate() {
        let excerpt = excerpts.of(diagnostic);
        let gap = if index == 0 { "" } else { "\n" };
        out.render(|out| writeln!(out, "{gap}{excerpt}"))?;
    }
    if !args.say.quiet {
        let summary = summary(&report.summary);
        out.render(|out| writeln!(out, "{}: {summary}", findings::paths(&args.input)))?;
    }
    Ok(())
}

/// How many policies there are, and how many of them are only audited.
fn policies(summary: &Summary) -> String {
    match (summary.policies + summary.audited, summary.audited) {
        (0, _) => "no policies".into(),
        (1, 0) => "1 policy".into(),
        (1, _) => "1 policy, only audited".into(),
        (n, 0) => format!("{n} policies"),
        (n, audited) => format!("{n} policies, {audited} of them audited"),
    }
}

/// What was read and what was found, in a line.
fn summary(summary: &Summary) -> String {
    let of = |n, noun| findings::count(n, noun).unwrap_or_else(|| format!("no {noun}s"));
    let mut parts = vec![of(summary.workloads, "workload"), policies(summary)];
    let found = [
        findings::count(summary.errors, "error"),
        findings::count(summary.warnings, "warning"),
        findings::count(summary.infos, "info"),
    ];
    parts.extend(found.into_iter().flatten());
    if parts.len() == 2 {
        parts.push("no findings".into());
    }
    parts.extend(findings::count(summary.suppressed, "ignored finding"));
    let others: u32 = summary.ignored.iter().map(|kind| kind.count).sum();
    let passed = findings::count(others, "object");
    let passed = passed.map(|n| format!(" (ignored: {n} of other kinds)"));
    parts.join(", ") + &passed.unwrap_or_default()
}

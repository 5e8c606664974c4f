//! `portcullis gate`.

mod junit;

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use portcullis_engine::Session;
use portcullis_engine::net::Family;
use portcullis_engine::report::text::{self, GateFormat, write_gate};
use portcullis_engine::report::{
    GateOutcome, GateReport, GateRules, GateSummary, parse_family, sarif,
};

use crate::args::{ASKS_FOR_CLUSTER, OutputArgs, WatchArgs};
use crate::findings;
use crate::input::{self, Side};
use crate::output::{self, Outcome, Output};
use crate::sides::{self, SidesArgs};
use crate::watch;

pub const EXAMPLES: &str = "\
Examples:
  portcullis gate --rules rules.yaml manifests/
  portcullis gate --rules rules.yaml main..HEAD -- deploy/
  portcullis gate --rules rules.yaml old/ new/
  portcullis gate --rules rules.yaml -o sarif manifests/ > portcullis.sarif

A file of rules:
  rules:
    - name: the internet never reaches sensitive data
      never:
        from: internet
        to: {pods: {data: sensitive}}
        ports: [5432, 53/UDP]
    - name: tenants a and b never meet
      never-meet:
        - namespaces: {tenant: a}
        - namespaces: {tenant: b}
    - name: nothing new reaches payments
      no-new-access:
        to: {namespaces: {team: payments}}";

pub const STATUS: &str = "\
Exit status:
  0  all rules hold
  1  a rule is broken, or it cannot be ruled out that it is (unless --allow-unknown)
  2  unusable input, rules or arguments
  3  no rule is broken, and some were not decided: there are too many combinations";

#[derive(Debug, Args)]
pub struct GateArgs {
    /// The rules, in YAML or JSON
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub rules: PathBuf,
    /// NEW, or OLD and NEW: files, folders, `-` for standard input, or revisions of the git
    /// repository, REV or REV:PATH; or OLD..NEW
    ///
    /// OLD is what rules with `no-new-access` compare with. Of two revisions, OLD...NEW compares NEW
    /// with where it left OLD.
    #[arg(
        required_unless_present_any = ASKS_FOR_CLUSTER,
        num_args = 1..=2,
        value_name = "[OLD] NEW",
        value_hint = clap::ValueHint::AnyPath
    )]
    pub sides: Vec<String>,
    /// The output format
    #[arg(long, short, value_enum, default_value = "text", help_heading = "Output")]
    pub output: GateForm,
    #[command(flatten)]
    pub say: OutputArgs,
    #[command(flatten)]
    pub of_sides: SidesArgs,
    /// Only flows of one address family: ipv4 or ipv6
    #[arg(long, value_name = "FAMILY", value_parser = parse_family, help_heading = "Filter")]
    pub family: Option<Family>,
    /// Do not fail where it cannot be ruled out that a rule is broken
    #[arg(long, help_heading = "Exit status")]
    pub allow_unknown: bool,
    #[command(flatten)]
    pub watch: WatchArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GateForm {
    /// A line per rule, and what breaks it
    Text,
    /// Everything, for programs
    Json,
    /// A Markdown table, for the description of a change
    Md,
    /// A test per rule, as continuous integration shows them
    Junit,
    /// Findings on the lines of policies, as code scanning shows them
    Sarif,
}

pub fn run(args: &GateArgs) -> anyhow::Result<Outcome> {
    if input::is_stdin(&args.rules) && args.sides.iter().any(|side| side == "-") {
        anyhow::bail!("standard input can be read only once");
    }
    let rules = read_rules(&args.rules)?;
    if args.watch.watch {
        return follow(args, &rules);
    }
    let (old, new) = sessions(args, &rules)?;
    let mut out = Output::new();
    let outcome = answer(args, &rules, (old.as_ref(), &new), (args.say, &mut out))?;
    out.finish()?;
    Ok(outcome)
}

/// Holds a cluster against rules, or what it would be, each time that it changes.
fn follow(args: &GateArgs, rules: &GateRules) -> anyhow::Result<Outcome> {
    watch::only_with_a_cluster(args.of_sides.cluster.is_wanted())?;
    let side = match args.sides.as_slice() {
        [] => only_without_comparison(rules).map(|()| None)?,
        sides => Some(args.of_sides.applied(sides)?),
    };
    let live = args.of_sides.follow(side.as_ref(), (args.family, args.say))?;
    watch::answer_both(live, args.say, |cluster, applied, say, out| {
        answer(args, rules, (side.is_some().then_some(cluster), applied), (say, out))
    })
}

fn answer(
    args: &GateArgs,
    rules: &GateRules,
    (old, new): (Option<&Session>, &Session),
    (say, out): (OutputArgs, &mut Output),
) -> anyhow::Result<Outcome> {
    let report = new.gate(old, rules);
    check_input((old, new), &report)?;
    print(&report, args, out)?;
    if !say.quiet {
        let of = ("portcullis gate", &args.of_sides.cluster);
        report.old.iter().for_each(|summary| sides::remark("old", summary, of));
        let name = if report.old.is_some() { "new" } else { "" };
        sides::remark(name, &report.new, of);
        if !matches!(args.output, GateForm::Text | GateForm::Md) {
            output::say(&text::gate_summary(&report.summary));
        }
    }
    Ok(outcome(&report.summary, args.allow_unknown))
}

/// What names of files of revisions begin with.
fn revisions(args: &GateArgs) -> Vec<String> {
    let typed = args.sides.iter().flat_map(|side| sides::revisions(side));
    typed.map(|revision| format!("{revision}:")).collect()
}

fn outcome(summary: &GateSummary, allow_unknown: bool) -> Outcome {
    let is_open = summary.unknown > 0 && !allow_unknown;
    match (summary.broken > 0 || is_open, summary.undecided > 0) {
        (true, _) => Outcome::NotMet,
        (false, true) => Outcome::Undecided,
        (false, false) => Outcome::Answered,
    }
}

fn read_rules(path: &Path) -> anyhow::Result<GateRules> {
    let (bytes, name) = (input::read_bytes(path)?, input::name(path));
    let Ok(text) = String::from_utf8(bytes) else {
        anyhow::bail!("{name}: not a text file: invalid UTF-8");
    };
    GateRules::parse(&name, &text).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("{}", lines.join("\n"))
    })
}

/// The old state, if there is one, and the new one. A cluster is the old one, if something is given
/// that would be applied to it.
fn sessions(args: &GateArgs, rules: &GateRules) -> anyhow::Result<(Option<Session>, Session)> {
    if args.of_sides.cluster.is_wanted() {
        if args.sides.is_empty() {
            only_without_comparison(rules)?;
            let (cluster, _) = args.of_sides.read_cluster(None, (args.family, args.say))?;
            return Ok((None, cluster));
        }
        let both = args.of_sides.read_both(&args.sides, (args.family, args.say))?;
        let [(_, old), (_, new)] = both;
        return Ok((Some(old), new));
    }
    let (old, new) = both(args, rules)?;
    let read = |side: &Side| args.of_sides.read(side, args.family, args.say);
    let old = old.as_ref().map(read).transpose()?;
    Ok((old, read(&new)?))
}

/// That rules do not compare the cluster with anything.
fn only_without_comparison(rules: &GateRules) -> anyhow::Result<()> {
    match rules.comparing() {
        None => Ok(()),
        Some(name) => anyhow::bail!(
            "rule `{name}` compares two states: give what would be applied to the cluster"
        ),
    }
}

/// The old side, if there is one, and the new one.
fn both(args: &GateArgs, rules: &GateRules) -> anyhow::Result<(Option<Side>, Side)> {
    let is_stdin = |side: &Side| *side == Side::Paths(vec!["-".into()]);
    let (old, new) = match args.sides.as_slice() {
        [one] if sides::is_path(one) || !one.contains("..") => {
            (None, sides::side(one, &args.of_sides.paths)?)
        }
        sides => {
            let [old, new] = sides::both(sides, &args.of_sides.paths)?;
            (Some(old), new)
        }
    };
    if input::is_stdin(&args.rules)
        && [old.as_ref(), Some(&new)].into_iter().flatten().any(is_stdin)
    {
        anyhow::bail!("standard input can be read only once");
    }
    if let (Some(name), None) = (rules.comparing(), &old) {
        anyhow::bail!("rule `{name}` compares two states: give OLD NEW, or OLD..NEW");
    }
    Ok((old, new))
}

fn check_input(
    (old, new): (Option<&Session>, &Session),
    report: &GateReport,
) -> anyhow::Result<()> {
    let old = old.zip(report.old.as_ref());
    if let Some(why) = old.and_then(|(session, summary)| findings::unusable(session, summary)) {
        anyhow::bail!("OLD: {why}");
    }
    if let Some(why) = findings::unusable(new, &report.new) {
        anyhow::bail!("NEW: {why}");
    }
    Ok(())
}

fn print(report: &GateReport, args: &GateArgs, out: &mut Output) -> anyhow::Result<()> {
    let style = output::style(args.say);
    match args.output {
        GateForm::Json => out.json(report)?,
        GateForm::Sarif => out.json(&sarif::of_gate(report).within(&revisions(args)))?,
        GateForm::Junit => {
            let fails = |outcome| match outcome {
                GateOutcome::Holds => false,
                GateOutcome::Unknown => !args.allow_unknown,
                GateOutcome::Broken | GateOutcome::Undecided => true,
            };
            let suite = junit::suite(&input::name(&args.rules), report, fails);
            crate::junit::write(&[suite], out)?;
        }
        GateForm::Text => out.render(|out| write_gate(report, (GateFormat::Text, style), out))?,
        GateForm::Md => out.render(|out| write_gate(report, (GateFormat::Markdown, style), out))?,
    }
    Ok(())
}

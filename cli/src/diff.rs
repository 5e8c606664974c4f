//! `portcullis diff`.

use clap::Args;
use portcullis_engine::report::DiffReport;
use portcullis_engine::report::text::{self, write_diff};
use portcullis_engine::{ListFilter, Session};

use crate::args::{OutputArgs, WatchArgs};
use crate::filter::{self, FilterArgs};
use crate::findings;
use crate::input::Side;
use crate::list::ListForm;
use crate::output::{self, Outcome, Output};
use crate::sides::{self, SidesArgs};
use crate::watch;

pub const EXAMPLES: &str = "\
Examples:
  portcullis diff old/ new/
  portcullis diff main..HEAD -- deploy/         what two revisions have
  portcullis diff main...HEAD -- deploy/        what HEAD changes since it left main
  portcullis diff HEAD -- deploy/               what is not committed yet
  portcullis diff v1.2:deploy deploy/           a revision's folder and a folder
  kubectl get ns,pod,netpol,node -A -o yaml | portcullis diff - manifests/
  portcullis diff <(helm template old/) <(helm template new/)
  portcullis diff main...HEAD -o md -- deploy/ > comment.md
  portcullis diff --cluster deploy/             what applying a folder would change";

pub const STATUS: &str = "\
Exit status:
  0  answered; with --exit-code: nothing differs
  1  with --exit-code: a flow differs, or a workload is only on one side; flows between pods of
     one workload count with --siblings
  2  unusable input or arguments";

#[derive(Debug, Args)]
pub struct DiffArgs {
    /// OLD and NEW: files, folders, `-` for standard input, or revisions of the git repository,
    /// REV or REV:PATH; or OLD..NEW
    ///
    /// Of two revisions, OLD...NEW compares NEW with where it left OLD. A revision alone is compared
    /// with the files of the working folder. What is there as a file or folder is that, not a
    /// revision.
    #[arg(required = true, num_args = 1..=2, value_name = "OLD NEW", value_hint = clap::ValueHint::AnyPath)]
    pub sides: Vec<String>,
    /// The output format
    #[arg(long, short, value_enum, default_value = "text", help_heading = "Output")]
    pub output: ListForm,
    #[command(flatten)]
    pub say: OutputArgs,
    #[command(flatten)]
    pub of_sides: SidesArgs,
    #[command(flatten)]
    pub filter: FilterArgs,
    /// Show each pair of workloads, also where many are treated alike
    #[arg(long, help_heading = "Output")]
    pub expand: bool,
    /// Exit with 1 if anything differs
    #[arg(long, help_heading = "Exit status")]
    pub exit_code: bool,
    #[command(flatten)]
    pub watch: WatchArgs,
}

pub fn run(args: &DiffArgs) -> anyhow::Result<Outcome> {
    args.filter.check(&args.of_sides.assume)?;
    if args.watch.watch {
        watch::only_with_a_cluster(args.of_sides.cluster.is_wanted())?;
        let side = args.of_sides.applied(&args.sides)?;
        let live = args.of_sides.follow(Some(&side), (args.filter.family, args.say))?;
        let cluster = Side::Paths(Vec::new());
        return watch::answer_both(live, args.say, |old, new, say, out| {
            answer(args, [(&cluster, old), (&side, new)], (say, out))
        });
    }
    let both = args.of_sides.read_both(&args.sides, (args.filter.family, args.say))?;
    let mut out = Output::new();
    let outcome = answer(args, both.each_ref().map(|(side, of)| (side, of)), (args.say, &mut out))?;
    out.finish()?;
    Ok(outcome)
}

fn answer(
    args: &DiffArgs,
    [(old, old_session), (new, new_session)]: [(&Side, &Session); 2],
    (say, out): (OutputArgs, &mut Output),
) -> anyhow::Result<Outcome> {
    let filter = ListFilter { expand: args.expand, ..args.filter.filter(&args.of_sides.assume) };
    let filter = old_session.with_members_of_both(new_session, &filter);
    check_names(args, [old_session, new_session], &filter)?;
    filter::check_port(&filter, &[old_session, new_session])?;
    let report = old_session.diff(new_session, &filter);
    check_input((old, new), [old_session, new_session], &report)?;
    match args.output.written() {
        None => out.json(&report)?,
        Some(format) => {
            let style = output::style(args.say);
            out.render(|out| write_diff(&report, (format, style), out))?;
        }
    }
    if !say.quiet {
        remark(&report, args);
    }
    Ok(Outcome::met(!(args.exit_code && report.is_different())))
}

// --- what cannot be compared

fn check_names(
    args: &DiffArgs,
    sessions: [&Session; 2],
    filter: &ListFilter,
) -> anyhow::Result<()> {
    if args.filter.focus.is_empty() && filter.namespace.is_none() {
        return Ok(());
    }
    let lists = sessions.iter().map(|session| session.list(filter));
    let endpoints: Vec<_> = lists.flat_map(|list| list.endpoints).collect();
    filter::check_names(filter, &endpoints)
}

/// Whether there is something to compare: a revision may be from before there was.
fn check_input(
    (old, new): (&Side, &Side),
    [old_session, new_session]: [&Session; 2],
    report: &DiffReport,
) -> anyhow::Result<()> {
    let old_why = findings::unusable(old_session, &report.old);
    let new_why = findings::unusable(new_session, &report.new);
    let is_path = |side: &Side| matches!(side, Side::Paths(_));
    match (old_why, new_why) {
        (Some(why), _) if is_path(old) || new_why.is_some() => anyhow::bail!("OLD: {why}"),
        (_, Some(why)) if is_path(new) => anyhow::bail!("NEW: {why}"),
        _ if report.old.workloads + report.new.workloads == 0 => anyhow::bail!(
            "no pods or workloads on either side: give the workloads with the policies to see what \
             the policies change"
        ),
        _ => Ok(()),
    }
}

// --- what is said

/// Says what neither side counts, and of which side findings are.
fn remark(report: &DiffReport, args: &DiffArgs) {
    for (name, summary) in [("old", &report.old), ("new", &report.new)] {
        sides::remark(name, summary, ("portcullis diff", &args.of_sides.cluster));
    }
    let hosts = text::hosts(&report.new).or_else(|| text::hosts(&report.old));
    hosts.iter().for_each(|line| output::say(line));
    if !matches!(args.output, ListForm::Text | ListForm::Md | ListForm::Json) {
        output::say(&text::diff_summary(report));
    }
}

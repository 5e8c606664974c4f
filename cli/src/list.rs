//! `portcullis list`.

use std::collections::HashSet;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use crate::args::{FailOn, InputArgs, OutputArgs, WatchArgs};
use crate::filter::{FilterArgs, check_names, check_port};
use crate::findings;
use crate::output::{self, Outcome, Output};
use crate::watch::{self, Asked};
use clap::{Args, ValueEnum};
use portcullis_engine::report::ListReport;
use portcullis_engine::report::text::{self, ListFormat, write_diff, write_list};
use portcullis_engine::{ListFilter, Session};

#[derive(Debug, Args)]
pub struct ListArgs {
    #[command(flatten)]
    pub input: InputArgs,
    /// The output format
    #[arg(long, short, value_enum, default_value = "text", help_heading = "Output")]
    pub output: ListForm,
    #[command(flatten)]
    pub say: OutputArgs,
    #[command(flatten)]
    pub watch: WatchArgs,
    #[command(flatten)]
    pub filter: FilterArgs,
    /// List each pair of workloads, also where many are treated alike
    #[arg(long, help_heading = "Output")]
    pub expand: bool,
    /// Show for each connection which rules admit it, at both ends, and where they are
    ///
    /// `explain` shows more about a single flow, also why policies that isolate an end do not
    /// admit it.
    #[arg(short, long, help_heading = "Output")]
    pub explain: bool,
    /// Exit with 1 for findings of this severity or above in the input
    #[arg(
        long,
        value_enum,
        value_name = "SEVERITY",
        default_value = "never",
        help_heading = "Exit status"
    )]
    pub fail_on: FailOn,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListForm {
    /// A line per connection
    Text,
    /// Everything, for programs
    Json,
    /// Comma-separated values
    Csv,
    /// A Markdown table
    Md,
    /// A Graphviz graph
    Dot,
    /// A Mermaid flowchart
    Mermaid,
}

impl ListForm {
    /// The form that the engine writes; none for JSON.
    pub fn written(self) -> Option<ListFormat> {
        Some(match self {
            Self::Text => ListFormat::Text,
            Self::Csv => ListFormat::Csv,
            Self::Md => ListFormat::Markdown,
            Self::Dot => ListFormat::Dot,
            Self::Mermaid => ListFormat::Mermaid,
            Self::Json => return None,
        })
    }
}

/// What was typed.
const COMMAND: &str = "portcullis list";

/// Lists take less than this unless nothing in them is alike.
const PATIENCE: Duration = Duration::from_secs(5);

/// More pairs than these are announced, and how long a line of text is.
const MOST_PAIRS: u64 = 1_000_000;
const BYTES_OF_A_PAIR: u64 = 75;

/// Where drawing programs give up, if nobody tells them otherwise.
const MOST_MERMAID_EDGES: usize = 500;

pub fn run(args: &ListArgs) -> anyhow::Result<Outcome> {
    check_arguments(args)?;
    let asked =
        Asked { input: &args.input, family: args.filter.family, say: args.say, watch: args.watch };
    watch::answer_and(
        &asked,
        |session, say, out| answer(args, session, (say, out)),
        |old, new, ()| Ok(differences(args, old, new)),
    )
}

/// What is opened and closed between two states; none if nothing is.
fn differences(args: &ListArgs, old: &Session, new: &Session) -> Option<String> {
    let filter = ListFilter { certain_only: false, explain: false, ..filter(args) };
    let filter = old.with_members_of_both(new, &filter);
    let report = old.diff(new, &filter);
    let format = args.output.written().unwrap_or(ListFormat::Text);
    let mut text = String::new();
    let is_json = args.output == ListForm::Json;
    let written = match is_json {
        true => serde_json::to_string(&report).map(|json| text.push_str(&json)).is_ok(),
        false => write_diff(&report, (format, output::style(args.say)), &mut text).is_ok(),
    };
    (report.is_different() && written).then_some(text)
}

fn answer(
    args: &ListArgs,
    session: &Session,
    (say, out): (OutputArgs, &mut Output),
) -> anyhow::Result<Outcome> {
    let filter = session.with_members(&filter(args));
    check_port(&filter, &[session])?;
    if args.expand && !say.quiet {
        warn_of_pairs(&session.list(&ListFilter { expand: false, ..filter.clone() }));
    }
    let mut report = while_waiting(say, || session.list(&filter));
    if let Some(why) = findings::unusable(session, &report.summary) {
        findings::say(&report.summary, COMMAND, &args.input, say);
        anyhow::bail!("{why}");
    }
    check_names(&filter, &report.endpoints)?;
    print(&mut report, args, out)?;
    if !say.quiet {
        remark(&report, args);
        session.unused_options(&[]).iter().for_each(|line| output::say(line));
    }
    findings::say(&report.summary, COMMAND, &args.input, say);
    Ok(findings::outcome(&report.summary, args.fail_on))
}

fn check_arguments(args: &ListArgs) -> anyhow::Result<()> {
    if args.explain && matches!(args.output, ListForm::Dot | ListForm::Mermaid) {
        anyhow::bail!("--explain does not work with a drawing: use -o text, json, csv or md");
    }
    args.filter.check(&args.input.more.assume)
}

/// Says after a while that it takes long, and what takes less.
fn while_waiting<T>(say: OutputArgs, work: impl FnOnce() -> T) -> T {
    let (done, is_done) = std::sync::mpsc::channel::<()>();
    if !say.quiet {
        std::thread::spawn(move || {
            if is_done.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                output::say(
                    "nearly every pair of workloads differs: this can take a minute; \
                     `--focus WHO --direction egress` asks about less",
                );
            }
        });
    }
    let result = work();
    drop(done);
    result
}

/// Says how much there is to come, where that is very much.
fn warn_of_pairs(report: &ListReport) {
    let pairs = report.pairs();
    if pairs > MOST_PAIRS {
        output::say(&format!(
            "{pairs} connections, about {} MB: without --expand there are {}",
            pairs.saturating_mul(BYTES_OF_A_PAIR) / 1_000_000,
            report.connections.len()
        ));
    }
}

fn filter(args: &ListArgs) -> ListFilter {
    ListFilter {
        certain_only: args.output != ListForm::Json,
        explain: args.explain,
        expand: args.expand,
        ..args.filter.filter(&args.input.more.assume)
    }
}

fn print(report: &mut ListReport, args: &ListArgs, out: &mut Output) -> anyhow::Result<()> {
    let Some(format) = args.output.written() else {
        return Ok(out.json(report)?);
    };
    if filter(args).has_focus() || args.filter.port.is_some() {
        keep_connected(report);
    }
    Ok(out.render(|out| write_list(report, format, out))?)
}

/// A drawing of what was asked for has no room for the rest of the cluster.
fn keep_connected(report: &mut ListReport) {
    let connections = report.connections.iter();
    let mut ends: HashSet<_> = connections.flat_map(|c| [c.from.clone(), c.to.clone()]).collect();
    let groups = report.groups.iter().filter(|group| ends.contains(&group.id));
    let members: Vec<_> = groups.flat_map(|group| group.members.clone()).collect();
    ends.extend(members);
    report.endpoints.retain(|endpoint| ends.contains(&endpoint.id));
}

/// Says what the form has no room for.
fn remark(report: &ListReport, args: &ListArgs) {
    if report.summary.policies > 0
        && args.output == ListForm::Text
        && !report.connections.is_empty()
    {
        output::say("not listed: a pod and its own node always reach each other");
    }
    text::audited(&report.summary).iter().for_each(|line| output::say(line));
    if report.connections.is_empty() {
        output::say(&nothing(report, args));
    }
    let has_notes = matches!(args.output, ListForm::Csv | ListForm::Dot | ListForm::Mermaid);
    if has_notes && !report.notes.is_empty() {
        output::say("some connections depend on what the input does not say: see `-o text`");
    }
    if args.output == ListForm::Mermaid && report.connections.len() > MOST_MERMAID_EDGES {
        output::say("Mermaid draws at most 500 arrows unless `maxEdges` is raised: try --focus");
    }
}

fn nothing(report: &ListReport, args: &ListArgs) -> String {
    if report.summary.workloads == 0 {
        return "no pods or workloads in the input".into();
    }
    if filter(args).has_focus() || args.filter.port.is_some() || args.filter.family.is_some() {
        return "no such connection is allowed".into();
    }
    if report.notes.is_empty() {
        "no connections: the policies allow no flow".into()
    } else {
        "no connection is certainly allowed".into()
    }
}

//! `portcullis list`.

use std::collections::HashSet;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use clap::{Args, ValueEnum};
use portcullis_engine::ListFilter;
use portcullis_engine::diagnostic::nearest;
use portcullis_engine::manifest::Direction;
use portcullis_engine::net::{Family, Protocol};
use portcullis_engine::report::text::{self, ListFormat, write_list};
use portcullis_engine::report::{
    ListReport, PortQuery, in_focus, parse_family, parse_protocol, parse_selector,
};
use portcullis_engine::selector::Selector;

use crate::args::{FailOn, InputArgs, OutputArgs};
use crate::output::{self, Outcome, Output};
use crate::{findings, input};

#[derive(Debug, Args)]
pub struct ListArgs {
    #[command(flatten)]
    pub input: InputArgs,
    /// The output format
    #[arg(long, short, value_enum, default_value = "text", help_heading = "Output")]
    pub output: ListForm,
    #[command(flatten)]
    pub say: OutputArgs,
    /// Only connections of these; may be repeated: NAMESPACE, NAMESPACE/NAME,
    /// NAMESPACE/KIND/NAME, a workload's NAME, an address or a range, or a group as lists write it
    #[arg(long, value_name = "WHO", help_heading = "Filter")]
    pub focus: Vec<String>,
    /// Connections of all namespaces, also with -n, which then says only where objects go that name
    /// no namespace
    #[arg(long, short = 'A', help_heading = "Filter")]
    pub all_namespaces: bool,
    /// Only connections of workloads whose pods have these labels, as `kubectl -l`, for example
    /// app=web,tier!=test or 'app in (web,db),!old'
    #[arg(long, short = 'l', value_name = "SELECTOR", value_parser = parse_selector)]
    #[arg(help_heading = "Filter")]
    pub selector: Option<Selector>,
    /// With --focus, -n or -l: only connections to them (ingress) or from them (egress)
    #[arg(long, value_enum, help_heading = "Filter")]
    pub direction: Option<FocusDirection>,
    /// Only connections that include this port, for example 5432, 53/UDP, http or 80-90
    ///
    /// Of a range some of its ports are enough. A name is that of a container's port: connections
    /// to pods are listed that include a number which the pods have under that name.
    #[arg(long, value_name = "PORT[/PROTOCOL]", value_parser = port, help_heading = "Filter")]
    pub port: Option<(Protocol, PortQuery)>,
    /// Only connections of one address family: ipv4 or ipv6
    #[arg(long, value_name = "FAMILY", value_parser = parse_family, help_heading = "Filter")]
    pub family: Option<Family>,
    /// Also list connections between pods of the same workload
    #[arg(long, help_heading = "Filter")]
    pub siblings: bool,
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

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum FocusDirection {
    Ingress,
    Egress,
}

impl From<FocusDirection> for Direction {
    fn from(direction: FocusDirection) -> Self {
        match direction {
            FocusDirection::Ingress => Self::Ingress,
            FocusDirection::Egress => Self::Egress,
        }
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
    let session = input::session_of(args.family, &args.input, args.say)?;
    let filter = session.with_members(&filter(args));
    if args.expand && !args.say.quiet {
        warn_of_pairs(&session.list(&ListFilter { expand: false, ..filter.clone() }));
    }
    let mut report = while_waiting(args.say, || session.list(&filter));
    if let Some(why) = findings::unusable(&session, &report.summary) {
        findings::say(&report.summary, COMMAND, &args.input, args.say);
        anyhow::bail!("{why}");
    }
    check_names(&filter, &report)?;
    print(&mut report, args)?;
    if !args.say.quiet {
        remark(&report, args);
        session.unused_options(&[]).iter().for_each(|line| output::say(line));
    }
    findings::say(&report.summary, COMMAND, &args.input, args.say);
    Ok(findings::outcome(&report.summary, args.fail_on))
}

fn check_arguments(args: &ListArgs) -> anyhow::Result<()> {
    if args.explain && matches!(args.output, ListForm::Dot | ListForm::Mermaid) {
        anyhow::bail!("--explain does not work with a drawing: use -o text, json, csv or md");
    }
    if args.direction.is_some() && !filter(args).has_focus() {
        anyhow::bail!("--direction says which connections of some: use it with --focus, -n or -l");
    }
    Ok(())
}

/// Refuses what names nothing of the input.
fn check_names(filter: &ListFilter, report: &ListReport) -> anyhow::Result<()> {
    if let Some(namespace) = filter.namespace.as_deref().filter(|own| !has_namespace(own, report)) {
        anyhow::bail!("{}", strange("-n", &format!("{namespace}/"), report));
    }
    if let Some(stranger) = filter.focus.iter().find(|focus| is_strange(focus, report)) {
        anyhow::bail!("{}", strange("--focus", stranger, report));
    }
    Ok(())
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

fn is_strange(focus: &str, report: &ListReport) -> bool {
    !report.endpoints.iter().any(|endpoint| in_focus(focus, endpoint))
}

fn has_namespace(namespace: &str, report: &ListReport) -> bool {
    let mut own = report.endpoints.iter().map(|endpoint| endpoint.namespace.as_deref());
    own.any(|own| own == Some(namespace))
}

fn strange(option: &str, focus: &str, report: &ListReport) -> String {
    let names = report.endpoints.iter().filter_map(|endpoint| {
        let (namespace, name) = (endpoint.namespace.as_deref()?, endpoint.name.as_deref()?);
        Some([namespace.to_owned(), name.to_owned(), format!("{namespace}/{name}")])
    });
    let names: Vec<String> = names.flatten().collect();
    let (focus, what) = match focus.strip_suffix('/') {
        Some(namespace) => (namespace, "pod or workload in namespace"),
        None => (focus, "namespace or workload"),
    };
    let meant = nearest(focus, names.iter().map(String::as_str));
    let meant = meant.map_or_else(String::new, |meant| format!(": did you mean `{meant}`?"));
    let input = if option == "--focus" { " in the input" } else { "" };
    format!("{option}: no {what} `{focus}`{input}{meant}")
}

fn filter(args: &ListArgs) -> ListFilter {
    ListFilter {
        focus: args.focus.clone(),
        namespace: args.input.namespace.clone().filter(|_| !args.all_namespaces),
        selector: args.selector.clone(),
        direction: args.direction.map(Into::into),
        port: args.port.clone(),
        certain_only: args.output != ListForm::Json,
        siblings: args.siblings,
        explain: args.explain,
        expand: args.expand,
    }
}

fn print(report: &mut ListReport, args: &ListArgs) -> anyhow::Result<()> {
    let format = match args.output {
        ListForm::Text => ListFormat::Text,
        ListForm::Csv => ListFormat::Csv,
        ListForm::Md => ListFormat::Markdown,
        ListForm::Dot => ListFormat::Dot,
        ListForm::Mermaid => ListFormat::Mermaid,
        ListForm::Json => {
            let mut out = Output::new();
            out.json(report)?;
            return Ok(out.finish()?);
        }
    };
    if filter(args).has_focus() || args.port.is_some() {
        keep_connected(report);
    }
    let mut out = Output::new();
    out.render(|out| write_list(report, format, out))?;
    Ok(out.finish()?)
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
    if filter(args).has_focus() || args.port.is_some() || args.family.is_some() {
        return "no such connection is allowed".into();
    }
    if report.notes.is_empty() {
        "no connections: the policies allow no flow".into()
    } else {
        "no connection is certainly allowed".into()
    }
}

/// What `eval` takes, and `tcp-80` and `80-tcp` as other tools write it.
fn port(text: &str) -> Result<(Protocol, PortQuery), String> {
    // `dns-tcp` is the name of a port.
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let parsed = match text.split_once('-') {
        Some((protocol, port)) if is_number(port) && parse_protocol(protocol).is_ok() => {
            PortQuery::parse(port, parse_protocol(protocol).ok())
        }
        Some((port, protocol)) if is_number(port) && parse_protocol(protocol).is_ok() => {
            PortQuery::parse(port, parse_protocol(protocol).ok())
        }
        _ => PortQuery::parse(text, None),
    };
    parsed.map(|(port, protocol)| (protocol, port)).map_err(|error| error.message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_written_in_several_ways() {
        assert_eq!(port("5432"), Ok((Protocol::Tcp, 5432.into())));
        assert_eq!(port("53/udp"), Ok((Protocol::Udp, 53.into())));
        assert_eq!(port("tcp-80"), Ok((Protocol::Tcp, 80.into())));
        assert_eq!(port("80-90"), Ok((Protocol::Tcp, PortQuery::Range(80, 90))));
        assert_eq!(port("http-web"), Ok((Protocol::Tcp, PortQuery::Name("http-web".into()))));
        for name in ["dns-tcp", "tcp-metrics"] {
            assert_eq!(port(name), Ok((Protocol::Tcp, PortQuery::Name(name.into()))));
        }
        assert_eq!(port("53-udp"), Ok((Protocol::Udp, 53.into())));
        assert!(port("0").is_err());
        assert!(port("70000").is_err());
    }
}

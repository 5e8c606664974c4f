//! `portcullis list`.

use std::collections::HashSet;

use clap::{Args, ValueEnum};
use portcullis_engine::ListFilter;
use portcullis_engine::diagnostic::nearest;
use portcullis_engine::manifest::Direction;
use portcullis_engine::net::{Family, Protocol};
use portcullis_engine::report::text::{ListFormat, write_list};
use portcullis_engine::report::{ListReport, in_focus, parse_protocol};

use crate::args::{FailOn, InputArgs, OutputArgs, parse_family};
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
    /// NAMESPACE/KIND/NAME, or a workload's NAME
    #[arg(long, value_name = "WHO", help_heading = "Filter")]
    pub focus: Vec<String>,
    /// With --focus: only connections to them (ingress) or from them (egress)
    #[arg(long, value_enum, requires = "focus", help_heading = "Filter")]
    pub direction: Option<FocusDirection>,
    /// Only connections that include this port, for example 5432 or 53/UDP
    #[arg(long, value_name = "PORT[/PROTOCOL]", value_parser = port, help_heading = "Filter")]
    pub port: Option<(Protocol, u16)>,
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

/// Where drawing programs give up, if nobody tells them otherwise.
const MOST_MERMAID_EDGES: usize = 500;

pub fn run(args: &ListArgs) -> anyhow::Result<Outcome> {
    if args.explain && matches!(args.output, ListForm::Dot | ListForm::Mermaid) {
        anyhow::bail!("--explain does not work with a drawing: use -o text, json, csv or md");
    }
    let session = input::session_of(args.family, &args.input, args.say)?;
    let mut report = session.list(&filter(args));
    if let Some(why) = findings::unusable(&session, &report.summary) {
        findings::say(&report.summary, COMMAND, &args.input, args.say);
        anyhow::bail!("{why}");
    }
    if let Some(stranger) = args.focus.iter().find(|focus| is_strange(focus, &report)) {
        anyhow::bail!("{}", strange(stranger, &report));
    }
    print(&mut report, args)?;
    if !args.say.quiet {
        remark(&report, args);
    }
    findings::say(&report.summary, COMMAND, &args.input, args.say);
    Ok(findings::outcome(&report.summary, args.fail_on))
}

fn is_strange(focus: &str, report: &ListReport) -> bool {
    !report.endpoints.iter().any(|endpoint| in_focus(focus, endpoint))
}

fn strange(focus: &str, report: &ListReport) -> String {
    let names = report.endpoints.iter().filter_map(|endpoint| {
        let (namespace, name) = (endpoint.namespace.as_deref()?, endpoint.name.as_deref()?);
        Some([namespace.to_owned(), name.to_owned(), format!("{namespace}/{name}")])
    });
    let names: Vec<String> = names.flatten().collect();
    let meant = nearest(focus, names.iter().map(String::as_str));
    let meant = meant.map_or_else(String::new, |meant| format!(": did you mean `{meant}`?"));
    format!("--focus: no namespace or workload `{focus}` in the input{meant}")
}

fn filter(args: &ListArgs) -> ListFilter {
    ListFilter {
        focus: args.focus.clone(),
        direction: args.direction.map(Into::into),
        port: args.port,
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
    if !args.focus.is_empty() || args.port.is_some() {
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
    if !args.focus.is_empty() || args.port.is_some() || args.family.is_some() {
        return "no such connection is allowed".into();
    }
    if report.notes.is_empty() {
        "no connections: the policies allow no flow".into()
    } else {
        "no connection is certainly allowed".into()
    }
}

/// `5432`, `53/UDP`, and the other way round as other tools write it.
fn port(text: &str) -> Result<(Protocol, u16), String> {
    let (number, protocol) = match text.split_once(['/', '-']) {
        None => (text, "TCP"),
        Some((number, protocol)) if number.starts_with(|c: char| c.is_ascii_digit()) => {
            (number, protocol)
        }
        Some((protocol, number)) => (number, protocol),
    };
    let protocol = parse_protocol(protocol).map_err(|error| error.to_string())?;
    match number.parse::<u16>() {
        Ok(port) if port > 0 => Ok((protocol, port)),
        _ => Err(format!("`{number}` is not a valid port: ports are 1 to 65535")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_written_in_several_ways() {
        assert_eq!(port("5432"), Ok((Protocol::Tcp, 5432)));
        assert_eq!(port("53/udp"), Ok((Protocol::Udp, 53)));
        assert_eq!(port("tcp-80"), Ok((Protocol::Tcp, 80)));
        assert!(port("0").is_err());
        assert!(port("http").is_err());
        assert!(port("70000").is_err());
    }
}

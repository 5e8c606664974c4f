//! `portcullis list`.

use portcullis_engine::ListFilter;
use portcullis_engine::diagnostic::nearest;
use portcullis_engine::report::text::{ListFormat, write_list};
use portcullis_engine::report::{ListReport, in_focus};

use crate::args::{ListArgs, ListForm};
use crate::output::{self, Outcome, Output};
use crate::{findings, input};

/// Where drawing programs give up, if nobody tells them otherwise.
const MOST_MERMAID_EDGES: usize = 500;

pub fn run(args: &ListArgs) -> anyhow::Result<Outcome> {
    if args.explain && matches!(args.output, ListForm::Dot | ListForm::Mermaid) {
        anyhow::bail!("--explain does not work with a drawing: use -o text, json, csv or md");
    }
    let session = input::session(&args.input, args.say)?;
    let mut report = session.list(&filter(args));
    if findings::is_unusable(&report.summary) {
        findings::say(&report.summary, &args.input, args.say);
        anyhow::bail!("nothing in the input could be read");
    }
    if let Some(stranger) = args.focus.iter().find(|focus| is_strange(focus, &report)) {
        anyhow::bail!("{}", strange(stranger, &report));
    }
    print(&mut report, args)?;
    if !args.say.quiet {
        remark(&report, args);
    }
    findings::say(&report.summary, &args.input, args.say);
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
    let ends: std::collections::HashSet<_> =
        connections.flat_map(|c| [c.from.clone(), c.to.clone()]).collect();
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
    if !args.focus.is_empty() || args.port.is_some() {
        return "no such connection is allowed".into();
    }
    if report.notes.is_empty() {
        "no connections: the policies allow no flow".into()
    } else {
        "no connection is certainly allowed".into()
    }
}

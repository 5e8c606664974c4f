//! `portcullis eval` and `portcullis explain`.

use std::fmt;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use portcullis_engine::Session;
use portcullis_engine::net::{Family, Protocol};
use portcullis_engine::report::text::{Style, write_chain, write_verdict};
use portcullis_engine::report::{
    FlowAnswer, FlowQuery, FlowReport, FlowResult, PortQuery, Verdict, parse_family, parse_protocol,
};

use crate::args::{FailOn, InputArgs, OutputArgs, WatchArgs};
use crate::flows::{self, Flow};
use crate::output::{self, Outcome, Output};
use crate::watch::{self, Asked};
use crate::{findings, input, junit};

#[derive(Debug, Args)]
pub struct EvalArgs {
    #[command(flatten)]
    pub input: InputArgs,
    /// The source: NAMESPACE/POD, NAMESPACE/KIND/NAME of a workload, node/NAME, an address, or
    /// NAMESPACE/{KEY=VALUE}, a pod that is not in the input
    ///
    /// A name alone is one in the namespace of -n, or else in `default`.
    ///
    /// 'monitoring/{app=prometheus}' is a pod with these labels (more behind commas, none in {}) in
    /// that namespace, if there were one. Its address, its node and the names of its ports are
    /// unknown, and so are labels of a namespace that is not in the input.
    #[arg(long, value_name = "WHO", required_unless_present = "flows", help_heading = "Flow")]
    pub from: Option<String>,
    /// The destination, as --from, or NAMESPACE/service/NAME
    #[arg(long, value_name = "WHO", required_unless_present = "flows", help_heading = "Flow")]
    pub to: Option<String>,
    /// The destination port: a number, a name or a range, for example 5432, 53/UDP, http or 80-90
    ///
    /// The pod's own port, or the Service's if --to is one. A name is a container's port, which may
    /// have another number in each pod. Of a range, there is one answer if all ports agree, else
    /// one for each part of it that differs.
    #[arg(long, value_name = "PORT[/PROTOCOL]", required_unless_present = "flows")]
    #[arg(value_parser = port_text, help_heading = "Flow")]
    pub port: Option<String>,
    /// TCP, UDP or SCTP [default: TCP, or as --port says]
    #[arg(long, value_parser = parse_protocol, help_heading = "Flow")]
    pub protocol: Option<Protocol>,
    /// Answer for one address family, where pods have addresses of both: ipv4 or ipv6
    #[arg(long, value_name = "FAMILY", value_parser = parse_family, help_heading = "Flow")]
    pub family: Option<Family>,
    /// Evaluate all flows of a file: a JSON or YAML list of {name, from, to, protocol, port, expect}
    ///
    /// `expect` is allow, deny or unknown: if a verdict is another one, it is marked, and the exit
    /// status is 1. `name`, `protocol` and `expect` may be left out. A flow that cannot be evaluated
    /// does not affect the others; the exit status is then 2.
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath, help_heading = "Flow")]
    #[arg(conflicts_with_all = ["from", "to", "port", "protocol"])]
    pub flows: Option<PathBuf>,
    /// The output format
    #[arg(long, short, value_enum, default_value = "text", help_heading = "Output")]
    pub output: FlowForm,
    #[command(flatten)]
    pub say: OutputArgs,
    #[command(flatten)]
    pub watch: WatchArgs,
    /// Exit with 1 unless this is the verdict; with --flows, the verdict of every flow for which the
    /// file expects none
    #[arg(long, value_enum, value_name = "VERDICT", help_heading = "Exit status")]
    pub expect: Option<Expect>,
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

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Expect {
    Allow,
    Deny,
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FlowForm {
    /// The verdict and what decides
    Text,
    /// Everything, for programs
    Json,
    /// JUnit's XML, a test case for each flow, for continuous integration
    Junit,
}

impl From<Expect> for Verdict {
    fn from(expect: Expect) -> Self {
        match expect {
            Expect::Allow => Self::Allow,
            Expect::Deny => Self::Deny,
            Expect::Unknown => Self::Unknown,
        }
    }
}

/// How much is said about a flow.
#[derive(Clone, Copy, Debug)]
pub enum Depth {
    /// The verdict and what decides.
    Verdict,
    /// Everything that was looked at.
    Chain,
}

impl Depth {
    fn command(self) -> &'static str {
        match self {
            Self::Verdict => "portcullis eval",
            Self::Chain => "portcullis explain",
        }
    }

    /// Writes an answer.
    pub fn write(self, report: &FlowReport, style: Style, out: &mut dyn fmt::Write) -> fmt::Result {
        match self {
            Self::Verdict => write_verdict(report, style, out),
            Self::Chain => write_chain(report, style, out),
        }
    }
}

/// The text of a port, if it is one.
fn port_text(text: &str) -> Result<String, String> {
    PortQuery::parse(text, None).map(|_| text.to_owned()).map_err(|error| error.message)
}

pub fn run(args: &EvalArgs, depth: Depth) -> anyhow::Result<Outcome> {
    if let Some(file) = &args.flows
        && input::is_stdin(file)
        && args.input.paths.iter().any(|path| input::is_stdin(path))
    {
        return Err(input::InputError::StdinTwice.into());
    }
    let flows = args.flows.as_ref().map(|file| anyhow::Ok((&**file, flows::read(file)?)));
    let flows = flows.transpose()?;
    let (family, say, watch) = (args.family, args.say, args.watch);
    let asked = Asked { input: &args.input, family, say, watch };
    watch::answer(&asked, |session, say, out| {
        let summary = session.summary();
        findings::say(&summary, depth.command(), &args.input, say);
        warn_of_slips((args, say), session);
        if let Some(why) = findings::unusable(session, &summary) {
            anyhow::bail!("{why}");
        }
        let outcome = match &flows {
            Some((file, flows)) => many((args, say), (depth, session), (file, flows), out)?,
            None => one(args, (depth, session), out)?,
        };
        Ok(outcome.max(findings::outcome(&summary, args.fail_on)))
    })
}

/// Says which options nothing asks for. Flows of a file may ask for anything.
fn warn_of_slips((args, say): (&EvalArgs, OutputArgs), session: &Session) {
    if say.quiet || args.flows.is_some() {
        return;
    }
    let ends: Vec<&str> =
        [&args.from, &args.to].into_iter().flatten().map(String::as_str).collect();
    session.unused_options(&ends).iter().for_each(|line| output::say(line));
}

fn one(
    args: &EvalArgs,
    (depth, session): (Depth, &Session),
    out: &mut Output,
) -> anyhow::Result<Outcome> {
    let (Some(from), Some(to), Some(port)) = (&args.from, &args.to, &args.port) else {
        anyhow::bail!("--from, --to and --port are required, or --flows");
    };
    let (port, protocol) = PortQuery::parse(port, args.protocol)?;
    let query = FlowQuery { from: from.clone(), to: to.clone(), protocol, port };
    let expect = args.expect.map(Verdict::from);
    let report = session.evaluate(&query).map_err(|error| error.expecting(expect))?;
    let result = FlowResult::new(None, expect, report);
    print_one(args, (depth, &result), out)?;
    Ok(Outcome::met(result.as_expected != Some(false)))
}

fn print_one(
    args: &EvalArgs,
    (depth, result): (Depth, &FlowResult),
    out: &mut Output,
) -> anyhow::Result<()> {
    match args.output {
        FlowForm::Json => out.json(&result.report)?,
        FlowForm::Text => {
            let style = output::style(args.say);
            out.render(|out| depth.write(&result.report, style, out))?;
        }
        FlowForm::Junit => {
            let answer = FlowAnswer::Given(Box::new(result.clone()));
            junit::write(&[flows::suite("flow", &[answer])], out)?;
        }
    }
    Ok(())
}

fn many(
    (args, say): (&EvalArgs, OutputArgs),
    (depth, session): (Depth, &Session),
    (file, flows): (&Path, &[Flow]),
    out: &mut Output,
) -> anyhow::Result<Outcome> {
    let expect = args.expect.map(Verdict::from);
    let answers: Vec<FlowAnswer> =
        flows.iter().cloned().map(|flow| flow.answer(session, expect)).collect();
    print_many(args, (depth, file, &answers), out)?;
    Ok(conclude((say, out), &answers))
}

fn print_many(
    args: &EvalArgs,
    (depth, file, answers): (Depth, &Path, &[FlowAnswer]),
    out: &mut Output,
) -> anyhow::Result<()> {
    match args.output {
        FlowForm::Json => out.json(&answers)?,
        FlowForm::Junit => {
            junit::write(&[flows::suite(&input::name(file), answers)], out)?;
        }
        FlowForm::Text => {
            let style = output::style(args.say);
            for (number, answer) in (1..).zip(answers) {
                out.render(|out| flows::write_answer(answer, number, (depth, style), out))?;
            }
        }
    }
    Ok(())
}

/// Says how many answers are as expected, and how many there are not.
fn conclude((say, out): (OutputArgs, &Output), answers: &[FlowAnswer]) -> Outcome {
    let expected = answers.iter().filter_map(|answer| match answer {
        FlowAnswer::Given(result) => result.as_expected,
        FlowAnswer::Refused(_) => None,
    });
    let expected: Vec<bool> = expected.collect();
    let other = expected.iter().filter(|met| !**met).count();
    if !expected.is_empty() && !say.quiet {
        let (n, of) = if other > 0 { (other, "are not") } else { (expected.len(), "are") };
        output::say(&format!("{n} of {} flows {of} as expected", expected.len()));
    }
    let refused = answers.iter().filter(|one| matches!(one, FlowAnswer::Refused(_))).count();
    if refused > 0 {
        out.say_error(&format!("{refused} of {} flows could not be evaluated", answers.len()));
        return Outcome::Unusable;
    }
    Outcome::met(other == 0)
}

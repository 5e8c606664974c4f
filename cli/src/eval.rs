//! `portcullis eval` and `portcullis explain`.

use std::fmt;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use portcullis_engine::Session;
use portcullis_engine::net::{Family, Protocol};
use portcullis_engine::report::text::{Style, write_chain, write_verdict};
use portcullis_engine::report::{FlowQuery, FlowReport, Verdict, parse_protocol};

use crate::args::{FailOn, Form, InputArgs, OutputArgs, parse_family};
use crate::flows::{self, Answer, Flow};
use crate::output::{self, Outcome, Output};
use crate::{findings, input};

#[derive(Debug, Args)]
pub struct EvalArgs {
    #[command(flatten)]
    pub input: InputArgs,
    /// The source: NAMESPACE/POD, NAMESPACE/KIND/NAME of a workload, or an address
    #[arg(long, value_name = "WHO", required_unless_present = "flows", help_heading = "Flow")]
    pub from: Option<String>,
    /// The destination, as --from, or NAMESPACE/service/NAME
    #[arg(long, value_name = "WHO", required_unless_present = "flows", help_heading = "Flow")]
    pub to: Option<String>,
    /// The destination port: the pod's own, or the Service's if --to is one
    #[arg(long, value_name = "N", required_unless_present = "flows", help_heading = "Flow")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// TCP, UDP or SCTP
    #[arg(long, default_value = "TCP", value_parser = parse_protocol, help_heading = "Flow")]
    pub protocol: Protocol,
    /// Answer for one address family, where pods have addresses of both: ipv4 or ipv6
    #[arg(long, value_name = "FAMILY", value_parser = parse_family, help_heading = "Flow")]
    pub family: Option<Family>,
    /// Evaluate all flows of a file: a JSON or YAML list of {from, to, protocol, port}
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath, help_heading = "Flow")]
    #[arg(conflicts_with_all = ["from", "to", "port", "protocol"])]
    pub flows: Option<PathBuf>,
    /// The output format
    #[arg(long, short, value_enum, default_value = "text", help_heading = "Output")]
    pub output: Form,
    #[command(flatten)]
    pub say: OutputArgs,
    /// Exit with 1 unless this is the verdict; with --flows, the verdict of every flow
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
}

impl From<Expect> for Verdict {
    fn from(expect: Expect) -> Self {
        match expect {
            Expect::Allow => Self::Allow,
            Expect::Deny => Self::Deny,
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

    fn write(self, report: &FlowReport, style: Style, out: &mut Output) -> fmt::Result {
        match self {
            Self::Verdict => write_verdict(report, style, out),
            Self::Chain => write_chain(report, style, out),
        }
    }
}

pub fn run(args: &EvalArgs, depth: Depth) -> anyhow::Result<Outcome> {
    let (session, flows) = match &args.flows {
        Some(file) => {
            if input::is_stdin(file) && args.input.paths.iter().any(|path| input::is_stdin(path)) {
                return Err(input::InputError::StdinTwice.into());
            }
            let flows = flows::read(file)?;
            (input::session_of(args.family, &args.input, args.say)?, Some(flows))
        }
        None => (input::session_of(args.family, &args.input, args.say)?, None),
    };
    let summary = session.summary();
    findings::say(&summary, depth.command(), &args.input, args.say);
    if let Some(why) = findings::unusable(&session, &summary) {
        anyhow::bail!("{why}");
    }
    let outcome = match flows {
        Some(flows) => many(args, depth, &session, flows)?,
        None => one(args, depth, &session)?,
    };
    Ok(outcome.max(findings::outcome(&summary, args.fail_on)))
}

fn one(args: &EvalArgs, depth: Depth, session: &Session) -> anyhow::Result<Outcome> {
    let (Some(from), Some(to), Some(port)) = (&args.from, &args.to, args.port) else {
        anyhow::bail!("--from, --to and --port are required, or --flows");
    };
    let query = FlowQuery { from: from.clone(), to: to.clone(), protocol: args.protocol, port };
    let report = session.evaluate(&query)?;
    let mut out = Output::new();
    match args.output {
        Form::Json => out.json(&report)?,
        Form::Text => {
            let style = output::style(args.say);
            out.render(|out| depth.write(&report, style, out))?;
        }
    }
    out.finish()?;
    Ok(expected(args, report.verdict))
}

fn many(
    args: &EvalArgs,
    depth: Depth,
    session: &Session,
    flows: Vec<Flow>,
) -> anyhow::Result<Outcome> {
    let answers: Vec<Answer> = flows.into_iter().map(|flow| flow.answer(session)).collect();
    let mut out = Output::new();
    match args.output {
        Form::Json => out.json(&answers)?,
        Form::Text => {
            let style = output::style(args.say);
            for (index, answer) in answers.iter().enumerate() {
                out.render(|out| write_answer(answer, index, (depth, style), out))?;
            }
        }
    }
    out.finish()?;
    Ok(conclude(args, &answers))
}

fn write_answer(
    answer: &Answer,
    index: usize,
    (depth, style): (Depth, Style),
    out: &mut Output,
) -> fmt::Result {
    use std::fmt::Write as _;
    if index > 0 {
        out.write_char('\n')?;
    }
    match answer {
        Answer::Given(report) => depth.write(report, style, out),
        Answer::Refused(refused) => refused.write(style, out),
    }
}

fn conclude(args: &EvalArgs, answers: &[Answer]) -> Outcome {
    let refused = answers.iter().filter(|a| matches!(a, Answer::Refused(_))).count();
    if refused > 0 {
        output::say_error(&format!("{refused} of {} flows could not be evaluated", answers.len()));
        return Outcome::Unusable;
    }
    let given = answers.iter().filter_map(|answer| match answer {
        Answer::Given(report) => Some(expected(args, report.verdict)),
        Answer::Refused(_) => None,
    });
    let outcomes: Vec<Outcome> = given.collect();
    let other = outcomes.iter().filter(|outcome| **outcome != Outcome::Answered).count();
    if other > 0 && !args.say.quiet {
        output::say(&format!("{other} of {} flows are not as expected", outcomes.len()));
    }
    outcomes.into_iter().max().unwrap_or(Outcome::Answered)
}

fn expected(args: &EvalArgs, verdict: Verdict) -> Outcome {
    match args.expect {
        Some(expect) if Verdict::from(expect) != verdict => Outcome::NotMet,
        _ => Outcome::Answered,
    }
}

//! `portcullis test`.

mod junit;

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use portcullis_engine::Session;
use portcullis_engine::report::text::write_test;
use portcullis_engine::report::{ExpectationOutcome, Expectations, TestOptions, TestReport};

use crate::args::{InputArgs, MoreInputArgs, OutputArgs};
use crate::output::{self, Outcome, Output};
use crate::{findings, input};

pub const EXAMPLES: &str = "\
Examples:
  portcullis test expectations.yaml
  portcullis test --manifests deploy/ expectations.yaml
  portcullis test -o junit expectations.yaml > portcullis.xml";

pub const STATUS: &str = "\
Exit status:
  0  every expectation holds
  1  an expectation does not hold, or that is unknown
  2  unusable input or arguments, or an expectation that could not be evaluated";

#[derive(Debug, Args)]
pub struct TestArgs {
    /// Files of expectations, or `-` for standard input
    #[arg(required = true, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
    /// Manifests to test: a file or a folder, in place of those that the files name; may be repeated
    #[arg(long, value_name = "PATH", value_hint = clap::ValueHint::AnyPath)]
    #[arg(help_heading = "Input")]
    pub manifests: Vec<PathBuf>,
    #[command(flatten)]
    pub more: MoreInputArgs,
    /// The output format
    #[arg(long, short, value_enum, default_value = "text", help_heading = "Output")]
    pub output: TestForm,
    #[command(flatten)]
    pub say: OutputArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TestForm {
    /// Each expectation, and what decides where it does not hold
    Text,
    /// Everything, for programs
    Json,
    /// JUnit's XML, a test case for each expectation, for continuous integration
    Junit,
}

pub fn run(args: &TestArgs) -> anyhow::Result<Outcome> {
    let stdin = args.files.iter().chain(&args.manifests).filter(|path| input::is_stdin(path));
    if stdin.count() > 1 {
        return Err(input::InputError::StdinTwice.into());
    }
    let mut reports = Vec::new();
    for file in &args.files {
        let expectations = read(file)?;
        let session = session(args, file, &expectations)?;
        reports.push(session.test(&expectations, options(args)));
    }
    print(args, &reports)?;
    Ok(conclude(args, &reports))
}

fn options(_args: &TestArgs) -> TestOptions {
    TestOptions::default()
}

fn read(file: &Path) -> anyhow::Result<Expectations> {
    let (bytes, name) = (input::read_bytes(file)?, input::name(file));
    let Ok(text) = String::from_utf8(bytes) else {
        anyhow::bail!("{name}: not a text file: invalid UTF-8");
    };
    Ok(Expectations::read(&name, &text)?)
}

/// The manifests that are tested: those of the arguments, or else those that the file names.
fn session(
    args: &TestArgs,
    file: &Path,
    expectations: &Expectations,
) -> anyhow::Result<Session> {
    let more = args.more.clone();
    let is_given = !args.manifests.is_empty() || !more.helm.is_empty() || !more.kustomize.is_empty();
    let folder = file.parent().filter(|_| !input::is_stdin(file)).unwrap_or(Path::new(""));
    let paths: Vec<PathBuf> = match is_given {
        true => args.manifests.clone(),
        false => expectations.manifests.iter().map(|path| folder.join(path)).collect(),
    };
    if !is_given && paths.is_empty() {
        let name = input::name(file);
        anyhow::bail!("{name}: no manifests to test: write `manifests:` in it, or pass `--manifests`");
    }
    let input = InputArgs { paths, more };
    let session = input::session(&input, args.say)?;
    let summary = session.summary();
    findings::say(&summary, "portcullis test", &input, args.say);
    match findings::unusable(&session, &summary) {
        Some(why) => anyhow::bail!("{why}"),
        None => Ok(session),
    }
}

fn print(args: &TestArgs, reports: &[TestReport]) -> anyhow::Result<()> {
    let mut out = Output::new();
    match args.output {
        TestForm::Json => out.json(&reports)?,
        TestForm::Junit => junit::write(reports, &mut out)?,
        TestForm::Text => {
            let style = output::style(args.say);
            for report in reports {
                out.render(|out| write_test(report, style, out))?;
            }
        }
    }
    Ok(out.finish()?)
}

/// Says how many expectations hold.
fn conclude(args: &TestArgs, reports: &[TestReport]) -> Outcome {
    let count = |outcome| reports.iter().map(|report| report.count(outcome)).sum::<usize>();
    let [holds, fails, invalid] =
        [ExpectationOutcome::Holds, ExpectationOutcome::Fails, ExpectationOutcome::Invalid]
            .map(count);
    let all = holds + fails + invalid;
    if !args.say.quiet {
        match fails {
            0 => output::say(&format!("{holds} of {all} expectations hold")),
            fails => output::say(&format!("{fails} of {all} expectations do not hold")),
        }
    }
    if invalid > 0 {
        output::say_error(&format!("{invalid} of {all} expectations could not be evaluated"));
        return Outcome::Unusable;
    }
    Outcome::met(fails == 0)
}

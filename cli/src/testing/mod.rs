//! `portcullis test`.

mod junit;

use std::fmt::{self, Write as _};
use std::path::{Component, Path, PathBuf};

use clap::{Args, ValueEnum};
use portcullis_engine::Session;
use portcullis_engine::report::text::{
    Style, write_coverage, write_mutants, write_suggestions, write_test,
};
use portcullis_engine::report::{ExpectationOutcome, Expectations, TestOptions, TestReport, sarif};

use crate::args::{InputArgs, MoreInputArgs, OutputArgs, WatchArgs};
use crate::output::{self, Outcome, Output};
use crate::watch::{self, Asked};
use crate::{findings, input};

pub const EXAMPLES: &str = "\
Examples:
  portcullis test expectations.yaml
  portcullis test --manifests deploy/ expectations.yaml
  portcullis test --coverage --mutants expectations.yaml
  portcullis test --suggest expectations.yaml >> expectations.yaml
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
    /// Say which rules of which policies decide an expectation, and which decide none
    #[arg(long, help_heading = "What is not tested")]
    pub coverage: bool,
    /// Change each policy in small ways, and list the changes that no expectation notices
    ///
    /// Policies, directions, rules, peers and ports removed, rules for any peer or any port,
    /// selectors with a requirement less, and the actions of cluster policies turned around.
    #[arg(long, help_heading = "What is not tested")]
    pub mutants: bool,
    /// Print only expectations that notice what no other does, as YAML to append to the file
    #[arg(long, help_heading = "What is not tested")]
    #[arg(conflicts_with_all = ["coverage", "mutants"])]
    pub suggest: bool,
    /// The output format
    #[arg(long, short, value_enum, default_value = "text", help_heading = "Output")]
    pub output: TestForm,
    #[command(flatten)]
    pub say: OutputArgs,
    #[command(flatten)]
    pub watch: WatchArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TestForm {
    /// Each expectation, and what decides where it does not hold
    Text,
    /// Everything, for programs
    Json,
    /// JUnit's XML, a test case for each expectation, for continuous integration
    Junit,
    /// Expectations that do not hold on their lines, as code scanning shows them
    Sarif,
}

/// A file and what became of it.
struct Tested<'e> {
    expectations: &'e Expectations,
    report: TestReport,
}

pub fn run(args: &TestArgs) -> anyhow::Result<Outcome> {
    let stdin = args.files.iter().chain(&args.manifests).filter(|path| input::is_stdin(path));
    if stdin.count() > 1 {
        return Err(input::InputError::StdinTwice.into());
    }
    let read = args.files.iter().map(|file| read(file)).collect::<anyhow::Result<Vec<_>>>()?;
    if args.watch.watch {
        let input = InputArgs { paths: args.manifests.clone(), more: args.more.clone() };
        let asked = Asked { input: &input, family: None, say: args.say, watch: args.watch };
        return watch::answer(&asked, |session, say, out| {
            let session = usable(session.clone(), &input, say)?;
            answer(args, read.iter().map(|one| (one, session.clone())), (say, out))
        });
    }
    let given = given(args)?;
    let mut sessions = Vec::new();
    for (file, expectations) in args.files.iter().zip(&read) {
        sessions.push(match &given {
            Some(given) => given.clone(),
            None => of_file(args, file, expectations)?,
        });
    }
    let mut out = Output::new();
    let outcome = answer(args, read.iter().zip(sessions), (args.say, &mut out))?;
    out.finish()?;
    Ok(outcome)
}

/// Holds sessions against the expectations of files.
fn answer<'e>(
    args: &TestArgs,
    all: impl Iterator<Item = (&'e Expectations, Session)>,
    (say, out): (OutputArgs, &mut Output),
) -> anyhow::Result<Outcome> {
    let tested: Vec<Tested<'e>> = all
        .map(|(expectations, session)| {
            let report = session.test(expectations, options(args));
            Tested { expectations, report }
        })
        .collect();
    print(args, &tested, out)?;
    let reports: Vec<&TestReport> = tested.iter().map(|one| &one.report).collect();
    Ok(conclude((say, out), &reports))
}

fn options(args: &TestArgs) -> TestOptions {
    let TestArgs { coverage, mutants, suggest, .. } = *args;
    TestOptions { coverage, mutants, suggest }
}

fn read(file: &Path) -> anyhow::Result<Expectations> {
    let (bytes, name) = (input::read_bytes(file)?, input::name(file));
    let Ok(text) = String::from_utf8(bytes) else {
        anyhow::bail!("{name}: not a text file: invalid UTF-8");
    };
    Ok(Expectations::read(&name, &text)?)
}

/// What the arguments say is tested, if they do.
fn given(args: &TestArgs) -> anyhow::Result<Option<Session>> {
    let MoreInputArgs { helm, kustomize, cluster, .. } = &args.more;
    let is_given = !args.manifests.is_empty()
        || !helm.is_empty()
        || !kustomize.is_empty()
        || cluster.is_wanted();
    is_given.then(|| session(args, args.manifests.clone())).transpose()
}

/// The manifests that a file of expectations names.
fn of_file(args: &TestArgs, file: &Path, expectations: &Expectations) -> anyhow::Result<Session> {
    let folder = file.parent().filter(|_| !input::is_stdin(file)).unwrap_or(Path::new(""));
    let named = expectations.manifests.iter().map(|path| beside(folder, path));
    let paths: Vec<PathBuf> = named.collect();
    if paths.is_empty() {
        let name = input::name(file);
        anyhow::bail!(
            "{name}: no manifests to test: write `manifests:` in it, or pass `--manifests`"
        );
    }
    session(args, paths)
}

fn session(args: &TestArgs, paths: Vec<PathBuf>) -> anyhow::Result<Session> {
    let input = InputArgs { paths, more: args.more.clone() };
    usable(input::session(&input, args.say)?, &input, args.say)
}

/// A session, with what is to be said of it.
fn usable(session: Session, input: &InputArgs, say: OutputArgs) -> anyhow::Result<Session> {
    let summary = session.summary();
    findings::say(&summary, "portcullis test", input, say);
    match findings::unusable(&session, &summary) {
        Some(why) => anyhow::bail!("{why}"),
        None => Ok(session),
    }
}

/// A path from a folder, without `x/..` where that is the same.
fn beside(folder: &Path, path: &str) -> PathBuf {
    let whole = folder.join(path);
    let mut short = PathBuf::new();
    for part in whole.components() {
        let is_up = part == Component::ParentDir;
        let last = short.components().next_back();
        match last {
            Some(Component::Normal(_)) if is_up => drop(short.pop()),
            _ => short.push(part),
        }
    }
    let same = std::fs::canonicalize(&whole).ok().zip(std::fs::canonicalize(&short).ok());
    if same.is_some_and(|(one, other)| one == other) { short } else { whole }
}

fn print(args: &TestArgs, tested: &[Tested<'_>], out: &mut Output) -> anyhow::Result<()> {
    let reports: Vec<&TestReport> = tested.iter().map(|one| &one.report).collect();
    match args.output {
        TestForm::Json => out.json(&reports)?,
        TestForm::Sarif => out.json(&sarif::of_tests(&reports))?,
        TestForm::Junit => {
            let suites: Vec<_> = reports.iter().map(|report| junit::suite(report)).collect();
            crate::junit::write(&suites, out)?;
        }
        TestForm::Text => {
            let style = output::style(args.say);
            for one in tested {
                out.render(|out| print_one(args, one, style, out))?;
            }
        }
    }
    Ok(())
}

fn print_one(args: &TestArgs, one: &Tested<'_>, style: Style, out: &mut Output) -> fmt::Result {
    let Tested { expectations, report } = one;
    if let Some(mutants) = report.mutants.as_ref().filter(|_| args.suggest) {
        let indent = expectations.indent.unwrap_or_default();
        return write_suggestions(mutants, indent, out);
    }
    write_test(report, style, out)?;
    if let Some(coverage) = &report.coverage {
        out.write_char('\n')?;
        write_coverage(coverage, style, out)?;
    }
    if let Some(mutants) = &report.mutants {
        out.write_char('\n')?;
        write_mutants(mutants, style, out)?;
    }
    Ok(())
}

/// Says how many expectations hold.
fn conclude((say, out): (OutputArgs, &Output), reports: &[&TestReport]) -> Outcome {
    let count = |outcome| reports.iter().map(|report| report.count(outcome)).sum::<usize>();
    let [holds, fails, invalid] =
        [ExpectationOutcome::Holds, ExpectationOutcome::Fails, ExpectationOutcome::Invalid]
            .map(count);
    let all = holds + fails + invalid;
    if !say.quiet {
        match fails {
            0 => output::say(&format!("{holds} of {all} expectations hold")),
            fails => output::say(&format!("{fails} of {all} expectations do not hold")),
        }
    }
    if invalid > 0 {
        out.say_error(&format!("{invalid} of {all} expectations could not be evaluated"));
        return Outcome::Unusable;
    }
    Outcome::met(fails == 0)
}

//! The literate cases, through the command: every answer is what a user at a terminal gets.
//!
//! Words after `--` choose files or sections, as with `cases_engine`.

use std::error::Error;
use std::fs;
use std::io::{Write, stdout};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::thread;

use portcullis_tests::cases::{
    Answers, Case, CaseFile, Failure, Tally, filtered, judge, read_cases, report, root,
};
use serde::de::DeserializeOwned;

/// Processes at a time.
const AT_ONCE: usize = 2;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.iter().any(|word| word == "--list") {
        return Ok(ExitCode::SUCCESS);
    }
    let words: Vec<String> = words.into_iter().filter(|word| !word.starts_with('-')).collect();
    let files = filtered(read_cases()?, &words);
    let cases: Vec<&Case> = files.iter().flat_map(|file| &file.cases).collect();
    let tally = Tally {
        cases: cases.len(),
        expectations: cases.iter().map(|case| case.expectations.len()).sum(),
        failures: run_all(&command()?, &files, &cases),
    };
    let (text, code) = report("command", &tally);
    stdout().write_all(text.as_bytes())?;
    Ok(code)
}

/// The command, built from the sources as they are.
fn command() -> Result<PathBuf, Box<dyn Error>> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // The command's own tests need it too, and so it is built as for all tests: asked for by its
    // package, it would be compiled once more with everything that it is made of, as packages of the
    // workspace together have more features.
    let build = ["test", "--workspace", "--no-run", "--quiet", "--test", "command"];
    cargo.args(build).args(["--message-format", "json"]);
    let built = cargo.current_dir(root()).output()?;
    if !built.status.success() {
        return Err(String::from_utf8_lossy(&built.stderr).into());
    }
    let messages = String::from_utf8(built.stdout)?;
    let mut executables = messages.lines().filter_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let is_command = message.pointer("/target/kind/0")? == "bin";
        message.get("executable").filter(|_| is_command)?.as_str().map(PathBuf::from)
    });
    executables.next_back().ok_or_else(|| "cargo built no command".into())
}

fn run_all(command: &Path, files: &[CaseFile], cases: &[&Case]) -> Vec<Failure> {
    let mut failures: Vec<Failure> =
        files.iter().flat_map(|file| file.problems.iter().cloned()).collect();
    let share = cases.len().div_ceil(AT_ONCE).max(1);
    thread::scope(|scope| {
        let shares = cases.chunks(share).enumerate().map(|(number, cases)| {
            let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cases-{number}"));
            scope.spawn(move || cases.iter().flat_map(|case| run(command, &folder, case)).collect())
        });
        let shares: Vec<thread::ScopedJoinHandle<'_, Vec<Failure>>> = shares.collect();
        for share in shares {
            failures.extend(share.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
    });
    failures
}

fn run(command: &Path, folder: &Path, case: &Case) -> Vec<Failure> {
    match answers(command, folder, case) {
        Ok(answers) => judge(case, &answers),
        Err(error) => vec![Failure::new(case, case.line, "an answer", &error.to_string())],
    }
}

fn answers(command: &Path, folder: &Path, case: &Case) -> Result<Answers, Box<dyn Error>> {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder.join("input"))?;
    for input in &case.inputs {
        fs::write(folder.join("input").join(&input.name), &input.text)?;
    }
    fs::write(folder.join("flows.json"), serde_json::to_string(&case.flows)?)?;
    let ask = Ask { command, folder: folder.join("input"), case };
    let lines = ask.text(&["list", "--all-namespaces", "--expand", "--quiet"])?;
    Ok(Answers {
        check: ask.json(&["check", "-o", "json"])?,
        list: ask.json(&["list", "--all-namespaces", "--expand", "-o", "json"])?,
        lines: Some(lines.lines().map(str::to_owned).collect()),
        // A file without flows is an error.
        flows: match case.flows.is_empty() {
            true => Vec::new(),
            false => ask.json(&["eval", "-o", "json", "--flows", "../flows.json"])?,
        },
    })
}

struct Ask<'a> {
    command: &'a Path,
    /// Where the command runs, so that files have the names that the case gives them.
    folder: PathBuf,
    case: &'a Case,
}

impl Ask<'_> {
    fn json<T: DeserializeOwned>(&self, words: &[&str]) -> Result<T, Box<dyn Error>> {
        let text = self.text(words)?;
        serde_json::from_str(&text).map_err(|error| {
            let start: String = text.chars().take(200).collect();
            format!("{}: {error} in {start}", words.join(" ")).into()
        })
    }

    fn text(&self, words: &[&str]) -> Result<String, Box<dyn Error>> {
        let files = self.case.inputs.iter().map(|input| &input.name);
        let output = Command::new(self.command)
            .args(words)
            .args(match words {
                ["check", ..] => self.case.options.arguments(),
                _ => self.case.options.arguments_of_questions(),
            })
            .args(files)
            .current_dir(&self.folder)
            .env("NO_COLOR", "1")
            .output()?;
        if output.stdout.is_empty() && !output.status.success() {
            let error = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{}: {error}", words.join(" ")).into());
        }
        Ok(String::from_utf8(output.stdout)?)
    }
}

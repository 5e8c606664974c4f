//! Lets a program in another language run the cases, without knowing what expectations mean:
//!
//! - `portcullis-cases questions` prints the cases as JSON: input, options, flows to ask about;
//! - `portcullis-cases judge RUNNER` reads the answers to all of them, in the same order, as a
//!   JSON array, and says which expectations they do not meet.

use std::io::{Read, Write, stdin, stdout};
use std::process::ExitCode;

use portcullis_tests::cases::{Answers, Case, Tally, judge, read_cases, report};

type Failed = Box<dyn std::error::Error>;

fn main() -> Result<ExitCode, Failed> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["questions"] => questions(),
        ["judge", runner] => judge_answers(runner),
        _ => Err("portcullis-cases questions | judge RUNNER".into()),
    }
}

fn questions() -> Result<ExitCode, Failed> {
    let files = read_cases()?;
    let cases: Vec<&Case> = files.iter().flat_map(|file| &file.cases).collect();
    serde_json::to_writer(stdout().lock(), &cases)?;
    Ok(ExitCode::SUCCESS)
}

fn judge_answers(runner: &str) -> Result<ExitCode, Failed> {
    let mut text = String::new();
    stdin().read_to_string(&mut text)?;
    let answers: Vec<Answers> = serde_json::from_str(&text)?;
    let files = read_cases()?;
    let cases: Vec<&Case> = files.iter().flat_map(|file| &file.cases).collect();
    if answers.len() != cases.len() {
        return Err(format!("{} answers to {} cases", answers.len(), cases.len()).into());
    }
    let pairs = cases.iter().zip(&answers);
    let tally = Tally {
        cases: cases.len(),
        expectations: cases.iter().map(|case| case.expectations.len()).sum(),
        failures: pairs.flat_map(|(case, answers)| judge(case, answers)).collect(),
    };
    let (text, code) = report(runner, &tally);
    stdout().write_all(text.as_bytes())?;
    Ok(code)
}

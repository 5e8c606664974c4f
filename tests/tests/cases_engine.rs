//! The literate cases, through the engine.
//!
//! Words after `--` choose files or sections: `cargo test --test cases_engine -- 09-ports`.

use std::io::{Write, stdout};
use std::process::ExitCode;

use portcullis_tests::cases::{Answers, CaseFile, Tally, filtered, judge, read_cases, report};

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.iter().any(|word| word == "--list") {
        return Ok(ExitCode::SUCCESS);
    }
    let words: Vec<String> = words.into_iter().filter(|w| !w.starts_with('-')).collect();
    let mut tally = Tally::default();
    for file in filtered(read_cases()?, &words) {
        run(&file, &mut tally)?;
    }
    let (text, code) = report("engine", &tally);
    stdout().write_all(text.as_bytes())?;
    Ok(code)
}

fn run(file: &CaseFile, tally: &mut Tally) -> Result<(), String> {
    tally.failures.extend(file.problems.iter().cloned());
    for case in &file.cases {
        tally.cases += 1;
        tally.expectations += case.expectations.len();
        tally.failures.extend(judge(case, &Answers::of_engine(case)?));
    }
    Ok(())
}

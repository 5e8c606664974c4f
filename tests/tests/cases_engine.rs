//! The literate cases, through the engine: read afresh, and as what the case before them in the
//! file is edited into.
//!
//! Words after `--` choose files or sections: `cargo test --test cases_engine -- 09-ports`.

use std::io::{Write, stdout};
use std::process::ExitCode;

use portcullis_engine::Session;
use portcullis_tests::cases::{
    Answers, Case, CaseFile, Failure, Tally, edited, filtered, judge, read_cases, report, session,
};

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
    let mut before: Option<(&Case, Session)> = None;
    for case in &file.cases {
        tally.cases += 1;
        tally.expectations += case.expectations.len();
        let fresh = session(case)?;
        tally.failures.extend(judge(case, &Answers::of_session(&fresh, case)));
        if let Some((_, session)) = before.filter(|(other, _)| other.options == case.options) {
            tally.failures.extend(after_edit((&session, &fresh), case));
        }
        before = Some((case, fresh));
    }
    Ok(())
}

fn after_edit((before, fresh): (&Session, &Session), case: &Case) -> Vec<Failure> {
    let Some(session) = edited(before, case, fresh) else {
        return Vec::new();
    };
    let failures = judge(case, &Answers::of_session(&session, case));
    let named = failures.into_iter().map(|failure| {
        let found = format!("after an edit: {}", failure.found);
        Failure { found, ..failure }
    });
    named.collect()
}

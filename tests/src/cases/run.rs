//! What the runners have in common: choosing cases, and saying how they went.

use std::process::ExitCode;

use super::{CaseFile, Failure};

/// How cases went.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// How many cases were run.
    pub cases: usize,
    /// How many expectations they have.
    pub expectations: usize,
    /// Those that were not met, and what is wrong with the files.
    pub failures: Vec<Failure>,
}

/// Keeps the cases whose file or title contains one of `words`; none: all of them.
pub fn filtered(mut files: Vec<CaseFile>, words: &[String]) -> Vec<CaseFile> {
    if words.is_empty() {
        return files;
    }
    for file in &mut files {
        let has = |text: &str| words.iter().any(|word| text.contains(word.as_str()));
        if !has(&file.path) {
            file.cases.retain(|case| has(&case.title));
        }
        if file.cases.is_empty() {
            file.problems.clear();
        }
    }
    files.retain(|file| !file.cases.is_empty() || !file.problems.is_empty());
    files
}

/// The tally as text, ending with one line that counts.
pub fn report(runner: &str, tally: &Tally) -> (String, ExitCode) {
    let mut text: String = tally.failures.iter().map(|failure| format!("{failure}\n")).collect();
    let counts = (tally.cases, tally.expectations, tally.failures.len());
    text.push_str(&format!(
        "cases, {runner}: {} cases, {} expectations, {} not met\n",
        counts.0, counts.1, counts.2
    ));
    let code = if tally.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    (text, code)
}

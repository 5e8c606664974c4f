//! What findings about the input mean for a command that was asked something else.

use portcullis_engine::report::text::Plain;
use portcullis_engine::report::{Severity, Summary, text};

use crate::args::{FailOn, InputArgs, OutputArgs};
use crate::output::{self, Outcome};

/// `1 error and 2 warnings`; nothing if there are none.
pub fn counts(summary: &Summary) -> Option<String> {
    let parts = [count(summary.errors, "error"), count(summary.warnings, "warning")];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(" and "))
}

/// `3 workloads`; nothing for none.
pub fn count(n: u32, noun: &str) -> Option<String> {
    match n {
        0 => None,
        1 => Some(format!("1 {noun}")),
        n => Some(format!("{n} {noun}s")),
    }
}

/// Says what the answer does not count, how many findings there are and how to see them.
pub fn say(summary: &Summary, input: &InputArgs, say: OutputArgs) {
    not_judged(summary, say);
    if let (Some(counts), false) = (counts(summary), say.quiet) {
        let paths = self::paths(input);
        output::say(&format!("{counts} in the input: see `portcullis check {paths}`"));
    }
}

/// Says which objects decide traffic and are not in the answer.
pub fn not_judged(summary: &Summary, say: OutputArgs) {
    if let (Some(text), false) = (text::not_judged(&summary.not_judged), say.quiet) {
        output::say(&text);
    }
}

/// The paths as they were given.
pub fn paths(input: &InputArgs) -> String {
    // A name must not tell the terminal what to do.
    let paths = input.paths.iter().map(|path| Plain(&path.display().to_string()).to_string());
    paths.collect::<Vec<_>>().join(" ")
}

/// Whether findings fail the command.
pub fn outcome(summary: &Summary, fail_on: FailOn) -> Outcome {
    let most = [
        (Severity::Error, summary.errors),
        (Severity::Warning, summary.warnings),
        (Severity::Info, summary.infos),
    ];
    let failing =
        |(severity, count)| count > 0 && fail_on.least().is_some_and(|least| severity >= least);
    if most.into_iter().any(failing) { Outcome::NotMet } else { Outcome::Answered }
}

/// Whether nothing at all could be read for errors: then there is nothing to answer from.
pub fn is_unusable(summary: &Summary) -> bool {
    let read = summary.workloads + summary.pods + summary.nodes + summary.policies;
    let others = summary.ignored.is_empty() && summary.not_judged.is_empty();
    summary.errors > 0 && read == 0 && others
}

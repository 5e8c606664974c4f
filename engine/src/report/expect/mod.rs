//! The answer of `test`: whether flows are as a file expects, and what that leaves untested.
//!
//! `read` reads the file, `ends` finds whom its patterns mean, `plan` the questions that an
//! expectation asks, `run` the answers, which are those of `eval`. `coverage` says which rules decide
//! them; `change` makes small changes of policies, `mutants` says which of these change an answer,
//! and `suggest`, with `supposed` pods where those of the input are not sufficient, finds flows that
//! the others change.

mod change;
mod coverage;
mod ends;
mod mutants;
mod plan;
mod read;
mod run;
mod suggest;
mod supposed;
mod types;

pub(super) use change::without_rule;
pub use types::*;

use crate::session::Session;
use ends::Ends;
use run::Tested;

impl Session {
    /// Whether what a file expects is so.
    ///
    /// # Cost
    /// That of a verdict for each pair of ends that policies distinguish.
    pub fn test(&self, expectations: &Expectations, options: TestOptions) -> TestReport {
        let ends = Ends::new(self);
        let entries = &expectations.entries;
        let tested: Vec<Tested> =
            entries.iter().map(|entry| Tested::new(self, &ends, entry)).collect();
        let reports = tested.iter().zip(entries).map(|(tested, entry)| tested.report(self, entry));
        TestReport {
            file: expectations.file.clone(),
            expectations: reports.collect(),
            coverage: options.coverage.then(|| coverage::coverage(self, &tested)),
            mutants: (options.mutants || options.suggest)
                .then(|| mutants::mutants(self, &ends, &tested, options)),
            summary: self.summary(),
        }
    }
}

//! Findings as JUnit's XML: a suite for each file, a test case for each finding in it.

use portcullis_engine::Session;
use portcullis_engine::report::{CheckReport, DiagnosticReport};

use crate::args::FailOn;
use crate::junit::{Case, Fault, Suite};

/// A suite for each file that was read. A finding at or above the limit is a failure, others pass;
/// a file without findings is one test that passes.
pub fn suites(session: &Session, report: &CheckReport, fail_on: FailOn) -> Vec<Suite> {
    let file_of = |finding: &DiagnosticReport| {
        finding.location.as_ref().map(|at| at.file.to_string()).unwrap_or_default()
    };
    let case = |finding: &DiagnosticReport| case(finding, fail_on);
    let mut suites: Vec<Suite> = Vec::new();
    for finding in &report.diagnostics {
        let name = file_of(finding);
        match suites.last_mut().filter(|suite| suite.name == name) {
            Some(suite) => suite.cases.push(case(finding)),
            None => suites.push(Suite { name, cases: vec![case(finding)] }),
        }
    }
    let has_none = |name: &str| suites.iter().all(|suite| suite.name != name);
    let clean = session.files().iter().filter(|file| has_none(&file.name)).map(|file| Suite {
        name: file.name.to_string(),
        cases: vec![Case { name: "no findings".to_owned(), fault: None }],
    });
    let clean: Vec<Suite> = clean.collect();
    suites.extend(clean);
    suites.sort_by(|a, b| a.name.cmp(&b.name));
    suites
}

fn case(finding: &DiagnosticReport, fail_on: FailOn) -> Case {
    let line = finding.location.as_ref().map(|at| format!(", line {}", at.line));
    let line = line.unwrap_or_default();
    let fails = fail_on.least().is_some_and(|least| finding.severity >= least);
    let fault = fails.then(|| {
        let parts = [finding.object.as_ref().map(ToString::to_string), finding.path.clone()];
        let place = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
        let texts = [place, finding.help.clone().unwrap_or_default()];
        Fault {
            is_error: false,
            kind: finding.severity.name(),
            message: finding.message.clone(),
            text: texts.into_iter().filter(|one| !one.is_empty()).collect::<Vec<_>>().join("\n"),
        }
    });
    Case { name: format!("{} {}{line}", finding.code, finding.name), fault }
}

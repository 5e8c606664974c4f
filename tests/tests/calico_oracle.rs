//! The cases of Calico's policies, by the oracle: a second opinion on what they expect. The engine
//! is only asked whether they are valid.
#![expect(clippy::unwrap_used, clippy::panic, reason = "what goes wrong here is a failed test")]

use portcullis_engine::FlowQuery;
use portcullis_engine::report::Severity;
use portcullis_oracle::check::of_verdict;
use portcullis_oracle::cluster::{Cluster, Protocol};
use portcullis_oracle::oracle::{End, Traffic, verdict, worlds_of};
use portcullis_oracle::read;
use portcullis_tests::cases::{Answers, Case, Expect, read_cases};

/// What is read and refused; nothing is expected of its flows.
const READING: &str = "01-reading.md";

#[test]
fn the_oracle_agrees_with_the_cases() {
    let files = read_cases().unwrap().into_iter();
    let files = files.filter(|file| file.path.contains("cases/calico/"));
    let (mut asked, mut failures) = (0, Vec::new());
    for file in files.filter(|file| !file.path.ends_with(READING)) {
        assert!(file.problems.is_empty(), "{:?}", file.problems);
        for case in &file.cases {
            asked += check(case, &mut failures);
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(asked > 300, "only {asked}");
}

fn check(case: &Case, failures: &mut Vec<String>) -> u32 {
    let mut cluster = Cluster::default();
    for input in &case.inputs {
        if let Err(problem) = read::add(&mut cluster, &input.text) {
            failures.push(format!("{}:{} {}: {problem}", case.path, case.line, case.title));
            return 0;
        }
    }
    for finding in Answers::of_engine(case).unwrap().check.diagnostics {
        if finding.severity == Severity::Error {
            failures.push(format!("{}:{} {finding:?}", case.path, case.line));
        }
    }
    let mut asked = 0;
    for expectation in &case.expectations {
        let Expect::Verdict(flow, expected, ..) = &expectation.expect else { continue };
        let said = answer(&cluster, &flow.query);
        asked += 1;
        if said != Some(of_verdict(*expected)) {
            let (line, text) = (expectation.line, &expectation.text);
            failures.push(format!("{}:{line} {text}: {said:?}", case.path));
        }
    }
    asked
}

fn answer(cluster: &Cluster, query: &FlowQuery) -> Option<portcullis_oracle::oracle::Verdict> {
    let worlds = worlds_of(cluster, &end(&query.from), &end(&query.to));
    let protocol = Protocol::ALL.into_iter().find(|one| one.name() == query.protocol.name());
    let port = query.port.to_string().parse().unwrap();
    verdict(cluster, &worlds, &Traffic { protocol: protocol.unwrap(), port })
}

fn end(text: &str) -> End {
    match (text.parse(), text.split_once('/')) {
        (Ok(address), _) => End::Address(address),
        (_, Some(("node", name))) => End::Node(name.into()),
        (_, Some((namespace, name))) => End::Pod(namespace.into(), name.into()),
        _ => panic!("{text} is nobody"),
    }
}

/// §3: what the grammar has not.
#[test]
fn texts_that_are_no_expressions() {
    for text in [
        "a = \"x1\"",
        "a == x1",
        "has (a)",
        "a inx",
        "a == 'é",
        "(a == 'b'",
        "a == 'b' c",
        "&& a",
        "a == 'x'\n",
    ] {
        assert!(read::expression(text).is_err(), "{text}");
    }
    for text in
        ["a in{\"x\"}", "all( )", "has( x )", "in == 'x'", "a == 'é'", "\t", "a notin {'x',}"]
    {
        assert!(read::expression(text).is_ok(), "{text}");
    }
}

//! What a real API server said about policies, and what the engine says about them.
//!
//! `tests/fixtures/apiserver.json` and `clusternetworkpolicy.json` hold the observations in our own
//! short form; `make record-apiserver` makes them anew.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "test code: a fixture of another shape should stop the test where it is read"
)]

mod calico;
mod cluster;
mod differences;
mod engine;
mod objects;

use std::collections::BTreeSet;

use engine::agrees;
use portcullis_tests::apiserver::{Observation, Outcome};
use portcullis_tests::cases::root;

fn fixture() -> Vec<Observation> {
    let path = root().join("tests/fixtures/apiserver.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn the_engine_agrees_with_the_server() {
    let observations = fixture();
    let (mut failures, mut differences) = (Vec::new(), 0);
    for one in &observations {
        match (agrees(one), differences::reason(one)) {
            (Ok(()), None) => {}
            (Err(_), Some(_)) => differences += 1,
            (Ok(()), Some(why)) => failures.push(format!("agrees, although {why}: {one:?}")),
            (Err(why), None) => {
                failures.push(format!("{}: {}: {why}", one.case, one.text.manifest()));
            }
        }
    }
    println!("{} manifests, {differences} differ on purpose", observations.len());
    assert!(failures.is_empty(), "{} differ\n{}", failures.len(), failures.join("\n"));
    assert_eq!(differences::stale(&observations), Vec::<&str>::new());
}

/// Every kind of outcome is there often, so that the test above says something.
#[test]
fn the_fixture_has_every_outcome() {
    let observations = fixture();
    let count = |of: fn(&Outcome) -> bool| {
        observations.iter().map(|one| &one.outcome).filter(|outcome| of(outcome)).count()
    };
    assert!(count(|outcome| matches!(outcome, Outcome::Stored(_))) > 400);
    assert!(count(|outcome| matches!(outcome, Outcome::Undecodable(_))) > 300);
    assert!(count(|outcome| matches!(outcome, Outcome::Invalid(_))) > 500);
    assert!(count(|outcome| matches!(outcome, Outcome::Strict(_))) > 30);
}

/// Nothing is asked twice.
#[test]
fn the_observations_are_distinct() {
    let observations = fixture();
    let questions: BTreeSet<_> =
        observations.iter().map(|one| (one.text.manifest(), one.strict)).collect();
    assert_eq!(questions.len(), observations.len());
}

//! What a real API server said about 115 policies, and what the engine says about them.
//!
//! `tests/fixtures/apiserver.json` holds the observations in our own short form. Where the raw
//! answers are at hand, they are shortened again and must give the same.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "test code: a fixture of another shape should stop the test where it is read"
)]

mod engine;
mod observation;
mod server;

use std::path::PathBuf;

use engine::agrees;
use observation::{Observation, Outcome};
use portcullis_tests::cases::root;
use serde_json::Value;
use server::shorten;

fn fixture_path() -> PathBuf {
    root().join("tests/fixtures/apiserver.json")
}

fn fixture() -> Vec<Observation> {
    let text = std::fs::read_to_string(fixture_path()).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn the_fixture_is_what_the_server_said() {
    let raw = root().join("../shared/data/apiserver/networkpolicy-1.34.4.json");
    let Ok(text) = std::fs::read_to_string(&raw) else {
        println!("skipped: the server's own answers are not at hand");
        return;
    };
    let raw: Vec<Value> = serde_json::from_str(&text).unwrap();
    let found: Vec<Observation> = raw.iter().map(shorten).collect();
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        let lines: Vec<String> =
            found.iter().map(|one| serde_json::to_string(one).unwrap()).collect();
        std::fs::write(fixture_path(), format!("[\n{}\n]\n", lines.join(",\n"))).unwrap();
    }
    assert_eq!(found.len(), 115);
    assert_eq!(found, fixture());
}

#[test]
fn the_engine_agrees_with_the_server() {
    let observations = fixture();
    let failures: Vec<String> = observations
        .iter()
        .filter_map(|observation| Some((observation, agrees(observation).err()?)))
        .map(|(observation, why)| format!("{}: {}: {why}", observation.case, observation.spec))
        .collect();
    println!("{} policies, {} differ", observations.len(), failures.len());
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

/// Every kind of outcome is there, so that the test above says something.
#[test]
fn the_fixture_has_every_outcome() {
    let observations = fixture();
    let count = |of: fn(&Outcome) -> bool| {
        let outcomes = observations.iter().map(|one| &one.outcome);
        outcomes.filter(|outcome| of(outcome)).count()
    };
    let counts = [
        count(|outcome| matches!(outcome, Outcome::Stored(_))),
        count(|outcome| matches!(outcome, Outcome::Undecodable(_))),
        count(|outcome| matches!(outcome, Outcome::Invalid(_))),
    ];
    assert_eq!(counts, [44, 26, 45]);
}

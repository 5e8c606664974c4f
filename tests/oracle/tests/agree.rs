//! Engine and oracle agree: on random clusters, on every feature with every other one, and on
//! what must hold whatever the answers are. Prints what was compared.
//!
//! More by hand: `make fuzz-oracle N=20000`; fewer: `CLUSTERS=100`.

use std::io::{Write, stdout};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use portcullis_oracle::check::{
    Counts, Effort, Engine, Mismatch, PROPERTIES, audits_hold, compare, compare_with, holds,
};
use portcullis_oracle::cluster::Cluster;
use portcullis_oracle::{generate, matrix};

/// Random clusters with NetworkPolicies compared, unless `CLUSTERS` asks for another number.
const CLUSTERS: u64 = 500;
/// For so many of them, one is compared that may have policies for all namespaces too: what names
/// and nodes leave open has many more worlds, of which the oracle asks each.
const COMPARED_TO_MIXED: u64 = 40;
/// Flows of each pair that are asked one by one; all others through whole answers and the list.
const FLOWS: usize = 2;
/// For one cluster on which the properties are tried, so many are compared.
const COMPARED_TO_PROPERTY: u64 = 100;

/// For one cluster of which some policies are audited, so many are compared.
const COMPARED_TO_AUDITED: u64 = 10;

type Failures = Vec<String>;

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    if std::env::args().any(|argument| argument == "--list") {
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = String::new();
    let mut failures = random_clusters(&mut text);
    failures.extend(features(&mut text));
    failures.extend(properties(&mut text));
    failures.extend(audits(&mut text));
    let mut out = stdout().lock();
    for failure in failures.iter().take(10) {
        writeln!(out, "{failure}\n")?;
    }
    writeln!(out, "{text}oracle: {} disagreements", failures.len())?;
    Ok(if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn clusters() -> u64 {
    let asked = std::env::var("CLUSTERS").ok();
    asked.and_then(|number| number.parse().ok()).unwrap_or(CLUSTERS)
}

/// Does something for many numbers on two threads, and gathers what it says.
fn on_two_threads<T: Send>(numbers: u64, run: impl Fn(u64) -> T + Sync) -> Vec<T> {
    // Some take far longer than others: each thread takes the next one.
    let next = AtomicU64::new(0);
    let share = || {
        let numbers = std::iter::from_fn(|| {
            Some(next.fetch_add(1, Ordering::Relaxed)).filter(|number| *number < numbers)
        });
        numbers.map(|number| (number, run(number))).collect::<Vec<(u64, T)>>()
    };
    let mut all = thread::scope(|scope| {
        let other = scope.spawn(share);
        let mut all = share();
        all.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        all
    });
    all.sort_by_key(|(number, _)| *number);
    all.into_iter().map(|(_, said)| said).collect()
}

fn failure(what: &str, mismatch: &Mismatch) -> String {
    format!("{what}: {mismatch}")
}

fn random_clusters(text: &mut String) -> Failures {
    let plain = (clusters(), "NetworkPolicies", generate::cluster as fn(u64) -> Cluster);
    let mixed = (clusters() / COMPARED_TO_MIXED, "mixed policies", generate::mixed as _);
    let mut failures = Vec::new();
    for (clusters, what, generate) in [plain, mixed] {
        let results = on_two_threads(clusters, |seed| {
            let effort = Effort { seed, flows_per_pair: FLOWS };
            compare(&generate(seed), effort)
                .map_err(|mismatch| failure(&format!("seed {seed}, {what}"), &mismatch))
        });
        let mut total = Counts::default();
        results.iter().flatten().for_each(|counts| total.add(counts));
        text.push_str(&format!("oracle: {clusters} random clusters, {what}: {total}\n"));
        failures.extend(results.into_iter().filter_map(Result::err));
    }
    failures
}

fn features(text: &mut String) -> Failures {
    let cases: Vec<_> = matrix::cases().into_iter().chain(matrix::tiered::cases()).collect();
    let results = on_two_threads(cases.len() as u64, |n| {
        let case = usize::try_from(n).ok().and_then(|n| cases.get(n));
        let Some(case) = case else { return (Vec::new(), None) };
        // The list has every pair and port of a case; of some the flows are asked one by one too.
        let flows_per_pair = usize::from(n % 8 == 0);
        let result = read(case, n)
            .and_then(|engine| compare_with(&engine, Effort { seed: n, flows_per_pair }));
        let failed = result.err().map(|mismatch| failure(&case.tags.join(", "), &mismatch));
        (case.tags.clone(), failed)
    });
    let passed: Vec<_> =
        results.iter().map(|(tags, fail)| (tags.clone(), fail.is_none())).collect();
    for (tag, (all, good)) in matrix::table(&passed) {
        text.push_str(&format!("  {good:4} of {all:4} cases agree  {tag}\n"));
    }
    text.push_str(&format!("oracle: {} cases of features\n", cases.len()));
    results.into_iter().filter_map(|(_, failed)| failed).collect()
}

/// At once, or as a change of what was there before.
fn read(case: &matrix::Case, seed: u64) -> Result<Engine<'_>, Mismatch> {
    match &case.before {
        Some(before) => Engine::after(before, &case.cluster, seed),
        None => Engine::new(&case.cluster, seed),
    }
}

/// Policies that are only audited.
fn audits(text: &mut String) -> Failures {
    let results = on_two_threads(clusters() / COMPARED_TO_AUDITED, |seed| {
        audits_hold(&generate::mixed(seed), seed)
            .map_err(|mismatch| failure(&format!("seed {seed}"), &mismatch))
    });
    let tried = results.iter().filter(|result| matches!(result, Ok(true))).count();
    text.push_str(&format!("oracle: {tried} clusters: audited policies decide nothing\n"));
    results.into_iter().filter_map(Result::err).collect()
}

fn properties(text: &mut String) -> Failures {
    let mut failures = Vec::new();
    for property in PROPERTIES {
        let results = on_two_threads(clusters() / COMPARED_TO_PROPERTY, |seed| {
            holds(&property, &generate::mixed(seed), seed)
                .map_err(|mismatch| failure(&format!("seed {seed}"), &mismatch))
        });
        let tried = results.iter().filter(|result| matches!(result, Ok(true))).count();
        text.push_str(&format!("oracle: {tried} clusters: {}\n", property.name));
        failures.extend(results.into_iter().filter_map(Result::err));
    }
    failures
}

//! The tests, and what runs them.

mod agent;
mod apiserver;
mod audited;
mod basics;
mod budgets;
mod calico;
mod clusters;
mod cuts;
mod defects;
mod escape;
mod expected;
mod flannel;
mod guard;
mod hosts;
mod life;
mod metrics;
mod node;
mod nodes;
mod obstacles;
mod proxy;
mod refusals;
mod reloads;
mod reports;
mod robust;
mod scenario;
mod services;
mod sets;
mod settings;
mod tables;
mod tags;
mod talk;
mod tiers;
mod typos;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use portcullis_agent::kernel::iptables::{Backend, Iptables};

/// A test: its name, and what panics if it fails.
type Test = (&'static str, fn());

/// All of it.
pub fn main() -> ExitCode {
    let words: Vec<_> = std::env::args_os().collect();
    if words.get(1).is_some_and(|word| word == agent::WORD) {
        return portcullis_agent::run(&words[1..]);
    }
    if let Some(reason) = obstacle() {
        println!("packets: skipped: {reason}");
        return ExitCode::SUCCESS;
    }
    let stale = portcullis_packets::namespace::remove_stale();
    if stale > 0 {
        println!("packets: removed {stale} namespaces of runs that were killed");
    }
    let names: Vec<String> = std::env::args().skip(1).filter(|w| !w.starts_with('-')).collect();
    let apiserver = match apiserver::obstacle() {
        Some(reason) => {
            println!("packets: skipped: tests with an API server: {reason}");
            &[]
        }
        None => apiserver::TESTS,
    };
    let tests = [
        basics::TESTS,
        budgets::TESTS,
        tables::TESTS,
        clusters::TESTS,
        cuts::TESTS,
        life::TESTS,
        talk::TESTS,
        settings::TESTS,
        sets::TESTS,
        expected::TESTS,
        audited::TESTS,
        metrics::TESTS,
        guard::TESTS,
        escape::TESTS,
        tags::TESTS,
        typos::TESTS,
        defects::TESTS,
        refusals::TESTS,
        obstacles::TESTS,
        node::TESTS,
        nodes::TESTS,
        services::TESTS,
        flannel::TESTS,
        reloads::TESTS,
        reports::TESTS,
        robust::TESTS,
        tiers::TESTS,
        calico::TESTS,
        hosts::TESTS,
        apiserver,
    ]
    .concat();
    let chosen =
        |test: &&Test| names.is_empty() || names.iter().any(|name| test.0.contains(&**name));
    let code = run(&tests.iter().filter(chosen).copied().collect::<Vec<_>>());
    apiserver::close();
    code
}

/// Why nothing can be tested here.
fn obstacle() -> Option<String> {
    if !portcullis_packets::is_root() {
        return Some("needs root".into());
    }
    let tools = [Backend::Nft, Backend::Legacy].map(|backend| Iptables::find(Some(backend)));
    tools.into_iter().find_map(Result::err).map(|error| format!("{error}: run `make setup`"))
}

/// Does work for every number up to `count`, several at a time: most of it is waiting for the
/// kernel to make and remove namespaces. What fails is told by `name`.
fn in_parallel<T: Send>(
    count: usize,
    work: impl Fn(usize) -> T + Sync,
    name: impl Fn(usize) -> String + Sync,
) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let one = || {
        let mut results = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= count {
                return results;
            }
            let result = catch_unwind(AssertUnwindSafe(|| work(at)));
            results.push(result.unwrap_or_else(|_| panic!("in {}", name(at))));
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(one)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

fn run(tests: &[Test]) -> ExitCode {
    let mut failed = Vec::new();
    for (name, test) in tests {
        let start = Instant::now();
        let result = catch_unwind(test);
        let word = if result.is_ok() { "ok" } else { "FAILED" };
        println!("packets: {word:<6} {:>6.1} s  {name}", start.elapsed().as_secs_f64());
        failed.extend(result.is_err().then_some(*name));
    }
    println!("packets: {} passed, {} failed {failed:?}", tests.len() - failed.len(), failed.len());
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

//! Engine and oracle agree on random clusters with Calico's policies, as soon as the engine
//! evaluates them: until then nothing is compared, and every manifest is read without a finding.
//!
//! More by hand: `cargo run -p portcullis-oracle -- 1000 0 --calico`.

use portcullis_oracle::check::{Counts, Effort, Engine, compare};
use portcullis_oracle::generate;

/// Random clusters compared, unless `CALICO_CLUSTERS` asks for another number.
const CLUSTERS: u64 = 60;
/// Random clusters that are only read.
const READ: u64 = 300;

fn is_evaluated(engine: &Engine<'_>) -> bool {
    let kinds = engine.session.not_judged();
    !kinds.keys().any(|kind| kind.group.ends_with("projectcalico.org"))
}

#[test]
fn calico_agrees() {
    let asked = std::env::var("CALICO_CLUSTERS").ok();
    let clusters = asked.and_then(|number| number.parse().ok()).unwrap_or(CLUSTERS);
    let mut total = Counts::default();
    let mut failures = Vec::new();
    for seed in 0..clusters {
        let cluster = generate::calico(seed);
        match Engine::new(&cluster, seed) {
            Ok(engine) if is_evaluated(&engine) => {}
            Ok(_) => continue,
            Err(mismatch) => panic!("seed {seed}: {mismatch}"),
        }
        match compare(&cluster, Effort { seed, flows_per_pair: 2 }) {
            Ok(counts) => total.add(&counts),
            Err(mismatch) => failures.push(format!("seed {seed}: {mismatch}")),
        }
    }
    println!("oracle: {clusters} random clusters, Calico: {total}");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn manifests_are_valid() {
    for seed in 0..READ {
        let cluster = generate::calico(seed);
        if let Err(mismatch) = Engine::new(&cluster, seed) {
            panic!("seed {seed}: {mismatch}");
        }
    }
}

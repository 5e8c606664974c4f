//! Engine and oracle agree on random clusters with Calico's policies, whose manifests are read
//! without a finding.
//!
//! More by hand: `cargo run -p portcullis-oracle -- 1000 0 --calico`.

use portcullis_engine::selector::expression::parse;
use portcullis_engine::selector::{Labels, Match};
use portcullis_oracle::check::{Counts, Effort, Engine, compare};
use portcullis_oracle::cluster::calico::Expression;
use portcullis_oracle::cluster::{Cluster, Labels as Own};
use portcullis_oracle::random::Random;
use portcullis_oracle::write::Objects;
use portcullis_oracle::{generate, read};

/// Random clusters compared, unless `CALICO_CLUSTERS` asks for another number.
const CLUSTERS: u64 = 40;
/// Random clusters that are only read.
const READ: u64 = 300;

#[test]
fn calico_agrees() {
    println!("{}", agrees("Calico", generate::calico, 2));
}

#[test]
fn host_endpoints_agree() {
    println!("{}", agrees("host endpoints", generate::hosts, 3));
}

/// What was compared.
fn agrees(what: &str, generate: fn(u64) -> Cluster, flows_per_pair: usize) -> String {
    let asked = std::env::var("CALICO_CLUSTERS").ok();
    let clusters = asked.and_then(|number| number.parse().ok()).unwrap_or(CLUSTERS);
    let mut total = Counts::default();
    let mut failures = Vec::new();
    for seed in 0..clusters {
        match compare(&generate(seed), Effort { seed, flows_per_pair }) {
            Ok(counts) => total.add(&counts),
            Err(mismatch) => failures.push(format!("seed {seed}: {mismatch}")),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    format!("oracle: {clusters} random clusters, {what}: {total}")
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

/// Labels that are all known.
struct Known<'l>(&'l Own);

impl Labels for Known<'_> {
    fn value(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }
    fn hidden(&self, _: &str) -> bool {
        false
    }
}

fn expressions(cluster: &Cluster) -> Vec<&Expression> {
    let policies = cluster.calico.policies.iter();
    let mut all: Vec<&Expression> = Vec::new();
    for policy in policies {
        all.extend([&policy.selector, &policy.accounts, &policy.namespaces].into_iter().flatten());
        all.extend(
            policy.entities().flat_map(portcullis_oracle::cluster::calico::Entity::selectors),
        );
    }
    all.retain(|one| **one != Expression::Global);
    all
}

/// However an expression is written, the engine reads what was meant, and so does the oracle.
#[test]
fn expressions_mean_the_same() {
    let mut asked = 0;
    for seed in 0..READ {
        let cluster = generate::calico(seed);
        let mut random = Random::new(seed);
        let labels = || {
            let pods = cluster.pods.iter().map(|pod| &pod.labels);
            let sets = cluster.calico.sets.iter().map(|set| &set.labels);
            pods.chain(sets).chain(cluster.namespaces.iter().map(|one| &one.labels))
        };
        for expression in expressions(&cluster) {
            let text = Objects(&mut random).expression_text(expression);
            let (engine, own) = (parse(&text).unwrap(), read::expression(&text).unwrap());
            for labels in labels() {
                let expected = expression.matches(labels);
                assert_eq!(engine.matches(&Known(labels)), Match::from(expected), "{text}");
                assert_eq!(own.matches(labels), expected, "{text}");
                asked += 1;
            }
        }
    }
    println!("oracle: {asked} times an expression and labels");
}

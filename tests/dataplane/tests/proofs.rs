//! What is said of a program after any changes of the cluster is what is said of it afresh: of the
//! program made for the cluster, of the one made for the cluster before, and of spoiled ones.
//! Prints what was tried.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "test code")]

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use portcullis_dataplane_tests::change::change;
use portcullis_dataplane_tests::mutate::{mutate, mutations};
use portcullis_dataplane_tests::site::{mixed, wiring};
use portcullis_dataplane_tests::watched::{Objects, events, watched};
use portcullis_engine::Options;
use portcullis_engine::dataplane::{
    FilterProgram, Input, Lowering, Settings, Verifier, lower, verify,
};
use portcullis_engine::live::{Event, Index};
use portcullis_engine::manifest::Stored;
use portcullis_oracle::cluster::Cluster;
use portcullis_oracle::random::Random;

const NODE: &str = "n1";

/// Clusters that are changed, unless `PROOF_RUNS` says more.
const RUNS: u64 = 250;

/// A node that is kept up to date.
#[derive(Default)]
struct Node {
    lowering: Lowering,
    verifier: Verifier,
    /// The program of before.
    before: Option<FilterProgram>,
}

/// How often programs were found right and wrong.
#[derive(Debug, Default)]
struct Tally {
    right: usize,
    wrong: usize,
}

type Tallies = BTreeMap<&'static str, Tally>;

impl Node {
    fn step(&mut self, input: Input<'_>, random: &mut Random, tallies: &mut Tallies) {
        let program = self.lowering.lower(input);
        assert_eq!(program, lower(input), "made again is as made afresh");
        let mut programs = vec![("its own", program.clone())];
        programs.extend(self.before.replace(program.clone()).map(|old| ("that of before", old)));
        let kind = *random.pick(&mutations());
        programs.extend(mutate(&program, kind, random).map(|spoiled| ("spoiled", spoiled)));
        random.shuffle(&mut programs);
        for (what, program) in programs {
            let found = self.verifier.verify(&program, input);
            assert_eq!(found, verify(&program, input), "{what} ({kind})");
            assert!(found.is_ok() || what != "its own", "{found:#?}");
            let tally = tallies.entry(what).or_default();
            tally.right += usize::from(found.is_ok());
            tally.wrong += usize::from(found.is_err());
        }
    }
}

/// More pods than fit in what is shared as one.
fn crowd(cluster: &mut Cluster) {
    let Some(first) = cluster.pods.first().cloned() else { return };
    let pods = (0..200u8).map(|number| {
        let mut pod = first.clone();
        pod.name = format!("{}-{number}", first.name);
        pod.addresses = vec![Ipv4Addr::new(10, 0, 1, number).into()];
        pod.spec.node = Some(if number % 20 == 0 { NODE } else { "n2" }.into());
        pod
    });
    cluster.pods.extend(pods);
}

fn settings(seed: u64) -> Settings {
    let unknown_local = match seed % 3 {
        0 => vec!["10.0.0.0/28".parse().unwrap()],
        _ => Vec::new(),
    };
    Settings { unknown_local, ..Settings::default() }
}

#[test]
fn a_proof_that_is_kept_is_one_that_would_be_found() {
    let runs = std::env::var("PROOF_RUNS").ok().and_then(|text| text.parse().ok()).unwrap_or(RUNS);
    let (mut tallies, mut changes) = (Tallies::new(), BTreeMap::<&str, usize>::new());
    for seed in 0..runs {
        let mut random = Random::new(seed);
        let mut cluster = mixed(seed);
        if seed % 4 == 0 {
            crowd(&mut cluster);
        }
        let mut index = Index::new(Options::default());
        Stored::ALL.into_iter().for_each(|kind| {
            index.take(Event::Begin(kind));
            index.take(Event::End(kind));
        });
        let (mut known, mut node, settings) = (Objects::new(), Node::default(), settings(seed));
        for _ in 0..10 {
            let now = watched(&cluster, seed);
            events(&known, &now).into_iter().for_each(|event| index.take(event));
            known = now;
            let session = index.session();
            let wiring = wiring(random.below(4) as u64);
            let (model, policies) = (session.model(), session.policies());
            let input = Input { model, policies, node: NODE, settings: &settings, wiring: &wiring };
            node.step(input, &mut random, &mut tallies);
            for _ in 0..=random.below(3) {
                *changes.entry(change(&mut cluster, &mut random)).or_default() += 1;
            }
        }
    }
    println!("{changes:?}\n{tallies:?}");
    assert!(changes.len() > 19, "every kind of change is tried");
    assert!(tallies.values().all(|tally| tally.right > 100));
    assert!(["that of before", "spoiled"].iter().all(|what| tallies[what].wrong > 100));
}

//! What is made and checked again after a change is what is made and checked afresh, and what has
//! not changed is the very same. Prints what was tried.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "test code")]

use std::sync::Arc;

use portcullis_dataplane_tests::change::change;
use portcullis_dataplane_tests::mutate::{mutate, mutations};
use portcullis_dataplane_tests::site::{mixed, with_addresses};
use portcullis_engine::dataplane::{
    FilterProgram, Input, Lowering, Settings, UNKNOWN_WIRING, Verifier, lower, verify,
};
use portcullis_engine::{Change, Options, Session, SourceFile};
use portcullis_oracle::cluster::Cluster;
use portcullis_oracle::random::Random;
use portcullis_oracle::write;

const NODE: &str = "n1";

/// Clusters that are changed, unless `AGAIN_RUNS` says more.
const RUNS: u64 = 150;

fn changes(cluster: &Cluster, seed: u64) -> Vec<Change> {
    let files = write::files(cluster, seed);
    files.iter().map(|(name, text)| Change::Put(SourceFile::new(name, text.as_bytes()))).collect()
}

/// Chains and sets of one program that are in another as well, the very same.
fn shared(old: &FilterProgram, new: &FilterProgram) -> usize {
    let families = old.families.values().zip(new.families.values());
    let count = families.map(|(old, new)| {
        let chains = old.chains.iter().filter(|(name, chain)| {
            new.chains.get(*name).is_some_and(|one| Arc::ptr_eq(one, chain))
        });
        let sets = old
            .sets
            .iter()
            .filter(|(name, set)| new.sets.get(*name).is_some_and(|one| Arc::ptr_eq(one, set)));
        chains.count() + sets.count()
    });
    count.sum()
}

#[test]
fn again_is_as_afresh() {
    let mut random = Random::new(5);
    let (mut steps, mut kept, mut all, mut wrong) = (0, 0, 0, 0);
    let runs = std::env::var("AGAIN_RUNS").ok().and_then(|text| text.parse().ok());
    for seed in 0..runs.unwrap_or(RUNS) {
        let mut cluster = mixed(seed);
        let mut session = Session::new(Options::default());
        let (mut lowering, mut verifier) = (Lowering::default(), Verifier::default());
        // So few that pods share Admin tiers at some steps and not at others.
        let walked = if seed.is_multiple_of(3) { 20 } else { Settings::default().walked };
        let mut settings = Settings { walked, ..Settings::default() };
        let mut before: Option<FilterProgram> = None;
        for step in 0..8 {
            session = session.apply(changes(&cluster, seed));
            // Of some pods it is in doubt whether policies select or name them.
            let (model, _) = with_addresses(session.model());
            let policies = session.policies();
            let input = Input {
                model: &model,
                policies,
                node: NODE,
                settings: &settings,
                wiring: &UNKNOWN_WIRING,
            };
            let program = lowering.lower(input);
            assert_eq!(program, lower(input), "seed {seed}, step {step}");
            verifier.verify(&program, input).unwrap_or_else(|e| panic!("seed {seed}: {e:#?}"));
            let kind = *random.pick(&mutations());
            if let Some(spoiled) = mutate(&program, kind, &mut random) {
                let found = verifier.verify(&spoiled, input);
                assert_eq!(found, verify(&spoiled, input), "seed {seed}, step {step}: {kind}");
                wrong += usize::from(found.is_err());
            }
            if let Some(before) = &before {
                kept += shared(before, &program);
                all +=
                    program.families.values().map(|f| f.chains.len() + f.sets.len()).sum::<usize>();
            }
            before = Some(program);
            steps += 1;
            change(&mut cluster, &mut random);
            for pod in &mut cluster.pods {
                pod.spec.node.get_or_insert_with(|| NODE.to_owned());
            }
            if random.chance(10) {
                settings.kill_mark = settings.kill_mark.rotate_left(1);
            }
        }
    }
    println!(
        "{steps} programs, {kept} of {all} chains and sets the very same as before, {wrong} spoiled"
    );
    assert!(wrong > 100);
    assert!(kept * 4 > all * 3);
}

//! The truth tables of the cases, sent as packets.

use portcullis_engine::verdict::Verdict;
use portcullis_packets::probe::Probe;
use portcullis_tests::cases::{Case, Expect, read_cases};

use crate::Test;
use crate::scenario::{Files, KINDS, Scenario};

pub const TESTS: &[Test] = &[("the truth tables of Kubernetes' end-to-end tests", truth_tables)];

/// Every table once; how it is wired and enforced takes turns.
fn truth_tables() {
    let files = read_cases().unwrap();
    let ours = files.iter().filter(|file| file.path.contains("kubernetes-e2e"));
    let cases: Vec<&Case> = ours.flat_map(|file| &file.cases).collect();
    assert!(cases.len() >= 40, "{} cases", cases.len());
    let mut probes = 0;
    for (at, case) in cases.iter().enumerate() {
        let result = std::panic::catch_unwind(|| check(case, at));
        probes += result.unwrap_or_else(|_| panic!("in case `{}`", case.title));
    }
    println!("packets: {} cases, {probes} probes", cases.len());
}

fn check(case: &Case, at: usize) -> usize {
    let inputs = case.inputs.iter();
    let files: Files = inputs.map(|input| (input.name.clone(), input.text.clone())).collect();
    let scenario = Scenario::build(KINDS[at % KINDS.len()], &files, &[]);
    let mut probes: Vec<(Probe, bool)> = Vec::new();
    for expectation in &case.expectations {
        let Expect::Verdict(flow, verdict, ..) = &expectation.expect else { continue };
        let query = &flow.query;
        let (from, to) = (scenario.address(&query.from, false), scenario.address(&query.to, false));
        let probe = Probe { from, to, protocol: query.protocol, port: query.port };
        probes.push((probe, *verdict == Verdict::Allow));
    }
    let mut ports: Vec<u16> = probes.iter().map(|(probe, _)| probe.port).collect();
    ports.sort_unstable();
    ports.dedup();
    let _answering = scenario.answering(&ports);
    scenario.enforce();
    let (probes, expected): (Vec<Probe>, Vec<bool>) = probes.into_iter().unzip();
    scenario.expect(&probes, &expected);
    probes.len()
}

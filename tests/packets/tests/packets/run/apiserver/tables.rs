//! The truth tables, each state of which follows another one in the same cluster.

use std::collections::BTreeSet;

use portcullis_oracle::random::Random;
use portcullis_packets::probe::Probe;
use portcullis_tests::cases::{Case, read_cases};
use serde_json::Value;

use super::objects::{complete, files_of, objects_of};
use super::stage::{Stage, know, settle, together};
use super::with_server;
use crate::run::clusters::wanted;
use crate::run::scenario::{Files, KINDS, Scenario};
use crate::run::tables::{Known, flows};

/// A state, and what it lets pass.
struct State {
    title: String,
    objects: Vec<Value>,
    probes: Vec<Probe>,
    expected: Vec<bool>,
}

pub fn follow_each_other() {
    let files = read_cases().unwrap();
    let chosen = files.iter().filter(|file| file.path.contains("kubernetes-e2e"));
    let states = chosen.flat_map(|file| &file.cases).map(state);
    let mut states: Vec<State> = states.filter(|state| !state.probes.is_empty()).collect();
    // In an order in which nobody thought of them.
    let (_, seed) = wanted();
    Random::new(seed).shuffle(&mut states);
    assert!(states.len() >= 40, "{} states", states.len());
    with_server(|server| {
        let files = files_of(&states[0].objects);
        let build = |kind| Scenario::build(kind, &files, &[]);
        let mut stages = Stage::build(server, &[KINDS[0], KINDS[3]], build);
        let kubeconfig = server.kubeconfig(None);
        stages.iter_mut().for_each(|stage| stage.start_agents(&kubeconfig, &[]));
        let ports = states.iter().flat_map(|state| state.probes.iter().map(|probe| probe.port));
        let ports: Vec<u16> = ports.collect::<BTreeSet<_>>().into_iter().collect();
        let _answering = together(&stages, |stage| stage.scenario.answering(&ports));
        for (state, seed) in states.iter().zip(seed..) {
            println!("packets: API server: {}", state.title);
            let held = server.turn_into_and_mark(&state.objects, seed);
            know(&mut stages, &state.objects);
            settle(&stages, &held);
            together(&stages, |stage| stage.expect(&state.probes, &state.expected));
        }
        let probes: usize = states.iter().map(|state| state.probes.len()).sum();
        println!("packets: {} states, {} probes", states.len(), probes * stages.len());
    });
}

/// The state of a case, of which one namespace is on a node of its own.
fn state(case: &Case) -> State {
    let inputs = case.inputs.iter();
    let files: Files = inputs.map(|input| (input.name.clone(), input.text.clone())).collect();
    let mut objects = objects_of(&files);
    complete(&mut objects);
    for pod in objects.iter_mut().filter(|object| object["kind"] == "Pod") {
        if pod["metadata"]["namespace"] == "z" {
            pod["spec"]["nodeName"] = "node-2".into();
        }
    }
    let (probes, expected) = flows(case, &Known::of(case, &files_of(&objects)));
    State { title: case.title.clone(), objects, probes, expected }
}

//! Random clusters, fed through the API server while agents watch.

use portcullis_oracle::cluster::Cluster;
use portcullis_oracle::{generate, write};
use serde_json::Value;

use super::objects::{complete, files_of};
use super::server::Server;
use super::stage::{Stage, settle, together};
use super::with_server;
use crate::run::clusters::{Questions, questions, realise, wanted};
use crate::run::scenario::{KINDS, Scenario};

/// How many probes, and from which seed on, may be said in the environment.
pub fn agree() {
    with_server(|server| {
        let (wanted, mut seed) = wanted();
        let (mut sent, mut allowed, mut clusters) = (0, 0, 0);
        while sent < wanted {
            println!("packets: API server: seed {seed}");
            let (probes, passed) = check(server, seed);
            (sent, allowed) = (sent + probes, allowed + passed);
            clusters += usize::from(probes > 0);
            seed += 1;
        }
        println!("packets: {sent} probes in {clusters} clusters, {allowed} allowed, 0 wrong");
        assert!(allowed > sent / 10 && allowed < sent * 9 / 10, "nearly all the same");
    });
}

/// One cluster, after the agents have already enforced another one: how many probes were sent, and
/// how many of them were allowed.
fn check(server: &mut Server, seed: u64) -> (usize, usize) {
    let Some((cluster, outside)) = fit(seed) else { return (0, 0) };
    let before = fit(!seed).map(|(cluster, _)| objects(&cluster, !seed)).unwrap_or_default();
    let objects = objects(&cluster, seed);
    let files = files_of(&objects);
    let kind = usize::try_from(seed % 4).unwrap();
    let kinds = [KINDS[kind], KINDS[3 - kind]];
    let build = |kind| Scenario::build(kind, &files, &outside);
    let mut stages = Stage::build(server, &kinds, build);
    let before = server.turn_into_and_mark(&before, seed);
    let kubeconfig = server.kubeconfig(None);
    for stage in &mut stages {
        stage.start_agents(&kubeconfig, &[]);
    }
    // Every third time, changes come while the agents are still starting.
    if !seed.is_multiple_of(3) {
        settle(&stages, &before);
    }
    settle(&stages, &server.turn_into_and_mark(&objects, seed));
    let Questions { ports, probes, expected } = questions(&stages[0].scenario, &cluster, seed);
    together(&stages, |stage| {
        let _answering = stage.scenario.answering(&ports);
        stage.expect(&probes, &expected);
    });
    let allowed = expected.iter().filter(|allowed| **allowed).count();
    (probes.len() * stages.len(), allowed * stages.len())
}

/// The cluster of a seed, as it can be built. In an API server, every namespace is declared.
fn fit(seed: u64) -> Option<(Cluster, Vec<std::net::IpAddr>)> {
    let mut cluster = generate::mixed(seed);
    for namespace in &mut cluster.namespaces {
        namespace.declared = true;
    }
    realise(cluster, seed)
}

fn objects(cluster: &Cluster, seed: u64) -> Vec<Value> {
    let mut objects = write::objects(cluster, seed);
    complete(&mut objects);
    objects
}

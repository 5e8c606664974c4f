//! Random clusters with Calico's policies, fed through an API server that has the
//! kinds while agents watch.

use std::net::IpAddr;
use std::time::Duration;

use portcullis_oracle::cluster::Cluster;
use portcullis_oracle::cluster::calico::Group;
use portcullis_oracle::{generate, write};
use serde_json::Value;

use super::objects::{complete, files_of};
use super::server::Server;
use super::stage::{Stage, settle, together};
use crate::run::clusters::{Questions, questions, realise, wanted};
use crate::run::scenario::{KINDS, Scenario};

/// A cluster that can be built, and addresses outside of it.
type Fitting = (Cluster, Vec<IpAddr>);

/// How long what is still on its way may take.
const REST: Duration = Duration::from_millis(300);

/// How many probes, and from which seed on, may be said in the environment.
pub fn agree() {
    // Of its own: other tests expect a server without these kinds.
    let mut server = Server::start();
    server.install_calico();
    let (wanted, mut seed) = wanted();
    let (mut sent, mut clusters) = (0, 0);
    while sent < wanted {
        println!("packets: API server, Calico: seed {seed}");
        let probes = check(&mut server, seed);
        sent += probes;
        clusters += usize::from(probes > 0);
        seed += 1;
    }
    println!("packets: Calico: {sent} probes in {clusters} clusters, 0 wrong");
}

/// One cluster, after the agents have enforced another one: how many probes were sent.
fn check(server: &mut Server, seed: u64) -> usize {
    let fit = |seed| realise(generate::calico(seed), seed).map(stored);
    let Some((cluster, outside)) = fit(seed) else { return 0 };
    let before = fit(!seed).map(|(cluster, _)| objects(&cluster, !seed));
    let objects = objects(&cluster, seed);
    let files = files_of(&objects);
    let kinds = match seed / 2 % 2 {
        0 => [KINDS[0], KINDS[3]],
        _ => [KINDS[1], KINDS[2]],
    };
    let build = |kind| Scenario::build(kind, &files, &outside);
    let mut stages = Stage::build(server, &kinds, build);
    let before = server.turn_into_and_mark(&before.unwrap_or_default(), seed);
    let kubeconfig = server.kubeconfig(None);
    for stage in &mut stages {
        stage.start_agents(&kubeconfig, &["--discovery-seconds", "1"]);
    }
    if !seed.is_multiple_of(3) {
        settle(&stages, &before);
    }
    let all = server.turn_into_and_mark(&objects, seed);
    settle(&stages, &all);
    // Of Calico's kinds there are no marks: what is in force may be so by chance.
    std::thread::sleep(REST);
    settle(&stages, &all);
    let Questions { ports, probes, expected } = questions(&stages[0].scenario, &cluster, seed);
    together(&stages, |stage| {
        let _answering = stage.scenario.answering(&ports);
        stage.expect(&probes, &expected);
    });
    probes.len() * stages.len()
}

/// All objects of Calico's kinds as they are stored: what they leave out differs.
fn stored((mut cluster, outside): Fitting) -> Fitting {
    let calico = &mut cluster.calico;
    calico.policies.iter_mut().for_each(|policy| policy.group = Group::Stored);
    calico.tiers.iter_mut().for_each(|tier| tier.group = Group::Stored);
    calico.sets.iter_mut().for_each(|set| set.group = Group::Stored);
    (cluster, outside)
}

fn objects(cluster: &Cluster, seed: u64) -> Vec<Value> {
    let mut objects = write::objects(cluster, seed);
    complete(&mut objects);
    for object in &mut objects {
        if object["apiVersion"] == "projectcalico.org/v3" {
            object["apiVersion"] = "crd.projectcalico.org/v1".into();
        }
    }
    objects
}

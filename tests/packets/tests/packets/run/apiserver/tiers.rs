//! ClusterNetworkPolicies through the API server, of which the kind is installed and removed.

use portcullis_engine::net::Protocol::Tcp;
use serde_json::Value;

use super::objects::{complete, files_of, objects_of};
use super::server::{Installed, Server};
use super::stage::{Stage, know, settle, together};
use super::with_server;
use crate::run::scenario::{KINDS, Scenario};
use crate::run::tiers::{OUTSIDE, cluster, policy, probes, until, with};

fn objects(files: &crate::run::scenario::Files) -> Vec<Value> {
    let mut objects = objects_of(files);
    complete(&mut objects);
    objects
}

/// Whether `web` reaches `db` at 80, on all stages, in both families.
fn is(server: &mut Server, stages: &mut [Stage], step: (&str, &[Value], u64), passes: bool) {
    let (what, state, seed) = step;
    println!("packets: API server: {what}");
    let held = server.turn_into_and_mark(state, seed);
    know(stages, state);
    settle(stages, &held);
    check(stages, passes);
}

fn check(stages: &[Stage], passes: bool) {
    together(stages, |stage| {
        let flow = ("shop/web", "shop/db", passes);
        let (sent, expected) = probes(&stage.scenario, [(flow, Tcp, 80)].into_iter());
        stage.expect(&sent, &expected);
        stage.scenario.compare(&stage.scenario.all_probes(&[80, 81]));
    });
}

pub fn come_and_go() {
    with_server(|server| {
        let open = objects(&cluster());
        let state = |rules: &str| objects(&with(&policy("guard", "Admin", 10, rules)));
        let everybody = "from: [{namespaces: {}}]";
        let denied = state(&format!("ingress: [{{action: Deny, {everybody}}}]"));
        let accepted = state(&format!("ingress: [{{action: Accept, {everybody}}}]"));
        server.install_cluster_policies(Installed::No);
        let files = files_of(&open);
        let outside = OUTSIDE.map(|address| address.parse().unwrap());
        let build = |kind| Scenario::build(kind, &files, &outside);
        let mut stages = Stage::build(server, &[KINDS[1], KINDS[2]], build);
        let kubeconfig = server.kubeconfig(None);
        let often = ["--discovery-seconds", "1"];
        stages.iter_mut().for_each(|stage| stage.start_agents(&kubeconfig, &often));
        let answering = together(&stages, |stage| stage.scenario.answering(&[80, 81]));
        is(server, &mut stages, ("no such kind", &open, 1), true);
        for agent in stages.iter().flat_map(|stage| &stage.agents) {
            agent.wait("/readyz", "ready\n");
            agent.wait_for("ClusterNetworkPolicy is not served");
        }
        server.install_cluster_policies(Installed::Yes);
        is(server, &mut stages, ("the kind is installed", &denied, 2), false);
        is(server, &mut stages, ("an object is changed", &accepted, 3), true);
        is(server, &mut stages, ("it is changed back", &denied, 4), false);
        // The server is away, and starts: that has not removed anything.
        server.stop();
        check(&stages, false);
        server.start_again();
        is(server, &mut stages, ("the server was restarted", &denied, 5), false);
        is(server, &mut stages, ("an object is deleted", &open, 6), true);
        is(server, &mut stages, ("it is created again", &denied, 7), false);
        println!("packets: API server: the kind is removed");
        server.install_cluster_policies(Installed::No);
        is(server, &mut stages, ("it is gone", &open, 8), true);
        let told = |agent: &crate::run::agent::Running| {
            agent.complaints().matches("ClusterNetworkPolicy is not served").count() == 2
        };
        for agent in stages.iter().flat_map(|stage| &stage.agents) {
            until(|| told(agent));
        }
        drop(answering);
        server.install_cluster_policies(Installed::Yes);
    });
}

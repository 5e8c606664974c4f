//! Pods elsewhere that claim an address of a pod of the node.

use portcullis_packets::probe::Outcome;
use serde_json::{Value, json};

use super::life::{from_app, policy, shop, with};
use super::objects::{files_of, named};
use super::stage::Stage;
use super::with_server;
use crate::run::escape::wait_until;
use crate::run::life::two_flows;
use crate::run::scenario::{KINDS, Scenario};

/// The shop, in which `db` admits `web`, with blocks that have the nodes' pods.
fn blocks() -> Vec<Value> {
    let mut objects = with(&shop(), policy("db", json!([from_app("web"), from_late()])));
    for (node, block) in [("node-1", "10.0.0.0/30"), ("node-2", "10.0.0.4/30")] {
        named(&mut objects, "Node", node)["spec"] = json!({"podCIDR": block, "podCIDRs": [block]});
    }
    objects
}

/// A rule for pods with a label that no pod has at first.
fn from_late() -> Value {
    json!({"from": [{"podSelector": {"matchLabels": {"late": "yes"}}}], "ports": [{"port": 80}]})
}

/// A newer pod on another node, with the addresses of `db`.
fn thief(objects: &[Value]) -> Value {
    let mut thief = named(&mut objects.to_vec(), "Pod", "db").clone();
    thief["metadata"]["name"] = "thief".into();
    thief["metadata"]["labels"] = json!({"app": "thief"});
    thief["spec"]["nodeName"] = "node-2".into();
    thief
}

pub fn change_nothing() {
    with_server(|server| {
        for (seed, believed) in [(1, "true"), (2, "false")] {
            let objects = blocks();
            let files = files_of(&objects);
            let build = |kind| Scenario::build(kind, &files, &[]);
            let mut stages = Stage::build(server, &[KINDS[1]], build);
            server.turn_into(&objects, seed);
            let kubeconfig = server.kubeconfig(None);
            let stage = &mut stages[0];
            stage.start_agents(&kubeconfig, &["--node-pod-cidrs", believed]);
            let scenario = &stage.scenario;
            let _answering = scenario.answering(&[80]);
            let flows = two_flows(scenario);
            let right = [Outcome::Allowed, Outcome::Refused];
            wait_until(|| scenario.send(&flows) == right);
            let claimed = with(&objects, thief(&objects));
            server.turn_into(&claimed, seed);
            // Pods come in order: once this one is known, so is the other.
            let mut late = claimed;
            named(&mut late, "Pod", "job")["metadata"]["labels"]["late"] = "yes".into();
            server.turn_into(&late, seed);
            wait_until(|| scenario.send(&flows) == [Outcome::Allowed; 2]);
            named(&mut late, "Pod", "job")["metadata"]["labels"]["late"] = "no".into();
            server.turn_into(&late, seed);
            wait_until(|| scenario.send(&flows) == right);
        }
    });
}

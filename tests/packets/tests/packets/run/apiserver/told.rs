//! What agents tell the API server: that a policy is in force there where it is, and not before.

use std::path::Path;

use portcullis_agent::kernel::iptables::Backend;
use portcullis_engine::net::Protocol;
use portcullis_packets::fabric::Wiring;
use portcullis_packets::probe::Probe;
use serde_json::json;

use super::life::{from_app, policy, shop, with};
use super::stage::Stage;
use super::{objects::files_of, with_server};
use crate::run::agent::asked;
use crate::run::scenario::Scenario;

/// Waits for a policy on a node, as an operator would; what the command says.
fn wait(stage: &Stage, kubeconfig: &Path) -> String {
    let kubeconfig = kubeconfig.to_str().unwrap();
    let words = ["status", "--wait", "networkpolicy/shop/db", "--timeout", "60s"];
    let words = [&words[..], &["--kubeconfig", kubeconfig]].concat();
    let (text, succeeds) = asked(stage.scenario.node(0), &words);
    let text = String::from_utf8(text).unwrap();
    assert!(succeeds, "{text}");
    text
}

fn flow(scenario: &Scenario, from: &str) -> Probe {
    let (from, to) = (scenario.address(from, false), scenario.address("shop/db", false));
    Probe { from, to, protocol: Protocol::Tcp, port: 80 }
}

pub fn waited_for() {
    with_server(|server| {
        let objects = shop();
        let kinds = [(Wiring::Routed, Backend::Nft)];
        let build = |kind| Scenario::build(kind, &files_of(&objects), &[]);
        let mut stages = Stage::build(server, &kinds, build);
        let stage = &mut stages[0];
        let _answering = stage.scenario.answering(&[80]);
        server.install_status();
        server.turn_into(&objects, 1);
        let kubeconfig = server.kubeconfig(None);
        stage.start_agents(&kubeconfig, &[]);
        let flows = ["shop/web", "shop/job"].map(|from| flow(&stage.scenario, from));

        // No look at the kernel in between: what the command says is true by then.
        server.turn_into(&with(&objects, policy("db", json!([from_app("web")]))), 1);
        let said = wait(stage, &kubeconfig);
        stage.scenario.forget();
        stage.scenario.expect(&flows, &[true, false]);
        assert!(said.contains("shop/db (generation 1) is in force on all nodes"), "{said}");
        server.turn_into(&with(&objects, policy("db", json!([from_app("job")]))), 1);
        let said = wait(stage, &kubeconfig);
        stage.scenario.forget();
        stage.scenario.expect(&flows, &[false, true]);
        assert!(said.contains("(generation 2)") && said.ends_with(": 1\n"), "{said}");
        server.turn_into(&[], 1);
    });
}

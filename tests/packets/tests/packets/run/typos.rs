//! Manifests with mistakes, and restarts: no mistake opens what was denied.

use portcullis_packets::fabric::Wiring;
use portcullis_packets::probe::Outcome;

use super::Test;
use super::agent::Running;
use super::basics::shop;
use super::life::{open_shop, time_to_right, two_flows};
use super::scenario::{Files, KINDS, Scenario};

pub const TESTS: &[Test] = &[("a mistake in a manifest and a restart open nothing", mistakes)];

const DENIED: [Outcome; 2] = [Outcome::Refused, Outcome::Refused];
const RIGHT: [Outcome; 2] = [Outcome::Allowed, Outcome::Refused];

/// The shop without its policies but with this text in their place.
fn with(policies: &str) -> Files {
    [open_shop(), vec![("policies.yaml".into(), policies.into())]].concat()
}

fn mistakes() {
    let policies = shop().into_iter().find(|(name, _)| name == "policies.yaml").unwrap().1;
    let bad_block = policies
        .replace("{podSelector: {matchLabels: {app: web}}}", "{ipBlock: {cidr: 10.0.0.1/33}}");
    let no_yaml = policies.replace("spec:", "spec: [");
    for (what, text) in [("block", &bad_block), ("text", &no_yaml), ("word", &"x".to_owned())] {
        let scenario = Scenario::build((Wiring::Routed, KINDS[0].1), &with(&policies), &[]);
        let _answering = scenario.answering(&[80]);
        let flows = |expected: &[Outcome; 2], when: &str| {
            scenario.forget();
            assert_eq!(scenario.send(&two_flows(&scenario)), expected, "{what}: {when}");
        };
        let agent = Running::start(&scenario, 0, &[]);
        flows(&RIGHT, "at first");
        scenario.write(&with(text));
        agent.wait_for(" ERROR ");
        flows(&RIGHT, "what was right stays");
        agent.stop();
        let agent = Running::launch_with(&scenario, 0, &[], &[]);
        if what == "block" {
            agent.wait("/readyz", "ready\n");
            flows(&DENIED, "closed");
        } else {
            agent.wait("/readyz", "what was in force stays in force: policies.yaml: line ");
            flows(&RIGHT, "what is in force stays");
        }
        scenario.write(&with(&policies));
        time_to_right(&scenario);
        agent.wait("/readyz", "ready\n");
        agent.stop();
    }
}

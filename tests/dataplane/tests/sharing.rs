//! Pods share the chain of an Admin tier only where a kernel that walks a chain as often as ways
//! lead there is not busy with that for long. Prints what such a kernel would walk.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "test code")]

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use portcullis_dataplane_tests::site::{load, session};
use portcullis_engine::dataplane::{
    Action, ChainName, FamilyProgram, FilterProgram, Input, Settings, UNKNOWN_WIRING, lower, verify,
};
use portcullis_engine::net::Family;

/// Pods of one node, each with a NetworkPolicy of its own, and Admin policies of all of them.
fn cluster(pods: u32, policies: u32) -> String {
    let mut text = String::from("{apiVersion: v1, kind: Namespace, metadata: {name: x}}\n");
    for pod in 0..pods {
        let ip = Ipv4Addr::from(0x0a00_0002 + pod);
        text += &format!(
            "---\n{{apiVersion: v1, kind: Pod, metadata: {{name: p{pod}, namespace: x, labels: {{app: a{pod}}}}},\n \
             spec: {{nodeName: n1}}, status: {{phase: Running, podIP: {ip}}}}}\n\
             ---\n{{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {{name: p{pod}, namespace: x}},\n \
             spec: {{podSelector: {{matchLabels: {{app: a{pod}}}}}, ingress: [{{ports: [{{port: {}}}]}}]}}}}\n",
            1_000 + pod
        );
    }
    for policy in 0..policies {
        let ports = |first: u32| {
            format!("protocols: [{{tcp: {{destinationPort: {{number: {}}}}}}}]", first + policy)
        };
        text += &format!(
            "---\n{{apiVersion: policy.networking.k8s.io/v1beta1, kind: ClusterNetworkPolicy,\n \
             metadata: {{name: c{policy}}}, spec: {{tier: Admin, priority: {policy}, subject: {{namespaces: {{}}}},\n \
             ingress: [{{action: Pass, from: [{{namespaces: {{}}}}], {}}},\n  \
             {{action: Deny, from: [{{namespaces: {{}}}}], {}}}]}}}}\n",
            ports(1_000),
            ports(2_000),
        );
    }
    text
}

fn program(pods: u32, policies: u32, settings: &Settings) -> FilterProgram {
    let session = session(&cluster(pods, policies));
    let (model, policies) = (session.model(), session.policies());
    let input = Input { model, policies, node: "n1", settings, wiring: &UNKNOWN_WIRING };
    let program = lower(input);
    verify(&program, input).unwrap_or_else(|wrong| panic!("{wrong:#?}"));
    load(&program).unwrap();
    program
}

fn is_shared(program: &FilterProgram) -> bool {
    program.families[Family::IPv4].chains.contains_key("PCL-IG2")
}

/// Rules that a kernel looks at which walks a chain as often as ways lead there.
fn walked(program: &FilterProgram) -> usize {
    let family = &program.families[Family::IPv4];
    let mut known = BTreeMap::new();
    family.hooks.iter().map(|hook| below(family, &hook.to, &mut known)).sum()
}

fn below(
    family: &FamilyProgram,
    name: &ChainName,
    known: &mut BTreeMap<ChainName, usize>,
) -> usize {
    if let Some(known) = known.get(name) {
        return *known;
    }
    let mut sum = 0;
    for rule in &family.chains.get(name).unwrap().rules {
        sum += 1;
        if let Action::Jump(to) | Action::Goto(to) = &rule.action {
            sum += below(family, to, known);
        }
    }
    known.insert(name.clone(), sum);
    sum
}

#[test]
fn chains_are_shared_where_the_kernel_can_walk_them() {
    let settings = Settings::default();
    let remembering = Settings { walked: usize::MAX, ..Settings::default() };
    for (pods, policies, shared) in
        [(20, 1, true), (20, 10, true), (110, 6, false), (250, 1, false)]
    {
        let (program, few) =
            (program(pods, policies, &settings), program(pods, policies, &remembering));
        let (walked, rules) = (walked(&program), program.families[Family::IPv4].rule_count());
        println!("{pods} pods, {policies} policies: {rules} rules, {walked} walked");
        assert_eq!(is_shared(&program), shared, "{pods} pods, {policies} policies");
        assert!(is_shared(&few));
        // Two trees of 30,000 rules, and all that is not behind an Admin tier.
        assert!(walked < 60_000 + 5 * rules, "{pods} pods, {policies} policies: {walked}");
    }
}

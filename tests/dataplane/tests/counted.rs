//! For which policies the packets count that rules have met.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use std::collections::BTreeMap;

use portcullis_dataplane_tests::site::session;
use portcullis_engine::dataplane::{
    Action, Decided, Effect, FilterProgram, FilterRule, Input, Lowering, RuleCounts, Settings,
    UNKNOWN_WIRING,
};
use portcullis_engine::net::Family;

/// Pods `a` and `b` have policies of their own whose rules are the same, so that they share a
/// chain; `a` has one more that admits the same, and one more that admits something else.
const POLICIES: &str = "
{apiVersion: v1, kind: Pod, metadata: {name: a, labels: {app: a}}, spec: {nodeName: n1}, status: {phase: Running, podIP: 10.0.0.1}}
---
{apiVersion: v1, kind: Pod, metadata: {name: b, labels: {app: b}}, spec: {nodeName: n1}, status: {phase: Running, podIP: 10.0.0.2}}
---
{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: a-one}, spec: {podSelector: {matchLabels: {app: a}}, ingress: [{ports: [{port: 80}]}]}}
---
{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: a-two}, spec: {podSelector: {matchLabels: {app: a}}, ingress: [{ports: [{port: 80}]}, {ports: [{port: 90}]}]}}
---
{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: b-one}, spec: {podSelector: {matchLabels: {app: b}}, ingress: [{ports: [{port: 80}]}, {ports: [{port: 90}]}]}}
";

const TIERS: &str = "
{apiVersion: v1, kind: Namespace, metadata: {name: default}}
---
{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {nodeName: n1}, status: {phase: Running, podIP: 10.0.0.1}}
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: admin}
spec:
  tier: Admin
  priority: 1
  subject: {namespaces: {}}
  ingress:
  - {action: Deny, from: [{namespaces: {matchLabels: {bad: 'yes'}}}]}
  - {action: Pass, from: [{namespaces: {matchLabels: {odd: 'yes'}}}]}
  - {action: Accept, from: [{namespaces: {}}]}
---
{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: closed}, spec: {podSelector: {}}}
";

/// Of each rule of the chains of policies that is wanted, ten packets times its place in the chain,
/// from one.
fn met(program: &FilterProgram, wanted: impl Fn(&FilterRule) -> bool) -> RuleCounts {
    let family = &program.families[Family::IPv4];
    let chains = family.chains.values().filter(|chain| chain.name.starts_with("PCL-I-"));
    let counts = chains.map(|chain| {
        let rules = chain.rules.iter().zip(1..);
        let packets = rules.map(|(rule, place)| if wanted(rule) { 10 * place } else { 0 });
        ((Family::IPv4, chain.name.clone()), packets.collect())
    });
    counts.collect()
}

/// What counts for whom, by name.
fn decided(text: &str, wanted: impl Fn(&FilterRule) -> bool) -> BTreeMap<(String, Effect), u64> {
    let (session, settings) = (session(text), Settings::default());
    let (model, policies, node) = (session.model(), session.policies(), "n1");
    let input = Input { model, policies, node, settings: &settings, wiring: &UNKNOWN_WIRING };
    let mut lowering = Lowering::default();
    let program = lowering.lower(input);
    let all = lowering.decided(&met(&program, wanted)).into_iter();
    let named = all.map(|(Decided { policy, effect, .. }, packets)| {
        let name = policies.policy(policy).unwrap().object.meta.name.to_string();
        ((name, effect), packets)
    });
    named.collect()
}

fn expected<const N: usize>(all: [(&str, Effect, u64); N]) -> BTreeMap<(String, Effect), u64> {
    all.map(|(name, effect, packets)| ((name.to_owned(), effect), packets)).into()
}

#[test]
fn a_rule_counts_for_each_policy_that_it_stems_from() {
    let allowed = decided(POLICIES, |rule| rule.action == Action::Return);
    let wanted = [
        ("a-one", Effect::Allowed, 10),
        ("a-two", Effect::Allowed, 30),
        ("b-one", Effect::Allowed, 30),
    ];
    assert_eq!(allowed, expected(wanted));
}

#[test]
fn what_no_rule_admits_counts_for_all_that_isolate() {
    let denied = decided(POLICIES, |rule| matches!(rule.action, Action::Reject(_)));
    let wanted = ["a-one", "a-two", "b-one"].map(|name| (name, Effect::Denied, 30));
    assert_eq!(denied, expected(wanted));
}

#[test]
fn rules_of_tiers_count_for_what_they_decide_and_not_for_what_they_pass_on() {
    let all = decided(TIERS, |rule| rule.origin.is_some());
    let wanted = [("admin", Effect::Denied, 10), ("admin", Effect::Allowed, 30)];
    assert_eq!(all, expected(wanted));
    let ends = decided(TIERS, |rule| matches!(rule.action, Action::Reject(_)));
    assert_eq!(ends, expected([("closed", Effect::Denied, 10)]));
}

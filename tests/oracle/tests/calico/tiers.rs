//! §6 and §10: the order of tiers and policies.

use super::fixture::{
    ALLOW, DENY, PASS, annotation, egress, expect, fixture, from, global, in_tier, ingress, is, of,
    ordered, rule, select, shop, tier,
};
use super::kubernetes;
use portcullis_oracle::cluster::calico::{
    CalicoAction, CalicoPolicy, CalicoTier, Expression, Group, HostStage, Order, TierEnd,
};
use portcullis_oracle::cluster::{
    Action, Cluster, ClusterPolicy, ClusterTier, PodsOf, Policy, PolicyVersion, Rule, TierPeer,
    TierRule,
};

const FLOW: [&str; 1] = ["mon/prom shop/db 5432"];

fn allow(policy: CalicoPolicy) -> CalicoPolicy {
    ingress(policy, &[rule(ALLOW)])
}

fn deny(policy: CalicoPolicy) -> CalicoPolicy {
    ingress(policy, &[rule(DENY)])
}

fn with_tiers(tiers: &[CalicoTier]) -> Cluster {
    let mut cluster = fixture();
    cluster.calico.tiers.extend(tiers.iter().cloned());
    cluster
}

/// Whether the first of two policies comes first.
fn comes_first(cluster: &Cluster, first: &CalicoPolicy, second: &CalicoPolicy) {
    expect(cluster, &[allow(second.clone()), deny(first.clone())], &[], &FLOW);
    expect(cluster, &[deny(second.clone()), allow(first.clone())], &FLOW, &[]);
}

#[test]
fn orders_ascend_and_none_is_last() {
    let cluster = fixture();
    comes_first(&cluster, &ordered(1, global("z")), &ordered(2, global("a")));
    comes_first(&cluster, &ordered(-1, global("z")), &ordered(0, global("a")));
    comes_first(&cluster, &ordered(1_000_000_000, global("z")), &global("a"));
    let half = CalicoPolicy { order: Some(Order(3)), ..global("z") };
    comes_first(&cluster, &half, &ordered(2, global("a")));
}

/// The string `name/namespace/kind`: a name that goes on with a sign before `/` comes first.
#[test]
fn ties_are_broken_by_name_namespace_and_kind() {
    let cluster = fixture();
    comes_first(&cluster, &global("a"), &global("b"));
    comes_first(&cluster, &global("a-b"), &global("a"));
    comes_first(&cluster, &global("default.a"), &global("default1"));
    comes_first(&cluster, &global("a"), &shop("a"));
    comes_first(&cluster, &ordered(5, shop("a")), &ordered(5, global("b")));
}

/// §10.7.
#[test]
fn policies_of_kubernetes_have_an_order_and_a_kind() {
    let open = Policy { ingress: Some(vec![Rule::default()]), ..kubernetes("b") };
    let cluster = Cluster { policies: vec![open], ..fixture() };
    let at = |name, order| deny(ordered(order, shop(name)));
    expect(&cluster, &[at("z", 999)], &[], &FLOW);
    expect(&cluster, &[at("a", 1_001)], &FLOW, &[]);
    expect(&cluster, &[at("a", 1_000)], &[], &FLOW);
    expect(&cluster, &[at("c", 1_000)], &FLOW, &[]);
    // The kinds are KubernetesNetworkPolicy and NetworkPolicy; a global policy has no namespace.
    expect(&cluster, &[at("b", 1_000)], &FLOW, &[]);
    expect(&cluster, &[deny(ordered(1_000, global("b")))], &[], &FLOW);
}

/// §10.1.
#[test]
fn tiers_without_order_tie_with_default() {
    for (name, is_first) in [("app", true), ("sec", false)] {
        let cluster = with_tiers(&[tier(name, None, None)]);
        let (own, other) = (in_tier(name, global("p")), global("p2"));
        match is_first {
            true => comes_first(&cluster, &own, &other),
            false => comes_first(&cluster, &other, &own),
        }
    }
    let cluster = with_tiers(&[tier("sec", None, None), tier("app", Some(1_000_001), None)]);
    comes_first(&cluster, &in_tier("sec", global("p")), &in_tier("app", global("p2")));
}

/// §10.1.
#[test]
fn a_missing_tier_is_last_and_denies() {
    let stored = |policy| CalicoPolicy { group: Group::Stored, ..policy };
    let last = with_tiers(&[tier("sec", Some(20_000_000), Some(TierEnd::Pass))]);
    let gone = stored(in_tier("gone", global("p")));
    comes_first(&last, &in_tier("sec", global("q")), &gone);
    expect(&last, &[ingress(gone.clone(), &[])], &[], &FLOW);
    let passing = in_tier("sec", ingress(global("q"), &[rule(PASS)]));
    expect(&last, &[ingress(gone, &[rule(PASS)]), passing], &FLOW, &[]);
}

#[test]
fn what_a_tier_does_with_the_rest() {
    for (end, expected) in
        [(None, false), (Some(TierEnd::Deny), false), (Some(TierEnd::Pass), true)]
    {
        let cluster = with_tiers(&[tier("sec", Some(5), end)]);
        let policy = in_tier("sec", ingress(global("p"), &[from(DENY, of(is("team", "x")))]));
        let (allowed, denied): (&[&str], &[&str]) =
            if expected { (&FLOW, &[]) } else { (&[], &FLOW) };
        expect(&cluster, std::slice::from_ref(&policy), allowed, denied);
        // Of a direction that it is not for it says nothing, and of pods that it does not select.
        expect(&cluster, std::slice::from_ref(&policy), &["shop/db 203.0.113.9 80"], &[]);
        expect(&cluster, &[select(is("app", "none"), policy)], &FLOW, &[]);
    }
}

#[test]
fn actions() {
    let cluster = with_tiers(&[tier("sec", Some(5), None)]);
    let log = rule(CalicoAction::Log);
    let first = |rules: &[_]| in_tier("sec", ingress(global("p"), rules));
    expect(&cluster, &[first(&[log.clone(), rule(ALLOW)])], &FLOW, &[]);
    expect(&cluster, &[first(&[log])], &[], &FLOW);
    // What is allowed skips later tiers, what is passed on skips the rest of its own.
    expect(&cluster, &[first(&[rule(ALLOW)]), deny(global("q"))], &FLOW, &[]);
    expect(&cluster, &[first(&[rule(PASS), rule(DENY)])], &FLOW, &[]);
    let after = in_tier("sec", ordered(9, deny(global("q"))));
    expect(&cluster, &[ordered(1, first(&[rule(PASS)])), after], &FLOW, &[]);
    expect(&cluster, &[first(&[rule(PASS)]), deny(global("q"))], &[], &FLOW);
    // The other end is evaluated independently.
    expect(&cluster, &[first(&[rule(ALLOW)]), egress(global("out"), &[])], &[], &FLOW);
}

fn for_all(tier: ClusterTier, action: Action) -> ClusterPolicy {
    let everybody = || PodsOf::Namespaces(Default::default());
    let peers = vec![TierPeer::Pods(everybody())];
    ClusterPolicy {
        name: "cnp".into(),
        version: PolicyVersion::V1Beta1,
        tier,
        priority: 5,
        subject: everybody(),
        ingress: Some(vec![TierRule { name: None, action, peers, ports: None }]),
        egress: None,
    }
}

#[test]
fn cluster_policies_are_tiers_of_fixed_orders() {
    let with = |order, cnp: ClusterPolicy| Cluster {
        cluster_policies: vec![cnp],
        ..with_tiers(&[tier("sec", Some(order), Some(TierEnd::Pass))])
    };
    let (admin, baseline) = (ClusterTier::Admin, ClusterTier::Baseline);
    let own = in_tier("sec", deny(global("p")));
    expect(&with(999, for_all(admin, Action::Accept)), std::slice::from_ref(&own), &[], &FLOW);
    expect(&with(1_001, for_all(admin, Action::Accept)), std::slice::from_ref(&own), &FLOW, &[]);
    // By name: `kube-admin` comes before `sec`.
    expect(&with(1_000, for_all(admin, Action::Accept)), std::slice::from_ref(&own), &FLOW, &[]);
    expect(
        &with(9_999_999, for_all(baseline, Action::Accept)),
        std::slice::from_ref(&own),
        &[],
        &FLOW,
    );
    expect(&with(10_000_001, for_all(baseline, Action::Accept)), &[own], &FLOW, &[]);
    // The tier `default` denies the rest, so that Baseline comes after what passes alone.
    let open = with(5, for_all(baseline, Action::Deny));
    expect(&open, &[], &[], &FLOW);
    expect(&open, &[allow(global("q"))], &FLOW, &[]);
    let passing = ingress(global("q"), &[rule(PASS)]);
    expect(&with(5, for_all(baseline, Action::Accept)), &[ingress(global("q"), &[])], &[], &FLOW);
    expect(&open, &[passing], &[], &FLOW);
}

/// §10.8.
#[test]
fn the_annotation_of_what_is_stored_has_the_real_name() {
    let stored = |name: &str| CalicoPolicy { group: Group::Stored, ..global(name) };
    let annotated = |name: &str, real: Option<&str>| CalicoPolicy {
        annotation: annotation(real, ""),
        ..stored(name)
    };
    let cluster = with_tiers(&[tier("sec", Some(5), None)]);
    comes_first(&cluster, &annotated("z", Some("a")), &stored("b"));
    // Without an annotation the name stays as it is; with one that has none, its prefix goes.
    comes_first(&cluster, &stored("default.z"), &stored("e"));
    comes_first(&cluster, &stored("e"), &annotated("default.z", None));
    let own = |policy| in_tier("sec", policy);
    comes_first(&cluster, &own(annotated("default.z", None)), &own(stored("e")));
}

/// §10.11.
#[test]
fn policies_for_hosts_alone_do_nothing_for_pods() {
    let staged = |stage| CalicoPolicy { stage: Some(stage), ..deny(global("p")) };
    expect(&fixture(), &[staged(HostStage::Forward)], &[], &FLOW);
    expect(&fixture(), &[staged(HostStage::BeforeDnat)], &FLOW, &[]);
    expect(&fixture(), &[staged(HostStage::Untracked)], &FLOW, &[]);
    // Not even that their tier denies the rest.
    let selector = Some(Expression::All);
    let none = CalicoPolicy { selector, ingress: Some(vec![]), ..staged(HostStage::Untracked) };
    expect(&fixture(), &[none], &FLOW, &[]);
}

//! The oracle about Calico's policies: the rules' own examples, one sentence after the other.
#![expect(clippy::unwrap_used, clippy::panic, reason = "what goes wrong here is a failed test")]

mod fixture;
mod generated;
mod peers;
mod tiers;
mod unknown;

use fixture::{
    ALLOW, DENY, PASS, ask, egress, expect, fixture, from, global, in_tier, ingress, is, labels,
    net, not, of, on, ordered, port, rule, select, set, shop, those, tier, to,
};
use portcullis_oracle::cluster::calico::{CalicoPolicy, Entity, Expression, Group, Test};
use portcullis_oracle::cluster::{Cluster, Direction, Policy, Protocol};
use portcullis_oracle::oracle::Verdict;

/// §3.
#[test]
fn the_truth_table_of_expressions() {
    let own = labels("a=x1");
    let test = |key: &str, test: Test| Expression::test(key, test);
    let truths = [
        (test("a", Test::StartsWith("x".into())), true),
        (test("b", Test::Differs("x".into())), true),
        (test("b", Test::NotIn(vec!["x".into()])), true),
        (Expression::Or(vec![Expression::has("a").negated(), is("b", "1")]), false),
        (Expression::has("a").negated().negated(), true),
        (test("a", Test::In(vec![])), false),
        (test("a", Test::NotIn(vec![])), true),
        (test("b", Test::NotIn(vec![])), true),
        (is("a", "y").negated(), true),
        (
            Expression::And(vec![
                Expression::has("a"),
                test("a", Test::EndsWith("1".into())).negated(),
            ]),
            false,
        ),
        (test("a", Test::Contains(String::new())), true),
        (test("b", Test::Contains(String::new())), false),
        (test("b", Test::StartsWith(String::new())), false),
        (Expression::All, true),
    ];
    for (expression, expected) in truths {
        assert_eq!(expression.matches(&own), expected, "{expression:?}");
    }
}

/// C1.
#[test]
fn types_are_defaulted_by_group() {
    let policy = CalicoPolicy {
        egress: Some(vec![on(ALLOW, Protocol::Udp, &[port(53)])]),
        ..select(is("app", "db"), shop("dns"))
    };
    let flow = ["mon/prom shop/db 5432"];
    let out = "shop/db mon/prom 80";
    expect(
        &fixture(),
        std::slice::from_ref(&policy),
        &[flow[0], "shop/db 10.9.9.9 53/UDP"],
        &[out],
    );
    let stored = CalicoPolicy { group: Group::Stored, ..policy.clone() };
    expect(&fixture(), &[stored], &[], &[flow[0], out]);
    let empty = CalicoPolicy { ingress: Some(vec![]), egress: Some(vec![]), ..policy.clone() };
    expect(&fixture(), &[empty], &[out], &flow);
    let both = CalicoPolicy { ingress: Some(vec![rule(DENY)]), ..policy };
    expect(&fixture(), &[both], &[], &[flow[0], out]);
}

fn kubernetes(name: &str) -> Policy {
    Policy {
        namespace: "shop".into(),
        name: name.into(),
        types: Some(vec![Direction::Ingress]),
        ..Policy::default()
    }
}

/// C2.
#[test]
fn policies_of_kubernetes_are_not_final() {
    let cluster = Cluster { policies: vec![kubernetes("deny")], ..fixture() };
    let open = select(is("app", "web"), global("ops"));
    let open = ingress(open, &[from(ALLOW, of(is("team", "ops")))]);
    let flows = ["mon/prom shop/web 80"];
    expect(
        &cluster,
        &[ordered(2_000, open)],
        &flows,
        &["mon/prom shop/db 80", "lone/x shop/web 1"],
    );
    let closed = ordered(999, ingress(global("no"), &[rule(DENY)]));
    let with = Policy { ingress: Some(vec![Default::default()]), ..kubernetes("open") };
    let cluster = Cluster { policies: vec![with], ..fixture() };
    expect(&cluster, &[], &flows, &[]);
    expect(&cluster, std::slice::from_ref(&closed), &[], &flows);
    expect(&cluster, &[ordered(1_001, closed)], &flows, &["shop/db lone/x 80"]);
}

/// C3.
#[test]
fn tiers_end_in_denial_and_passing_on_ends_in_the_profile() {
    let mut cluster = fixture();
    cluster.calico.tiers.push(tier("sec", Some(100), None));
    let bad = Entity { nets: vec![net("203.0.113.0/24")], ..Entity::default() };
    let policy = |rules: &[_]| {
        let policy = CalicoPolicy { selector: Some(Expression::All), ..global("sec") };
        in_tier("sec", egress(policy, rules))
    };
    let with = policy(&[to(DENY, bad.clone()), rule(PASS)]);
    expect(&cluster, &[with], &["shop/web shop/db 1"], &["shop/web 203.0.113.9 443"]);
    let without = policy(&[to(DENY, bad)]);
    expect(&cluster, &[without], &[], &["shop/web shop/db 1", "shop/web 203.0.113.9 443"]);
}

/// C4, §8.
#[test]
fn global_sets_are_reached_from_namespaces_by_global_alone() {
    let mut cluster = fixture();
    cluster.calico.sets.push(set(None, "feed=ok", &["203.0.113.0/24"]));
    let with = |source| select(is("app", "web"), ingress(shop("p"), &[from(ALLOW, source)]));
    let feed = those(is("feed", "ok"));
    let flow = ["203.0.113.9 shop/web 80"];
    expect(&cluster, &[with(feed.clone())], &[], &flow);
    let reached = Entity { namespaces: Some(Expression::Global), ..feed.clone() };
    expect(&cluster, &[with(reached)], &flow, &["203.0.114.9 shop/web 80"]);
    expect(&cluster, &[ingress(global("g"), &[from(ALLOW, feed)])], &flow, &[]);
}

/// C6.
#[test]
fn a_lone_negative_selector_matches_unknown_addresses_in_global_policies() {
    let with = |policy| {
        let policy = ingress(policy, &[from(ALLOW, not(is("app", "prom")))]);
        select(is("app", "db"), policy)
    };
    let (ext, web, prom, x) = (
        "203.0.113.9 shop/db 5432",
        "shop/web shop/db 5432",
        "mon/prom shop/db 5432",
        "lone/x shop/db 5432",
    );
    expect(&fixture(), &[with(global("g"))], &[ext, web, x], &[prom]);
    expect(&fixture(), &[with(shop("n"))], &[web], &[ext, x, prom]);
}

/// §1.
#[test]
fn staged_policies_decide_nothing() {
    let mut cluster = fixture();
    cluster.calico.tiers.push(tier("sec", Some(100), None));
    let staged = CalicoPolicy { staged: true, ..ingress(global("no"), &[rule(DENY)]) };
    let flows = ["mon/prom shop/db 5432"];
    expect(&cluster, &[in_tier("sec", staged.clone()), staged.clone()], &flows, &[]);
    // Where another one applies, the tier denies.
    let other = in_tier("sec", ingress(shop("n"), &[]));
    expect(&cluster, &[in_tier("sec", staged), other], &["shop/db lone/x 1"], &flows);
}

/// Without anything of Calico's, Kubernetes' rules alone hold; an empty tier changes nothing.
#[test]
fn a_tier_without_policies_changes_nothing() {
    for seed in 0..40 {
        let plain = portcullis_oracle::generate::mixed(seed);
        let mut other = plain.clone();
        other.calico.tiers.push(tier("sec", Some(100), None));
        for pair in portcullis_oracle::check::pairs(&plain).iter().step_by(3) {
            for number in [1, 80, 443, 8080] {
                let traffic =
                    portcullis_oracle::oracle::Traffic { protocol: Protocol::Tcp, port: number };
                let ask =
                    |cluster| portcullis_oracle::oracle::verdict(cluster, &pair.worlds, &traffic);
                assert_eq!(ask(&plain), ask(&other), "seed {seed}, {} {}", pair.from, pair.to);
            }
        }
    }
    assert_eq!(ask(&fixture(), "mon/prom shop/db 1"), Verdict::Allow);
}

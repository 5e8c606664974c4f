//! What the input does not say.

use super::fixture::{
    ALLOW, DENY, PASS, ask, expect, fixture, from, global, in_tier, ingress, is, pod_mut, port,
    rule, set, those, tier, to,
};
use portcullis_oracle::cluster::Cluster;
use portcullis_oracle::cluster::calico::{
    CalicoPolicy, CalicoRule, Entity, Expression, RuleProtocol, Test, TierEnd,
};
use portcullis_oracle::oracle::calico::{Carried, is_open_apart};
use portcullis_oracle::oracle::{Verdict, worlds_of};

const FLOW: &str = "mon/prom shop/db 80";
const OTHER: &str = "mon/prom shop/db other";

fn unknown(cluster: &Cluster, policies: &[CalicoPolicy], flow: &str) {
    let mut cluster = cluster.clone();
    cluster.calico.policies.extend(policies.iter().cloned());
    assert_eq!(ask(&cluster, flow), Verdict::Unknown, "{flow}");
}

fn of_protocol(number: u8, action: CalicoRule) -> CalicoRule {
    CalicoRule { protocol: Some(RuleProtocol::of(number)), ..action }
}

#[test]
fn which_protocol_without_ports_it_is() {
    let cluster = fixture();
    let with = |rules: &[_]| ingress(global("p"), rules);
    expect(&cluster, &[with(&[rule(ALLOW)])], &[OTHER], &[]);
    expect(&cluster, &[with(&[of_protocol(6, rule(ALLOW))])], &[FLOW], &[OTHER]);
    unknown(&cluster, &[with(&[of_protocol(1, rule(ALLOW))])], OTHER);
    unknown(&cluster, &[with(&[of_protocol(47, rule(DENY)), rule(ALLOW)])], OTHER);
    // ICMPv6 is not what IPv4 has.
    expect(&cluster, &[with(&[of_protocol(58, rule(DENY)), rule(ALLOW)])], &[OTHER], &[]);
    let but = CalicoRule { not_protocol: Some(RuleProtocol::of(6)), ..rule(ALLOW) };
    expect(&cluster, &[with(&[but])], &[OTHER], &[FLOW]);
    let ported = Entity { ports: vec![port(80)], ..Entity::default() };
    let ported = of_protocol(6, to(ALLOW, ported));
    expect(&cluster, &[with(&[ported])], &[FLOW], &[OTHER]);
    // Two rules that together are about all.
    let rest = CalicoRule { not_protocol: Some(RuleProtocol::of(1)), ..rule(ALLOW) };
    let both = with(&[of_protocol(1, rule(ALLOW)), rest]);
    expect(&cluster, std::slice::from_ref(&both), &[OTHER], &[]);
    let mut with_both = cluster;
    with_both.calico.policies.push(both);
    let (from, to) = (super::fixture::end("mon/prom"), super::fixture::end("shop/db"));
    let worlds = worlds_of(&with_both, &from, &to);
    assert!(is_open_apart(&with_both, &worlds, Carried::Portless));
}

#[test]
fn which_source_port_it_has() {
    let mut cluster = fixture();
    let source = |ports| Entity { ports, ..Entity::default() };
    let with = |rules: &[CalicoRule]| ingress(global("p"), rules);
    let some = of_protocol(6, from(ALLOW, source(vec![port(1024)])));
    unknown(&cluster, &[with(std::slice::from_ref(&some))], FLOW);
    expect(&cluster, &[with(&[some.clone(), rule(ALLOW)])], &[FLOW], &[]);
    expect(&cluster, &[with(std::slice::from_ref(&some))], &[], &["mon/prom shop/db 80/UDP"]);
    // In every tier it is the same.
    cluster.calico.tiers.push(tier("sec", Some(5), Some(TierEnd::Pass)));
    let first = in_tier("sec", with(&[of_protocol(6, from(ALLOW, source(vec![port(1024)])))]));
    let pass = in_tier("sec", with(&[of_protocol(6, from(PASS, source(vec![port(1024)])))]));
    expect(&cluster, &[pass, with(&[rule(DENY)])], &[], &[FLOW]);
    let not = Entity { not_ports: vec![port(1024)], ..Entity::default() };
    expect(&cluster, &[first, with(&[of_protocol(6, from(ALLOW, not))])], &[FLOW], &[]);
}

#[test]
fn labels_of_accounts_that_are_not_there() {
    let mut cluster = fixture();
    pod_mut(&mut cluster, "prom").spec.account = Some("gone".into());
    let role = |selector| Entity {
        accounts: Some(portcullis_oracle::cluster::calico::AccountMatch {
            names: Vec::new(),
            selector: Some(selector),
        }),
        ..Entity::default()
    };
    let with = |rules: &[_]| ingress(global("p"), rules);
    let starts = || Expression::test("role", Test::StartsWith("a".into()));
    unknown(&cluster, &[with(&[from(ALLOW, role(starts()))])], FLOW);
    unknown(&cluster, &[with(&[from(ALLOW, role(starts().negated()))])], FLOW);
    let never = Expression::And(vec![starts(), is("role", "b")]);
    expect(&cluster, &[with(&[from(ALLOW, role(never))])], &[], &[FLOW]);
    let always = Expression::Or(vec![starts(), starts().negated()]);
    expect(&cluster, &[with(&[from(ALLOW, role(always))])], &[FLOW], &[]);
    let name = is("projectcalico.org/name", "gone");
    expect(&cluster, &[with(&[from(ALLOW, role(name))])], &[FLOW], &[]);
    // A rule after another: each sees the same labels.
    let two = [from(DENY, role(starts())), from(ALLOW, role(starts().negated()))];
    unknown(&cluster, &[with(&two)], FLOW);
    let two = [from(ALLOW, role(starts())), from(ALLOW, role(starts().negated()))];
    expect(&cluster, &[with(&two)], &[FLOW], &[]);
}

#[test]
fn labels_of_namespaces_that_are_not_there() {
    let mut cluster = fixture();
    cluster.namespaces.retain(|one| one.name != "mon");
    let with = |source| ingress(global("p"), &[from(ALLOW, source)]);
    let team = |value: &str| Entity { namespaces: Some(is("team", value)), ..Entity::default() };
    unknown(&cluster, &[with(team("ops"))], FLOW);
    unknown(&cluster, &[with(those(is("pcns.team", "ops")))], FLOW);
    let name =
        Entity { namespaces: Some(is("projectcalico.org/name", "mon")), ..Entity::default() };
    expect(&cluster, &[with(name)], &[FLOW], &[]);
    // A set in it has the same labels as its pods.
    cluster.calico.sets.push(set(Some("mon"), "feed=ok", &["10.2.0.5/32"]));
    let both = Expression::And(vec![is("feed", "ok"), is("pcns.team", "ops")]);
    unknown(&cluster, &[with(those(both))], FLOW);
    let first = from(ALLOW, team("ops"));
    let second = from(ALLOW, those(is("pcns.team", "ops").negated()));
    expect(&cluster, &[ingress(global("p"), &[first, second])], &[FLOW], &[]);
}

#[test]
fn addresses_that_are_not_there() {
    let mut cluster = fixture();
    pod_mut(&mut cluster, "prom").addresses.clear();
    cluster.calico.sets.push(set(None, "feed=ok", &["10.2.0.0/16"]));
    let with = |source| ingress(global("p"), &[from(ALLOW, source)]);
    unknown(&cluster, &[with(those(is("feed", "ok")))], FLOW);
    expect(&cluster, &[with(those(is("app", "prom")))], &[FLOW], &[]);
}

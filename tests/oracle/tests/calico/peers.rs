//! §2, §4, §5 and §10: subjects and what rules match.

use super::fixture::{
    ALLOW, annotation, egress, end, expect, fixture, from, global, ingress, is, labels, named, net,
    not, of, on, pod_mut, port, rule, select, set, shop, those, to,
};
use portcullis_oracle::cluster::calico::{
    Account, AccountMatch, CalicoPolicy, CalicoRule, Entity, Expression, Group, RuleProtocol, Test,
};
use portcullis_oracle::cluster::{Cluster, Policy, Protocol};

fn differs(key: &str, value: &str) -> Expression {
    Expression::test(key, Test::Differs(value.into()))
}

/// Whom a rule that allows admits to all pods of shop.
fn admits(cluster: &Cluster, policy: CalicoPolicy, source: Entity, those: &[&str], no: &[&str]) {
    let flows = |ends: &[&str]| -> Vec<String> {
        ends.iter().inspect(|text| _ = end(text)).map(|one| format!("{one} shop/db 80")).collect()
    };
    let (allowed, denied) = (flows(those), flows(no));
    let refs = |all: &[String]| -> Vec<&'static str> {
        all.iter().map(|one| &*Box::leak(one.clone().into_boxed_str())).collect()
    };
    let policy = ingress(policy, &[from(ALLOW, source)]);
    expect(cluster, &[policy], &refs(&allowed), &refs(&denied));
}

const EXT: &str = "203.0.113.9";
const PROM: &str = "mon/prom";
const WEB: &str = "shop/web";
const X: &str = "lone/x";

/// A set of a namespace and one of none, at one address each.
fn with_sets() -> Cluster {
    let mut cluster = fixture();
    cluster.calico.sets.push(set(Some("shop"), "kind=own", &["198.51.100.1/32"]));
    cluster.calico.sets.push(set(None, "kind=global", &["198.51.100.2/32"]));
    cluster
}
const OWN: &str = "198.51.100.1";
const GLOBAL: &str = "198.51.100.2";

/// §2.
#[test]
fn labels_of_pods() {
    let mut cluster = fixture();
    let own = labels("app=db,pcns.team=ops,pcsa.role=admin,projectcalico.org/namespace=mon");
    pod_mut(&mut cluster, "db").labels = own;
    let long = "a".repeat(63);
    let account = |name: &str, text: &str| Account {
        namespace: "mon".into(),
        name: name.into(),
        labels: labels(text),
    };
    cluster.calico.accounts.push(account("sa", "role=viewer"));
    cluster.calico.accounts.push(account(&long, ""));
    pod_mut(&mut cluster, "prom").spec.account = Some("sa".into());
    let selects = |cluster: &Cluster, selector: Expression, pod: &str, is: bool| {
        let policy = select(selector, ingress(global("p"), &[]));
        let flow = format!("{EXT} {pod} 80");
        let flow: [&str; 1] = [&flow];
        if is {
            expect(cluster, &[policy], &[], &flow);
        } else {
            expect(cluster, &[policy], &flow, &[]);
        }
    };
    selects(&cluster, super::is("projectcalico.org/namespace", "shop"), "shop/db", true);
    selects(&cluster, super::is("projectcalico.org/orchestrator", "k8s"), "shop/db", true);
    selects(&cluster, super::is("projectcalico.org/serviceaccount", "default"), "shop/db", true);
    // What it says itself of what it inherits is dropped.
    selects(&cluster, super::is("pcns.team", "retail"), "shop/db", true);
    selects(&cluster, super::is("pcns.team", "ops"), "shop/db", false);
    selects(&cluster, Expression::has("pcsa.role"), "shop/db", false);
    selects(&cluster, super::is("pcns.projectcalico.org/name", "shop"), "shop/db", true);
    selects(&cluster, super::is("pcsa.role", "viewer"), "mon/prom", true);
    selects(&cluster, super::is("pcsa.projectcalico.org/name", "sa"), "mon/prom", true);
    pod_mut(&mut cluster, "prom").spec.account = Some(long.clone());
    selects(&cluster, Expression::has("projectcalico.org/serviceaccount"), "mon/prom", false);
    selects(&cluster, super::is("pcsa.projectcalico.org/name", &long), "mon/prom", true);
}

/// §4, §10.4.
#[test]
fn subjects_of_global_policies() {
    let mut cluster = fixture();
    let name = "a".repeat(63);
    let (namespace, own) = ("shop".into(), labels(""));
    cluster.calico.accounts.push(Account { namespace, name: name.clone(), labels: own });
    pod_mut(&mut cluster, "db").spec.account = Some(name);
    let policy = ingress(global("p"), &[]);
    let by = |namespaces: Option<Expression>, accounts: Option<Expression>, selector| {
        CalicoPolicy { namespaces, accounts, selector, ..policy.clone() }
    };
    let (db, web, prom) = ("lone/x shop/db 1", "lone/x shop/web 1", "lone/x mon/prom 1");
    expect(&cluster, &[by(Some(is("team", "retail")), None, None)], &[prom], &[db, web]);
    let both = by(Some(is("team", "retail")), None, Some(is("app", "web")));
    expect(&cluster, &[both], &[prom, db], &[web]);
    expect(&cluster, &[by(Some(differs("team", "retail")), None, None)], &[db, web], &[prom]);
    // `all()` is "has a service account" here, which a long name is not.
    let all = Some(Expression::All);
    expect(&cluster, &[by(None, all.clone(), None)], &[db], &[web, prom]);
    let unlike = Some(differs("role", "x"));
    expect(&cluster, &[by(None, unlike.clone(), None)], &[], &[web, prom, db]);
    expect(&cluster, &[by(None, unlike, all.clone())], &[db], &[web, prom]);
    let own = CalicoPolicy { accounts: all, ..ingress(shop("p"), &[]) };
    expect(&cluster, &[own], &[prom], &[db, web]);
}

/// §5: the scope of rules of policies in a namespace.
#[test]
fn rules_of_a_namespace_mean_it_as_soon_as_they_select() {
    let cluster = with_sets();
    let no_labels = || those(differs("none", "x"));
    admits(&cluster, shop("p"), Entity::default(), &[EXT, PROM, WEB, X, OWN, GLOBAL], &[]);
    admits(&cluster, shop("p"), no_labels(), &[WEB, OWN], &[EXT, PROM, X, GLOBAL]);
    admits(&cluster, global("p"), no_labels(), &[WEB, OWN, PROM, X, GLOBAL], &[EXT]);
    let all = of(Expression::All);
    admits(&cluster, shop("p"), all.clone(), &[PROM, WEB, X, OWN], &[EXT, GLOBAL]);
    admits(&cluster, global("p"), all, &[PROM, WEB, X, OWN], &[EXT, GLOBAL]);
    admits(&cluster, shop("p"), of(Expression::Global), &[GLOBAL], &[EXT, PROM, WEB, X, OWN]);
}

/// §10.3.
#[test]
fn selectors_of_namespaces_are_selectors_of_prefixed_labels() {
    let cluster = with_sets();
    let retail = of(is("team", "retail"));
    admits(&cluster, shop("p"), retail, &[WEB, OWN], &[EXT, PROM, X, GLOBAL]);
    let others = of(differs("team", "retail"));
    admits(&cluster, shop("p"), others, &[PROM, X, GLOBAL], &[EXT, WEB, OWN]);
    let without = of(Expression::has("team").negated());
    admits(&cluster, global("p"), without, &[X, GLOBAL], &[EXT, WEB, OWN, PROM]);
    // `all()` is replaced wherever it stands.
    let part = Expression::And(vec![Expression::All, differs("team", "retail")]);
    admits(&cluster, shop("p"), of(part), &[PROM, X], &[EXT, WEB, OWN, GLOBAL]);
}

/// §5, §10.5.
#[test]
fn rules_about_accounts() {
    let cluster = with_sets();
    let accounts = |names: &[&str], selector| Entity {
        accounts: Some(AccountMatch {
            names: names.iter().map(|name| (*name).into()).collect(),
            selector,
        }),
        ..Entity::default()
    };
    let default = accounts(&["default"], None);
    admits(&cluster, shop("p"), default.clone(), &[WEB], &[EXT, PROM, X, OWN, GLOBAL]);
    admits(&cluster, global("p"), default, &[WEB, PROM, X], &[EXT, OWN, GLOBAL]);
    let both = accounts(&["default"], Some(is("role", "x")));
    admits(&cluster, global("p"), both, &[], &[WEB, PROM, X, EXT, OWN, GLOBAL]);
    let negative = accounts(&[], Some(differs("role", "x")));
    admits(&cluster, shop("p"), negative.clone(), &[WEB, OWN], &[EXT, PROM, X, GLOBAL]);
    admits(&cluster, global("p"), negative, &[WEB, PROM, X, OWN, GLOBAL], &[EXT]);
}

/// §5: nets intersect with selectors, and with each other.
#[test]
fn blocks() {
    let nets = |nets: &[&str], not_nets: &[&str]| Entity {
        nets: nets.iter().map(|text| net(text)).collect(),
        not_nets: not_nets.iter().map(|text| net(text)).collect(),
        ..Entity::default()
    };
    let cluster = fixture();
    let pods = nets(&["10.0.0.0/8"], &["10.3.0.0/16"]);
    admits(&cluster, shop("p"), pods.clone(), &[WEB, PROM], &[X, EXT]);
    let web = Entity { selector: Some(is("app", "web")), ..pods };
    admits(&cluster, shop("p"), web, &[WEB], &[PROM, X, EXT]);
    admits(&cluster, shop("p"), nets(&[], &["10.0.0.0/8"]), &[EXT], &[WEB, PROM, X]);
}

/// §10.6.
#[test]
fn sets_that_hold_the_address_of_a_pod_lend_it_their_labels() {
    let mut cluster = fixture();
    cluster.calico.sets.push(set(None, "feed=ok", &["10.2.0.0/16"]));
    let feed = is("feed", "ok");
    admits(&cluster, global("p"), those(feed.clone()), &[PROM], &[X, WEB, EXT]);
    // Item by item: the set is not app=prom, the pod is not feed=ok.
    let both = Expression::And(vec![feed.clone(), is("app", "prom")]);
    admits(&cluster, global("p"), those(both), &[], &[PROM, X, WEB, EXT]);
    let other = Entity { not_selector: Some(is("app", "prom")), ..those(feed.clone()) };
    admits(&cluster, global("p"), other, &[PROM], &[X]);
    let other = Entity { not_selector: Some(feed.clone()), ..those(is("app", "prom")) };
    admits(&cluster, global("p"), other, &[PROM], &[X]);
    // A lone one excludes the address if any item matches.
    admits(&cluster, global("p"), not(feed.clone()), &[X, WEB, EXT], &[PROM]);
    admits(&cluster, global("p"), not(is("app", "prom")), &[X, WEB, EXT], &[PROM]);
    // A set is never a subject.
    let policy = ingress(select(feed, global("p")), &[]);
    expect(&cluster, &[policy], &["lone/x mon/prom 80"], &[]);
}

/// §10.7.
#[test]
fn peers_of_kubernetes_are_never_sets() {
    let mut cluster = fixture();
    cluster.calico.sets.push(set(Some("shop"), "app=web", &["203.0.113.0/24"]));
    let select =
        portcullis_oracle::cluster::Selector { labels: labels("app=web"), ..Default::default() };
    let peers = Some(vec![portcullis_oracle::cluster::Peer::Pods(None, Some(select))]);
    let ingress = Some(vec![portcullis_oracle::cluster::Rule { peers, ports: None }]);
    cluster.policies.push(Policy { ingress, ..super::kubernetes("web") });
    expect(&cluster, &[], &["shop/web shop/db 80"], &["203.0.113.9 shop/db 80"]);
}

/// §5, §10.6.
#[test]
fn ports_by_number_and_by_name() {
    let cluster = fixture();
    let tcp = |ports: &[_]| ingress(shop("p"), &[on(ALLOW, Protocol::Tcp, ports)]);
    let mixed = tcp(&[port(80), named("pg")]);
    let flows = ["lone/x shop/db 80", "lone/x shop/db 5432", "lone/x shop/web 80"];
    expect(&cluster, &[mixed], &flows, &["lone/x shop/db 80/UDP", "lone/x shop/web 5432"]);
    let out = |destination: Entity, protocol| CalicoRule { protocol, ..to(ALLOW, destination) };
    let metrics = Entity { ports: vec![named("metrics")], ..Entity::default() };
    let free = egress(global("p"), &[out(metrics.clone(), None)]);
    let (web, db) = ("mon/prom shop/web 9100", "mon/prom shop/db 9187");
    let never = "mon/prom 203.0.113.9 9100";
    expect(&cluster, &[free], &[web, db], &[never, "mon/prom shop/web 9187"]);
    let only = Entity { selector: Some(is("app", "web")), ..metrics.clone() };
    let only = egress(global("p"), &[out(only, Some(RuleProtocol::ported(Protocol::Tcp)))]);
    expect(&cluster, std::slice::from_ref(&only), &[web], &[db, never]);
    // The address of db has the label, and db itself has not.
    let mut lent = cluster.clone();
    lent.calico.sets.push(set(None, "app=web", &["10.1.0.20/32"]));
    expect(&lent, &[only], &[web], &[db]);
    let not_named = Entity { not_ports: vec![named("metrics")], ..Entity::default() };
    let rest = egress(global("p"), &[out(not_named, None)]);
    expect(&cluster, &[rest], &["mon/prom shop/web 80", never], &[web, db]);
}

#[test]
fn protocols_and_families() {
    let cluster = fixture();
    let with = |rule: CalicoRule| [ingress(shop("p"), &[rule])];
    let (tcp, udp) = ("lone/x shop/db 80", "lone/x shop/db 80/UDP");
    let seventeen = RuleProtocol { number: 17, by_name: false };
    let only = CalicoRule { protocol: Some(seventeen), ..rule(ALLOW) };
    expect(&cluster, &with(only), &[udp], &[tcp]);
    let other = CalicoRule { not_protocol: Some(RuleProtocol::of(17)), ..rule(ALLOW) };
    expect(&cluster, &with(other), &[tcp], &[udp]);
    let four = CalicoRule { ip_version: Some(4), ..rule(ALLOW) };
    expect(&cluster, &with(four.clone()), &[tcp], &[]);
    expect(&cluster, &with(CalicoRule { ip_version: Some(6), ..four }), &[], &[tcp]);
}

/// §10.8.
#[test]
fn the_annotation_of_what_is_stored_has_the_real_labels() {
    let mut cluster = fixture();
    let mut stored = set(None, "feed=old", &["203.0.113.0/24"]);
    stored.group = Group::Stored;
    stored.annotation = annotation(None, "feed=real");
    cluster.calico.sets.push(stored);
    admits(&cluster, global("p"), those(is("feed", "real")), &[EXT], &[X]);
    admits(&cluster, global("p"), those(is("feed", "old")), &[], &[EXT, X]);
}

/// §2: labels of its own beat those that a set inherits.
#[test]
fn labels_of_sets() {
    let mut cluster = fixture();
    cluster.calico.sets.push(set(Some("shop"), "a=1", &["198.51.100.1/32"]));
    cluster.calico.sets.push(set(Some("shop"), "pcns.team=ops", &["198.51.100.2/32"]));
    cluster.calico.sets.push(set(None, "pcns.team=ops", &["198.51.100.3/32"]));
    let ops = of(is("team", "ops"));
    let (yes, no) = ([PROM, "198.51.100.2", "198.51.100.3"], ["198.51.100.1", WEB]);
    admits(&cluster, global("p"), ops, &yes, &no);
    let retail = of(is("team", "retail"));
    admits(&cluster, global("p"), retail, &["198.51.100.1", WEB], &["198.51.100.2", EXT]);
    let named = of(is("projectcalico.org/name", "shop"));
    admits(&cluster, global("p"), named, &["198.51.100.2", WEB], &["198.51.100.3", EXT]);
}

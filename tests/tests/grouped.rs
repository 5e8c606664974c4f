//! A list names together who is treated alike, and says the same as one of pairs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "test code")]

use portcullis_engine::manifest::Direction;
use portcullis_engine::net::ConnId;
use portcullis_engine::reach::Reach;
use portcullis_engine::report::text::{self, ListFormat};
use portcullis_engine::report::{EndpointKind, Family, ListReport, Protocol, in_focus};
use portcullis_engine::{Change, ListFilter, Options, Session, SourceFile};
use portcullis_tests::random::{Cluster, Random, hold_with_calico};
use serde_json::Value;

/// A pair of endpoints, what is allowed for certain and what is not known, in which family.
type Pair<'p> = (&'p str, &'p str, Option<&'p str>, Option<&'p str>, Option<Family>);

fn pairs(list: &ListReport) -> Vec<Pair<'_>> {
    let all = list.connections.iter();
    all.map(|one| {
        (&*one.from, &*one.to, one.allowed.as_deref(), one.unknown.as_deref(), one.family)
    })
    .collect()
}

/// More workloads like those that a cluster has: random ones alone rarely are alike.
fn with_copies(cluster: &Cluster) -> Cluster {
    let mut more = cluster.clone();
    for copy in 1..4 {
        let copies = cluster.objects.iter().filter_map(|object| {
            let mut object = object.clone();
            let kind = object["kind"].as_str()?.to_owned();
            if !["Pod", "Deployment", "DaemonSet", "StatefulSet"].contains(&&*kind) {
                return None;
            }
            let name = format!("{}-{copy}", object["metadata"]["name"].as_str()?);
            object["metadata"]["name"] = Value::from(name);
            object["metadata"].as_object_mut()?.remove("ownerReferences");
            // Two pods do not have one address, and one without would be on no node.
            if kind == "Pod" && object["spec"]["hostNetwork"] != Value::Bool(true) {
                object.as_object_mut()?.remove("status");
            }
            Some(object)
        });
        more.objects.extend(copies);
    }
    more
}

/// What rows and parts make of a cluster is what each unit is said to reach.
#[test]
fn groups_say_what_pairs_say() {
    hold_with_calico("groups", |cluster, seed| {
        let session = with_copies(cluster).session();
        let siblings = seed % 2 == 0;
        let grouped = session.list(&ListFilter { siblings, ..ListFilter::default() });
        let expanded =
            session.list(&ListFilter { siblings, expand: true, ..ListFilter::default() });
        let notes = (&grouped.notes, &expanded.notes);
        if notes.0 != notes.1 {
            return Err(format!("notes differ: {notes:?}"));
        }
        let (grouped, expanded) = (grouped.in_pairs(), expanded.in_pairs());
        let one_by_one = one_by_one(&session, &grouped, siblings);
        same(&pairs(&grouped), &one_by_one)?;
        same(&pairs(&expanded), &one_by_one)
    });
}

fn same(found: &[Pair<'_>], expected: &[Pair<'_>]) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    let more: Vec<_> = found.iter().filter(|one| !expected.contains(one)).take(5).collect();
    let less: Vec<_> = expected.iter().filter(|one| !found.contains(one)).take(5).collect();
    Err(format!(
        "{} and {} pairs; too much: {more:?}; missing: {less:?}",
        found.len(),
        expected.len()
    ))
}

/// What each unit reaches, asked for itself, with nobody alike who is under other policies.
fn one_by_one<'l>(session: &Session, list: &'l ListReport, siblings: bool) -> Vec<Pair<'l>> {
    let mut reach = Reach::by_policies(session.model(), session.policies());
    let units: Vec<_> = reach.units().ids().collect();
    let mut found = Vec::new();
    for (from, unit) in units.iter().enumerate() {
        for target in reach.targets(*unit) {
            let to = units.iter().position(|unit| *unit == target.unit).unwrap();
            if siblings || from != to {
                let text = |id| {
                    let text = match reach.conn(id).text() {
                        // Protocols without ports alone.
                        text if text.is_empty() && id != ConnId::NONE => "other protocols".into(),
                        text => text,
                    };
                    list.port_sets.get_key_value(&*text).map(|(text, _)| &**text)
                };
                let (allowed, unknown) = (text(target.allowed), text(target.unknown));
                let [from, to] = [from, to].map(|end| &*list.endpoints[end].id);
                found.push((from, to, allowed, unknown, target.family));
            }
        }
    }
    found
}

/// A filter takes the same pairs from a list of groups as from one of pairs.
#[test]
fn filters_take_the_same_pairs_from_groups() {
    hold_with_calico("filters of groups", |cluster, seed| {
        let session = with_copies(cluster).session();
        let mut rng = Random::new(seed ^ 0x67);
        let whole = session.list(&ListFilter::default()).in_pairs();
        // A range of one address that a pod has is called as that pod can be: it means the pod.
        let workloads = || whole.endpoints.iter().filter(|one| one.kind == EndpointKind::Workload);
        let is_pods = |id: &str| workloads().any(|one| one.addresses.iter().any(|own| own == id));
        let names = whole.endpoints.iter().map(|one| one.id.to_string());
        let names: Vec<String> = names.filter(|id| !is_pods(id)).collect();
        if names.is_empty() {
            return Ok(());
        }
        for _ in 0..4 {
            let focus = (0..1 + rng.below(3)).map(|_| rng.pick(&names).clone()).collect::<Vec<_>>();
            let direction = *rng.pick(&[None, Some(Direction::Ingress), Some(Direction::Egress)]);
            let filter = ListFilter { focus, direction, ..ListFilter::default() };
            let found = session.list(&filter).in_pairs();
            let endpoint = |id: &str| whole.endpoints.iter().find(|one| *one.id == *id).unwrap();
            let inside = |id: &str| filter.focus.iter().any(|one| in_focus(one, endpoint(id)));
            let expected = pairs(&whole).into_iter().filter(|(from, to, ..)| match direction {
                None => inside(from) || inside(to),
                Some(Direction::Egress) => inside(from),
                Some(Direction::Ingress) => inside(to),
            });
            same(&pairs(&found), &expected.collect::<Vec<_>>())
                .map_err(|why| format!("{filter:?}: {why}"))?;
        }
        Ok(())
    });
}

/// Reasons are those of each pair, also where many pairs share them.
#[test]
fn reasons_are_those_of_pairs() {
    hold_with_calico("reasons of groups", |cluster, _| {
        let session = with_copies(cluster).session();
        let list = |expand| {
            session.list(&ListFilter { explain: true, expand, ..ListFilter::default() }).in_pairs()
        };
        let (grouped, expanded) = (list(false), list(true));
        let same = grouped.connections == expanded.connections
            && grouped.explanations == expanded.explanations;
        same.then_some(()).ok_or_else(|| "reasons differ".into())
    });
}

// --- as text

fn session(yaml: &str) -> Session {
    let file = SourceFile::new("case.yaml", yaml.as_bytes());
    Session::new(Options::default()).apply(vec![Change::Put(file)])
}

fn deployment(namespace: &str, name: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: {namespace}}}\n\
         spec:\n  selector: {{matchLabels: {{app: {name}}}}}\n  \
         template: {{metadata: {{labels: {{app: {name}}}}}, spec: {{containers: [{{name: c, image: x}}]}}}}\n---\n"
    )
}

fn policy(namespace: &str, name: &str, spec: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n\
         metadata: {{name: {name}, namespace: {namespace}}}\nspec: {spec}\n---\n"
    )
}

fn lines(list: &ListReport) -> Vec<String> {
    text::list(list, ListFormat::Text).lines().map(str::to_owned).collect()
}

fn listed(yaml: &str) -> Vec<String> {
    lines(&session(yaml).list(&ListFilter { certain_only: true, ..ListFilter::default() }))
}

fn workloads(namespace: &str, names: &[&str]) -> String {
    names.iter().map(|name| deployment(namespace, name)).collect()
}

#[test]
fn workloads_that_are_treated_alike_are_one_entry() {
    let shop = workloads("shop", &["api", "db", "web", "work"]);
    let mon = workloads("mon", &["grafana"]);
    assert_eq!(
        listed(&format!("{shop}{mon}")),
        [
            "all addresses => all workloads (5) : All Connections",
            "all workloads (5) => all addresses : All Connections",
            "all workloads (5) => all workloads (5) : All Connections",
        ]
    );
    let deny = policy("shop", "deny", "{podSelector: {}, policyTypes: [Ingress]}");
    let own = policy("shop", "own", "{podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}");
    assert_eq!(
        listed(&format!("{shop}{mon}{deny}{own}")),
        [
            "all addresses => mon/grafana[Deployment] : All Connections",
            "all workloads (5) => all addresses : All Connections",
            "shop/* (4 workloads) => all workloads (5) : All Connections",
        ]
    );
}

#[test]
fn each_to_its_own_port_is_one_line_each() {
    let shop = workloads("shop", &["api", "db", "web", "work"]);
    let own = |name: &str, port| {
        let spec = format!(
            "{{podSelector: {{matchLabels: {{app: {name}}}}}, ingress: \
             [{{from: [{{podSelector: {{}}}}], ports: [{{port: {port}}}]}}]}}"
        );
        policy("shop", name, &spec)
    };
    let all = format!("{shop}{}{}", own("api", 81), own("db", 82));
    assert_eq!(
        listed(&format!("{all}{}{}", own("web", 83), own("work", 84))),
        [
            "all workloads (4) => all addresses : All Connections",
            "all workloads (4) => shop/api[Deployment] : TCP 81",
            "all workloads (4) => shop/db[Deployment] : TCP 82",
            "all workloads (4) => shop/web[Deployment] : TCP 83",
            "all workloads (4) => shop/work[Deployment] : TCP 84",
        ]
    );
}

#[test]
fn few_that_are_left_out_are_named_and_many_are_counted() {
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let all = workloads("shop", &names) + &workloads("mon", &["grafana"]);
    let spec = |apps: &str| {
        format!(
            "{{podSelector: {{matchExpressions: [{{key: app, operator: In, values: [{apps}]}}]}}, \
             policyTypes: [Ingress]}}"
        )
    };
    let to = |apps: &str| {
        let yaml = format!("{all}{}", policy("shop", "p", &spec(apps)));
        let list = session(&yaml).list(&ListFilter {
            focus: vec!["mon".into()],
            direction: Some(Direction::Egress),
            ..ListFilter::default()
        });
        lines(&list).into_iter().filter(|line| !line.contains("addresses")).collect::<Vec<_>>()
    };
    let from = "mon/grafana[Deployment] => ";
    assert_eq!(
        to("b, c"),
        [format!(
            "{from}shop/* except shop/b[Deployment], shop/c[Deployment] (6 workloads) : All Connections"
        )]
    );
    assert_eq!(
        to("b, d, f, h"),
        [format!(
            "{from}shop/a[Deployment], shop/c[Deployment] and 2 more (4 workloads) : All Connections"
        )]
    );
}

#[test]
fn ranges_that_no_policy_of_the_pair_distinguishes_are_one() {
    let out = |cidrs: &str| {
        let to = format!("[{{to: [{{ipBlock: {{cidr: 0.0.0.0/0, except: [{cidrs}]}}}}]}}]");
        policy(
            "shop",
            "p",
            &format!(
                "{{podSelector: {{matchLabels: {{app: a}}}}, policyTypes: [Egress], egress: {to}}}"
            ),
        )
    };
    let of = |cidrs: &str| {
        let list = session(&format!("{}{}", workloads("shop", &["a", "b"]), out(cidrs)));
        let filter = ListFilter {
            focus: vec!["shop".into()],
            direction: Some(Direction::Egress),
            certain_only: true,
            ..ListFilter::default()
        };
        let mut lines = lines(&list.list(&filter));
        lines.retain(|line| !line.contains("shop/a[Deployment] => shop") && line.contains("=>"));
        lines
    };
    assert_eq!(
        of("10.0.0.0/8, 192.168.0.7/32"),
        [
            "shop/a[Deployment] => all IPv4 addresses except 10.0.0.0-10.255.255.255, 192.168.0.7 : All Connections",
            "shop/b[Deployment] => all addresses : All Connections",
            "shop/b[Deployment] => shop/a[Deployment] : All Connections",
        ]
    );
    // Too many to be named: then all that is meant is written.
    assert_eq!(of("1.0.0.0/8, 3.0.0.0/8, 5.0.0.0/8, 7.0.0.0/8, 9.0.0.0/8").len(), 6 + 2);
}

#[test]
fn the_rest_is_the_others_where_what_is_left_out_is_listed() {
    let ports = "[{to: [{ipBlock: {cidr: 1.0.0.0/8}}, {ipBlock: {cidr: 3.0.0.0/8}}, {ipBlock: {cidr: 5.0.0.0/8}}, \
                 {ipBlock: {cidr: 7.0.0.0/8}}, {ipBlock: {cidr: 9.0.0.0/8}}], ports: [{port: 80}]}, {ports: [{port: 443}]}]";
    let spec = format!("{{podSelector: {{}}, policyTypes: [Egress], egress: {ports}}}");
    let yaml = deployment("shop", "a") + &policy("shop", "p", &spec);
    let lines = listed(&yaml);
    let rest: Vec<&String> = lines.iter().filter(|line| line.contains("other")).collect();
    assert_eq!(rest, ["shop/a[Deployment] => all other addresses : TCP 443"]);
    assert!(lines.contains(&"shop/a[Deployment] => 3.0.0.0-3.255.255.255 : TCP 80,443".to_owned()));
}

#[test]
fn members_of_groups_are_endpoints() {
    let yaml = workloads("shop", &["a", "b", "c"]);
    let list = session(&yaml)
        .list(&ListFilter { port: Some((Protocol::Tcp, 80.into())), ..ListFilter::default() });
    let named: Vec<(&str, EndpointKind, usize)> =
        list.groups.iter().map(|group| (&*group.id, group.kind, group.members.len())).collect();
    assert_eq!(
        named,
        [
            ("all addresses", EndpointKind::Addresses, 2),
            ("all workloads", EndpointKind::Workload, 3)
        ]
    );
    let members = list.groups.iter().flat_map(|group| &group.members);
    assert!(members.clone().all(|id| list.endpoints.iter().any(|one| one.id == *id)));
    assert_eq!(list.pairs(), 2 * 3 * 2 + 3 * 2);
    assert_eq!(list.in_pairs().connections.len(), 2 * 3 * 2 + 3 * 2);
}

//! Policies that together ask for too much: the largest are closed, and nobody else's.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use std::net::IpAddr;

use portcullis_dataplane_tests::site::load;
use portcullis_dataplane_tests::written::{self, input, proven};
use portcullis_dataplane_tests::{Packet, Protocol, Verdict};
use portcullis_engine::Session;
use portcullis_engine::dataplane::{
    Budget, Budgets, FilterProgram, Limits, Lowering, Note, Settings, Verifier, verify,
};
use portcullis_engine::net::Family;

/// Pods of two namespaces, `x` at 10.0.0.1 to 3 and `z` at 10.0.0.11, and a client elsewhere.
const CLUSTER: &str = "
{apiVersion: v1, kind: Namespace, metadata: {name: x}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: z}}
---
{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: x, labels: {app: a}},
 spec: {nodeName: n1}, status: {phase: Running, podIP: 10.0.0.1}}
---
{apiVersion: v1, kind: Pod, metadata: {name: b, namespace: x, labels: {app: b}},
 spec: {nodeName: n1}, status: {phase: Running, podIP: 10.0.0.2}}
---
{apiVersion: v1, kind: Pod, metadata: {name: c, namespace: x, labels: {app: c}},
 spec: {nodeName: n1}, status: {phase: Running, podIP: 10.0.0.3}}
---
{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: z, labels: {app: a}},
 spec: {nodeName: n1}, status: {phase: Running, podIP: 10.0.0.11}}
---
{apiVersion: v1, kind: Pod, metadata: {name: client, namespace: z, labels: {app: client}},
 spec: {nodeName: n2}, status: {phase: Running, podIP: 10.0.1.3}}
";

/// A policy that admits so many addresses beside that of the client.
fn policy(namespace: &str, name: &str, (app, rules): (&str, usize)) -> String {
    let cidrs = (0..rules).map(|n| match n {
        0 => "{ipBlock: {cidr: 10.0.1.3/32}}".to_owned(),
        n => format!("{{ipBlock: {{cidr: 192.0.{}.{}/32}}}}", n / 250, n % 250),
    });
    let cidrs: Vec<String> = cidrs.collect();
    format!(
        "---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: {name}, namespace: {namespace}}}
spec: {{podSelector: {{matchLabels: {{app: {app}}}}}, ingress: [{{from: [{}]}}]}}
",
        cidrs.join(", ")
    )
}

/// A policy of the cluster with rules of this action for so many addresses.
fn cluster_policy(name: &str, (action, rules): (&str, usize)) -> String {
    let rules = (0..rules)
        .map(|n| format!("  - {{action: {action}, to: [{{networks: [198.51.100.{n}/32]}}]}}\n"));
    format!(
        "---
apiVersion: policy.networking.k8s.io/v1beta1
kind: ClusterNetworkPolicy
metadata: {{name: {name}}}
spec:
  tier: Admin
  priority: {}
  subject: {{namespaces: {{}}}}
  egress:
{}",
        name.len(),
        rules.collect::<String>()
    )
}

fn session(policies: &[String]) -> Session {
    written::session(&format!("{CLUSTER}{}", policies.concat()))
}

/// So many rules for a namespace, for all of them, and for policies of the cluster.
fn settings(namespace: usize, node: usize, cluster: usize) -> Settings {
    let limits = |rules| Limits { rules, members: 1_000 };
    let budgets =
        Budgets { namespace: limits(namespace), node: limits(node), cluster: limits(cluster) };
    Settings { budgets, ..Settings::default() }
}

/// Names of policies over a budget, with the budget, in order.
fn over(session: &Session, program: &FilterProgram) -> Vec<(String, Budget)> {
    let named = program.notes.iter().filter_map(|note| match note {
        Note::OverBudget(id, budget) => {
            let object = &session.policies().policy(*id).unwrap().object;
            let namespace = object.meta.namespace.as_deref().unwrap_or_default();
            Some((format!("{namespace}/{}", object.meta.name), *budget))
        }
        _ => None,
    });
    let mut named: Vec<(String, Budget)> = named.collect();
    named.sort();
    named
}

fn passes(program: &FilterProgram, to: &str) -> bool {
    let address = |text: &str| text.parse::<IpAddr>().unwrap();
    let packet = Packet::new(address("10.0.1.3"), address(to), (Protocol::Tcp, 80));
    load(program).unwrap().judge("FORWARD", &packet) == Verdict::Passes
}

fn named(names: &[&str], budget: Budget) -> Vec<(String, Budget)> {
    names.iter().map(|name| ((*name).to_owned(), budget)).collect()
}

#[test]
fn the_largest_policies_of_a_namespace_close_until_the_rest_is_within_its_budget() {
    let session = session(&[
        policy("x", "large", ("a", 30)),
        policy("x", "huge", ("b", 40)),
        policy("x", "small", ("c", 5)),
        policy("z", "others", ("a", 35)),
    ]);
    for (namespace, closed) in [
        (75, &[][..]),
        (74, &["x/huge"]),
        (35, &["x/huge"]),
        (34, &["x/huge", "x/large", "z/others"]),
    ] {
        let settings = settings(namespace, 1_000, 0);
        let program = proven(&session, &settings);
        assert_eq!(over(&session, &program), named(closed, Budget::Namespace), "{namespace}");
        for (pod, policy) in [
            ("10.0.0.1", "x/large"),
            ("10.0.0.2", "x/huge"),
            ("10.0.0.3", "x/small"),
            ("10.0.0.11", "z/others"),
        ] {
            assert_eq!(passes(&program, pod), !closed.contains(&policy), "{namespace} {policy}");
        }
    }
}

/// The check asks again who is closed: it accepts no policy as closed that is not, and none as open.
#[test]
fn only_those_are_closed_that_must_be() {
    let session = session(&[policy("x", "p", ("a", 30)), policy("x", "q", ("b", 20))]);
    let (enough, little) = (settings(50, 100, 0), settings(49, 100, 0));
    let (open, closed) = (proven(&session, &enough), proven(&session, &little));
    assert!(verify(&open, input(&session, &little)).is_err());
    assert!(verify(&closed, input(&session, &enough)).is_err());
}

#[test]
fn of_equal_policies_the_first_by_name_closes() {
    for order in [["p", "q", "r"], ["r", "q", "p"], ["q", "r", "p"]] {
        let policies = order.map(|name| policy("x", name, ("a", 11)));
        // All of one pod: equal rules are written once, and count for each policy.
        let session = session(&policies);
        let program = proven(&session, &settings(22, 100, 0));
        assert_eq!(over(&session, &program), named(&["x/p"], Budget::Namespace), "{order:?}");
    }
}

/// A policy is written once for each class of pods that it selects.
#[test]
fn what_counts_is_what_is_written() {
    let everybody = policy("x", "all", ("a", 30)).replace("matchLabels: {app: a}", "");
    let only = |app| policy("x", app, (app, 1));
    let alone = session(std::slice::from_ref(&everybody));
    assert!(over(&alone, &proven(&alone, &settings(30, 100, 0))).is_empty());
    let classes = session(&[everybody, only("a"), only("b")]);
    // Three classes of thirty rules each, and two more.
    assert!(over(&classes, &proven(&classes, &settings(92, 100, 0))).is_empty());
    let program = proven(&classes, &settings(91, 100, 0));
    assert_eq!(over(&classes, &program), named(&["x/all"], Budget::Namespace));
    // The address of the client is in the small ones, too.
    assert!(passes(&program, "10.0.0.1") && !passes(&program, "10.0.0.3"));
    let written = program.families[Family::IPv4].rule_count();
    assert!(written < proven(&classes, &settings(92, 100, 0)).families[Family::IPv4].rule_count());
}

#[test]
fn where_all_have_too_much_the_namespace_with_most_closes_its_largest() {
    let session = session(&[
        policy("x", "large", ("a", 30)),
        policy("x", "small", ("b", 20)),
        policy("z", "others", ("a", 40)),
    ]);
    for (node, closed) in
        [(90, &[][..]), (89, &["x/large"]), (60, &["x/large"]), (59, &["x/large", "z/others"])]
    {
        let program = proven(&session, &settings(50, node, 0));
        assert_eq!(over(&session, &program), named(closed, Budget::Node), "{node}");
    }
}

#[test]
fn cluster_policies_have_a_budget_that_nobody_uses_up() {
    let session = session(&[
        cluster_policy("guard", ("Deny", 20)),
        cluster_policy("guards", ("Accept", 22)),
        policy("x", "large", ("a", 30)),
    ]);
    let all = proven(&session, &settings(0, 0, 42));
    assert_eq!(over(&session, &all), named(&["x/large"], Budget::Namespace));
    let fewer = proven(&session, &settings(30, 30, 41));
    assert_eq!(over(&session, &fewer), named(&["/guards"], Budget::Cluster));
    assert!(passes(&fewer, "10.0.0.1"));
}

/// Pods that call other ports so have sets of their own, of which each is written.
#[test]
fn sets_of_named_ports_count_for_each_class_of_pods() {
    let ports = |first: usize| {
        let ports = (0..40)
            .map(|n| format!("{{name: p, protocol: TCP, containerPort: {}}}", first + 2 * n));
        let one = ports.enumerate().map(|(n, port)| format!("{{name: c{n}, ports: [{port}]}}"));
        one.collect::<Vec<_>>().join(", ")
    };
    let pod = |name: &str, address: &str, first| {
        format!(
            "---\n{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, namespace: w}},
 spec: {{nodeName: n1, containers: [{}]}}, status: {{phase: Running, podIP: {address}}}}}\n",
            ports(first)
        )
    };
    let policy = "---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: named, namespace: w}
spec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 192.0.2.0/24}}, {ipBlock: {cidr: 198.51.100.0/24}}, {ipBlock: {cidr: 203.0.113.0/24}}], ports: [{port: p}]}]}
";
    let space = "---\n{apiVersion: v1, kind: Namespace, metadata: {name: w}}\n";
    let (one, two) = (pod("a", "10.0.0.21", 1_000), pod("b", "10.0.0.22", 2_000));
    let session = session(&[space.to_owned(), one, two, policy.to_owned()]);
    let settings = |members| {
        let budget = Limits { rules: 1_000, members };
        let budgets = Budgets { namespace: budget, node: budget, cluster: budget };
        Settings { budgets, ..Settings::default() }
    };
    // Three blocks, and forty ports of each pod.
    assert!(over(&session, &proven(&session, &settings(83))).is_empty());
    let closed = proven(&session, &settings(82));
    assert_eq!(over(&session, &closed), named(&["w/named"], Budget::Namespace));
}

/// Which of them a pod is under follows from its labels, which its namespace writes.
#[test]
fn labels_of_pods_do_not_use_up_the_budget_of_the_cluster() {
    let only = |name: &str, app: &str| {
        let subject = format!(
            "{{pods: {{namespaceSelector: {{}}, podSelector: {{matchLabels: {{app: {app}}}}}}}}}"
        );
        cluster_policy(name, ("Deny", 1)).replace("{namespaces: {}}", &subject)
    };
    let guard = cluster_policy("guard", ("Deny", 20));
    let session = session(&[guard, only("of-a", "a"), only("for-b", "b")]);
    assert!(over(&session, &proven(&session, &settings(0, 0, 22))).is_empty());
    let fewer = proven(&session, &settings(0, 0, 21));
    assert_eq!(over(&session, &fewer), named(&["/guard"], Budget::Cluster));
}

/// Sets of pods count with their members: once, however many policies of a namespace ask for one.
#[test]
fn members_of_sets_of_pods_count() {
    let selector = |name: &str, key: &str| {
        format!(
            "---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: {name}, namespace: x}}
spec:
  podSelector: {{}}
  ingress:
  - from: [{{namespaceSelector: {{}}, podSelector: {{matchExpressions: [{{key: {key}, operator: DoesNotExist}}]}}}}]
"
        )
    };
    let members = |members| {
        let budget = Limits { rules: 1_000, members };
        Settings {
            budgets: Budgets { namespace: budget, node: budget, cluster: budget },
            ..Settings::default()
        }
    };
    // Five pods each.
    let two = session(&[selector("p", "k"), selector("q", "l")]);
    assert!(over(&two, &proven(&two, &members(10))).is_empty());
    let program = proven(&two, &members(9));
    assert_eq!(over(&two, &program), named(&["x/p"], Budget::Namespace));
    let same = session(&[selector("p", "k"), selector("q", "k")]);
    assert!(over(&same, &proven(&same, &members(5))).is_empty());
}

/// Whatever came before, the same state closes the same policies, and one change of another
/// namespace none. Each program is proven by a verifier that remembers the one before, and by a new
/// one.
#[test]
fn who_is_closed_depends_on_nothing_but_the_state() {
    let settings = settings(60, 100, 10);
    let (mut lowering, mut verifier) = (Lowering::default(), Verifier::default());
    let sizes = |round: usize| [round * 17 % 50, round * 29 % 50, round * 7 % 41, round * 13 % 50];
    let mut seen = [0; 3];
    for round in 1..60 {
        let [p, q, r, s] = sizes(round).map(|size| size + 1);
        let policies = [
            policy("x", "p", ("a", p)),
            policy("x", "q", ("b", q)),
            policy("x", "r", ("c", r)),
            policy("z", "s", ("a", s)),
        ];
        let state = session(&policies);
        let program = lowering.lower(input(&state, &settings));
        verifier.verify(&program, input(&state, &settings)).unwrap();
        let closed = over(&state, &program);
        assert_eq!(closed, over(&state, &proven(&state, &settings)), "{round}");
        let own: usize = [("x/p", p), ("x/q", q), ("x/r", r)]
            .iter()
            .filter(|(name, _)| closed.iter().all(|(closed, _)| closed != name))
            .map(|(_, size)| size)
            .sum();
        assert!(own <= 60 && own + s <= 100 || closed.iter().any(|(name, _)| name == "z/s"));
        // What is closed is no smaller than what is open.
        let open = [("x/p", p), ("x/q", q), ("x/r", r)];
        let is_closed = |name: &str| closed.iter().any(|(closed, _)| closed == name);
        let least = open.iter().filter(|(name, _)| is_closed(name)).map(|(_, size)| size).min();
        let most = open.iter().filter(|(name, _)| !is_closed(name)).map(|(_, size)| size).max();
        assert!(least.zip(most).is_none_or(|(least, most)| least >= most), "{round} {closed:?}");
        // Nobody else's policies change whom a namespace's own budget closes.
        let alone = session(&policies[..3]);
        let of_namespace = |all: Vec<(String, Budget)>| -> Vec<_> {
            all.into_iter().filter(|(_, budget)| *budget == Budget::Namespace).collect()
        };
        let by_itself = of_namespace(over(&alone, &proven(&alone, &settings)));
        assert_eq!(of_namespace(closed.clone()), by_itself, "{round}");
        seen[closed.len().min(2)] += 1;
    }
    assert!(seen.iter().all(|count| *count > 3), "{seen:?}");
}

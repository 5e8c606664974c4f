//! Rules and sets of policies of which random ones are rarely right: each asks for one kind of pod
//! that does not exist yet.

use portcullis_engine::report::{
    EqualOutcome, EqualReport, GateOutcome, GateRuleReport, GateRules,
};
use portcullis_engine::{Change, Options, Session, SourceFile};

fn session(text: &str) -> Session {
    let file = SourceFile::new("case.yaml", text.as_bytes());
    Session::new(Options::default()).apply(vec![Change::Put(file)])
}

/// A namespace `a`, and a policy in it.
fn policy(spec: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Namespace\nmetadata: {{name: a}}\n---\napiVersion: \
         networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p, namespace: a}}\nspec: {spec}\n"
    )
}

fn gate(spec: &str, demand: &str) -> GateRuleReport {
    let rules = format!("rules: [{{name: r, {demand}, future: pods}}]");
    let rules = GateRules::parse("rules.yaml", &rules).unwrap();
    session(&policy(spec)).gate(None, &rules).rules.remove(0)
}

#[test]
fn a_pod_without_the_label_is_open() {
    let spec = "{podSelector: {matchExpressions: [{key: app, operator: Exists}]}}";
    let broken = gate(spec, "never: {from: outside, to: {namespace: a}}");
    assert_eq!(broken.outcome, GateOutcome::Broken);
    assert_eq!(broken.witnesses[0].to.text, "a/{}");
    let holds = gate(spec, "never: {from: outside, to: {namespace: a, pods: app}}");
    assert_eq!(holds.outcome, GateOutcome::Holds);
    let holds = gate("{podSelector: {}}", "never: {from: outside, to: {namespace: a}}");
    assert_eq!(holds.outcome, GateOutcome::Holds);
}

#[test]
fn a_pod_may_give_any_port_the_name() {
    let spec = "{podSelector: {}, ingress: [{ports: [{port: http}]}]}";
    let broken = gate(spec, "never: {from: outside, to: {namespace: a}, ports: [5432]}");
    assert_eq!(broken.outcome, GateOutcome::Broken);
    assert_eq!(broken.witnesses[0].to.port_names, ["http"]);
    assert!(broken.witnesses[0].manifests.as_ref().unwrap().contains("containerPort: 5432"));
    // Names are of protocols.
    let holds = gate(spec, "never: {from: outside, to: {namespace: a}, ports: [53/UDP]}");
    assert_eq!(holds.outcome, GateOutcome::Holds);
}

#[test]
fn two_pods_of_one_kind_may_meet() {
    let spec = "{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: x}}}]}]}";
    let x = "{namespace: a, pods: {app: x}}";
    let broken = gate(spec, &format!("never: {{from: {x}, to: {x}}}"));
    assert_eq!(broken.outcome, GateOutcome::Broken);
    let holds = gate(spec, &format!("never: {{from: {{namespace: a, pods: app!=x}}, to: {x}}}"));
    assert_eq!(holds.outcome, GateOutcome::Holds);
}

fn equal(one: &str, other: &str) -> EqualReport {
    session(&policy(one)).equal(&session(&policy(other)))
}

#[test]
fn a_pod_may_have_any_address() {
    let of = |peers: &str| {
        format!("{{podSelector: {{}}, policyTypes: [Egress], egress: [{{to: [{peers}]}}]}}")
    };
    let block = of("{ipBlock: {cidr: 10.0.0.0/8}}");
    let report =
        equal(&block, &of("{ipBlock: {cidr: 10.0.0.0/8}}, {podSelector: {matchLabels: {app: z}}}"));
    assert_eq!(report.outcome, EqualOutcome::Different);
    let address = report.witnesses[0].to.address.as_deref().unwrap();
    assert!(!address.starts_with("10."), "{address}");
    // Written in another way, it is the same block.
    let halves = of("{ipBlock: {cidr: 10.128.0.0/9}}, {ipBlock: {cidr: 10.0.0.0/9}}");
    assert_eq!(equal(&block, &halves).outcome, EqualOutcome::Equal);
}

#[test]
fn selectors_are_equal_by_what_they_match() {
    let of = |selector: &str| format!("{{podSelector: {selector}}}");
    let list = of("{matchExpressions: [{key: app, operator: In, values: [x, w]}]}");
    let twice = of(
        "{matchExpressions: [{key: app, operator: In, values: [x, w, z]}, {key: app, operator: NotIn, values: [z]}]}",
    );
    assert_eq!(equal(&list, &twice).outcome, EqualOutcome::Equal);
    let other = of("{matchExpressions: [{key: app, operator: In, values: [x]}]}");
    let report = equal(&list, &other);
    assert_eq!(report.outcome, EqualOutcome::Different);
    assert_eq!(report.witnesses[0].to.text, "a/{app=w}");
}

//! What lints prove, and what their fixes do, held against the engine's comparison of all pods that
//! could exist.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "test code")]

use std::collections::BTreeSet;
use std::fmt::Write as _;

use portcullis_engine::report::EqualOutcome;
use portcullis_engine::{Change, Options, Session, SourceFile};
use portcullis_tests::random::Random;

fn session(text: &str) -> Session {
    let file = SourceFile::new("case.yaml", text.as_bytes());
    Session::new(Options::default()).apply(vec![Change::Put(file)])
}

fn codes(session: &Session) -> Vec<String> {
    session.check().diagnostics.into_iter().map(|finding| finding.code).collect()
}

const SUBJECTS: [&str; 6] = [
    "{}",
    "{matchLabels: {app: a}}",
    "{matchLabels: {app: a, tier: x}}",
    "{matchExpressions: [{key: app, operator: Exists}]}",
    "{matchExpressions: [{key: app, operator: In, values: [a]}, {key: app, operator: Exists}]}",
    "{matchExpressions: [{key: tier, operator: NotIn, values: [z]}]}",
];

const PEERS: [&str; 8] = [
    "{podSelector: {}}",
    "{podSelector: {matchLabels: {app: a}}}",
    "{namespaceSelector: {}}",
    "{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ns}}}",
    "{namespaceSelector: {matchLabels: {team: t}}, podSelector: {matchLabels: {app: a}}}",
    "{ipBlock: {cidr: 203.0.113.0/24}}",
    "{ipBlock: {cidr: 203.0.0.0/16, except: [203.0.114.0/24]}}",
    "{podSelector: {matchExpressions: [{key: app, operator: In, values: [a, b]}]}}",
];

const PORTS: [&str; 5] = [
    "",
    "{port: 80}",
    "{port: 80}, {port: 443}",
    "{protocol: TCP}",
    "{port: 1, endPort: 100}, {protocol: UDP, port: 53}",
];

/// The rules of a policy, and whom it selects.
struct Policy {
    subject: &'static str,
    rules: Vec<String>,
}

fn policies(random: &mut Random) -> Vec<Policy> {
    let policy = |random: &mut Random| {
        let rules = (0..random.below(4)).map(|_| rule(random)).collect();
        Policy { subject: SUBJECTS[random.below(SUBJECTS.len())], rules }
    };
    (0..2 + random.below(3)).map(|_| policy(random)).collect()
}

fn rule(random: &mut Random) -> String {
    let peers: Vec<&str> = (0..random.below(3)).map(|_| PEERS[random.below(PEERS.len())]).collect();
    let ports = PORTS[random.below(PORTS.len())];
    let peers =
        if peers.is_empty() { String::new() } else { format!("from: [{}]", peers.join(", ")) };
    let ports = if ports.is_empty() { String::new() } else { format!("ports: [{ports}]") };
    let both: Vec<String> = [peers, ports].into_iter().filter(|one| !one.is_empty()).collect();
    format!("{{{}}}", both.join(", "))
}

/// Manifests of policies, without some of them and without some of their rules.
fn manifests(policies: &[Policy], without: &BTreeSet<(usize, Option<usize>)>) -> String {
    let mut text = "apiVersion: v1\nkind: Namespace\nmetadata: {name: ns}\n".to_owned();
    for (number, policy) in policies.iter().enumerate() {
        if without.contains(&(number, None)) {
            continue;
        }
        let rules = policy.rules.iter().enumerate();
        let rules = rules.filter(|(rule, _)| !without.contains(&(number, Some(*rule))));
        let rules: Vec<&str> = rules.map(|(_, rule)| rule.as_str()).collect();
        write!(
            text,
            "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p{number}, \
             namespace: ns}}\nspec: {{podSelector: {}, policyTypes: [Ingress], ingress: [{}]}}\n",
            policy.subject,
            rules.join(", ")
        )
        .unwrap();
    }
    text
}

/// What L46 and L47 say adds nothing: rules, and whole policies.
fn superfluous(session: &Session) -> BTreeSet<(usize, Option<usize>)> {
    let findings = session.check().diagnostics.into_iter();
    let found = findings.filter(|one| one.code == "L46" || one.code == "L47").map(|finding| {
        let number = finding.object.unwrap().name[1..].parse().unwrap();
        let path = finding.path.unwrap();
        let rule = path.strip_prefix("spec.ingress[").and_then(|rest| rest.strip_suffix(']'));
        (number, rule.map(|rule| rule.parse().unwrap()))
    });
    found.collect()
}

#[test]
fn without_what_adds_nothing_everything_is_as_before() {
    let mut found = (0, 0);
    for seed in 0..150 {
        let policies = policies(&mut Random::new(seed));
        let before = session(&manifests(&policies, &BTreeSet::new()));
        let without = superfluous(&before);
        if without.is_empty() {
            continue;
        }
        let after = session(&manifests(&policies, &without));
        let equal = before.equal(&after);
        assert_eq!(equal.outcome, EqualOutcome::Equal, "seed {seed}: {without:?} {equal:#?}");
        found.0 += without.iter().filter(|(_, rule)| rule.is_some()).count();
        found.1 += without.iter().filter(|(_, rule)| rule.is_none()).count();
    }
    assert!(found.0 > 20 && found.1 > 20, "{found:?}");
}

fn policy(spec: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Namespace\nmetadata: {{name: ns}}\n---\napiVersion: \
         networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: p\n  namespace: ns\nspec:\n{spec}"
    )
}

/// A fix, whether it says that it changes something, and what is found before.
const FIXES: [(&str, &str, bool, &str); 9] = [
    ("  podSelector: {}\n  egress:\n  - {}\n", "L12", false, "  policyTypes: [Ingress, Egress]\n"),
    ("  {podSelector: {}, egress: [{}]}\n", "L12", false, ", policyTypes: [Ingress, Egress], "),
    ("  podSelector: {}\n  egress: []\n", "L14", true, "  policyTypes: [Ingress, Egress]\n"),
    ("  ingress: [{ports: [{port: \"80\"}]}]\n", "L24", true, "{port: 80}"),
    ("  ingress: [{ports: [{port: 80, protocol: tcp}]}]\n", "L23", true, "protocol: TCP"),
    ("  podSelector: {matchLabels: {v: 1.0}}\n", "L25", true, "{v: \"1.0\"}"),
    ("  podSelector: {matchlabels: {v: a}}\n", "L19", true, "{matchLabels: {v: a}}"),
    ("  ingress: [{from: [{ipBlock: {cidr: 10.0.0.1/8}}]}]\n", "L44", false, "cidr: 10.0.0.0/8"),
    ("  ingress: [{from: [{ipBlock: {cidr: '10.0.0.1/8'}}]}]\n", "L44", false, "'10.0.0.0/8'"),
];

#[test]
fn fixes_do_away_with_findings_and_say_whether_they_change_more() {
    for (spec, code, changes, written) in FIXES {
        let before = session(&policy(spec));
        assert!(codes(&before).iter().any(|one| one == code), "{code}: {:?}", codes(&before));
        let fixed = before.fix();
        let [file] = &fixed[..] else { panic!("{code}: {fixed:?}") };
        assert!(file.after.contains(written), "{code}: {}", file.after);
        assert_eq!((file.fixed, file.changing > 0), (1, changes), "{code}");
        let after = session(&file.after);
        assert!(codes(&after).iter().all(|one| one != code), "{code}: {:?}", codes(&after));
        let same = before.equal(&after).outcome == EqualOutcome::Equal;
        assert_eq!(same, !changes, "{code}: {}", file.after);
        assert_eq!(after.fix(), [], "{code}");
    }
}

#[test]
fn a_dash_is_dropped_where_two_lines_are_one() {
    let text = policy(
        "  podSelector: {}\n  ingress:\n  - from:\n    - namespaceSelector: {}\n    - podSelector: {matchLabels: {app: a}}\n",
    );
    let before = session(&text);
    assert!(codes(&before).contains(&"L15".to_owned()));
    let [file] = &before.fix()[..] else { panic!() };
    assert!(file.after.contains("    - namespaceSelector: {}\n      podSelector: {matchLabels"));
    assert_eq!((file.fixed, file.changing), (1, 1));
    // On one line there is no dash to drop.
    let flow = text.replace(
        "\n    - namespaceSelector: {}\n    - podSelector: {matchLabels: {app: a}}",
        " [{namespaceSelector: {}}, {podSelector: {matchLabels: {app: a}}}]",
    );
    assert_eq!(session(&flow).fix(), []);
}

#[test]
fn ignored_findings_are_not_fixed() {
    let text = policy("  podSelector: {}\n  egress: [{}]\n");
    let ignored =
        text.replace("  name: p\n", "  name: p\n  annotations: {portcullis.dev/ignore: L12}\n");
    assert_eq!(session(&text).fix().len(), 1);
    assert_eq!(session(&ignored).fix(), []);
}

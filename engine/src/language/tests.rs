use super::*;
use crate::{Change, Options, Session};

const PODS: &str = r#"apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web, tier: front}}
    spec: {containers: [{name: c, ports: [{name: http, containerPort: 8080}]}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: db, namespace: shop}
spec:
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: c, ports: [{name: sql, containerPort: 5432}]}]}
---
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Namespace
metadata: {name: ops, labels: {team: ops}}
---
apiVersion: v1
kind: Pod
metadata: {name: probe, namespace: ops, labels: {app: probe, grade: "1"}}
spec: {containers: [{name: c}]}
"#;

/// A session with pods, and with the text of a file in which `‸` is the position.
fn opened(text: &str) -> (Session, Position) {
    let offset = text.find('‸').expect("a position");
    let text = text.replace('‸', "");
    let index = crate::source::LineIndex::new(&text);
    let position = index.position(&text, offset);
    let put = |name: &str, text: &str| Change::Put(SourceFile::new(name, text.as_bytes()));
    let session = Session::new(Options::default());
    (session.apply(vec![put("pods.yaml", PODS), put("a.yaml", &text)]), position)
}

/// The labels of suggestions.
fn suggested(text: &str) -> Vec<String> {
    let (session, position) = opened(text);
    let completions = session.complete("a.yaml", position);
    completions.into_iter().flat_map(|all| all.items).map(|item| item.label).collect()
}

/// The text after a suggestion was taken.
fn taken(text: &str, label: &str) -> String {
    let (session, position) = opened(text);
    let all = session.complete("a.yaml", position).expect("suggestions");
    let item = all.items.iter().find(|item| item.label == label);
    let item = item.unwrap_or_else(|| panic!("{:?}", all.items));
    let source = session.files().iter().find(|file| &*file.name == "a.yaml").unwrap();
    let at = |line, column| source.lines().offset(&source.text, Position { line, column });
    let crate::report::Location { line, column, end_line, end_column, .. } = all.location;
    let (start, end) = (at(line, column), at(end_line, end_column));
    format!("{}{}‸{}", &source.text[..start], item.insert, &source.text[end..])
}

fn policy(rest: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p, namespace: shop}}\n{rest}"
    )
}

#[test]
fn keys_are_suggested_where_they_may_stand() {
    assert_eq!(suggested("‸"), ["apiVersion", "kind", "metadata", "spec"]);
    assert_eq!(suggested("kind: ‸")[..2], ["NetworkPolicy", "Deployment"]);
    assert_eq!(
        suggested(&policy("spec:\n  ‸\n")),
        ["podSelector", "policyTypes", "ingress", "egress"]
    );
    assert_eq!(suggested(&policy("spec:\n  podSelector: {}\n  pol‸\n")), ["policyTypes"]);
    assert_eq!(suggested(&policy("spec:\n  ingress:\n    - ‸\n")), ["from", "ports"]);
    assert_eq!(suggested(&policy("spec:\n  ingress:\n    - ports: []\n      ‸\n")), ["from"]);
    assert_eq!(
        suggested(&policy("spec:\n  egress:\n    - to:\n        - ‸\n      ports: []\n")),
        ["podSelector", "namespaceSelector", "ipBlock"]
    );
    assert_eq!(suggested(&policy("spec: {ingress: [{fr‸}]}\n")), ["from"]);
    assert_eq!(suggested(&policy("spec:\n  ingress:\n  ‸\n  egress: []\n"))[0], "podSelector");
}

#[test]
fn what_stands_after_the_position_may_be_broken() {
    assert_eq!(suggested(&policy("spec:\n  pod‸\n  }{\n")), ["podSelector"]);
    assert_eq!(
        suggested(&policy(
            "spec:\n  podSelector:\n    matchLabels:\n      ap‸\n  policyTypes [x\n"
        )),
        ["app"]
    );
}

#[test]
fn words_are_suggested_once() {
    assert_eq!(suggested(&policy("spec:\n  policyTypes: [‸]\n")), ["Ingress", "Egress"]);
    assert_eq!(suggested(&policy("spec:\n  policyTypes: [Ingress, ‸]\n")), ["Egress"]);
    assert_eq!(suggested(&policy("spec:\n  policyTypes:\n    - In‸\n")), ["Ingress"]);
    assert_eq!(
        suggested(&policy("spec:\n  ingress:\n    - ports:\n        - protocol: ‸\n")),
        ["TCP", "UDP", "SCTP"]
    );
}

#[test]
fn labels_are_those_of_the_pods_that_are_meant() {
    let own = policy("spec:\n  podSelector:\n    matchLabels:\n      ‸\n");
    assert_eq!(suggested(&own), ["app", "tier"]);
    assert_eq!(
        suggested(&policy("spec:\n  podSelector:\n    matchLabels:\n      app: ‸\n")),
        ["db", "web"]
    );
    let other = "spec:\n  ingress:\n    - from:\n        - namespaceSelector: {matchLabels: {team: ops}}\n          podSelector:\n            matchLabels:\n              ‸\n";
    assert_eq!(suggested(&policy(other)), ["app", "grade"]);
    let namespaces = "spec:\n  ingress:\n    - from:\n        - namespaceSelector:\n            matchLabels:\n              team: ‸\n";
    assert_eq!(suggested(&policy(namespaces)), ["ops"]);
    let asked = "spec:\n  podSelector:\n    matchExpressions:\n      - {key: app, operator: In, values: [web, ‸]}\n";
    assert_eq!(suggested(&policy(asked)), ["db"]);
    let key = "spec:\n  podSelector:\n    matchExpressions:\n      - key: ‸\n";
    assert_eq!(suggested(&policy(key)), ["app", "tier"]);
}

#[test]
fn ports_and_namespaces_are_those_of_the_input() {
    let ports = "spec:\n  ingress:\n    - ports:\n        - port: ‸\n";
    assert_eq!(suggested(&policy(ports)), ["http", "8080", "sql", "5432"]);
    let text = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: x\n  namespace: ‸\n";
    assert!(
        suggested(text).starts_with(&["default".into()]) || suggested(text).contains(&"ops".into())
    );
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: shop}\nspec:\n  selector:\n    ‸\n";
    assert_eq!(suggested(service), ["app", "tier"]);
}

#[test]
fn suggestions_are_written_as_the_text_around_them() {
    assert_eq!(
        taken(&policy("spec:\n  pod‸\n"), "podSelector"),
        policy("spec:\n  podSelector:\n    ‸\n")
    );
    assert_eq!(
        taken(&policy("spec:\n  ing‸\n"), "ingress"),
        policy("spec:\n  ingress:\n    - ‸\n")
    );
    assert_eq!(
        taken(&policy("spec:\n  ingress:\n    - fr‸\n"), "from"),
        policy("spec:\n  ingress:\n    - from:\n        - ‸\n")
    );
    assert_eq!(
        taken(&policy("spec:\n  ingr‸ess: []\n"), "ingress"),
        policy("spec:\n  ingress‸: []\n")
    );
    assert_eq!(
        taken(&policy("spec: {pod‸: {}}\n"), "podSelector"),
        policy("spec: {podSelector‸: {}}\n")
    );
    // A number would be no label.
    let grade = "spec:\n  ingress:\n    - from:\n        - namespaceSelector: {}\n          podSelector:\n            matchLabels:\n              grade: ‸\n";
    assert_eq!(taken(&policy(grade), "1"), policy(&grade.replace('‸', "\"1\"‸")));
    assert_eq!(
        taken(
            r#"{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "spec": {"pod‸"}}"#,
            "podSelector"
        ),
        r#"{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "spec": {"podSelector": ‸}}"#
    );
    assert_eq!(
        taken(r#"{"apiVersion": "networking.k8s.io/v1", "kind": "‸"}"#, "NetworkPolicy"),
        r#"{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy"‸}"#
    );
}

fn hovered(text: &str) -> Hover {
    let (session, position) = opened(text);
    session.hover("a.yaml", position).expect("something to say")
}

fn facts(hover: &Hover) -> Vec<String> {
    let fact = |fact: &Fact| match fact.items.len() {
        0 => fact.text.clone(),
        _ => format!("{}: {}", fact.text, fact.items.join("; ")),
    };
    hover.facts.iter().map(fact).collect()
}

#[test]
fn a_selector_says_whom_it_matches_and_why_others_are_not() {
    let hover = hovered(&policy("spec:\n  pod‸Selector: {matchLabels: {app: web}}\n"));
    assert_eq!((&*hover.title, &*hover.detail), ("podSelector", "label selector"));
    assert!(hover.doc.starts_with("The pods that the policy applies to"));
    assert_eq!(
        facts(&hover),
        [
            "matches 1 of 2 workloads: shop/web[Deployment]",
            "does not match 1 workload: shop/db[Deployment]: the pod has `app=db`"
        ]
    );
    let inner = hovered(&policy("spec:\n  podSelector: {matchLabels: {app: w‸eb}}\n"));
    assert_eq!(inner.title, "app=web");
    assert_eq!(inner.facts, hover.facts);
    let namespaces = hovered(&policy(
        "spec:\n  ingress:\n    - from:\n        - namespace‸Selector: {matchLabels: {team: ops}}\n",
    ));
    assert_eq!(facts(&namespaces)[0], "matches 1 of 2 namespaces: ops");
}

#[test]
fn a_rule_says_what_it_opens_alone() {
    let text = policy(
        "spec:\n  podSelector: {matchLabels: {app: db}}\n  ingress:\n    - fr‸om: [{podSelector: {matchLabels: {app: web}}}]\n      ports: [{port: 5432}]\n",
    );
    let hover = hovered(&text);
    assert_eq!(hover.title, "from");
    let said = facts(&hover);
    assert_eq!(
        said,
        [
            "alone opens what passes between 1 pair: shop/web[Deployment] → shop/db[Deployment]: TCP 5432"
        ]
    );
}

#[test]
fn words_kinds_ports_and_labels_say_what_they_mean() {
    assert_eq!(
        hovered(&policy("").replace("NetworkPolicy", "Network‸Policy")).title,
        "NetworkPolicy"
    );
    let word = hovered(&policy("spec:\n  policyTypes: [Eg‸ress]\n"));
    assert_eq!((&*word.title, &*word.detail), ("Egress", "policyTypes"));
    let port = hovered(&policy("spec:\n  ingress:\n    - ports: [{port: ht‸tp}]\n"));
    assert_eq!(facts(&port), ["the name of one port: TCP 8080: 1 workload"]);
    let (session, position) = opened(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: x, namespace: shop, labels: {a‸pp: x}}\nspec: {containers: [{name: c}]}\n---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: all, namespace: shop}\nspec: {podSelector: {}}\n",
    );
    let hover = session.hover("a.yaml", position).unwrap();
    assert_eq!(facts(&hover), ["1 policy selects these pods: NetworkPolicy shop/all"]);
}

#[test]
fn nothing_is_said_where_nothing_is_known() {
    let (session, position) = opened("a: b‸\n");
    assert_eq!(session.hover("a.yaml", position), None);
    let (session, position) = opened(&policy("spec: {‸\n"));
    assert_eq!(session.hover("a.yaml", position), None);
    assert_eq!(session.hover("other.yaml", position), None);
    assert_eq!(session.complete("other.yaml", position), None);
    assert!(suggested("apiVersion: v1\nkind: ConfigMap\ndata:\n  ‸\n").is_empty());
}

#[test]
fn lenses_count_whom_selectors_mean() {
    let text = policy(
        "spec:\n  podSelector: {matchLabels: {app: db}}\n  ingress:\n    - from:\n        - podSelector: {}\n        - namespaceSelector: {}\n        - podSelector: {matchLabels: {app: none}}\n‸",
    );
    let (session, _) = opened(&text);
    let lenses = session.lenses("a.yaml", 1..=99);
    let said: Vec<_> = lenses.iter().map(|lens| (lens.line, &*lens.text)).collect();
    assert_eq!(
        said,
        [
            (5, "selects 1 workload"),
            (8, "matches 2 workloads"),
            (9, "matches 3 workloads in 2 namespaces"),
            (10, "matches nothing")
        ]
    );
    assert_eq!(session.lenses("a.yaml", 1..=4), []);
    assert_eq!(session.lenses("pods.yaml", 1..=99), []);
}

#[test]
fn defaults_stand_where_something_was_left_out() {
    let text = policy(
        "spec:\n  podSelector: {}\n  egress:\n    - ports:\n        - port: 53\n          endPort: 54\n        - {port: 1}\n        - protocol: UDP\n‸",
    );
    let (session, _) = opened(&text);
    let filled = session.filled_in("a.yaml", 1..=99);
    let said: Vec<_> = filled.iter().map(|one| (one.line, &*one.text)).collect();
    assert_eq!(said, [(4, "policyTypes: [Ingress, Egress]"), (9, "protocol: TCP")]);
}

#[test]
fn documents_are_folded_by_name() {
    let (session, _) =
        opened(&format!("{}---\na: }}\nb: c\n\n---\n# no more\n‸", policy("spec: {}\n")));
    let folds = session.folds("a.yaml");
    let said: Vec<_> = folds.iter().map(|fold| (fold.line, fold.end_line, &*fold.title)).collect();
    assert_eq!(said, [(1, 4, "NetworkPolicy shop/p"), (5, 7, ""), (9, 10, "")]);
}

#[test]
fn names_lead_to_what_they_mean_and_back() {
    let (session, position) = opened(&policy("spec:\n  podSelector: {matchLabels: {app: d‸b}}\n"));
    let to = session.definition("a.yaml", position);
    assert_eq!(to.iter().map(|jump| &*jump.title).collect::<Vec<_>>(), ["shop/db[Deployment]"]);
    assert_eq!((to[0].location.line, &*to[0].location.file), (16, "pods.yaml"));
    let back = Position { line: 16, column: 22 };
    let from = session.references("pods.yaml", back);
    assert_eq!(from.iter().map(|jump| &*jump.title).collect::<Vec<_>>(), ["NetworkPolicy shop/p"]);
    assert_eq!(from[0].location.line, 5);
    let (session, position) = opened(&policy(
        "spec:\n  egress:\n    - ports: [{port: s‸ql}]\n      to: [{podSelector: {}}]\n",
    ));
    let to = session.definition("a.yaml", position);
    assert_eq!(to.iter().map(|jump| &*jump.title).collect::<Vec<_>>(), ["shop/db[Deployment]"]);
    let (session, position) = opened(&policy(
        "spec:\n  egress:\n    - to: [{namespaceSelector: {matchLabels: {te‸am: ops}}}]\n",
    ));
    let to = session.definition("a.yaml", position);
    assert_eq!(to.iter().map(|jump| &*jump.title).collect::<Vec<_>>(), ["Namespace ops"]);
}

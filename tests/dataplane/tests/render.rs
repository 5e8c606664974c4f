//! The text of programs, word for word.
#![allow(clippy::unwrap_used, reason = "test code")]

use portcullis_engine::dataplane::{
    Admitted, ChainState, Denial, FilterProgram, FlowLog, Input, KernelState, Settings,
    UNKNOWN_WIRING, ipset_restore, iptables_restore, lower,
};
use portcullis_engine::net::{ByFamily, Family};
use portcullis_engine::{Change, Options, Session, SourceFile};

const SHOP: &str = r"
{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {team: retail}}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: mon, labels: {team: ops}}}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {nodeName: n1, containers: [{name: c, ports: [{name: http, containerPort: 8080}]}]}
status: {phase: Running, podIPs: [{ip: 10.1.0.10}, {ip: 'fd00::10'}]}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: shop, labels: {app: db}}
spec: {nodeName: n1, containers: [{name: c, ports: [{name: pg, containerPort: 5432}]}]}
status: {phase: Running, podIPs: [{ip: 10.1.0.20}, {ip: 'fd00::20'}]}
---
apiVersion: v1
kind: Pod
metadata: {name: prom, namespace: mon, labels: {app: prom}}
spec: {nodeName: n2, containers: []}
status: {phase: Running, podIP: 10.2.0.5}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress:
    - from: [{podSelector: {matchLabels: {app: web}}}]
      ports: [{port: pg}, {port: 8000, endPort: 8080}, {protocol: SCTP}]
    - from:
        - namespaceSelector: {matchLabels: {team: ops}}
        - ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Egress]
  egress:
    - ports: [{port: pg}, {protocol: UDP, port: 53}]
    - to: [{ipBlock: {cidr: 203.0.113.0/24}}]
";

fn session() -> Session {
    let file = SourceFile::new("shop.yaml", SHOP.as_bytes());
    Session::new(Options::default()).apply(vec![Change::Put(file)])
}

fn text(settings: &Settings) -> String {
    let session = session();
    let (model, policies) = (session.model(), session.policies());
    let program = lower(Input { model, policies, node: "n1", settings, wiring: &UNKNOWN_WIRING });
    assert_eq!(program.notes, []);
    read_back(&program);
    let parts = program.families.values();
    parts.map(|f| format!("{}\n{}\n", ipset_restore(f), iptables_restore(f, &|_| None))).collect()
}

/// What is written is what is read, as data and not only as text.
fn read_back(program: &FilterProgram) {
    let text = |family: Family| iptables_restore(program.family(family), &|_| None);
    let state = KernelState::read("PCL", &ByFamily::from_fn(text), "");
    for (family, table) in program.families.values().zip(state.tables.values()) {
        assert_eq!(family.chains.len(), table.chains.len());
        for (chain, state) in family.chains.values().zip(table.chains.values()) {
            assert_eq!(*state, ChainState::Written(chain.clone()));
        }
    }
}

#[test]
fn as_it_comes() {
    insta::assert_snapshot!(text(&Settings::default()));
}

#[test]
fn with_everything() {
    let settings = Settings {
        denial: Denial::Drop,
        flow_log: Some(FlowLog { group: 5, per_second: 10, burst: 20, admitted: true }),
        admitted: Admitted::Accept,
        unknown_local: vec!["10.1.0.0/24".parse().unwrap(), "fd00::/64".parse().unwrap()],
        ..Settings::default()
    };
    insta::assert_snapshot!(text(&settings));
}

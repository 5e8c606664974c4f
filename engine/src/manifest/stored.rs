//! Single objects as the API server gives them to those who watch it.

use std::sync::Arc;

use super::calico::{self, CalicoKind};
use super::cluster_policy::{self, ClusterPolicyKind, Origin};
use super::known::{read_node, read_pod};
use super::meta::Meta;
use super::read::Reader;
use super::{Body, Object, policy};
use crate::diagnostic::{Code, Diagnostic};
use crate::tree::{self, Node};

/// A kind of objects that decide what one node has to enforce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stored {
    /// Pods.
    Pod,
    /// Namespaces.
    Namespace,
    /// Nodes.
    Node,
    /// NetworkPolicies.
    Policy,
    /// ClusterNetworkPolicies.
    ClusterPolicy,
    /// ServiceAccounts.
    Account,
    /// A kind of Calico's.
    Calico(CalicoKind),
}

impl Stored {
    /// All.
    pub const ALL: [Self; 14] = [
        Self::Namespace,
        Self::Node,
        Self::Policy,
        Self::ClusterPolicy,
        Self::Account,
        Self::Calico(CalicoKind::Tier),
        Self::Calico(CalicoKind::NetworkPolicy),
        Self::Calico(CalicoKind::GlobalNetworkPolicy),
        Self::Calico(CalicoKind::StagedNetworkPolicy),
        Self::Calico(CalicoKind::StagedGlobalNetworkPolicy),
        Self::Calico(CalicoKind::NetworkSet),
        Self::Calico(CalicoKind::GlobalNetworkSet),
        Self::Calico(CalicoKind::HostEndpoint),
        Self::Pod,
    ];

    /// Whether its objects are policies.
    pub fn is_policy(self) -> bool {
        match self {
            Self::Policy | Self::ClusterPolicy => true,
            Self::Calico(kind) => kind.is_policy(),
            Self::Pod | Self::Namespace | Self::Node | Self::Account => false,
        }
    }

    /// Whether its objects are in namespaces.
    pub fn is_namespaced(self) -> bool {
        match self {
            Self::Pod | Self::Policy | Self::Account => true,
            Self::Namespace | Self::Node | Self::ClusterPolicy => false,
            Self::Calico(kind) => kind.is_namespaced(),
        }
    }
}

/// Reads an object that an API server stores, of which the kind is known: lists leave it out.
///
/// # Shape
/// No object where it cannot be understood, with findings that say why. Of a policy in which
/// anything is not understood there remains that it isolates: the server has accepted it, so that
/// it may say what a later version means by it, but never less than that.
pub fn read_stored(text: &str, kind: Stored) -> (Option<Object>, Vec<Diagnostic>) {
    let trees = tree::read_trees(text);
    if let Some(fault) = trees.fault {
        return (None, vec![*fault]);
    }
    match trees.documents.first() {
        Some(node) => read_stored_tree(node, kind),
        None => (None, trees.findings),
    }
}

/// The same of an object that has been parsed already, or that came in another form than text.
pub fn read_stored_tree(node: &Node<'_>, kind: Stored) -> (Option<Object>, Vec<Diagnostic>) {
    if let Stored::Calico(kind) = kind {
        return calico::read_stored(node, kind);
    }
    let mut reader = Reader::default();
    let meta = Meta::read(&mut reader, node, node.span);
    let body = body(&mut reader, kind, node);
    let named = !meta.name.is_empty();
    let is_understood = understood(&reader);
    let closed = (!is_understood).then(|| not_understood(&reader.diagnostics));
    let (kept, findings) = match (kind, is_understood) {
        (Stored::Policy, false) => (Body::Policy(policy::closed(node)), reader.diagnostics),
        // It has closed by itself what it does not understand.
        (Stored::ClusterPolicy, false) => (body, reader.diagnostics),
        _ if reader.refused => return (None, reader.diagnostics),
        _ => (body, reader.diagnostics.into_iter().filter(is_about_mode).collect()),
    };
    let closed = closed.filter(|_| matches!(kind, Stored::Policy | Stored::ClusterPolicy));
    let object = Object { closed, ..Object::of(meta, kept, node) };
    (named.then_some(object), findings)
}

fn is_about_mode(finding: &Diagnostic) -> bool {
    finding.code == Code::UnknownMode
}

/// What is not understood: the first of what decides something, and where it stands.
pub(super) fn not_understood(findings: &[Diagnostic]) -> Arc<str> {
    let in_spec = |finding: &&Diagnostic| {
        finding.path.as_deref().is_some_and(|path| path.starts_with("spec"))
    };
    let worst = findings.iter().find(in_spec).or(findings.first());
    let text = worst.map(|finding| match &finding.path {
        Some(path) => format!("{path}: {}", finding.message),
        None => finding.message.clone(),
    });
    text.unwrap_or_default().into()
}

/// Whether everything that decides something has been read; fields of `metadata` do not.
pub(super) fn understood(reader: &Reader) -> bool {
    let matters = |finding: &Diagnostic| {
        let path = finding.path.as_deref().unwrap_or_default();
        finding.code == Code::UnknownField && path.starts_with("spec")
    };
    !reader.refused && !reader.diagnostics.iter().any(matters)
}

fn body(reader: &mut Reader, kind: Stored, node: &Node<'_>) -> Body {
    match kind {
        Stored::Policy => Body::Policy(policy::read(reader, node)),
        Stored::ClusterPolicy => {
            let kind = ClusterPolicyKind::ClusterNetworkPolicy;
            Body::ClusterPolicy(cluster_policy::read(reader, node, kind, Origin::Stored))
        }
        Stored::Pod => read_pod(reader, node),
        Stored::Namespace => Body::Namespace,
        Stored::Node => read_node(reader, node),
        // Of the others all is read that decides something: names and labels.
        Stored::Account | Stored::Calico(_) => Body::Account,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Action, ClusterPolicy, ClusterTier, Direction, Rule};
    use super::*;

    fn policy(text: &str) -> (super::super::NetworkPolicy, usize) {
        let (object, findings) = read_stored(text, Stored::Policy);
        let Body::Policy(policy) = object.unwrap().body else { panic!() };
        (policy, findings.len())
    }

    #[test]
    fn a_policy_that_is_not_understood_closes_what_it_selects() {
        let (understood, findings) = policy(
            r#"{"metadata":{"name":"a","later":1},"spec":{"podSelector":{},"ingress":[{}]}}"#,
        );
        assert_eq!((understood.ingress.len(), understood.isolates_egress, findings), (1, false, 0));
        let (later, findings) = policy(
            r#"{"metadata":{"name":"a"},"spec":{"podSelector":{"matchLabels":{"a":"b"}},
               "policyTypes":["Ingress"],"ingress":[{"from":[{"podSelector":{},"later":1}]}]}}"#,
        );
        assert_eq!(later.subject.requirements().len(), 1);
        assert!(later.ingress.is_empty() && later.isolates_ingress && !later.isolates_egress);
        assert_eq!(findings, 1);
        let (worse, _) = policy(
            r#"{"metadata":{"name":"a"},"spec":{"podSelector":{"later":1},"policyTypes":["X"]}}"#,
        );
        assert!(worse.subject.is_empty() && worse.isolates_ingress && worse.isolates_egress);
    }

    fn cluster_policy(spec: &str) -> (ClusterPolicy, usize) {
        let text = format!(r#"{{"metadata":{{"name":"a"}},"spec":{spec}}}"#);
        let (object, findings) = read_stored(&text, Stored::ClusterPolicy);
        let Body::ClusterPolicy(policy) = object.unwrap().body else { panic!() };
        (policy, findings.len())
    }

    fn rules(rules: &[Rule]) -> Vec<(Action, bool)> {
        rules.iter().map(|rule| (rule.action, rule.fails_closed)).collect()
    }

    const RULES: &str = r#""ingress":[{"action":"Accept","from":[{"namespaces":{}}]},
                                      {"action":"Deny","from":[{"namespaces":{}}]},
                                      {"action":"Pass","from":[{"namespaces":{}}]}]"#;

    #[test]
    fn a_rule_of_a_cluster_policy_that_is_not_understood_fails_closed_alone() {
        let rest = r#""tier":"Admin","priority":1,"subject":{"namespaces":{}}"#;
        let (policy, findings) = cluster_policy(&format!(
            r#"{{{rest},"egress":[{{"action":"Pass","to":[{{}}]}},
                                  {{"action":"Accept","to":[{{"later":{{}}}}]}},
                                  {{"action":"Later","to":[{{"namespaces":{{}}}}]}},
                                  {{"action":"Accept","to":[{{"namespaces":{{}}}}]}},
                                  {{"action":"Accept","to":[{{"namespaces":{{}}}}],"when":1}}]}}"#
        ));
        let expected = [
            (Action::Pass, true),
            (Action::Accept, true),
            (Action::Deny, true),
            (Action::Accept, false),
            (Action::Accept, true),
        ];
        assert_eq!(rules(&policy.egress), expected);
        assert!(findings >= 4 && policy.ingress.is_empty());
        let (policy, findings) = cluster_policy(&format!("{{{rest},{RULES}}}"));
        let as_written = [Action::Accept, Action::Deny, Action::Pass].map(|action| (action, false));
        assert_eq!((rules(&policy.ingress), findings), (as_written.to_vec(), 0));
    }

    #[test]
    fn a_cluster_policy_of_which_it_is_unknown_where_it_stands_opens_nothing() {
        let denials = [(Action::Accept, true), (Action::Deny, false), (Action::Deny, false)];
        for head in [
            r#""tier":"Admin","priority":1,"subject":{"later":{}}"#,
            r#""tier":"Later","priority":1,"subject":{"namespaces":{}}"#,
            r#""tier":"Admin","priority":1001,"subject":{"namespaces":{}}"#,
            r#""tier":"Admin","subject":{"namespaces":{"matchExpressions":[{"key":"a","operator":"L"}]}}"#,
        ] {
            let (policy, findings) = cluster_policy(&format!("{{{head},{RULES}}}"));
            assert_eq!(rules(&policy.ingress), denials, "{head}");
            assert!(policy.subject.namespaces.is_empty() && findings > 0, "{head}");
            assert!(policy.priority <= 1 && policy.tier == ClusterTier::Admin, "{head}");
        }
    }

    #[test]
    fn a_cluster_policy_that_says_more_fails_closed_as_a_whole() {
        let head = r#""tier":"Baseline","priority":1,"subject":{"namespaces":{}},"later":1"#;
        let (policy, _) = cluster_policy(&format!("{{{head},{RULES}}}"));
        let closed = [Action::Accept, Action::Deny, Action::Pass].map(|action| (action, true));
        assert_eq!(rules(&policy.ingress), closed);
        assert_eq!((policy.tier, policy.egress.len()), (ClusterTier::Baseline, 0));
        for spec in [r#"{"ingress":{},"egress":1}"#, "[]"] {
            let (policy, _) = cluster_policy(spec);
            for direction in Direction::BOTH {
                assert_eq!(rules(policy.rules(direction)), [(Action::Deny, true)], "{spec}");
            }
        }
    }

    #[test]
    fn a_node_names_its_addresses_and_the_blocks_of_its_pods() {
        let node = |spec: &str| {
            let text = format!(
                r#"{{"metadata":{{"name":"n"}},"spec":{spec},
                    "status":{{"addresses":[{{"type":"Hostname","address":"n"}},
                                            {{"type":"InternalIP","address":"192.0.2.1"}}]}}}}"#
            );
            let Body::Node { addresses, pod_cidrs } =
                read_stored(&text, Stored::Node).0.unwrap().body
            else {
                panic!()
            };
            assert_eq!(addresses, ["192.0.2.1".parse::<std::net::IpAddr>().unwrap()]);
            pod_cidrs.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let both = r#"{"podCIDR":"10.0.1.0/24","podCIDRs":["10.0.1.0/24","fd00:1::/64","no"]}"#;
        assert_eq!(node(both), ["10.0.1.0/24", "fd00:1::/64"]);
        assert_eq!(node(r#"{"podCIDR":"10.0.1.9/24"}"#), ["10.0.1.0/24"]);
        assert!(node("{}").is_empty());
    }

    #[test]
    fn what_is_no_object_is_none() {
        for text in ["{", "", "{}", r#"{"metadata":{"name":"p"},"spec":[]}"#] {
            let (object, findings) = read_stored(text, Stored::Pod);
            assert!(object.is_none(), "{text}");
            assert_eq!(findings.is_empty(), text.is_empty(), "{text}");
        }
    }
}

//! L34: DNS with any server, not only the cluster's.
//!
//! **What.** An egress rule for port 53 alone, to anybody or to all addresses.
//!
//! **Why.** Whoever controls a pod can send what it likes to a server of its own, packed into
//! questions for names.
//!
//! **Fix.** Restrict the rule to the DNS pods: `namespaceSelector` `kubernetes.io/metadata.name:
//! kube-system` and `podSelector` `k8s-app: kube-dns`.
//!
//! Many clusters accept that. It is an information.

use super::blocks::whole_family;
use super::dns_one_protocol::is_dns;
use super::text::Field;
use super::{Context, Finding};
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::{Body, Direction, Peer, PeerKind, Rule};

/// One finding for each policy, at the first such rule.
///
/// # Cost
/// Linear in the rules.
pub fn findings(context: &Context<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (_, policy) in context.session.policies().policies() {
        let Body::Policy(body) = &policy.object.body else { continue };
        let is_active = body.isolates(Direction::Egress);
        let Some(index) = body.egress.iter().position(is_broad).filter(|_| is_active) else {
            continue;
        };
        let path = format!("spec.egress[{index}]");
        let message = "DNS is allowed with any server: what pods ask for can carry data out";
        let finding = Diagnostic::new(Code::DnsTooBroad, message).with_help(
            "restrict it to the cluster's DNS pods, by `namespaceSelector` and `podSelector`",
        );
        findings.push(context.about(&policy.object, Field::First(&[&path]), finding));
    }
    findings
}

fn is_broad(rule: &Rule) -> bool {
    let is_everywhere = |peer: &Peer| match &peer.kind {
        PeerKind::Block(block) => block.except.is_empty() && whole_family(block).is_some(),
        _ => false,
    };
    let is_any = rule.peers.is_empty() || rule.peers.iter().any(is_everywhere);
    is_any && !rule.ports.is_empty() && rule.ports.iter().all(is_dns)
}

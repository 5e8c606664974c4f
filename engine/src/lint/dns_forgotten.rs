//! L32: pods that may send to others, but not to the cluster's DNS.
//!
//! **What.** Policies isolate pods for egress and let them send to pods, or to any address, on some
//! ports; nothing lets them ask the cluster's DNS (UDP 53).
//!
//! **Why.** Names of Services and hosts are no longer resolved: connections that the policies allow
//! fail with errors such as "no such host" or only after a long wait.
//!
//! **Fix.** Allow UDP and TCP 53 to the DNS pods:
//!
//! ```yaml
//! - to:
//!     - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}
//!       podSelector: {matchLabels: {k8s-app: kube-dns}}
//!   ports: [{protocol: UDP, port: 53}, {protocol: TCP, port: 53}]
//! ```
//!
//! With NodeLocal DNSCache, allow 169.254.20.10 as well; OpenShift's DNS pods (namespace
//! `openshift-dns`) listen on port 5353.
//!
//! Nothing is said of pods that may not send anything, or only to certain addresses: they may need
//! no names; of pods with a resolver of their own (`dnsPolicy: Default` or `None`); and where the
//! policy that allows DNS may be missing from the input or be of a kind that is not evaluated. It
//! is an information: that policy is often kept elsewhere, by whoever runs the cluster.

use std::collections::BTreeMap;

use rustc_hash::FxHashSet;

use super::text::Field;
use super::{Context, Finding};
use crate::cluster::{ClusterModel, Endpoint, NAME_LABEL};
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::{Action, Body, Direction, PortEntry, PortMatch};
use crate::net::{Family, Protocol};
use crate::policy::{
    BlockId, CompiledPolicy, PolicyId, PolicyRule, PolicySet, ProgramId, RulePeer, Scope, TierKind,
};
use crate::selector::{Match, Operator, Selector};

/// One finding for each policy that lets pods send to others, where none lets them ask for names.
///
/// # Cost
/// Linear in the pods; in the rules of each program.
pub fn findings(context: &Context<'_>) -> Vec<Finding> {
    let session = context.session;
    if !session.not_judged().is_empty() {
        return Vec::new();
    }
    let (model, set) = (session.model(), session.policies());
    let known = context.known();
    let judge = Judge { model, set };
    let mut seen: FxHashSet<ProgramId> = FxHashSet::default();
    let mut blamed: BTreeMap<PolicyId, usize> = BTreeMap::new();
    for endpoint in model.endpoints.values().filter(|endpoint| asks_cluster_dns(endpoint)) {
        let Some(group) = endpoint.group else { continue };
        let namespace = model.groups.get(group).map(|group| group.namespace);
        let program = set.program_id(group, Direction::Egress);
        if namespace.is_some_and(|one| known.has_all_of(one)) && seen.insert(program) {
            blamed.extend(judge.blamed(program));
        }
    }
    let finding = |(policy, rule): (PolicyId, usize)| {
        let policy = set.policy(policy)?;
        let path = format!("spec.egress[{rule}]");
        Some(context.about(&policy.object, Field::First(&[&path]), finding(policy)))
    };
    blamed.into_iter().filter_map(finding).collect()
}

fn asks_cluster_dns(endpoint: &Endpoint) -> bool {
    match endpoint.object.as_ref().map(|object| &object.body) {
        Some(Body::Pod { spec, .. }) => !spec.own_resolver,
        Some(Body::Workload(workload)) => !workload.pod.own_resolver,
        _ => false,
    }
}

fn finding(policy: &CompiledPolicy) -> Diagnostic {
    let name = &policy.object.meta.name;
    let message = format!(
        "pods that `{name}` selects may send to others, but not to the cluster's DNS: names are \
         not resolved"
    );
    let help = format!(
        "allow UDP and TCP 53: `{{to: [{{namespaceSelector: {{matchLabels: {{{NAME_LABEL}: \
         kube-system}}}}, podSelector: {{matchLabels: {{k8s-app: kube-dns}}}}}}], ports: \
         [{{protocol: UDP, port: 53}}, {{protocol: TCP, port: 53}}]}}` in `spec.egress`"
    );
    Diagnostic::new(Code::DnsForgotten, message).with_help(help)
}

/// Namespaces of the cluster's DNS.
const DNS_NAMESPACES: [&str; 2] = ["kube-system", "openshift-dns"];

struct Judge<'s> {
    model: &'s ClusterModel,
    set: &'s PolicySet,
}

impl Judge<'_> {
    /// The policy and its rule by which pods of a program may send to others, if they may not ask
    /// the cluster's DNS for certain.
    fn blamed(&self, program: ProgramId) -> Option<(PolicyId, usize)> {
        let (id, program) = (program, self.set.program(program));
        if program.isolates() != Match::Yes
            || self.set.rules_of(id, Direction::Egress).any(|rule| self.may_allow_dns(rule))
        {
            return None;
        }
        let tier = program.tier(TierKind::NetworkPolicy)?;
        let certain = tier.policies.iter().filter(|one| one.certain);
        let mut found: Vec<_> = certain
            .filter_map(|one| {
                let policy = self.set.policy(one.policy)?;
                let rules = policy.rules(Direction::Egress)?;
                let rule = rules.iter().position(|rule| self.needs_names(rule))?;
                Some((policy.object.meta.name.clone(), (one.policy, rule)))
            })
            .collect();
        found.sort_unstable();
        found.into_iter().next().map(|(_, found)| found)
    }

    /// Whether what a rule lets pods send to is usually asked for by name.
    fn needs_names(&self, rule: &PolicyRule) -> bool {
        let is_named = |peer: &RulePeer| match peer {
            RulePeer::Pods(_) => true,
            RulePeer::Block(block) => self.is_everything(*block),
            RulePeer::Nodes(..) | RulePeer::Names(_) => false,
        };
        rule.action == Action::Accept && (rule.peers.is_empty() || rule.peers.iter().any(is_named))
    }

    /// Whether a block has addresses from one end of a family to the other.
    fn is_everything(&self, block: BlockId) -> bool {
        let public: [std::net::IpAddr; 4] = [
            std::net::Ipv4Addr::new(1, 1, 1, 1).into(),
            std::net::Ipv4Addr::new(220, 0, 0, 1).into(),
            std::net::Ipv6Addr::new(0x2001, 0x200, 0, 0, 0, 0, 0, 1).into(),
            std::net::Ipv6Addr::new(0x2c00, 1, 0, 0, 0, 0, 0, 1).into(),
        ];
        let block = self.set.block(block);
        let has = |address| block.is_some_and(|block| block.contains(address));
        let of = |family| public.iter().filter(move |one| Family::of(**one) == family);
        Family::BOTH.into_iter().any(|family| of(family).all(|address| has(*address)))
    }

    fn may_allow_dns(&self, rule: &PolicyRule) -> bool {
        if rule.action == Action::Deny {
            return false;
        }
        let is_any = rule.ports.is_empty() || rule.ports.iter().any(is_any_of_udp);
        rule.ports.iter().any(is_about_dns)
            || (is_any
                && (rule.peers.is_empty() || rule.peers.iter().any(|peer| self.may_be_dns(*peer))))
    }

    /// Whether the DNS pods may be among a peer's. An address may always be a resolver's.
    fn may_be_dns(&self, peer: RulePeer) -> bool {
        let RulePeer::Pods(id) = peer else { return true };
        let Some(set) = self.set.set(id) else { return true };
        let is_namespace = match set.scope() {
            Scope::Own(own) => DNS_NAMESPACES.contains(&self.model.namespace_name(*own)),
            Scope::Matching(selector) => self.may_match_dns_namespace(selector),
            Scope::Items(_) => true,
        };
        is_namespace && !asks_for_others(set.pods())
    }

    fn may_match_dns_namespace(&self, selector: &Selector) -> bool {
        DNS_NAMESPACES.iter().any(|name| match self.model.namespace(name) {
            Some(id) => {
                let namespace = self.model.namespaces.get(id);
                namespace.is_none_or(|one| selector.matches(&one.labels()) != Match::No)
            }
            None => {
                let named = selector.requirements().iter().filter(|one| *one.key == *NAME_LABEL);
                { named }.all(|one| one.takes(name))
            }
        })
    }
}

/// Whether a selector of pods asks for a label that pods of a DNS server do not have, whatever
/// they are called.
fn asks_for_others(pods: &Selector) -> bool {
    let is_dns = |value: &str| value.to_ascii_lowercase().contains("dns");
    let listing = pods.requirements().iter().filter(|one| one.operator == Operator::In);
    { listing }.any(|one| !one.values.iter().any(|value| is_dns(value)))
}

/// Whether an entry is there for DNS: whoever wrote it has not forgotten it.
fn is_about_dns(entry: &PortEntry) -> bool {
    const PORTS: [u16; 2] = [53, 5353];
    match &entry.ports {
        PortMatch::Any => false,
        PortMatch::Range(first, last) if first == last => PORTS.contains(first),
        PortMatch::Range(..) => false,
        PortMatch::Named(name) => entry.protocol == Protocol::Udp || name.contains("dns"),
    }
}

fn is_any_of_udp(entry: &PortEntry) -> bool {
    let covers = [53, 5353].into_iter().any(|port| entry.ports.has(port) == Some(true));
    covers && entry.protocol == Protocol::Udp
}

//! L33: DNS by UDP or by TCP alone.
//!
//! **What.** The egress rules of a policy have port 53 of one of the two protocols, and nothing lets
//! the pods use the other one.
//!
//! **Why.** Names are asked for by UDP; an answer that is too long for it is asked for again by TCP.
//! `port: 53` without a protocol is TCP alone: no name is resolved.
//!
//! **Fix.** Allow both: `[{protocol: UDP, port: 53}, {protocol: TCP, port: 53}]`.

use rustc_hash::FxHashMap;

use super::implied::peer_within;
use super::text::Field;
use super::{Context, Finding};
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::{Action, Body, Direction, PortEntry, PortMatch, Rule};
use crate::net::Protocol;
use crate::policy::{CompiledPolicy, PolicyId, PolicySet, ProgramId};

/// One finding for each such policy, at its first entry for DNS.
///
/// # Cost
/// Linear in the rules; in the groups of those policies that have one of the two alone, and the
/// rules of each of their programs once.
pub fn findings(context: &Context<'_>) -> Vec<Finding> {
    let set = context.session.policies();
    let mut known = Known::default();
    let mut findings = Vec::new();
    for (id, policy) in set.policies() {
        let Body::Policy(body) = &policy.object.body else { continue };
        let namespace = policy.object.meta.namespace.as_deref().unwrap_or_default();
        let Some(Lone { rule, entry, missing }) = lone(&body.egress, namespace) else { continue };
        let own = (id, &**policy);
        if !body.isolates(Direction::Egress) || is_elsewhere(set, own, missing, &mut known) {
            continue;
        }
        let path = format!("spec.egress[{rule}].ports[{}]", entry.item);
        let finding = Diagnostic::new(Code::DnsOneProtocol, message(missing))
            .with_help(format!("add `{{protocol: {missing}, port: 53}}`"));
        findings.push(context.about(&policy.object, Field::First(&[&path]), finding));
    }
    findings
}

fn message(missing: Protocol) -> &'static str {
    match missing {
        Protocol::Tcp => {
            "DNS is allowed by UDP alone: answers that are too long for it are asked for again by \
             TCP, and that is denied"
        }
        _ => {
            "port 53 is allowed by TCP alone, which it is without `protocol`: names are asked for by \
             UDP, and that is denied"
        }
    }
}

/// An entry for DNS, and the protocol that no rule has.
struct Lone<'p> {
    rule: usize,
    entry: &'p PortEntry,
    missing: Protocol,
}

fn lone<'p>(rules: &'p [Rule], namespace: &str) -> Option<Lone<'p>> {
    let mut entries = rules.iter().enumerate().flat_map(|(index, rule)| {
        rule.ports.iter().filter(|entry| is_dns(entry)).map(move |entry| (index, entry))
    });
    let (rule, entry) = entries.next()?;
    let missing = match entry.protocol {
        Protocol::Udp => Protocol::Tcp,
        Protocol::Tcp => Protocol::Udp,
        Protocol::Sctp => return None,
    };
    let asked = rules.get(rule)?;
    let is_there = rules.iter().any(|one| {
        // What is for all ports of others says nothing of DNS.
        let of_dns = || one.ports.iter().any(|entry| entry.ports != PortMatch::Any);
        allows(&one.ports, missing) && (of_dns() || has_peers_of(one, asked, namespace))
    });
    (!is_there).then_some(Lone { rule, entry, missing })
}

/// Whether a rule is for whoever another one is for.
fn has_peers_of(wide: &Rule, narrow: &Rule, namespace: &str) -> bool {
    let within = |peer| wide.peers.iter().any(|wide| peer_within(peer, wide, namespace));
    wide.peers.is_empty() || !narrow.peers.is_empty() && narrow.peers.iter().all(within)
}

/// Whether an entry is there for DNS.
pub fn is_dns(entry: &PortEntry) -> bool {
    entry.ports == PortMatch::Range(53, 53)
}

/// Whether ports have port 53 of a protocol, among others; a name may be anything.
fn allows(ports: &[PortEntry], protocol: Protocol) -> bool {
    let has = |entry: &PortEntry| match &entry.ports {
        PortMatch::Named(name) => name.contains("dns"),
        numbers => numbers.has(53) == Some(true),
    };
    ports.is_empty() || ports.iter().any(|entry| entry.protocol == protocol && has(entry))
}

/// Policies of programs that allow DNS by a protocol: two at most of each.
type Known = FxHashMap<(ProgramId, Protocol), Vec<PolicyId>>;

/// Whether all pods of a policy may use a protocol by other policies; not if the input has none.
fn is_elsewhere(
    set: &PolicySet,
    (own, policy): (PolicyId, &CompiledPolicy),
    protocol: Protocol,
    known: &mut Known,
) -> bool {
    let Some(subject) = set.set(policy.subject) else { return false };
    let mut programs =
        subject.groups().map(|(group, _)| set.program_id(group, Direction::Egress)).peekable();
    programs.peek().is_some()
        && programs.all(|id| {
            let allowing = known.entry((id, protocol)).or_insert_with(|| {
                let policies = set.policies_of(id).filter(|(_, policy)| {
                    let mut rules = policy.rules(Direction::Egress).into_iter().flatten();
                    rules.any(|rule| rule.action != Action::Deny && allows(&rule.ports, protocol))
                });
                policies.map(|(one, _)| one.policy).take(2).collect()
            });
            allowing.iter().any(|one| *one != own)
        })
}

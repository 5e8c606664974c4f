//! L28: a named port that no pod has.
//!
//! **What.** A port of a rule is given by a name that none of the pods has which receive the
//! connection: those that the policy selects, for ingress, and the rule's peers, for egress. Or
//! they have it with another protocol: `port: dns` means TCP unless `protocol: UDP` is written.
//!
//! **Why.** Name and protocol must both be the same, or the entry matches nothing.
//!
//! **Fix.** Correct the name or the protocol, or name the port in the pods' containers.
//!
//! Nothing is said where pods may be missing (as for L03), of pods whose ports are added by
//! controllers or webhooks, and where a peer is an address, which has no port names (L30).

use std::collections::BTreeSet;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::named;
use super::port_pods::{self, PortRule};
use super::text::Field;
use super::{Context, Finding};
use crate::cluster::{ClusterModel, Endpoint};
use crate::diagnostic::{Code, Diagnostic, nearly_same};
use crate::manifest::{Direction, NamedPort, PortEntry, PortMatch};
use crate::net::Protocol;
use crate::policy::{PeerSet, SetId};

/// One finding for each such element of `ports`.
///
/// # Cost
/// Linear in the rules, and for each name and set of pods in its groups; where none of these has
/// the port, in the pods of their namespaces.
pub fn findings(context: &Context<'_>) -> Vec<Finding> {
    let rules = port_pods::all(context.session.policies());
    let mut search = Search { context, has: FxHashMap::default() };
    let mut findings = Vec::new();
    for rule in rules {
        for (item, entries) in rule.items() {
            let Some(finding) = search.finding(rule, entries) else { continue };
            let path = rule.path(item);
            let port = format!("{path}.port");
            let object = &rule.policy.object;
            findings.push(context.about(object, Field::First(&[&port, &path]), finding));
        }
    }
    findings
}

fn name_of(entry: &PortEntry) -> Option<&Arc<str>> {
    match &entry.ports {
        PortMatch::Named(name) => Some(name),
        PortMatch::Any | PortMatch::Range(..) => None,
    }
}

/// What is known of names.
struct Search<'c, 's> {
    context: &'c Context<'s>,
    /// Whether a pod of a set has a port of a name and protocol, or may have it.
    has: FxHashMap<(SetId, Arc<str>, Protocol), bool>,
}

impl Search<'_, '_> {
    fn finding(&mut self, rule: PortRule<'_>, entries: &[PortEntry]) -> Option<Diagnostic> {
        let name = name_of(entries.first()?)?;
        let ids = rule.destinations()?;
        let has_one = |search: &mut Self, entry: &PortEntry| {
            ids.iter().any(|id| search.has(rule, *id, entry))
        };
        if is_injected(name) || entries.iter().any(|entry| has_one(self, entry)) {
            return None;
        }
        let sets = rule.sets(&ids);
        let known = sets.iter().all(|set| self.are_known(set));
        let is_there = sets.iter().any(|set| !set.is_empty());
        (known && is_there).then(|| {
            let model = self.context.session.model();
            let ports = port_pods::groups(model, &sets).flat_map(|group| group.ports.iter());
            finding(rule.direction, (name, entries), &Ports::new(ports, name))
        })
    }

    fn has(&mut self, rule: PortRule<'_>, id: SetId, entry: &PortEntry) -> bool {
        let Some(name) = name_of(entry) else { return true };
        let key = (id, name.clone(), entry.protocol);
        let model = self.context.session.model();
        *self.has.entry(key).or_insert_with(|| {
            let sets = rule.sets(&[id]);
            let mut ports = port_pods::groups(model, &sets).flat_map(|group| group.ports.iter());
            ports.any(|port| port.name == *name && port.protocol == entry.protocol)
        })
    }

    /// Whether the input has all pods of a set, with all their ports.
    fn are_known(&self, set: &PeerSet) -> bool {
        let model = self.context.session.model();
        let namespaces = self.context.known().namespaces_of(set.scope());
        let mut endpoints = namespaces
            .iter()
            .flatten()
            .flat_map(|one| model.endpoints_in(*one))
            .map(|(_, one)| one);
        namespaces.is_some()
            && !endpoints.any(|one| has_hidden_ports(model, one) && named::has(model, set, one))
    }
}

/// Whether pods have more ports than their template says.
fn has_hidden_ports(model: &ClusterModel, endpoint: &Endpoint) -> bool {
    model.workload_of(endpoint).is_some_and(|workload| &*workload.kind == "KnativeService")
}

/// Whether webhooks add containers with a port of this name.
fn is_injected(name: &str) -> bool {
    ["http-envoy-prom", "linkerd-admin", "linkerd-proxy", "mesh-metrics"].contains(&name)
}

fn finding(
    direction: Direction,
    (name, entries): (&str, &[PortEntry]),
    ports: &Ports<'_>,
) -> Diagnostic {
    let whose = match direction {
        Direction::Ingress => "no pod that the policy selects",
        Direction::Egress => "no pod among the peers",
    };
    let protocols: Vec<&str> = entries.iter().map(|entry| entry.protocol.name()).collect();
    let protocols = protocols.join(" or ");
    let message = match ports.of_other_protocol {
        Some(port) => format!(
            "{whose} has a {protocols} port named `{name}`: there it is a port of {}",
            port.protocol
        ),
        None => format!("{whose} has a port named `{name}`"),
    };
    let help = match ports.of_other_protocol {
        Some(port) => format!("write `protocol: {}`", port.protocol),
        None => help(name, &ports.names),
    };
    Diagnostic::new(Code::NamedPortUndefined, message).with_help(help)
}

/// Ports of the pods, none of which is meant.
struct Ports<'m> {
    /// One of the same name.
    of_other_protocol: Option<&'m NamedPort>,
    /// Names of some of them.
    names: BTreeSet<&'m str>,
}

impl<'m> Ports<'m> {
    fn new(ports: impl Iterator<Item = &'m NamedPort>, name: &str) -> Self {
        const MOST: usize = 500;
        let mut all = Self { of_other_protocol: None, names: BTreeSet::new() };
        for port in ports {
            if *port.name == *name {
                all.of_other_protocol = Some(port);
            } else if all.names.len() < MOST {
                all.names.insert(&port.name);
            }
        }
        all
    }
}

/// What names there are instead.
fn help(name: &str, names: &BTreeSet<&str>) -> String {
    const MOST: usize = 5;
    if let Some(near) = nearly_same(name, names.iter().copied()) {
        return format!("did you mean `{near}`?");
    }
    let some: Vec<&str> = names.iter().take(MOST).copied().collect();
    let more = if names.len() > MOST { ", …" } else { "" };
    match some.is_empty() {
        true => "name the port in the pods' containers, or give its number".to_owned(),
        false => format!("their ports are named `{}`{more}", some.join("`, `")),
    }
}
